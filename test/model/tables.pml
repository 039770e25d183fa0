/*
 * What is stored and what is shared. A row holds what is committed. What a transaction has written and not committed
 * yet is with the transaction; the lock on the row says whose it is.
 */

/* states of units (core/types.h), 0: no such row */
#define NONE 0
#define REQUESTED 1
#define PROGRESS 2
#define INVALID 3
#define PROCESSED 4				/* or noop: the protocol makes no difference */
#define CANCELED 5
#define ACTIVE(s) ((s) == REQUESTED || (s) == PROGRESS || (s) == INVALID)
#define FINISHED(s) ((s) == PROCESSED || (s) == CANCELED)

/* states of the job */
#define EMBRYO 1
#define WORKING 2				/* in_progress */
#define LAST 3					/* final_run */
#define DONE 4					/* processed, noop */
#define SKIPPED 5
#define OPEN(s) ((s) < DONE)

#define EACH(u) u : 1 .. UNITS

/* who may hold a lock */
#define SCHEDULER 1
#define OPERATOR 2
#define HAND(h) ((h) + 3)

/* synergy.unit_of_work_data */
byte u_state[UNITS + 1];
byte u_attempt[UNITS + 1];
bit u_executor[UNITS + 1];		/* by_executor */
bit u_fresh[UNITS + 1];			/* its mark is higher than those of the inputs */
bit u_bounds[UNITS + 1];		/* RECOMPUTING: the rows that it goes over */
byte u_lock[UNITS + 1];			/* 0: nobody's */
byte news[UNITS + 1];			/* synergy.pending: so many rows of it */
byte u_mark[UNITS + 1];			/* TOGETHER: requests under a new mark */
byte next_unit = 1;				/* its sequence; a job that has had no unit yet: 1 */

/* synergy.job_data, written only under the round lock */
byte j_state = EMBRYO;
byte j_unit;
bit inputs_open = 1;			/* a child or a dependency is active */
bit rows;						/* RECOMPUTING: the bounds of the source's rows, as they are now */
bit blocking;					/* does an embryo wait for its inputs? (core/verdict.c) */
byte round_lock;				/* round/round.c; 0: nobody's */

/* shared memory: src/daemon/slots.h */
bit wake_events, wake_requests;
bit lost = 1;					/* an executor is gone with work in its hands; and so at the scheduler's start */
byte mail[HANDS];
byte running[HANDS];
byte running_attempt[HANDS];	/* 0: its start has not committed yet */
bit queued[UNITS + 1];			/* the dispatcher's list */
byte queued_as[UNITS + 1], mail_as[HANDS], running_as[HANDS];	/* TOGETHER: which request that was (UnitRequest) */

#define AS_REQUESTED(u) (u_attempt[u] + (u_mark[u] << 3) + (u_bounds[u] << 6))

/* AMQP: the message that is on its way, with the attempt that it is for; 0: none */
byte message[UNITS + 1];

/* for the assertions, and for what time would do: no code has these */
byte owner[UNITS + 1];			/* who has started the current attempt */
byte effects[UNITS + 1];		/* how often work was committed for the present request */
bit dead[UNITS + 1];			/* nobody works on it, and nobody will tell */
bit owes_news;					/* a round was refused: the look once a minute, or the next news */
bit owes_fire;					/* likewise: the next trigger */
bit exhausted;					/* beyond the bounds */
bit busy;						/* of two workers that have nothing to do it is the first who takes: the other would do the same */
byte operations = OPERATIONS, timers = TIMERS, failures = FAILURES, deaths = DEATHS, crashes = CRASHES, stale = STALE;

hidden byte k, x, n;			/* loops within a step */

/* beyond the bounds nothing is looked at: all of it becomes one state, in which nobody has anything to do */
inline leave_bounds()
{
	for (k : 0 .. UNITS) {
		u_state[k] = NONE; u_attempt[k] = 0; u_executor[k] = 0; u_fresh[k] = 0; u_bounds[k] = 0; u_lock[k] = 0; news[k] = 0;
		queued[k] = 0; queued_as[k] = 0; u_mark[k] = 0; message[k] = 0; owner[k] = 0; effects[k] = 0; dead[k] = 0
	}
	for (k : 0 .. HANDS - 1) { mail[k] = 0; mail_as[k] = 0; running_as[k] = 0; running[k] = 0; running_attempt[k] = 0 }
	j_state = SKIPPED; j_unit = 0; inputs_open = 0; rows = 1; round_lock = 0; next_unit = 1;
	wake_events = 0; wake_requests = 0; lost = 0; owes_news = 0; owes_fire = 0;
	operations = 0; timers = 0; failures = 0; deaths = 0; crashes = 0; stale = 0
}

/* synergy.check(), after every commit */
inline check_invariants()
{
#ifdef REPLAY
	observe();
#endif
	if :: exhausted -> leave_bounds() :: else fi;
	n = 0;
	for (EACH(k)) {
		n = n + (ACTIVE(u_state[k]) -> 1 : 0);
		assert(effects[k] <= 1)		/* work is committed at most once for each request */
	}
	assert(n <= 1);					/* no job has two active units */
	assert(j_state != EMBRYO || j_unit == 0);
	assert((j_state != WORKING && j_state != LAST) || j_unit != 0);
	assert(j_state != DONE || (u_state[j_unit] == PROCESSED && u_fresh[j_unit] && !inputs_open));
	assert(j_state != SKIPPED || j_unit == 0 || !ACTIVE(u_state[j_unit]) || news[j_unit] > 0);
	k = 0; x = 0; n = 0
}
