/*
 * api/changes.c: what if? Definitions in memory as they would be with some that are added or are otherwise.
 *
 * The keys are those of register_process, register_freerun and their options, as far as they matter to a simulation, side
 * by side in one object.  A new process may join a timetable, or brings one of its own; an earlier start_timeperiod than a
 * timetable has is a backfill of it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/changes.h"
#include "api/options.h"
#include "nls.h"
#include "store/json_text.h"

#define MAX_DEFINITIONS 20000

/* ---------------------------------------------------------------- keys */

typedef enum KeyKind
{
	KEY_OTHER,					/* is looked at by itself */
	KEY_QUALIFIER,
	KEY_MACHINE,
	KEY_BLOCKING,
	KEY_WORKER,
	KEY_TRIGGER,
	KEY_TIMEZONE,
	KEY_MISSED,
	KEY_ON,
	KEY_CATCH_UP,
	KEY_BACKOFF,
	KEY_COUNT,					/* min..max */
	KEY_SHARE,					/* 0..1 */
	KEY_INTERVAL,				/* microseconds, 0 to a hundred years */
} KeyKind;

typedef struct Key
{
	const char *name;
	KeyKind		kind;
	int			in_process;		/* offsets, -1: not one of those */
	int			in_freerun;
	int			min;
	int			max;
} Key;

#define OF_PROCESS_AT(field)	offsetof(Process, field), -1
#define OF_FREERUN_AT(field)	-1, offsetof(Freerun, field)
#define OF_BOTH_AT(field)		offsetof(Process, field), offsetof(Freerun, field)

static const Key keys[] = {
	{"process_name", KEY_OTHER, 0, 0},
	{"entry_name", KEY_OTHER, -1, 0},
	{"tree_name", KEY_OTHER, 0, -1},
	{"dependent_on", KEY_OTHER, 0, -1},
	{"start_timeperiod", KEY_OTHER, 0, -1},
	{"failure_rate", KEY_OTHER, 0, 0},
	{"time_qualifier", KEY_QUALIFIER, OF_PROCESS_AT(qualifier)},
	{"time_grouping", KEY_COUNT, OF_PROCESS_AT(grouping), 1, 28},
	{"state_machine", KEY_MACHINE, OF_PROCESS_AT(machine)},
	{"blocking_type", KEY_BLOCKING, OF_PROCESS_AT(blocking)},
	{"worker", KEY_WORKER, OF_BOTH_AT(worker)},
	{"trigger_frequency", KEY_TRIGGER, OF_BOTH_AT(trigger)},
	{"timezone", KEY_TIMEZONE, OF_FREERUN_AT(timezone)},
	{"missed", KEY_MISSED, OF_FREERUN_AT(missed)},
	{"is_on", KEY_ON, OF_BOTH_AT(is_on)},
	{"catch_up", KEY_CATCH_UP, OF_PROCESS_AT(is_eager)},
	{"concurrency", KEY_COUNT, OF_PROCESS_AT(concurrency), 1, 1000},
	{"max_retries", KEY_COUNT, OF_PROCESS_AT(max_retries), 0, 1000000},
	{"backoff", KEY_BACKOFF, OF_PROCESS_AT(backoff)},
	{"backoff_base", KEY_INTERVAL, OF_PROCESS_AT(backoff.base)},
	{"backoff_cap", KEY_INTERVAL, OF_PROCESS_AT(backoff.cap)},
	{"backoff_jitter", KEY_SHARE, OF_PROCESS_AT(backoff.jitter)},
	{"trigger_lag", KEY_INTERVAL, OF_PROCESS_AT(trigger_lag)},
	{"gc_release_lag", KEY_INTERVAL, OF_PROCESS_AT(release_lag)},
	{"gc_life_support", KEY_INTERVAL, OF_BOTH_AT(life_support)},
	{"timeout", KEY_INTERVAL, OF_BOTH_AT(timeout)},
};

static void
refuse(const char *key, const char *value, const char *accepted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key \"%s\" of argument \"changes\" has an invalid value: \"%s\"", key, argument_shown(value)),
			 errhint("Accepted is %s.", accepted)));
}

