/*
 * mx/response.c: what is answered, with the headers that all answers have.
 *
 * Nothing may be loaded from elsewhere or run that is not a file of ours, nothing may frame a page of ours, nothing is
 * kept by anybody but the files with a digest in their names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/text.h"
#include "mx/mx.h"
#include "mx/response.h"

#define CONTENT_SECURITY_POLICY "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
	"font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

void
response_protect(struct MHD_Response *response, const char *type, const char *caching)
{
	static const char *const headers[][2] = {
		{"Content-Security-Policy", CONTENT_SECURITY_POLICY},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		/* not no-referrer: with that, browsers hide the Origin of a form */
		{"Referrer-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), microphone=(), geolocation=()"},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	if (mx.certificate)
		MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", caching);
}

struct MHD_Response *
response_text(const char *type, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *) text, MHD_RESPMEM_MUST_COPY);

	if (response)
		response_protect(response, type, "no-store");
	return response;
}

struct MHD_Response *
response_json(const char *text)
{
	return response_text("application/json", text);
}

struct MHD_Response *
response_error(int status, const char *sqlstate, const char *message, const char *detail, const char *hint)
{
	const char *const fields[][2] = {{"sqlstate", sqlstate}, {"message", message}, {"detail", detail}, {"hint", hint}};
	struct MHD_Response *response;
	char	   *text = NULL;
	size_t		size;
	FILE	   *out = open_memstream(&text, &size);

	fprintf(out, "{\"error\": {\"status\": %d", status);
	for (int i = 0; i < 4; i++)
	{
		fprintf(out, ", \"%s\": ", fields[i][0]);
		text_put_json(out, fields[i][1]);
	}
	fputs("}}\n", out);
	fclose(out);
	response = response_json(text);
	free(text);
	if (response && status == 503)
		MHD_add_response_header(response, "Retry-After", "2");
	return response;
}

struct MHD_Response *
response_outcome(const Outcome *outcome)
{
	if (outcome->is_done && outcome->value)
		return response_json(outcome->value);
	if (outcome->is_done)
		return response_error(404, NULL, "there is no such thing", NULL, NULL);
	return response_error(outcome->status, outcome->sqlstate, outcome->message, outcome->detail, outcome->hint);
}

enum MHD_Result
response_refuse(Request *request, int status, const char *message)
{
	return http_answer(request, status, response_error(status, NULL, message, NULL, NULL));
}

struct MHD_Response *
response_redirect(const char *path)
{
	struct MHD_Response *response = response_text("text/plain; charset=utf-8", "");

	if (response)
		MHD_add_response_header(response, "Location", path);
	return response;
}
