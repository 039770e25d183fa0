/*
 * store/retention.h: statements that take finished units of work, their log lines, and lines of the event log.
 *
 * What may go is decided in round/retention.c; here it is made sure that nothing goes that is still needed.  All look
 * by key, go on from a place, and take so much at most.  The caller is inside store_enter() and holds the lock of
 * round/retention.h.
 */
#ifndef SYNERGY_STORE_RETENTION_H
#define SYNERGY_STORE_RETENTION_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "core/timeperiod.h"

typedef struct UnitAge
{
	int64		id;
	int32		process_id;
	TimestampTz created;
	TimestampTz finished;		/* 0: it is active */
} UnitAge;

/* among the finished units of one process, by period and request */
typedef struct UnitPlace
{
	Timeperiod	timeperiod;
	int64		id;
} UnitPlace;

typedef struct EventAge
{
	int64		id;
	TimestampTz at;
	bool		is_own;			/* tells of retention itself */
} EventAge;

/* in the log: where taking the lines of a unit with very many of them goes on */
typedef struct LogPlace
{
	int64		unit_id;
	int64		line_no;
} LogPlace;

/* the next units, or lines of the event log, after an id; palloc'd */
extern int	retention_look_at_units(int64 after, int max, UnitAge **out);
extern int	retention_look_at_events(int64 after, int max, EventAge **out);

/* the newest finished unit that is one too many when `kept` are kept; false: there are not so many */
extern bool retention_find_surplus(int32 process_id, int kept, UnitPlace *out);

/* finished units of the process after `from`, up to `to` */
extern int	retention_list_surplus(int32 process_id, UnitPlace from, UnitPlace to, int max, UnitPlace *out);

/*
 * Deletes those of these units (ascending) that are finished and that nothing needs, each after its log lines, of which
 * it takes max_lines at most.  False: there are more lines; the same units are to be asked for again.
 */
extern bool retention_take_units(const int64 *ids, int n, int max_lines, LogPlace *place, int64 *units, int64 *lines);

/* just the lines of these units, in order; false: there are more, and *place is the last one */
extern bool retention_take_lines(const int64 *ids, int n, int max_lines, LogPlace *place, int64 *lines);

extern int64 retention_take_events(const int64 *ids, int n);

/* the next ids after one whose lines are left behind in the log without a unit; *looked_up_to: how far that went */
extern int	retention_find_orphans(int64 after, int max, int64 *out, int64 *looked_up_to, bool *is_end);

#endif							/* SYNERGY_STORE_RETENTION_H */
