/*
 * The scheduler of one database: rounds when it is woken or a timer is due, reclaiming, handing out.
 *
 *	loop			loop_forever(), work()                                 src/daemon/scheduler.c
 *	fire, news		fire_due(), take_news()                                src/round/round.c
 *	collect			judge_unit(), release_unit()                           src/round/garbage.c
 *	reclaim			round_reclaim(), dispatch_is_running()                 src/round/reclaim.c, src/daemon/dispatch.c
 *	hand out		dispatch_add(), place()                                src/daemon/dispatch.c
 *
 * Time is not modelled: the trigger, the collector and the look once a minute may come whenever they may come at all. But
 * the trigger is due only so often, and the look once a minute only where the code leaves something to it (owes_news): else
 * they would hide every lost wake. The collector and the rest of a round, one transaction in the code, are two here.
 */
bit s_events, s_requests, s_lost;

/* the session's place in the protocol is lost with it: everybody looks whether he still is who he was */
#define MINE (round_lock == SCHEDULER)

/* hand_out(), hand_out_requested(), after the commit. in_hands: an executor has this very request in his mail, or takes it */
#ifdef MUTANT_DISPATCH_BY_ID
#define HAS(h, u) (mail[h] == u || running[h] == u)
#elif TOGETHER && !defined(MUTANT_TOGETHER_HELD_BY_ID)
#define HAS(h, u) (mail[h] == u || (running[h] == u && (running_attempt[h] == 0 -> running_as[h] == AS_REQUESTED(u) : \
	running_attempt[h] == r_attempt[u] + 1)))
#else
#define HAS(h, u) (mail[h] == u || (running[h] == u && (running_attempt[h] == 0 || running_attempt[h] == r_attempt[u] + 1)))
#endif
/* dispatch_is_running(): of a unit that is just being taken nobody can say by which attempt */
#ifdef MUTANT_RECLAIM_BY_ID
#define IS_RUNNING(h, u) (running[h] == u)
#define IS_TAKING(h, u) false
#else
#define IS_RUNNING(h, u) (running[h] == u && (running_attempt[h] == 0 || running_attempt[h] == u_attempt[u]))
#define IS_TAKING(h, u) (running[h] == u && running_attempt[h] == 0)
#endif
byte r_attempt[UNITS + 1];		/* ReadyUnit.attempt, 0xff: not ready */

#define SECOND_HAS_ROOM (EXECUTORS > 1 && mail[1] == 0 && (mail[0] != 0 || running[0] != 0))

#if TOGETHER
#define HAND_OUT(u, h) queued[u] = 0; mail[h] = u; mail_as[h] = queued_as[u]; queued_as[u] = 0
#else
#define HAND_OUT(u, h) queued[u] = 0; mail[h] = u
#endif

inline note_ready()
{
	for (EACH(k)) {
		r_attempt[k] = 255;
		if
		:: WORKER == SQL && ((f_request[k] && f_state[k] == REQUESTED) || (s_requests && u_state[k] == REQUESTED)) ->
			r_attempt[k] = u_attempt[k]
		:: else
		fi
	}
}

#if TOGETHER
#define SAY_AS(u) queued_as[u] = AS_REQUESTED(u)
#else
#define SAY_AS(u) skip
#endif

/* what is in the list already stays there as it was */
inline dispatch_add()
{
	for (EACH(k)) {
		if
		:: r_attempt[k] != 255 && !HAS(0, k) && !HAS(1, k) && !queued[k] -> queued[k] = 1; SAY_AS(k)
		:: else
		fi;
		r_attempt[k] = 255
	}
	k = 0
}

/*
 * Two statements, if a worker was faster, else one; then the transaction's end: a round that fails is rolled back, and tried
 * again for all reasons (fail()).
 */
#define WRITE_AND_COMMIT \
	if \
	:: d_step { MINE -> write_units() }; \
		if \
		:: d_step { MINE && ANY_REFUSED -> settle_refused() }; if :: COMMIT :: FAIL :: !MINE fi \
		:: COMMIT_IF(!ANY_REFUSED) \
		:: FAIL \
		:: !MINE \
		fi \
	:: !MINE \
	fi

