/*
 * guc.c: the settings, with their units and bounds.  docs/reference/settings.md is made from what is said of them here.
 *
 * All but start_timeperiod need a superuser or a grant of SET: they steer background processes, or time itself.
 * They can be set in postgresql.conf, or for one database with ALTER DATABASE ... SET.
 */
#include "postgres.h"

#include <limits.h>

#include "access/parallel.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "core/timeperiod.h"
#include "guc.h"
#include "nls.h"

char	   *synergy_clock = NULL;
bool		synergy_enabled = true;
char	   *synergy_start_timeperiod = NULL;
int			synergy_trigger_lag;
int			synergy_gc_interval;
int			synergy_gc_resubmit_after;
int			synergy_gc_release_lag;
int			synergy_gc_life_support;
int			synergy_agent_timeout;
int			synergy_max_executors;
int			synergy_executor_idle_timeout;
int			synergy_source_timeout;
int			synergy_retention;
int			synergy_retention_events;
char	   *synergy_amqp_uri = NULL;
char	   *synergy_amqp_password_file = NULL;
char	   *synergy_amqp_ca_file = NULL;
char	   *synergy_amqp_cert_file = NULL;
char	   *synergy_amqp_key_file = NULL;
int			synergy_amqp_verify;
bool		synergy_publish_events = false;
bool		synergy_publish_alerts = false;
static bool synergy_dump_history;	/* read by the conditions in sql/90_dump.sql */

static const struct config_enum_entry verify_options[] = {
	{"full", AMQP_VERIFY_FULL, false},
	{"ca", AMQP_VERIFY_CA, false},
	{"none", AMQP_VERIFY_NONE, false},
	{NULL, 0, false}
};

/* the clock as an instant; 0: not set.  Parsed once, when it is set. */
TimestampTz synergy_clock_instant = 0;

/*
 * Only reading a literal with a zone needs no catalog; the input function's error is ours to word.  A parallel worker gets our
 * settings before those of its time zones, and would read the literal with abbreviations that it has just freed; it does not need
 * the time: whatever asks for it is run by the leader (PARALLEL UNSAFE).
 */
static bool
check_clock(char **value, void **extra, GucSource source)
{
	MemoryContext context = CurrentMemoryContext;
	volatile TimestampTz instant = 0;
	volatile bool is_valid = true;
	TimestampTz *kept;

	if (*value != NULL && **value != '\0' && !InitializingParallelWorker)
	{
		PG_TRY();
		{
			instant = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(*value),
															  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		}
		PG_CATCH();
		{
			MemoryContextSwitchTo(context);
			FlushErrorState();
			is_valid = false;
		}
		PG_END_TRY();
		if (!is_valid || TIMESTAMP_NOT_FINITE(instant))
		{
			GUC_check_errdetail("\"%s\" is no timestamp.", *value);
			GUC_check_errhint("Write it as in '2016-04-20 05:10:00+00'; '' is the time of day.");
			return false;
		}
	}
	kept = GUC_MALLOC(sizeof(TimestampTz));
	if (kept == NULL)
		return false;
	*kept = instant;
	*extra = kept;
	return true;
}

static void
assign_clock(const char *value, void *extra)
{
	synergy_clock_instant = extra ? *(TimestampTz *) extra : 0;
}

static bool
check_start_timeperiod(char **value, void **extra, GucSource source)
{
	Timeperiod	timeperiod;

	if (*value == NULL || **value == '\0')
		return true;
	if (timeperiod_parse(*value, strlen(*value), &timeperiod) && !timeperiod_is_long(timeperiod))
		return true;
	GUC_check_errdetail("\"%s\" is no timeperiod.", *value);
	GUC_check_errhint("Write YYYYMMDDHH in UTC, as in 2016042000; '' is the time of registration.");
	return false;
}

