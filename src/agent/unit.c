/*
 * agent/unit.c: units of work from claim to report.
 *
 *	 claimed -> QUEUED -> RUNNING -> ENDED -> reported
 *
 * QUEUED is short: no more units are claimed than there are free slots, but when commands are short: then so many more
 * are claimed that the slots need not wait for the next answer, and that an answer serves several.
 *
 * A unit that is lost (canceled, skipped, given up, taken over) is stopped, and nothing is reported of it.  One that was
 * claimed and not begun when the agent drains is given back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

#define MAX_CLAIM 100
#define SHORT (60 * MILLISECONDS)	/* of commands that end sooner, so much work is kept at hand */
#define MAX_AHEAD 16			/* units queued for each slot, at most */
#define WEIGHT 8				/* of the averages: the last one counts an eighth */

#define EXIT_NOOP 77
#define EXIT_CANCELED 99

typedef struct Claim
{
	PGresult   *result;
	int			users;
} Claim;

static struct
{
	Unit	   *first;
	Unit	  **last;
	int			queued,
				running,
				ended;
	int64_t		average_run;	/* microseconds; 0: not known yet, likewise below */
	int64_t		average_exchange;
} units = {NULL, &units.first};

Unit *
units_first(void)
{
	return units.first;
}

int
units_running(void)
{
	return units.running;
}

int
units_queued(void)
{
	return units.queued;
}

int
units_held(void)
{
	return units.queued + units.running + units.ended;
}

static void
add_to_average(int64_t *average, int64_t value)
{
	*average = *average == 0 ? value : *average + (value - *average) / WEIGHT;
}

void
units_exchange_took(int64_t microseconds)
{
	add_to_average(&units.average_exchange, microseconds);
}

int
units_to_claim(void)
{
	int64_t		ahead = 0;
	int64_t		wanted;

	if (agent.shutdown)
		return 0;
	if (units.average_run > 0 && units.average_run < SHORT)
		ahead = (units.average_exchange * 2 + SHORT) / units.average_run;
	ahead = agent.slots * (ahead < MAX_AHEAD ? ahead : MAX_AHEAD);
	/* there is enough at hand: the next claim is for several */
	if (units.running >= agent.slots && units.queued * 2 > ahead)
		return 0;
	wanted = agent.slots + ahead - units.running - units.queued;
	/* half, so that other agents get some of a few, too */
	wanted = wanted > 1 ? (wanted + 1) / 2 : wanted;
	return wanted < 0 ? 0 : wanted < MAX_CLAIM ? (int) wanted : MAX_CLAIM;
}

static void
set_stage(Unit *unit, UnitStage stage)
{
	int		   *counts[] = {&units.queued, &units.running, &units.ended};

	--*counts[unit->stage];
	++*counts[stage];
	unit->stage = stage;
}

/* ---------------------------------------------------------------- coming and going */

static char **
make_environment(PGresult *row, int n)
{
#define VALUE(column) (PQgetisnull(row, n, column) ? NULL : PQgetvalue(row, n, column))
	const char *const added[] = {
		"SYNERGY_UNIT_OF_WORK_ID", VALUE(0), "SYNERGY_UOW_ID", VALUE(0), "SYNERGY_ATTEMPT", VALUE(1),
		"SYNERGY_PROCESS_NAME", VALUE(2), "SYNERGY_PROCESS", VALUE(2), "SYNERGY_ENTRY_NAME", VALUE(3),
		"SYNERGY_TIMEPERIOD", VALUE(4), "SYNERGY_START_TIMEPERIOD", VALUE(5), "SYNERGY_END_TIMEPERIOD", VALUE(6),
		"SYNERGY_START_TIME", VALUE(7), "SYNERGY_END_TIME", VALUE(8), "SYNERGY_START_ID", VALUE(9), "SYNERGY_END_ID", VALUE(10),
		"SYNERGY_NUMBER_OF_RETRIES", VALUE(11), "SYNERGY_ARGUMENTS", VALUE(12), "SYNERGY_SOURCE", VALUE(13),
		"SYNERGY_SINK", VALUE(14), NULL
	};

	return environment_make(added, VALUE(25));
}

static void
add_unit(Claim *claim, int row)
{
	Unit	   *unit = client_alloc(sizeof(Unit));
	Text		label = {0};

	unit->id = strtoll(PQgetvalue(claim->result, row, 0), NULL, 10);
	unit->attempt = atoi(PQgetvalue(claim->result, row, 1));
	text_print(&label, "unit %lld (%s%s%s, %s)", (long long) unit->id, PQgetvalue(claim->result, row, 2),
			   PQgetisnull(claim->result, row, 3) ? "" : " ", PQgetvalue(claim->result, row, 3), PQgetvalue(claim->result, row, 4));
	unit->label = label.data;
	order_read(&unit->order, claim->result, row, 16);
	unit->environment = unit->order.environment = make_environment(claim->result, row);
	unit->claim = claim;
	unit->run.streams[0] = unit->run.streams[1] = -1;
	output_begin(&unit->output, unit->id, atoi(PQgetvalue(claim->result, row, 15)));
	claim->users++;
	units.queued++;
	*units.last = unit;
	units.last = &unit->next;
}

