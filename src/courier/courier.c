/*
 * courier/courier.c: the bridge to RabbitMQ: one process for each database that wants one.
 *
 * Its loop does what there is to do on either side (publisher.c, listener.c) and then waits for its latch, for the two
 * sockets, and for the next timer.  It waits for one answer of the broker at a time, which may take long, and
 * serves interrupts meanwhile (amqp/link.h, go_on): so SIGTERM, a cancel and the barriers by which PostgreSQL asks all
 * processes to let go of files are answered, whatever the broker does.  No transaction is open while it waits.
 *
 * All it knows is in the tables and at the broker; killed at any moment, the next one goes on.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "courier/courier.h"
#include "daemon/clock.h"
#include "daemon/processes.h"
#include "daemon/wake.h"
#include "guc.h"
#include "nls.h"

#define MAX_SLEEP (4 * USECS_PER_SEC)	/* heartbeats are sent when the links are looked at */
#define RESTART_DELAY (1 * USECS_PER_SEC)

const AmqpFunctions *amqp;

typedef struct Courier
{
	CourierSettings settings;
	Publisher	publisher;
	Listener	listener;
	MemoryContext context;		/* reset after each turn */
} Courier;

static DatabaseSlot *my_slot;
static bool is_ready = false;	/* has begun its loop */
static Courier courier;

/* ---------------------------------------------------------------- coming and going */

static void
leave(int code, Datum argument)
{
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	my_slot->courier.state = COURIER_OFF;
	my_slot->courier.pid = 0;
	my_slot->courier.latch = NULL;
	if (code != 0)
		my_slot->courier.not_before = GetCurrentTimestamp() + (is_ready ? RESTART_DELAY : COURIER_HOPELESS_DELAY);
	my_slot->courier.failing_since = 0;
	my_slot->courier.error[0] = '\0';
	if (code != 0 && !is_ready)
		strlcpy(my_slot->courier.error, "it could not be started: see the server's log", COURIER_ERROR_SIZE);
	slots_wake_scheduler(my_slot, WAKE_EXECUTOR);
	LWLockRelease(slots->lock);
	ConditionVariableBroadcast(&slots->left);
}

/* false: not wanted any more */
static bool
enter(void)
{
	bool		may_enter;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	may_enter = my_slot->parkers == 0 && my_slot->courier.state == COURIER_STARTING && my_slot->courier.pid == 0 &&
		!my_slot->courier.stop;
	if (may_enter)
	{
		my_slot->courier.pid = MyProcPid;
		my_slot->courier.latch = MyLatch;
		my_slot->courier.failing_since = 0;
		my_slot->courier.error[0] = '\0';
	}
	else if (my_slot->courier.state == COURIER_STARTING && my_slot->courier.pid == 0)
		my_slot->courier.state = COURIER_OFF;
	LWLockRelease(slots->lock);
	if (!may_enter)
		ConditionVariableBroadcast(&slots->left);
	return may_enter;
}

static void
hang_up(int code, Datum argument)
{
	dial_hang_up(&courier.publisher.dial, code == 0 && !courier.publisher.is_blocked);
	dial_hang_up(&courier.listener.dial, code == 0);
}

static void
load_module(void)
{
	typedef const AmqpFunctions *(*Loader) (void);
	Loader		loader;

	loader = (Loader) load_external_function("synergy_amqp", "synergy_amqp_functions", true, NULL);
	amqp = loader();
	if (amqp->version != AMQP_FUNCTIONS_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("module synergy_amqp has version %d, and version %d is wanted", amqp->version, AMQP_FUNCTIONS_VERSION),
				 errhint("Both modules of the extension must come from the same build.")));
}

/* ---------------------------------------------------------------- settings */

static char *
copy_setting(const char *value)
{
	return value == NULL || value[0] == '\0' ? NULL : pstrdup(value);
}

