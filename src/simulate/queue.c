/*
 * simulate/queue.c: what will happen, in the order of time.
 *
 * A binary heap.  Events of one instant come in the order of their kinds, timers in the order of definition, ends of units
 * in the order of their requests, and all others as they arrived: so the same world runs the same way each time.
 */
#include "simulate/inside.h"

void *
room_for(World *world, void *memory, int64_t *capacity, int64_t needed, size_t size)
{
	int64_t		more = *capacity > 0 ? *capacity : 16;

	if (needed <= *capacity)
		return memory;
	while (more < needed)
		more *= 2;
	*capacity = more;
	return world->host.resize(world->host.context, memory, (size_t) more * size);
}

static inline bool
is_before(const Event *a, const Event *b)
{
	return a->at != b->at ? a->at < b->at : a->rank < b->rank;
}

void
queue_add_in_order(World *world, Instant at, EventKind kind, uint64_t order, uint32_t index, uint32_t generation)
{
	Queue	   *queue = world->queue;
	Event		event = {at, (uint64_t) kind << 48 | order, index, generation};
	int64_t		place = queue->n;

	queue->events = room_for(world, queue->events, &queue->capacity, queue->n + 1, sizeof(Event));
	queue->n++;
	while (place > 0 && is_before(&event, &queue->events[(place - 1) / 2]))
	{
		queue->events[place] = queue->events[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	queue->events[place] = event;
}

void
queue_add(World *world, Instant at, EventKind kind, uint32_t index, uint32_t generation)
{
	bool		is_timer = kind == EVENT_PROCESS_TIMER || kind == EVENT_FREERUN_TIMER;

	queue_add_in_order(world, at, kind, is_timer ? index : world->queue->n_ever++, index, generation);
}

Instant
queue_first(const Queue *queue)
{
	return queue->n > 0 ? queue->events[0].at : NEVER;
}

Event
queue_take(Queue *queue)
{
	Event		first = queue->events[0];
	Event		last = queue->events[--queue->n];
	int64_t		place = 0;

	for (;;)
	{
		int64_t		below = 2 * place + 1;

		if (below >= queue->n)
			break;
		if (below + 1 < queue->n && is_before(&queue->events[below + 1], &queue->events[below]))
			below++;
		if (!is_before(&queue->events[below], &last))
			break;
		queue->events[place] = queue->events[below];
		place = below;
	}
	queue->events[place] = last;
	return first;
}
