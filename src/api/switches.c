/*
 * api/switches.c: activate, deactivate, change_trigger, trigger_now: of a process, or of a freerun by its entry.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/session.h"
#include "daemon/clock.h"
#include "daemon/wake.h"
#include "store/event.h"
#include "store/pending.h"
#include "store/registry.h"

PG_FUNCTION_INFO_V1(synergy_activate);
PG_FUNCTION_INFO_V1(synergy_deactivate);
PG_FUNCTION_INFO_V1(synergy_change_trigger);
PG_FUNCTION_INFO_V1(synergy_trigger_now);

typedef struct Target
{
	char	   *process_name;
	char	   *entry_name;		/* NULL: a process */
	RegisteredProcess known;
} Target;

static void
read_target(FunctionCallInfo fcinfo, int entry_argument, Target *target)
{
	target->process_name = argument_text_required(fcinfo, 0, "process_name");
	target->entry_name = argument_text(fcinfo, entry_argument);
}

static void
find_target(Target *target)
{
	if (target->entry_name != NULL)
	{
		if (!registry_find_freerun(target->process_name, target->entry_name, &target->known))
			report_no_freerun(target->process_name, target->entry_name);
	}
	else if (!registry_find_process(target->process_name, &target->known))
		report_no_process(target->process_name);
}

static void
switch_target(FunctionCallInfo fcinfo, bool is_on)
{
	Target		target;
	Session		session;

	read_target(fcinfo, 1, &target);
	session_begin(&session);
	find_target(&target);
	registry_switch(target.known.id, target.entry_name != NULL, is_on, session.now);
	session_definitions_changed(&session, is_on ? "activate" : "deactivate", target.process_name, target.entry_name, NULL);
	session_end(&session);
}

Datum
synergy_activate(PG_FUNCTION_ARGS)
{
	switch_target(fcinfo, true);
	PG_RETURN_VOID();
}

Datum
synergy_deactivate(PG_FUNCTION_ARGS)
{
	switch_target(fcinfo, false);
	PG_RETURN_VOID();
}

Datum
synergy_change_trigger(PG_FUNCTION_ARGS)
{
	char	   *trigger = argument_text_required(fcinfo, 1, "trigger_frequency");
	TriggerRule ignored;
	Target		target;
	Session		session;

	read_target(fcinfo, 2, &target);
	argument_trigger("trigger_frequency", trigger, target.entry_name != NULL, &ignored);
	session_begin(&session);
	find_target(&target);
	session_check_owner(&session, target.known.owner, target.process_name, target.entry_name);
	registry_change_trigger(target.known.id, target.entry_name != NULL, trigger, session.now);
	session_definitions_changed(&session, "change_trigger", target.process_name, target.entry_name, trigger);
	session_end(&session);
	PG_RETURN_VOID();
}

/* asks the scheduler, and so needs no lock */
Datum
synergy_trigger_now(PG_FUNCTION_ARGS)
{
	EventRecord record = {0};
	Target		target;
	StoreScope	scope;

	PreventCommandIfReadOnly("synergy.trigger_now()");
	read_target(fcinfo, 1, &target);
	store_enter(&scope);
	find_target(&target);
	pending_add_trigger(target.known.id);
	record.event = "trigger";
	record.process_name = target.process_name;
	record.entry_name = target.entry_name;
	event_log_one(record, clock_now());
	store_leave(&scope);
	wake_scheduler_at_commit(WAKE_EVENTS);
	PG_RETURN_VOID();
}
