/*
 * store/registry.h: writing definitions.  The caller has checked every value, holds the round lock and is inside
 * store_enter(); it bumps the version afterwards (definition_bump_version).
 */
#ifndef SYNERGY_STORE_REGISTRY_H
#define SYNERGY_STORE_REGISTRY_H

#include "postgres.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

typedef struct ProcessDefinition
{
	char	   *name;
	char	   *tree_name;
	char	   *qualifier;
	int			grouping;
	char	   *machine;
	char	   *blocking;
	char	   *trigger;
	char	   *worker;
	char	   *command;		/* or NULL; likewise the next three */
	char	   *source;
	char	   *source_table;
	char	   *sink;
	Jsonb	   *arguments;
	char	   *start;
	bool		is_on;
	Jsonb	   *options;
	Oid			owner;
} ProcessDefinition;

typedef struct FreerunDefinition
{
	char	   *process_name;
	char	   *entry_name;
	char	   *trigger;
	char	   *worker;
	char	   *command;		/* or NULL; likewise the description */
	Jsonb	   *arguments;
	char	   *description;
	char	   *timezone;
	bool		is_on;
	Jsonb	   *options;
	Oid			owner;
	TimestampTz timer_since;	/* for one that is new, or whose timer begins anew */
} FreerunDefinition;

/* what is registered under a name now */
typedef struct RegisteredProcess
{
	int32		id;
	char	   *tree_name;
	char	   *qualifier;
	char	   *start;
	Oid			owner;
	char	   *worker;
	char	   *command;
	/* of a process only */
	int			grouping;
	char	   *machine;
	char	   *source_table;	/* or NULL; likewise below */
	char	   *source_key;
	char	   *source_time;
} RegisteredProcess;

typedef struct RegisteredTimetable
{
	char	   *start;			/* or NULL */
	char	   *end;			/* or NULL */
	Oid			owner;
	bool		is_new;			/* made just now: none depends on it */
} RegisteredTimetable;

extern bool registry_find_process(const char *name, RegisteredProcess *out);
extern bool registry_find_freerun(const char *process_name, const char *entry_name, RegisteredProcess *out);
extern bool registry_find_timetable(const char *name, RegisteredTimetable *out);

/* the process that has this qualifier in the timetable, or NULL */
extern char *registry_member(const char *tree_name, const char *qualifier);

/* timetables that it depends on, directly or through others: is `tree_name` among them? */
extern bool registry_reaches(const char **from, int n, const char *tree_name);

/* the owner is that of one that is new: another one keeps its own */
extern void registry_write_timetable(const char *name, Datum dependent_on, const char *start, const char *end, Oid owner);
extern void registry_write_process(const ProcessDefinition *definition);
extern void registry_write_freerun(const FreerunDefinition *definition);

/* of a timetable's processes; yearly when it has none */
extern TimeQualifier registry_shortest_qualifier(const char *tree_name);

/* the timetable of these processes begins earlier now: the jobs before are to be made */
extern bool registry_begin_earlier(const char *tree_name, const char *start);	/* false: none of them */
extern void registry_forget_reach(int32 process_id);

/* where the jobs of this process begin is written down, nothing else; likewise of the timetable that names a start */
extern void registry_move_start(int32 process_id, const char *start);
extern void registry_move_timetable_start(const char *tree_name, const char *start);

/* the relations of this timetable's jobs, and of those that depend on it, are others from now on; of the latter only */
extern void registry_relations_changed(const char *tree_name);
extern void registry_dependants_changed(const char *tree_name);

/*
 * Takes the jobs from the timetable's end on away.  Returns how many of them have left embryo: then nothing is taken
 * away; *example names the first one.
 */
extern int64 registry_cut(const char *tree_name, const char *end, char **example);

/*
 * What belongs to roles that were dropped belongs to nobody, number 0, from now on: their numbers are another role's in
 * a cluster that a dump is restored to.  True when there was anything.
 */
extern bool registry_forget_dropped_owners(void);

/* an active unit of this process or freerun whose row somebody holds: a worker that is taking or completing it; 0: none */
extern int64 registry_unit_in_hands(int32 id);

/* a process or freerun with its jobs, units and their logs; its own empty timetable goes with it */
extern void registry_delete_process(int32 id, const char *tree_name);
extern void registry_delete_if_empty(const char *tree_name, const char *process_name);	/* its own timetable */
extern void registry_delete_freerun(int32 id);

/* false: processes or other timetables are left that need it; *what names one, *is_process: of which kind */
extern bool registry_delete_timetable(const char *name, char **what, bool *is_process);

/* a freerun's timer begins anew at `now` when it is switched on, or gets another trigger */
extern void registry_switch(int32 id, bool is_freerun, bool is_on, TimestampTz now);
extern void registry_change_trigger(int32 id, bool is_freerun, const char *trigger, TimestampTz now);

/* the columns' names quoted, the table's name with its schema; NULL: no such table */
typedef struct SourceTable
{
	Oid			oid;
	char	   *name;
	bool		has_key;
	bool		has_time;
	bool		key_is_integer;
	bool		time_is_timestamp;
	bool		has_index;		/* one that begins with the time column */
} SourceTable;

extern void registry_look_at_source(Oid table, const char *key, const char *time, SourceTable *out);

#endif							/* SYNERGY_STORE_REGISTRY_H */
