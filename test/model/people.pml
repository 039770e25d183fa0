/*
 * Those who do the work, those who interfere, and what ends them.
 *
 * Whoever is killed has lost his locks, and what he had not committed, by the time that he looks again: so every step of
 * his asks first whether he still has what he had (RUNS: his place in shared memory; HOLDS: the lock on the row).
 *
 *	executor		run_unit()                                             src/daemon/executor.c
 *	worker			synergy.claim, complete, fail                          src/api/claim.c, src/store/unit_run.c
 *	post			report_apply()                                         src/store/report.c
 *	boss			synergy.reprocess, skip, cancel_unit_of_work           src/api/supervise.c
 */

/* UPDATE ... WHERE state = 'i' AND attempt = $2: waits for a lock only if the row as it is committed fits, and looks again */
#ifdef MUTANT_NO_FENCE
#define FITS(u, a) (u_state[u] == PROGRESS)
#else
#define FITS(u, a) (u_state[u] == PROGRESS && u_attempt[u] == (a))
#endif
#define HOLDS(u, me) (u_lock[u] == (me))

inline start_unit_row(u, me, by_executor)
{
	u_state[u] = PROGRESS; u_executor[u] = by_executor; owner[u] = me; dead[u] = 0;
	if :: u_attempt[u] >= ATTEMPTS -> exhausted = 1 :: else fi;
#ifndef MUTANT_NO_COUNT
	u_attempt[u]++
#endif
}

inline finish_unit_row(u, me, to)
{
	assert(WORKER == AMQP || owner[u] == me);	/* he who has started it last, and nobody else */
	u_state[u] = to; u_executor[u] = 0; dead[u] = 0; owner[u] = 0;
	if :: to == PROCESSED -> effects[u]++ :: else fi;
#ifndef MUTANT_NEWS_APART
	if :: to != INVALID -> news[u]++ :: else fi;
#endif
#ifndef MUTANT_WAKE_EARLY
	wake_events = 1;
#endif
	u_lock[u] = 0
}

#ifdef MUTANT_WAKE_EARLY
#define AT_WRITE wake_events = 1
#else
#define AT_WRITE skip
#endif

#if WORKER == SQL
#define RUNS(u) (running[h] == u && u != 0)

#if TOGETHER
#define TAKE_AS as = mail_as[h]; running_as[h] = as; mail_as[h] = 0
#define LEAVE_AS as = 0
/* what the command has seen is what was requested: no row was read before it (src/store/unit_batch.c) */
#ifdef MUTANT_TOGETHER_BY_ATTEMPT
#define FITS_AS(u) ((as & 7) == u_attempt[u])
#else
#define FITS_AS(u) (as == AS_REQUESTED(u))
#endif
#else
#define TAKE_AS skip
#define LEAVE_AS skip
#endif

