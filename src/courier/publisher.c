/*
 * courier/publisher.c: outbox -> broker, with confirms.
 *
 * Rows are fetched in order, published as far as the window allows, and deleted when the broker has confirmed them.
 * So each is published at least once: after a lost connection all that is not confirmed is published again, and so is
 * what was confirmed when the server died before the delete was on disk (it is not waited for).  A worker sees twice
 * what he may get twice, and the attempt tells.
 *
 * One transaction serves for all: it deletes what was confirmed, postpones what came back, and fetches the next rows,
 * while up to a window of messages is still on its way to the broker and keeps it busy.
 *
 * A queue may say nothing at all: one without a leader neither confirms nor refuses what is sent to it.  The broker's
 * channel may wait for it, so that nothing behind it on that channel is confirmed, and after some hundred messages it
 * reads nothing more of the whole connection.  Then that is given up, and over the next one every queue that still owed
 * an answer gets one message on a channel of its own.  The others wait for it a moment, since mostly the answer comes at
 * once; until it does, the rows of that queue are put off, and those of other queues go on.
 *
 * Or the broker closes the channel over a message, one that may not be published there, say, and does not tell which.
 * The next connection finds out in the same way: whose channel is closed again is put off, and costs nobody anything but that.
 *
 * Rows are written by many transactions, which commit in any order; a row that becomes visible behind those that were
 * fetched already is found by its gap (store/backlog.h).  Whoever writes one wakes the courier when he has committed.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "courier/courier.h"
#include "daemon/processes.h"
#include "guc.h"
#include "store/message.h"
#include "store/spi.h"

#define LOOK_INTERVAL (60 * USECS_PER_SEC) /* for what a COMMIT PREPARED has added, which wakes nobody */
#define HELD_RETRY (500 * 1000)	/* microseconds; rows that could not be deleted, because somebody holds them */
#define PROBE_MOMENT (1 * USECS_PER_SEC)	/* all wait so long for a queue that has not answered before */
#define MESSAGE_OVERHEAD 600	/* frames and properties around a body */

static const char NO_ANSWER[] = "its queue neither confirms nor refuses anything";

void
publisher_init(Publisher *publisher, const CourierSettings *settings)
{
	memset(publisher, 0, sizeof(*publisher));
	publisher->dial.role = "publisher";
	publisher->dial.confirms = true;
	publisher->dial.channels = AMQP_STREAMS;
	publisher->dial.settings = settings;
	publisher->batch = AllocSetContextCreate(TopMemoryContext, "synergy courier batch", ALLOCSET_DEFAULT_SIZES);
	publisher->routes_context = AllocSetContextCreate(TopMemoryContext, "synergy courier routes", ALLOCSET_DEFAULT_SIZES);
	publisher->done_capacity = PUBLISH_ENOUGH_DONE + PUBLISH_FETCH + PUBLISH_WINDOW;
	publisher->done = MemoryContextAlloc(TopMemoryContext, sizeof(int64) * publisher->done_capacity);
	publisher->left = MemoryContextAlloc(TopMemoryContext, sizeof(int64) * publisher->done_capacity);
	flight_reset(publisher);
	publisher->next_try = PG_INT64_MAX;
	publisher->nack_patience = NACK_PATIENCE;
	topology_reset(publisher);
}

void
publisher_connected(Publisher *publisher)
{
	publisher->is_blocked = false;
	publisher->room = 0;
	publisher->reading_since = GetCurrentTimestamp();
	publisher->refusals.since = publisher->refusals.probed_at = 0;
	publisher->refusals.was_probed = false;
	memset(publisher->probes, 0, sizeof(publisher->probes));
	flight_reset(publisher);
	publisher->n_streams = amqp->most_channels(publisher->dial.link) > AMQP_STREAMS ? AMQP_STREAMS : 1;
	publisher->n_apart = Min(AMQP_APART, amqp->most_channels(publisher->dial.link) - publisher->n_streams);
	for (int i = 0; i < publisher->n_apart; i++)
		publisher->probes[i].is_open = publisher->n_streams + i < amqp->channels(publisher->dial.link);
	backlog_reset(&publisher->backlog);
	publisher->has_mail = true;
	publisher->new_routes = true;
	topology_reset(publisher);
	topology_declare_common(publisher);
}

void
publisher_reject(Publisher *publisher, Rejected *rejected)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	publisher->rejected = lappend(publisher->rejected, rejected);
	MemoryContextSwitchTo(old);
}

/* a message that may be lost: it is still in the outbox, and fetched again, unless it is a rejected status */
static void
give_up(Publisher *publisher, InFlight *flying)
{
	if (flying->rejected)
		publisher_reject(publisher, flying->rejected);
	flight_set_error(flying, NULL);
}

