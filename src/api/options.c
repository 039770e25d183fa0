/*
 * api/options.c: the keys of the options argument, as a table: name, kind of value, whose it is.
 *
 * Whatever passes here is read without a doubt later (store/definition.c), so each kind of value is tried exactly as
 * it will be read.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/options.h"
#include "api/options_exec.h"
#include "nls.h"
#include "store/json_text.h"

typedef enum OptionKind
{
	OPTION_CATCH_UP,
	OPTION_BACKOFF,
	OPTION_MISSED,
	OPTION_COUNT,				/* min..max */
	OPTION_SHARE,				/* 0..1 */
	OPTION_INTERVAL,			/* min microseconds or more */
	OPTION_COLUMN,				/* name of a column */
	OPTION_AMQP_NAME,			/* of an exchange, a queue; a routing key */
	OPTION_QUEUE_TYPE,
	/* see api/options_exec.h */
	OPTION_BOXES,
	OPTION_DIRECTORY,
	OPTION_UMASK,
	OPTION_USER,
	OPTION_SECONDS,				/* an interval of whole seconds, min..max */
	OPTION_SHORT_INTERVAL,		/* min..max microseconds */
	OPTION_MEMORY,
	OPTION_ENVIRONMENT,
} OptionKind;

typedef struct Option
{
	const char *key;
	OptionKind	kind;
	int			owners;			/* OF_* */
	int64		min;
	int64		max;
	bool		is_exec;		/* of processes and freeruns only where an agent runs them */
} Option;

#define OF_BOTH		(OF_PROCESS | OF_FREERUN)
#define OF_ALL		(OF_BOTH | OF_DAEMON)

#define MAX_AMQP_NAME_BYTES 255	/* AMQP 0-9-1: a short string */

#define MAX_DAYS	INT64CONST(36525)	/* a hundred years */
#define MAX_SECONDS	INT64CONST(31557600)	/* a year of processor time */

static const Option known[] = {
	{"catch_up", OPTION_CATCH_UP, OF_PROCESS, 0, 0},
	{"deadline", OPTION_INTERVAL, OF_PROCESS, 1000, 0},
	{"concurrency", OPTION_COUNT, OF_PROCESS, 1, 1000},
	{"max_retries", OPTION_COUNT, OF_PROCESS, 0, 1000000},
	{"backoff", OPTION_BACKOFF, OF_PROCESS, 0, 0},
	{"backoff_base", OPTION_INTERVAL, OF_PROCESS, 0, 0},
	{"backoff_cap", OPTION_INTERVAL, OF_PROCESS, 0, 0},
	{"backoff_jitter", OPTION_SHARE, OF_PROCESS, 0, 0},
	{"missed", OPTION_MISSED, OF_FREERUN, 0, 0},
	{"timeout", OPTION_INTERVAL, OF_BOTH, 1000, 0},
	{"source_key", OPTION_COLUMN, OF_PROCESS, 0, 0},
	{"source_time", OPTION_COLUMN, OF_PROCESS, 0, 0},
	{"exchange", OPTION_AMQP_NAME, OF_BOTH, 0, 0},
	{"queue", OPTION_AMQP_NAME, OF_BOTH, 0, 0},
	{"routing_key", OPTION_AMQP_NAME, OF_BOTH, 0, 0},
	{"queue_type", OPTION_QUEUE_TYPE, OF_BOTH, 0, 0},
	{"message_ttl", OPTION_INTERVAL, OF_BOTH, 1000, 0},
	{"priority", OPTION_COUNT, OF_BOTH, 0, 9},
	{"trigger_lag", OPTION_INTERVAL, OF_PROCESS, 0, 0},
	{"gc_resubmit_after", OPTION_INTERVAL, OF_BOTH, 0, 0},
	{"gc_release_lag", OPTION_INTERVAL, OF_BOTH, 0, 0},
	{"gc_life_support", OPTION_INTERVAL, OF_BOTH, 0, 0},
	{"retention", OPTION_INTERVAL, OF_BOTH, 0, 0},
	{"retention_units", OPTION_COUNT, OF_BOTH, 0, 100000},
	{"present_on_boxes", OPTION_BOXES, OF_BOTH, 0, 0, true},
	{"working_directory", OPTION_DIRECTORY, OF_ALL, 0, 0, true},
	{"umask", OPTION_UMASK, OF_ALL, 0, 0, true},
	{"user", OPTION_USER, OF_ALL, 0, 0, true},
	{"cpu_limit", OPTION_SECONDS, OF_ALL, USECS_PER_SEC, MAX_SECONDS * USECS_PER_SEC, true},
	{"memory_limit", OPTION_MEMORY, OF_ALL, 0, 0, true},
	{"open_files", OPTION_COUNT, OF_ALL, 3, 1000000, true},
	{"kill_grace", OPTION_SHORT_INTERVAL, OF_ALL, 0, USECS_PER_DAY, true},
	{"log_lines", OPTION_COUNT, OF_BOTH, 0, 10000000, true},
	{"environment", OPTION_ENVIRONMENT, OF_ALL, 0, 0, true},
	{"backoff_base", OPTION_SHORT_INTERVAL, OF_DAEMON, 1000, USECS_PER_DAY},
	{"backoff_cap", OPTION_SHORT_INTERVAL, OF_DAEMON, 1000, USECS_PER_DAY},
};

