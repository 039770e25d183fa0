/*
 * test_machine.c: the table of the state machines, against the same rules as plain code.
 *
 * The second telling below follows the text of RULES.md (R1, R3, R9, R10, R14) and the functions of model.py by
 * name, and never looks at a row.  Every situation that the types allow is asked of both.
 */
#include "unit.h"

#include "core/machine.h"

static const char job_states[] = "eifpns";
static const char unit_states[] = "-rivpnc";

/* ---------------------------------------------------------------- the rules, told again */

typedef struct Outcome
{
	JobState	next;
	MachineAction action;
	bool		by_known;		/* finished through the known unit, not through the job's own */
} Outcome;

static Outcome
stay(const Situation *s)
{
	return (Outcome) {s->state, ACTION_WAIT, false};
}

static Outcome
act(JobState next, MachineAction action)
{
	return (Outcome) {next, action, false};
}

/* canceled makes skipped, processed and noop hand their own name on */
static Outcome
finish(UnitState unit, bool by_known)
{
	JobState	next = unit == UNIT_CANCELED ? JOB_SKIPPED : unit == UNIT_NOOP ? JOB_NOOP : JOB_PROCESSED;

	return (Outcome) {next, ACTION_FINISH, by_known};
}

/* R10: no rows is a failure once nothing can bring any more */
static Outcome
no_rows(const Situation *s)
{
	return s->is_final ? act(s->state, ACTION_COUNT_FAILURE) : stay(s);
}

/* R10: the last unit; the state is final_run whatever it was */
static Outcome
recomputing_final(const Situation *s)
{
	if (!s->has_rows)
		return no_rows(s);
	if (s->known == UNIT_NONE)
		return act(JOB_FINAL_RUN, ACTION_REQUEST);
	/* rows that came in between after a worker took the unit may be lost on it */
	if (s->known == UNIT_IN_PROGRESS && !s->known_whole)
		return stay(s);
	if (unit_state_is_active(s->known))
		return act(JOB_FINAL_RUN, ACTION_ADOPT);
	if (s->known == UNIT_CANCELED || !s->known_fresh || !s->known_whole)
		return act(JOB_FINAL_RUN, ACTION_RECYCLE);
	return finish(s->known, true);
}

/* R3 */
static Outcome
settle(StateMachine machine, const Situation *s)
{
	if (unit_state_is_active(s->unit))
		return stay(s);
	if (s->unit == UNIT_CANCELED)
		return finish(s->unit, false);
	if (s->unit != UNIT_NONE && s->unit_fresh)
		return finish(s->unit, false);
	/* R1: a finished unit that is not fresh is followed by a new one, and so is one that got lost */
	if (machine == MACHINE_RECOMPUTING)
		return recomputing_final(s);
	return act(s->state, ACTION_REQUEST);
}

static Outcome
discrete(const Situation *s)
{
	if (s->state == JOB_EMBRYO)
		return act(JOB_IN_PROGRESS, ACTION_REQUEST);
	if (s->state == JOB_IN_PROGRESS)
	{
		if (s->is_final)
			return settle(MACHINE_DISCRETE, s);
		if (!unit_state_is_active(s->unit))
			return act(JOB_IN_PROGRESS, ACTION_REQUEST);
	}
	return stay(s);
}

static Outcome
continuous(const Situation *s)
{
	if (s->state == JOB_EMBRYO || (s->state == JOB_IN_PROGRESS && !unit_state_is_active(s->unit)))
		return act(s->is_final ? JOB_FINAL_RUN : JOB_IN_PROGRESS, ACTION_REQUEST);
	if (s->state == JOB_FINAL_RUN)
		return settle(MACHINE_CONTINUOUS, s);
	return stay(s);
}

static Outcome
recomputing(const Situation *s)
{
	if (s->state == JOB_FINAL_RUN)
		return settle(MACHINE_RECOMPUTING, s);
	if (s->state != JOB_EMBRYO && s->state != JOB_IN_PROGRESS)
		return stay(s);
	if (!s->has_rows)
		return no_rows(s);
	if (s->state == JOB_EMBRYO)
		return act(JOB_IN_PROGRESS, s->known == UNIT_NONE ? ACTION_REQUEST : ACTION_RECYCLE);
	if (s->is_final)
		return recomputing_final(s);
	if (s->unit == UNIT_REQUESTED || s->unit == UNIT_INVALID)
		return act(JOB_IN_PROGRESS, ACTION_MOVE_BOUND);
	if (s->known == UNIT_NONE)
		return act(JOB_IN_PROGRESS, ACTION_REQUEST);
	if (s->known == UNIT_CANCELED)
		return act(JOB_IN_PROGRESS, ACTION_RECYCLE);
	return stay(s);
}

