/*
 * bench/amqp_bare.c: what the courier is compared with: a bare loop over librabbitmq that publishes N messages with
 * confirms, a window of them unconfirmed at a time, and does nothing else.  Prints the seconds it took.
 *
 *	 amqp_bare URI QUEUE N SIZE WINDOW [EXCHANGE]
 *
 * Without EXCHANGE messages go the shortest way, and have next to no properties.  With it they are as the courier's are: QUEUE is
 * bound to it by its own name, they have as many properties, and a time to live.  That costs the broker more, whoever publishes.
 *
 * Errors end it: it is a measure, no program to learn from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

static void
check(int is_good, const char *what)
{
	if (is_good)
		return;
	fprintf(stderr, "amqp_bare: %s\n", what);
	exit(1);
}

static double
now(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return tv.tv_sec + tv.tv_usec / 1e6;
}

/* waits for at least one confirm; the number of messages that are confirmed now */
static long
wait_for_confirm(amqp_connection_state_t connection)
{
	amqp_frame_t frame;

	amqp_maybe_release_buffers(connection);
	check(amqp_simple_wait_frame(connection, &frame) == AMQP_STATUS_OK, "no frame");
	check(frame.frame_type == AMQP_FRAME_METHOD && frame.payload.method.id == AMQP_BASIC_ACK_METHOD, "no confirm");
	return ((amqp_basic_ack_t *) frame.payload.method.decoded)->delivery_tag;
}

static void
add_properties(amqp_basic_properties_t *properties)
{
	properties->_flags |= AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_EXPIRATION_FLAG;
	properties->reply_to = amqp_cstring_bytes("q_uow_status");
	properties->expiration = amqp_cstring_bytes("3600000");
}

int
main(int argc, char **argv)
{
	struct amqp_connection_info info;
	amqp_connection_state_t connection = amqp_new_connection();
	amqp_basic_properties_t properties = {0};
	amqp_bytes_t body;
	long		n,
				window,
				confirmed = 0,
				sent = 0;
	double		began;

	check(argc == 6 || argc == 7, "URI QUEUE N SIZE WINDOW [EXCHANGE]");
	check(amqp_parse_url(argv[1], &info) == AMQP_STATUS_OK, "bad URI");
	n = atol(argv[3]);
	body.len = atol(argv[4]);
	body.bytes = malloc(body.len);
	memset(body.bytes, 'x', body.len);
	window = atol(argv[5]);
	check(amqp_socket_open(amqp_tcp_socket_new(connection), info.host, info.port) == AMQP_STATUS_OK, "cannot connect");
	check(amqp_login(connection, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password).reply_type ==
		  AMQP_RESPONSE_NORMAL, "cannot log in");
	check(amqp_channel_open(connection, 1) != NULL && amqp_confirm_select(connection, 1) != NULL, "no channel");
	check(amqp_queue_purge(connection, 1, amqp_cstring_bytes(argv[2])) != NULL, "cannot empty the queue");
	properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
	properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
	properties.content_type = amqp_cstring_bytes("application/json");
	properties.message_id = amqp_cstring_bytes("uow-1000000-1");
	if (argc == 7)
		add_properties(&properties);
	began = now();
	while (confirmed < n)
	{
		while (sent < n && sent - confirmed < window)
		{
			check(amqp_basic_publish(connection, 1, amqp_cstring_bytes(argc == 7 ? argv[6] : ""), amqp_cstring_bytes(argv[2]), 1, 0,
									 &properties, body) == AMQP_STATUS_OK, "cannot publish");
			sent++;
		}
		confirmed = wait_for_confirm(connection);
	}
	began = now() - began;
	check(amqp_queue_purge(connection, 1, amqp_cstring_bytes(argv[2])) != NULL, "cannot empty the queue");
	printf("%.3f\n", began);
	return 0;
}
