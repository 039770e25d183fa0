/*
 * mx/uri.c: addresses and forms, taken apart.
 *
 * What comes from the network is looked at here, once, and refused as a whole when a part of it is not well-formed: what
 * goes on from here to the database is UTF-8 without a zero byte.  A slash that came as %2F belongs to a name; so paths
 * are split first and decoded then.
 */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "mx/uri.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* in place; a plus is a space in queries and forms, not in paths */
static bool
decode(char *text, bool plus_is_space)
{
	char	   *out = text;

	for (char *in = text; *in; in++)
	{
		if (*in == '%')
		{
			int			high = hex_value(in[1]);
			int			low = high < 0 ? -1 : hex_value(in[2]);

			if (low < 0 || high * 16 + low == 0)
				return false;
			*out++ = (char) (high * 16 + low);
			in += 2;
		}
		else
			*out++ = *in == '+' && plus_is_space ? ' ' : *in;
	}
	*out = '\0';
	return uri_is_utf8(text);
}

/* the length of the UTF-8 sequence at s, shortest form, no surrogates, up to U+10FFFF; 0: it is none */
static int
sequence_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		return (s[1] & 0xC0) == 0x80 ? 2 : 0;
	if ((s[0] & 0xF0) == 0xE0)
	{
		if ((s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
			return 0;
		return (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ? 0 : 3;
	}
	if (s[0] >= 0xF0 && s[0] <= 0xF4)
	{
		if ((s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 || (s[3] & 0xC0) != 0x80)
			return 0;
		return (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F) ? 0 : 4;
	}
	return 0;
}

bool
uri_is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *) text;

	while (*s)
	{
		int			length = sequence_length(s);

		if (length == 0)
			return false;
		s += length;
	}
	return true;
}

static bool
parse_arguments(Uri *uri, char *text)
{
	char	   *saved;

	for (char *part = strtok_r(text, "&", &saved); part; part = strtok_r(NULL, "&", &saved))
	{
		char	   *value = strchr(part, '=');

		if (uri->n_arguments == URI_MAX_ARGUMENTS)
			return false;
		if (value)
			*value++ = '\0';
		else
			value = part + strlen(part);
		if (!decode(part, true) || (*value && !decode(value, true)))
			return false;
		uri->arguments[uri->n_arguments++] = (UriArgument) {part, value};
	}
	return true;
}

static bool
parse_path(Uri *uri, char *path)
{
	if (*path != '/')
		return false;
	while (path)
	{
		char	   *end = strchr(++path, '/');

		if (end)
			*end = '\0';
		if (*path == '\0' && end == NULL)
			break;				/* a slash at the end */
		if (uri->n_segments == URI_MAX_SEGMENTS || !decode(path, false))
			return false;
		uri->segments[uri->n_segments++] = path;
		path = end;
	}
	return true;
}

/* room for two copies: the path as it came, and the one that is taken apart */
static void
begin(Uri *uri, const char *raw)
{
	size_t		size = strlen(raw) + 1;

	*uri = (Uri) {.memory = client_alloc(2 * size)};
	memcpy(uri->memory, raw, size);
	uri->path = memcpy(uri->memory + size, raw, size);
}

bool
uri_parse(Uri *uri, const char *raw)
{
	char	   *query;
	bool		is_good;

	begin(uri, raw);
	query = strchr(uri->path, '?');
	if (query)
	{
		*query++ = '\0';
		uri->query = query;
		query += uri->memory - uri->path;
		query[-1] = '\0';
	}
	is_good = parse_path(uri, uri->memory) && (query == NULL || parse_arguments(uri, query));
	if (!is_good)
		uri_free(uri);
	return is_good;
}

bool
uri_parse_form(Uri *form, const char *body)
{
	begin(form, body);
	if (parse_arguments(form, form->memory))
		return true;
	uri_free(form);
	return false;
}

void
uri_free(Uri *uri)
{
	/* a form may hold a password */
	if (uri->memory)
		explicit_bzero(uri->memory, 2 * (size_t) (uri->path - uri->memory));
	free(uri->memory);
	*uri = (Uri) {0};
}

const char *
uri_argument(const Uri *uri, const char *name)
{
	for (int i = 0; i < uri->n_arguments; i++)
		if (strcmp(uri->arguments[i].name, name) == 0)
			return *uri->arguments[i].value ? uri->arguments[i].value : NULL;
	return NULL;
}

bool
uri_match(const Uri *uri, int first, const char *pattern, const char **values)
{
	int			i = first;

	for (;;)
	{
		size_t		length = strcspn(pattern, "/");

		if (i >= uri->n_segments)
			return false;
		if (*pattern == ':')
		{
			if (*uri->segments[i] == '\0')
				return false;
			*values++ = uri->segments[i];
		}
		else if (strlen(uri->segments[i]) != length || strncmp(uri->segments[i], pattern, length) != 0)
			return false;
		i++;
		if (pattern[length] == '\0')
			return i == uri->n_segments;
		pattern += length + 1;
	}
}

bool
uri_is_local(const char *path)
{
	if (path[0] != '/' || path[1] == '/' || path[1] == '\\')
		return false;
	for (const char *c = path; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7f || *c == '\\')
			return false;
	return true;
}