/* R9: what the news that a unit has ended does to its job */
static Outcome
unit_has_ended(StateMachine machine, const Situation *s)
{
	if (s->unit == UNIT_NONE)
		return stay(s);
	if (machine == MACHINE_DISCRETE && s->state == JOB_IN_PROGRESS && s->is_final)
		return settle(machine, s);
	if ((machine == MACHINE_CONTINUOUS || machine == MACHINE_RECOMPUTING) && s->state == JOB_FINAL_RUN)
		return settle(machine, s);
	return stay(s);
}

static Outcome
expected_of(StateMachine machine, const Situation *s)
{
	if (s->has_ended)
		return unit_has_ended(machine, s);
	switch (machine)
	{
		case MACHINE_DISCRETE:
			return discrete(s);
		case MACHINE_CONTINUOUS:
			return continuous(s);
		case MACHINE_RECOMPUTING:
			return recomputing(s);
		case MACHINE_FREERUN:
			break;
	}
	/* R14 */
	if (s->unit == UNIT_REQUESTED || s->unit == UNIT_IN_PROGRESS)
		return act(s->state, ACTION_SIGNAL);
	return act(s->state, ACTION_REQUEST);
}

/* ---------------------------------------------------------------- every situation */

typedef void (*Visitor) (StateMachine machine, const Situation *s);

static int
visit_all(Visitor visit)
{
	int			visited = 0;

	for (int m = 0; m < MACHINE_COUNT; m++)
	{
		for (const char *state = job_states; *state; state++)
		{
			for (const char *unit = unit_states; *unit; unit++)
			{
				for (const char *known = unit_states; *known; known++)
				{
					for (int bits = 0; bits < 64; bits++)
					{
						Situation	s = {
							.state = (JobState) *state,.unit = (UnitState) *unit,.known = (UnitState) *known,
							.is_final = bits & 1,.has_ended = bits & 2,.unit_fresh = bits & 4,
							.has_rows = bits & 8,.known_fresh = bits & 16,.known_whole = bits & 32
						};

						visit((StateMachine) m, &s);
						visited++;
					}
				}
			}
		}
	}
	return visited;
}

static void
compare_with_rules(StateMachine machine, const Situation *s)
{
	const Transition *found = machine_decide(machine, s);
	Outcome		expected = expected_of(machine, s);
	bool		by_known = found->action == ACTION_FINISH && found->known[0] != '\0';

	check(found->machine == machine && found->action == expected.action &&
		  machine_next_state(found, s->state) == expected.next && by_known == expected.by_known,
		  "%s, state %c, final %d, ended %d, unit %c, fresh %d, rows %d, known %c, known fresh %d, whole %d: "
		  "%s -> %c, expected %s -> %c (\"%s\")",
		  state_machine_name(machine), s->state, s->is_final, s->has_ended, s->unit, s->unit_fresh, s->has_rows,
		  s->known, s->known_fresh, s->known_whole, machine_action_name(found->action), machine_next_state(found, s->state),
		  machine_action_name(expected.action), expected.next, found->comment);
}

static void
every_situation_follows_the_rules(void **state)
{
	(void) state;
	assert_int_equal(visit_all(compare_with_rules), MACHINE_COUNT * 6 * 7 * 7 * 64);
}

static int	times_first[256];

static void
count_row(StateMachine machine, const Situation *s)
{
	int			count;

	times_first[machine_decide(machine, s) - machine_rows(&count)]++;
}

/* a row that is never the first is dead, or hides a mistake in one above it */
static void
every_row_is_reached(void **state)
{
	int			count;
	const Transition *rows = machine_rows(&count);

	(void) state;
	assert_between(count, 1, LENGTH_OF(times_first));
	visit_all(count_row);
	for (int i = 0; i < count; i++)
		check(times_first[i] > 0, "row %d, %s, is never the first: %s", i, state_machine_name(rows[i].machine), rows[i].comment);
}

