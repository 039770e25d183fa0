/*
 * A round's working set (struct Frame). Whoever holds the round lock has it; all of it is 0 when nobody does.
 *
 *	READ			unit_select(): a unit as it is committed; once read it stays what the round makes of it
 *	evaluate		evaluate_job(), run_machine(), act()                   src/round/evaluate.c
 *	apply			apply_finished_unit()                                  src/round/evaluate.c
 *	write, cancel	unit_update() and unit_cancel(): SKIP LOCKED           src/store/unit.c
 *	settle			settle_refused()                                       src/round/refused.c
 *	commit			frame_flush() and the transaction's end                src/round/change.c
 */
byte f_state[UNITS + 1], f_stored[UNITS + 1], f_attempt[UNITS + 1];
bit f_read[UNITS + 1], f_dirty[UNITS + 1], f_written[UNITS + 1], f_let_go[UNITS + 1], f_new[UNITS + 1], f_request[UNITS + 1];
bit f_fresh[UNITS + 1], f_bounds[UNITS + 1], f_mark[UNITS + 1];	/* f_mark: requested anew, under a new mark */
byte f_taken[UNITS + 1];		/* news deleted, */
bit f_news[UNITS + 1];			/* and added */
byte f_job, f_unit, f_loaded;	/* the job; its unit as it was read */
bit f_job_dirty, f_inputs;
byte f_known;

#define READ(u) \
	if \
	:: (u) != 0 && !f_read[u] -> f_read[u] = 1; f_state[u] = u_state[u]; f_stored[u] = u_state[u]; f_attempt[u] = u_attempt[u]; \
		f_fresh[u] = u_fresh[u] && f_inputs == inputs_open; f_bounds[u] = u_bounds[u] \
	:: else \
	fi

inline begin_frame()
{
	f_job = j_state; f_unit = j_unit; f_loaded = j_unit; f_inputs = inputs_open
}

inline clear_frame()
{
	for (k : 0 .. UNITS) {
		f_state[k] = 0; f_stored[k] = 0; f_attempt[k] = 0; f_read[k] = 0; f_dirty[k] = 0; f_written[k] = 0; f_let_go[k] = 0;
		f_new[k] = 0; f_request[k] = 0; f_fresh[k] = 0; f_bounds[k] = 0; f_mark[k] = 0; f_taken[k] = 0; f_news[k] = 0
	}
	f_job = 0; f_unit = 0; f_loaded = 0; f_job_dirty = 0; f_inputs = 0; f_known = 0; k = 0; x = 0
}

/* ---------------------------------------------------------------- changing (src/round/change.c) */

inline cancel_unit(u)
{
	if
	:: ACTIVE(f_state[u]) -> f_state[u] = CANCELED; f_dirty[u] = 1; f_request[u] = 0
	:: else
	fi
}

inline let_go_unit()
{
	if
	:: f_unit != 0 -> cancel_unit(f_unit); f_let_go[f_unit] = 1
	:: else
	fi;
	f_unit = 0; f_job_dirty = 1
}

inline set_job(state)
{
	f_job = state; f_job_dirty = 1;
	if
	:: f_job == SKIPPED && f_unit != 0 -> READ(f_unit); cancel_unit(f_unit)
	:: else
	fi
}

/* ---------------------------------------------------------------- evaluating (src/round/evaluate.c) */

/* the job has no unit, but has had some: one may have been left in a worker's hands (frame_let_go_others) */
inline let_go_others()
{
#ifndef MUTANT_LEFT_BEHIND
	if
	:: f_loaded == 0 && next_unit > 1 ->
		for (EACH(k)) {
			READ(k);
			if
			:: k != f_unit && ACTIVE(f_stored[k]) -> cancel_unit(k); f_let_go[k] = 1
			:: else
			fi
		}
	:: else
	fi
#else
	skip
#endif
}

/* a unit takes the place of the job's: one that was canceled in this round must be out of its worker's hands first */
inline take_unit(u)
{
#ifndef MUTANT_REPLACED
	if
	:: f_unit != 0 && f_unit != u && f_state[f_unit] == CANCELED && ACTIVE(f_stored[f_unit]) -> f_let_go[f_unit] = 1
	:: else
	fi;
#endif
	f_unit = u; f_job_dirty = 1
}