void
publisher_disconnected(Publisher *publisher)
{
	for (int i = 0; i < AMQP_STREAMS; i++)
	{
		Stream	   *stream = &publisher->streams[i];

		for (uint64 tag = stream->first_tag; tag < stream->next_tag; tag++)
		{
			InFlight   *flying = flight_of(stream, tag);

			/* what was confirmed before those in front of it is settled, and gone */
			if (flying->is_confirmed)
				continue;
			publisher_refusals(publisher, flying->route)->is_suspect = true;
			give_up(publisher, flying);
		}
	}
	for (int i = 0; i < AMQP_APART; i++)
	{
		if (publisher->probes[i].is_out)
			give_up(publisher, &publisher->probes[i].flying);
		publisher->probes[i].is_out = false;
	}
	flight_reset(publisher);
	/* to open one later is to ask a broker that may have stopped reading meanwhile */
	publisher->dial.channels = AMQP_STREAMS + Min(AMQP_APART, topology_count_suspects(publisher));
	publisher->rows = NIL;
	publisher->next_row = 0;
	publisher->to_declare = NIL;
	publisher->is_blocked = false;
	MemoryContextReset(publisher->batch);
}

/* ---------------------------------------------------------------- publishing */

static bool
has_room(Publisher *publisher, size_t size)
{
	size_t		needed = size + MESSAGE_OVERHEAD;

	if (publisher->n_flying >= PUBLISH_WINDOW)
		return false;
	if (publisher->flying_bytes > 0 && publisher->flying_bytes + needed > PUBLISH_WINDOW_BYTES)
		return false;
	/* what was free a moment ago is free, but for what we have written since */
	if (publisher->room < needed)
		publisher->room = amqp->room(publisher->dial.link);
	publisher->is_short_of_room = publisher->room < needed;
	return !publisher->is_short_of_room;
}

/* one that is free; NULL: none is */
static Probe *
free_probe(const Publisher *publisher)
{
	for (int i = 0; i < publisher->n_apart; i++)
		if (!publisher->probes[i].is_out)
			return (Probe *) &publisher->probes[i];
	return NULL;
}

/* over which channel; -1: it could not be opened, and the link is broken */
static int
open_channel(Publisher *publisher, Probe *probe, bool in_order)
{
	int			channel;
	AmqpResult	result;

	if (probe == NULL)
		return flight_stream(publisher, in_order);
	channel = publisher->n_streams + (int) (probe - publisher->probes);
	if (!probe->is_open)
	{
		result = amqp->open_apart(publisher->dial.link, channel);
		process_check(0);
		if (result != AMQP_OK)
			return -1;
		probe->is_open = true;
		publisher->has_unread = true;	/* librabbitmq may have kept what came before the answer */
	}
	return channel;
}

static bool
send_message(Publisher *publisher, const AmqpMessage *message, int64 outbox_id, Rejected *rejected, Route *route)
{
	InFlight   *flying;
	Refusals   *refusals = publisher_refusals(publisher, route);
	Probe	   *probe = refusals->is_suspect ? free_probe(publisher) : NULL;
	int			channel = open_channel(publisher, probe, route == NULL);

	if (channel < 0 || amqp->publish(publisher->dial.link, message, channel) != AMQP_OK)
	{
		dial_fail(&publisher->dial, NULL);
		return false;
	}
	if (probe != NULL)
	{
		flying = &probe->flying;
		probe->is_out = true;
		refusals->probed_at = GetCurrentTimestamp();
		publisher->moment_ends = refusals->was_probed ? 0 : refusals->probed_at + PROBE_MOMENT;
		refusals->was_probed = true;
	}
	else
		flying = flight_add(publisher, channel);
	memset(flying, 0, sizeof(*flying));
	flying->outbox_id = outbox_id;
	flying->rejected = rejected;
	flying->route = route;
	flying->sent_at = GetCurrentTimestamp();
	flying->size = message->size + MESSAGE_OVERHEAD;
	strlcpy(flying->message_id, message->message_id, sizeof(flying->message_id));
	publisher->flying_bytes += flying->size;
	publisher->room -= Min(publisher->room, flying->size);
	return true;
}

/* nothing may be sent to it now */
static bool
owes_answer(const Publisher *publisher, const Refusals *refusals)
{
	return refusals->is_suspect && (refusals->probed_at != 0 || free_probe(publisher) == NULL);
}