static const Option *
find_option(const char *key, OptionOwner owner)
{
	StringInfoData keys;

	if (owner == OF_FREERUN && strcmp(key, "deadline") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"deadline\" is not one of freeruns"),
				 errhint("It counts from the end of a period, and a freerun has none. Option \"timeout\" limits how long a run may take; "
						 "what is to be there by a certain time is a process of its own timetable.")));
	initStringInfo(&keys);
	for (int i = 0; i < (int) lengthof(known); i++)
	{
		if ((known[i].owners & owner) == 0)
			continue;
		if (strcmp(known[i].key, key) == 0)
			return &known[i];
		appendStringInfo(&keys, "%s%s", keys.len ? ", " : "", known[i].key);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"options\" has an unknown key: \"%s\"", argument_shown(key)),
			 errhint("Known keys are %s.", keys.data)));
	return NULL;				/* keeps the compiler quiet */
}

static void
refuse(const Option *option, const char *value, const char *accepted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" has an invalid value: \"%s\"", option->key, argument_shown(value)),
			 errhint("Accepted is %s.", accepted)));
}

static void
check_count(const Option *option, const char *value)
{
	char	   *end;
	long		number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || number < option->min || number > option->max)
		refuse(option, value, psprintf(translated("a whole number from %lld to %lld"), (long long) option->min, (long long) option->max));
}

static void
check_share(const Option *option, const char *value)
{
	char	   *end;
	double		number;

	errno = 0;
	number = strtod(value, &end);
	if (end == value || *end != '\0' || errno != 0 || !(number >= 0 && number <= 1))
		refuse(option, value, translated("a number from 0 to 1"));
}

/* the input function's own error says less than ours; it holds no resources, so that catching it is safe */
bool
option_read_interval(const char *value, Interval **out)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool is_read = false;

	PG_TRY();
	{
		*out = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(value),
													 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		is_read = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return is_read;
}

static void
check_interval(const Option *option, const char *value)
{
	Interval   *interval = NULL;

	/* added to a time, and to each other, it must stay one */
	if (!option_read_interval(value, &interval) || interval->month > 12 * 100 || interval->day > MAX_DAYS ||
		interval->time > MAX_DAYS * USECS_PER_DAY || interval->month < 0 || interval->day < 0 || interval->time < 0 ||
		interval->month * 30 * USECS_PER_DAY + interval->day * USECS_PER_DAY + interval->time < option->min)
		refuse(option, value, option->min > 0 ? translated("an interval from 1 ms to 100 years, such as \"5 minutes\"") :
			   translated("an interval from 0 to 100 years, such as \"5 minutes\""));
}

