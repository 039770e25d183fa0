/*
 * mx/link.h: what the parts of database.h share: roles, statements, and the connections (links) that they take.
 */
#ifndef SYNERGY_MX_LINK_H
#define SYNERGY_MX_LINK_H

#include "mx/database.h"
#include "mx/mx.h"

#define LINKS_PER_ROLE 3
#define CONNECT_TIMEOUT (10 * SECONDS)
#define ANSWER_TIMEOUT (20 * SECONDS)	/* beyond statement_timeout: then the network or the server is gone */

struct Role
{
	Role	   *next;
	int			references;
	int			n_links;
	int64_t		connect_at;		/* no link is made before */
	char	   *name;			/* NULL: the service's own */
	char	   *password;
};

struct Query
{
	Query	   *next;
	Role	   *role;
	bool		is_login;
	bool		is_read_only;
	bool		is_sent;
	const char *sql;
	int			n;
	char	  **values;
	OutcomeTaker take;			/* NULL: given up */
	void	   *arg;
	int64_t		deadline;
};

typedef enum LinkState
{
	LINK_CONNECTING, LINK_SETTING_UP, LINK_IDLE_NOW, LINK_SWITCHING, LINK_BUSY
} LinkState;

typedef struct Link
{
	struct Link *next;
	Role	   *role;
	PGconn	   *connection;
	LinkState	state;
	PostgresPollingStatusType wants;
	bool		is_read_only;
	Query	   *query;			/* that it runs, or the login that it is made for */
	PGresult   *result;			/* the first one that has come */
	int64_t		made_at;
	int64_t		deadline;		/* idle: when it is closed */
} Link;

extern Link *links;
extern int	n_links;

/* link.c; whatever is done with a link may close it, and others of its role */
extern void link_open(Role *role, Query *login);
extern void link_close(Link *link);
extern void link_fail(Link *link, const char *why);
extern void link_run(Link *link, Query *query);
extern void link_go_on_connecting(Link *link);
extern void link_go_on_reading(Link *link);

/* outcome.c: how statements end; each frees it */
extern void query_finish(Query *query, const Outcome *outcome);
extern void query_finish_with(Query *query, const PGresult *result);
extern void query_fail(Query *query, int status, const char *sqlstate, const char *message, const char *hint);
extern void query_free(Query *query);

/* database.c: a link of the role could not be made: whoever waits for one is told, unless it has others */
extern void queue_fail(Role *role, int status, const char *sqlstate, const char *message);

#endif							/* SYNERGY_MX_LINK_H */
