/*
 * store/identity.c: is this database the one that its definitions belong to, or a copy?
 *
 * In a copy nothing may run until somebody has said so (synergy.resume()): what the original does would be done twice.
 * How each kind of copy is known:
 *
 *	 CREATE DATABASE ... TEMPLATE	the row names another database
 *	 a dump that was restored		definitions came in by COPY, and not through register_*: a trigger notes it in the
 *									transaction that brings the first ones, so that no scheduler ever sees them without.
 *									The dump also brings a row of its own: two rows are a copy, too
 *	 a base backup that was started	the postmaster finds backup_label or recovery.signal, and no standby.signal.  The
 *	 as a primary, restored to a	label is gone afterwards, so a number is left behind in a file of the data directory
 *	 point in time, too				(COPY_FILE); each database that does not know that number yet is paused
 *	 another system identifier		pg_createsubscriber, pg_resetwal
 *
 * A standby that is promoted is none of these, and goes on.  (It deletes the file, which has come with the backup:
 * whether a database is paused comes from its primary's tables.)  pg_upgrade is none, either: it gives the cluster
 * another system identifier and leaves the oid of the database, but the major version is another one.
 *
 * After a promotion claims may be lost that the old primary had given: they have not been replicated.  Their workers know
 * an attempt that the next claim would give again, and could finish a unit over its worker's head.  So when the timeline
 * has changed, what is requested of workers goes on with an attempt more.  (Not of amqp workers: they have messages with
 * the attempt of a start that is still to come.)  The scheduler does it before anything else, in a transaction of its own,
 * and until then nobody gets a unit.
 *
 * A row is written by the first scheduler or session that wants to change something.  So a template in which neither
 * has been (template1) gives originals.  Two of them at once would write two rows, which is a copy: who writes has the
 * table locked.  Sessions wait for that, under the round lock; the scheduler, which looks without the round lock since
 * somebody may sit on it, leaves the row to who has it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "daemon/again.h"
#include "daemon/wake.h"
#include "nls.h"
#include "store/definition.h"
#include "store/identity.h"
#include "store/spi.h"
#include "store/version.h"

#define COPY_FILE "synergy.copy"	/* in the data directory */

#define BECAUSE_BACKUP translatable("the server was started from a base backup as a primary")
#define BECAUSE_RESTORED translatable("its definitions were restored from a dump")
#define BECAUSE_DATABASE translatable("it is a copy of another database")
#define BECAUSE_CLUSTER translatable("it is a copy of a database of another cluster")

/* of the base backup that this server was once started from; 0: none */
static int64 copy_id = 0;

/* ---------------------------------------------------------------- at the start of the server */

static bool
is_there(const char *name)
{
	struct stat buffer;

	return stat(name, &buffer) == 0;
}

static void
write_copy_file(void)
{
	char		text[32];
	int			file = OpenTransientFile(COPY_FILE ".new", O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);

	snprintf(text, sizeof(text), INT64_FORMAT "\n", copy_id);
	if (file < 0 || write(file, text, strlen(text)) != (ssize_t) strlen(text) || pg_fsync(file) != 0)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not write file \"%s\": %m", COPY_FILE ".new"),
				 errhint("Without it the jobs of the original would be run here, too.")));
	CloseTransientFile(file);
	(void) durable_rename(COPY_FILE ".new", COPY_FILE, FATAL);
}

static void
read_copy_file(void)
{
	char		text[32] = {0};
	int			file = OpenTransientFile(COPY_FILE, O_RDONLY | PG_BINARY);

	if (file < 0 && errno == ENOENT)
		return;
	errno = 0;
	if (file < 0 || read(file, text, sizeof(text) - 1) < 0)
		ereport(FATAL,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", COPY_FILE),
				 errhint("It says that this server was started from a base backup. Remove it if the jobs of all databases may run here.")));
	copy_id = strtoll(text, NULL, 10);
	if (copy_id == 0)
		ereport(FATAL,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s\" holds no number", COPY_FILE),
				 errhint("It says that this server was started from a base backup. Remove it if the jobs of all databases may run here.")));
	CloseTransientFile(file);
}