/* only the beginnings: the rest is read by the courier, which says what is wrong with it */
static bool
check_amqp_uri(char **value, void **extra, GucSource source)
{
	char	   *rest = *value;
	char	   *at;

	while (rest != NULL && *(rest += strspn(rest, ", ")) != '\0')
	{
		if (strncmp(rest, "amqp://", 7) != 0 && strncmp(rest, "amqps://", 8) != 0)
		{
			GUC_check_errdetail("An address does not begin with amqp:// or amqps://.");
			GUC_check_errhint("Write amqp://user:password@host:port/vhost; several, separated by commas, are tried in turn.");
			return false;
		}
		rest = strstr(rest, "//") + 2;
		at = rest + strcspn(rest, "@/, ");
		/* PGC_S_TEST: ALTER DATABASE or ALTER ROLE, not the session's own */
		if (source == PGC_S_TEST && *at == '@' && memchr(rest, ':', at - rest) != NULL)
			ereport(WARNING,
					(errmsg("the password in \"synergy.amqp_uri\" can be read by every role in pg_db_role_setting"),
					 errhint("Leave it out, and set synergy.amqp_password_file; or set the address with ALTER SYSTEM.")));
		rest += strcspn(rest, ", ");
	}
	return true;
}

static void
define_text(const char *name, const char *what, const char *more, char **variable, GucStringCheckHook check)
{
	DefineCustomStringVariable(name, what, more, variable, "", PGC_SUSET, GUC_SUPERUSER_ONLY, check, NULL, NULL);
}

