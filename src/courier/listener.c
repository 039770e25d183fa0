/*
 * courier/listener.c: status queue -> units.
 *
 * What has arrived is applied together, in one transaction (store/report.c), and acknowledged after its commit: each
 * report is applied at least once, and a second time does nothing.  One that is not accepted goes into the dead letter
 * queue with the reason, by way of the publisher, and is acknowledged when it is there; the event log keeps it, too.
 * One whose unit somebody's transaction holds stays here and is tried again; those behind it go on.
 *
 * The listener has a connection of its own: a broker that is short of memory stops reading from those who publish, and
 * only from them.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "courier/courier.h"
#include "daemon/processes.h"
#include "store/event.h"
#include "store/spi.h"

#define BUSY_RETRY (200 * 1000)	/* microseconds */
#define MAX_REASON 500
#define MAX_QUOTED 500			/* bytes of a rejected message in the event log */

void
listener_init(Listener *listener, const CourierSettings *settings)
{
	memset(listener, 0, sizeof(*listener));
	listener->dial.role = "listener";
	listener->dial.channels = 1;
	listener->dial.settings = settings;
	listener->context = AllocSetContextCreate(TopMemoryContext, "synergy courier deliveries", ALLOCSET_DEFAULT_SIZES);
}

void
listener_connected(Listener *listener)
{
	AmqpLink   *link = listener->dial.link;
	AmqpResult	result = amqp->declare_queue(link, STATUS_QUEUE, "quorum", 0);

	/* by the default exchange it is reached anyway, under its name */
	process_check(0);
	if (result != AMQP_FAILED)
		result = amqp->declare_exchange(link, "ex_utils", false);
	process_check(0);
	if (result != AMQP_FAILED)
		result = amqp->bind(link, STATUS_QUEUE, "ex_utils", STATUS_QUEUE);
	process_check(0);
	if (result != AMQP_FAILED)
		result = amqp->consume(link, STATUS_QUEUE, LISTEN_PREFETCH);
	if (result == AMQP_FAILED)
		dial_fail(&listener->dial, NULL);
}

/* what is not acknowledged is delivered again, on the next connection */
void
listener_disconnected(Listener *listener)
{
	listener->deliveries = NIL;
	listener->has_new = false;
	MemoryContextReset(listener->context);
}

/* ---------------------------------------------------------------- taking what arrives */

static void
take_delivery(Listener *listener, const AmqpEvent *event)
{
	MemoryContext old = MemoryContextSwitchTo(listener->context);
	Delivery   *delivery = palloc0(sizeof(Delivery));

	delivery->tag = event->tag;
	delivery->size = (int) event->size;
	delivery->full_size = event->full_size;
	delivery->body = palloc(delivery->size + 1);
	memcpy(delivery->body, event->body, delivery->size);
	delivery->body[delivery->size] = '\0';
	listener->deliveries = lappend(listener->deliveries, delivery);
	listener->has_new = true;
	MemoryContextSwitchTo(old);
}

void
listener_read(Listener *listener)
{
	AmqpEvent	event;

	while (listener->dial.is_up)
	{
		AmqpResult	result = amqp->next_event(listener->dial.link, &event);

		if (result == AMQP_FAILED)
			dial_fail(&listener->dial, NULL);
		if (result != AMQP_OK)
			return;
		if (event.kind == AMQP_EVENT_DELIVERY)
			take_delivery(listener, &event);
		else if (event.kind == AMQP_EVENT_CANCELED)
			dial_fail(&listener->dial, "the queue of statuses was deleted");
		else if (event.kind == AMQP_EVENT_CHANNEL_CLOSED)
			dial_fail(&listener->dial, event.text);
	}
}

/* ---------------------------------------------------------------- applying it */

typedef struct Work
{
	Listener   *listener;
	Report	   *reports;		/* in the order of the deliveries */
	int			n;
} Work;

bool
listener_wants_database(const Listener *listener)
{
	return listener->deliveries != NIL && (listener->has_new || GetCurrentTimestamp() >= listener->next_try);
}

/* what it was about, and the beginning of it if that can be shown */
static char *
describe(const Delivery *delivery, const Report *report)
{
	int			length;

	if (memchr(delivery->body, '\0', delivery->size) != NULL || GetDatabaseEncoding() != PG_UTF8 ||
		!pg_verify_mbstr(PG_UTF8, delivery->body, delivery->size, true))
		return report->reason;
	length = pg_mbcliplen(delivery->body, delivery->size, MAX_QUOTED);
	return psprintf("%s; the message: %.*s", report->reason, length, delivery->body);
}

