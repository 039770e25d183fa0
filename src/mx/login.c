/*
 * mx/login.c: logging in and out.
 *
 * A role and a password go to PostgreSQL, which says whether they are right; nothing else decides.  What is said of a
 * failure is the same whatever was wrong.  Few logins are under way at a time: each is a connection to the database, and
 * must not take those of the people who are in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mx/lockout.h"
#include "mx/login.h"
#include "mx/mx.h"
#include "mx/page.h"
#include "mx/response.h"
#include "mx/route.h"

#define MAX_AT_ONCE 20
#define MAX_NAME 63
#define MAX_PASSWORD 1024

typedef struct Login
{
	struct Login *next;
	Request    *request;		/* NULL: the client is gone */
	Role	   *role;
	char	   *name;
	char	   *next_path;
	char		address[64];
	bool		wants_json;
} Login;

static Login *logins;
static int	n_logins;

static void
free_login(Login *login)
{
	for (Login **place = &logins; *place; place = &(*place)->next)
		if (*place == login)
		{
			*place = login->next;
			break;
		}
	n_logins--;
	role_release(login->role);
	free(login->name);
	free(login->next_path);
	free(login);
}

static char *
cookie_header(const char *value)
{
	bool		is_secure = mx.certificate || (mx.origin && strncasecmp(mx.origin, "https:", 6) == 0);

	return client_format("%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s", route_cookie_name(), value, is_secure ? "; Secure" : "",
						 *value ? "" : "; Max-Age=0");
}

static struct MHD_Response *
with_cookie(struct MHD_Response *response, const char *value)
{
	char	   *cookie = cookie_header(value);

	if (response)
		MHD_add_response_header(response, "Set-Cookie", cookie);
	free(cookie);
	return response;
}

static struct MHD_Response *
failure(const Login *login, int status, const char *sqlstate, const char *message, const char *hint)
{
	char	   *text;
	struct MHD_Response *response;

	if (login->wants_json)
		return response_error(status, sqlstate, message, NULL, hint);
	text = client_format("%s%s%s", message, hint ? ". " : "", hint ? hint : "");
	response = page_login(text, login->name, login->next_path);
	free(text);
	return response;
}

static void
succeed(Login *login)
{
	Request    *request = login->request;
	Session    *session = session_begin(login->role, mx_now());

	lockout_succeeded(login->name, login->address);
	mx_say("role %s has logged in from %s", login->name, login->address);
	if (login->wants_json)
	{
		if (request->session)
			session_release(request->session);
		request->session = session;
		session->references++;
		request->new_cookie = cookie_header(session_cookie(session));
		http_resume(request);	/* goes on with the session's document */
	}
	else
		http_resume_with(request, 303, with_cookie(response_redirect(login->next_path), session_cookie(session)));
}

static void
take(void *arg, const Outcome *outcome)
{
	Login	   *login = arg;
	bool		is_wrong = !outcome->is_done && outcome->status == 401;
	int64_t		now = mx_now();

	if (is_wrong)
	{
		lockout_failed(login->name, login->address, now / SECONDS);
		client_complain("login of role \"%s\" from %s was refused: %s", login->name, login->address, outcome->message);
	}
	if (login->request == NULL)
		;
	else if (outcome->is_done)
		succeed(login);
	else if (is_wrong)
		http_resume_with(login->request, 401, failure(login, 401, outcome->sqlstate, "Role or password is wrong", NULL));
	else
		http_resume_with(login->request, outcome->status, failure(login, outcome->status, outcome->sqlstate, outcome->message, outcome->hint));
	if (login->request)
		login->request->login = NULL;
	free_login(login);
}

static enum MHD_Result
refuse(Request *request, int status, const char *message, const char *role, const char *next, int retry_after)
{
	struct MHD_Response *response = route_wants_json(request) ? response_error(status, NULL, message, NULL, NULL)
		: page_login(message, role, next);
	char		seconds[16];

	snprintf(seconds, sizeof(seconds), "%d", retry_after);
	if (response && retry_after)
		MHD_add_response_header(response, "Retry-After", seconds);
	return http_answer(request, status, response);
}

