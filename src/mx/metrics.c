/*
 * mx/metrics.c: what other programs watch: /healthz and /metrics.
 *
 * Both are asked by the service's own role, so that no password has to be kept for them.  /healthz says only whether there
 * is a connection to the database, from memory: it costs nothing, however often it is asked, and tells strangers nothing.
 */
#include <string.h>
#include <strings.h>

#include "mx/answer.h"
#include "mx/live.h"
#include "mx/metrics.h"
#include "mx/metrics_sql.h"
#include "mx/mx.h"
#include "mx/response.h"

enum MHD_Result
metrics_answer_health(Request *request)
{
	if (live_is_connected())
		return http_answer(request, 200, response_json("{\"status\": \"ok\"}\n"));
	return http_answer(request, 503, response_json("{\"status\": \"the database cannot be reached\"}\n"));
}

/* Authorization: Bearer TOKEN */
static bool
has_token(const Request *request)
{
	const char *given = http_header(request, "Authorization");

	if (given == NULL || strncasecmp(given, "Bearer ", 7) != 0)
		return false;
	given += 7;
	given += strspn(given, " ");
	return crypt_is_equal(given, mx.metrics_token);
}

enum MHD_Result
metrics_answer(Request *request)
{
	struct MHD_Response *response;

	if (mx.metrics_token == NULL)
		return response_refuse(request, 404, "metrics are off; --metrics-token-file turns them on");
	if (!has_token(request))
	{
		response = response_error(401, NULL, "the token is missing or wrong (Authorization: Bearer)", NULL, NULL);
		if (response)
			MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"synergy metrics\"");
		return http_answer(request, 401, response);
	}
	return answer_metrics(request, METRICS);
}
