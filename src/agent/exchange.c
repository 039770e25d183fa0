/*
 * agent/exchange.c: what the agent says to the database, and what the answers mean.
 *
 * Everything that has gathered is said in one exchange, in this order: lines of output, reports of units whose lines
 * have all been sent, units given back, signs of life, news of daemons; then it is asked for daemons and for units.
 * It is one transaction, and what comes of it is done when it has committed: a unit is not begun before its claim is
 * on the server's disk, or a second agent could be given the same attempt after a crash.
 *
 * An exchange that is refused is said again in parts, so that one bad thing does not keep back the others; and a part
 * that is refused alone is said differently, in less, or later.
 *
 * An exchange whose answer was lost may have happened or not.  Lines are sent again then (seen twice rather than never);
 * reports, too, which the fence of the attempt makes harmless; units that were claimed in it are nobody's, and the next
 * session says so by not naming them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

#define LOG_DELAY (200 * MILLISECONDS)
#define LOG_ENOUGH 65536		/* bytes that are not put off */
#define SWEEP_INTERVAL (30 * SECONDS)	/* for what nobody has told us */
#define REFUSED_DELAY (5 * SECONDS)
#define MAX_REPORTS 1000
#define GATHER (20 * MILLISECONDS)	/* for more reports, while there is work enough at hand */
#define HEARTBEATS 4			/* in the time after which the box is given up */
#define MAX_NAMES 50			/* processes that are asked for by name */

typedef enum Part
{
	PART_BEGIN,
	PART_LOG,
	PART_REPORT,
	PART_RELEASE,
	PART_HEARTBEAT,
	PART_DAEMON_NEWS,
	PART_DAEMONS,
	PART_CLAIM,
	N_PARTS
} Part;

static struct
{
	/* the exchange that is under way */
	Part		parts[N_PARTS + 4];
	PGresult   *answers[N_PARTS + 4];
	int			n_parts,
				n_answers;
	uint64_t	lines_sent;		/* all up to this one are in this exchange or an earlier one */
	int			claim_wanted;

	/* what is to be said */
	bool		is_hungry;		/* there may be more to claim */
	bool		asks_all;		/* of any process; else of those named */
	char	   *names[MAX_NAMES];
	int			n_names;
	int64_t		hungry_since;
	int64_t		next_sweep;
	int64_t		next_heartbeat;
	bool		is_busy;		/* as the database knows us */
	bool		wants_daemons;
	int64_t		not_before[N_PARTS];	/* after having been refused alone */

	/* after a refusal */
	Part		only;			/* PART_BEGIN: everything */
	int			max_reports;
	bool		ascii_only;
} talk = {.asks_all = true, .max_reports = MAX_REPORTS};

static Text arrays[7];

static void
forget_names(void)
{
	while (talk.n_names > 0)
		free(talk.names[--talk.n_names]);
}

static void
hunger_for_all(void)
{
	talk.is_hungry = talk.asks_all = true;
	forget_names();
}

/* ---------------------------------------------------------------- saying it */

static bool
send_part(Part part, const char *statement, int n, ...)
{
	const char *values[16];
	va_list		arguments;

	va_start(arguments, n);
	for (int i = 0; i < n; i++)
		values[i] = va_arg(arguments, const char *);
	va_end(arguments);
	if (PQsendQueryParams(link_connection(), statement, n, NULL, values, NULL, NULL, 0) != 1)
		return false;
	talk.parts[talk.n_parts++] = part;
	return true;
}

static bool
may_say(Part part)
{
	return (talk.only == PART_BEGIN || talk.only == part) && talk.not_before[part] <= clock_steady();
}

static void
say_begin(void)
{
	char		slots[16],
				pid[16],
				host[256] = "";

	array_begin(&arrays[0]);
	array_begin(&arrays[1]);
	for (Unit *unit = units_first(); unit; unit = unit->next)
	{
		if (unit->is_lost)
			continue;
		array_add_number(&arrays[0], unit->id);
		array_add_number(&arrays[1], unit->attempt);
	}
	array_end(&arrays[0]);
	array_end(&arrays[1]);
	gethostname(host, sizeof(host) - 1);
	snprintf(slots, sizeof(slots), "%d", agent.slots);
	snprintf(pid, sizeof(pid), "%d", (int) getpid());
	(void) (send_part(PART_BEGIN, "LISTEN synergy", 0) && send_part(PART_BEGIN, "LISTEN synergy_agent", 0) &&
			send_part(PART_BEGIN, "SELECT (extract(epoch FROM greatest(least(current_setting('synergy.agent_timeout')::interval, "
					  "current_setting('synergy.gc_resubmit_after')::interval), '1 s')) * 1000000)::bigint, "
					  "system_identifier || '.' || (SELECT oid FROM pg_database WHERE datname = current_database()) "
					  "FROM pg_control_system()", 0) &&
			send_part(PART_BEGIN, "SELECT unit_of_work_id, attempt FROM synergy.agent_begin($1, $2, $3::int, $4, $5::int, $6, "
					  "$7::bigint[], $8::int[])", 8, agent.box, agent.instance, slots, host, pid, SYNERGY_VERSION, arrays[0].data,
					  arrays[1].data));
}

