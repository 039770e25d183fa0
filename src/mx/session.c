/*
 * mx/session.c: who has logged in.
 *
 * A session is in memory only, with the role and its password (database.c): when the program ends, all have to log in
 * again, and nothing is left anywhere.  The cookie carries a random id and its signature, so that guesses and tampering
 * cost a hash, not a search.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mx/mx.h"
#include "mx/session.h"

static Session *sessions;
static int	n_sessions;

/* of this role, or of all: the one that was not used for longest; newer ones come first in the list */
static Session *
oldest(const Role *role)
{
	Session    *found = NULL;

	for (Session *session = sessions; session; session = session->next)
		if (!session->is_over && (role == NULL || session->role == role) && (found == NULL || session->used_at <= found->used_at))
			found = session;
	return found;
}

Session *
session_begin(Role *role, int64_t now)
{
	Session    *session = NULL;
	int			n_of_role = 0;

	for (const Session *other = sessions; other; other = other->next)
		n_of_role += other->role == role && !other->is_over;
	if (n_of_role >= SESSION_MAX_OF_ROLE)
		session = oldest(role);
	else if (n_sessions >= SESSION_MAX)
		session = oldest(NULL);
	if (session)
		session_end(session);
	session = client_alloc(sizeof(Session));
	session->role = role_share(role);
	crypt_token(session->id);
	crypt_sign("csrf", session->id, session->csrf_token);
	session->made_at = session->used_at = now;
	session->next = sessions;
	sessions = session;
	n_sessions++;
	return session;
}

static void
free_session(Session *session)
{
	for (Session **place = &sessions; *place; place = &(*place)->next)
		if (*place == session)
		{
			*place = session->next;
			break;
		}
	n_sessions--;
	role_release(session->role);
	explicit_bzero(session, sizeof(*session));
	free(session);
}

void
session_end(Session *session)
{
	session->is_over = true;
	if (session->references == 0)
		free_session(session);
}

void
session_end_of_role(const Role *role)
{
	for (Session *session = sessions, *next; session; session = next)
	{
		next = session->next;
		if (session->role == role && !session->is_over)
			session_end(session);
	}
}

void
session_release(Session *session)
{
	if (--session->references == 0 && session->is_over)
		free_session(session);
}

const char *
session_cookie(const Session *session)
{
	static char cookie[2 * CRYPT_TOKEN_SIZE];
	char		signature[CRYPT_TOKEN_SIZE];

	crypt_sign("session", session->id, signature);
	snprintf(cookie, sizeof(cookie), "%s.%s", session->id, signature);
	return cookie;
}

static bool
is_expired(const Session *session, int64_t now)
{
	return now >= session->made_at + mx.session_lifetime ||
		(session->n_streams == 0 && now >= session->used_at + mx.session_idle);
}

Session *
session_find(const char *cookie, int64_t now)
{
	char		id[CRYPT_TOKEN_SIZE],
				signature[CRYPT_TOKEN_SIZE];

	if (strlen(cookie) != 2 * CRYPT_TOKEN_SIZE - 1 || cookie[CRYPT_TOKEN_SIZE - 1] != '.')
		return NULL;
	memcpy(id, cookie, CRYPT_TOKEN_SIZE - 1);
	id[CRYPT_TOKEN_SIZE - 1] = '\0';
	crypt_sign("session", id, signature);
	if (!crypt_is_equal(signature, cookie + CRYPT_TOKEN_SIZE))
		return NULL;
	for (Session *session = sessions; session; session = session->next)
		if (!session->is_over && crypt_is_equal(session->id, id))
		{
			if (is_expired(session, now))
			{
				session_end(session);
				return NULL;
			}
			session->used_at = now;
			session->references++;
			return session;
		}
	return NULL;
}

int64_t
session_expires_at(const Session *session, int64_t now, int64_t seconds)
{
	return seconds + (session->made_at + mx.session_lifetime - now) / SECONDS;
}

void
session_sweep(int64_t now)
{
	for (Session *session = sessions, *next; session; session = next)
	{
		next = session->next;
		if (session->n_streams > 0)
			session->used_at = now;
		if (!session->is_over && is_expired(session, now))
			session_end(session);
	}
}

bool
session_are_any(void)
{
	return sessions != NULL;
}
