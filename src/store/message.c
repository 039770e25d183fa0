/*
 * store/message.c: a request as a message: the JSON of a unit, and the way it goes.
 *
 * A message is made when it is published, so that it shows the unit as it is then.  It has no blanks but in the arguments: a broker would
 * have to keep them as well.  What all units of a process share is made once for each batch.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "nls.h"
#include "store/message.h"
#include "store/spi.h"

#define MAX_ARGUMENTS 2048		/* bytes of arguments, source and sink together: more stays behind */

/* the parts that all units of a process share, from its definition as it is now */
typedef struct Letterhead
{
	int32		process_id;
	OutboxRow	route;
	char	   *begin;			/* {"process_name":... "entry_name":... */
	char	   *end;			/* "database":... "source":... } */
} Letterhead;

const char *
message_database(void)
{
	static char name[64];

	if (name[0] == '\0')
		snprintf(name, sizeof(name), UINT64_FORMAT ".%u", GetSystemIdentifier(), MyDatabaseId);
	return name;
}

/* in SQL_ASCII nobody knows what is beyond ASCII: what is no UTF-8 is not shown */
char *
message_to_utf8(char *text)
{
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		return pg_server_to_any(text, strlen(text), PG_UTF8);
	if (!pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
		for (char *c = text; *c; c++)
			if (IS_HIGHBIT_SET(*c))
				*c = '?';
	return text;
}

/* ---------------------------------------------------------------- members of an object */

static void
append_key(StringInfo out, const char *key)
{
	if (out->len > 1)
		appendStringInfoChar(out, ',');
	appendStringInfoChar(out, '"');
	appendStringInfoString(out, key);
	appendBinaryStringInfo(out, "\":", 2);
}

/* in UTF-8, or null */
static void
append_text(StringInfo out, const char *key, char *value)
{
	append_key(out, key);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		escape_json(out, message_to_utf8(value));
}

static void
append_number(StringInfo out, const char *key, int64 value)
{
	char		text[MAXINT8LEN + 1];

	append_key(out, key);
	appendBinaryStringInfo(out, text, pg_lltoa(value, text));
}

static void
append_timeperiod(StringInfo out, const char *key, Timeperiod timeperiod)
{
	char		text[TIMEPERIOD_BUFFER + 2] = "\"";
	int			length = timeperiod_format(timeperiod, text + 1);

	text[length + 1] = '"';
	append_key(out, key);
	appendBinaryStringInfo(out, text, length + 2);
}

/* when it begins, as 2016-04-20T05:00:00Z */
static void
append_time(StringInfo out, const char *key, Timeperiod timeperiod)
{
	char		text[] = "\"YYYY-MM-DDTHH:MM:SSZ\"";
	char		digits[TIMEPERIOD_BUFFER];
	const char *digit = digits;
	Timeperiod	second;

	if (!timeperiod_long_at(timeperiod_start(timeperiod), &second))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("a time of a unit of work is out of range")));
	(void) timeperiod_format(second, digits);
	for (char *c = text; *c; c++)
		if (strchr("YMDHS", *c) != NULL)
			*c = *digit++;
	append_key(out, key);
	appendBinaryStringInfo(out, text, sizeof(text) - 1);
}

/* ---------------------------------------------------------------- of a process */

#define ROUTE_COLUMNS "exchange, routing_key, queue, queue_type, priority, message_ttl"

static void
read_route(uint64 row, OutboxRow *route)
{
	route->exchange = store_get_text(row, 1);
	route->routing_key = store_get_text(row, 2);
	route->queue = store_get_text(row, 3);
	route->queue_type = store_get_text(row, 4);
	route->priority = store_get_int32(row, 5, -1);
	route->ttl_ms = store_get_int64(row, 6, -1);
}