#define COMMIT_IF(condition) d_step { MINE && (condition) -> \
	if :: exhausted -> abort_round(); leave_bounds() :: else -> note_ready(); commit_round(0); dispatch_add(); end_round() fi; s_requests = 0 }
#define COMMIT COMMIT_IF(true)
#define FAIL d_step { MINE && deaths > 0 -> deaths--; abort_round(); wake_events = 1; wake_requests = 1; lost = 1; s_requests = 0 }

/* the trigger comes again until a unit is requested for good: one of a round that was rolled back is none */
#define HAS_BEGUN (u_state[1] != NONE || u_state[2] != NONE || u_state[UNITS] != NONE)
#define FIRES_ANYHOW (owes_fire || (j_state == EMBRYO && !HAS_BEGUN && !(blocking && inputs_open)))

/* a neighbour is finished in the same round: the job is evaluated once more (follow_eagerly, go_on) */
#define GO_ON if :: d_step { MINE && timers > 0 && OPEN(f_job) -> timers--; evaluate(1) } :: skip fi

/* who must be collected (GC: not so often, where the worker lives) */
#define HOPELESS(u) (ACTIVE(u_state[u]) && stale > 0)
#define STALE_NOW(u) ((u_state[u] == REQUESTED || (u_state[u] == PROGRESS && !u_executor[u])) && (dead[u] || stale > 0))
#define TO_COLLECT(u) (u_state[u] == INVALID || STALE_NOW(u) || HOPELESS(u))

inline collect(u, hopeless)
{
	READ(u);
	if
	:: hopeless && ACTIVE(f_state[u]) -> cancel_unit(u); apply(u)
	:: !hopeless && f_unit != u && ACTIVE(f_state[u]) -> cancel_unit(u)
	:: !hopeless && f_unit == u && ACTIVE(f_state[u]) -> f_state[u] = REQUESTED; f_dirty[u] = 1; f_request[u] = 1
	:: else
	fi
}

#ifdef MUTANT_NEWS_EARLY
#define NEWS_EARLY(u) news[u] = 0
#else
#define NEWS_EARLY(u) skip
#endif

/* the news, and then their units: so these are seen as they have ended (read_news) */
inline read_news()
{
	s_events = 0; owes_news = 0;
	for (EACH(m)) {
		if :: news[m] > 0 -> f_taken[m] = news[m]; READ(m); NEWS_EARLY(m) :: else fi
	}
	m = 0
}

inline apply_news()
{
	for (EACH(m)) { if :: f_taken[m] > 0 -> apply(m) :: else fi }
	m = 0
}

/* reclaim_unit(): in progress under an executor, and nobody runs it: nobody who is at work loses it, fence or not */
#define AT_WORK(h, u) (running[h] == u && (running_attempt[h] == 0 || running_attempt[h] == u_attempt[u]))
inline reclaim()
{
	for (EACH(m)) {
		if
		:: f_read[m] && f_state[m] == PROGRESS && !(asked & (1 << m)) ->
			assert(u_state[m] != PROGRESS || !u_executor[m] || u_attempt[m] != f_attempt[m] || !(AT_WORK(0, m) || AT_WORK(1, m)));
			f_state[m] = REQUESTED; f_dirty[m] = 1
		:: else
		fi
	}
	m = 0; asked = 0
}

inline read_executed()
{
	for (EACH(m)) { if :: u_state[m] == PROGRESS && u_executor[m] -> READ(m) :: else fi } m = 0
}

/* one that is just being taken: it cannot be told, and so it is asked again */
inline ask_memory()
{
	for (EACH(k)) {
		if :: u_state[k] == PROGRESS && (IS_RUNNING(0, k) || IS_RUNNING(1, k)) -> asked = asked | (1 << k) :: else fi;
		if :: f_read[k] && (IS_TAKING(0, k) || IS_TAKING(1, k)) -> lost = 1 :: else fi
	}
}
#ifdef MUTANT_RECLAIM_MEMORY_FIRST
#define FIRST_LOOK ask_memory()
#define SECOND_LOOK read_executed()
#else
#define FIRST_LOOK read_executed()
#define SECOND_LOOK ask_memory()
#endif

#ifdef MUTANT_NEWS_LATER
#define NEWS_FIRST skip
#define NEWS_LATER read_news()
#else
#define NEWS_FIRST read_news()
#define NEWS_LATER skip
#endif

