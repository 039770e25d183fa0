/*
 * round/chain.c: how many periods of a process are requested at once, to be run one behind the other.
 *
 * With one unit of each process at a time a batch of an executor is small, and each step of a process waits for a round and for a
 * commit.  Chains fill the batches, whatever the concurrency is: where one executor keeps up with the scheduler, several units side by
 * side gain nothing.
 *
 * Invariant: of a process that has a chain nothing else of the lane is under way that the chain's frame knew of, and nothing is added
 * before all of it has ended.  Only what waits for nobody else's work is in one: its end finishes its job, and that is known beforehand.
 */
#include "postgres.h"

#include "daemon/estimate.h"
#include "round/carried.h"
#include "round/chain.h"
#include "round/relation.h"

#define ENOUGH_CARRIED 512		/* to fill executors' batches: a chain is made of what is missing, */
#define CHAINS_SHARE 16			/* a part of it, so that as many processes as like get theirs */
#define CHAIN_USEC 1000			/* and it takes no longer than that */

/*
 * A batch of an executor comes to nothing as a whole: the more of a process is in it, the more is lost with one that fails, and after a
 * crash of the server that it has caused itself all would be begun anew.  So chains begin with one, and each may be twice as long as the
 * one before it, until something is lost.
 */
static int
limit(Process *process, int n)
{
	int			most = Max(process->chain_limit, 1);

	if (n >= most)
		process->chain_limit = Min(2 * most, ENOUGH_CARRIED);
	return Min(n, most);
}

static bool
is_finished_by_its_unit(const Process *process)
{
	return process_waits_for_nobody(process) && process->grouping == 1;
}

int
chain_length(const Frame *frame, Job *head)
{
	Process    *process = head->process;
	int64		n,
				usec;

	if (!carried_is_request_of(head) || !is_finished_by_its_unit(process) || llast(frame->new_units) != head->unit || llast(frame->ready) != head->unit)
		return 0;
	n = ENOUGH_CARRIED - carried_count(frame->carried) - list_length(frame->new_units);
	usec = carried_estimate(frame->carried, process);
	if (usec == 0)				/* forgotten meanwhile */
		return 0;
	n = Max(Min(n / CHAINS_SHARE, CHAIN_USEC / usec), 1);
	if (n <= process->concurrency && usec >= TINY_USEC)
		return 0;
	return limit(process, (int) n);
}

void
chain_add(const Unit *before, Unit *unit)
{
	unit->place_in_chain = before ? before->place_in_chain + 1 : 1;
}

bool
chain_holds_lane(const Frame *frame, const Process *process, Timeperiod timeperiod)
{
	const Unit *unit = carried_unit_of(frame->carried, (JobKey) {process->id, 0, timeperiod});

	if (unit == NULL)
		return false;
	return unit->place_in_chain > 0 || (is_finished_by_its_unit(process) && carried_estimate(frame->carried, process) < TINY_USEC);
}

void
chain_close_gap(const List *before, Unit *unit)
{
	const Unit *last = before == NIL ? NULL : llast(before);
	bool		follows = last != NULL && last->process_id == unit->process_id && last->place_in_chain > 0;

	if (unit->place_in_chain > 1)
		unit->place_in_chain = follows ? last->place_in_chain + 1 : 1;
}

void
chain_begin_anew(Process *process)
{
	process->chain_limit = 1;
}