static void
check_short_interval(const Option *option, const char *value)
{
	bool		is_whole = option->kind == OPTION_SECONDS;
	Interval   *interval = NULL;
	int64		length = -1;

	if (option_read_interval(value, &interval) && interval->month == 0 && interval->day >= 0 && interval->day <= MAX_DAYS &&
		interval->time >= 0 && interval->time <= MAX_DAYS * USECS_PER_DAY)
		length = interval->day * USECS_PER_DAY + interval->time;
	if (length < option->min || length > option->max || (is_whole && length % USECS_PER_SEC != 0))
		refuse(option, value, is_whole ? translated("an interval of whole seconds from 1 second to a year, such as \"1 hour\"") :
			   option->min > 0 ? translated("an interval from 1 ms to a day, such as \"10 seconds\"") :
			   translated("an interval from 0 to a day, such as \"10 seconds\""));
}

/* those of agents; `value` is the option's as text */
static void
check_exec(const Option *option, Jsonb *options, const char *value)
{
	const char *accepted = NULL;

	if (option->kind == OPTION_BOXES)
		accepted = option_wrong_boxes(options, option->key);
	else if (option->kind == OPTION_DIRECTORY)
		accepted = option_wrong_directory(value);
	else if (option->kind == OPTION_UMASK)
		accepted = option_wrong_umask(value);
	else if (option->kind == OPTION_USER)
		accepted = option_wrong_user(value);
	else if (option->kind == OPTION_MEMORY)
		accepted = option_wrong_memory(value);
	else if (option->kind == OPTION_ENVIRONMENT)
		accepted = option_wrong_environment(options, option->key);
	if (accepted != NULL)
		refuse(option, value, accepted);
}

static void
check_option(const Option *option, Jsonb *options, const char *value)
{
	if (value == NULL)
		refuse(option, "null", translated("a value; leave the key out for the default"));
	switch (option->kind)
	{
		case OPTION_CATCH_UP:
			if (strcmp(value, "eager") != 0 && strcmp(value, "paced") != 0)
				refuse(option, value, translated("eager or paced"));
			break;
		case OPTION_BACKOFF:
			if (strcmp(value, "constant") != 0 && strcmp(value, "exponential") != 0)
				refuse(option, value, translated("constant or exponential"));
			break;
		case OPTION_MISSED:
			if (strcmp(value, "skip") != 0 && strcmp(value, "once") != 0 && strcmp(value, "all") != 0)
				refuse(option, value, translated("skip, once or all"));
			break;
		case OPTION_COUNT:
			check_count(option, value);
			break;
		case OPTION_SHARE:
			check_share(option, value);
			break;
		case OPTION_INTERVAL:
			check_interval(option, value);
			break;
		case OPTION_COLUMN:
			if (value[0] == '\0' || strlen(value) > MAX_NAME_BYTES)
				refuse(option, value, translated("the name of a column of the source"));
			break;
		case OPTION_AMQP_NAME:
			if (value[0] == '\0' || strlen(value) > MAX_AMQP_NAME_BYTES)
				refuse(option, value, translated("a name of 1 to 255 bytes"));
			break;
		case OPTION_QUEUE_TYPE:
			if (strcmp(value, "quorum") != 0 && strcmp(value, "classic") != 0)
				refuse(option, value, translated("quorum or classic"));
			break;
		case OPTION_SECONDS:
		case OPTION_SHORT_INTERVAL:
			check_short_interval(option, value);
			break;
		default:
			check_exec(option, options, value);
			break;
	}
}

void
options_check(Jsonb *options, OptionOwner owner, const char *worker)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"options\" is not a JSON object: \"%s\"",
						argument_shown(JsonbToCString(NULL, &options->root, VARSIZE(options)))),
				 errhint("Write it as in '{\"concurrency\": 4}'.")));
	iterator = JsonbIteratorInit(&options->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		const Option *option;
		char	   *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		option = find_option(key, owner);
		check_option(option, options, json_text(options, key));
		if (option->is_exec && worker != NULL && strcmp(worker, "exec") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is not one of worker \"%s\"", key, worker),
					 errhint("It is for commands that an agent runs: worker => 'exec'.")));
	}
}
