/*
 * amqp/connect.c: opening a connection, step by step, each bounded in time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "amqp/private.h"

struct timeval
link_patience(const AmqpLink *link)
{
	struct timeval patience = {link->address.patience_ms / 1000, link->address.patience_ms % 1000 * 1000};

	return patience;
}

/* with a socket of the kind that the address asks for */
static int
prepare_socket(AmqpLink *link, bool is_tls)
{
	amqp_socket_t *socket;
	int			status = AMQP_STATUS_OK;

	if (!is_tls)
		return amqp_tcp_socket_new(link->connection) ? AMQP_STATUS_OK : AMQP_STATUS_NO_MEMORY;
	socket = amqp_ssl_socket_new(link->connection);
	if (socket == NULL)
		return AMQP_STATUS_NO_MEMORY;
	amqp_ssl_socket_set_verify_peer(socket, link->address.verify_peer);
	amqp_ssl_socket_set_verify_hostname(socket, link->address.verify_host);
	status = amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
	if (status == AMQP_STATUS_OK && link->address.ca_file)
		status = amqp_ssl_socket_set_cacert(socket, link->address.ca_file);
	if (status == AMQP_STATUS_OK && link->address.cert_file)
		status = amqp_ssl_socket_set_key(socket, link->address.cert_file, link->address.key_file);
	return status;
}

/* takes the address to pieces; it has been taken before, and so must be copied each time */
static int
parse_address(AmqpLink *link, struct amqp_connection_info *info)
{
	int			status;

	free(link->uri);
	link->uri = strdup(link->address.uri);
	if (link->uri == NULL)
		return AMQP_STATUS_NO_MEMORY;
	status = amqp_parse_url(link->uri, info);
	/* a URI that ends with a slash names a virtual host "", which nobody has: they mean "/" */
	if (status == AMQP_STATUS_OK && info->vhost[0] == '\0')
		info->vhost = (char *) "/";
	return status;
}

/*
 * librabbitmq looks the name up itself, and waits for the answer as long as the resolver does.  So it is asked first
 * by a thread of the C library's: a resolver that has just answered will answer again.
 */
static AmqpResult
look_up(AmqpLink *link)
{
	struct amqp_connection_info info;
	int			status = parse_address(link, &info);

	if (status != AMQP_STATUS_OK)
		return link_fail(link, "the address cannot be read", status);
	if (link->lookup == NULL && !lookup_begin(&link->lookup, info.host))
		return AMQP_OK;			/* it cannot be asked that way */
	switch (lookup_poll(link->lookup))
	{
		case LOOKUP_PENDING:
			return AMQP_WAIT;
		case LOOKUP_FOUND:
			return AMQP_OK;
		default:
			return link_fail(link, "looking up the host", AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED);
	}
}

/*
 * We write no more than what the send buffer surely takes (link_room), and to a broker on another host it is small until
 * much has been sent.  A hint: what the kernel does not allow is less.
 */
static void
widen_send_buffer(int fd)
{
	int			size = 0;
	int			wanted = SEND_BUFFER / 2;	/* the kernel doubles it */
	socklen_t	length = sizeof(size);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) == 0 && size < SEND_BUFFER)
		(void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
}

static AmqpResult
open_socket(AmqpLink *link)
{
	struct amqp_connection_info info;
	struct timeval timeout = link_patience(link);
	int			status = parse_address(link, &info);

	if (status != AMQP_STATUS_OK)
		return link_fail(link, "the address cannot be read", status);
	link->connection = amqp_new_connection();
	if (link->connection == NULL)
		return link_fail(link, "connecting", AMQP_STATUS_NO_MEMORY);
	link->is_tls = info.ssl;
	status = prepare_socket(link, info.ssl);
	if (status != AMQP_STATUS_OK)
		return link_fail(link, "preparing TLS with these certificates", status);
	status = amqp_socket_open_noblock(amqp_get_socket(link->connection), info.host, info.port, &timeout);
	if (status != AMQP_STATUS_OK)
		return link_fail(link, info.ssl ? "connecting with TLS" : "connecting", status);
	widen_send_buffer(amqp_get_sockfd(link->connection));
	return AMQP_OK;
}

