/*
 * amqp/link.c: a connection from its making to its end, and writing to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "amqp/private.h"

/* ---------------------------------------------------------------- what went wrong */

void
describe_exception(char *text, size_t size, amqp_rpc_reply_t reply)
{
	amqp_bytes_t reason = amqp_empty_bytes;

	if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD)
		reason = ((amqp_connection_close_t *) reply.reply.decoded)->reply_text;
	else if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
		reason = ((amqp_channel_close_t *) reply.reply.decoded)->reply_text;
	snprintf(text, size, "%.*s", (int) (reason.len < 200 ? reason.len : 200), (const char *) reason.bytes);
	/* cut off, it might be no UTF-8 any more: beyond ASCII nothing is kept */
	for (; *text; text++)
		if (*text & 0x80)
			*text = '?';
}

AmqpResult
link_fail(AmqpLink *link, const char *what, int status)
{
	link->is_broken = true;
	link->timed_out = status == AMQP_STATUS_TIMEOUT;
	snprintf(link->error, sizeof(link->error), "%s: %s", what, amqp_error_string2(status));
	return AMQP_FAILED;
}

AmqpResult
link_fail_reply(AmqpLink *link, const char *what, amqp_rpc_reply_t reply)
{
	char		text[AMQP_ERROR_SIZE - 50];

	if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
		return link_fail(link, what, reply.library_error);
	text[0] = '\0';
	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
		describe_exception(text, sizeof(text), reply);
	link->is_broken = true;
	snprintf(link->error, sizeof(link->error), "%.40s: %s", what, text[0] ? text : "no answer of the broker");
	return AMQP_FAILED;
}

static const char *
link_error(AmqpLink *link)
{
	return link->error;
}

static bool
link_timed_out(AmqpLink *link)
{
	return link->timed_out;
}

/* ---------------------------------------------------------------- beginning and end */

static AmqpLink *
link_create(const AmqpAddress *address)
{
	AmqpLink   *link = calloc(1, sizeof(AmqpLink));

	if (link != NULL)
		link->address = *address;
	return link;
}

/* a broken link is just dropped: a good-bye would wait for an answer that does not come */
static void
link_destroy(AmqpLink *link, bool orderly)
{
	if (link == NULL || !errand_abort(link))
		return;
	link_push(link);
	if (link->connection != NULL)
	{
		struct timeval timeout = {0, 300000};

		amqp_set_rpc_timeout(link->connection, &timeout);
		if (orderly && link->is_up && !link->is_broken)
			amqp_connection_close(link->connection, AMQP_REPLY_SUCCESS);
		amqp_destroy_connection(link->connection);
	}
	lookup_end(link->lookup);
	free(link->uri);
	free(link);
}

static int
link_socket(AmqpLink *link)
{
	return link->connection ? amqp_get_sockfd(link->connection) : -1;
}

/* ---------------------------------------------------------------- writing */

/*
 * The kernel counts a buffer's size with its own overhead, which for small packets is as large as they are: half of
 * what it says is ours, and of that we leave half for what librabbitmq sends by itself.
 */
static size_t
link_room(AmqpLink *link)
{
	int			fd = link_socket(link);
	int			size = 0;
	int			unsent = 0;
	socklen_t	length = sizeof(size);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0)
		return 0;
#ifdef SIOCOUTQ
	if (ioctl(fd, SIOCOUTQ, &unsent) != 0)
		return 0;
#endif
	return size / 4 > unsent ? size / 4 - unsent : 0;
}

static void
link_beat(AmqpLink *link)
{
	amqp_frame_t frame = {0};

	frame.frame_type = AMQP_FRAME_HEARTBEAT;
	if (link->errand == NULL && link->stage == STAGE_DONE && !link->is_broken && link_room(link) > 1024)
		(void) amqp_send_frame(link->connection, &frame);	/* a link that is broken shows it elsewhere */
}

/*
 * librabbitmq sends each message by itself, and as the connection has no delay, in a packet by itself.  While it is held, the kernel
 * sends full packets only; what is held longer than 200 ms it sends all the same.
 */
static void
hold(AmqpLink *link, bool is_held)
{
#ifdef TCP_CORK
	int			value = is_held;

	if (link->is_held != is_held)
		(void) setsockopt(link_socket(link), IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
	link->is_held = is_held;
#endif
}

void
link_push(AmqpLink *link)
{
	if (link->connection != NULL)
		hold(link, false);
}

static AmqpResult
link_publish(AmqpLink *link, const AmqpMessage *message, int channel)
{
	amqp_basic_properties_t properties = {0};
	amqp_table_entry_t header;
	char		expiration[32];
	amqp_bytes_t body = {message->size, (void *) message->body};
	int			status;

	properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
		AMQP_BASIC_APP_ID_FLAG;
	properties.content_type = amqp_cstring_bytes("application/json");
	properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
	properties.message_id = amqp_cstring_bytes(message->message_id);
	properties.app_id = amqp_cstring_bytes("synergy");
	if (message->type)
	{
		properties._flags |= AMQP_BASIC_TYPE_FLAG;
		properties.type = amqp_cstring_bytes(message->type);
	}
	if (message->reply_to)
	{
		properties._flags |= AMQP_BASIC_REPLY_TO_FLAG;
		properties.reply_to = amqp_cstring_bytes(message->reply_to);
	}
	if (message->priority >= 0)
	{
		properties._flags |= AMQP_BASIC_PRIORITY_FLAG;
		properties.priority = message->priority;
	}
	if (message->ttl_ms >= 0)
	{
		snprintf(expiration, sizeof(expiration), "%lld", (long long) message->ttl_ms);
		properties._flags |= AMQP_BASIC_EXPIRATION_FLAG;
		properties.expiration = amqp_cstring_bytes(expiration);
	}
	if (message->reason)
	{
		header.key = amqp_cstring_bytes("x-synergy-reason");
		header.value.kind = AMQP_FIELD_KIND_UTF8;
		header.value.value.bytes = amqp_cstring_bytes(message->reason);
		properties._flags |= AMQP_BASIC_HEADERS_FLAG;
		properties.headers.num_entries = 1;
		properties.headers.entries = &header;
	}
	hold(link, true);
	status = amqp_basic_publish(link->connection, channel == 0 ? CHANNEL_WORK : CHANNEL_APART + channel, amqp_cstring_bytes(message->exchange),
								amqp_cstring_bytes(message->routing_key), message->mandatory, 0, &properties, body);
	return status == AMQP_STATUS_OK ? AMQP_OK : link_fail(link, "publishing", status);
}

static AmqpResult
link_ack(AmqpLink *link, uint64_t tag)
{
	int			status = amqp_basic_ack(link->connection, CHANNEL_WORK, tag, 0);

	return status == AMQP_STATUS_OK ? AMQP_OK : link_fail(link, "acknowledging", status);
}

const AmqpFunctions amqp_link_functions = {
	AMQP_FUNCTIONS_VERSION,
	link_create,
	link_connect_step,
	link_destroy,
	link_error,
	link_timed_out,
	link_socket,
	link_beat,
	link_next_event,
	link_room,
	link_publish,
	link_push,
	link_open_apart,
	link_ack,
	link_declare_exchange,
	link_declare_queue,
	link_bind,
	link_consume,
};
