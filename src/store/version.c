/*
 * store/version.c: does the library fit the schema of this database?
 *
 * The row of pg_extension is read once a session, and again when some session of the server has created, updated or
 * dropped an extension (daemon/park.c counts them).  Without shared memory, and in a transaction that is doing just that,
 * it is read each time.  Scripts of the extension itself may write: they are what makes it fit.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

#include "daemon/park.h"
#include "nls.h"
#include "store/version.h"


/* what the schema of this database is; NULL: no extension */
static char *
installed_version(void)
{
	Relation	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("synergy"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		is_null;
		Datum		datum = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(relation), &is_null);

		if (!is_null)
			version = TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return version;
}

bool
version_fits(void)
{
	static uint64 looked_at = 0;	/* park_extension_count() when we looked, and it fitted */
	uint64		count = park_extension_count();
	char	   *installed;
	bool		fits;

	if (creating_extension || (count != 0 && count == looked_at))
		return true;
	installed = installed_version();
	fits = installed == NULL || strcmp(installed, SYNERGY_VERSION) == 0;
	if (installed != NULL && fits)
		looked_at = count;
	return fits;
}

/* is the version 1.9 older than 1.10? */
static bool
is_older(const char *one, const char *other)
{
	while (*one != '\0' && *other != '\0')
	{
		long		a = strtol(one, unconstify(char **, &one), 10);
		long		b = strtol(other, unconstify(char **, &other), 10);

		if (a != b)
			return a < b;
		if (*one != *other)
			return *one < *other;
		if (*one != '\0')
			one++, other++;
	}
	return *one == '\0' && *other != '\0';
}

char *
version_misfit(char **hint)
{
	char	   *installed = installed_version();

	if (installed == NULL || creating_extension || strcmp(installed, SYNERGY_VERSION) == 0)
		return NULL;
	if (is_older(installed, SYNERGY_VERSION))
		*hint = translated("Run ALTER EXTENSION synergy UPDATE in this database.");
	else
		*hint = psprintf(translated("Install Synergy %s and restart the server."), installed);
	return psprintf(translated("Synergy's schema in this database is version %s, but the library that the server has loaded is %s"),
					installed, SYNERGY_VERSION);
}

void
version_require(void)
{
	char	   *hint;

	if (version_fits() || version_misfit(&hint) == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Synergy's schema in this database is version %s, but the library that the server has loaded is %s",
					installed_version(), SYNERGY_VERSION),
			 errdetail("Until they fit nothing is changed; what there is can be read."),
			 errhint("%s", hint)));
}
