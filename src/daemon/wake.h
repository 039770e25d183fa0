/*
 * daemon/wake.h: tell the scheduler of this database that there is something to do, once the transaction commits.
 */
#ifndef SYNERGY_DAEMON_WAKE_H
#define SYNERGY_DAEMON_WAKE_H

/* why: bits that the scheduler finds OR-ed together when it wakes */
#define WAKE_EVENTS			0x01	/* rows in synergy.pending: finished units, asked-for triggers */
#define WAKE_REQUESTS		0x02	/* somebody else requested units: look for them in the table */
#define WAKE_DEFINITIONS	0x04	/* processes, timetables, freeruns, triggers changed */
#define WAKE_EXECUTOR		0x08	/* an executor became idle or ended */
#define WAKE_ALL			0x0f

/* remembers the reasons in this backend; published at commit, forgotten at abort; no-op when not preloaded */
extern void wake_scheduler_at_commit(int reasons);

/* is the library preloaded, so that there is, or will be, a scheduler? */
extern bool wake_is_possible(void);

/*
 * Grows whenever definitions may have changed, once the change is visible: who remembers something of them asks before
 * he reads.  0: nothing is known (not preloaded); COMMIT PREPARED is not counted.
 */
extern uint64 wake_count_of_definitions(void);

/*
 * What a subtransaction that is always rolled back was about to tell is not to be told: what it was before, and back to
 * that.
 */
typedef struct WakeState
{
	int			reasons;
	bool		has_mail;
	bool		has_notes;
} WakeState;

extern WakeState wake_remember(void);
extern void wake_go_back(WakeState state);

/* likewise: something is in the outbox */
extern void wake_courier_at_commit(void);

#endif							/* SYNERGY_DAEMON_WAKE_H */