static void
define_amqp(void)
{
	define_text("synergy.amqp_uri", "RabbitMQ brokers of this database; empty: no courier.",
				"amqp[s]://user:password@host:port/vhost; several of one cluster, separated by commas, are tried in turn. "
				"Only superusers see it, but what ALTER DATABASE sets stands in pg_db_role_setting, which every role can read: "
				"keep the password out of it. See docs/amqp.md.",
				&synergy_amqp_uri, check_amqp_uri);
	define_text("synergy.amqp_password_file", "File whose first line is the password, instead of one in synergy.amqp_uri.",
				"Read by the server with each connection. Who may set both this and the address can send the first line of any "
				"file that the server reads to a broker of his own.",
				&synergy_amqp_password_file, NULL);
	define_text("synergy.amqp_ca_file", "TLS: PEM file of the authorities that a broker's certificate must come from.",
				"Needed for amqps:// unless synergy.amqp_verify is none.", &synergy_amqp_ca_file, NULL);
	define_text("synergy.amqp_cert_file", "TLS: PEM file of the certificate that the courier shows to the broker; empty: none.", NULL,
				&synergy_amqp_cert_file, NULL);
	define_text("synergy.amqp_key_file", "TLS: PEM file of the private key of synergy.amqp_cert_file.", NULL, &synergy_amqp_key_file, NULL);
	DefineCustomEnumVariable("synergy.amqp_verify", "TLS: what of a broker's certificate is verified.",
							 "full: authority and host name; ca: authority; none: nothing.", &synergy_amqp_verify,
							 AMQP_VERIFY_FULL, verify_options, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("synergy.publish_alerts", "Are jobs that miss their deadline published, too?",
							 "To exchange ex_utils, routing key job_alert: when a job is found late, and when it is finished after all. "
							 "See docs/alerting.md.", &synergy_publish_alerts, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("synergy.publish_events", "Are transitions of jobs and units published, too?",
							 "To exchange ex_utils, routing keys job_status and uow_status. See docs/amqp.md.", &synergy_publish_events, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

static void
define_interval(const char *name, const char *what, const char *more, int *variable, int value, int min)
{
	DefineCustomIntVariable(name, what, more, variable, value, min, INT_MAX, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* too long to be counted in ms; below 0: for ever, or what `what` says */
static void
define_retention(const char *name, const char *what, const char *more, int *variable)
{
	DefineCustomIntVariable(name, what, more, variable, -1, -1, INT_MAX, PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
}

#define SECONDS 1000
#define MINUTES (60 * SECONDS)
#define HOURS	(60 * MINUTES)

void
guc_define(void)
{
	DefineCustomStringVariable("synergy.clock", "Virtual time of this session; empty: the time of day.",
							   "synergy.now() and the step functions read it, for tests and simulation; background processes ignore it.",
							   &synergy_clock, "", PGC_SUSET, 0,
							   check_clock, assign_clock, NULL);
	DefineCustomBoolVariable("synergy.enabled", "May the background scheduler work?",
							 "Off: it stays, does nothing, and synergy.status() says disabled; units that run, run on, and step functions "
							 "go on to work.", &synergy_enabled, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomStringVariable("synergy.start_timeperiod",
							   "Where timetables begin whose registration does not say it; empty: at their registration.",
							   "YYYYMMDDHH in UTC. Read by the session that registers.", &synergy_start_timeperiod, "",
							   PGC_USERSET, 0, check_start_timeperiod, NULL, NULL);
	define_interval("synergy.trigger_lag", "How long discrete jobs wait after the end of their period, for late facts.",
					"Option trigger_lag of a process goes before it.", &synergy_trigger_lag, 5 * MINUTES, 0);
	define_interval("synergy.gc_interval", "Time between two runs of the garbage collector, while units of work are active.",
					NULL, &synergy_gc_interval, 60 * SECONDS, 100);
	define_interval("synergy.gc_resubmit_after",
					"A unit of work that is requested, or in progress outside of the database, for longer is stale.",
					"Option gc_resubmit_after of a process goes before it.", &synergy_gc_resubmit_after, 1 * HOURS, 0);
	define_interval("synergy.gc_release_lag", "How long a failed or stale unit of work is held back before it is tried again.",
					"Option gc_release_lag of a process goes before it.", &synergy_gc_release_lag, 15 * MINUTES, 0);
	define_interval("synergy.gc_life_support", "Active units of work older than this are canceled, and their jobs skipped.",
					"Option gc_life_support of a process goes before it.", &synergy_gc_life_support, 48 * HOURS, 0);
	define_interval("synergy.agent_timeout", "An agent with units that is not heard of for longer is given up, and its units with it.",
					"Or after gc_resubmit_after, where that is less. Its units fail, and are tried again as others are. Agents ask "
					"for it when they begin, and give a sign of life at least three times as often. See docs/agent-protocol.md.",
					&synergy_agent_timeout, 30 * SECONDS, 1 * SECONDS);
	DefineCustomIntVariable("synergy.max_executors", "Executors of one database at most: sessions for SQL work.",
							"Each takes a slot of max_worker_processes while it is there.", &synergy_max_executors, 4, 1, 64,
							PGC_SUSET, 0, NULL, NULL, NULL);
	define_interval("synergy.executor_idle_timeout", "How long an executor without work stays.", NULL,
					&synergy_executor_idle_timeout, 60 * SECONDS, 0);
	define_interval("synergy.source_timeout", "How long a look at the source of a recomputing process may take; 0: as long as it likes.",
					"What takes longer is given up, said in the log, and tried again with its next trigger: all timetables of the "
					"database wait for it.", &synergy_source_timeout, 10 * SECONDS, 0);
	define_retention("synergy.retention", "How long finished units of work are kept, with their log lines; -1: for ever.",
					 "Jobs are kept for ever. Options retention and retention_units of a process go before it. See docs/operating.md.",
					 &synergy_retention);
	define_retention("synergy.retention_events", "How long lines of the event log are kept; -1: as long as synergy.retention says.",
					 NULL, &synergy_retention_events);
	define_amqp();
	DefineCustomBoolVariable("synergy.dump_history", "Does pg_dump take history along?",
							 "Read by the session of pg_dump. Off: definitions, jobs and what is still at work, without finished units, "
							 "logs and events. See docs/ha.md.",
							 &synergy_dump_history, true, PGC_USERSET, 0, NULL, NULL, NULL);
	RESERVE_SETTINGS("synergy");
}
