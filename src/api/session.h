/*
 * api/session.h: what every function that changes definitions or jobs begins and ends with.
 */
#ifndef SYNERGY_API_SESSION_H
#define SYNERGY_API_SESSION_H

#include "access/tupdesc.h"

#include "round/evaluate.h"
#include "store/spi.h"

/* round lock, store, the caller's time */
typedef struct Session
{
	StoreScope	scope;
	TimestampTz now;
	Oid			caller;			/* the role that called */
	char	   *caller_name;
} Session;

extern void session_begin(Session *session);
extern void session_end(Session *session);

/* definitions have changed: version, the scheduler is told at commit, one line for the event log */
extern void session_definitions_changed(Session *session, const char *event, const char *process_name,
										const char *entry_name, const char *detail);

/* a working set over fresh definitions, extended; and the end of it: written, and the scheduler told */
extern Frame *session_frame(Session *session);
extern Frame *session_dry_frame(Session *session);	/* for looking at what would happen; never flushed */
extern Frame *session_paused_frame(Session *session);	/* also in a copy that is paused */
extern void session_flush(Session *session, Frame *frame);

/* ERROR 42501 unless the caller has the rights of the definition's owner, or of the extension's */
extern void session_check_owner(Session *session, Oid owner, const char *process_name, const char *entry_name);

/* likewise of a timetable: who lets a process join it changes what others' jobs wait for */
extern void session_check_timetable(Session *session, Oid owner, const char *tree_name);

/* the role that what is registered now belongs to.  ERROR 42501 where it would have more rights than who asks for it */
extern Oid	session_owner(void);

/* NOTICE when it has got another one */
extern void session_tell_owner(Session *session, Oid owner, const char *process_name, const char *entry_name);

/* R5: only a node of the timetable, named at its own precision.  ERROR 42704, 22007, 22023 */
extern Job *session_find_job(Frame *frame, const char *name, text *timeperiod_text);

/* the state as the enum that this column of a result has */
extern Datum job_state_datum(TupleDesc descriptor, int column, JobState state);

/*
 * ERROR 55006 when a worker's open transaction holds one of its units: whoever holds the round lock waits for nobody.
 */
extern void session_check_hands(int32 id, const char *process_name, const char *entry_name);

/* ERROR 42704 with a hint */
extern void report_no_process(const char *process_name);
extern void report_no_freerun(const char *process_name, const char *entry_name);

#endif							/* SYNERGY_API_SESSION_H */
