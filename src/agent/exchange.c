/*
 * agent/exchange.c: what the agent says to the database, and when; what comes of it is agent/outcome.c.
 *
 * Everything that has gathered is said in one exchange, in this order: lines of output, reports of units whose lines
 * have all been sent, units given back, signs of life, news of daemons; then it is asked for daemons and for units.
 * It is one transaction, and what comes of it is done when it has committed: a unit is not begun before its claim is
 * on the server's disk, or a second agent could be given the same attempt after a crash.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/talk.h"

#define LOG_DELAY (200 * MILLISECONDS)
#define LOG_ENOUGH 65536		/* bytes that are not put off */
#define SWEEP_INTERVAL (30 * SECONDS)	/* for what nobody has told us */
#define GATHER (20 * MILLISECONDS)	/* for more reports, while there is work enough at hand */

Talk		talk = {.asks_all = true, .max_reports = MAX_REPORTS};

static Text arrays[7];

void
talk_forget_names(void)
{
	while (talk.n_names > 0)
		free(talk.names[--talk.n_names]);
}

void
talk_hunger_for_all(void)
{
	talk.is_hungry = talk.asks_all = true;
	talk_forget_names();
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

void
talk_clear_answers(void)
{
	for (int i = 0; i < talk.n_answers; i++)
		PQclear(talk.answers[i]);
	talk.n_answers = 0;
}

bool
exchange_begin(bool is_first)
{
	talk_clear_answers();
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
		talk_hunger_for_all();
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

/* ---------------------------------------------------------------- what we are told */

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
			talk_hunger_for_all();
		return;
	}
	if (!talk.is_hungry)
		talk.hungry_since = clock_steady();
	talk.is_hungry = true;
	for (int i = 0; i < talk.n_names; i++)
		if (strcmp(talk.names[i], payload) == 0)
			return;
	if (talk.n_names == MAX_NAMES)
		talk_hunger_for_all();
	else if (!talk.asks_all)
		talk.names[talk.n_names++] = client_strdup(payload);
}
