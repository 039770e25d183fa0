/*
 * daemon/hands.c: which units executors have in their hands.
 *
 * A round that reads which units are requested finds those, too, that are just being run, and they must not be handed out once more:
 * what runs them in a batch finds that they have ended, and has to roll back all that it has run with them.  To ask who has them
 * afterwards is not enough: a unit that was read as requested may have ended, and left the hands it was in, before it is asked about.
 * So what is in hands is noted before the round begins.  In between only the scheduler itself puts units into hands: a request that
 * is in none of the two was in none when it was read.
 *
 * A request is told by its mark and its attempt: a unit that has failed meanwhile, and was requested again by that very round, is
 * another one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "daemon/hands.h"

typedef struct Noted
{
	int64		unit_id;
	int64		mark;
	int32		attempt;
} Noted;

static Noted *noted = NULL;
static int	n_noted = 0;
static int	max_noted = 0;
static bool is_sorted;

static void
note(const UnitRequest *requests, int n)
{
	if (n_noted + n > max_noted)
	{
		max_noted = Max(2 * max_noted, n_noted + n + MAILBOX_SIZE);
		noted = noted ? repalloc(noted, sizeof(Noted) * max_noted) : MemoryContextAlloc(TopMemoryContext, sizeof(Noted) * max_noted);
	}
	for (int i = 0; i < n; i++)
		noted[n_noted++] = (Noted) {requests[i].unit_id, requests[i].mark, requests[i].attempt};
}

void
hands_note(void)
{
	n_noted = 0;
	is_sorted = false;
	LWLockAcquire(slots->lock, LW_SHARED);
	for (int i = 0; i < slots->n_executors; i++)
	{
		const ExecutorSlot *executor = &slots->executors[i];

		if (!slots_is_of_database(executor, MyDatabaseId))
			continue;
		note(executor->running, executor->n_running);
		note(executor->mail, executor->n_mail);
	}
	LWLockRelease(slots->lock);
}

static int
compare_noted(const void *a, const void *b)
{
	const Noted *x = a,
			   *y = b;

	if (x->unit_id != y->unit_id)
		return x->unit_id < y->unit_id ? -1 : 1;
	if (x->mark != y->mark)
		return x->mark < y->mark ? -1 : 1;
	return x->attempt < y->attempt ? -1 : x->attempt > y->attempt;
}

bool
hands_had(const UnitRequest *request)
{
	Noted		key = {request->unit_id, request->mark, request->attempt};

	if (n_noted == 0)
		return false;
	if (!is_sorted)
		qsort(noted, n_noted, sizeof(Noted), compare_noted);
	is_sorted = true;
	return bsearch(&key, noted, n_noted, sizeof(Noted), compare_noted) != NULL;
}

/* what the executor runs of the unit; NULL: nothing */
static const UnitRequest *
running(const ExecutorSlot *executor, int64 unit_id)
{
	for (int i = 0; i < executor->n_running; i++)
		if (executor->running[i].unit_id == unit_id)
			return &executor->running[i];
	return NULL;
}

/*
 * Has it this very request?  Of a single unit the attempt is known once its start has committed.  One that still runs an older
 * request, which was taken from it or has ended a moment ago, does not care for the new one.  (One that was just taking the older
 * may take the new one; then whoever else gets that finds it taken, and wakes us: end_units.)
 */
static bool
has_request(const ExecutorSlot *executor, const UnitRequest *request)
{
	const UnitRequest *run = running(executor, request->unit_id);

	if (run != NULL && (executor->running_attempt != 0 ? executor->running_attempt == request->attempt + 1 : run->mark == request->mark))
		return true;
	for (int i = 0; i < executor->n_mail; i++)
		if (executor->mail[i].unit_id == request->unit_id)
			return true;
	return false;
}

bool
hands_have(const UnitRequest *request)
{
	bool		is_in_hands = false;

	if (hands_had(request))
		return true;
	LWLockAcquire(slots->lock, LW_SHARED);
	for (int i = 0; i < slots->n_executors && !is_in_hands; i++)
		is_in_hands = slots_is_of_database(&slots->executors[i], MyDatabaseId) && has_request(&slots->executors[i], request);
	LWLockRelease(slots->lock);
	return is_in_hands;
}

/*
 * One that is just taking the unit may be the one whose start we have seen, or one that comes too late for another whose
 * session is gone: then it is asked again, when it has told us that the unit was not for it.
 */
bool
hands_are_at_work(int64 unit_id, int32 attempt, void *context)
{
	bool		is_at_work = false;

	LWLockAcquire(slots->lock, LW_EXCLUSIVE);
	for (int i = 0; i < slots->n_executors && !is_at_work; i++)
	{
		ExecutorSlot *executor = &slots->executors[i];

		if (!slots_is_of_database(executor, MyDatabaseId) || running(executor, unit_id) == NULL)
			continue;
		is_at_work = executor->running_attempt == 0 || executor->running_attempt == attempt;
		if (executor->running_attempt == 0)
			slots->databases[executor->database_slot].executor_lost = true;
	}
	LWLockRelease(slots->lock);
	return is_at_work;
}
