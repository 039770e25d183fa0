/*
 * courier/status.c: reading one status message.
 *
 * It comes from outside, and may be anything.  PostgreSQL's own JSON reader takes it to pieces; what it says of a
 * malformed one is caught, which is safe because it holds no resources.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "courier/courier.h"
#include "store/json_text.h"
#include "store/message.h"

static bool
refuse(Report *report, const char *reason)
{
	report->outcome = REPORT_REFUSED;
	report->reason = pstrdup(reason);
	return false;
}

/* NULL: it is no JSON object; *why says why */
static Jsonb *
read_object(const char *body, int size, char **why)
{
	MemoryContext context = CurrentMemoryContext;
	Jsonb	   *volatile object = NULL;

	PG_TRY();
	{
		char	   *text = pnstrdup(body, size);

		text = pg_any_to_server(text, size, PG_UTF8);
		object = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	}
	PG_CATCH();
	{
		ErrorData  *error;
		int			category = ERRCODE_TO_CATEGORY(geterrcode());

		/* not supported: an escape that is not ASCII, in a database whose encoding is SQL_ASCII */
		if (category != ERRCODE_DATA_EXCEPTION && category != ERRCODE_PROGRAM_LIMIT_EXCEEDED &&
			category != ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION && category != ERRCODE_FEATURE_NOT_SUPPORTED)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		*why = psprintf("malformed: %s", error->message);
		object = NULL;
	}
	PG_END_TRY();
	if (object != NULL && !JB_ROOT_IS_OBJECT(object))
	{
		*why = "malformed: not a JSON object";
		return NULL;
	}
	return object;
}

/* false: there, and no whole number */
static bool
get_number(Jsonb *object, const char *key, bool *is_there, int64 *number)
{
	char	   *text = json_text(object, key);
	char	   *end;

	*is_there = text != NULL;
	if (text == NULL)
		return true;
	errno = 0;
	*number = strtoll(text, &end, 10);
	return end != text && *end == '\0' && errno == 0;
}

static bool
get_state(Jsonb *object, UnitState *state)
{
	static const UnitState accepted[] = {UNIT_IN_PROGRESS, UNIT_PROCESSED, UNIT_NOOP, UNIT_CANCELED, UNIT_INVALID};
	char	   *text = json_text(object, "state");

	for (int i = 0; text != NULL && i < (int) lengthof(accepted); i++)
		if (strcmp(text, unit_state_name(accepted[i])) == 0)
		{
			*state = accepted[i];
			return true;
		}
	return false;
}

bool
status_read(const char *body, int size, Report *report)
{
	char	   *why = NULL;
	Jsonb	   *object;
	bool		has_id,
				has_attempt;
	int64		attempt = 0;
	char	   *database;

	if (memchr(body, '\0', size) != NULL)
		return refuse(report, "malformed: it has a null byte");
	object = read_object(body, size, &why);
	if (object == NULL)
		return refuse(report, why);
	if (!get_number(object, "record_db_id", &has_id, &report->unit_id) || !has_id)
		return refuse(report, "malformed: record_db_id is not a whole number");
	if (!get_number(object, "attempt", &has_attempt, &attempt) || !has_attempt || attempt < 1 || attempt > PG_INT32_MAX)
		return refuse(report, "malformed: attempt is not a whole number from 1 on");
	if (!get_state(object, &report->state))
		return refuse(report, "malformed: state is not one of in_progress, processed, noop, canceled, invalid");
	if (!get_number(object, "number_of_processed", &report->has_processed, &report->processed) ||
		!get_number(object, "number_of_aggregated", &report->has_aggregated, &report->aggregated))
		return refuse(report, "malformed: number_of_processed or number_of_aggregated is not a whole number");
	database = json_text(object, "database");
	if (database != NULL && strcmp(database, message_database()) != 0)
		return refuse(report, "it belongs to another database");
	report->attempt = (int) attempt;
	report->error = json_text(object, "error");
	report->process_name = json_text(object, "process_name");
	return true;
}