/* into the dead letter queue, with the reason */
static bool
send_rejected(Publisher *publisher)
{
	Rejected   *rejected = linitial(publisher->rejected);
	AmqpMessage message = {0};
	char		id[48];

	message.size = rejected->size;
	if (!has_room(publisher, message.size + strlen(rejected->reason)) || owes_answer(publisher, &publisher->refusals))
		return false;
	snprintf(id, sizeof(id), "rejected-%u-" UINT64_FORMAT, rejected->generation, rejected->tag);
	message.exchange = "";
	message.routing_key = DEAD_LETTER_QUEUE;
	message.body = rejected->body;
	message.message_id = id;
	message.type = "rejected";
	message.reason = rejected->reason;
	message.priority = -1;
	message.ttl_ms = -1;
	message.mandatory = true;
	publisher->rejected = list_delete_first(publisher->rejected);
	if (!send_message(publisher, &message, 0, rejected, NULL))
	{
		publisher_reject(publisher, rejected);
		return false;
	}
	return true;
}

/* the row's turn is over; false: it has to wait */
static bool
send_row(Publisher *publisher, OutboxRow *row)
{
	AmqpMessage message = {0};
	const char *error;
	Route	   *route;
	bool		has_declared = false;
	char		id[48];

	if (row->is_void)
	{
		publisher->done[publisher->n_done++] = row->id;
		return true;
	}
	message.size = row->size;
	if (!has_room(publisher, message.size))
		return false;
	route = topology_prepare(publisher, row, &has_declared);
	error = topology_error(route);
	if (!publisher->dial.is_up || has_declared)
		return false;			/* declaring takes its time: the others have their turn first */
	if (error == NULL && owes_answer(publisher, publisher_refusals(publisher, route)))
	{
		if (GetCurrentTimestamp() < publisher->moment_ends)
			return false;
		error = NO_ANSWER;
	}
	if (error != NULL)
	{
		publisher_add_failure(publisher, row->id, error);
		return true;
	}
	message.exchange = row->exchange;
	message.routing_key = row->routing_key;
	message.body = row->body;
	if (row->unit_id)
		snprintf(id, sizeof(id), "uow-" INT64_FORMAT "-%d", row->unit_id, row->attempt);
	else
		snprintf(id, sizeof(id), "event-" INT64_FORMAT, row->id);
	message.message_id = id;
	message.type = row->unit_id ? NULL : row->routing_key;
	message.reply_to = row->unit_id ? STATUS_QUEUE : NULL;
	message.priority = row->priority;
	message.ttl_ms = row->ttl_ms;
	message.mandatory = row->unit_id != 0;
	return send_message(publisher, &message, row->id, NULL, route);
}

/* what is unread may say that the broker reads no more: a question would get no answer then */
static bool
may_write(const Publisher *publisher)
{
	return publisher->dial.is_up && !publisher->is_blocked && !publisher->has_unread;
}

static void
send_rows(Publisher *publisher)
{
	while (may_write(publisher) && publisher->next_row < list_length(publisher->rows) && publisher->n_done < publisher->done_capacity)
	{
		if (!send_row(publisher, list_nth(publisher->rows, publisher->next_row)))
			return;
		publisher->next_row++;
	}
}

static void
write_all(Publisher *publisher)
{
	publisher->is_short_of_room = false;
	if (publisher->has_lost_dead_letters && may_write(publisher))
	{
		publisher->has_lost_dead_letters = false;
		topology_declare_common(publisher);
	}
	while (may_write(publisher) && publisher->rejected != NIL && GetCurrentTimestamp() >= publisher->rejected_not_before)
		if (!send_rejected(publisher))
			break;
	if (publisher->to_declare != NIL && may_write(publisher))
		topology_declare_next(publisher);
	send_rows(publisher);
}

void
publisher_write(Publisher *publisher)
{
	write_all(publisher);
	if (publisher->dial.is_up && amqp->push(publisher->dial.link) != AMQP_OK)
		dial_fail(&publisher->dial, NULL);
}

/* ---------------------------------------------------------------- the database */

/* a look from the front waits until nothing is on its way: what is would be found in the table once more */
static bool
may_fetch(const Publisher *publisher)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!publisher->dial.is_up || publisher->is_blocked || publisher->next_row < list_length(publisher->rows) ||
		(publisher->is_partial && publisher->n_flying > 0))
		return false;
	return publisher->has_mail || now >= Min(publisher->next_try, publisher->next_look);
}

bool
publisher_is_full(const Publisher *publisher)
{
	return publisher->n_done >= PUBLISH_ENOUGH_DONE + PUBLISH_FETCH;
}

bool
publisher_wants_database(const Publisher *publisher)
{
	bool		has_rows = publisher->next_row < list_length(publisher->rows);
	TimestampTz now = GetCurrentTimestamp();

	if (now < publisher->no_database_before)
		return false;
	return may_fetch(publisher) || publisher->failures != NIL || publisher->n_done - publisher->n_held >= PUBLISH_ENOUGH_DONE ||
		(publisher_is_full(publisher) && publisher->n_done > publisher->n_held) ||
		(publisher->n_done > publisher->n_held && publisher->n_flying == 0 && !has_rows) ||
		(publisher->n_held > 0 && now >= publisher->held_until) || (publisher->new_routes && publisher->dial.is_up);
}

