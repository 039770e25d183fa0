/*
 * courier/flight.c: what is on its way to the broker, and over which channel.
 *
 * The broker handles one channel in one process of its own, and another one side by side with it: over several channels it takes in
 * a fifth more.  But two messages over two channels may overtake each other.  So as long as few are on their way, all go over the
 * first one, in the order of the outbox; when there are many, requests are spread, each over the channel with the fewest, and arrive
 * in about that order.  Events and rejected statuses always go over the first (unless that gave no answer over the
 * connection before: see publisher.c).
 *
 * Invariants: what is on its way over a stream has the tags first_tag to next_tag - 1, and those of all streams together are no more
 * than PUBLISH_WINDOW, so that none is overwritten in its ring.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "courier/courier.h"

#define FEW 64

void
flight_reset(Publisher *publisher)
{
	for (int i = 0; i < AMQP_STREAMS; i++)
	{
		publisher->streams[i].first_tag = publisher->streams[i].next_tag = 1;
		publisher->streams[i].answered_at = 0;
	}
	publisher->n_flying = 0;
	publisher->flying_bytes = 0;
}

static uint64
stream_size(const Stream *stream)
{
	return stream->next_tag - stream->first_tag;
}

int
flight_stream(const Publisher *publisher, bool in_order)
{
	int			best = 0;

	if (in_order || publisher->n_flying < FEW)
		return 0;
	for (int i = 1; i < publisher->n_streams; i++)
		if (stream_size(&publisher->streams[i]) < stream_size(&publisher->streams[best]))
			best = i;
	return best;
}

InFlight *
flight_add(Publisher *publisher, int stream)
{
	Stream	   *to = &publisher->streams[stream];

	publisher->n_flying++;
	return &to->ring[to->next_tag++ % PUBLISH_WINDOW];
}

InFlight *
flight_of(Stream *stream, uint64 tag)
{
	return &stream->ring[tag % PUBLISH_WINDOW];
}

void
flight_set_error(InFlight *flying, const char *error)
{
	if (flying->error)
		pfree(flying->error);
	flying->error = error ? MemoryContextStrdup(TopMemoryContext, error) : NULL;
}

/* those at its beginning that are confirmed are not on their way any more */
void
flight_advance(Publisher *publisher, Stream *stream)
{
	while (stream->first_tag < stream->next_tag && flight_of(stream, stream->first_tag)->is_confirmed)
	{
		stream->first_tag++;
		publisher->n_flying--;
	}
}
