/*
 * api/session.c: what every function that changes definitions or jobs begins and ends with.
 *
 * All of them take the round lock first and hold it to the end of the caller's transaction: so nobody ever sees half
 * a change, and the scheduler finds a new version number when its turn comes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "api/arguments.h"
#include "api/session.h"
#include "daemon/clock.h"
#include "daemon/wake.h"
#include "daemon/watch.h"
#include "nls.h"
#include "store/identity.h"
#include "store/registry.h"
#include "store/version.h"

void
session_begin(Session *session)
{
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot change jobs or definitions within a security-restricted operation"),
				 errhint("Functions of indexes, of materialized views and of sources of recomputing processes may only look.")));
	version_require();
	session->caller = GetUserId();
	session->caller_name = GetUserNameFromId(session->caller, false);
	session->now = clock_now();
	round_enter(&session->scope);
	identity_settle();			/* what is registered belongs to this database */
}

void
session_end(Session *session)
{
	store_leave(&session->scope);
}

/* it looks at all definitions: once in a transaction, however many that registers */
static void
forget_dropped_owners(void)
{
	static TransactionId last = InvalidTransactionId;
	TransactionId current = GetTopTransactionId();

	if (TransactionIdEquals(current, last))
		return;
	(void) registry_forget_dropped_owners();
	last = current;
}

void
session_definitions_changed(Session *session, const char *event, const char *process_name, const char *entry_name,
							const char *detail)
{
	EventRecord record = {0};

	record.event = event;
	record.process_name = process_name;
	record.entry_name = entry_name;
	record.detail = detail;
	event_log_one(record, session->now);
	forget_dropped_owners();
	definition_bump_version();
	watch_note_definitions();
	if (process_name != NULL)
		watch_note_name(process_name);
	else						/* a timetable: jobs of its processes may have come or gone */
		watch_note_all();
	wake_scheduler_at_commit(WAKE_ALL);
}

static Frame *
make_frame(Session *session, bool is_dry, bool may_be_paused)
{
	Frame	   *frame = frame_create(definition_load(CurrentMemoryContext), session->now);

	frame->is_dry = is_dry;
	if (frame->definitions->paused && !may_be_paused)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("Synergy is paused in this database: %s", translated(frame->definitions->paused)),
				 errhint("Call synergy.resume() if its jobs are to be run here.")));
	frame_extend(frame);
	return frame;
}

Frame *
session_frame(Session *session)
{
	return make_frame(session, false, false);
}

Frame *
session_dry_frame(Session *session)
{
	return make_frame(session, true, false);
}

Frame *
session_paused_frame(Session *session)
{
	return make_frame(session, false, true);
}

void
session_flush(Session *session, Frame *frame)
{
	if (!frame_flush(frame))
		return;
	definition_bump_version();
	wake_scheduler_at_commit(WAKE_ALL);
}

/* the schema's owner is who we are inside of the store */
static bool
may_change(const Session *session, Oid owner)
{
	return has_privs_of_role(session->caller, owner) || has_privs_of_role(session->caller, GetUserId());
}

static const char *
owner_name(Oid owner)
{
	char	   *name = GetUserNameFromId(owner, true);

	return name ? psprintf(translated("role \"%s\""), name) : translated("a role that does not exist any more");
}

void
session_check_owner(Session *session, Oid owner, const char *process_name, const char *entry_name)
{
	if (may_change(session, owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of \"%s\"", entry_name ? entry_name : process_name),
			 errhint("It was registered by %s; a definition can be changed by its owner and members of that role.",
					 owner_name(owner))));
}

void
session_check_timetable(Session *session, Oid owner, const char *tree_name)
{
	if (may_change(session, owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of timetable \"%s\"", tree_name),
			 errhint("It was registered by %s; only its owner and members of that role change it or let processes join it. "
					 "Others can depend on it.", owner_name(owner))));
}

/*
 * A command is run later, when nobody looks, with all rights of its owner.  In a function that is SECURITY DEFINER the
 * current user is the one that the function belongs to: whoever calls it would leave a command behind that has that role's rights.
 */
Oid
session_owner(void)
{
	Oid			owner = GetUserId();

	if (!has_privs_of_role(GetOuterUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot register what would run as role \"%s\"",
						GetUserNameFromId(GetOuterUserId(), false), GetUserNameFromId(owner, false)),
				 errdetail("The call came from a function that is SECURITY DEFINER."),
				 errhint("Let the function be SECURITY INVOKER, or make \"%s\" a member of \"%s\".",
						 GetUserNameFromId(GetOuterUserId(), false), GetUserNameFromId(owner, false))));
	return owner;
}

void
session_tell_owner(Session *session, Oid owner, const char *process_name, const char *entry_name)
{
	if (owner != session->caller)
		ereport(NOTICE,
				(errmsg("\"%s\" belonged to %s, and belongs to role \"%s\" now", entry_name ? entry_name : process_name,
						owner_name(owner), session->caller_name),
				 errdetail("Its command runs with the rights of its owner.")));
}

void
session_check_hands(int32 id, const char *process_name, const char *entry_name)
{
	int64		unit_id = registry_unit_in_hands(id);

	if (unit_id != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("unit of work %lld of \"%s\" is just being changed by its worker", (long long) unit_id,
						entry_name ? entry_name : process_name),
				 errhint("Try again when the worker's transaction has ended.")));
}

void
report_no_process(const char *process_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("process \"%s\" does not exist", argument_shown(process_name)),
			 errhint("SELECT process_name FROM synergy.process lists the processes; of a freerun the entry name is needed, too.")));
}

void
report_no_freerun(const char *process_name, const char *entry_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("freerun \"%s\", entry \"%s\" does not exist", argument_shown(process_name), argument_shown(entry_name)),
			 errhint("SELECT process_name, entry_name FROM synergy.freerun lists the freeruns.")));
}

Job *
session_find_job(Frame *frame, const char *name, text *timeperiod_text)
{
	Timeperiod	timeperiod = argument_timeperiod("timeperiod", timeperiod_text);
	Process    *process = definition_process_named(frame->definitions, name);
	Job		   *job;

	if (process == NULL)
		report_no_process(name);
	argument_fits("timeperiod", process->qualifier, timeperiod);
	job = timeperiod_is_long(timeperiod) ? NULL : frame_job(frame, process, timeperiod);
	if (job == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("timeperiod \"%s\" is outside the timetable of process \"%s\"", text_to_cstring(timeperiod_text), name),
				 errhint("SELECT min(timeperiod), max(timeperiod) FROM synergy.job WHERE process_name = %s tells its bounds.",
						 quote_literal_cstr(name))));
	return job;
}

/* the enums' labels go through text: their oids are the catalog's business */
Datum
job_state_datum(TupleDesc descriptor, int column, JobState state)
{
	Oid			input,
				parameter;

	getTypeInputInfo(TupleDescAttr(descriptor, column)->atttypid, &input, &parameter);
	return OidInputFunctionCall(input, unconstify(char *, job_state_name(state)), parameter, -1);
}
