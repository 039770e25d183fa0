/*
 * mx/live.c: who watches is told what changes.
 *
 * One connection listens for the scheduler's notifications (channel synergy_changes), for all who watch.  While there is
 * somebody, it renews the lease (synergy.watch) without which the scheduler tells nothing.  What comes is passed on as it
 * is; what is asked for after it is asked of the database (answer_outdate), once for all.
 *
 * A stream keeps a number of events at most; who does not take them in time is told to begin anew, by the end of the
 * stream: browsers connect again by themselves.  Without a connection, on a standby or with a scheduler that cannot tell,
 * live_is_on() is false, and pages ask now and then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mx/answer.h"
#include "mx/live.h"
#include "mx/mx.h"
#include "mx/response.h"

#define LISTEN_AND_SET \
	"SET search_path = pg_catalog; SET statement_timeout = '10s'; LISTEN synergy_changes"
#define WATCH "SELECT synergy.watch()::text"
#define RENEW_EVERY (25 * SECONDS)
#define BEAT_EVERY (15 * SECONDS)
#define CONNECT_TIMEOUT (10 * SECONDS)
#define ANSWER_TIMEOUT (20 * SECONDS)
#define MAX_BACKOFF (10 * SECONDS)
#define MAX_PENDING 65536
#define TIME_TO_TAKE (60 * SECONDS)

struct Stream
{
	Stream	   *next;
	Request    *request;
	Session    *session;
	char	   *pending;		/* what is to be sent */
	size_t		size;
	size_t		sent;
	bool		is_suspended;
	bool		is_over;
	int64_t		beat_at;
};

typedef enum ListenState
{
	LISTEN_OFF, LISTEN_CONNECTING, LISTEN_SETTING, LISTEN_IDLE, LISTEN_WATCHING
} ListenState;

static Stream *streams;
static int	n_streams;

static PGconn *connection;
static ListenState state;
static PostgresPollingStatusType wants;
static int64_t deadline;		/* connecting, asking: when it is given up; off: when it is tried again */
static int64_t renew_at;
static int64_t backoff;
static bool is_connected;
static bool is_listening;		/* a standby does not let us */
static bool is_told;			/* the scheduler tells, as far as is known */
static bool has_complained;

bool
live_is_on(void)
{
	return is_connected && is_told;
}

bool
live_is_connected(void)
{
	return is_connected;
}

/* ---------------------------------------------------------------- streams */

static void
wake(Stream *stream)
{
	if (!stream->is_suspended)
		return;
	stream->is_suspended = false;
	http_set_deadline(stream->request->client, mx_now() + TIME_TO_TAKE);
	MHD_resume_connection(stream->request->connection);
}

static void
send_text(Stream *stream, const char *text)
{
	size_t		size = strlen(text);

	if (stream->size - stream->sent + size > MAX_PENDING)
		stream->is_over = true;
	else
	{
		stream->size -= stream->sent;
		if (stream->size > 0)
			memmove(stream->pending, stream->pending + stream->sent, stream->size);
		stream->sent = 0;
		stream->pending = client_realloc(stream->pending, stream->size + size);
		memcpy(stream->pending + stream->size, text, size);
		stream->size += size;
	}
	wake(stream);
}

static const char *
hello(void)
{
	return live_is_on() ? "event: hello\ndata: {\"live\": true}\n\n" : "event: hello\ndata: {\"live\": false}\n\n";
}

/* data is one line: a line break would end the event */
static void
tell_all(const char *event, const char *data)
{
	char	   *text = client_format("event: %s\ndata: %s\n\n", event, data);

	for (Stream *stream = streams; stream; stream = stream->next)
		send_text(stream, text);
	free(text);
}