inline request_unit()
{
	let_go_others();
	if
	:: next_unit > UNITS -> exhausted = 1
	:: else ->
		f_read[next_unit] = 1; f_state[next_unit] = REQUESTED; f_stored[next_unit] = NONE; f_new[next_unit] = 1;
		f_request[next_unit] = 1; f_fresh[next_unit] = 1; f_bounds[next_unit] = rows;
		take_unit(next_unit); next_unit++		/* a sequence: not rolled back */
	fi
}

#define IS_OPEN_UNIT (f_unit != 0 && ACTIVE(f_state[f_unit]))

/* the machine's rows (src/core/machine.c), in their order: what is done, and the job's next state */
#define WAIT 0
#define REQUEST 1
#define RECYCLE 2
#define ADOPT 3
#define FINISH 4
#define FINISH_KNOWN 5
hidden byte action, next_state, pass, ended, by_event;

#if MACHINE == RECOMPUTING
inline recycle_unit(u)
{
	let_go_others();
	f_state[u] = REQUESTED; f_dirty[u] = 1; f_request[u] = 1; f_fresh[u] = 1; f_mark[u] = 1;
	take_unit(u)
}

/* the oldest unit over just the rows that there are */
inline find_known()
{
	f_known = 0;
	for (EACH(k)) {
		READ(k);
		if
		:: f_known == 0 && f_state[k] != NONE && f_bounds[k] == rows -> f_known = k
		:: else
		fi
	}
}

/* make_way(): another unit than the job's is to be its; one that a worker has is waited for */
inline make_way()
{
	if
	:: f_job != EMBRYO && f_unit != 0 && f_unit != (action == REQUEST -> 0 : f_known) && ACTIVE(f_state[f_unit]) ->
		if
		:: f_state[f_unit] == PROGRESS -> action = WAIT
		:: else -> let_go_unit()
		fi
	:: else
	fi
}
#endif

#ifdef MUTANT_STALE_INPUTS
#define IS_FRESH(u) true
#else
#define IS_FRESH(u) f_fresh[u]
#endif
#ifdef MUTANT_APPLY_UNSEEN
#define SEEN(u) (ended && ACTIVE(f_state[u]) || f_state[u] == PROCESSED)
#else
#define SEEN(u) (f_state[u] == PROCESSED)
#endif

/* rows of a last unit, and of a discrete job that is final */
#define SETTLE_ROWS \
	:: IS_SETTLING && f_unit != 0 && f_state[f_unit] == CANCELED -> action = FINISH; next_state = SKIPPED \
	:: IS_SETTLING && f_unit != 0 && SEEN(f_unit) && IS_FRESH(f_unit) -> action = FINISH; next_state = DONE \
	:: IS_SETTLING && IS_OPEN_UNIT -> action = WAIT

/* the recomputing machine's rows about the unit over just the rows that there are */
#define KNOWN_ROWS \
	:: GOES_OVER_ROWS && f_known == 0 -> action = REQUEST; next_state = LAST \
	:: GOES_OVER_ROWS && ACTIVE(f_state[f_known]) -> action = ADOPT; next_state = LAST \
	:: GOES_OVER_ROWS && f_state[f_known] == PROCESSED && f_fresh[f_known] -> action = FINISH_KNOWN; next_state = DONE \
	:: GOES_OVER_ROWS -> action = RECYCLE; next_state = LAST

