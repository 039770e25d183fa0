/*
 * mx/database.h: statements that run as somebody, over few connections, without waiting.
 *
 * A Role is a name and the password with which PostgreSQL has let it in; sessions of one role share it, and its
 * connections.  The service's own role, database_service, is whoever CONNINFO says.
 */
#ifndef SYNERGY_MX_DATABASE_H
#define SYNERGY_MX_DATABASE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#define DATABASE_MAX_FDS 128
#define DATABASE_MAX_WAITING 1000

typedef struct Role Role;

/* how a statement, or a login, has ended */
typedef struct Outcome
{
	bool		is_done;
	const char *value;			/* of a statement that is done: the first field, NULL: no row */
	int			status;			/* else: of HTTP */
	const char *sqlstate,		/* and why; each but message may be NULL */
			   *message,
			   *detail,
			   *hint;
} Outcome;

/* outcome lives until it returns */
typedef void (*OutcomeTaker) (void *arg, const Outcome *outcome);

extern Role *database_service;

extern void database_begin(void);
extern void database_end(void);

/* a reference is taken; roles of the same name and password are one */
extern Role *role_take(const char *name, const char *password);
extern Role *role_share(Role *role);
extern void role_release(Role *role);
extern const char *role_name(const Role *role);

/* is the password right, and does PostgreSQL ask for it?  Always with a new connection, which the role keeps. */
extern void database_log_in(Role *role, OutcomeTaker take, void *arg);

/*
 * One statement; the values (n of them, each may be NULL) are copied, the statement is not.  NULL, and nothing will be
 * told, when too much is waiting.  A ticket to give the outcome up with, which does not stop the statement.
 */
typedef struct Query Query;
extern Query *database_ask(Role *role, bool is_read_only, const char *sql, int n, const char *const *values, OutcomeTaker take,
						   void *arg);
extern void database_forget(Query *query);

/* false: what it will see is yet to come */
extern bool database_is_sent(const Query *query);

/* for the loop: what is to be waited for (how many), until when at most, and what has come */
extern int	database_poll(struct pollfd *fds);
extern int64_t database_wake_at(void);
extern void database_run(const struct pollfd *fds, int n, int64_t now);

/* a new connection of that role, with PQconnectPoll to be called; the service's live stream uses it, too */
extern PGconn *database_connect_start(const Role *role);

/* of a connection that failed, or its result: SQLSTATE in a buffer that the next call reuses, "" when there is none */
extern const char *database_sqlstate(const char *verbose_message);

/* the status of HTTP for it, see docs/api.md */
extern int	database_http_status(const char *sqlstate);

#endif							/* SYNERGY_MX_DATABASE_H */