static const Key *
find_key(const char *name, bool is_freerun)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < (int) lengthof(keys); i++)
	{
		if ((is_freerun ? keys[i].in_freerun : keys[i].in_process) < 0)
			continue;
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
		appendStringInfo(&known, "%s%s", known.len ? ", " : "", keys[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"changes\" has an unknown key: \"%s\"", argument_shown(name)),
			 is_freerun ? errhint("Known keys of a freerun are %s.", known.data) : errhint("Known keys of a process are %s.", known.data)));
	return NULL;				/* keeps the compiler quiet */
}

/* ---------------------------------------------------------------- values */

static int
read_count(const Key *key, const char *value)
{
	char	   *end;
	long		number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || number < key->min || number > key->max)
		refuse(key->name, value, psprintf(translated("a whole number from %d to %d"), key->min, key->max));
	return (int) number;
}

static double
read_share(const char *name, const char *value)
{
	char	   *end;
	double		number;

	errno = 0;
	number = strtod(value, &end);
	if (end == value || *end != '\0' || !(number >= 0 && number <= 1))
		refuse(name, value, translated("a number from 0 to 1"));
	return number;
}

static int64
read_interval(const char *name, const char *value)
{
	Interval   *interval;
	int64		limit = INT64CONST(36525) * USECS_PER_DAY;
	double		length;

	if (!option_read_interval(value, &interval))
		refuse(name, value, translated("an interval from 0 to 100 years, such as \"5 minutes\""));
	length = (interval->month * 30.0 + interval->day) * USECS_PER_DAY + interval->time;
	if (!(length >= 0 && length <= limit))
		refuse(name, value, translated("an interval from 0 to 100 years, such as \"5 minutes\""));
	return (int64) length;
}

static bool
read_one_of(const char *name, const char *value, const char *yes, const char *no)
{
	if (strcmp(value, yes) != 0 && strcmp(value, no) != 0)
		refuse(name, value, psprintf(translated("%s or %s"), yes, no));
	return strcmp(value, yes) == 0;
}

static void
read_trigger(const Key *key, const char *value, bool is_freerun, TriggerRule *out)
{
	TriggerError error;

	if (!trigger_parse(value, out, &error) || (out->kind == TRIGGER_ONCE && !is_freerun))
		refuse(key->name, value, translated("a trigger frequency, such as \"every 60\", \"at 08:00\" or \"*/5 * * * *\""));
}

static MissedPolicy
read_missed(const char *name, const char *value)
{
	if (strcmp(value, "once") == 0)
		return MISSED_ONCE;
	if (strcmp(value, "all") == 0)
		return MISSED_ALL;
	if (strcmp(value, "skip") != 0)
		refuse(name, value, translated("skip, once or all"));
	return MISSED_SKIP;
}

static void
set_value(const Key *key, const char *value, bool is_freerun, void *field)
{
	switch (key->kind)
	{
		case KEY_OTHER:
			break;
		case KEY_QUALIFIER:
			if (!time_qualifier_from_name(value, field))
				refuse(key->name, value, translated("hourly, daily, monthly or yearly"));
			break;
		case KEY_MACHINE:
			if (!state_machine_from_name(value, field) || *(StateMachine *) field == MACHINE_FREERUN)
				refuse(key->name, value, translated("discrete, continuous or recomputing"));
			break;
		case KEY_BLOCKING:
			if (!blocking_type_from_name(value, field))
				refuse(key->name, value, translated("normal, children or dependencies"));
			break;
		case KEY_WORKER:
			if (!worker_kind_from_name(value, field))
				refuse(key->name, value, translated("sql, notify, amqp or exec"));
			break;
		case KEY_TRIGGER:
			read_trigger(key, value, is_freerun, field);
			break;
		case KEY_TIMEZONE:
			argument_timezone("changes", value);
			*(char **) field = pstrdup(value);
			break;
		case KEY_MISSED:
			*(MissedPolicy *) field = read_missed(key->name, value);
			break;
		case KEY_ON:
			*(bool *) field = read_one_of(key->name, value, "true", "false");
			break;
		case KEY_CATCH_UP:
			*(bool *) field = read_one_of(key->name, value, "eager", "paced");
			break;
		case KEY_BACKOFF:
			((Backoff *) field)->kind = read_one_of(key->name, value, "exponential", "constant") ? BACKOFF_EXPONENTIAL :
				BACKOFF_CONSTANT;
			break;
		case KEY_COUNT:
			*(int *) field = read_count(key, value);
			break;
		case KEY_SHARE:
			*(double *) field = read_share(key->name, value);
			break;
		case KEY_INTERVAL:
			*(int64 *) field = read_interval(key->name, value);
			break;
	}
}