/* what must hold of any decision, whatever the rules are */
static void
check_safety(StateMachine machine, const Situation *s)
{
	const Transition *row = machine_decide(machine, s);
	JobState	next = machine_next_state(row, s->state);
	bool		leaves = job_state_is_active(s->state) && !job_state_is_active(next);

	if (machine == MACHINE_FREERUN)
		return;
	/* finished is finished: only a reprocess reopens */
	if (!job_state_is_active(s->state))
		check(row->action == ACTION_WAIT && next == s->state, "moved a finished job: %s", row->comment);
	check(leaves == (row->action == ACTION_FINISH), "finished without FINISH: %s", row->comment);
	/* R1: never on stale inputs */
	if (next == JOB_PROCESSED || next == JOB_NOOP)
	{
		if (leaves)
			check((s->unit_fresh && s->unit == (UnitState) next) ||
				  (s->known_fresh && s->known_whole && s->known == (UnitState) next),
				  "finished on stale inputs: %s", row->comment);
	}
	/* an active last unit is never left alone for a second one */
	if (s->state == JOB_FINAL_RUN && unit_state_is_active(s->unit))
		check(row->action == ACTION_WAIT, "a second unit: %s", row->comment);
	/* only the news of a unit's end may change anything when a unit has ended */
	if (s->has_ended && s->unit == UNIT_NONE)
		check(row->action == ACTION_WAIT, "no unit has ended: %s", row->comment);
}

static void
every_decision_is_safe(void **state)
{
	(void) state;
	visit_all(check_safety);
}

/* ---------------------------------------------------------------- the table itself */

static void
check_set(const char *set, const char *letters, const char *comment)
{
	check(strlen(set) == strspn(set, letters), "\"%s\" has other letters than \"%s\": %s", set, letters, comment);
	for (const char *c = set; *c; c++)
		check(strchr(c + 1, *c) == NULL, "\"%s\" has a letter twice: %s", set, comment);
}

static void
rows_are_well_formed(void **state)
{
	int			count;
	const Transition *rows = machine_rows(&count);

	(void) state;
	for (int i = 0; i < count; i++)
	{
		const Transition *r = &rows[i];

		check_set(r->states, job_states, r->comment);
		check_set(r->final, "yn", r->comment);
		check_set(r->ended, "yn", r->comment);
		check_set(r->unit, unit_states, r->comment);
		check_set(r->fresh, "yn", r->comment);
		check_set(r->rows, "yn", r->comment);
		check_set(r->known, unit_states, r->comment);
		check_set(r->known_fresh, "yn", r->comment);
		check_set(r->known_whole, "yn", r->comment);
		check(r->next != '\0' && strchr("=eifpns", r->next) != NULL, "next of: %s", r->comment);
		check(machine_action_name(r->action) != NULL, "action of: %s", r->comment);
		check(r->comment != NULL && strlen(r->comment) > 10 && strchr(r->comment, '\n') == NULL, "comment of row %d", i);
		check(i == 0 || r->machine >= rows[i - 1].machine, "machines are mixed: %s", r->comment);
		/* the last row of a machine holds always */
		if (i == count - 1 || rows[i + 1].machine != r->machine)
			check(strlen(r->states) + strlen(r->final) + strlen(r->ended) + strlen(r->unit) + strlen(r->fresh) +
				  strlen(r->rows) + strlen(r->known) + strlen(r->known_fresh) + strlen(r->known_whole) == 0, "the last row has conditions: %s", r->comment);
	}
}

static void
a_zeroed_situation_is_answered(void **state)
{
	Situation	s;

	(void) state;
	memset(&s, 0, sizeof(s));
	for (int m = 0; m < MACHINE_FREERUN; m++)
		assert_int_equal(machine_decide((StateMachine) m, &s)->action, ACTION_WAIT);
	assert_int_equal(machine_decide(MACHINE_FREERUN, &s)->action, ACTION_REQUEST);
	assert_non_null(machine_decide((StateMachine) 77, &s));
	/* a unit or known unit left zero is none */
	s.state = JOB_EMBRYO;
	s.has_rows = true;
	assert_int_equal(machine_decide(MACHINE_RECOMPUTING, &s)->action, ACTION_REQUEST);
}

/* ---------------------------------------------------------------- for people */

