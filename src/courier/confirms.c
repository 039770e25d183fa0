/*
 * courier/confirms.c: what the broker says of what was published: confirmed, refused, come back, or nothing.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "courier/courier.h"
#include "nls.h"

#define REJECTED_PAUSE (5 * USECS_PER_SEC)	/* the dead letter queue did not take one */
#define MAX_NACK_PATIENCE (300 * USECS_PER_SEC)
#define SILENCE (10 * USECS_PER_SEC) /* the oldest message has no answer: the connection is good for nothing */

Refusals *
publisher_refusals(const Publisher *publisher, Route *route)
{
	return route ? topology_refusals(route) : (Refusals *) &publisher->refusals;
}

void
publisher_add_failure(Publisher *publisher, int64 id, const char *error)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	OutboxFailure *failure = palloc(sizeof(OutboxFailure));

	failure->id = id;
	failure->error = pstrdup(error);
	publisher->failures = lappend(publisher->failures, failure);
	MemoryContextSwitchTo(old);
}

static void
settle(Publisher *publisher, InFlight *flying)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	publisher->flying_bytes -= flying->size;
	if (flying->rejected && (flying->is_refused || flying->is_returned))
	{
		publisher->rejected = lappend(publisher->rejected, flying->rejected);
		publisher->rejected_not_before = GetCurrentTimestamp() + REJECTED_PAUSE;
	}
	else if (flying->rejected)
		publisher->settled = lappend(publisher->settled, flying->rejected);
	else if (flying->is_returned)
		publisher_add_failure(publisher, flying->outbox_id, flying->error);
	else if (flying->is_refused)
		publisher_add_failure(publisher, flying->outbox_id, "the broker could not take it over (nack)");
	else
		publisher->done[publisher->n_done++] = flying->outbox_id;
	flight_set_error(flying, NULL);
	MemoryContextSwitchTo(old);
}

/*
 * A channel that published while a queue had no leader may be refused by that queue for ever, and another one is not.
 * A queue that is full refuses both: so each time that it does not help, the next one is put off for twice as long.
 */
static void
watch_nacks(Publisher *publisher, InFlight *flying)
{
	TimestampTz now = GetCurrentTimestamp();
	Refusals   *refusals = publisher_refusals(publisher, flying->route);

	refusals->answered_at = now;
	if (!flying->is_refused)
	{
		if (refusals->was_given_up)
			publisher->nack_patience = NACK_PATIENCE;
		refusals->was_given_up = refusals->is_suspect = false;
		refusals->since = 0;
	}
	else if (refusals->since == 0)
		refusals->since = now;
	else if (now - refusals->since > publisher->nack_patience && publisher->dial.is_up)
	{
		refusals->was_given_up = true;
		publisher->nack_patience = Min(publisher->nack_patience * 2, MAX_NACK_PATIENCE);
		dial_fail(&publisher->dial, "a queue takes over no message (nack)");
	}
}

static void
take_confirm(Publisher *publisher, const AmqpEvent *event)
{
	Stream	   *stream = &publisher->streams[event->channel];
	uint64		from = event->multiple ? stream->first_tag : event->tag;

	if (event->tag >= stream->next_tag)
		return;					/* of nothing that we sent */
	stream->answered_at = GetCurrentTimestamp();
	for (uint64 tag = Max(from, stream->first_tag); tag <= event->tag; tag++)
	{
		InFlight   *flying = flight_of(stream, tag);

		if (flying->is_confirmed)
			continue;
		flying->is_confirmed = true;
		flying->is_refused = event->kind == AMQP_EVENT_NACK;
		settle(publisher, flying);
		watch_nacks(publisher, flying);
	}
	flight_advance(publisher, stream);
}

static void
mark_returned(Publisher *publisher, InFlight *flying, const AmqpEvent *event)
{
	flying->is_returned = true;
	flight_set_error(flying, event->text);
	topology_forget(flying->route);	/* somebody deleted what was there */
	publisher->has_lost_dead_letters |= flying->rejected != NULL;
}

/*
 * Until when a stream's oldest message may be without an answer, and its queue without any.  A queue that answers over the other
 * streams proves nothing for this one: it may have to wait here for what is behind its message.
 */