inline decide()
{
	action = WAIT; next_state = f_job;
	if :: f_unit != 0 -> READ(f_unit) :: else fi;
#if MACHINE == DISCRETE
#define IS_SETTLING (f_job == WORKING && !f_inputs)
	if
	:: by_event && f_job == WORKING && f_inputs	/* inputs are being worked on: that is for the trigger */
	:: f_job == EMBRYO && !ended -> action = REQUEST; next_state = WORKING
	SETTLE_ROWS
	:: f_job == WORKING && !f_inputs -> action = REQUEST
	:: f_job == WORKING && f_inputs && !ended && !IS_OPEN_UNIT -> action = REQUEST
	:: else
	fi
#elif MACHINE == CONTINUOUS
#define IS_SETTLING (f_job == LAST)
	if
	:: by_event && f_job == WORKING && f_inputs
	:: (f_job == EMBRYO || f_job == WORKING) && !ended && !IS_OPEN_UNIT -> action = REQUEST; next_state = (f_inputs -> WORKING : LAST)
	SETTLE_ROWS
	:: f_job == LAST -> action = REQUEST
	:: else
	fi
#else
#define IS_SETTLING (f_job == LAST)
#define GOES_OVER_ROWS ((f_job == WORKING && !ended && !f_inputs) || f_job == LAST)
	if :: f_job == EMBRYO -> let_go_others() :: else fi;
	find_known();
	if
	:: by_event && f_job == WORKING && f_inputs
	:: f_job == EMBRYO && !ended -> action = (f_known == 0 -> REQUEST : RECYCLE); next_state = WORKING
	SETTLE_ROWS
	KNOWN_ROWS
	:: f_job == WORKING && !ended && f_unit != 0 && (f_state[f_unit] == REQUESTED || f_state[f_unit] == INVALID) ->
		if :: f_bounds[f_unit] != rows -> f_bounds[f_unit] = rows; f_dirty[f_unit] = 1 :: else fi	/* move_bound() */
	:: f_job == WORKING && !ended && f_known == 0 -> action = REQUEST
	:: f_job == WORKING && !ended && f_state[f_known] == CANCELED -> action = RECYCLE
	:: else
	fi;
	if :: action != WAIT && action != FINISH -> make_way() :: else fi
#endif
}

inline act()
{
	if
	:: action == REQUEST -> request_unit()
#if MACHINE == RECOMPUTING
	:: action == RECYCLE -> recycle_unit(f_known)
	:: action == ADOPT ->
		if :: f_state[f_known] != PROGRESS -> f_dirty[f_known] = 1 :: else fi;	/* move_bound(): the number of rows, say */
		take_unit(f_known)
	:: action == FINISH_KNOWN -> take_unit(f_known)
#endif
	:: else
	fi;
	if :: action != WAIT && next_state != f_job -> set_job(next_state) :: else fi
}

/* 2: the machine hears of a unit's end, and then is asked as by an event; 1: asked by an event; 3: by the trigger */
inline run_machine()
{
	do
	:: pass != 0 ->
		ended = (pass == 2 -> 1 : 0); by_event = (pass == 1 -> 1 : 0);
		if
		:: OPEN(f_job) && (ended || !(f_job == EMBRYO && blocking && f_inputs)) -> decide(); act()	/* else it has to wait (core/verdict.c) */
		:: else
		fi;
		pass = (pass == 2 && f_job == WORKING -> 1 : 0)
	:: else -> break
	od;
	action = 0; next_state = 0; ended = 0; by_event = 0
}

inline evaluate(by)
{
	pass = (by -> 1 : 3); run_machine()
}

#ifdef MUTANT_APPLY_UNSEEN
#define IS_ENDED(u) true
#else
#define IS_ENDED(u) FINISHED(f_state[u])
#endif

inline apply(u)
{
	READ(u);
	if
	:: f_unit != u || !OPEN(f_job) ->
		if :: f_unit != u || f_job == SKIPPED -> cancel_unit(u) :: else fi;
		pass = (f_unit == 0 && f_job == EMBRYO -> 1 : 0)
	:: else -> pass = (IS_ENDED(u) -> 2 : 0)	/* else it was requested again meanwhile */
	fi;
	run_machine()
}

/* ---------------------------------------------------------------- writing */

/* unit_update(): only what is still as it was read, and nobody's */
#ifdef MUTANT_NO_RECHECK
#define IS_AS_READ(u) true
#else
#define IS_AS_READ(u) (u_state[u] == f_stored[u] && u_attempt[u] == f_attempt[u])
#endif