active proctype scheduler()
{
	byte m;
	byte asked;					/* reclaim: what runs, as a set of bits */

	if :: blocking = 1 :: inputs_open = 0 :: skip fi;	/* it has none, or they are finished already */
#ifdef REPLAY
	choose_path();
#endif
	d_step { for (EACH(k)) { r_attempt[k] = 255 } k = 0; wake_events = 1; wake_requests = 1; lost = (WORKER == SQL -> 1 : 0) }
	do
	/* a session is gone: what it has left (work(), round_reclaim()); then a round for all reasons */
	:: d_step { lost && round_lock == 0 && !exhausted -> lost = 0; round_lock = SCHEDULER; begin_frame(); FIRST_LOOK };
		if :: d_step { MINE -> SECOND_LOOK; reclaim(); wake_events = 1; wake_requests = 1 } :: !MINE fi;
		WRITE_AND_COMMIT
	/* woken: the news are read before anything else; due timers fire; then the news are applied */
	:: d_step { (wake_events || wake_requests) && !lost && round_lock == 0 && !exhausted ->
			s_events = wake_events; s_requests = wake_requests; wake_events = 0; wake_requests = 0;
			round_lock = SCHEDULER; begin_frame(); if :: s_events -> NEWS_FIRST :: else fi };
		if
		:: d_step { MINE && timers > 0 && OPEN(f_job) -> timers--; evaluate(0) }
		:: MINE
		:: !MINE
		fi;
		if :: d_step { MINE -> if :: s_events -> NEWS_LATER :: else fi; s_events = 0; apply_news() } :: !MINE fi;
		GO_ON;
		WRITE_AND_COMMIT
	/* a timer: the trigger, without a look at the news; a job that has not begun waits for it */
	:: d_step { (timers > 0 || FIRES_ANYHOW) && OPEN(j_state) &&
			!exhausted && round_lock == 0 ->
			round_lock = SCHEDULER; begin_frame(); if :: FIRES_ANYHOW :: else -> timers-- fi; owes_fire = 0; evaluate(0) };
		GO_ON;
		WRITE_AND_COMMIT
	/* the look once a minute */
	:: d_step { owes_news && !wake_events && !exhausted -> owes_news = 0; wake_events = 1 }
	/* an input is finished, and its event reaches the job (fire_dependants, follow_eagerly) */
	:: d_step { inputs_open && !exhausted && round_lock == 0 -> round_lock = SCHEDULER; begin_frame(); f_inputs = 0; evaluate(1) };
		GO_ON;
		WRITE_AND_COMMIT
	/* the garbage collector */
	:: atomic { !exhausted && round_lock == 0 && (TO_COLLECT(1) || TO_COLLECT(2) || TO_COLLECT(UNITS)) ->
			round_lock = SCHEDULER;
			d_step { begin_frame() };
			if :: TO_COLLECT(1) -> m = 1 :: TO_COLLECT(2) -> m = 2 :: TO_COLLECT(UNITS) -> m = UNITS fi;
			if
			:: d_step { u_state[m] == INVALID || (dead[m] && STALE_NOW(m)) -> collect(m, 0) }
			:: d_step { stale > 0 && STALE_NOW(m) -> stale--; collect(m, 0) }
			:: d_step { stale > 0 && HOPELESS(m) -> stale--; collect(m, 1) }
			fi;
			m = 0 };
		WRITE_AND_COMMIT
#if WORKER == SQL
	/* the dispatcher: into the mail of an executor that has room; of two that have nothing to do, the first */
	:: d_step { queued[1] && mail[0] == 0 -> HAND_OUT(1, 0) }
	:: d_step { queued[1] && SECOND_HAS_ROOM -> HAND_OUT(1, 1) }
	:: d_step { queued[2] && mail[0] == 0 -> HAND_OUT(2, 0) }
	:: d_step { queued[2] && SECOND_HAS_ROOM -> HAND_OUT(2, 1) }
	:: d_step { queued[UNITS] && mail[0] == 0 -> HAND_OUT(UNITS, 0) }
	:: d_step { queued[UNITS] && SECOND_HAS_ROOM -> HAND_OUT(UNITS, 1) }
#endif
	od
}
