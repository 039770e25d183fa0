/*
 * store/ids.h: lists of ids: in their order, and as what statements take.
 */
#ifndef SYNERGY_STORE_IDS_H
#define SYNERGY_STORE_IDS_H

#include "postgres.h"

/* for qsort() and bsearch(): of ids, and of structures that begin with one */
extern int	ids_compare(const void *a, const void *b);

extern void ids_sort(int64 *ids, int n);

/* palloc'd: those of `ids`, ascending, each once; *n_out: how many */
extern int64 *ids_each_once(const int64 *ids, int n, int *n_out);

/* a bigint[] of them */
extern Datum ids_array(const int64 *ids, int n);

#endif							/* SYNERGY_STORE_IDS_H */
