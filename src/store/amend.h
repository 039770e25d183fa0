/*
 * store/amend.h: many rows of a table of ours, found by key and changed.
 *
 * An UPDATE of rows that come as arrays carries a copy of each array's row along, in case somebody else changes the row it is
 * joined with; that and the executor around it cost more than the change.  Here a row is found in an index and written, as the
 * catalogs are.  The caller is inside of store_enter(), changes no column of the key, and gives what constraints would ask for:
 * they are not looked at.
 */
#ifndef SYNERGY_STORE_AMEND_H
#define SYNERGY_STORE_AMEND_H

#include "postgres.h"

#include "storage/itemptr.h"

#include "store/finder.h"

typedef struct Amend Amend;

/* by the table's primary key. NULL: not in this way, because somebody has given the table a trigger or another column, or taken the key away: UPDATE */
extern Amend *amend_begin(Oid relation, int n_columns, FinderUse use);

/* the row with this key as the transaction sees it, in arrays that may be changed; false: there is none */
extern bool amend_find(Amend *amend, const Datum *key, Datum **values, bool **nulls);

/* likewise, as finder_seek */
extern bool amend_seek(Amend *amend, int64 key, Datum **values, bool **nulls);

/*
 * Likewise, the row in this place, if one that the transaction sees is there; which one that is, is for the caller to check.  Costs
 * no descent of the index.
 */
extern bool amend_fetch(Amend *amend, const ItemPointerData *place, Datum **values, bool **nulls);

/* as finder_range; then the next row, or false */
extern void amend_range(Amend *amend, Datum low, Datum high);
extern bool amend_next(Amend *amend, Datum **values, bool **nulls);

/* the row that was found, with what is in its arrays now; false: somebody else has changed or taken it meanwhile, or (not wait) is at it */
extern bool amend_write(Amend *amend, bool wait);

/* where that has put it */
extern ItemPointerData amend_place(const Amend *amend);

/* takes the row that was found away; false: as above */
extern bool amend_remove(Amend *amend, bool wait);

extern void amend_end(Amend *amend);

#endif							/* SYNERGY_STORE_AMEND_H */
