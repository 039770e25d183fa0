/*
 * mx/mx.h: the console, and what its parts share: settings, the clock, what it says.
 *
 * One process, one thread, one loop (main.c): HTTP by libmicrohttpd with its epoll descriptor, the database by libpq
 * without ever waiting for it.  A request that wants something of the database is suspended until its answer is there.
 */
#ifndef SYNERGY_MX_H
#define SYNERGY_MX_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "client/client.h"

#define SECONDS INT64_C(1000)	/* times are in milliseconds of a clock that never goes back */

typedef struct MxSettings
{
	const char *conninfo,		/* as given on the command line; each may be NULL */
			   *host,
			   *port,
			   *user;
	const char *listen_host;
	const char *listen_port;
	char	   *certificate,	/* PEM; NULL: no TLS */
			   *key;
	char	   *metrics_token;	/* NULL: no metrics */
	const char *origin;			/* what browsers say, where a proxy stands before it; NULL: what Host says */
	int			max_links;		/* connections to the database, but for the one that listens */
	int64_t		session_idle;
	int64_t		session_lifetime;
} MxSettings;

extern MxSettings mx;

extern int64_t mx_now(void);

/* a line on stderr; with --verbose only */
#define mx_say(...) (client_verbose ? client_say(__VA_ARGS__) : (void) 0)

/* the loop ends */
extern void mx_stop(void);

#endif							/* SYNERGY_MX_H */
