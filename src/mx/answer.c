/*
 * mx/answer.c: answers of the database, shared by all who ask the same as the same role.
 *
 * A hundred people who look at one page make one statement: who asks what is being asked already waits for that answer,
 * and an answer is good until something is known to have changed, for SHARED_FOR at most.  The change counter is read
 * before the statement is sent: an answer that a change has overtaken is never taken for a new one.  So of one page at
 * most one statement waits, however slow they are.
 *
 * Who may share is decided by the role and its password, that is, by the Role: rights are PostgreSQL's business, and its
 * answer to one session of a role is its answer to all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/text.h"
#include "mx/answer.h"
#include "mx/live.h"
#include "mx/mx.h"
#include "mx/response.h"

#define SHARED_FOR (2 * SECONDS)
#define MAX_SHARED 500
#define MAX_SHARED_BYTES (64 * 1024 * 1024)

struct Answer
{
	Answer	   *next;
	Role	   *role;
	char	   *url;			/* NULL: not to be shared (any more) */
	bool		is_action;
	bool		is_metrics;		/* text, not JSON */
	char	   *addition;		/* what a session's document ends with */
	char	   *cookie;			/* of a session that begins with it */
	uint64_t	change;			/* when it was asked for */
	int64_t		asked_at;
	Query	   *query;			/* NULL: the answer is there */
	int			references;		/* of requests */
	Request    *waiting;		/* those that are suspended */
	struct MHD_Response *response;
	int			status;
	size_t		size;
};

static Answer *answers;			/* those that are shared, or asked for; newest first */
static int	n_answers;
static size_t n_bytes;
static uint64_t changes;

void
answer_outdate(void)
{
	changes++;
}

static void
free_answer(Answer *answer)
{
	for (Answer **place = &answers; *place; place = &(*place)->next)
		if (*place == answer)
		{
			*place = answer->next;
			break;
		}
	n_answers--;
	n_bytes -= answer->size;
	if (answer->query)
		database_forget(answer->query);
	if (answer->response)
		MHD_destroy_response(answer->response);
	role_release(answer->role);
	free(answer->url);
	free(answer->addition);
	free(answer->cookie);
	free(answer);
}

/* a statement that is still in the queue will see what has changed meanwhile */
static bool
is_good(const Answer *answer, int64_t now)
{
	if (answer->query && !database_is_sent(answer->query))
		return true;
	return answer->change == changes && now < answer->asked_at + SHARED_FOR;
}

/* outdated ones; where there are too many, good ones, too */
void
answer_sweep(int64_t now)
{
	for (Answer *answer = answers, *next; answer; answer = next)
	{
		next = answer->next;
		if (answer->query == NULL && answer->references == 0 &&
			(answer->url == NULL || !is_good(answer, now) || n_answers > MAX_SHARED || n_bytes > MAX_SHARED_BYTES))
			free_answer(answer);
	}
}

bool
answer_are_any(void)
{
	return answers != NULL;
}

static Answer *
find(const Role *role, const char *url, int64_t now)
{
	for (Answer *answer = answers; answer; answer = answer->next)
		if (answer->role == role && answer->url && strcmp(answer->url, url) == 0 && is_good(answer, now))
			return answer;
	return NULL;
}

/* a session's document is a JSON object; its last brace gives way to what is added */
static struct MHD_Response *
response_for(const Answer *answer, const Outcome *outcome)
{
	struct MHD_Response *response;
	char	   *text;
	size_t		length = outcome->is_done && outcome->value ? strlen(outcome->value) : 0;

	if (answer->is_metrics && outcome->is_done)
		return response_text("text/plain; version=0.0.4; charset=utf-8", length ? outcome->value : "");
	if (answer->addition == NULL || length == 0 || outcome->value[length - 1] != '}')
		return response_outcome(outcome);
	text = client_format("%.*s%s", (int) (length - 1), outcome->value, answer->addition);
	response = response_json(text);
	free(text);
	return response;
}

static void
take(void *arg, const Outcome *outcome)
{
	Answer	   *answer = arg;
	Request    *waiting = answer->waiting;

	answer->query = NULL;
	answer->waiting = NULL;
	answer->response = response_for(answer, outcome);
	if (answer->cookie && answer->response && outcome->is_done)
		MHD_add_response_header(answer->response, "Set-Cookie", answer->cookie);
	answer->status = !outcome->is_done ? outcome->status : outcome->value ? 200 : 404;
	answer->size = outcome->value ? strlen(outcome->value) : 0;
	n_bytes += answer->size;
	/* PostgreSQL no longer lets this role in */
	if (answer->status == 401)
		session_end_of_role(answer->role);
	if (answer->is_action)
		answer_outdate();
	if (answer->status >= 500 || answer->status == 401)
	{
		free(answer->url);		/* the next one asks again */
		answer->url = NULL;
	}
	while (waiting)
	{
		Request    *request = waiting;

		waiting = request->next;
		http_resume(request);
	}
	if (answer->url == NULL && answer->references == 0)
		free_answer(answer);
}

