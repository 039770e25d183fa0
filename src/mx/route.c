/*
 * mx/route.c: which request is for whom, and what must hold before it gets there.
 *
 * All that is not listed here is the front end's business: it gets the page, whose script knows the path or says that
 * there is no such page.  What changes anything is a POST and must show that it comes from a page of ours: the session's
 * token in a header that no other site can set, an Origin that is ours where the browser says it, and a cookie that the
 * browser does not send along from elsewhere (SameSite).
 */
#include <string.h>
#include <strings.h>

#include "mx/answer.h"
#include "mx/live.h"
#include "mx/login.h"
#include "mx/metrics.h"
#include "mx/mx.h"
#include "mx/page.h"
#include "mx/response.h"
#include "mx/route.h"

static const ApiEndpoint *const endpoint_tables[] = {
	api_overviews, api_timetables, api_units, api_definitions, api_alerts, api_actions
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

const char *
route_cookie_name(void)
{
	/* with the prefix browsers take it from this host over TLS only */
	return mx.certificate ? "__Host-synergy_session" : "synergy_session";
}

bool
route_wants_json(const Request *request)
{
	const char *accept = http_header(request, "Accept");

	return accept && strstr(accept, "application/json");
}

bool
route_is_same_origin(const Request *request)
{
	const char *site = http_header(request, "Sec-Fetch-Site");
	const char *origin = http_header(request, "Origin");
	const char *host = http_header(request, "Host");
	const char *scheme_end;

	if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (origin == NULL)
		return true;			/* no browser, or one that has said it above */
	if (mx.origin)
		return strcasecmp(origin, mx.origin) == 0;
	if (mx.certificate && strncasecmp(origin, "https:", 6) != 0)
		return false;			/* the same host, but anybody on the way could have made that page */
	scheme_end = strstr(origin, "://");
	return scheme_end && host && strcasecmp(scheme_end + 3, host) == 0;
}

static bool
is_get(const Request *request)
{
	return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static enum MHD_Result
refuse_method(Request *request, const char *allowed)
{
	struct MHD_Response *response = response_error(405, NULL, "another method is wanted", NULL, NULL);

	if (response)
		MHD_add_response_header(response, "Allow", allowed);
	return http_answer(request, 405, response);
}

static bool
is_json(const Request *request)
{
	const char *type = http_header(request, "Content-Type");

	return type && strncasecmp(type, "application/json", 16) == 0 && (type[16] == '\0' || type[16] == ';' || type[16] == ' ');
}

/* NULL: this may be done; else why not */
static const char *
refusal_of_change(const Request *request)
{
	const char *token = http_header(request, "X-CSRF-Token");

	if (!route_is_same_origin(request))
		return "the request comes from another site";
	if (token == NULL || !crypt_is_equal(token, request->session->csrf_token))
		return "the header X-CSRF-Token is missing or not this session's";
	return NULL;
}

static enum MHD_Result
run_action(Request *request, const ApiEndpoint *endpoint)
{
	const char *refusal = refusal_of_change(request);
	const char *body[1] = {request->body};

	if (refusal)
		return response_refuse(request, 403, refusal);
	if (!is_json(request))
		return response_refuse(request, 415, "the body must be JSON (Content-Type: application/json)");
	if (request->body_size == 0)
		return response_refuse(request, 400, "the body is missing");
	if (memchr(request->body, '\0', request->body_size) || !uri_is_utf8(request->body))
		return response_refuse(request, 400, "the body is not UTF-8");
	return answer_request(request, endpoint, body);
}

/* a path may have several endpoints only if they differ in method */
static enum MHD_Result
run_endpoint(Request *request, const ApiEndpoint *endpoint, const char *const *segments)
{
	const char *values[API_MAX_PARAMETERS] = {NULL};
	int			n_names = 0;
	const char *names[URI_MAX_SEGMENTS];

	if (endpoint->is_action)
		return strcmp(request->method, "POST") == 0 ? run_action(request, endpoint) : refuse_method(request, "POST");
	if (!is_get(request))
		return refuse_method(request, "GET, HEAD");
	if (strcmp(endpoint->path, "session") == 0)
		return answer_session(request, endpoint);
	for (const char *c = strchr(endpoint->path, ':'); c; c = strchr(c + 1, ':'))
		names[n_names++] = c + 1;
	for (int i = 0; endpoint->parameters[i]; i++)
	{
		size_t		length = strlen(endpoint->parameters[i]);

		values[i] = uri_argument(&request->uri, endpoint->parameters[i]);
		for (int j = 0; j < n_names; j++)
			if (strncmp(names[j], endpoint->parameters[i], length) == 0 && strcspn(names[j], "/") == length)
				values[i] = segments[j];
	}
	return answer_request(request, endpoint, values);
}

static const ApiEndpoint *
find_endpoint(const Request *request, const char **segments)
{
	for (size_t t = 0; t < LENGTH(endpoint_tables); t++)
		for (const ApiEndpoint *endpoint = endpoint_tables[t]; endpoint->path; endpoint++)
			if (uri_match(&request->uri, 2, endpoint->path, segments))
				return endpoint;
	return NULL;
}

enum MHD_Result
route_session_document(Request *request)
{
	for (const ApiEndpoint *endpoint = api_overviews; endpoint->path; endpoint++)
		if (strcmp(endpoint->path, "session") == 0)
			return answer_session(request, endpoint);
	return MHD_NO;
}

static enum MHD_Result
route_api(Request *request)
{
	const char *segments[URI_MAX_SEGMENTS];
	const ApiEndpoint *endpoint;

	if (request->session == NULL)
		return response_refuse(request, 401, "nobody has logged in, or the session has ended");
	if (uri_match(&request->uri, 2, "live", segments))
		return is_get(request) ? live_begin_stream(request) : refuse_method(request, "GET");
	endpoint = find_endpoint(request, segments);
	return endpoint ? run_endpoint(request, endpoint, segments) : response_refuse(request, 404, "there is no such path");
}

static enum MHD_Result
route_logout(Request *request)
{
	const char *refusal;

	if (strcmp(request->method, "POST") != 0)
		return refuse_method(request, "POST");
	if (request->session == NULL)
		return response_refuse(request, 401, "nobody has logged in, or the session has ended");
	refusal = refusal_of_change(request);
	return refusal ? response_refuse(request, 403, refusal) : login_end_session(request);
}

static enum MHD_Result
route_page(Request *request)
{
	if (!is_get(request))
		return refuse_method(request, "GET, HEAD");
	/* files have no secrets, and the page for logging in needs them */
	if (page_has_file(request))
		return page_answer_file(request);
	if (request->session == NULL)
		return login_send_there(request);
	return page_answer_index(request);
}

static void
find_session(Request *request)
{
	const char *cookie = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, route_cookie_name());

	if (cookie && request->session == NULL)
		request->session = session_find(cookie, mx_now());
}

enum MHD_Result
route_request(Request *request)
{
	const char *unused[URI_MAX_SEGMENTS];
	const Uri  *uri = &request->uri;

	if (uri_match(uri, 0, "healthz", unused))
		return is_get(request) ? metrics_answer_health(request) : refuse_method(request, "GET, HEAD");
	if (uri_match(uri, 0, "metrics", unused))
		return is_get(request) ? metrics_answer(request) : refuse_method(request, "GET, HEAD");
	find_session(request);
	if (uri_match(uri, 0, "login", unused))
		return is_get(request) ? login_answer_page(request) : strcmp(request->method, "POST") == 0 ? login_try(request)
			: refuse_method(request, "GET, HEAD, POST");
	if (uri_match(uri, 0, "logout", unused))
		return route_logout(request);
	if (uri->n_segments >= 2 && strcmp(uri->segments[0], "api") == 0 && strcmp(uri->segments[1], "v1") == 0)
		return route_api(request);
	if (uri->n_segments >= 1 && strcmp(uri->segments[0], "api") == 0)
		return response_refuse(request, 404, "there is no such version of the API; this is " API_PREFIX);
	return route_page(request);
}