/* every key of the object is known, and none is null; those that stand for a field are put into it */
static void
set_values(Jsonb *object, bool is_freerun, void *target)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const Key  *key;
		char	   *name;
		char	   *text;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		key = find_key(name, is_freerun);
		text = json_text(object, name);
		if (text == NULL)
			refuse(name, "null", translated("a value; leave the key out for what it is"));
		if (target != NULL)
			set_value(key, text, is_freerun, (char *) target + (is_freerun ? key->in_freerun : key->in_process));
	}
}

static char *
read_name(Jsonb *object, const char *key)
{
	char	   *name = json_text(object, key);

	if (name != NULL && (name[0] == '\0' || strlen(name) > MAX_NAME_BYTES))
		refuse(key, name, psprintf(translated("a name of 1 to %d bytes"), MAX_NAME_BYTES));
	return name;
}

/* ---------------------------------------------------------------- timetables */

static Tree *
tree_named(Definitions *definitions, const char *name)
{
	for (int i = 0; i < definitions->n_trees; i++)
		if (strcmp(definitions->trees[i]->name, name) == 0)
			return definitions->trees[i];
	return NULL;
}

static Tree *
add_tree(Definitions *definitions, char *name)
{
	Tree	   *tree = palloc0(sizeof(Tree));

	tree->name = name;
	definitions->trees = repalloc_huge(definitions->trees, sizeof(Tree *) * (definitions->n_trees + 1));
	definitions->trees[definitions->n_trees++] = tree;
	return tree;
}

static void
add_dependency(Tree *tree, Tree *other)
{
	for (int i = 0; i < tree->n_dependent_on; i++)
		if (tree->dependent_on[i] == other)
			return;
	/* arrays of loaded timetables have room for those that were there; nobody else holds on to them */
	tree->dependent_on = memcpy(palloc(sizeof(Tree *) * (tree->n_dependent_on + 1)), tree->dependent_on ? tree->dependent_on :
								(Tree **) &other, sizeof(Tree *) * tree->n_dependent_on);
	tree->dependent_on[tree->n_dependent_on++] = other;
	other->dependants = memcpy(palloc(sizeof(Tree *) * (other->n_dependants + 1)), other->dependants ? other->dependants :
							   (Tree **) &tree, sizeof(Tree *) * other->n_dependants);
	other->dependants[other->n_dependants++] = tree;
}

static bool
depends_on(const Tree *tree, const Tree *other)
{
	check_stack_depth();
	if (tree == other)
		return true;
	for (int i = 0; i < tree->n_dependent_on; i++)
		if (depends_on(tree->dependent_on[i], other))
			return true;
	return false;
}

static void
read_dependencies(Changes *changes, Jsonb *object, Tree *tree)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&object->root, "dependent_on", strlen("dependent_on"), &buffer);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;

	if (value == NULL)
		return;
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse("dependent_on", json_text(object, "dependent_on"), translated("an array of names of timetables"));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		char	   *name;
		Tree	   *other;

		if (token != WJB_ELEM)
			continue;
		name = element.type == jbvString ? pnstrdup(element.val.string.val, element.val.string.len) : "";
		other = tree_named(changes->definitions, name);
		if (other == NULL)
			refuse("dependent_on", name, translated("the name of a timetable that there is, or that was added before"));
		if (depends_on(other, tree))
			refuse("dependent_on", name, translated("a timetable that does not depend on this one itself"));
		add_dependency(tree, other);
	}
}

/* ---------------------------------------------------------------- when a timetable begins */

static Timeperiod
read_start(const Changes *changes, Jsonb *object, bool *is_given)
{
	char	   *text = json_text(object, "start_timeperiod");
	Timeperiod	start;

	*is_given = text != NULL;
	if (text == NULL)
		return timeperiod_at(QUALIFIER_HOURLY, changes->from, &start) ? start : TIMEPERIOD_NONE;
	if (!timeperiod_parse(text, strlen(text), &start) || timeperiod_is_long(start))
		refuse("start_timeperiod", text, translated("a timeperiod, such as 2016042000"));
	return start;
}