static void
log_rejected(Work *work, TimestampTz now)
{
	List	   *records = NIL;
	ListCell   *cell;
	int			i = 0;

	foreach(cell, work->listener->deliveries)
	{
		Report	   *report = &work->reports[i++];
		EventRecord *record;

		if (report->outcome != REPORT_REFUSED)
			continue;
		record = palloc0(sizeof(EventRecord));
		record->event = "rejected";
		record->unit_id = report->unit_id;
		record->detail = describe(lfirst(cell), report);
		records = lappend(records, record);
	}
	event_log_write(records, now);
}

static void
apply(void *context)
{
	Work	   *work = context;
	TimestampTz now = GetCurrentTimestamp();
	StoreScope	scope;
	ListCell   *cell;
	int			i = 0;

	foreach(cell, work->listener->deliveries)
	{
		Delivery   *delivery = lfirst(cell);
		Report	   *report = &work->reports[i++];

		CHECK_FOR_INTERRUPTS();
		if (delivery->full_size > (uint64) delivery->size)
		{
			report->outcome = REPORT_REFUSED;
			report->reason = psprintf("malformed: " UINT64_FORMAT " bytes, %d are accepted", delivery->full_size, AMQP_MAX_BODY);
		}
		else
			(void) status_read(delivery->body, delivery->size, report);
	}
	store_enter(&scope);
	report_apply(work->reports, work->n, now);
	log_rejected(work, now);
	store_leave(&scope);
}

static void
reject(Listener *listener, Publisher *publisher, const Delivery *delivery, const Report *report)
{
	Rejected   *rejected = MemoryContextAllocZero(TopMemoryContext, sizeof(Rejected));

	rejected->generation = listener->dial.generation;
	rejected->tag = delivery->tag;
	rejected->size = Min(delivery->size, MAX_REJECTED_BODY);
	rejected->body = MemoryContextAlloc(TopMemoryContext, rejected->size + 1);
	memcpy(rejected->body, delivery->body, rejected->size);
	rejected->reason = MemoryContextAlloc(TopMemoryContext, MAX_REASON + 1);
	strlcpy(rejected->reason, report->reason, MAX_REASON + 1);
	publisher_reject(publisher, rejected);
}

static void
acknowledge(Listener *listener, uint64 tag)
{
	if (listener->dial.is_up && amqp->ack(listener->dial.link, tag) != AMQP_OK)
		dial_fail(&listener->dial, NULL);
}

static void
free_delivery(Delivery *delivery)
{
	pfree(delivery->body);
	pfree(delivery);
}

void
listener_use_database(Listener *listener, Publisher *publisher)
{
	Work		work = {listener, NULL, list_length(listener->deliveries)};
	MemoryContext old;
	List	   *left = NIL;
	ListCell   *cell;
	int			i = 0;

	work.reports = palloc0(sizeof(Report) * work.n);
	listener->has_new = false;
	listener->next_try = GetCurrentTimestamp() + BUSY_RETRY;
	if (!process_run("synergy: statuses", apply, &work))
	{
		listener->next_try = GetCurrentTimestamp() + USECS_PER_SEC;
		return;
	}
	old = MemoryContextSwitchTo(listener->context);
	foreach(cell, listener->deliveries)
	{
		Delivery   *delivery = lfirst(cell);
		Report	   *report = &work.reports[i++];

		if (report->outcome == REPORT_BUSY || report->outcome == REPORT_PENDING)
		{
			left = lappend(left, delivery);
			continue;
		}
		if (report->outcome == REPORT_REFUSED)
			reject(listener, publisher, delivery, report);
		else
			acknowledge(listener, delivery->tag);
		free_delivery(delivery);
	}
	list_free(listener->deliveries);
	listener->deliveries = left;
	MemoryContextSwitchTo(old);
}

/* ---------------------------------------------------------------- what was rejected */

static void
free_rejected(Listener *listener, Rejected *rejected)
{
	if (rejected->generation == listener->dial.generation)
		acknowledge(listener, rejected->tag);
	pfree(rejected->body);
	pfree(rejected->reason);
	pfree(rejected);
}

void
listener_settle(Listener *listener, Publisher *publisher)
{
	ListCell   *cell;

	foreach(cell, publisher->settled)
		free_rejected(listener, lfirst(cell));
	list_free(publisher->settled);
	publisher->settled = NIL;
	/* no broker takes them: the event log has them, and those behind must not wait */
	while (list_length(publisher->rejected) > MAX_REJECTED)
	{
		free_rejected(listener, linitial(publisher->rejected));
		publisher->rejected = list_delete_first(publisher->rejected);
	}
}
