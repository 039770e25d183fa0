/*
 * nls.c: where translations are found, and in which encoding they are wanted.
 *
 * PostgreSQL looks for those of a library where its own are, relative to its program.  It binds the encoding at once,
 * and a preloaded library is loaded before anybody knows of a database: where LC_CTYPE is C, all letters outside of ASCII
 * would be question marks.  (Its own messages it binds anew in each session.)  So a process binds again when the encoding
 * of its database has become another one.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "core/trigger.h"
#include "nls.h"

#define DOMAIN PG_TEXTDOMAIN("synergy")

/* asked for by every ereport(), whatever state the process is in: nothing is allocated, nothing is looked up */
const char *
synergy_textdomain(void)
{
	static int	bound = -1;
	int			encoding = GetDatabaseEncoding();

	if (bound != encoding)
	{
		bound = encoding;		/* first: what follows may report, too */
		pg_bindtextdomain(DOMAIN);
	}
	return DOMAIN;
}

static const char *
translate(const char *text)
{
	return translated(text);
}

void
nls_start(void)
{
	(void) synergy_textdomain();
	trigger_translate = translate;
}