void
units_take(PGresult *result)
{
	Claim	   *claim;

	if (PQntuples(result) == 0)
	{
		PQclear(result);
		return;
	}
	claim = client_alloc(sizeof(Claim));
	claim->result = result;
	for (int row = 0; row < PQntuples(result); row++)
		add_unit(claim, row);
	if (agent.shutdown)
		units_stop_all(agent.shutdown > 1);
}

void
unit_forget(Unit *unit)
{
	Unit	  **at = &units.first;
	int		   *counts[] = {&units.queued, &units.running, &units.ended};

	while (*at != unit)
		at = &(*at)->next;
	*at = unit->next;
	if (*at == NULL)
		units.last = at;
	--*counts[unit->stage];
	run_close(&unit->run);
	output_discard(&unit->output);
	if (--unit->claim->users == 0)
	{
		PQclear(unit->claim->result);
		free(unit->claim);
	}
	environment_free(unit->environment);
	free(unit->label);
	free(unit->error);
	free(unit);
}

/* ---------------------------------------------------------------- running */

static void
decide_state(Unit *unit)
{
	const Run  *run = &unit->run;
	int			code = run->end == RUN_EXITED && WIFEXITED(run->status) ? WEXITSTATUS(run->status) : -1;
	Text		error = {0};

	strcpy(unit->state, code == 0 ? "processed" : code == EXIT_NOOP ? "noop" : code == EXIT_CANCELED ? "canceled" : "invalid");
	if (strcmp(unit->state, "invalid") != 0)
		return;
	run_describe_end(run, unit->order.timeout_ms, &error);
	if (unit->output.last_error[0] && run->end != RUN_NOT_STARTED)
		text_print(&error, ": %s", unit->output.last_error);
	unit->error = error.data;
}

static void
end_unit(Unit *unit)
{
	output_end(&unit->output);
	run_close(&unit->run);
	set_stage(unit, UNIT_ENDED);
	unit->ended = clock_steady();
	decide_state(unit);
	if (unit->run.end != RUN_STOPPED)
		unit->is_to_release = false;	/* it was quicker */
	agent_say("%s has ended: %s%s%s", unit->label, unit->is_lost ? "it is not ours any more" : unit->state,
			  unit->error ? ", " : "", unit->error ? unit->error : "");
	if (unit->is_lost)
		unit_forget(unit);
}

void
units_start(void)
{
	Unit	   *next;

	for (Unit *unit = units.first; unit && units.queued > 0 && units.running < agent.slots; unit = next)
	{
		next = unit->next;
		if (unit->stage != UNIT_QUEUED || unit->is_to_release || unit->is_lost)
			continue;
		agent_say("%s begins, attempt %d", unit->label, unit->attempt);
		set_stage(unit, UNIT_RUNNING);
		if (!run_start(&unit->run, &unit->order))
			end_unit(unit);
	}
}

static void
take_output(void *unit, int stream, const char *data, size_t size)
{
	output_take(&((Unit *) unit)->output, stream, data, size);
}

void
unit_read(Unit *unit, int stream)
{
	(void) run_read(&unit->run, stream, take_output, unit);
}

void
unit_control(Unit *unit)
{
	run_read_control(&unit->run);
	if (!unit->run.has_ended)
		return;
	run_drain(&unit->run, take_output, unit);
	add_to_average(&units.average_run, clock_steady() - unit->run.began + 1);
	end_unit(unit);
}

void
units_lose(int64_t id, int attempt)
{
	Unit	   *next;

	for (Unit *unit = units.first; unit; unit = next)
	{
		next = unit->next;
		if (unit->id != id || (attempt != 0 && unit->attempt != attempt) || unit->is_lost)
			continue;
		agent_say("%s is not ours any more: it is stopped", unit->label);
		unit->is_lost = true;
		if (unit->stage == UNIT_RUNNING)
			run_order(&unit->run, KEEPER_STOP);
		else if (!unit->is_in_exchange)
			unit_forget(unit);
	}
}

void
units_stop_all(bool at_once)
{
	for (Unit *unit = units.first; unit; unit = unit->next)
	{
		if (unit->stage == UNIT_QUEUED)
			unit->is_to_release = true;
		else if (unit->stage == UNIT_RUNNING && at_once)
		{
			unit->is_to_release = true;
			run_order(&unit->run, KEEPER_STOP);
		}
	}
}

bool
unit_is_reportable(const Unit *unit, uint64_t lines_sent)
{
	if (unit->is_in_exchange || unit->is_lost)
		return false;
	if (unit->is_to_release && unit->stage == UNIT_QUEUED)
		return true;
	return unit->stage == UNIT_ENDED && unit->output.last_line <= lines_sent;
}
