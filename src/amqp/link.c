/*
 * amqp/link.c: a connection from its making to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int
link_channels(AmqpLink *link)
{
	return link->n_channels;
}

/* the one for declaring takes one, too; 0: there is no limit */
int
link_most_channels(AmqpLink *link)
{
	int			most = amqp_get_channel_max(link->connection) - 1;

	return most < 0 || most > AMQP_CHANNELS ? AMQP_CHANNELS : most < 1 ? 1 : most;
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
	if (orderly)
		(void) link_push(link);
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

int
link_socket(AmqpLink *link)
{
	return link->connection ? amqp_get_sockfd(link->connection) : -1;
}

/* ---------------------------------------------------------------- small things written */

static void
link_beat(AmqpLink *link)
{
	amqp_frame_t frame = {0};

	if (link->errand != NULL || link->stage != STAGE_DONE)
		return;
	frame.frame_type = AMQP_FRAME_HEARTBEAT;
	if (link_push(link) == AMQP_OK && link_room(link) > 1024)
		(void) amqp_send_frame(link->connection, &frame);	/* a link that is broken shows it elsewhere */
}

static AmqpResult
link_ack(AmqpLink *link, uint64_t tag)
{
	int			status;

	if (link_push(link) != AMQP_OK)
		return AMQP_FAILED;
	status = amqp_basic_ack(link->connection, CHANNEL_WORK, tag, 0);
	return status == AMQP_STATUS_OK ? AMQP_OK : link_fail(link, "acknowledging", status);
}

const AmqpFunctions amqp_link_functions = {
	AMQP_FUNCTIONS_VERSION,
	link_create,
	link_connect_step,
	link_destroy,
	link_error,
	link_timed_out,
	link_channels,
	link_most_channels,
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
