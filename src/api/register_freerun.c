/*
 * api/register_freerun.c: synergy.register_freerun and unregister_freerun.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/options.h"
#include "api/register.h"
#include "api/session.h"
#include "nls.h"
#include "round/timer.h"
#include "store/registry.h"

PG_FUNCTION_INFO_V1(synergy_register_freerun);
PG_FUNCTION_INFO_V1(synergy_unregister_freerun);

enum
{
	ARG_PROCESS, ARG_ENTRY, ARG_TRIGGER, ARG_COMMAND, ARG_WORKER, ARG_ARGUMENTS, ARG_DESCRIPTION, ARG_TIMEZONE, ARG_IS_ON,
	ARG_OPTIONS,
};

static void
read_arguments(FunctionCallInfo fcinfo, FreerunDefinition *d)
{
	WorkerKind	worker;
	TriggerRule trigger;

	d->process_name = argument_name(fcinfo, ARG_PROCESS, "process_name");
	d->entry_name = argument_name(fcinfo, ARG_ENTRY, "entry_name");
	d->trigger = argument_text_required(fcinfo, ARG_TRIGGER, "trigger_frequency");
	d->command = argument_text(fcinfo, ARG_COMMAND);
	d->worker = argument_text_required(fcinfo, ARG_WORKER, "worker");
	argument_not_null(fcinfo, ARG_ARGUMENTS, "arguments");
	d->arguments = PG_GETARG_JSONB_P(ARG_ARGUMENTS);
	d->description = argument_text(fcinfo, ARG_DESCRIPTION);
	d->timezone = argument_text_required(fcinfo, ARG_TIMEZONE, "timezone");
	if (PG_ARGISNULL(ARG_IS_ON))
		d->is_on = true;
	else
		d->is_on = PG_GETARG_BOOL(ARG_IS_ON);
	argument_not_null(fcinfo, ARG_OPTIONS, "options");
	d->options = PG_GETARG_JSONB_P(ARG_OPTIONS);

	if (!worker_kind_from_name(d->worker, &worker))
		argument_unknown("worker", d->worker, "sql, notify, amqp, exec");
	argument_trigger("trigger_frequency", d->trigger, true, &trigger);
	argument_timezone("timezone", d->timezone);
	options_check(d->options, OF_FREERUN, d->worker);
	check_worker_command(d->worker, d->command, d->entry_name);
	d->owner = session_owner();
}

/* a setup script may be run again next year: no reason to fail */
static void
say_if_never(const FreerunDefinition *d, TimestampTz now)
{
	TriggerRule trigger;

	argument_trigger("trigger_frequency", d->trigger, true, &trigger);
	if (trigger_after(&trigger, d->timezone, now) == PG_INT64_MAX)
		ereport(NOTICE,
				(errmsg("\"%s\" of freerun \"%s\", entry \"%s\" does not come any more", d->trigger, d->process_name, d->entry_name),
				 errhint("synergy.trigger_now runs it all the same.")));
}

Datum
synergy_register_freerun(PG_FUNCTION_ARGS)
{
	FreerunDefinition d = {0};
	RegisteredProcess known;
	Session		session;

	read_arguments(fcinfo, &d);
	session_begin(&session);
	if (registry_find_freerun(d.process_name, d.entry_name, &known))
	{
		session_check_owner(&session, known.owner, d.process_name, d.entry_name);
		session_tell_owner(&session, known.owner, d.process_name, d.entry_name);
	}
	d.timer_since = session.now;
	registry_write_freerun(&d);
	say_if_never(&d, session.now);
	session_definitions_changed(&session, "register", d.process_name, d.entry_name,
								psprintf("freerun, worker %s, %s %s", d.worker, d.trigger, d.timezone));
	session_end(&session);
	PG_RETURN_VOID();
}

Datum
synergy_unregister_freerun(PG_FUNCTION_ARGS)
{
	char	   *process_name = argument_text_required(fcinfo, 0, "process_name");
	char	   *entry_name = argument_text_required(fcinfo, 1, "entry_name");
	RegisteredProcess known;
	Session		session;

	session_begin(&session);
	if (!registry_find_freerun(process_name, entry_name, &known))
		report_no_freerun(process_name, entry_name);
	session_check_owner(&session, known.owner, process_name, entry_name);
	session_check_hands(known.id, process_name, entry_name);
	registry_delete_freerun(known.id);
	session_definitions_changed(&session, "unregister", process_name, entry_name, NULL);
	session_end(&session);
	PG_RETURN_VOID();
}