static void
situations_are_described(void **state)
{
	static const Transition stale = {MACHINE_RECOMPUTING, "f", "y", "n", "pn", "n", "y", "-", "", "", '=', ACTION_REQUEST, "c"};
	static const Transition always = {MACHINE_DISCRETE, "", "", "", "", "", "", "", "", "", '=', ACTION_WAIT, "c"};
	static const Transition others = {MACHINE_DISCRETE, "i", "n", "y", "cpn", "y", "n", "vir", "n", "n", '=', ACTION_WAIT, "c"};
	static const char full[] = "period over and finalizable, evaluated, unit processed or noop, not fresh, rows, "
		"no unit over just these rows";
	char		text[256];
	char		small[10];
	int			count;
	const Transition *rows = machine_rows(&count);

	(void) state;
	assert_int_equal(machine_describe_situation(&stale, text, sizeof(text)), strlen(full));
	assert_string_equal(text, full);
	assert_int_equal(machine_describe_situation(&always, text, sizeof(text)), strlen("otherwise"));
	assert_string_equal(text, "otherwise");
	machine_describe_situation(&others, text, sizeof(text));
	assert_string_equal(text, "period live or not finalizable, a unit has ended, unit finished, fresh, no rows, "
						"unit over just these rows active, that one not fresh, that one not whole");
	/* as snprintf does: the length that it would have had, the text cut off, no byte beyond */
	assert_int_equal(machine_describe_situation(&stale, small, sizeof(small)), strlen(full));
	assert_string_equal(small, "period ov");
	assert_int_equal(machine_describe_situation(&stale, NULL, 0), strlen(full));
	for (int i = 0; i < count; i++)
		assert_between(machine_describe_situation(&rows[i], text, sizeof(text)), 1, sizeof(text) - 1);
}

typedef struct Output
{
	size_t		length;
	char		text[32768];
} Output;

static void
append(void *context, const char *text)
{
	Output	   *out = context;

	check(out->length + strlen(text) < sizeof(out->text), "the graph is too long");
	strcpy(out->text + out->length, text);
	out->length += strlen(text);
}

static void
graphs_are_drawn(void **state)
{
	static Output out;

	(void) state;
	for (int m = 0; m < MACHINE_COUNT; m++)
	{
		char		head[64];
		int			quotes = 0;

		memset(&out, 0, sizeof(out));
		machine_print_graph((StateMachine) m, append, &out);
		snprintf(head, sizeof(head), "digraph %s {\n", state_machine_name((StateMachine) m));
		assert_true(strncmp(out.text, head, strlen(head)) == 0);
		assert_string_equal(out.text + out.length - 2, "}\n");
		for (char *c = out.text; *c; c++)
			quotes += *c == '"' && c[-1] != '\\';
		assert_int_equal(quotes % 2, 0);
		assert_null(strstr(out.text, "(null)"));
		/* discrete never is in its final run, the others are */
		if (m != MACHINE_FREERUN)
			assert_int_equal(strstr(out.text, "final_run") != NULL, m != MACHINE_DISCRETE);
	}
	memset(&out, 0, sizeof(out));
	machine_print_graph(MACHINE_CONTINUOUS, append, &out);
	assert_non_null(strstr(out.text, "\tembryo -> final_run [label=\"period over and finalizable, evaluated\\nrequest\""));
	assert_non_null(strstr(out.text, "\tfinal_run -> skipped [label=\"unit canceled\\nfinish\""));
	memset(&out, 0, sizeof(out));
	machine_print_graph((StateMachine) 9, append, &out);
	assert_int_equal(out.length, 0);
}

