/*
 * mx/database.c: statements that run as somebody, over few connections, without waiting.
 *
 * A link is a connection of a role.  A statement takes an idle link of its role; where there is none, a new one is made,
 * for which one of another role that idles may have to go; where none can be made, it waits for its turn.  All are in one
 * queue, so that everybody comes at last.  A link that was idle for a while is closed.
 */
#include <stdlib.h>
#include <string.h>

#include "mx/link.h"

Role	   *database_service;

static Query *waiting;
static int	n_waiting;

/* ---------------------------------------------------------------- the queue */

static Query *
take_from_queue(Query **place)
{
	Query	   *query = *place;

	*place = query->next;
	query->next = NULL;
	n_waiting--;
	return query;
}

/* the link could not be made: whoever waits for one of this role is told, unless it has others */
void
queue_fail(Role *role, int status, const char *sqlstate, const char *message)
{
	role_share(role);
	for (Query **place = &waiting; *place;)
		if ((*place)->role == role && role->n_links == 0)
			query_fail(take_from_queue(place), status, sqlstate, message, NULL);
		else
			place = &(*place)->next;
	role_release(role);
}

static Link *
idle_link(const Role *role)
{
	for (Link *link = links; link; link = link->next)
		if (link->role == role && link->state == LINK_IDLE_NOW)
			return link;
	return NULL;
}

/* may another one be made? One of another role that idles may go for it, the one that idles for longest. */
static bool
make_room(void)
{
	Link	   *oldest = NULL;

	if (n_links < mx.max_links)
		return true;
	for (Link *link = links; link; link = link->next)
		if (link->state == LINK_IDLE_NOW && (oldest == NULL || link->deadline < oldest->deadline))
			oldest = link;
	if (oldest == NULL)
		return false;
	link_close(oldest);
	return true;
}

static bool
is_being_made(const Role *role)
{
	for (const Link *link = links; link; link = link->next)
		if (link->role == role && link->query == NULL && link->state <= LINK_SETTING_UP)
			return true;
	return false;
}

/* those that are made for logins leave others to who is in, however long PostgreSQL takes over a wrong password */
static bool
may_make_for_login(void)
{
	int			n = 0;

	for (const Link *link = links; link; link = link->next)
		n += link->query && link->query->is_login;
	return n < (mx.max_links + 1) / 2 && make_room();
}

static bool
may_make(const Role *role, int64_t now)
{
	/* one at a time: most statements are over before another link would be there */
	return role->n_links < LINKS_PER_ROLE && now >= role->connect_at && !is_being_made(role) && make_room();
}

/* gives work to links, and makes links for work */
static void
dispatch(void)
{
	int64_t		now = mx_now();

	for (Query **place = &waiting; *place;)
	{
		Query	   *query = *place;
		Link	   *link = query->is_login ? NULL : idle_link(query->role);

		if (link)
			link_run(link, take_from_queue(place));
		else if (query->is_login && may_make_for_login())
			link_open(query->role, take_from_queue(place));
		else
		{
			if (!query->is_login && may_make(query->role, now))
				link_open(query->role, NULL);
			place = &query->next;
		}
	}
}

static Query *
enqueue(Role *role, OutcomeTaker take, void *arg)
{
	Query	   *query,
			  **place = &waiting;

	if (n_waiting >= DATABASE_MAX_WAITING)
		return NULL;
	query = client_alloc(sizeof(Query));
	query->role = role_share(role);
	query->take = take;
	query->arg = arg;
	query->deadline = mx_now() + ANSWER_TIMEOUT;
	while (*place)
		place = &(*place)->next;
	*place = query;
	n_waiting++;
	return query;
}

void
database_log_in(Role *role, OutcomeTaker take, void *arg)
{
	Query	   *query = enqueue(role, take, arg);
	Outcome		outcome = {.status = 503, .message = "too much is waiting"};

	if (query)
	{
		query->is_login = true;
		query->deadline = mx_now() + CONNECT_TIMEOUT / 2;	/* its turn does not come where those before it hang */
	}
	else
		take(arg, &outcome);
}

Query *
database_ask(Role *role, bool is_read_only, const char *sql, int n, const char *const *values, OutcomeTaker take, void *arg)
{
	Query	   *query = enqueue(role, take, arg);

	if (query == NULL)
		return NULL;
	query->is_read_only = is_read_only;
	query->sql = sql;
	query->n = n;
	query->values = client_alloc((size_t) n * sizeof(char *));
	for (int i = 0; i < n; i++)
		query->values[i] = values[i] ? client_strdup(values[i]) : NULL;
	return query;
}

void
database_forget(Query *query)
{
	query->take = NULL;
}

bool
database_is_sent(const Query *query)
{
	return query->is_sent;
}

/* ---------------------------------------------------------------- the loop */

int
database_poll(struct pollfd *fds)
{
	int			n = 0;

	dispatch();
	for (Link *link = links; link && n < DATABASE_MAX_FDS; link = link->next)
	{
		short		events = POLLIN;

		if (link->connection == NULL || PQsocket(link->connection) < 0)
			continue;
		if (link->state == LINK_CONNECTING)
			events = link->wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
		else if (PQisnonblocking(link->connection) && PQflush(link->connection) == 1)
			events |= POLLOUT;
		fds[n++] = (struct pollfd) {.fd = PQsocket(link->connection), .events = events};
	}
	return n;
}

int64_t
database_wake_at(void)
{
	int64_t		at = INT64_MAX;

	for (const Link *link = links; link; link = link->next)
	{
		if (link->connection == NULL || PQsocket(link->connection) < 0)
			return 0;
		if (link->deadline < at)
			at = link->deadline;
	}
	for (const Query *query = waiting; query; query = query->next)
	{
		if (query->deadline < at)
			at = query->deadline;
		/* in the past: it waits for a link of its role, or for room */
		if (query->role->connect_at < at && query->role->connect_at > mx_now())
			at = query->role->connect_at;
	}
	return at;
}

static Link *
link_of_fd(int fd)
{
	for (Link *link = links; link; link = link->next)
		if (link->connection && PQsocket(link->connection) == fd)
			return link;
	return NULL;
}

static void
run_timeouts(int64_t now)
{
	for (Link *link = links, *next; link; link = next)
	{
		next = link->next;
		if (link->connection == NULL || PQsocket(link->connection) < 0)
			link_fail(link, link->connection ? NULL : "out of memory");
		else if (now < link->deadline)
			continue;
		else if (link->state == LINK_IDLE_NOW)
			link_close(link);
		else
			link_fail(link, link->state == LINK_CONNECTING ? "the database cannot be reached" : "the database does not answer");
		next = links;			/* what was told may have closed others */
	}
	for (Query **place = &waiting; *place;)
		if (now >= (*place)->deadline)
			query_fail(take_from_queue(place), 503, NULL, "the database is too busy", NULL);
		else
			place = &(*place)->next;
}

void
database_run(const struct pollfd *fds, int n, int64_t now)
{
	for (int i = 0; i < n; i++)
	{
		Link	   *link = fds[i].revents ? link_of_fd(fds[i].fd) : NULL;

		if (link && link->state == LINK_CONNECTING)
			link_go_on_connecting(link);
		else if (link && (fds[i].revents & ~POLLOUT))
			link_go_on_reading(link);
	}
	run_timeouts(now);
}

void
database_begin(void)
{
	database_service = role_take(NULL, NULL);
}

void
database_end(void)
{
	while (links)
	{
		Query	   *query = links->query;

		link_close(links);
		if (query)
			query_free(query);
	}
	while (waiting)
		query_free(take_from_queue(&waiting));
}
