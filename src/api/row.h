/*
 * api/row.h: a row of a result, put together column by column.
 */
#ifndef SYNERGY_API_ROW_H
#define SYNERGY_API_ROW_H

#include "postgres.h"
#include "utils/builtins.h"

#define MAX_ROW_COLUMNS 32

typedef struct RowBuilder
{
	int			n;
	Datum		values[MAX_ROW_COLUMNS];
	bool		nulls[MAX_ROW_COLUMNS];
} RowBuilder;

static inline void
row_add(RowBuilder *row, Datum value, bool is_null)
{
	Assert(row->n < MAX_ROW_COLUMNS);
	row->values[row->n] = value;
	row->nulls[row->n++] = is_null;
}

/* NULL for NULL */
static inline void
row_add_text(RowBuilder *row, const char *text)
{
	row_add(row, text ? CStringGetTextDatum(text) : (Datum) 0, text == NULL);
}

#endif							/* SYNERGY_API_ROW_H */