static ssize_t
read_stream(void *arg, uint64_t position, char *buffer, size_t max)
{
	Stream	   *stream = arg;
	size_t		left = stream->size - stream->sent;

	if (stream->is_over || stream->session->is_over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (left == 0)
	{
		stream->is_suspended = true;
		http_set_deadline(stream->request->client, 0);
		MHD_suspend_connection(stream->request->connection);
		return 0;
	}
	if (left > max)
		left = max;
	memcpy(buffer, stream->pending + stream->sent, left);
	stream->sent += left;
	return (ssize_t) left;
}

enum MHD_Result
live_begin_stream(Request *request)
{
	struct MHD_Response *response;
	Stream	   *stream;

	if (request->session->n_streams >= SESSION_MAX_STREAMS || n_streams >= HTTP_MAX_CLIENTS / 2)
		return response_refuse(request, 503, "too many are watching");
	stream = client_alloc(sizeof(Stream));
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, stream, NULL);
	if (response == NULL)
	{
		free(stream);
		return MHD_NO;
	}
	response_protect(response, "text/event-stream", "no-store");
	MHD_add_response_header(response, "X-Accel-Buffering", "no");	/* a proxy is to pass on each event at once */
	stream->request = request;
	stream->session = request->session;	/* which the request keeps */
	stream->session->n_streams++;
	stream->beat_at = mx_now() + BEAT_EVERY;
	stream->next = streams;
	streams = stream;
	if (n_streams++ == 0)
		renew_at = 0;
	request->stream = stream;
	send_text(stream, "retry: 2000\n");
	send_text(stream, hello());
	if (!is_connected)
		send_text(stream, "event: offline\ndata: {}\n\n");
	return http_answer(request, 200, response);
}

void
live_forget(Request *request)
{
	Stream	   *stream = request->stream;

	request->stream = NULL;
	for (Stream **place = &streams; *place; place = &(*place)->next)
		if (*place == stream)
		{
			*place = stream->next;
			break;
		}
	n_streams--;
	stream->session->n_streams--;
	free(stream->pending);
	free(stream);
}

/* comments tell a proxy, and us, that the other side is still there */
static int64_t
beat(int64_t now)
{
	int64_t		next = INT64_MAX;

	for (Stream *stream = streams; stream; stream = stream->next)
	{
		if (now >= stream->beat_at || stream->session->is_over)
		{
			stream->beat_at = now + BEAT_EVERY;
			send_text(stream, ":\n\n");
		}
		if (stream->beat_at < next)
			next = stream->beat_at;
	}
	return next;
}

/* ---------------------------------------------------------------- the connection that listens */

static void
lose(const char *why)
{
	char	   *text = client_strdup(why ? why : connection ? PQerrorMessage(connection) : "out of memory");

	text[strcspn(text, "\n")] = '\0';
	if (!has_complained)
		client_complain_hint("It is tried again; meanwhile pages ask now and then.", "the database cannot be listened to: %s", text);
	has_complained = true;
	free(text);
	if (connection)
		PQfinish(connection);
	connection = NULL;
	state = LISTEN_OFF;
	backoff = backoff == 0 ? SECONDS / 2 : backoff * 2 > MAX_BACKOFF ? MAX_BACKOFF : backoff * 2;
	deadline = mx_now() + backoff;
	if (is_connected)
		tell_all("offline", "{}");
	is_connected = is_listening = is_told = false;
}

static void
start(void)
{
	connection = database_connect_start(database_service);
	state = LISTEN_CONNECTING;
	wants = PGRES_POLLING_WRITING;
	deadline = mx_now() + CONNECT_TIMEOUT;
	if (connection == NULL || PQstatus(connection) == CONNECTION_BAD)
		lose(NULL);
}

static void
become_connected(void)
{
	state = LISTEN_IDLE;
	backoff = 0;
	renew_at = is_listening ? 0 : mx_now() + RENEW_EVERY;
	if (has_complained)
		client_complain("the database is listened to again");
	has_complained = false;
	answer_outdate();
	if (!is_connected)
	{
		is_connected = true;
		is_told = is_listening;
		tell_all("online", "{}");
	}
}

/* pages that ask now and then learn that they need not, and the reverse */
static void
set_told(bool now_told)
{
	if (now_told == is_told)
		return;
	is_told = now_told;
	answer_outdate();
	for (Stream *stream = streams; stream; stream = stream->next)
		send_text(stream, hello());
}

