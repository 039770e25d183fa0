/*
 * store/writer.c: a table of ours and its indexes, open for who writes rows without a statement.
 *
 * The executor's structures are there for its indexes only: there is no plan, and so no range table.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "store/version.h"
#include "store/writer.h"

/* as the executor does for a statement */
void
writer_require(void)
{
	version_require();
	PreventCommandIfReadOnly("UPDATE");
}

bool
writer_open(Writer *writer, Oid relation, int n_columns)
{
	Relation	opened;

	writer_require();
	opened = table_open(relation, RowExclusiveLock);
	if (opened->trigdesc != NULL || opened->rd_rel->relkind != RELKIND_RELATION || RelationGetNumberOfAttributes(opened) != n_columns)
	{
		table_close(opened, NoLock);
		return false;
	}
	writer->relation = opened;
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, opened, 0, NULL, 0);
	ExecOpenIndices(writer->result, false);
	return true;
}

void
writer_close(Writer *writer)
{
	ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	table_close(writer->relation, NoLock);
	CommandCounterIncrement();
}
