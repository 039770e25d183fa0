/*
 * uri.c: any text as an address, as a form, and as where to go after a login.
 *
 * What is understood is written anew with each byte escaped, and that has to be understood as the same.
 */
#include "fuzz.h"

#include "mx/uri.h"

#define MAX_SIZE 4096

static char printed[MAX_SIZE * 4 + 64];

static char *
escape(char *to, const char *text)
{
	for (; *text; text++)
		to += sprintf(to, "%%%02x", (unsigned char) *text);
	return to;
}

static char *
print_arguments(char *to, const Uri *uri)
{
	for (int i = 0; i < uri->n_arguments; i++)
	{
		if (i > 0)
			*to++ = '&';
		to = escape(to, uri->arguments[i].name);
		*to++ = '=';
		to = escape(to, uri->arguments[i].value);
	}
	*to = '\0';
	return to;
}

static void
print_uri(const Uri *uri)
{
	char	   *to = printed;

	for (int i = 0; i < uri->n_segments; i++)
	{
		*to++ = '/';
		to = escape(to, uri->segments[i]);
	}
	/* an empty one at the end is seen by the slash behind it only */
	if (uri->n_segments == 0 || *uri->segments[uri->n_segments - 1] == '\0')
		*to++ = '/';
	*to++ = '?';
	print_arguments(to, uri);
}

static void
same(const Uri *a, const Uri *b, const char *text)
{
	must(a->n_segments == b->n_segments && a->n_arguments == b->n_arguments, "%s: %s", text, printed);
	for (int i = 0; i < a->n_segments; i++)
		must(strcmp(a->segments[i], b->segments[i]) == 0, "%s: %s", text, printed);
	for (int i = 0; i < a->n_arguments; i++)
		must(strcmp(a->arguments[i].name, b->arguments[i].name) == 0 && strcmp(a->arguments[i].value, b->arguments[i].value) == 0,
			 "%s: %s", text, printed);
}

static void
sound(const Uri *uri, const char *text)
{
	must(uri->n_segments >= 0 && uri->n_segments <= URI_MAX_SEGMENTS && uri->n_arguments >= 0 &&
		 uri->n_arguments <= URI_MAX_ARGUMENTS, "%s", text);
	for (int i = 0; i < uri->n_segments; i++)
		must(uri_is_utf8(uri->segments[i]), "%s", text);
	for (int i = 0; i < uri->n_arguments; i++)
	{
		const char *value = uri_argument(uri, uri->arguments[i].name);

		must(uri_is_utf8(uri->arguments[i].name) && uri_is_utf8(uri->arguments[i].value), "%s", text);
		must(value == NULL || *value, "%s", text);
	}
}

static void
patterns(const Uri *uri)
{
	static const char *const list[] = {"jobs", "jobs/:process/:timeperiod", ":a/:b/:c/:d/:e/:f", "", ":x", "units/:id/log"};
	const char *values[URI_MAX_SEGMENTS];

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (int first = 0; first <= uri->n_segments; first++)
			(void) uri_match(uri, first, list[i], values);
}

/* what a browser makes of it has no host: it drops tabs and newlines, and takes a backslash for a slash */
static void
local(const char *text)
{
	if (!uri_is_local(text))
		return;
	must(text[0] == '/' && strpbrk(text, "\\\t\n\r") == NULL && text[1] != '/', "%s", text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size < MAX_SIZE ? size : MAX_SIZE};
	char	   *text = input_rest(&input, NULL);
	Uri			uri,
				again;

	if (uri_parse(&uri, text))
	{
		sound(&uri, text);
		patterns(&uri);
		print_uri(&uri);
		must(uri_parse(&again, printed), "%s: %s", text, printed);
		same(&uri, &again, text);
		uri_free(&again);
		uri_free(&uri);
	}
	must(uri.memory == NULL, "not freed: %s", text);
	if (uri_parse_form(&uri, text))
	{
		must(uri.n_segments == 0, "%s", text);
		sound(&uri, text);
		print_arguments(printed, &uri);
		must(uri_parse_form(&again, printed), "%s: %s", text, printed);
		same(&uri, &again, text);
		uri_free(&again);
		uri_free(&uri);
	}
	local(text);
	free(text);
	return 0;
}