static int
occurrences(const char *text, const char *what)
{
	int			count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

/* one edge for each state that a row leads out of, two where too many failures lead to skipped */
static void
graphs_are_complete(void **state)
{
	static const char freerun[] =
		"digraph freerun {\n\trankdir=LR;\n\tnode [shape=box];\n\tfreerun [style=rounded];\n"
		"\tfreerun -> freerun [label=\"evaluated, unit requested or in_progress\\nsignal\", "
		"tooltip=\"the run before is not over: its unit is signalled again, never a second run beside it\"];\n"
		"\tfreerun -> freerun [label=\"evaluated\\nrequest\", "
		"tooltip=\"no run yet, or the last one has ended or failed: the next one\"];\n}\n";
	static Output out;
	int			count;
	const Transition *rows = machine_rows(&count);

	(void) state;
	memset(&out, 0, sizeof(out));
	machine_print_graph(MACHINE_FREERUN, append, &out);
	assert_string_equal(out.text, freerun);
	for (int m = 0; m < MACHINE_FREERUN; m++)
	{
		int			edges = 0;
		int			skips = 0;

		memset(&out, 0, sizeof(out));
		machine_print_graph((StateMachine) m, append, &out);
		for (int i = 0; i < count; i++)
		{
			int			states = (int) strlen(rows[i].states);

			if (rows[i].machine != (StateMachine) m || rows[i].action == ACTION_WAIT)
				continue;
			edges += rows[i].action == ACTION_COUNT_FAILURE ? 2 * states : states;
			skips += rows[i].action == ACTION_COUNT_FAILURE ? states : rows[i].next == 's' ? states : 0;
		}
		assert_int_equal(occurrences(out.text, " -> "), edges);
		assert_int_equal(occurrences(out.text, " -> skipped "), skips);
		assert_int_equal(occurrences(out.text, " [style=rounded];"), m == MACHINE_DISCRETE ? 2 : 3);
		assert_int_equal(occurrences(out.text, " [style=\"rounded,filled\""), 3);
		assert_int_equal(occurrences(out.text, "\nwait\""), 0);
	}
}

/* quotes and backslashes would end a string of graphviz */
static void
situations_fit_anywhere(void **state)
{
	char		text[8];
	int			count;
	const Transition *rows = machine_rows(&count);

	(void) state;
	for (int i = 0; i < count; i++)
	{
		for (size_t size = 0; size <= sizeof(text); size++)
		{
			memset(text, '#', sizeof(text));
			machine_describe_situation(&rows[i], text, size);
			if (size > 0)
				assert_int_equal(strlen(text), size - 1);
			for (size_t j = size; j < sizeof(text); j++)
				assert_int_equal(text[j], '#');
		}
		assert_null(strpbrk(rows[i].comment, "\"\\"));
	}
}

static void
names_of_words(void **state)
{
	StateMachine machine = MACHINE_FREERUN;
	BlockingType blocking = BLOCKING_CHILDREN;
	WorkerKind	worker = WORKER_EXEC;

	(void) state;
	assert_string_equal(job_state_name(JOB_EMBRYO), "embryo");
	assert_string_equal(job_state_name(JOB_IN_PROGRESS), "in_progress");
	assert_string_equal(job_state_name(JOB_FINAL_RUN), "final_run");
	assert_string_equal(job_state_name(JOB_PROCESSED), "processed");
	assert_string_equal(job_state_name(JOB_NOOP), "noop");
	assert_string_equal(job_state_name(JOB_SKIPPED), "skipped");
	assert_null(job_state_name((JobState) 'x'));
	assert_string_equal(unit_state_name(UNIT_REQUESTED), "requested");
	assert_string_equal(unit_state_name(UNIT_IN_PROGRESS), "in_progress");
	assert_string_equal(unit_state_name(UNIT_INVALID), "invalid");
	assert_string_equal(unit_state_name(UNIT_PROCESSED), "processed");
	assert_string_equal(unit_state_name(UNIT_NOOP), "noop");
	assert_string_equal(unit_state_name(UNIT_CANCELED), "canceled");
	assert_null(unit_state_name(UNIT_NONE));
	assert_null(unit_state_name((UnitState) 0));
	for (int i = 0; i < MACHINE_COUNT; i++)
		assert_true(state_machine_from_name(state_machine_name((StateMachine) i), &machine) && machine == (StateMachine) i);
	for (int i = 0; i < 3; i++)
		assert_true(blocking_type_from_name(blocking_type_name((BlockingType) i), &blocking) && blocking == (BlockingType) i);
	for (int i = 0; i < 4; i++)
		assert_true(worker_kind_from_name(worker_kind_name((WorkerKind) i), &worker) && worker == (WorkerKind) i);
	assert_string_equal(state_machine_name(MACHINE_RECOMPUTING), "recomputing");
	assert_string_equal(blocking_type_name(BLOCKING_DEPENDENCIES), "dependencies");
	assert_string_equal(worker_kind_name(WORKER_AMQP), "amqp");
	assert_false(state_machine_from_name("Discrete", &machine));
	assert_false(blocking_type_from_name("", &blocking));
	assert_false(worker_kind_from_name(NULL, &worker));
	assert_int_equal(machine, MACHINE_FREERUN);
	assert_null(state_machine_name((StateMachine) MACHINE_COUNT));
	assert_null(blocking_type_name((BlockingType) -1));
	assert_null(worker_kind_name((WorkerKind) 99));
	assert_null(machine_action_name((MachineAction) 99));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_situation_follows_the_rules),
		cmocka_unit_test(every_row_is_reached),
		cmocka_unit_test(every_decision_is_safe),
		cmocka_unit_test(rows_are_well_formed),
		cmocka_unit_test(a_zeroed_situation_is_answered),
		cmocka_unit_test(situations_are_described),
		cmocka_unit_test(graphs_are_drawn),
		cmocka_unit_test(graphs_are_complete),
		cmocka_unit_test(situations_fit_anywhere),
		cmocka_unit_test(names_of_words),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
