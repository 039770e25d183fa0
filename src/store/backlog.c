/*
 * store/backlog.c: where to look for new rows of a queue, without looking from the front.  See backlog.h for why.
 */
#include <string.h>

#include "store/backlog.h"

void
backlog_reset(Backlog *backlog)
{
	backlog->is_known = false;
	backlog->last = 0;
	backlog->n_gaps = 0;
}

int
backlog_ranges(const Backlog *backlog, bool from_front, BacklogRange *ranges)
{
	int			n = 0;

	ranges[0].low = INT64_MIN;
	if (backlog->is_known && !from_front)
	{
		n = backlog->n_gaps;
		memcpy(ranges, backlog->gaps, sizeof(BacklogRange) * (size_t) n);
		ranges[n].low = backlog->last + 1;
	}
	ranges[n].high = INT64_MAX;
	ranges[n].next_xid = 0;
	return n + 1;
}

/* each two neighbours become one: some entries will be passed over again, but nothing is missed */
static void
take_together(Backlog *backlog)
{
	int			n = 0;

	for (int i = 0; i + 1 < backlog->n_gaps; i += 2)
	{
		BacklogRange *first = &backlog->gaps[i];
		BacklogRange *second = &backlog->gaps[i + 1];

		backlog->gaps[n].low = first->low;
		backlog->gaps[n].next_xid = first->next_xid > second->next_xid ? first->next_xid : second->next_xid;
		backlog->gaps[n++].high = second->high;
	}
	backlog->n_gaps = n;		/* BACKLOG_MAX_GAPS is even: none is left over */
}

static void
add_gap(Backlog *backlog, int64_t low, int64_t high, uint64_t next_xid)
{
	if (low > high)
		return;
	if (backlog->n_gaps == BACKLOG_MAX_GAPS)
		take_together(backlog);
	backlog->gaps[backlog->n_gaps].low = low;
	backlog->gaps[backlog->n_gaps].high = high;
	backlog->gaps[backlog->n_gaps++].next_xid = next_xid;
}

void
backlog_note(Backlog *backlog, const int64_t *ids, int n, uint64_t oldest_running, uint64_t next_xid)
{
	BacklogRange old[BACKLOG_MAX_GAPS];
	int			n_old = backlog->n_gaps;
	int64_t		low = backlog->is_known ? backlog->last + 1 : INT64_MIN;
	int			next = 0;

	memcpy(old, backlog->gaps, sizeof(BacklogRange) * (size_t) n_old);
	backlog->n_gaps = 0;
	for (int i = 0; i < n_old; i++)
	{
		int64_t		rest = old[i].low;

		if (oldest_running >= old[i].next_xid)
			continue;			/* settled */
		while (next < n && ids[next] < old[i].low)
			next++;
		for (; next < n && ids[next] <= old[i].high; next++)
		{
			add_gap(backlog, rest, ids[next] - 1, old[i].next_xid);
			rest = ids[next] + 1;
		}
		add_gap(backlog, rest, old[i].high, old[i].next_xid);
	}
	for (; next < n; next++)
	{
		if (ids[next] < low)
			continue;			/* of a settled gap, or found by a look from the front */
		add_gap(backlog, low, ids[next] - 1, next_xid);
		low = ids[next] + 1;
		backlog->last = ids[next];
		backlog->is_known = true;
	}
}