/* as api/backfill.c does it: the periods before the present start become a lane of their own */
static void
begin_earlier(Process *process, Timeperiod start)
{
	Timeperiod	old_first = timeperiod_cast(process->qualifier, process->start);
	Timeperiod	new_first = timeperiod_cast(process->qualifier, start);

	if (timeperiod_start(process->start) <= timeperiod_start(start))
		return;
	process->start = start;
	if (process->head == TIMEPERIOD_NONE || new_first >= old_first)
		return;
	process->backfill_start = process->backfill_frontier = new_first;
	if (process->backfill_end == TIMEPERIOD_NONE)
		process->backfill_end = old_first;
}

/* a process that is new in a timetable begins with the others */
static void
set_start(Changes *changes, Jsonb *object, Process *process, bool is_new)
{
	Tree	   *tree = process->tree;
	Process    *other = NULL;
	bool		is_given;
	Timeperiod	start = read_start(changes, object, &is_given);

	for (int q = QUALIFIER_HOURLY; q <= QUALIFIER_YEARLY; q++)
		if (tree->members[q] != NULL && tree->members[q] != process)
			other = tree->members[q];
	if (is_new)
		process->start = other && (!is_given || timeperiod_start(other->start) < timeperiod_start(start)) ? other->start : start;
	if (!is_given)
		return;
	for (int q = QUALIFIER_HOURLY; q <= QUALIFIER_YEARLY; q++)
		if (tree->members[q] != NULL)
			begin_earlier(tree->members[q], start);
	changes->begun = list_append_unique_ptr(changes->begun, tree);
}

/* ---------------------------------------------------------------- one change */

static void
suppose(Changes *changes, Jsonb *object, char *process_name, char *entry_name)
{
	char	   *rate = json_text(object, "failure_rate");
	Supposed   *supposed = palloc(sizeof(Supposed));

	if (rate == NULL)
		return;
	supposed->process_name = process_name;
	supposed->entry_name = entry_name;
	supposed->failure_rate = read_share("failure_rate", rate);
	changes->supposed = lcons(supposed, changes->supposed);
}

static Process *
new_process(Changes *changes, Jsonb *object, char *name)
{
	Definitions *definitions = changes->definitions;
	Process    *process = palloc0(sizeof(Process));
	char	   *tree_name = read_name(object, "tree_name");
	TriggerError error;

	if (json_text(object, "time_qualifier") == NULL)
		refuse("time_qualifier", "null", psprintf(translated("hourly, daily, monthly or yearly: there is no process \"%s\" yet"), name));
	if (tree_name == NULL)
		tree_name = name;
	process->name = name;
	process->tree = tree_named(definitions, tree_name);
	if (process->tree == NULL)
		process->tree = add_tree(definitions, tree_name);
	process->grouping = process->concurrency = 1;
	process->is_on = process->is_eager = true;
	process->trigger_lag = process->resubmit_after = process->release_lag = process->life_support = -1;
	process->max_retries = -1;
	process->backoff.base = INSTANT_MINUTE;
	(void) trigger_parse("every 60", &process->trigger, &error);
	definitions->processes = repalloc_huge(definitions->processes, sizeof(Process *) * (definitions->n_processes + 1));
	definitions->processes[definitions->n_processes++] = process;
	return process;
}

static void
change_process(Changes *changes, Jsonb *object, char *name)
{
	Process    *process = definition_process_named(changes->definitions, name);
	bool		is_new = process == NULL;
	char	   *tree_name = read_name(object, "tree_name");
	TimeQualifier qualifier;

	set_values(object, false, NULL);	/* whatever is wrong is said first */
	if (is_new)
		process = new_process(changes, object, name);
	qualifier = process->qualifier;
	set_values(object, false, process);
	process->has_backoff |= json_text(object, "backoff") != NULL;
	if (!is_new && process->qualifier != qualifier)
		refuse("time_qualifier", time_qualifier_name(process->qualifier), psprintf(translated("what process \"%s\" has: it cannot be changed"), name));
	if (!is_new && tree_name != NULL && strcmp(tree_name, process->tree->name) != 0)
		refuse("tree_name", tree_name, psprintf(translated("the timetable of process \"%s\": it cannot be changed"), name));
	if (!time_grouping_is_valid(process->qualifier, process->grouping))
		refuse("time_grouping", json_text(object, "time_grouping"),
			   psprintf(translated("1 to %d for a process that is %s"), time_grouping_limit(process->qualifier), time_qualifier_name(process->qualifier)));
	if (is_new && process->tree->members[process->qualifier] != NULL)
		refuse("time_qualifier", time_qualifier_name(process->qualifier),
			   psprintf(translated("one that timetable \"%s\" has no process of yet"), process->tree->name));
	process->tree->members[process->qualifier] = process;
	set_start(changes, object, process, is_new);
	read_dependencies(changes, object, process->tree);
	suppose(changes, object, name, NULL);
}

