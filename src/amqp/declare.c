/*
 * amqp/declare.c: exchanges, queues, bindings, on a channel of their own.
 *
 * What the broker refuses (a queue that is there with other properties, an exchange that is not) closes the channel;
 * it is opened again, and the link goes on.
 */
#include <stdio.h>
#include <string.h>

#include "amqp/private.h"

/* the answer to what was asked on the admin channel */
static AmqpResult
settle(AmqpLink *link, const char *what)
{
	amqp_rpc_reply_t reply = amqp_get_rpc_reply(link->connection);
	amqp_channel_close_ok_t ok = {0};
	int			status;

	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return AMQP_OK;
	if (reply.reply_type != AMQP_RESPONSE_SERVER_EXCEPTION || reply.reply.id != AMQP_CHANNEL_CLOSE_METHOD)
		return link_fail_reply(link, what, reply);
	describe_exception(link->error, sizeof(link->error), reply);
	status = amqp_send_method(link->connection, CHANNEL_ADMIN, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
	if (status != AMQP_STATUS_OK)
		return link_fail(link, what, status);
	if (amqp_channel_open(link->connection, CHANNEL_ADMIN) == NULL)
		return link_fail_reply(link, "opening a channel", amqp_get_rpc_reply(link->connection));
	return AMQP_REFUSED;
}

static AmqpResult
ask_exchange(AmqpLink *link, const AskArguments *a)
{
	amqp_exchange_declare(link->connection, CHANNEL_ADMIN, amqp_cstring_bytes(a->name), amqp_cstring_bytes("direct"),
						  a->passive, 1, 0, 0, amqp_empty_table);
	return settle(link, "declaring an exchange");
}

static AmqpResult
ask_queue(AmqpLink *link, const AskArguments *a)
{
	amqp_table_entry_t entries[2];
	amqp_table_t table = {0, entries};

	entries[0].key = amqp_cstring_bytes("x-queue-type");
	entries[0].value.kind = AMQP_FIELD_KIND_UTF8;
	entries[0].value.value.bytes = amqp_cstring_bytes(a->type);
	table.num_entries++;
	if (a->number > 0)
	{
		entries[1].key = amqp_cstring_bytes("x-max-priority");
		entries[1].value.kind = AMQP_FIELD_KIND_I32;
		entries[1].value.value.i32 = a->number;
		table.num_entries++;
	}
	amqp_queue_declare(link->connection, CHANNEL_ADMIN, amqp_cstring_bytes(a->name), 0, 1, 0, 0, table);
	return settle(link, "declaring a queue");
}

static AmqpResult
ask_bind(AmqpLink *link, const AskArguments *a)
{
	amqp_queue_bind(link->connection, CHANNEL_ADMIN, amqp_cstring_bytes(a->name), amqp_cstring_bytes(a->exchange),
					amqp_cstring_bytes(a->routing_key), amqp_empty_table);
	return settle(link, "binding a queue");
}

static AmqpResult
ask_consume(AmqpLink *link, const AskArguments *a)
{
	if (amqp_basic_qos(link->connection, CHANNEL_WORK, 0, a->number, 0) == NULL ||
		amqp_basic_consume(link->connection, CHANNEL_WORK, amqp_cstring_bytes(a->name), amqp_empty_bytes, 0, 0, 0,
						   amqp_empty_table) == NULL)
		return link_fail_reply(link, "consuming a queue", amqp_get_rpc_reply(link->connection));
	return AMQP_OK;
}

static AmqpResult
ask_apart(AmqpLink *link, const AskArguments *a)
{
	if (amqp_channel_open(link->connection, channel_number(a->number)) == NULL ||
		amqp_confirm_select(link->connection, channel_number(a->number)) == NULL)
		return link_fail_reply(link, "opening a channel", amqp_get_rpc_reply(link->connection));
	return AMQP_OK;
}

AmqpResult
link_open_apart(AmqpLink *link, int channel)
{
	AskArguments arguments = {.number = channel};

	return errand_run(link, ask_apart, &arguments);
}

AmqpResult
link_declare_exchange(AmqpLink *link, const char *name, bool passive)
{
	AskArguments arguments = {.name = name, .passive = passive};

	return errand_run(link, ask_exchange, &arguments);
}

AmqpResult
link_declare_queue(AmqpLink *link, const char *name, const char *type, int max_priority)
{
	AskArguments arguments = {.name = name, .type = type, .number = max_priority};

	return errand_run(link, ask_queue, &arguments);
}

AmqpResult
link_bind(AmqpLink *link, const char *queue, const char *exchange, const char *routing_key)
{
	AskArguments arguments = {.name = queue, .exchange = exchange, .routing_key = routing_key};

	return errand_run(link, ask_bind, &arguments);
}

AmqpResult
link_consume(AmqpLink *link, const char *queue, int prefetch)
{
	AskArguments arguments = {.name = queue, .number = prefetch};

	return errand_run(link, ask_consume, &arguments);
}
