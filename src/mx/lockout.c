/*
 * mx/lockout.c: how long somebody who gave wrong passwords has to wait.
 *
 * Counted are a role at an address, and an address whatever the role: so nobody can lock a role for others, and nobody can
 * go through many roles.  The table is of fixed size; where it is full, what was quiet for longest makes room, but never
 * one that is locked while there is one that is not: a flood of names must not set others free.  A success clears the
 * role's count, not the address's: else who has one role could try others for ever.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "mx/lockout.h"

#define BUCKETS 512
#define WAYS 8

typedef struct Entry
{
	uint64_t	key;			/* 0: free */
	int			failures;
	int64_t		last;
	int64_t		until;
} Entry;

static Entry table[BUCKETS][WAYS];
static const char *secret = "";

void
lockout_begin(const char *text)
{
	secret = text;
}

/* whoever has an IPv6 address has the 2^64 beside it */
static const char *
network_of(const char *address, char buffer[INET6_ADDRSTRLEN])
{
	struct in6_addr parsed;

	if (inet_pton(AF_INET6, address, &parsed) != 1 || IN6_IS_ADDR_V4MAPPED(&parsed))
		return address;
	memset(parsed.s6_addr + 8, 0, 8);
	return inet_ntop(AF_INET6, &parsed, buffer, INET6_ADDRSTRLEN);
}

static uint64_t
key_of(const char *role, const char *address)
{
	uint64_t	hash = UINT64_C(14695981039346656037);	/* FNV-1a; the zero bytes between them count, too */
	char		network[INET6_ADDRSTRLEN];
	const char *parts[] = {secret, role, network_of(address, network)};

	for (int i = 0; i < 3; i++)
		for (const char *c = parts[i];; c++)
		{
			hash = (hash ^ (unsigned char) *c) * UINT64_C(1099511628211);
			if (*c == '\0')
				break;
		}
	return hash ? hash : 1;
}

static Entry *
find(uint64_t key)
{
	Entry	   *bucket = table[key % BUCKETS];

	for (int i = 0; i < WAYS; i++)
		if (bucket[i].key == key)
			return &bucket[i];
	return NULL;
}

/* is a better to give away than b? */
static bool
is_cheaper(const Entry *a, const Entry *b, int64_t now)
{
	if ((a->key == 0) != (b->key == 0))
		return a->key == 0;
	if ((a->until > now) != (b->until > now))
		return b->until > now;
	return a->last < b->last;
}

static Entry *
find_or_make(uint64_t key, int64_t now)
{
	Entry	   *entry = find(key);
	Entry	   *bucket = table[key % BUCKETS];

	if (entry == NULL)
	{
		entry = &bucket[0];
		for (int i = 1; i < WAYS; i++)
			if (is_cheaper(&bucket[i], entry, now))
				entry = &bucket[i];
		*entry = (Entry) {.key = key};
	}
	else if (now - entry->last > LOCKOUT_FORGET)
		*entry = (Entry) {.key = key};
	return entry;
}

static int64_t
left(uint64_t key, int64_t now)
{
	const Entry *entry = find(key);

	return entry && entry->until > now ? entry->until - now : 0;
}

static void
count(uint64_t key, int free_tries, int64_t now)
{
	Entry	   *entry = find_or_make(key, now);
	int			beyond;

	entry->last = now;
	beyond = ++entry->failures - free_tries;
	if (beyond >= 0)
	{
		int64_t		wait = beyond > 10 ? LOCKOUT_LONGEST : (int64_t) LOCKOUT_FIRST << beyond;

		entry->until = now + (wait < LOCKOUT_LONGEST ? wait : LOCKOUT_LONGEST);
	}
}

int
lockout_wait(const char *role, const char *address, int64_t now)
{
	int64_t		of_role = left(key_of(role, address), now);
	int64_t		of_address = left(key_of("", address), now);

	return (int) (of_role > of_address ? of_role : of_address);
}

void
lockout_failed(const char *role, const char *address, int64_t now)
{
	count(key_of(role, address), LOCKOUT_FREE_TRIES, now);
	count(key_of("", address), LOCKOUT_ADDRESS_TRIES, now);
}

void
lockout_succeeded(const char *role, const char *address)
{
	Entry	   *entry = find(key_of(role, address));

	if (entry)
		*entry = (Entry) {0};
}