static void
read_settings(CourierSettings *settings)
{
	MemoryContext old;
	char	   *rest;
	char	   *uri;

	if (settings->context == NULL)
		settings->context = AllocSetContextCreate(TopMemoryContext, "synergy courier settings", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(settings->context);
	old = MemoryContextSwitchTo(settings->context);
	settings->uris = NIL;
	rest = pstrdup(synergy_amqp_uri ? synergy_amqp_uri : "");
	while ((uri = strtok_r(rest, ", ", &rest)) != NULL)
		settings->uris = lappend(settings->uris, uri);
	settings->password_file = copy_setting(synergy_amqp_password_file);
	settings->ca_file = copy_setting(synergy_amqp_ca_file);
	settings->cert_file = copy_setting(synergy_amqp_cert_file);
	settings->key_file = copy_setting(synergy_amqp_key_file);
	settings->verify = synergy_amqp_verify;
	MemoryContextSwitchTo(old);
}

static char *
settings_text(void)
{
	return psprintf("%s\n%s\n%s\n%s\n%s\n%d", synergy_amqp_uri, synergy_amqp_password_file, synergy_amqp_ca_file, synergy_amqp_cert_file,
					synergy_amqp_key_file, synergy_amqp_verify);
}

static void
reload_settings(void)
{
	char	   *before = settings_text();

	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	if (strcmp(before, settings_text()) == 0)
		return;
	/* the scheduler hears of it, too; if there is to be one, it starts the next */
	proc_exit(0);
}

/* while the broker is waited for */
static bool
go_on(void)
{
	static TimestampTz last_beat = 0;
	TimestampTz now = GetCurrentTimestamp();

	process_check(0);
	if (ConfigReloadPending)
		reload_settings();
	if (now - last_beat > MAX_SLEEP)
	{
		last_beat = now;
		if (courier.publisher.dial.is_up)
			amqp->beat(courier.publisher.dial.link);
		if (courier.listener.dial.is_up)
			amqp->beat(courier.listener.dial.link);
	}
	return !my_slot->courier.stop && my_slot->parkers == 0;
}

/* ---------------------------------------------------------------- what is shown */

static void
show_state(void)
{
	Publisher  *publisher = &courier.publisher;
	Listener   *listener = &courier.listener;
	const Dial *failing = publisher->dial.failing_since && !publisher->dial.is_up ? &publisher->dial :
		listener->dial.failing_since && !listener->dial.is_up ? &listener->dial : NULL;
	CourierState state = COURIER_UP;

	if (failing)
		state = COURIER_FAILING;
	else if (!publisher->dial.is_up || !listener->dial.is_up)
		state = COURIER_CONNECTING;
	else if (publisher->is_blocked)
		state = COURIER_BLOCKED;
	if (state == my_slot->courier.state && strncmp(failing ? failing->error : "", my_slot->courier.error, COURIER_ERROR_SIZE - 1) == 0)
		return;
	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	my_slot->courier.state = state;
	my_slot->courier.failing_since = failing ? failing->failing_since : 0;
	strlcpy(my_slot->courier.error, failing ? failing->error : "", COURIER_ERROR_SIZE);
	LWLockRelease(slots->lock);
}

/* true: to end */
static bool
take_orders(void)
{
	bool		stop;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	stop = my_slot->courier.stop || my_slot->parkers > 0;
	courier.publisher.has_mail |= my_slot->courier.has_mail;
	courier.publisher.new_routes |= my_slot->courier.new_routes;
	my_slot->courier.has_mail = my_slot->courier.new_routes = false;
	LWLockRelease(slots->lock);
	return stop;
}

/* ---------------------------------------------------------------- the loop */

/* one turn on either side; a link that broke in it takes its unfinished business along */
static void
turn(void)
{
	Publisher  *publisher = &courier.publisher;
	Listener   *listener = &courier.listener;
	bool		was_publishing,
				was_listening;

	if (dial_advance(&publisher->dial))
		publisher_connected(publisher);
	process_check(0);
	if (dial_advance(&listener->dial))
		listener_connected(listener);
	process_check(0);
	was_publishing = publisher->dial.is_up;
	was_listening = listener->dial.is_up;
	listener_read(listener);
	publisher_read(publisher);
	if (listener_wants_database(listener))
		listener_use_database(listener, publisher);
	listener_settle(listener, publisher);
	publisher_write(publisher);
	if (publisher_wants_database(publisher))
		publisher_use_database(publisher);
	publisher_write(publisher);
	if (was_publishing && !publisher->dial.is_up)
		publisher_disconnected(publisher);
	if (was_listening && !listener->dial.is_up)
		listener_disconnected(listener);
}

static TimestampTz
next_turn(TimestampTz now)
{
	TimestampTz next = now + MAX_SLEEP;

	next = Min(next, publisher_next(&courier.publisher));
	next = Min(next, dial_next(&courier.listener.dial));
	if (courier.listener.deliveries != NIL)
		next = Min(next, courier.listener.next_try);
	return next;
}

/* the latch and the sockets that are of interest now (not one that is not read); made anew when these are others */
static WaitEventSet *
wait_set(void)
{
	static WaitEventSet *set = NULL;
	static uint64 made_for = 0;
	Publisher  *publisher = &courier.publisher;
	Listener   *listener = &courier.listener;
	bool		reads = publisher->dial.is_up && !publisher_is_full(publisher);
	uint64		wanted = 1 + (reads ? (uint64) publisher->dial.generation << 32 : 0) +
		(listener->dial.is_up ? (uint64) listener->dial.generation << 1 : 0);

	if (wanted == made_for)
		return set;
	if (set != NULL)
		FreeWaitEventSet(set);
	MemoryContextSwitchTo(TopMemoryContext);
	set = CREATE_WAIT_EVENT_SET(4);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	if (reads)
		AddWaitEventToSet(set, WL_SOCKET_READABLE, amqp->socket(publisher->dial.link), NULL, NULL);
	if (listener->dial.is_up)
		AddWaitEventToSet(set, WL_SOCKET_READABLE, amqp->socket(listener->dial.link), NULL, NULL);
	made_for = wanted;
	return set;
}

static void
sleep_until(TimestampTz next)
{
	WaitEvent	events[4];

	(void) WaitEventSetWait(wait_set(), clock_patience_ms(next), events, lengthof(events), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

void
synergy_courier_main(Datum argument)
{
	Oid			database;

	my_slot = &slots->databases[DatumGetInt32(argument)];
	process_begin();
	database = my_slot->database;
	if (!enter())
		proc_exit(0);
	on_shmem_exit(leave, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	if (!process_extension_is_there())
		proc_exit(0);
	process_pin_settings("synergy courier");
	pgstat_report_activity(STATE_IDLE, NULL);

	load_module();
	read_settings(&courier.settings);
	courier.settings.go_on = go_on;
	if (courier.settings.uris == NIL)
		proc_exit(0);
	publisher_init(&courier.publisher, &courier.settings);
	listener_init(&courier.listener, &courier.settings);
	courier.context = AllocSetContextCreate(TopMemoryContext, "synergy courier", ALLOCSET_DEFAULT_SIZES);
	before_shmem_exit(hang_up, (Datum) 0);
	is_ready = true;
	for (;;)
	{
		process_check(0);
		if (ConfigReloadPending)
			reload_settings();
		if (take_orders())
			proc_exit(0);
		MemoryContextSwitchTo(courier.context);
		turn();
		show_state();
		MemoryContextSwitchTo(TopMemoryContext);
		MemoryContextReset(courier.context);
		sleep_until(next_turn(GetCurrentTimestamp()));
	}
}
