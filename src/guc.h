/*
 * guc.h: the settings.  guc.c defines them with their units and bounds; see docs/settings.md.
 */
#ifndef SYNERGY_GUC_H
#define SYNERGY_GUC_H

#include "postgres.h"
#include "utils/timestamp.h"

extern char *synergy_clock;				/* synergy.clock: empty or a timestamp; virtual time of this session */
extern TimestampTz synergy_clock_instant;	/* the same, parsed; 0: not set */
extern bool synergy_enabled;			/* synergy.enabled: may the background scheduler of this database work? */
extern char *synergy_start_timeperiod;	/* synergy.start_timeperiod: '' or YYYYMMDDHH */
extern int	synergy_trigger_lag;		/* ms; discrete jobs wait so long after their period's end */
extern int	synergy_gc_interval;		/* ms between two runs of the garbage collector */
extern int	synergy_gc_resubmit_after;	/* ms; a unit requested or running longer than this is stale */
extern int	synergy_gc_release_lag;		/* ms; so long an invalid or stale unit is held back before it is retried */
extern int	synergy_gc_life_support;	/* ms; active units older than this are canceled */
extern int	synergy_agent_timeout;	/* ms; an agent with units that is not heard of for longer is given up */
extern int	synergy_max_executors;		/* executors at most, per database */
extern int	synergy_source_timeout; /* ms; 0: none */
extern int	synergy_retention;	/* s; finished units are kept so long, -1: for ever */
extern int	synergy_retention_events;	/* s; lines of the event log, -1: as synergy_retention */
extern int	synergy_executor_idle_timeout;	/* ms; 0: an executor ends as soon as it has nothing to do */


typedef enum AmqpVerify
{
	AMQP_VERIFY_FULL,			/* authority and host name */
	AMQP_VERIFY_CA,
	AMQP_VERIFY_NONE,
} AmqpVerify;

extern char *synergy_amqp_uri;	/* synergy.amqp_uri: empty, or addresses separated by commas or spaces */
extern char *synergy_amqp_password_file;
extern char *synergy_amqp_ca_file;
extern char *synergy_amqp_cert_file;
extern char *synergy_amqp_key_file;
extern int	synergy_amqp_verify;	/* AmqpVerify */
extern bool synergy_publish_events; /* synergy.publish_events: transitions go to the outbox, too */
extern bool synergy_publish_alerts; /* synergy.publish_alerts: likewise jobs that are late */

extern void guc_define(void);			/* called once by _PG_init */

#endif							/* SYNERGY_GUC_H */