static enum MHD_Result
start(Request *request, const char *name, const char *password, const char *next, const char *address)
{
	Login	   *login = client_alloc(sizeof(Login));

	login->request = request;
	login->role = role_take(name, password);
	login->name = client_strdup(name);
	login->next_path = client_strdup(next);
	snprintf(login->address, sizeof(login->address), "%s", address);
	login->wants_json = route_wants_json(request);
	login->next = logins;
	logins = login;
	n_logins++;
	request->login = login;
	http_suspend(request);
	database_log_in(login->role, take, login);
	return MHD_YES;
}

static enum MHD_Result
try_form(Request *request, const Uri *form)
{
	const char *name = uri_argument(form, "role");
	const char *password = uri_argument(form, "password");
	const char *next = uri_argument(form, "next");
	char		address[64];
	int			wait;

	if (next == NULL || !uri_is_local(next))
		next = "/";
	if (name == NULL || password == NULL)
		return refuse(request, 400, "Role and password are both needed", name ? name : "", next, 0);
	if (strlen(name) > MAX_NAME || strlen(password) > MAX_PASSWORD)
		return refuse(request, 401, "Role or password is wrong", "", next, 0);
	wait = lockout_wait(name, http_address(request, address, sizeof(address)), mx_now() / SECONDS);
	if (wait > 0)
		return refuse(request, 429, "Too many failures: try again later", name, next, wait);
	if (n_logins >= MAX_AT_ONCE)
		return refuse(request, 503, "Too many are logging in at this moment", name, next, 2);
	return start(request, name, password, next, address);
}

enum MHD_Result
login_try(Request *request)
{
	const char *type = http_header(request, "Content-Type");
	enum MHD_Result result;
	Uri			form;

	if (!route_is_same_origin(request))
		return response_refuse(request, 403, "the request comes from another site");
	if (type == NULL || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0)
		return response_refuse(request, 415, "the body must be a form (Content-Type: application/x-www-form-urlencoded)");
	if (request->body == NULL || memchr(request->body, '\0', request->body_size) || !uri_parse_form(&form, request->body))
		return response_refuse(request, 400, "the form is not well-formed");
	result = try_form(request, &form);
	uri_free(&form);
	return result;
}

enum MHD_Result
login_answer_page(Request *request)
{
	const char *next = uri_argument(&request->uri, "next");

	if (next == NULL || !uri_is_local(next))
		next = "/";
	if (request->session)
		return http_answer(request, 303, response_redirect(next));
	return http_answer(request, 200, page_login(NULL, "", next));
}

/* what a path may contain as it came would end an argument: it is escaped once more */
static char *
escaped(const char *text)
{
	char	   *result = client_alloc(strlen(text) * 3 + 1),
			   *out = result;

	for (const char *c = text; *c; c++)
	{
		if (strchr("&+#%=", *c) || (unsigned char) *c <= 0x20 || (unsigned char) *c >= 0x7f)
			out += sprintf(out, "%%%02X", (unsigned char) *c);
		else
			*out++ = *c;
	}
	return result;
}

enum MHD_Result
login_send_there(Request *request)
{
	char	   *wanted = client_format("%s%s%s", request->uri.path, request->uri.query ? "?" : "", request->uri.query ? request->uri.query : "");
	char	   *next = escaped(wanted);
	char	   *path = client_format("/login%s%s", strcmp(wanted, "/") == 0 ? "" : "?next=", strcmp(wanted, "/") == 0 ? "" : next);
	enum MHD_Result result = http_answer(request, 303, response_redirect(path));

	free(path);
	free(next);
	free(wanted);
	return result;
}

enum MHD_Result
login_end_session(Request *request)
{
	Session    *session = request->session;

	session->is_over = true;	/* it goes with the request */
	if (route_wants_json(request))
		return http_answer(request, 200, with_cookie(response_json("{}\n"), ""));
	return http_answer(request, 303, with_cookie(response_redirect("/login"), ""));
}

void
login_forget(Request *request)
{
	Login	   *login = request->login;

	login->request = NULL;
	request->login = NULL;
}

void
login_end(void)
{
	for (Login *login = logins; login; login = login->next)
		if (login->request)
		{
			http_resume_with(login->request, 503, response_error(503, NULL, "the console is shutting down", NULL, NULL));
			login->request->login = NULL;
			login->request = NULL;
		}
}
