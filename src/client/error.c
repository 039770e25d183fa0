/*
 * client/error.c: errors on stderr, as lines or as JSON.
 *
 * Errors name what people have named, so they are cleaned as everything is that goes to a terminal. Where the database
 * says something that this program knows more about (no extension, an older one, no rights), a hint is added.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/error.h"
#include "client/text.h"

FILE	   *error_stream;

#define OUT (error_stream ? error_stream : stderr)

static void
put_line(const char *label, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	fputs(label, OUT);
	text_put_lines(OUT, text);
	fputc('\n', OUT);
}

static void
put_field(const char *name, const char *text, const char *separator)
{
	fprintf(OUT, "%s\"%s\": ", separator, name);
	text_put_json(OUT, text);
}

void
error_report(const ClientError *error)
{
	if (client_json)
	{
		put_field("severity", error->severity ? error->severity : "ERROR", "{");
		put_field("sqlstate", error->sqlstate, ", ");
		put_field("message", error->message, ", ");
		put_field("detail", error->detail, ", ");
		put_field("hint", error->hint, ", ");
		put_field("context", error->context, ", ");
		fputs("}\n", OUT);
		return;
	}
	fprintf(OUT, "synergy%s%s: ", *client_command ? " " : "", client_command);
	if (error->severity)
		fprintf(OUT, "%s: ", error->severity);
	if (client_verbose && error->sqlstate)
		fprintf(OUT, "%s: ", error->sqlstate);
	put_line("", error->message);
	put_line("DETAIL:  ", error->detail);
	put_line("HINT:  ", error->hint);
	if (client_verbose)
		put_line("CONTEXT:  ", error->context);
}

static void report_formatted(ClientError *error, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void
report_formatted(ClientError *error, const char *format, va_list arguments)
{
	char	   *message = NULL;

	if (vasprintf(&message, format, arguments) < 0)
		abort();
	error->message = message;
	error_report(error);
	free(message);
}

void
client_complain(const char *format, ...)
{
	ClientError error = {0};
	va_list		arguments;

	va_start(arguments, format);
	report_formatted(&error, format, arguments);
	va_end(arguments);
}

void
client_complain_hint(const char *hint, const char *format, ...)
{
	ClientError error = {.hint = hint};
	va_list		arguments;

	va_start(arguments, format);
	report_formatted(&error, format, arguments);
	va_end(arguments);
}

void
client_say(const char *format, ...)
{
	va_list		arguments;
	char	   *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	fprintf(stderr, "synergy %s: ", client_command);
	text_put_lines(stderr, text);
	fputc('\n', stderr);
	free(text);
}

int
error_usage(const char *format, ...)
{
	va_list		arguments;
	char	   *hint = client_format("synergy %s --help tells more.", client_command);
	ClientError error = {.hint = hint};

	va_start(arguments, format);
	report_formatted(&error, format, arguments);
	va_end(arguments);
	free(hint);
	return EXIT_USAGE;
}

const char *
error_hint_for(const char *sqlstate)
{
	if (strcmp(sqlstate, "3F000") == 0)
		return "This database has no extension synergy: CREATE EXTENSION synergy, or name another database.";
	if (strcmp(sqlstate, "42883") == 0 || strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "42703") == 0)
		return "The extension in this database may be older than this program: ALTER EXTENSION synergy UPDATE.";
	if (strcmp(sqlstate, "42501") == 0)
		return "SELECT synergy.grant('viewer' | 'worker' | 'operator' | 'author', role) gives a role what it needs.";
	return NULL;
}

int
error_report_connection(PGconn *connection)
{
	const char *message = PQerrorMessage(connection);
	size_t		length = strlen(message);
	char	   *text = client_strdup(length ? message : "out of memory");
	ClientError error = {.message = text};

	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	error_report(&error);
	free(text);
	return EXIT_NO_CONNECTION;
}

int
error_report_result(PGconn *connection, const PGresult *result)
{
	ClientError error = {0};

	error.message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	error.sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (error.message == NULL || error.sqlstate == NULL)
		return error_report_connection(connection);
	error.detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	error.hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	error.context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	if (error.hint == NULL)
		error.hint = error_hint_for(error.sqlstate);
	error_report(&error);
	return PQstatus(connection) == CONNECTION_OK ? EXIT_REFUSED : EXIT_NO_CONNECTION;
}
