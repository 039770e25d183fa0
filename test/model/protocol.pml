/*
 * The protocol between rounds, executors, workers and operators, for spin. docs/model.md says what is here and what is not.
 *
 *	tables.pml		what is stored and what is shared, and what must hold after every commit
 *	round.pml		a round's working set: read, decide, write what still is as it was read   src/round, src/store/unit.c
 *	scheduler.pml	the loop of the scheduler, reclaiming, the dispatcher                     src/daemon, src/round/reclaim.c
 *	people.pml		executors, workers outside, operators, and what kills them                src/store/unit_run.c, src/api
 *
 * One job whose period is over, with its units; its inputs (children and dependencies) are one bit. Chosen when it is
 * compiled, by test/model/run.py:
 *
 *	MACHINE		DISCRETE, CONTINUOUS or RECOMPUTING     src/core/machine.c
 *	WORKER		SQL (executors), OUTSIDE (synergy.claim) or AMQP (src/store/report.c)
 *	MUTANT_...	one thing left out that the code does; each must be found
 *
 * A step that is one d_step or atomic is one statement, or one look at shared memory, of one process. Between any two of
 * them everybody else may run: so a transaction is seen by nobody before its commit, and holds its row locks until then.
 */
#define DISCRETE 1
#define CONTINUOUS 2
#define RECOMPUTING 3
#define SQL 1
#define OUTSIDE 2
#define AMQP 3

#ifndef MACHINE
#define MACHINE DISCRETE
#endif
#ifndef WORKER
#define WORKER OUTSIDE
#endif

/* how often what may happen any number of times happens at most; beyond UNITS nothing is looked at */
#ifndef UNITS
#define UNITS 3
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 3
#endif
#ifndef OPERATIONS
#define OPERATIONS 2			/* reprocess, skip, cancel by an operator */
#endif
#ifndef TIMERS
#define TIMERS 1				/* fires of the trigger, the first one not counted */
#endif
#ifndef FAILURES
#define FAILURES 1				/* units that fail, or are canceled by their worker */
#endif
#ifndef DEATHS
#define DEATHS 1				/* sessions that end at any point; workers that are not heard of again; lost messages */
#endif
#ifndef CRASHES
#define CRASHES 0				/* of the server */
#endif
#ifndef STALE
#define STALE 1					/* units taken for stale though their worker lives, or given up for good */
#endif
#ifndef HANDS
#define HANDS 2					/* executors, or workers */
#endif
#ifndef EXECUTORS
#define EXECUTORS 2				/* those of them that are given units */
#endif

#ifndef TOGETHER
#define TOGETHER 0				/* 1: from requested to processed in one transaction, too: an executor's batch, a worker that claims and completes at once */
#endif

#include "tables.pml"
#ifdef REPLAY
#include "replay.pml"
#endif
#include "round.pml"
#include "scheduler.pml"
#include "people.pml"