static void
say_lines(void)
{
	uint64_t	last = lines_batch(&arrays[0], &arrays[1], &arrays[2], &arrays[3], talk.ascii_only);

	if (last == 0)
		return;
	if (send_part(PART_LOG, "SELECT synergy.agent_log($1::bigint[], $2::timestamptz[], $3::text[], $4::text[])", 4, arrays[0].data,
				  arrays[1].data, arrays[2].data, arrays[3].data))
		talk.lines_sent = last;
}

/* those that are to be given back, or those that are to be reported */
static void
say_units(bool released)
{
	int			n = 0;

	for (int i = 0; i < 4; i++)
		array_begin(&arrays[i]);
	for (Unit *unit = units_first(); unit && n < talk.max_reports; unit = unit->next)
	{
		if (unit->is_to_release != released || !unit_is_reportable(unit, talk.lines_sent))
			continue;
		array_add_number(&arrays[0], unit->id);
		array_add_number(&arrays[1], unit->attempt);
		array_add_text(&arrays[2], unit->state);
		array_add_text(&arrays[3], unit->error);
		unit->is_in_exchange = true;
		n++;
	}
	for (int i = 0; i < 4; i++)
		array_end(&arrays[i]);
	if (n > 0 && released)
		(void) send_part(PART_RELEASE, "SELECT synergy.agent_release($1::bigint[], $2::int[])", 2, arrays[0].data, arrays[1].data);
	else if (n > 0)
		(void) send_part(PART_REPORT, "SELECT unit_of_work_id, attempt, refusal FROM synergy.agent_report($1::bigint[], $2::int[], "
						 "$3::text[], $4::text[])", 4, arrays[0].data, arrays[1].data, arrays[2].data, arrays[3].data);
}

static void
say_heartbeat(void)
{
	int64_t		now = clock_steady();

	if (now < talk.next_heartbeat || (units_held() == 0 && !talk.is_busy))
		return;
	array_begin(&arrays[0]);
	array_begin(&arrays[1]);
	for (Unit *unit = units_first(); unit; unit = unit->next)
	{
		if (unit->is_lost || unit->is_in_exchange)
			continue;
		array_add_number(&arrays[0], unit->id);
		array_add_number(&arrays[1], unit->attempt);
	}
	array_end(&arrays[0]);
	array_end(&arrays[1]);
	talk.is_busy = arrays[0].size > 2;
	talk.next_heartbeat = now + agent.timeout / HEARTBEATS;
	(void) send_part(PART_HEARTBEAT, "SELECT * FROM synergy.agent_heartbeat($1::bigint[], $2::int[])", 2, arrays[0].data, arrays[1].data);
}

static void
say_daemon_news(void)
{
	static const char *const states[] = {"running", "backing_off", "running", "stopped"};

	for (int i = 0; i < 7; i++)
		array_begin(&arrays[i]);
	for (Daemon *daemon = daemons_first(); daemon; daemon = daemon->next)
	{
		Text		next = {0};

		if (!daemon->is_changed)
			continue;
		if (daemon->state == DAEMON_BACKING_OFF)
			text_print(&next, "%lld milliseconds", (long long) ((daemon->next_start - clock_steady()) / 1000));
		array_add_text(&arrays[0], daemon->name);
		array_add_text(&arrays[1], states[daemon->state]);
		if (daemon->run.leader > 0 && daemon->state != DAEMON_BACKING_OFF && daemon->state != DAEMON_STOPPED)
			array_add_number(&arrays[2], daemon->run.leader);
		else
			array_add_text(&arrays[2], NULL);
		array_add_number(&arrays[3], daemon->starts);
		array_add_number(&arrays[4], daemon->exits);
		array_add_text(&arrays[5], daemon->last_exit[0] ? daemon->last_exit : NULL);
		array_add_text(&arrays[6], next.data);
		text_free(&next);
		daemon->starts = daemon->exits = 0;
		daemon->is_changed = false;
	}
	for (int i = 0; i < 7; i++)
		array_end(&arrays[i]);
	(void) send_part(PART_DAEMON_NEWS, "SELECT synergy.agent_daemon_report($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], "
					 "$6::text[], (SELECT array_agg(now() + i ORDER BY n) FROM unnest($7::interval[]) WITH ORDINALITY u (i, n)))", 7,
					 arrays[0].data, arrays[1].data, arrays[2].data, arrays[3].data, arrays[4].data, arrays[5].data, arrays[6].data);
}

static void
say_claim(void)
{
	char		wanted[16];

	talk.claim_wanted = units_to_claim();
	if (!talk.is_hungry || talk.claim_wanted == 0)
		return;
	snprintf(wanted, sizeof(wanted), "%d", talk.claim_wanted);
	array_begin(&arrays[0]);
	for (int i = 0; i < talk.n_names; i++)
		array_add_text(&arrays[0], talk.names[i]);
	array_end(&arrays[0]);
	if (!send_part(PART_CLAIM, "SELECT " CLAIM_COLUMNS " FROM synergy.agent_claim($1::int, $2::text[])", 2, wanted,
				   talk.asks_all ? NULL : arrays[0].data))
		return;
	/* what is notified from now on is for the next one */
	talk.is_hungry = false;
	if (talk.asks_all)
		talk.next_sweep = clock_steady() + SWEEP_INTERVAL + random() % SWEEP_INTERVAL / 4;
}

