/*
 * mx/session.h: who has logged in.
 */
#ifndef SYNERGY_MX_SESSION_H
#define SYNERGY_MX_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "mx/crypt.h"
#include "mx/database.h"

#define SESSION_MAX 2000
#define SESSION_MAX_OF_ROLE 200	/* who logs in again and again pushes out sessions of his own only */
#define SESSION_MAX_STREAMS 32

typedef struct Session
{
	struct Session *next;
	Role	   *role;
	char		id[CRYPT_TOKEN_SIZE];
	char		csrf_token[CRYPT_TOKEN_SIZE];
	int64_t		made_at;
	int64_t		used_at;		/* an open stream keeps it in use */
	int			n_streams;
	int			references;		/* of requests under way; one that has ended lives until these have */
	bool		is_over;
} Session;

/* takes a reference to the role; where there are too many sessions, or of the role, the one that was not used for longest ends */
extern Session *session_begin(Role *role, int64_t now);
extern void session_end(Session *session);

/* those of a role that PostgreSQL no longer lets in */
extern void session_end_of_role(const Role *role);

/* the value of the cookie, signed; in a buffer that the next call reuses */
extern const char *session_cookie(const Session *session);

/* the session of such a value, with a reference, to be given back; NULL: none, forged, or over */
extern Session *session_find(const char *cookie, int64_t now);
extern void session_release(Session *session);

/* the seconds since 1970 at which it ends if it is used until then; now by both clocks */
extern int64_t session_expires_at(const Session *session, int64_t now, int64_t seconds);

extern void session_sweep(int64_t now);
extern bool session_are_any(void);

#endif							/* SYNERGY_MX_SESSION_H */