proctype executor(byte h)
{
	byte u, a;
#if TOGETHER
	byte as;
#endif
	byte me = HAND(h);
	do
	:: d_step { mail[h] != 0 -> u = mail[h]; mail[h] = 0; running[h] = u; TAKE_AS };
		if
#if TOGETHER
		/* with others: from requested to processed in one transaction, or all of it is rolled back, and each is run alone */
		:: atomic { RUNS(u) && u_state[u] == REQUESTED && FITS_AS(u) && u_lock[u] == 0 -> u_lock[u] = me };
			if
			:: d_step { RUNS(u) -> assert(as == AS_REQUESTED(u)); as = 0;
					start_unit_row(u, me, 1); finish_unit_row(u, me, PROCESSED); check_invariants() };
				goto end_unit
			:: !RUNS(u) -> goto gone
			fi
#endif
		:: LEAVE_AS
		fi;
		/* the first transaction takes it: unit_run_start() */
		if
		:: atomic { RUNS(u) && u_state[u] == REQUESTED && u_lock[u] == 0 -> u_lock[u] = me };
			if
			:: d_step { RUNS(u) -> start_unit_row(u, me, 1); a = u_attempt[u]; u_lock[u] = 0; check_invariants() };
				if :: d_step { RUNS(u) -> running_attempt[h] = a } :: !RUNS(u) -> goto gone fi
			:: d_step { RUNS(u) && failures > 0 -> failures--; u_lock[u] = 0; a = 0 };	/* an error: unit_run_refuse() */
#ifdef MUTANT_START_SILENT
				goto end_unit
#else
				goto refuse
#endif
			:: !RUNS(u) -> goto gone
			fi
		:: atomic { RUNS(u) && u_state[u] != REQUESTED -> a = 0; goto not_ours }
		:: !RUNS(u) -> goto gone
		fi;
		/* the second runs the command and completes it, or a third says that it has failed */
		if
		:: atomic { RUNS(u) && FITS(u, a) && u_lock[u] == 0 -> u_lock[u] = me; AT_WRITE };
			if
			:: d_step { RUNS(u) -> finish_unit_row(u, me, PROCESSED); check_invariants() }
			:: !RUNS(u) -> goto gone
			fi
		:: atomic { RUNS(u) && !FITS(u, a) -> goto not_ours }	/* refused: the command's work is rolled back */
		:: atomic { RUNS(u) && failures > 0 -> failures-- };
			if
			:: atomic { RUNS(u) && FITS(u, a) && u_lock[u] == 0 -> u_lock[u] = me };
				if
				:: d_step { RUNS(u) -> finish_unit_row(u, me, INVALID); check_invariants() }
				:: !RUNS(u) -> goto gone
				fi
			:: atomic { RUNS(u) && !FITS(u, a) -> goto not_ours }
			:: !RUNS(u) -> goto gone
			fi
		:: !RUNS(u) -> goto gone
		fi;
		goto end_unit;
refuse:	if						/* requested -> invalid */
		:: atomic { RUNS(u) && u_state[u] == REQUESTED && u_lock[u] == 0 -> u_lock[u] = me };
			if
			:: d_step { RUNS(u) -> u_state[u] = INVALID; u_lock[u] = 0; wake_events = 1; check_invariants() }
			:: !RUNS(u) -> goto gone
			fi
		:: atomic { RUNS(u) && u_state[u] != REQUESTED -> goto not_ours }
		:: !RUNS(u) -> goto gone
		fi;
		goto not_ours;
not_ours:						/* somebody else has taken or changed it: perhaps it is requested again */
#ifndef MUTANT_END_SILENT
		if :: d_step { RUNS(u) -> running[h] = 0; running_attempt[h] = 0; running_as[h] = 0; wake_requests = 1 } :: !RUNS(u) -> skip fi;
		goto gone;
#endif
end_unit:
		if :: d_step { RUNS(u) -> running[h] = 0; running_attempt[h] = 0; running_as[h] = 0 } :: !RUNS(u) -> skip fi;
gone:	atomic { u = 0; a = 0; LEAVE_AS }
	od
}
#endif

#define MAY_TAKE(h) (h == 0 || busy)
#define REST u = 0; a = 0; busy = (h == 0 -> 0 : busy)	/* he has nothing in his hands any more */

