/*
 * fuzz_status.c: the courier's reader of status messages, with nothing else of the courier, as a function of SQL.
 *
 * It is made of PostgreSQL's JSON reader, and so runs in a server. An error that comes out of it is one that would end the
 * courier, which would be given the same message again and again.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "courier/status.c"
#include "store/json_text.c"
#include "core/types.c"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz_status);

const char *
outbox_database(void)
{
	return "this";
}

/* what was understood, NULL: it was refused; the reason of a refusal must be fit to be logged and stored */
Datum
fuzz_status(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(0);
	Report		report = {0};
	bool		is_read = status_read(VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body), &report);

	if (!is_read)
	{
		if (report.outcome != REPORT_REFUSED || report.reason == NULL || !pg_verifymbstr(report.reason, strlen(report.reason), true))
			elog(ERROR, "refused without a reason that can be told");
		PG_RETURN_NULL();
	}
	if (report.attempt < 1 || !(unit_state_is_finished(report.state) || report.state == UNIT_IN_PROGRESS || report.state == UNIT_INVALID))
		elog(ERROR, "attempt %d, state %c", report.attempt, report.state);
	if ((report.error && !pg_verifymbstr(report.error, strlen(report.error), true)) ||
		(report.process_name && !pg_verifymbstr(report.process_name, strlen(report.process_name), true)))
		elog(ERROR, "a text that cannot be stored");
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(INT64_FORMAT "/%d/%s", report.unit_id, report.attempt, unit_state_name(report.state))));
}