TimestampTz
publisher_silent_until(Publisher *publisher)
{
	TimestampTz until = PG_INT64_MAX;

	for (int i = 0; i < AMQP_STREAMS && !publisher->is_blocked; i++)
	{
		Stream	   *stream = &publisher->streams[i];
		const InFlight *flying = flight_of(stream, stream->first_tag);

		if (stream->first_tag < stream->next_tag)
			until = Min(until, Max(Max(flying->sent_at, publisher->reading_since),
								   Min(publisher_refusals(publisher, flying->route)->answered_at, stream->answered_at)) + SILENCE);
	}
	return until;
}

static void
watch_silence(Publisher *publisher)
{
	if (publisher->dial.is_up && GetCurrentTimestamp() >= publisher_silent_until(publisher))
		dial_fail(&publisher->dial, "messages are neither confirmed nor refused");
}

/*
 * The answer to the one message on a channel apart; one that is no refusal ends the suspicion.  When the broker closes
 * the channel over it, nothing else was on that channel: it is opened again for the next one.
 */
static void
take_probe(Publisher *publisher, const AmqpEvent *event)
{
	Probe	   *probe = &publisher->probes[event->channel - publisher->n_streams];
	InFlight   *flying = &probe->flying;

	if (event->kind == AMQP_EVENT_CHANNEL_CLOSED)
		probe->is_open = false;
	if (!probe->is_out)
		return;
	if (event->kind == AMQP_EVENT_RETURNED)
	{
		mark_returned(publisher, flying, event);
		return;
	}
	probe->is_out = false;
	publisher_refusals(publisher, flying->route)->probed_at = 0;
	if (event->kind == AMQP_EVENT_CHANNEL_CLOSED)
	{
		mark_returned(publisher, flying, event);
		topology_refuse(flying->route, event->text);
		settle(publisher, flying);
		return;
	}
	flying->is_refused = event->kind == AMQP_EVENT_NACK;
	settle(publisher, flying);
	watch_nacks(publisher, flying);
}

/* it comes before the confirm of the same message */
static void
take_returned(Publisher *publisher, const AmqpEvent *event)
{
	Stream	   *stream = &publisher->streams[event->channel];

	for (uint64 tag = stream->first_tag; tag < stream->next_tag; tag++)
	{
		InFlight   *flying = flight_of(stream, tag);

		if (flying->is_confirmed || flying->is_returned || strcmp(flying->message_id, event->message_id) != 0)
			continue;
		mark_returned(publisher, flying, event);
		return;
	}
}

void
publisher_read(Publisher *publisher)
{
	AmqpEvent	event;

	publisher->has_unread = false;
	while (publisher->dial.is_up)
	{
		AmqpResult	result;

		if (publisher_is_full(publisher))
		{
			/* librabbitmq may have taken more of them from the socket, which then tells nothing */
			publisher->has_unread = true;
			amqp->beat(publisher->dial.link);
			return;
		}
		result = amqp->next_event(publisher->dial.link, &event);
		if (result == AMQP_FAILED)
			dial_fail(&publisher->dial, NULL);
		if (result == AMQP_AGAIN)
			watch_silence(publisher);
		if (result != AMQP_OK)
			return;
		if (event.channel >= publisher->n_streams)
		{
			take_probe(publisher, &event);
			continue;
		}
		switch (event.kind)
		{
			case AMQP_EVENT_ACK:
			case AMQP_EVENT_NACK:
				take_confirm(publisher, &event);
				break;
			case AMQP_EVENT_RETURNED:
				take_returned(publisher, &event);
				break;
			case AMQP_EVENT_BLOCKED:
				publisher->is_blocked = true;
				ereport(LOG, (errmsg("synergy courier: RabbitMQ takes no messages for now: %s", event.text)));
				break;
			case AMQP_EVENT_UNBLOCKED:
				publisher->is_blocked = false;
				publisher->reading_since = GetCurrentTimestamp();
				ereport(LOG, (errmsg("synergy courier: RabbitMQ takes messages again")));
				break;
			case AMQP_EVENT_CHANNEL_CLOSED:
				/* over one of those on their way: the next connection tells which (take_probe) */
				dial_fail(&publisher->dial, event.text);
				break;
			default:
				break;
		}
	}
}