inline write_units()
{
	for (EACH(k)) {
		if
		:: f_dirty[k] && !f_new[k] && u_lock[k] == 0 && IS_AS_READ(k) -> u_lock[k] = round_lock; f_written[k] = 1
		:: else
		fi
	}
	k = 0
}

#define REFUSED(u) (f_dirty[u] && !f_new[u] && !f_written[u])

/* let_go() and withhold_successor(): what becomes of the job */
inline settle_one(u)
{
	if :: f_state[u] == CANCELED || f_let_go[u] -> f_news[u] = 1; owes_news = 1 :: else fi;
	x = (OPEN(f_job) && f_job_dirty && f_state[u] != CANCELED -> 1 : 0);
	if
	:: f_unit == u && (f_job == SKIPPED || x) ->
		f_unit = 0; f_job_dirty = 1;
		if :: x -> f_job = EMBRYO; owes_fire = 1 :: else fi
	:: else
	fi;
	x = 0;
#ifndef MUTANT_SUCCESSOR
	if
	:: f_let_go[u] && f_unit != 0 && f_unit != u && f_job_dirty ->
		x = f_unit; f_unit = 0; f_job = EMBRYO; f_request[x] = 0;
		if
		:: f_new[x] -> f_new[x] = 0; f_read[x] = 0; f_state[x] = NONE
		:: !f_new[x] && ACTIVE(f_state[x]) -> f_state[x] = CANCELED	/* unit_cancel(withheld): its row is ours */
		:: else
		fi;
		x = 0
	:: else
	fi
#else
	skip
#endif
}

/* settle_refused(): what a worker has just taken is canceled all the same, unless its row is locked */
inline settle_refused()
{
	for (EACH(k)) {
		if
		:: REFUSED(k) && f_state[k] == CANCELED && u_lock[k] == 0 && ACTIVE(u_state[k]) ->
			u_lock[k] = round_lock; f_written[k] = 1
		:: else
		fi
	}
	for (EACH(k)) {
		if :: REFUSED(k) -> settle_one(k) :: else fi
	}
	k = 0
}

#define ANY_REFUSED (REFUSED(1) || REFUSED(2) || (UNITS > 2 && REFUSED(UNITS)) || (UNITS > 3 && REFUSED(UNITS - 1)))

/* all becomes true at once; then wakes go out, and the locks */
inline commit_round(wakes)
{
	for (EACH(k)) {
		if
		:: f_written[k] || f_new[k] ->
			u_state[k] = f_state[k]; u_bounds[k] = f_bounds[k];
			u_executor[k] = 0; dead[k] = 0;
			if :: f_state[k] == REQUESTED -> owner[k] = 0 :: else fi;
			if :: f_mark[k] -> effects[k] = 0; u_mark[k] = u_mark[k] + TOGETHER :: else fi;
			u_fresh[k] = f_fresh[k]
		:: else
		fi;
		if :: u_lock[k] == round_lock -> u_lock[k] = 0 :: else fi;
#ifndef MUTANT_NEWS_EARLY
		news[k] = news[k] - f_taken[k];
#endif
		if :: f_news[k] && news[k] == 0 -> news[k] = 1 :: else fi;	/* a second row says no more */
		if
		:: f_request[k] && f_state[k] == REQUESTED && WORKER == AMQP && u_state[k] == REQUESTED -> message[k] = u_attempt[k] + 1
		:: else
		fi
	}
	if
	:: inputs_open && !f_inputs -> for (EACH(k)) { if :: !f_new[k] && !f_mark[k] -> u_fresh[k] = 0 :: else fi }
	:: else
	fi;
	inputs_open = f_inputs;
	if :: f_job_dirty -> j_state = f_job; j_unit = f_unit :: else fi;
	if :: wakes -> wake_events = 1; wake_requests = 1 :: else fi;
	check_invariants()
}

inline end_round()
{
	clear_frame(); round_lock = 0
}

/* rolled back: by an error, or because its session is gone */
inline abort_round()
{
	for (EACH(k)) { if :: u_lock[k] == round_lock -> u_lock[k] = 0 :: else fi }
	end_round()
}