void
identity_note_start(void)
{
	if (IsUnderPostmaster)
		return;
	if (is_there("standby.signal"))
		(void) unlink(COPY_FILE);
	else if (is_there("backup_label") || is_there("recovery.signal"))
	{
		if (!pg_strong_random(&copy_id, sizeof(copy_id)))
			ereport(FATAL, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random number")));
		copy_id = (copy_id & INT64CONST(0x7fffffffffffffff)) | 1;
		write_copy_file();
	}
	else
		read_copy_file();
}

/* ---------------------------------------------------------------- the row */

static void
set_own_values(Datum *values)
{
	values[0] = Int64GetDatum((int64) GetSystemIdentifier());
	values[1] = ObjectIdGetDatum(MyDatabaseId);
	values[2] = Int32GetDatum(PG_MAJORVERSION_NUM);
	values[3] = Int64GetDatum(copy_id);
	values[4] = Int32GetDatum(RecoveryInProgress() ? 0 : (int32) CURRENT_TIMELINE());
}

/* until the end of the transaction; what was read before it may be old.  false: somebody else is writing */
static bool
lock_table(bool wait)
{
	Oid			relation = get_relname_relid("identity", get_namespace_oid("synergy", false));

	if (!wait)
		return ConditionalLockRelationOid(relation, ShareRowExclusiveLock);
	LockRelationOid(relation, ShareRowExclusiveLock);
	return true;
}

/* the table is locked */
static void
write_row(const char *paused_because)
{
	static StoreQuery clear = {"DELETE FROM synergy.identity", 0};
	static StoreQuery add = {
		"INSERT INTO synergy.identity (system_identifier, database_oid, major_version, copy_id, timeline, paused_because) "
		"VALUES ($1, $2, $3, $4, $5, $6)", 6, {INT8OID, OIDOID, INT4OID, INT8OID, INT4OID, TEXTOID}
	};
	Datum		values[6];
	char		nulls[6] = {' ', ' ', ' ', ' ', ' ', paused_because ? ' ' : 'n'};

	set_own_values(values);
	values[5] = paused_because ? CStringGetTextDatum(paused_because) : (Datum) 0;
	store_execute(&clear, NULL, NULL);
	store_execute(&add, values, nulls);
}

/* what is claimed from now on has another attempt than what may have been claimed and forgotten */
static void
skip_attempts(void)
{
	static StoreQuery query = {
		"UPDATE synergy.unit_of_work_data u SET attempt = u.attempt + 1 FROM synergy.active_unit a, synergy.definition d "
		"WHERE u.unit_of_work_id = a.unit_of_work_id AND u.process_id = d.process_id AND d.worker IN ('notify', 'exec') AND u.state IN ('r', 'v')", 0
	};

	again_note_all(true);
	store_execute(&query, NULL, NULL);
}

static void
note_promotion(void)
{
	static StoreQuery query = {
		"UPDATE synergy.identity SET timeline = $1 WHERE timeline <> $1", 1, {INT4OID}
	};
	Datum		values[1] = {Int32GetDatum((int32) CURRENT_TIMELINE())};

	/* who has waited for another one's update finds that it is done */
	if (store_execute(&query, values, NULL) > 0)
		skip_attempts();
}

/*
 * Why it is a copy, from the rows alone.  *is_ours: one row, which is as we would write it, but for *is_promoted: it names
 * another timeline.
 */
static char *
read_row(bool *is_ours, bool *is_promoted)
{
	static StoreQuery query = {
		"SELECT pg_catalog.count(*), pg_catalog.max(paused_because), pg_catalog.bool_or(database_oid <> $2), "
		"  pg_catalog.bool_or(system_identifier <> $1), pg_catalog.bool_or(major_version <> $3), "
		"  pg_catalog.bool_or(copy_id <> $4 AND $4 <> 0), pg_catalog.bool_or(timeline <> $5 AND $5 <> 0) FROM synergy.identity", 5,
		{INT8OID, OIDOID, INT4OID, INT8OID, INT4OID}
	};
	Datum		values[5];
	int64		n;
	char	   *because;
	bool		other_database,
				other_cluster,
				other_major,
				from_backup;

	set_own_values(values);
	store_execute(&query, values, NULL);
	n = store_get_int64(0, 1, 0);
	because = store_get_text(0, 2);
	other_database = store_get_bool(0, 3, false);
	other_cluster = store_get_bool(0, 4, false);
	other_major = store_get_bool(0, 5, false);
	from_backup = store_get_bool(0, 6, false);
	*is_promoted = store_get_bool(0, 7, false);
	*is_ours = n == 1 && !other_database && !other_cluster && !other_major && !from_backup;
	if (because != NULL)
		return because;
	if (n > 1)
		return pstrdup(BECAUSE_RESTORED);
	if (other_cluster && (other_database || !other_major))
		return pstrdup(BECAUSE_CLUSTER);
	if (other_database)
		return pstrdup(BECAUSE_DATABASE);
	if (from_backup)
		return pstrdup(BECAUSE_BACKUP);
	return NULL;
}

char *
identity_look(void)
{
	bool		is_ours,
				is_promoted;

	return read_row(&is_ours, &is_promoted);
}

/* is there something to write down?  *because: why it is a copy */
static bool
has_news(char **because, bool *is_promoted)
{
	bool		is_ours;

	*because = read_row(&is_ours, is_promoted);
	*is_promoted = *is_promoted && is_ours;
	return !is_ours && (*because == NULL || strcmp(*because, BECAUSE_BACKUP) == 0);
}

/* what is found is written down: a standby of this server does not know how it was started */
static char *
pause_if_copy(bool wait)
{
	char	   *because;
	bool		is_promoted,
				is_new = has_news(&because, &is_promoted);

	if (RecoveryInProgress() || XactReadOnly || !version_fits())
		return because;
	if (is_promoted)
		note_promotion();
	if (is_new && lock_table(wait) && has_news(&because, &is_promoted))
		write_row(because);
	return because;
}

char *
identity_pause(void)
{
	return pause_if_copy(false);
}

bool
identity_may_work(void)
{
	static uint64 looked_at = 0;
	uint64		count = wake_count_of_definitions();
	bool		is_ours,
				is_promoted;

	if (count != 0 && count == looked_at)
		return true;
	/* a worker's transaction may be long: it writes nothing that the scheduler would wait for, if there is one */
	if (!wake_is_possible())
		return identity_pause() == NULL;
	if (read_row(&is_ours, &is_promoted) != NULL || is_promoted)
		return false;
	looked_at = count;
	return true;
}

void
identity_settle(void)
{
	static uint64 looked_at = 0;
	uint64		count = wake_count_of_definitions();

	if (count != 0 && count == looked_at)
		return;
	(void) pause_if_copy(true);
	looked_at = count;
}

/*
 * A dump without history brings finished jobs and not their units: from here on that is as if retention had taken them.
 * One with history brings what was said of each registration.
 */
static void
note_missing_units(void)
{
	static StoreQuery query = {
		"SELECT pg_catalog.setval('synergy.pruned_seq', u.last_value) FROM synergy.unit_of_work_data_unit_of_work_id_seq u, "
		"  synergy.pruned_seq p WHERE u.last_value > p.last_value AND NOT EXISTS (SELECT FROM synergy.event_log)", 0
	};

	store_execute(&query, NULL, NULL);
}

void
identity_take_over(void)
{
	bool		is_ours,
				is_promoted;
	char	   *because;

	lock_table(true);
	because = read_row(&is_ours, &is_promoted);
	if (because != NULL && strcmp(because, BECAUSE_RESTORED) == 0)
		note_missing_units();
	/* restored to a point in time, it has forgotten claims as well */
	if (because != NULL && strcmp(because, BECAUSE_BACKUP) == 0)
		skip_attempts();
	write_row(NULL);
}

void
identity_note_restored(void)
{
	bool		is_ours,
				is_promoted;

	if (read_row(&is_ours, &is_promoted) != NULL)
		return;
	lock_table(true);
	write_row(BECAUSE_RESTORED);
	(void) definition_bump_version();
	wake_scheduler_at_commit(WAKE_ALL);
}
