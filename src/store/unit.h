/*
 * store/unit.h: statements over synergy.unit_of_work_data, as the round uses them.
 */
#ifndef SYNERGY_STORE_UNIT_H
#define SYNERGY_STORE_UNIT_H

#include "nodes/pg_list.h"

#include "store/definition.h"
#include "store/unit_row.h"

typedef struct Unit
{
	int64		id;
	int32		process_id;
	UnitState	state;
	Timeperiod	timeperiod;
	Timeperiod	start_timeperiod;
	Timeperiod	end_timeperiod;
	int64		start_id;
	int64		end_id;
	int64		n_rows;			/* recomputing: source rows when it was requested; -1: unknown */
	char	   *writers;		/* and the transactions that were writing the source then, or NULL; see round/rows.h */
	int64		mark;
	int			attempt;
	int			retries;
	int			losses;
	bool		by_executor;
	TimestampTz created;
	TimestampTz submitted;
	TimestampTz started;		/* 0: not */
	TimestampTz heard;			/* last sign of life after that, 0: none */
	TimestampTz release;		/* 0: not held back */
	char	   *error;			/* to be written when not NULL */
	/* as it is in the table: a change is written only if it still is so (a worker may have been faster) */
	UnitState	stored_state;
	int			stored_attempt;
	bool		is_new;
	bool		is_logged;		/* the event with its mark */
	bool		is_dirty;
	bool		is_ready;		/* it is in the frame's list `ready` */
	bool		is_written;		/* by the last unit_update() */
	bool		is_carried;		/* it is not in the table, see round/carried.h */
	int			place_in_chain; /* carried ones that are run one behind the other, from 1 on; 0: it is in no chain */
	bool		is_unlisted;	/* it never was in synergy.active_unit */
	bool		is_let_go;		/* it was its job's, and is to be canceled so that another can take its place */
	bool		is_on_box;		/* an agent has taken it, and perhaps ended it */
	bool		is_current;		/* garbage collector: it is its job's or freerun's unit */
	bool		is_watched;		/* likewise: on a box whose silence would be noticed */
} Unit;

typedef struct UnitBounds
{
	int32		process_id;
	Timeperiod	timeperiod;
	int64		start_id;
	int64		end_id;
} UnitBounds;

extern Oid	unit_relation(void);	/* of synergy.unit_of_work_data */

/* the next n ids, ascending */
extern void unit_take_ids(int64 *ids, int n);

/* those of these that there are: *units is palloc'd, and so is what it points to */
extern int	unit_fetch(const int64 *ids, int n, Unit **units);

/* rows of these are read with unit_read_row() */
/* the oldest unit of each of these jobs with just these bounds, where there is one */
extern uint64 unit_select_with_bounds(const UnitBounds *wanted, int n);
/* all that have a row in synergy.active_unit: column UNIT_CURRENT_COLUMN: is it its job's or freerun's unit? */
extern uint64 unit_select_active(void);
extern uint64 unit_select_in_progress(bool by_executor);	/* under executors, or under others */
extern uint64 unit_select_requested(Datum process_ids); /* of these processes and freeruns, an int[] */
#define UNIT_CURRENT_COLUMN (UNIT_COLUMN_COUNT + 1)
#define UNIT_WATCHED_COLUMN (UNIT_COLUMN_COUNT + 2) /* unit_select_active: is it on a box that is waited for? */
#define UNIT_LISTED_PROCESS_COLUMN (UNIT_COLUMN_COUNT + 3)	/* unit_select_active: the key of its row there: the unit may be gone */
#define UNIT_LISTED_COLUMN (UNIT_COLUMN_COUNT + 4)
extern uint64 unit_select_active_of(List *jobs);	/* of Job * */
extern uint64 unit_select_on_boxes(List *box_names);	/* in progress there; column UNIT_BOX_COLUMN: the box's name */
#define UNIT_BOX_COLUMN (UNIT_COLUMN_BOX_NAME + 1)
extern void unit_read_row(uint64 row, Unit *out);

extern void unit_insert(List *units);

/* for who writes rows of new ones in bulk (store/bulk.h): all columns */
extern void unit_fill_row(const Unit *unit, Datum *values, bool *nulls);
/* likewise, where that is not possible: without listing them as active */
extern void unit_insert_by_statement(List *units);
/* writes those that are still as they were read (a worker may have been faster); returns those that were not written */
extern List *unit_update(List *units);
/* cancels those that are active, whoever has them; returns those that are not, or whose rows somebody has locked */
extern List *unit_cancel(List *units);

/* NOTIFY synergy, one per name */
extern void unit_notify(List *process_names);

#endif							/* SYNERGY_STORE_UNIT_H */
