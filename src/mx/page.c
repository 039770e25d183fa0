/*
 * mx/page.c: the front end's files, which are part of the program.
 *
 * Files with a digest in their names may be kept by browsers for ever; the pages
 * themselves are asked for each time, and told not to have changed by their ETag.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mx/asset.h"
#include "mx/mx.h"
#include "mx/page.h"
#include "mx/response.h"

static const Asset *
find(const char *path)
{
	for (const Asset *asset = mx_assets; asset->path; asset++)
		if (strcmp(asset->path, path) == 0)
			return asset;
	return NULL;
}

bool
page_has_file(const Request *request)
{
	return find(request->uri.path) != NULL;
}

static bool
accepts_gzip(const Request *request)
{
	const char *accepted = http_header(request, "Accept-Encoding");
	const char *gzip = accepted ? strstr(accepted, "gzip") : NULL;

	return gzip && strncmp(gzip, "gzip;q=0", 8) != 0;
}

static void
add_headers(struct MHD_Response *response, const Asset *asset)
{
	response_protect(response, asset->type, asset->is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
	MHD_add_response_header(response, "ETag", asset->etag);
}

static struct MHD_Response *
response_of(const Asset *asset, bool is_gzip)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(is_gzip ? asset->gzip_size : asset->size,
																	(void *) (is_gzip ? asset->gzip : asset->data), MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		return NULL;
	add_headers(response, asset);
	MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (is_gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

static enum MHD_Result
answer_with(Request *request, const Asset *asset)
{
	const char *known = http_header(request, "If-None-Match");
	struct MHD_Response *response;

	if (known && strstr(known, asset->etag))
	{
		response = MHD_create_response_from_buffer(0, (void *) "", MHD_RESPMEM_PERSISTENT);
		if (response)
			add_headers(response, asset);
		return http_answer(request, 304, response);
	}
	return http_answer(request, 200, response_of(asset, asset->gzip && accepts_gzip(request)));
}

enum MHD_Result
page_answer_file(Request *request)
{
	return answer_with(request, find(request->uri.path));
}

enum MHD_Result
page_answer_index(Request *request)
{
	return answer_with(request, mx_index_page);
}

/* ---------------------------------------------------------------- the page for logging in */

static void
put_escaped(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text)
		{
			case '&':
				fputs("&amp;", out);
				break;
			case '<':
				fputs("&lt;", out);
				break;
			case '>':
				fputs("&gt;", out);
				break;
			case '"':
				fputs("&quot;", out);
				break;
			case '\'':
				fputs("&#39;", out);
				break;
			default:
				fputc(*text, out);
		}
}

static void
put_mark(FILE *out, const char *mark, const char *error, const char *role, const char *next)
{
	if (strcmp(mark, "<!--message-->") == 0)
	{
		if (error)
		{
			fputs("<p class=\"error\" role=\"alert\">", out);
			put_escaped(out, error);
			fputs("</p>", out);
		}
	}
	else
		put_escaped(out, strcmp(mark, "__ROLE__") == 0 ? role : next);
}

struct MHD_Response *
page_login(const char *error, const char *role, const char *next)
{
	static const char *const marks[] = {"<!--message-->", "__ROLE__", "__NEXT__"};
	char	   *page = NULL;
	size_t		size;
	FILE	   *out = open_memstream(&page, &size);
	const char *c = (const char *) mx_login_page->data,
			   *end = c + mx_login_page->size;
	struct MHD_Response *response;

	while (c < end)
	{
		const char *mark = NULL;

		for (int i = 0; i < 3 && mark == NULL; i++)
			if ((size_t) (end - c) >= strlen(marks[i]) && memcmp(c, marks[i], strlen(marks[i])) == 0)
				mark = marks[i];
		if (mark)
			put_mark(out, mark, error, role, next);
		else
			fputc(*c, out);
		c += mark ? strlen(mark) : 1;
	}
	fclose(out);
	response = response_text("text/html; charset=utf-8", page);
	free(page);
	return response;
}
