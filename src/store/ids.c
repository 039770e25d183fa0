/*
 * store/ids.c: lists of ids: in their order, and as what statements take.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/qunique.h"

#include "store/ids.h"
#include "store/spi.h"

int
ids_compare(const void *a, const void *b)
{
	int64		x = *(const int64 *) a,
				y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

void
ids_sort(int64 *ids, int n)
{
	qsort(ids, n, sizeof(int64), ids_compare);
}

int64 *
ids_each_once(const int64 *ids, int n, int *n_out)
{
	int64	   *each = palloc(sizeof(int64) * Max(n, 1));

	memcpy(each, ids, sizeof(int64) * n);
	ids_sort(each, n);
	*n_out = (int) qunique(each, n, sizeof(int64), ids_compare);
	return each;
}

Datum
ids_array(const int64 *ids, int n)
{
	StoreColumn column;

	column_init(&column, INT8OID);
	for (int i = 0; i < n; i++)
		column_add(&column, Int64GetDatum(ids[i]));
	return column_array(&column);
}