#if WORKER == OUTSIDE
proctype worker(byte h)
{
	byte u, a;
	byte me = HAND(h);
	do
	/* FOR UPDATE SKIP LOCKED */
	:: atomic {
			if
			:: MAY_TAKE(h) && u_state[1] == REQUESTED && u_lock[1] == 0 -> u = 1
			:: MAY_TAKE(h) && u_state[2] == REQUESTED && u_lock[2] == 0 -> u = 2
			:: MAY_TAKE(h) && UNITS > 2 && u_state[UNITS] == REQUESTED && u_lock[UNITS] == 0 -> u = UNITS
			fi;
			u_lock[u] = me; busy = (h == 0 -> 1 : busy) };
		if
		:: d_step { HOLDS(u, me) -> start_unit_row(u, me, 0); a = u_attempt[u]; u_lock[u] = 0; check_invariants() }
#if TOGETHER
		/* claimed and completed in one transaction */
		:: d_step { HOLDS(u, me) -> start_unit_row(u, me, 0); finish_unit_row(u, me, PROCESSED); REST; check_invariants() }
#endif
		:: d_step { HOLDS(u, me) && deaths > 0 -> deaths--; u_lock[u] = 0; REST }	/* rolled back */
		:: d_step { !HOLDS(u, me) -> REST }
		fi;
again:	if
		:: a == 0
		:: d_step { a != 0 && !FITS(u, a) -> REST }	/* refused */
		:: atomic { a != 0 && FITS(u, a) && u_lock[u] == 0 -> u_lock[u] = me; AT_WRITE };
			if
#ifdef MUTANT_NEWS_APART
			:: d_step { HOLDS(u, me) -> finish_unit_row(u, me, PROCESSED); check_invariants() };
				if :: d_step { news[u]++; REST } :: d_step { deaths > 0 -> deaths--; REST } fi
#else
			:: d_step { HOLDS(u, me) -> finish_unit_row(u, me, PROCESSED); REST; check_invariants() }
#endif
			:: d_step { HOLDS(u, me) && failures > 0 -> failures--; finish_unit_row(u, me, INVALID); REST; check_invariants() }
			:: d_step { HOLDS(u, me) && failures > 0 -> failures--; finish_unit_row(u, me, CANCELED); REST; check_invariants() }
			:: d_step { HOLDS(u, me) && deaths > 0 -> deaths--; u_lock[u] = 0 };	/* rolled back, and tried again */
				goto again
			:: !HOLDS(u, me) -> goto again
			fi
		:: d_step { a != 0 && deaths > 0 -> deaths--; if :: owner[u] == me -> dead[u] = 1; owner[u] = 0 :: else fi; REST }	/* never heard of again */
		fi
	od
}
#endif

#if WORKER == AMQP
#define REPORT_FITS(u, a) (FITS(u, a) || (u_state[u] == REQUESTED && u_attempt[u] + 1 == (a)))

/* a worker without a connection, and the courier that applies what he says: at least once, with SKIP LOCKED */
proctype post(byte h)
{
	byte u, a, to;
	byte me = HAND(h);
	do
	:: atomic {
			if
			:: MAY_TAKE(h) && message[1] != 0 -> u = 1
			:: MAY_TAKE(h) && message[2] != 0 -> u = 2
			:: MAY_TAKE(h) && UNITS > 2 && message[UNITS] != 0 -> u = UNITS
			fi;
			a = message[u]; busy = (h == 0 -> 1 : busy);
			if
			:: message[u] = 0
			:: deaths > 0 -> deaths--	/* delivered twice */
			fi };
		if
		:: d_step { deaths > 0 -> deaths--;	/* lost, or its worker was */
				if :: REPORT_FITS(u, a) && message[u] == 0 -> dead[u] = 1 :: else fi;
				REST }
		:: to = PROCESSED
		:: to = PROGRESS
		:: atomic { failures > 0 -> failures--; to = INVALID }
		fi;
report:	if
		:: a == 0
		:: d_step { a != 0 && !REPORT_FITS(u, a) -> to = 0; REST }
		:: atomic { a != 0 && REPORT_FITS(u, a) && u_lock[u] == 0 -> u_lock[u] = me };
			if
			:: d_step { HOLDS(u, me) ->
									u_attempt[u] = a;
					if
					:: to == PROGRESS -> u_state[u] = PROGRESS; dead[u] = 0; u_lock[u] = 0
					:: else -> finish_unit_row(u, me, to)
					fi;
					if
					:: to == PROGRESS -> to = PROCESSED
					:: to != PROGRESS && deaths == 0 -> to = 0; REST
					:: else -> to = (to << 4)
					fi;
					check_invariants() };
				if
				:: to < 16 -> goto report
				:: d_step { to >= 16 && deaths > 0 -> deaths--; to = (to >> 4) }; goto report	/* it is told twice */
				:: d_step { to >= 16 -> to = 0; REST }
				fi
			:: !HOLDS(u, me) -> goto report
			fi
		fi
	od
}
#endif

