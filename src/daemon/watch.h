/*
 * daemon/watch.h: the change stream: who watches is told which processes something has changed of.
 *
 * Store functions note what they have changed; wake.c's callback publishes the notes at commit, while somebody watches;
 * the scheduler sends what was published as NOTIFY synergy_changes.  Changes are those that people look at: states of
 * jobs and units, lines of unit_of_work_log, definitions, switches, triggers, boxes, daemons; not signs of life.
 */
#ifndef SYNERGY_DAEMON_WATCH_H
#define SYNERGY_DAEMON_WATCH_H

#include "daemon/slots.h"

/* this transaction changes something of it; published at commit, forgotten at abort; no-ops when not preloaded */
extern void watch_note_process(int32 process_id);	/* a process or freerun */
extern void watch_note_name(const char *process_name);	/* where there is no id, or will be none: daemons, what is deleted */
extern void watch_note_definitions(void);	/* registrations, switches, triggers, timetables, boxes, daemons */
extern void watch_note_all(void);	/* of no one knows which processes */

/* something of these units (a bigint[]), whose processes are not at hand; inside of store_enter(), and it may use SPI */
extern void watch_note_units(Datum unit_ids);

/* boxes have changed without a transaction: a session has ended that was an agent's */
extern void watch_tell_of_boxes(void);

/*
 * Somebody watches this database from now on for so many microseconds.  Returns until when somebody does; 0: no
 * scheduler of this database can tell anything, and nobody waits for it to.
 */
extern TimestampTz watch_extend(int64 lease);

/* for wake.c */
extern bool watch_has_notes(void);
extern bool watch_is_on(void);	/* is any database watched?  Costs a load, where none ever was */
extern void watch_publish(DatabaseSlot *slot);	/* needs the lock */
extern void watch_forget(void);

/* for the scheduler: sends what there is, unless it has just done so; returns when to call again at the latest */
extern TimestampTz watch_send(DatabaseSlot *slot);
extern void watch_begin(DatabaseSlot *slot);	/* it has just started */

#endif							/* SYNERGY_DAEMON_WATCH_H */
