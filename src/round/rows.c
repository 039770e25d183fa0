/*
 * round/rows.c: the source rows of recomputing jobs: their bounds, and who may still add some.
 *
 * Bounds are safe when no row of a transaction that was open when they were read can be lost.  Three things see to
 * that.  In none of them anybody waits for a lock: the round goes on, and the job is looked at again with its next
 * trigger.
 *
 * 1. Before its last unit is requested, a job waits for all transactions that were writing the source when its period
 *	  was first found over and finalizable: no need to run over half of a load.  Their ids are remembered here, in this
 *	  process, by job; they mean nothing after a restart, and an abort of the round does not make them wrong.  Only
 *	  those of the first look count, or a job over a busy table would never get on.
 *
 * 2. Others may have come to write meanwhile.  The last unit carries the ids of those who were open when its bounds
 *	  were read (unit_of_work_data.open_writers).  When it has ended, the job waits for them to end, and if there are
 *	  other rows then, the unit is followed by another one.
 *
 * 3. A unit that was requested earlier, while rows were still coming in, may be taken for the last one only if it was
 *	  requested over as many rows as there are now, and nobody is writing: keys are drawn before their rows are
 *	  committed, so rows appear in between, and the bounds alone do not show it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "round/relation.h"
#include "round/rows.h"
#include "store/spi.h"

/* ---------------------------------------------------------------- looking */

void
rows_preload(Frame *frame, Process *process, List *jobs)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	int			n = list_length(jobs);
	Job		  **wanted = palloc(sizeof(Job *) * Max(n, 1));
	SourceSpan *spans = palloc(sizeof(SourceSpan) * Max(n, 1));
	SourceRows *rows = palloc(sizeof(SourceRows) * Max(n, 1));
	List	   *writers = NIL;
	bool		is_read;
	bool		is_over = false;
	ListCell   *cell;

	n = 0;
	foreach(cell, jobs)
	{
		Job		   *job = lfirst(cell);

		if (job->rows != NULL)
			continue;
		spans[n].from = timeperiod_start(span_of(process, job->key.timeperiod).from);
		spans[n].to = timeperiod_end(process->qualifier, job->key.timeperiod);
		is_over |= spans[n].to <= frame->now;	/* who writes matters only to a last unit */
		wanted[n++] = job;
	}
	if (n > 0)
	{
		is_read = source_look(process, spans, n, rows, is_over ? &writers : NULL);
		for (int i = 0; i < n; i++)
		{
			RowsLook   *look = wanted[i]->rows = palloc0(sizeof(RowsLook));

			look->is_read = is_read;
			look->rows = rows[i];
			look->writers = writers;
		}
		frame_preload_units_with_bounds(frame, wanted, n);
	}
	pfree(rows);
	pfree(spans);
	pfree(wanted);
	MemoryContextSwitchTo(old);
}

RowsLook *
rows_of(Frame *frame, Job *job)
{
	if (job->rows == NULL)
		rows_preload(frame, job->process, list_make1(job));
	return job->rows;
}

Unit *
rows_unit(Frame *frame, Job *job)
{
	const SourceRows *rows = &rows_of(frame, job)->rows;

	return rows->n > 0 ? frame_unit_with_bounds(frame, job, rows->low, rows->high) : NULL;
}

/* ---------------------------------------------------------------- waiting for writers */

#define MAX_WAITING_JOBS 10000	/* beyond that all of it is forgotten, and the waiting begins anew */

typedef struct WaitingJob
{
	JobKey		key;
	MemoryContext context;		/* of the list */
	List	   *writers;		/* of char *: those of the first look that are still open */
} WaitingJob;

static HTAB *waiting_jobs = NULL;

static bool
is_listed(const List *writers, const char *writer)
{
	const ListCell *cell;

	foreach(cell, writers)
		if (strcmp(lfirst(cell), writer) == 0)
			return true;
	return false;
}

static void
forget(WaitingJob *waiting)
{
	MemoryContextDelete(waiting->context);
	hash_search(waiting_jobs, &waiting->key, HASH_REMOVE, NULL);
}

static void
forget_all(void)
{
	HASH_SEQ_STATUS scan;
	WaitingJob *waiting;

	hash_seq_init(&scan, waiting_jobs);
	while ((waiting = hash_seq_search(&scan)) != NULL)
		forget(waiting);
}

static void
remember(const JobKey *key, const List *writers)
{
	WaitingJob *waiting;
	MemoryContext context,
				old;
	List	   *copy = NIL;
	const ListCell *cell;

	if (hash_get_num_entries(waiting_jobs) >= MAX_WAITING_JOBS)
		forget_all();
	context = AllocSetContextCreate(TopMemoryContext, "synergy writers", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	foreach(cell, writers)
		copy = lappend(copy, pstrdup(lfirst(cell)));
	MemoryContextSwitchTo(old);
	waiting = hash_search(waiting_jobs, key, HASH_ENTER, NULL);
	waiting->context = context;
	waiting->writers = copy;
}

bool
rows_may_come(Job *job)
{
	List	   *writers = job->rows->writers;
	WaitingJob *waiting;
	ListCell   *cell;

	if (waiting_jobs == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(JobKey);
		control.entrysize = sizeof(WaitingJob);
		waiting_jobs = hash_create("synergy jobs waiting for writers", 64, &control, HASH_ELEM | HASH_BLOBS);
	}
	waiting = hash_search(waiting_jobs, &job->key, HASH_FIND, NULL);
	if (waiting == NULL)
	{
		if (writers != NIL)
			remember(&job->key, writers);
		return writers != NIL;
	}
	foreach(cell, waiting->writers)
		if (is_listed(writers, lfirst(cell)))
			return true;
	forget(waiting);
	return false;
}

/* ---------------------------------------------------------------- proving the last unit */

char *
rows_writers(Frame *frame, Job *job)
{
	MemoryContext old = MemoryContextSwitchTo(frame->context);
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, job->rows->writers)
		appendStringInfo(&text, "%s%s", text.len ? "," : "", (char *) lfirst(cell));
	MemoryContextSwitchTo(old);
	return text.len ? text.data : NULL;
}

/*
 * A transaction that was prepared keeps its id until the server is started again; then it is -1/xid, and nobody can
 * tell which of those before it was.
 */
static bool
is_recovered(const char *writer)
{
	return strncmp(writer, "-1/", 3) == 0;
}

RowsProof
rows_proof(Frame *frame, Job *job, const Unit *unit)
{
	RowsLook   *look;
	List	   *before = NIL;
	char	   *writers;
	bool		is_open = false;
	ListCell   *cell;

	if (unit->writers == NULL)
		return ROWS_WHOLE;
	look = rows_of(frame, job);
	writers = pstrdup(unit->writers);
	for (char *writer = strtok(writers, ","); writer != NULL; writer = strtok(NULL, ","))
		before = lappend(before, writer);
	foreach(cell, look->writers)
		is_open |= is_listed(before, lfirst(cell)) || is_recovered(lfirst(cell));
	list_free(before);
	pfree(writers);
	if (!look->is_read || is_open)
		return ROWS_OPEN;
	return look->rows.n == unit->n_rows && look->rows.low == unit->start_id && look->rows.high == unit->end_id ?
		ROWS_WHOLE : ROWS_OTHERS;
}