static void
change_freerun(Changes *changes, Jsonb *object, char *name, char *entry_name)
{
	Definitions *definitions = changes->definitions;
	Freerun    *freerun = definition_freerun_named(definitions, name, entry_name);

	set_values(object, true, NULL);
	if (freerun == NULL)
	{
		if (json_text(object, "trigger_frequency") == NULL)
			refuse("trigger_frequency", "null", psprintf(translated("when it fires: there is no freerun (\"%s\", \"%s\") yet"), name, entry_name));
		freerun = palloc0(sizeof(Freerun));
		freerun->process_name = name;
		freerun->entry_name = entry_name;
		freerun->is_on = true;
		freerun->timezone = "UTC";
		freerun->resubmit_after = freerun->release_lag = freerun->life_support = -1;
		freerun->timer_since = changes->from;
		definitions->freeruns = repalloc_huge(definitions->freeruns, sizeof(Freerun *) * (definitions->n_freeruns + 1));
		definitions->freeruns[definitions->n_freeruns++] = freerun;
	}
	set_values(object, true, freerun);
	if (json_text(object, "trigger_frequency") != NULL)
		freerun->timer_since = changes->from;
	suppose(changes, object, name, entry_name);
}

static void
change(Changes *changes, Jsonb *object)
{
	char	   *name = read_name(object, "process_name");
	char	   *entry_name = read_name(object, "entry_name");

	if (name == NULL)
		refuse("process_name", "null", translated("the name of a process, or that of a freerun together with its entry_name"));
	if (changes->definitions->n_processes + changes->definitions->n_freeruns >= MAX_DEFINITIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("argument \"changes\" has too many processes: more than %d together", MAX_DEFINITIONS),
				 errhint("Simulate some of them.")));
	if (entry_name != NULL)
		change_freerun(changes, object, name, entry_name);
	else
		change_process(changes, object, name);
}

/* who is above whom may be otherwise now */
static void
link_members(Tree *tree)
{
	Process    *below = NULL;

	tree->bottom = NULL;
	for (int q = QUALIFIER_HOURLY; q <= QUALIFIER_YEARLY; q++)
	{
		Process    *process = tree->members[q];

		if (process == NULL)
			continue;
		process->child = below;
		process->parent = NULL;
		if (below)
			below->parent = process;
		else
			tree->bottom = process;
		below = process;
	}
}

void
changes_apply(Changes *changes, Jsonb *array)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;
	bool		is_good = JB_ROOT_IS_ARRAY(array) && !JB_ROOT_IS_SCALAR(array);

	iterator = JsonbIteratorInit(&array->root);
	while (is_good && (token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		is_good = element.type == jbvBinary && JsonContainerIsObject(element.val.binary.data);
		if (is_good)
			change(changes, JsonbValueToJsonb(&element));
	}
	if (!is_good)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"changes\" is not a JSON array of objects: \"%s\"",
						argument_shown(JsonbToCString(NULL, &array->root, VARSIZE(array)))),
				 errhint("Write it as in '[{\"process_name\": \"load\", \"concurrency\": 4}]'.")));
	for (int i = 0; i < changes->definitions->n_trees; i++)
		link_members(changes->definitions->trees[i]);
}

const Supposed *
changes_supposed(const Changes *changes, const char *process_name, const char *entry_name)
{
	ListCell   *cell;

	foreach(cell, changes->supposed)
	{
		const Supposed *supposed = lfirst(cell);

		if (strcmp(supposed->process_name, process_name) == 0 && (supposed->entry_name == NULL) == (entry_name == NULL) &&
			(entry_name == NULL || strcmp(supposed->entry_name, entry_name) == 0))
			return supposed;
	}
	return NULL;
}
