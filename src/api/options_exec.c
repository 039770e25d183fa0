/*
 * api/options_exec.c: values of the options that agents read: of exec processes and freeruns, and of daemons.
 *
 * synergy.exec_options() turns them into columns without a doubt, so what passes here must be readable there; and an
 * agent finds out the rest, whether a directory or a user is there, on its box.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/options.h"
#include "api/options_exec.h"
#include "nls.h"

#define MAX_PATH_BYTES 4095
#define MAX_USER_BYTES 255
#define MIN_MEMORY	INT64CONST(1048576) /* less, and not even a shell starts */
#define MAX_MEMORY	(INT64CONST(1) << 50)
#define SEPARATOR	'\001'		/* between the variables, see synergy.exec_options */

const char *
option_wrong_directory(const char *value)
{
	return value[0] == '/' && strlen(value) <= MAX_PATH_BYTES ? NULL : translated("an absolute path, such as \"/var/lib/etl\"");
}

const char *
option_wrong_umask(const char *value)
{
	size_t		n = strlen(value);

	return n >= 1 && n <= 4 && strspn(value, "01234567") == n && (n < 4 || value[0] == '0') ? NULL :
		translated("an octal number from 0 to 777 as text, such as \"022\"");
}

const char *
option_wrong_user(const char *value)
{
	size_t		n = strlen(value);

	return n >= 1 && n <= MAX_USER_BYTES && strpbrk(value, ":/") == NULL ? NULL : translated("the name of a user of the box");
}

/* as settings have them: kB, MB, GB, TB, and bytes without a unit */
const char *
option_wrong_memory(const char *value)
{
	static const struct
	{
		const char *unit;
		int			shift;
	}			units[] = {{"", 0}, {"B", 0}, {"kB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}};
	const char *accepted = translated("an amount of memory from 1MB to 1024TB, such as \"512MB\"; units are B, kB, MB, GB and TB");
	size_t		digits = strspn(value, "0123456789");
	const char *unit = value + digits + strspn(value + digits, " ");
	int64		number;

	if (digits < 1 || digits > 16)
		return accepted;
	number = strtoll(value, NULL, 10);
	for (int i = 0; i < (int) lengthof(units); i++)
		if (strcmp(unit, units[i].unit) == 0)
			return number <= (MAX_MEMORY >> units[i].shift) && number << units[i].shift >= MIN_MEMORY ? NULL : accepted;
	return accepted;
}

/* ---------------------------------------------------------------- environment */

static bool
is_variable(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return name[0] != '\0' && strchr("0123456789", name[0]) == NULL && strspn(name, letters) == strlen(name) &&
		strncmp(name, "SYNERGY_", 8) != 0;
}

const char *
option_wrong_environment(Jsonb *options, const char *key)
{
	const char *accepted = translated("an object of texts, such as {\"TZ\": \"UTC\"}; names are letters, digits and _, and do not begin with SYNERGY_");
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&options->root, key, strlen(key), &buffer);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	part;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return accepted;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_KEY && !is_variable(pnstrdup(part.val.string.val, part.val.string.len)))
			return accepted;
		if (token == WJB_VALUE && (part.type != jbvString || memchr(part.val.string.val, SEPARATOR, part.val.string.len) != NULL))
			return accepted;
	}
	return NULL;
}

/* ---------------------------------------------------------------- boxes */

/* compiling one holds no resources, so that catching its error is safe */
void
option_check_pattern(const char *name, bool is_option, const char *pattern)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile reason = NULL;

	PG_TRY();
	{
		(void) DirectFunctionCall2Coll(textregexeq, DEFAULT_COLLATION_OID, CStringGetTextDatum(""), CStringGetTextDatum(pattern));
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode != ERRCODE_INVALID_REGULAR_EXPRESSION)
			PG_RE_THROW();
		FlushErrorState();
		reason = error->message;
	}
	PG_END_TRY();
	if (reason != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 is_option ? errmsg("option \"%s\" holds no regular expression: \"%s\"", name, argument_shown(pattern)) :
				 errmsg("argument \"%s\" holds no regular expression: \"%s\"", name, argument_shown(pattern)),
				 errdetail("%s.", reason),
				 errhint("It is matched anywhere in the name of a box: write ^web[0-9]+$ for the whole name, [.] for a point.")));
}

const char *
option_wrong_boxes(Jsonb *options, const char *key)
{
	const char *accepted = translated("a regular expression or an array of them, such as [\"^web[0-9]+$\", \"^db1$\"]");
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&options->root, key, strlen(key), &buffer);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	part;

	if (value->type == jbvString)
	{
		option_check_pattern(key, true, pnstrdup(value->val.string.val, value->val.string.len));
		return NULL;
	}
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		return accepted;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (part.type != jbvString)
			return accepted;
		option_check_pattern(key, true, pnstrdup(part.val.string.val, part.val.string.len));
	}
	return NULL;
}
