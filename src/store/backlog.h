/*
 * store/backlog.h: where to look for new rows of a queue whose ids come from a sequence, without looking from the front.
 *
 * Rows of such a table are added by many transactions, and deleted by those who take them.  Each one leaves a dead
 * entry behind in the index, and while any session holds an old snapshot they cannot be removed.  So whoever takes
 * rows remembers the highest id seen, and the gaps below it: ids that were not there, because the transactions that
 * took them had not committed, or were rolled back, or because somebody else has taken the rows.
 *
 * When a gap is settled.  Every transaction that takes an id must have a transaction id by then
 * (GetTopTransactionId(), or an earlier write).  An id below one that was seen was taken before that row's transaction
 * committed; so the transaction that took it has an xid below the next free one, as it was right after the look
 * (`next_xid`).  When none so low is running any more (`oldest_running`, the xmin of a snapshot taken before a look),
 * and that look finds nothing, nothing will ever come.  The xmax of a snapshot would not do: transactions above it may
 * have taken ids already.
 *
 * What was seen counts as taken.  So it is to be reset when the transaction that took rows is rolled back.  Plain
 * numbers, no PostgreSQL: see test/unit/test_backlog.c.
 */
#ifndef SYNERGY_STORE_BACKLOG_H
#define SYNERGY_STORE_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#define BACKLOG_MAX_GAPS 256	/* more are taken together, with what lies between */
#define BACKLOG_MAX_RANGES (BACKLOG_MAX_GAPS + 1)

typedef struct BacklogRange
{
	int64_t		low;			/* inclusive, both */
	int64_t		high;
	uint64_t	next_xid;		/* of gaps: when it was first seen */
} BacklogRange;

typedef struct Backlog
{
	bool		is_known;		/* false: nothing was ever seen */
	int64_t		last;
	int			n_gaps;			/* ascending, disjoint */
	BacklogRange gaps[BACKLOG_MAX_GAPS];
} Backlog;

extern void backlog_reset(Backlog *backlog);

/* where to look, ascending: room for BACKLOG_MAX_RANGES; returns how many; with `from_front` everything there is */
extern int	backlog_ranges(const Backlog *backlog, bool from_front, BacklogRange *ranges);

/* after a look at all of these ranges: ids ascending, each once; both xids are 64 bits wide */
extern void backlog_note(Backlog *backlog, const int64_t *ids, int n, uint64_t oldest_running, uint64_t next_xid);

#endif							/* SYNERGY_STORE_BACKLOG_H */