static void
fetch(Publisher *publisher, TimestampTz now)
{
	MemoryContext old;
	int			n;

	MemoryContextReset(publisher->batch);
	old = MemoryContextSwitchTo(publisher->batch);
	publisher->rows = NIL;
	publisher->next_row = 0;
	if (publisher->is_partial)
		backlog_reset(&publisher->backlog);
	if (now >= publisher->next_try)
		(void) outbox_fetch_due(&publisher->backlog, now, PUBLISH_FETCH, &publisher->rows);
	n = outbox_fetch(&publisher->backlog, PUBLISH_FETCH, &publisher->rows, &publisher->is_partial);
	publisher->has_mail = n == PUBLISH_FETCH;
	publisher->next_look = now + LOOK_INTERVAL;
	MemoryContextSwitchTo(old);
}

static void
fetch_routes(Publisher *publisher)
{
	MemoryContext old;

	MemoryContextReset(publisher->routes_context);
	old = MemoryContextSwitchTo(publisher->routes_context);
	publisher->to_declare = message_routes();
	publisher->new_routes = false;
	MemoryContextSwitchTo(old);
}

static void
work(void *context)
{
	Publisher  *publisher = context;
	TimestampTz now = GetCurrentTimestamp();
	OutboxFailure *failures = palloc(sizeof(OutboxFailure) * Max(list_length(publisher->failures), 1));
	int			n = 0;
	StoreScope	scope;
	ListCell   *cell;

	/* a delete that is lost in a crash costs a second message, no more */
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	store_enter(&scope);
	publisher->n_left = outbox_delete(publisher->done, publisher->n_done, publisher->left);
	foreach(cell, publisher->failures)
		failures[n++] = *(OutboxFailure *) lfirst(cell);
	outbox_postpone(failures, n, now);
	if (publisher->new_routes && publisher->dial.is_up)
		fetch_routes(publisher);
	if (may_fetch(publisher))
		fetch(publisher, now);
	publisher->next_try = outbox_next_try(now);
	store_leave(&scope);
}

void
publisher_use_database(Publisher *publisher)
{
	ListCell   *cell;

	if (!process_run("synergy: outbox", work, publisher))
	{
		/* what was fetched is not to be trusted; what was confirmed is deleted with the next try */
		publisher->rows = NIL;
		publisher->next_row = 0;
		publisher->to_declare = NIL;
		publisher->new_routes = true;
		publisher->is_partial = true;
		publisher->has_mail = true;
		publisher->database_backoff = Min(Max(publisher->database_backoff * 2, USECS_PER_SEC), 60 * USECS_PER_SEC);
		publisher->no_database_before = GetCurrentTimestamp() + publisher->database_backoff;
		return;
	}
	publisher->database_backoff = 0;
	/* what somebody's transaction holds is moved by it, or is left to be deleted */
	memcpy(publisher->done, publisher->left, sizeof(int64) * publisher->n_left);
	publisher->n_done = publisher->n_held = publisher->n_left;
	publisher->held_until = GetCurrentTimestamp() + HELD_RETRY;
	foreach(cell, publisher->failures)
		pfree(((OutboxFailure *) lfirst(cell))->error);
	list_free_deep(publisher->failures);
	publisher->failures = NIL;
}

TimestampTz
publisher_next(Publisher *publisher)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next;

	if (!publisher->dial.is_up)
		return dial_next(&publisher->dial);
	if (publisher_wants_database(publisher))
		return now;
	if (publisher_is_full(publisher))
		return Max(publisher->no_database_before, publisher->n_held > 0 ? publisher->held_until : 0);
	if (publisher->has_unread)
		return now;
	if (publisher->is_blocked)
		return PG_INT64_MAX;
	if (publisher->is_short_of_room)
		return now + 10 * 1000; /* the kernel does not tell */
	if (publisher->to_declare != NIL)
		return now;
	next = Max(Min(publisher->next_try, publisher->next_look), publisher->no_database_before);
	if (publisher->rejected != NIL)
		next = Min(next, publisher->rejected_not_before);
	if (publisher->n_held > 0)
		next = Min(next, publisher->held_until);
	/* a confirm comes, and wakes us; or it does not */
	if (publisher->moment_ends > now)
		return Min(publisher_silent_until(publisher), publisher->moment_ends);
	return publisher->n_flying > 0 ? publisher_silent_until(publisher) : next;
}
