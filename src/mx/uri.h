/*
 * mx/uri.h: addresses and forms, taken apart. Pure: no sockets, no clock.
 */
#ifndef SYNERGY_MX_URI_H
#define SYNERGY_MX_URI_H

#include <stdbool.h>
#include <stddef.h>

#define URI_MAX_SEGMENTS 12
#define URI_MAX_ARGUMENTS 32

typedef struct UriArgument
{
	const char *name;
	const char *value;
} UriArgument;

/* names and values are decoded, and are UTF-8 without a zero byte */
typedef struct Uri
{
	char	   *path;			/* as it came, without the query */
	const char *query;			/* likewise, NULL: none */
	int			n_segments;
	const char *segments[URI_MAX_SEGMENTS];
	int			n_arguments;
	UriArgument arguments[URI_MAX_ARGUMENTS];
	char	   *memory;			/* of all these */
} Uri;

/* false, with nothing to be freed: an escape that is none, a zero byte, what is not UTF-8, or too many parts */
extern bool uri_parse(Uri *uri, const char *raw);
extern void uri_free(Uri *uri);

/* the first one of that name; NULL when there is none, or it is empty */
extern const char *uri_argument(const Uri *uri, const char *name);

/* a form's body (application/x-www-form-urlencoded), to be freed like a Uri; it has arguments only */
extern bool uri_parse_form(Uri *form, const char *body);

/*
 * Do the segments from first on fit "jobs/:process/:timeperiod"?  values gets what stands for each name, in order of the
 * pattern; it has room for URI_MAX_SEGMENTS.
 */
extern bool uri_match(const Uri *uri, int first, const char *pattern, const char **values);

/* a path of ours that a browser may be sent to: "/x", not "//host", "/\host", nor one with control characters */
extern bool uri_is_local(const char *path);

extern bool uri_is_utf8(const char *text);

#endif							/* SYNERGY_MX_URI_H */
