/*
 * daemon/status.h: what shared memory knows about the processes of this database, for synergy.status().
 */
#ifndef SYNERGY_DAEMON_STATUS_H
#define SYNERGY_DAEMON_STATUS_H

#include "postgres.h"
#include "utils/timestamp.h"

#include "daemon/slots.h"

typedef struct DaemonStatus
{
	bool		preloaded;			/* is the library in shared_preload_libraries? else the rest is empty */
	int			launcher_pid;		/* 0: none */
	int			scheduler_pid;		/* 0: none */
	const char *scheduler_state;	/* "running", "disabled", "paused", "starting", "parked", "absent" */
	TimestampTz started_at;			/* 0: never; likewise below */
	TimestampTz last_round_at;		/* when the last round ended */
	int64		last_round_usec;	/* how long it took */
	int64		rounds;				/* since the scheduler started */
	TimestampTz next_wake;
	int			executors;			/* sessions up or starting */
	int			executors_busy;
	int			queued;				/* units that wait for an executor */
	TimestampTz out_of_slots_since;	/* 0: not */
	TimestampTz failing_since;		/* 0: not; rounds end with errors since then */
	const char *courier_state;		/* "off", "starting", "connecting", "up", "blocked", "failing" */
	int			courier_pid;		/* 0: none */
	TimestampTz courier_failing_since;	/* 0: not */
	char		courier_error[COURIER_ERROR_SIZE];	/* "": none */
} DaemonStatus;

extern void daemon_status(DaemonStatus *status);

#endif							/* SYNERGY_DAEMON_STATUS_H */
