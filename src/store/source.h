/*
 * store/source.h: the source table of a recomputing process.
 */
#ifndef SYNERGY_STORE_SOURCE_H
#define SYNERGY_STORE_SOURCE_H

#include "store/definition.h"

/*
 * Lowest and highest key of the source rows with from <= time < to, read with the rights of the process's owner.
 * Returns false, and says so in the log, when they cannot be read; *has_rows is false when there are none.
 */
extern bool source_bounds(const Process *process, TimestampTz from, TimestampTz to,
						  bool *has_rows, int64 *low, int64 *high);

#endif							/* SYNERGY_STORE_SOURCE_H */
