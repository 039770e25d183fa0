/*
 * client/generate_stream.h: the stream of site sessions that `synergy generate` writes.
 *
 * Pure: no clock, no input or output.  Times are microseconds since 1970-01-01 00:00 UTC.
 */
#ifndef SYNERGY_CLIENT_GENERATE_STREAM_H
#define SYNERGY_CLIENT_GENERATE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_SECOND	INT64_C(1000000)
#define STREAM_HOUR		(3600 * STREAM_SECOND)
#define STREAM_DAY		(24 * STREAM_HOUR)

typedef struct StreamOptions
{
	uint64_t	seed;
	int			sites;
	int			clients;		/* who own them */
	double		rate;			/* sessions a second, averaged over a day */
	double		late;			/* share that arrives after its hour is over */
	int64_t		late_by;		/* so much after its end, on average */
	double		slump;			/* share of the days of a site on which it has a third of its visits */
	int64_t		begin;			/* of arrivals */
	int64_t		earliest;		/* no session ends before */
} StreamOptions;

/* what a session has arrives with it, when it has ended */
typedef struct Session
{
	int			site;			/* from 0 on, the most visited first */
	int			client;			/* likewise, owner of the site */
	int64_t		started_at;
	int64_t		ended_at;
	int64_t		arrived_at;
	bool		is_late;
	int			pages;
	const char *country;
	const char *language;
	const char *os;
	const char *browser;
	int			screen_x;
	int			screen_y;
	uint32_t	ip;
} Session;

typedef struct Stream Stream;

extern Stream *stream_open(const StreamOptions *options);
extern void stream_close(Stream *stream);

/* the next one, in the order of arrival; without end */
extern void stream_next(Stream *stream, Session *session);

/* as a line of COPY, in the order of STREAM_COLUMNS; room for STREAM_LINE_SIZE bytes.  Returns its length. */
#define STREAM_COLUMNS	"site, client, started_at, ended_at, arrived_at, pages, country, language, os, browser, " \
						"screen_x, screen_y, ip"
#define STREAM_LINE_SIZE 300
extern size_t stream_print(const Session *session, char *line);

#endif							/* SYNERGY_CLIENT_GENERATE_STREAM_H */