static void
write_letterhead(uint64 row, Letterhead *head)
{
	StringInfoData text;
	char	   *source = store_get_text(row, 10);
	char	   *sink = store_get_text(row, 11);
	char	   *arguments = store_get_text(row, 12);
	bool		fits = strlen(arguments) + (source ? strlen(source) : 0) + (sink ? strlen(sink) : 0) <= MAX_ARGUMENTS;

	read_route(row, &head->route);
	head->process_id = store_get_int32(row, 7, 0);
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	append_text(&text, "process_name", store_get_text(row, 8));
	append_text(&text, "entry_name", store_get_text(row, 9));
	head->begin = text.data;
	initStringInfo(&text);
	appendStringInfoChar(&text, ',');
	append_text(&text, "database", pstrdup(message_database()));
	append_text(&text, "source", fits ? source : NULL);
	append_text(&text, "sink", fits ? sink : NULL);
	append_key(&text, "arguments");
	appendStringInfoString(&text, fits ? message_to_utf8(arguments) : "null");
	append_key(&text, "omitted");
	appendStringInfoString(&text, fits ? "false}" : "true}");
	head->end = text.data;
}

/* of the processes that these rows are of */
static int
write_letterheads(List *rows, Letterhead **heads)
{
	static StoreQuery query = {
		"SELECT " ROUTE_COLUMNS ", process_id, process_name, entry_name, source, sink, arguments::text "
		"FROM (SELECT DISTINCT n FROM unnest($1) n) d JOIN synergy.amqp_route ON process_id = d.n", 1,
		{INT4ARRAYOID}
	};
	StoreColumn ids;
	Datum		values[1];
	ListCell   *cell;
	uint64		n;

	column_init(&ids, INT4OID);
	foreach(cell, rows)
	{
		int32		id = ((OutboxRow *) lfirst(cell))->process_id;

		if (id != 0 && (ids.n == 0 || DatumGetInt32(ids.values[ids.n - 1]) != id))
			column_add(&ids, Int32GetDatum(id));
	}
	if (ids.n == 0)
		return 0;
	values[0] = column_array(&ids);
	n = store_execute(&query, values, NULL);
	*heads = palloc0(sizeof(Letterhead) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
		write_letterhead(i, &(*heads)[i]);
	SPI_freetuptable(SPI_tuptable);
	return (int) n;
}

List *
message_routes(void)
{
	static StoreQuery query = {"SELECT DISTINCT " ROUTE_COLUMNS " FROM synergy.amqp_route", 0};
	uint64		n = store_execute(&query, NULL, NULL);
	List	   *routes = NIL;

	for (uint64 i = 0; i < n; i++)
	{
		OutboxRow  *route = palloc0(sizeof(OutboxRow));

		read_route(i, route);
		routes = lappend(routes, route);
	}
	return routes;
}

/* ---------------------------------------------------------------- of a unit */

static void
write_message(OutboxRow *row, const Letterhead *head)
{
	StringInfoData text;

	row->exchange = head->route.exchange;
	row->routing_key = head->route.routing_key;
	row->queue = head->route.queue;
	row->queue_type = head->route.queue_type;
	row->priority = head->route.priority;
	row->ttl_ms = head->route.ttl_ms;
	row->is_void = false;
	initStringInfo(&text);
	appendStringInfoString(&text, head->begin);
	append_number(&text, "record_db_id", row->unit_id);
	append_number(&text, "attempt", row->attempt);
	append_timeperiod(&text, "timeperiod", row->timeperiod);
	append_timeperiod(&text, "start_timeperiod", row->start);
	append_timeperiod(&text, "end_timeperiod", row->end);
	append_time(&text, "start_time", row->start);
	append_time(&text, "end_time", row->end);
	append_number(&text, "start_id", row->start_id);
	append_number(&text, "end_id", row->end_id);
	append_number(&text, "number_of_retries", row->retries);
	appendStringInfoString(&text, head->end);
	row->body = text.data;
	row->size = text.len;
}

void
message_write(List *rows)
{
	Letterhead *heads = NULL;
	int			n_heads = write_letterheads(rows, &heads);
	int			last = 0;
	ListCell   *cell;

	foreach(cell, rows)
	{
		OutboxRow  *row = lfirst(cell);

		/* neighbours mostly are of one process */
		for (int i = 0; i < n_heads && row->process_id != 0 && row->is_void; i++, last = (last + 1) % n_heads)
			if (heads[last].process_id == row->process_id)
			{
				write_message(row, &heads[last]);
				break;
			}
	}
}