/* librabbitmq announces less than it can do; without these the broker neither tells that it blocks us nor why it refuses */
static AmqpResult
login(AmqpLink *link)
{
	static const char *const names[] = {"connection.blocked", "authentication_failure_close", "basic.nack",
	"publisher_confirms", "consumer_cancel_notify"};
	amqp_table_entry_t capabilities[5],
				entries[2];
	amqp_table_t table;
	struct amqp_connection_info info;
	amqp_rpc_reply_t reply;
	struct timeval timeout = link_patience(link);

	for (int i = 0; i < 5; i++)
	{
		capabilities[i].key = amqp_cstring_bytes(names[i]);
		capabilities[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
		capabilities[i].value.value.boolean = 1;
	}
	entries[0].key = amqp_cstring_bytes("capabilities");
	entries[0].value.kind = AMQP_FIELD_KIND_TABLE;
	entries[0].value.value.table.num_entries = 5;
	entries[0].value.value.table.entries = capabilities;
	entries[1].key = amqp_cstring_bytes("connection_name");
	entries[1].value.kind = AMQP_FIELD_KIND_UTF8;
	entries[1].value.value.bytes = amqp_cstring_bytes(link->address.name);
	table.num_entries = 2;
	table.entries = entries;
	if (parse_address(link, &info) != AMQP_STATUS_OK)
		return link_fail(link, "the address cannot be read", AMQP_STATUS_BAD_URL);
	amqp_set_handshake_timeout(link->connection, &timeout);
	reply = amqp_login_with_properties(link->connection, info.vhost, 0, 131072, AMQP_HEARTBEAT_SECONDS, &table, AMQP_SASL_METHOD_PLAIN, info.user,
									   link->address.password ? link->address.password : info.password);
	if (reply.reply_type != AMQP_RESPONSE_NORMAL)
		return link_fail_reply(link, "logging in", reply);
	amqp_set_rpc_timeout(link->connection, &timeout);
	link->is_up = true;
	return AMQP_OK;
}

/* the same question over each channel but the first, and then all answers, which nothing else is mixed with yet */
static AmqpResult
ask_channels(AmqpLink *link, amqp_method_number_t question, void *arguments, amqp_method_number_t expected)
{
	struct timeval timeout = link_patience(link);
	amqp_rpc_reply_t refusal = {.reply_type = AMQP_RESPONSE_SERVER_EXCEPTION};
	amqp_frame_t frame;
	int			status = AMQP_STATUS_OK;

	for (int i = 1; i < link->n_channels && status == AMQP_STATUS_OK; i++)
		status = amqp_send_method(link->connection, channel_number(i), question, arguments);
	for (int answers = 1; answers < link->n_channels && status == AMQP_STATUS_OK;)
	{
		status = amqp_simple_wait_frame_noblock(link->connection, &frame, &timeout);
		if (status != AMQP_STATUS_OK || frame.frame_type != AMQP_FRAME_METHOD)
			continue;
		refusal.reply = frame.payload.method;
		if (refusal.reply.id == AMQP_CONNECTION_CLOSE_METHOD || refusal.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
			return link_fail_reply(link, "opening channels", refusal);
		answers += refusal.reply.id == expected;
	}
	return status == AMQP_STATUS_OK ? AMQP_OK : link_fail(link, "opening channels", status);
}

static AmqpResult
open_channels(AmqpLink *link)
{
	amqp_channel_open_t open = {0};
	amqp_confirm_select_t confirm = {0};
	int			most = link_most_channels(link);
	AmqpResult	result;

	link->n_channels = link->address.channels < most ? link->address.channels : most;
	result = ask_channels(link, AMQP_CHANNEL_OPEN_METHOD, &open, AMQP_CHANNEL_OPEN_OK_METHOD);
	if (result == AMQP_OK && link->address.confirms)
		result = ask_channels(link, AMQP_CONFIRM_SELECT_METHOD, &confirm, AMQP_CONFIRM_SELECT_OK_METHOD);
	return result;
}

/* a step for which the broker has to answer */
static AmqpResult
ask_step(AmqpLink *link, const AskArguments *arguments)
{
	AmqpResult	result = AMQP_OK;

	switch (link->stage)
	{
		case STAGE_OPEN:
			result = open_socket(link);
			break;
		case STAGE_LOGIN:
			result = login(link);
			break;
		case STAGE_WORK:
			if (amqp_channel_open(link->connection, CHANNEL_WORK) == NULL)
				result = link_fail_reply(link, "opening a channel", amqp_get_rpc_reply(link->connection));
			break;
		case STAGE_CONFIRM:
			if (link->address.confirms && amqp_confirm_select(link->connection, CHANNEL_WORK) == NULL)
				result = link_fail_reply(link, "asking for confirms", amqp_get_rpc_reply(link->connection));
			break;
		case STAGE_CHANNELS:
			result = open_channels(link);
			break;
		case STAGE_ADMIN:
			if (amqp_channel_open(link->connection, CHANNEL_ADMIN) == NULL)
				result = link_fail_reply(link, "opening a channel", amqp_get_rpc_reply(link->connection));
			break;
		default:
			break;
	}
	return result;
}

AmqpResult
link_connect_step(AmqpLink *link)
{
	static const AskArguments nothing = {0};
	AmqpResult	result;

	if (link->stage == STAGE_DONE)
		return AMQP_OK;
	result = link->stage == STAGE_LOOK_UP ? look_up(link) : errand_run(link, ask_step, &nothing);
	if (result != AMQP_OK)
		return result;
	link->stage++;
	return link->stage == STAGE_DONE ? AMQP_OK : AMQP_AGAIN;
}
