/*
 * daemon/prune.c: the scheduler takes what retention has given up, between its rounds.
 *
 * A batch is a transaction of a few milliseconds (it becomes larger or smaller, so that it is), after which there is
 * nine times as long for rounds, for workers and for autovacuum, which has to keep up.  A round that is due goes first.
 * Its commit need not be on disk: what a crash brings back goes again.
 *
 * Where nothing is limited, or nothing is old enough, no transaction id is taken and nothing is written.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "daemon/processes.h"
#include "daemon/prune.h"
#include "round/retention.h"
#include "store/spi.h"

#define BATCH_USECS (5 * INT64CONST(1000))
#define MIN_ROWS 100
#define MAX_ROWS 2000
#define PAUSES 9				/* per batch */
#define MAX_DELAY (1 * USECS_PER_SEC)	/* rounds come without end: a batch all the same */
#define FRONT_INTERVAL (60 * 60 * USECS_PER_SEC)
#define ALL_INTERVAL (24 * FRONT_INTERVAL)
#define LOG_INTERVAL (60 * 60 * USECS_PER_SEC)
#define RETRY_LOCKED (1 * USECS_PER_SEC)
#define RETRY_FAILED (60 * USECS_PER_SEC)

static Sweep sweep = {.older_than = -1};
static int	max_rows = 200;
static TimestampTz next_batch = 0;
static TimestampTz next_front = 0;
static TimestampTz next_all = 0;
static TimestampTz next_log = 0;
static Sweep unlogged = {0};	/* taken since the last line in the event log */

typedef struct Batch
{
	const Definitions *definitions;
	TimestampTz now;
	bool		is_locked;
	bool		is_more;
} Batch;

/* what the sweep has taken, put to what was taken before */
static void
sum_up(Sweep *sum)
{
	sum->units += sweep.units;
	sum->lines += sweep.lines;
	sum->events += sweep.events;
	sum->own_events += sweep.own_events;
}

static void
take_batch(void *context)
{
	Batch	   *batch = context;
	StoreScope	scope;

	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	batch->is_locked = retention_lock(false);
	if (!batch->is_locked)
		return;
	store_enter(&scope);
	batch->is_more = sweep_step(&sweep, batch->definitions, batch->now, max_rows);
	if (!batch->is_more && batch->now >= next_log)
	{
		Sweep		sum = unlogged;

		sum_up(&sum);
		sweep_log(&sum, batch->now);
	}
	store_leave(&scope);
}

static void
end_sweep(const Batch *batch)
{
	if (batch->now >= next_log)
	{
		memset(&unlogged, 0, sizeof(unlogged));
		next_log = batch->now + LOG_INTERVAL;
	}
	else
		sum_up(&unlogged);
	if (sweep.extent != SWEEP_RESUMED)
		next_front = batch->now + FRONT_INTERVAL;
	if (sweep.extent == SWEEP_ALL)
		next_all = batch->now + ALL_INTERVAL;
	sweep.is_begun = false;
	next_batch = GetCurrentTimestamp() + retention_interval(batch->definitions);
}

static void
end_batch(const Batch *batch, TimestampTz took)
{
	if (took > BATCH_USECS)
		max_rows = Max(max_rows / 2, MIN_ROWS);
	else if (took < BATCH_USECS / 3)
		max_rows = Min(max_rows * 2, MAX_ROWS);
	if (batch->is_more)
		next_batch = GetCurrentTimestamp() + took * PAUSES;
	else
		end_sweep(batch);
}

TimestampTz
prune_run(const Definitions *definitions, bool is_idle)
{
	Batch		batch = {definitions, GetCurrentTimestamp(), false, false};

	if (definitions == NULL || definitions->paused || !retention_is_limited(definitions))
		return PG_INT64_MAX;
	if (batch.now < next_batch || (!is_idle && batch.now < next_batch + MAX_DELAY))
		return next_batch;
	if (!sweep.is_begun)
		sweep_begin(&sweep, batch.now >= next_all ? SWEEP_ALL : batch.now >= next_front ? SWEEP_FRONT : SWEEP_RESUMED);
	if (!process_run("synergy: retention", take_batch, &batch))
	{
		/* what it had noted is not true; it may have been dropped, which the next round finds out */
		sweep_begin(&sweep, SWEEP_ALL);
		next_batch = batch.now + RETRY_FAILED;
	}
	else if (!batch.is_locked)
		next_batch = batch.now + RETRY_LOCKED;
	else
		end_batch(&batch, GetCurrentTimestamp() - batch.now);
	return next_batch;
}
