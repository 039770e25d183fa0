/*
 * agent/outcome.c: what comes of an exchange with the database (agent/exchange.c).
 *
 * An exchange that is refused is said again in parts, so that one bad thing does not keep back the others; and a part
 * that is refused alone is said differently, in less, or later.
 *
 * An exchange whose answer was lost may have happened or not.  Lines are sent again then (seen twice rather than never);
 * reports, too, which the fence of the attempt makes harmless; units that were claimed in it are nobody's, and the next
 * session says so by not naming them.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/talk.h"

#define REFUSED_DELAY (5 * SECONDS)

void
exchange_answer(PGresult *result)
{
	if (talk.n_answers < talk.n_parts)
		talk.answers[talk.n_answers++] = result;
	else
		PQclear(result);
}

static bool
has_part(Part part)
{
	for (int i = 0; i < talk.n_parts; i++)
		if (talk.parts[i] == part)
			return true;
	return false;
}

/* is the unit in the answer, by its first two columns? */
static bool
is_in(PGresult *answer, const Unit *unit)
{
	for (int i = 0; i < PQntuples(answer); i++)
		if (strtoll(PQgetvalue(answer, i, 0), NULL, 10) == unit->id && atoi(PQgetvalue(answer, i, 1)) == unit->attempt)
			return true;
	return false;
}

static void
begun(void)
{
	PGresult   *facts = talk.answers[2];
	PGresult   *ours = talk.answers[3];
	Unit	   *next;

	agent.timeout = strtoll(PQgetvalue(facts, 0, 0), NULL, 10);
	if (agent.database == NULL)
	{
		int			n;

		agent.database = client_strdup(PQgetvalue(facts, 0, 1));
		n = leftover_kill_of_box(agent.box, agent.database);
		if (n > 0)
			client_complain("%d processes that an earlier agent had left were killed", n);
	}
	for (Unit *unit = units_first(); unit; unit = next)
	{
		next = unit->next;
		if (!unit->is_lost && !is_in(ours, unit))
			units_lose(unit->id, unit->attempt);
	}
	client_complain("box %s: connected, %d slots%s", agent.box, agent.slots, units_held() ? ", with units at work" : "");
	talk.wants_daemons = true;
	talk.is_busy = units_held() > 0;
	talk.next_heartbeat = clock_steady() + agent.timeout / HEARTBEATS;
	for (Daemon *daemon = daemons_first(); daemon; daemon = daemon->next)
		daemon->is_changed = true;
	talk_hunger_for_all();
}

static void
settle_units(void)
{
	Unit	   *next;

	for (Unit *unit = units_first(); unit; unit = next)
	{
		next = unit->next;
		if (unit->is_in_exchange)
			unit_forget(unit);
	}
}

static void
show_refusals(PGresult *answer)
{
	for (int i = 0; i < PQntuples(answer); i++)
		client_complain("the report of unit %s, attempt %s, was not accepted: %s", PQgetvalue(answer, i, 0), PQgetvalue(answer, i, 1),
						PQgetvalue(answer, i, 2));
}

static void
claimed(PGresult *answer)
{
	int			n = PQntuples(answer);

	if (n > 0 && !talk.is_busy)
	{
		talk.is_busy = true;
		talk.next_heartbeat = clock_steady() + agent.timeout / HEARTBEATS;
	}
	/* as many as were wanted: there may be more of the same */
	if (n >= talk.claim_wanted)
	{
		talk.is_hungry = true;
		talk.hungry_since = 0;
	}
	else if (!talk.is_hungry)
	{
		talk.asks_all = false;
		talk_forget_names();
	}
	units_take(answer);
}

void
exchange_done(void)
{
	if (has_part(PART_BEGIN))
		begun();
	if (has_part(PART_REPORT) || has_part(PART_RELEASE))
		settle_units();
	if (has_part(PART_LOG))
		lines_done(talk.lines_sent);
	for (int i = 0; i < talk.n_answers; i++)
	{
		PGresult   *answer = talk.answers[i];

		talk.answers[i] = NULL;
		switch (talk.parts[i])
		{
			case PART_REPORT:
				show_refusals(answer);
				break;
			case PART_HEARTBEAT:
				for (int row = 0; row < PQntuples(answer); row++)
					units_lose(strtoll(PQgetvalue(answer, row, 0), NULL, 10), 0);
				break;
			case PART_DAEMONS:
				daemons_take(answer);
				continue;
			case PART_CLAIM:
				claimed(answer);
				continue;
			default:
				break;
		}
		PQclear(answer);
	}
	talk.n_answers = 0;
	talk.max_reports = MAX_REPORTS;
	talk.ascii_only = false;
}

/* what was said is to be said again */
static void
take_back(void)
{
	Unit	   *next;

	for (Unit *unit = units_first(); unit; unit = next)
	{
		next = unit->next;
		unit->is_in_exchange = false;
		if (unit->is_lost && unit->stage != UNIT_RUNNING)
			unit_forget(unit);
	}
	if (has_part(PART_CLAIM))
		talk.is_hungry = true;
	if (has_part(PART_DAEMONS))
		talk.wants_daemons = true;
	for (Daemon *daemon = daemons_first(); daemon && has_part(PART_DAEMON_NEWS); daemon = daemon->next)
		daemon->is_changed = true;
	talk_clear_answers();
}

/* a part is refused though it was said alone */
static void
change_part(Part part)
{
	if (part == PART_LOG && !talk.ascii_only)
	{
		talk.ascii_only = true; /* the database's encoding may lack a character */
		return;
	}
	if (part == PART_LOG)
	{
		client_complain("lines of output could not be stored, and are lost");
		lines_done(talk.lines_sent);
		return;
	}
	if (part == PART_REPORT && talk.max_reports > 1)
	{
		talk.max_reports /= 2;
		return;
	}
	talk.not_before[part] = clock_steady() + REFUSED_DELAY;
}

void
exchange_failed(const char *sqlstate)
{
	Part		first = talk.parts[0];
	bool		was_alone = true;

	for (int i = 1; i < talk.n_parts; i++)
		was_alone &= talk.parts[i] == first;
	take_back();
	/* a deadlock or a lost serialization is nobody's fault */
	if (was_alone && strncmp(sqlstate, "40", 2) != 0)
		change_part(first);
	else
		for (int part = PART_LOG; part < N_PARTS; part++)
			talk.not_before[part] = part == (int) first ? 0 : clock_steady() + 50 * MILLISECONDS;
	talk.only = talk.not_before[first] > clock_steady() ? PART_BEGIN : first;
}

void
exchange_lost(void)
{
	take_back();
	talk.only = PART_BEGIN;
}