/* what cannot be canceled at once is an error, and nothing is done at all */
#define BOSS_COMMITS(condition) d_step { round_lock == OPERATOR && (condition) && (what != 4 || f_written[f_loaded]) -> \
	if :: exhausted -> abort_round(); leave_bounds() :: else -> commit_round(1); end_round() fi }
#define BOSS_ABORTS d_step { round_lock == OPERATOR -> abort_round() }

/* an operator's function, in his transaction, which he may roll back */
proctype boss()
{
	byte what;					/* 1 reprocess, 2 an input is reprocessed, 3 skip, 4 cancel the job's unit */
	do
	:: atomic { operations > 0 && round_lock == 0 ->
			operations--; round_lock = OPERATOR; begin_frame();
			if
			:: what = 1
			:: what = 2
			:: what = 3
			:: f_unit != 0 && ACTIVE(u_state[f_unit]) -> what = 4
			fi };
		if
		:: d_step { round_lock == OPERATOR ->
				if :: what == 2 -> f_inputs = 1 :: else fi;
				if
				:: what <= 2 && f_job != EMBRYO ->
					if :: f_unit != 0 -> READ(f_unit) :: else fi;
					let_go_unit(); set_job(EMBRYO); evaluate(0)
				:: what == 3 && OPEN(f_job) -> set_job(SKIPPED)
				:: what == 4 -> READ(f_unit); cancel_unit(f_unit); f_loaded = f_unit; apply(f_unit)
				:: else
				fi }
		:: round_lock != OPERATOR -> goto over
		fi;
		if
		:: d_step { round_lock == OPERATOR -> write_units() };
			if
			:: d_step { round_lock == OPERATOR && ANY_REFUSED -> settle_refused() };
				if :: BOSS_COMMITS(true) :: BOSS_ABORTS :: round_lock != OPERATOR fi
			:: BOSS_COMMITS(!ANY_REFUSED)
			:: BOSS_ABORTS
			:: round_lock != OPERATOR
			fi
		:: round_lock != OPERATOR
		fi;
over:	what = 0
	od
}

inline end_session(h)
{
	for (EACH(k)) { if :: u_lock[k] == HAND(h) -> u_lock[k] = 0 :: else fi }
	running[h] = 0; running_attempt[h] = 0; running_as[h] = 0; mail[h] = 0; mail_as[h] = 0; k = 0
}

/* what may happen to anybody, at any time */
proctype fate()
{
	do
#if MACHINE == RECOMPUTING
	:: rows == 0 -> rows = 1	/* rows come in */
#endif
#if WORKER == SQL
	/* a session ends: leave() */
	:: d_step { deaths > 0 && (running[0] != 0 || mail[0] != 0) -> deaths--; lost = 1; end_session(0) }
	:: d_step { deaths > 0 && (running[1] != 0 || mail[1] != 0) -> deaths--; lost = 1; end_session(1) }
#endif
	/* the server: every transaction is rolled back, shared memory is new, and the scheduler begins anew */
	:: d_step { crashes > 0 -> crashes--;
			for (EACH(k)) { u_lock[k] = 0; queued[k] = 0; queued_as[k] = 0; r_attempt[k] = 255 }
			for (k : 0 .. HANDS - 1) { mail[k] = 0; mail_as[k] = 0; running_as[k] = 0; running[k] = 0; running_attempt[k] = 0 }
			clear_frame(); round_lock = 0; s_events = 0; s_requests = 0;
			wake_events = 1; wake_requests = 1; lost = 1 }
	od
}

/* nothing moves any more: then nothing may be left to do, or a wake was lost */
active proctype calm()
{
end:
	timeout ->
	assert(exhausted || (!OPEN(j_state) && !inputs_open));
	assert(exhausted || (!ACTIVE(u_state[1]) && !ACTIVE(u_state[2]) && !ACTIVE(u_state[UNITS])));
	assert(exhausted || (news[1] + news[2] + news[UNITS] == 0))
}

init {
	atomic {
#if WORKER == SQL
		run executor(0); run executor(1);
#elif WORKER == OUTSIDE
		run worker(0); run worker(1);
#else
		run post(0); run post(1);
#endif
		run boss(); run fate()
	}
}
