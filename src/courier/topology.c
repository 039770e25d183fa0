/*
 * courier/topology.c: exchanges, queues and bindings, declared before they are used.
 *
 * Workers look for their queue as soon as their process is registered, so all routes are declared when they become
 * known, one at a time between other work; and each route again before the first message of a connection goes over
 * it, and after a message came back.
 *
 * What is there already with other properties is used as it is, and what the broker does not let us declare is taken
 * to be somebody else's business: a message that then finds no queue comes back, and says so.  Only an exchange must
 * be known to be there: publishing to one that is not would end the channel, with everything that is under way.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "courier/courier.h"
#include "daemon/processes.h"
#include "nls.h"

#define MAX_KEY 1100			/* four names of at most 255 bytes, and a type */

struct Route
{
	char		key[MAX_KEY];
	bool		is_declared;
	bool		was_refused;	/* has been told */
	Refusals	refusals;
	TimestampTz asked_at;
	char		error[AMQP_ERROR_SIZE];	/* the exchange is not there, or not ours: not to be published to */
};

static void
make_key(char *key, const OutboxRow *row)
{
	snprintf(key, MAX_KEY, "%s\n%s\n%s\n%s\n%d", row->exchange, row->routing_key, row->queue, row->queue_type,
			 row->priority >= 0);
}

void
topology_reset(Publisher *publisher)
{
	HASHCTL		control = {0};
	HASH_SEQ_STATUS scan;
	Route	   *route;

	if (publisher->routes == NULL)
	{
		control.keysize = MAX_KEY;
		control.entrysize = sizeof(Route);
		control.hcxt = TopMemoryContext;
		publisher->routes = hash_create("synergy routes", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	}
	hash_seq_init(&scan, publisher->routes);
	while ((route = hash_seq_search(&scan)) != NULL)
	{
		route->is_declared = false;
		route->refusals.since = 0;
		route->refusals.probed_at = 0;
		route->refusals.was_probed = false;
	}
}

/* the broker does not want it */
static void
note_refusal(Publisher *publisher, const char *message, const char *name)
{
	ereport(LOG, (errmsg(message, name, amqp->error(publisher->dial.link))));
}

/* false: the link is broken.  Between two questions to the broker interrupts are served. */
static bool
is_alive(Publisher *publisher, AmqpResult result)
{
	publisher->has_unread = true;	/* librabbitmq may have kept what came before the answer */
	process_check(0);
	if (result != AMQP_FAILED)
		return true;
	dial_fail(&publisher->dial, NULL);
	return false;
}

static bool
declare_exchange(Publisher *publisher, Route *route, const char *name)
{
	AmqpLink   *link = publisher->dial.link;
	AmqpResult	result;

	route->error[0] = '\0';
	if (name[0] == '\0')
		return true;			/* the default one is always there */
	result = amqp->declare_exchange(link, name, false);
	if (result == AMQP_REFUSED)
	{
		result = amqp->declare_exchange(link, name, true);	/* of another kind, or not ours to declare: is it there? */
		if (result == AMQP_REFUSED)
			strlcpy(route->error, amqp->error(link), sizeof(route->error));
	}
	return is_alive(publisher, result);
}

static bool
declare_queue(Publisher *publisher, Route *route, const OutboxRow *row)
{
	AmqpLink   *link = publisher->dial.link;
	bool		is_classic = strcmp(row->queue_type, "classic") == 0;
	AmqpResult	result = amqp->declare_queue(link, row->queue, row->queue_type, is_classic && row->priority >= 0 ? 9 : 0);

	if (!is_alive(publisher, result))
		return false;
	if (result == AMQP_REFUSED && !route->was_refused)
		note_refusal(publisher, gettext_noop("synergy courier: RabbitMQ did not let queue \"%s\" be declared, and it is used as it is: %s"), row->queue);
	route->was_refused |= result == AMQP_REFUSED;
	if (row->exchange[0] == '\0')
		return true;			/* every queue is bound to it by its name */
	result = amqp->bind(link, row->queue, row->exchange, row->routing_key);
	if (!is_alive(publisher, result))
		return false;
	if (result == AMQP_REFUSED && !route->was_refused)
		note_refusal(publisher, gettext_noop("synergy courier: RabbitMQ did not let queue \"%s\" be bound, and its binding is used as it is: %s"), row->queue);
	route->was_refused |= result == AMQP_REFUSED;
	return true;
}

Route *
topology_prepare(Publisher *publisher, const OutboxRow *row, bool *has_declared)
{
	char		key[MAX_KEY];
	bool		found;
	Route	   *route;

	if (row->queue == NULL)
		return NULL;			/* an event: its exchange is declared with every connection */
	make_key(key, row);
	route = hash_search(publisher->routes, key, HASH_ENTER, &found);
	if (!found)
		memset((char *) route + MAX_KEY, 0, sizeof(Route) - MAX_KEY);
	/* one that is not there is not asked for again at once */
	if (route->is_declared || (route->error[0] != '\0' && GetCurrentTimestamp() < route->asked_at + USECS_PER_SEC))
		return route;
	*has_declared = true;
	route->asked_at = GetCurrentTimestamp();
	if (declare_exchange(publisher, route, row->exchange) && route->error[0] == '\0' && declare_queue(publisher, route, row))
		route->is_declared = true;
	return route;
}

const char *
topology_error(const Route *route)
{
	return route != NULL && route->error[0] != '\0' ? route->error : NULL;
}

Refusals *
topology_refusals(Route *route)
{
	return &route->refusals;
}

int
topology_count_suspects(const Publisher *publisher)
{
	int			n = publisher->refusals.is_suspect;
	HASH_SEQ_STATUS scan;
	Route	   *route;

	hash_seq_init(&scan, publisher->routes);
	while ((route = hash_seq_search(&scan)) != NULL)
		n += route->refusals.is_suspect;
	return n;
}

void
topology_forget(Route *route)
{
	if (route != NULL)
		route->is_declared = false;
}

void
topology_refuse(Route *route, const char *why)
{
	if (route == NULL)
		return;
	strlcpy(route->error, why, sizeof(route->error));
	route->asked_at = GetCurrentTimestamp();
	route->refusals.was_probed = false;	/* it answers */
}

void
topology_declare_common(Publisher *publisher)
{
	static const char *const exchanges[] = {"ex_managed_worker", "ex_freerun_worker", "ex_utils"};

	for (int i = 0; i < (int) lengthof(exchanges); i++)
	{
		AmqpResult	result = amqp->declare_exchange(publisher->dial.link, exchanges[i], false);

		if (!is_alive(publisher, result))
			return;
		if (result == AMQP_REFUSED)
			note_refusal(publisher, gettext_noop("synergy courier: RabbitMQ did not let exchange \"%s\" be declared, and it is used as it is: %s"), exchanges[i]);
	}
	(void) is_alive(publisher, amqp->declare_queue(publisher->dial.link, DEAD_LETTER_QUEUE, "quorum", 0));
}

void
topology_declare_next(Publisher *publisher)
{
	OutboxRow  *row = linitial(publisher->to_declare);
	bool		has_declared = false;
	const char *error = topology_error(topology_prepare(publisher, row, &has_declared));

	if (error != NULL && has_declared)
		ereport(LOG,
				(errmsg("synergy courier: there is no exchange \"%s\" at RabbitMQ, and it cannot be declared: %s",
						row->exchange, error)));
	if (publisher->dial.is_up)
		publisher->to_declare = list_delete_first(publisher->to_declare);
}
