/*
 * daemon/estimate.c: how long units of a process take, as the executors of a database tell each other.
 *
 * Only units that are known to be short share a transaction (daemon/batch.c).  If each executor knew but what it has run itself, each
 * would run the first unit of every process alone, which of ten thousand freeruns that are due at once is most of the work.
 *
 * One word a process, written and read as a whole and without a lock: id, slot of the database, microseconds.  Its place follows
 * from id and slot; who comes later takes the place of who was there, and the other one is not known any more.  It is an estimate,
 * and nothing depends on it but who shares a transaction with whom.  It goes with the shared memory when a server process crashes: so
 * the first unit of each process is run alone after that, where its attempt is counted.
 */
#include "postgres.h"

#include "daemon/estimate.h"
#include "daemon/slots.h"

#define USEC_BITS 25
#define MAX_USEC ((INT64CONST(1) << USEC_BITS) - 1)
#define SLOT_BITS 7

StaticAssertDecl(MAX_DATABASES <= 1 << SLOT_BITS, "the number of a database's slot has room in an estimate");

/* without the microseconds */
static uint64
tag_of(int database_slot, int32 process_id)
{
	return (uint64) (uint32) process_id << (SLOT_BITS + USEC_BITS) | (uint64) database_slot << USEC_BITS;
}

static pg_atomic_uint64 *
place_of(int database_slot, int32 process_id)
{
	return &slots->estimates[((uint32) process_id + (uint32) database_slot * 8191) % ESTIMATES_KEPT];
}

int64
estimate_read(int database_slot, int32 process_id)
{
	uint64		word = pg_atomic_read_u64(place_of(database_slot, process_id));

	return (word & ~(uint64) MAX_USEC) == tag_of(database_slot, process_id) ? (int64) (word & MAX_USEC) : 0;
}

void
estimate_tell(int database_slot, int32 process_id, int64 usec)
{
	uint64		word = tag_of(database_slot, process_id) | (uint64) Max(Min(usec, MAX_USEC), 1);

	/* written only when it is another one: others read these lines */
	if (pg_atomic_read_u64(place_of(database_slot, process_id)) != word)
		pg_atomic_write_u64(place_of(database_slot, process_id), word);
}

void
estimate_forget(int database_slot, int32 process_id)
{
	if (estimate_read(database_slot, process_id) != 0)
		pg_atomic_write_u64(place_of(database_slot, process_id), 0);
}

void
estimate_forget_all(int database_slot)
{
	uint64		slot_mask = (uint64) ((1 << SLOT_BITS) - 1) << USEC_BITS;

	for (int i = 0; i < ESTIMATES_KEPT; i++)
	{
		uint64		word = pg_atomic_read_u64(&slots->estimates[i]);

		if (word != 0 && (word & slot_mask) == (uint64) database_slot << USEC_BITS)
			pg_atomic_write_u64(&slots->estimates[i], 0);
	}
}