/* the request no longer needs it */
static void
let_go(Request *request)
{
	Answer	   *answer = request->answer;

	request->answer = NULL;
	if (--answer->references == 0 && answer->url == NULL && answer->query == NULL)
		free_answer(answer);
}

enum MHD_Result
answer_give(Request *request)
{
	Answer	   *answer = request->answer;
	enum MHD_Result result = http_answer_shared(request, answer->status, answer->response);

	let_go(request);
	return result;
}

static enum MHD_Result
wait_for(Answer *answer, Request *request)
{
	request->answer = answer;
	answer->references++;
	if (answer->query == NULL)
		return answer_give(request);
	request->next = answer->waiting;
	answer->waiting = request;
	return http_suspend(request);
}

/* url and addition are taken over */
static Answer *
ask(Role *role, const ApiEndpoint *endpoint, const char *const *values, char *url, char *addition, int64_t now)
{
	Answer	   *answer = client_alloc(sizeof(Answer));
	int			n = 0;

	while (endpoint->parameters[n])
		n++;
	answer->role = role_share(role);
	answer->url = url;
	answer->is_action = endpoint->is_action;
	answer->addition = addition;
	answer->change = changes;
	answer->asked_at = now;
	answer->next = answers;
	answers = answer;
	n_answers++;
	answer->query = database_ask(role, !endpoint->is_action, endpoint->sql, n, values, take, answer);
	if (answer->query == NULL)
	{
		free_answer(answer);
		return NULL;
	}
	return answer;
}

static enum MHD_Result
wait_or_refuse(Answer *answer, Request *request)
{
	return answer ? wait_for(answer, request) : response_refuse(request, 503, "too much is waiting for the database");
}

enum MHD_Result
answer_request(Request *request, const ApiEndpoint *endpoint, const char *const *values)
{
	Role	   *role = request->session->role;
	int64_t		now = mx_now();
	Answer	   *answer = NULL;
	char	   *url = NULL;

	if (!endpoint->is_action)
	{
		url = client_format("%s?%s", request->uri.path, request->uri.query ? request->uri.query : "");
		answer = find(role, url, now);
	}
	if (answer)
		free(url);
	else
		answer = ask(role, endpoint, values, url, NULL, now);
	return wait_or_refuse(answer, request);
}

enum MHD_Result
answer_metrics(Request *request, const char *sql)
{
	const ApiEndpoint endpoint = {.path = "metrics", .sql = sql};
	int64_t		now = mx_now();
	Answer	   *answer = find(database_service, endpoint.path, now);

	if (answer == NULL)
		answer = ask(database_service, &endpoint, NULL, client_strdup(endpoint.path), NULL, now);
	if (answer)
		answer->is_metrics = true;
	return wait_or_refuse(answer, request);
}

enum MHD_Result
answer_session(Request *request, const ApiEndpoint *endpoint)
{
	int64_t		now = mx_now();
	time_t		at = (time_t) session_expires_at(request->session, now, time(NULL));
	char		expires_at[32];
	Answer	   *answer;

	strftime(expires_at, sizeof(expires_at), "%Y-%m-%dT%H:%M:%SZ", gmtime(&at));
	answer = ask(request->session->role, endpoint, NULL, NULL,
				 client_format(", \"csrf_token\": \"%s\", \"expires_at\": \"%s\", \"live\": %s}",
							   request->session->csrf_token, expires_at, live_is_on() ? "true" : "false"), now);
	if (answer && request->new_cookie)
		answer->cookie = client_strdup(request->new_cookie);
	return wait_or_refuse(answer, request);
}

void
answer_forget(Request *request)
{
	for (Request **place = &request->answer->waiting; *place; place = &(*place)->next)
		if (*place == request)
		{
			*place = request->next;
			break;
		}
	let_go(request);
}

void
answer_end(void)
{
	Outcome		outcome = {.status = 503, .message = "the console is shutting down"};

	for (Answer *answer = answers, *next; answer; answer = next)
	{
		next = answer->next;
		if (answer->query)
		{
			database_forget(answer->query);
			take(answer, &outcome);
		}
		else if (answer->references == 0)
			free_answer(answer);
	}
}
