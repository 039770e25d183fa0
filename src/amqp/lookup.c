/*
 * amqp/lookup.c: looking up a host's name without waiting for it.
 *
 * The C library's getaddrinfo_a() does it in a thread of its own, which blocks all signals and touches nothing of
 * ours.  Where there is none, the name is looked up when it is needed, and that may take as long as the resolver does.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "amqp/private.h"

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)

#define PATIENCE_SECONDS 10

struct Lookup
{
	struct gaicb request;
	struct gaicb *list[1];
	time_t		began;
	char	   *host;
};

bool
lookup_begin(struct Lookup **lookup, const char *host)
{
	struct Lookup *new = calloc(1, sizeof(struct Lookup));

	if (new == NULL || (new->host = strdup(host)) == NULL)
	{
		free(new);
		return false;
	}
	new->request.ar_name = new->host;
	new->list[0] = &new->request;
	new->began = time(NULL);
	if (getaddrinfo_a(GAI_NOWAIT, new->list, 1, NULL) != 0)
	{
		free(new->host);
		free(new);
		return false;
	}
	*lookup = new;
	return true;
}

LookupState
lookup_poll(struct Lookup *lookup)
{
	int			error = gai_error(&lookup->request);

	if (error == EAI_INPROGRESS)
		return time(NULL) - lookup->began > PATIENCE_SECONDS ? LOOKUP_FAILED : LOOKUP_PENDING;
	return error == 0 ? LOOKUP_FOUND : LOOKUP_FAILED;
}

/* one that is still at work cannot be taken away from it: its few bytes are left to it */
void
lookup_end(struct Lookup *lookup)
{
	if (lookup == NULL || (gai_error(&lookup->request) == EAI_INPROGRESS && gai_cancel(&lookup->request) == EAI_NOTCANCELED))
		return;
	if (lookup->request.ar_result)
		freeaddrinfo(lookup->request.ar_result);
	free(lookup->host);
	free(lookup);
}

#else

bool
lookup_begin(struct Lookup **lookup, const char *host)
{
	return false;
}

LookupState
lookup_poll(struct Lookup *lookup)
{
	return LOOKUP_FOUND;
}

void
lookup_end(struct Lookup *lookup)
{
}

#endif