static void
clear_answers(void)
{
	for (int i = 0; i < talk.n_answers; i++)
		PQclear(talk.answers[i]);
	talk.n_answers = 0;
}

bool
exchange_begin(bool is_first)
{
	clear_answers();
	talk.n_parts = 0;
	if (is_first)
	{
		say_begin();
		return talk.n_parts > 0;
	}
	if (may_say(PART_LOG))
		say_lines();
	if (may_say(PART_REPORT))
		say_units(false);
	if (may_say(PART_RELEASE))
		say_units(true);
	if (may_say(PART_HEARTBEAT))
		say_heartbeat();
	if (may_say(PART_DAEMON_NEWS) && daemons_have_news())
		say_daemon_news();
	if (may_say(PART_DAEMONS) && talk.wants_daemons && !agent.shutdown &&
		send_part(PART_DAEMONS, "SELECT " DAEMON_COLUMNS " FROM (SELECT *, NULL::bigint AS timeout_ms FROM synergy.agent_daemons()) d", 0))
		talk.wants_daemons = false;
	if (may_say(PART_CLAIM))
		say_claim();
	talk.only = PART_BEGIN;
	return talk.n_parts > 0;
}

/* ---------------------------------------------------------------- when */

/* an agent that has much to do lets those go first that have less */
static int64_t
hunger_time(void)
{
	int64_t		share = agent.slots > 0 ? units_running() * 4 * MILLISECONDS / agent.slots : 0;

	return talk.is_hungry && units_to_claim() > 0 ? talk.hungry_since + share : NEVER;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* after a refusal a part has to wait */
static int64_t
part_time(Part part, int64_t time)
{
	return time < talk.not_before[part] ? talk.not_before[part] : time;
}

static int64_t
lines_time(void)
{
	return lines_waiting() == 0 ? NEVER : part_time(PART_LOG, lines_waiting() > LOG_ENOUGH ? 0 : lines_oldest() + LOG_DELAY);
}

/*
 * Those that have ended are reported at once, with the lines that they wait for; but when more short ones wait here for
 * a slot, some are let gather: a commit, and a round of the scheduler, then serve several.
 */
static int64_t
units_time(void)
{
	int64_t		next = NEVER;
	int64_t		gather = units_queued() >= agent.slots && !agent.shutdown ? GATHER : 0;

	for (Unit *unit = units_first(); unit; unit = unit->next)
	{
		if (unit->is_to_release && unit_is_reportable(unit, UINT64_MAX))
			next = earlier(next, part_time(PART_RELEASE, 0));
		else if (unit_is_reportable(unit, talk.lines_sent))
			next = earlier(next, part_time(PART_REPORT, unit->ended + gather));
		else if (unit_is_reportable(unit, UINT64_MAX))
			next = earlier(next, part_time(PART_LOG, part_time(PART_REPORT, 0)));
	}
	return next;
}

int64_t
exchange_next(void)
{
	int64_t		next = NEVER;

	if (talk.only != PART_BEGIN)
		return 0;
	if (clock_steady() >= talk.next_sweep)
		hunger_for_all();
	if (agent.slots > 0 && !agent.shutdown)
		next = earlier(talk.next_sweep, part_time(PART_CLAIM, hunger_time()));
	next = earlier(next, lines_time());
	next = earlier(next, units_time());
	if (units_held() > 0 || talk.is_busy)
		next = earlier(next, part_time(PART_HEARTBEAT, talk.next_heartbeat));
	if (daemons_have_news())
		next = earlier(next, part_time(PART_DAEMON_NEWS, 0));
	if (talk.wants_daemons && !agent.shutdown)
		next = earlier(next, part_time(PART_DAEMONS, 0));
	return next;
}

/* ---------------------------------------------------------------- what comes of it */

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
	hunger_for_all();
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
		forget_names();
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
	clear_answers();
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

void
exchange_notice(const char *channel, const char *payload)
{
	if (strcmp(channel, "synergy_agent") == 0)
	{
		if (strncmp(payload, "stop ", 5) == 0)
			talk.next_heartbeat = 0;	/* anybody can send this: the answer says which units are lost indeed */
		else if (strcmp(payload, "daemons") == 0)
			talk.wants_daemons = true;
		else
			hunger_for_all();
		return;
	}
	if (!talk.is_hungry)
		talk.hungry_since = clock_steady();
	talk.is_hungry = true;
	for (int i = 0; i < talk.n_names; i++)
		if (strcmp(talk.names[i], payload) == 0)
			return;
	if (talk.n_names == MAX_NAMES)
		hunger_for_all();
	else if (!talk.asks_all)
		talk.names[talk.n_names++] = client_strdup(payload);
}