static void
take_result(PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (state == LISTEN_SETTING)
	{
		/* a standby, which can be looked at all the same */
		if (status != PGRES_COMMAND_OK && (sqlstate == NULL || strcmp(sqlstate, "25006") != 0))
			lose(PQresultErrorMessage(result));
		else
			is_listening = status == PGRES_COMMAND_OK;
		return;
	}
	if (status == PGRES_FATAL_ERROR)
		mx_say("synergy.watch: %s", PQresultErrorMessage(result));
	set_told(is_listening && status == PGRES_TUPLES_OK && PQntuples(result) == 1 && !PQgetisnull(result, 0, 0));
}

static void
take_notifications(void)
{
	PGnotify   *notification;

	while ((notification = PQnotifies(connection)) != NULL)
	{
		for (char *c = notification->extra; *c; c++)
			if (*c == '\n' || *c == '\r')
				*c = ' ';
		answer_outdate();
		tell_all("change", notification->extra);
		PQfreemem(notification);
	}
}

static void
go_on_connecting(void)
{
	wants = PQconnectPoll(connection);
	if (wants == PGRES_POLLING_FAILED)
		lose(NULL);
	else if (wants == PGRES_POLLING_OK)
	{
		state = LISTEN_SETTING;
		deadline = mx_now() + ANSWER_TIMEOUT;
		if (PQsetnonblocking(connection, 1) != 0 || PQsendQuery(connection, LISTEN_AND_SET) == 0)
			lose(NULL);
	}
}

static void
go_on_reading(void)
{
	if (PQconsumeInput(connection) == 0)
	{
		lose(NULL);
		return;
	}
	while ((state == LISTEN_SETTING || state == LISTEN_WATCHING) && !PQisBusy(connection))
	{
		PGresult   *result = PQgetResult(connection);

		if (result)
			take_result(result);
		else if (state == LISTEN_SETTING)
			become_connected();
		else
			state = LISTEN_IDLE;
		PQclear(result);
	}
	if (connection)
		take_notifications();
}

/* what could not be listened to may be a primary by now */
static void
renew(int64_t now)
{
	renew_at = now + RENEW_EVERY;
	deadline = now + ANSWER_TIMEOUT;
	state = is_listening ? LISTEN_WATCHING : LISTEN_SETTING;
	if (PQsendQuery(connection, is_listening ? WATCH : LISTEN_AND_SET) == 0)
		lose(NULL);
}

void
live_run(int revents, int64_t now)
{
	if (revents && state == LISTEN_CONNECTING)
		go_on_connecting();
	else if (revents && state != LISTEN_OFF)
		go_on_reading();
	if (state == LISTEN_OFF && now >= deadline)
		start();
	else if (state != LISTEN_OFF && state != LISTEN_IDLE && now >= deadline)
		lose(state == LISTEN_CONNECTING ? "no answer" : "the database does not answer");
	if (state == LISTEN_IDLE && n_streams > 0 && now >= renew_at)
		renew(now);
	beat(now);
}

int
live_poll(struct pollfd *fd)
{
	if (connection == NULL || PQsocket(connection) < 0)
		return 0;
	*fd = (struct pollfd) {.fd = PQsocket(connection), .events = POLLIN};
	if (state == LISTEN_CONNECTING)
		fd->events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	else if (PQflush(connection) == 1)
		fd->events |= POLLOUT;
	return 1;
}

int64_t
live_wake_at(void)
{
	int64_t		at = state == LISTEN_IDLE ? INT64_MAX : deadline;

	if (state == LISTEN_IDLE && n_streams > 0 && renew_at < at)
		at = renew_at;
	for (const Stream *stream = streams; stream; stream = stream->next)
		if (stream->beat_at < at)
			at = stream->beat_at;
	return at;
}

void
live_begin(void)
{
	start();
}

void
live_end(void)
{
	for (Stream *stream = streams; stream; stream = stream->next)
	{
		stream->is_over = true;
		wake(stream);
	}
	if (connection)
		PQfinish(connection);
	connection = NULL;
	state = LISTEN_OFF;
}
