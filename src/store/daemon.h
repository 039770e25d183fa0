/*
 * store/daemon.h: statements over synergy.daemon and synergy.box_daemon.
 */
#ifndef SYNERGY_STORE_DAEMON_H
#define SYNERGY_STORE_DAEMON_H

#include "postgres.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

typedef struct DaemonDefinition
{
	const char *name;
	const char *command;
	Datum		present_on_boxes;	/* text[] */
	bool		is_on;
	Jsonb	   *options;
	Oid			owner;
} DaemonDefinition;

extern bool daemon_find(const char *name, Oid *owner);
extern void daemon_write(const DaemonDefinition *definition);
extern void daemon_delete(const char *name);
extern void daemon_switch(const char *name, bool is_on);

/* NOTIFY synergy_agent 'daemons' */
extern void daemon_notify(void);

/* those that are to run on this box: rows as synergy.agent_daemons returns them, in SPI_tuptable */
extern uint64 daemon_select_wanted(const char *box_name);

/* arrays in parallel: text[], text[], int[], int[], int[], text[], timestamptz[] */
#define DAEMON_REPORT_COLUMNS 7
extern void daemon_report(const char *box_name, const Datum *columns, TimestampTz now);

#endif							/* SYNERGY_STORE_DAEMON_H */
