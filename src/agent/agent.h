/*
 * agent/agent.h: what the parts of the agent know of each other.
 *
 *	 agent.c		options, signals, the loop over everything that may happen
 *	 link.c			the connection: made, lost, made again; one exchange of statements at a time
 *	 exchange.c		what an exchange says, and what its answers mean
 *	 order.c		what the columns of an order and its environment are
 *	 unit.c			units of work from claim to report
 *	 daemon.c		daemons: kept running
 *	 output.c		lines of units, bounded, made safe, on their way to the database
 *	 run.c			a command under its keeper, seen from the agent
 *	 text.c			strings that grow, arrays for SQL
 *	 ../keeper		the program between the agent and a command, which leaves nothing behind
 */
#ifndef SYNERGY_AGENT_H
#define SYNERGY_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <libpq-fe.h>

#include "client/client.h"
#include "client/process.h"
#include "keeper/keeper.h"

/* ---------------------------------------------------------------- text.c */

typedef struct Text
{
	char	   *data;			/* ends with \0; NULL: nothing yet */
	size_t		size;
	size_t		capacity;
} Text;

extern void text_reset(Text *text); /* keeps the memory */
extern void text_free(Text *text);
extern void text_append(Text *text, const char *data, size_t size);
extern void text_print(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* array literals: array_begin, any number of elements, array_end */
extern void array_begin(Text *text);
extern void array_add_number(Text *text, int64_t number);
extern void array_add_text(Text *text, const char *value);	/* NULL: null */
extern void array_end(Text *text);

extern void clock_print(Text *text);	/* now, as timestamptz text in UTC */

#define MILLISECONDS INT64_C(1000)
#define SECONDS INT64_C(1000000)
#define NEVER INT64_MAX

/* ---------------------------------------------------------------- run.c */

/* what is to be run, and how; strings belong to the caller */
typedef struct RunOrder
{
	const char *command;
	char	  **environment;	/* ends with NULL: all of it */
	const char *working_directory;	/* NULL: the agent's */
	int			umask;			/* -1: the agent's, likewise below */
	const char *run_as;			/* NULL */
	int			cpu_limit_s;
	int64_t		memory_limit;	/* bytes */
	int			open_files;
	int			kill_grace_ms;	/* from TERM to KILL */
	int64_t		timeout_ms;		/* 0: none */
} RunOrder;

typedef struct Run
{
	struct Keeper *keeper;		/* NULL: none (any more) */
	pid_t		leader;			/* of the command's process group; 0: not known yet */
	int			streams[2];		/* its stdout and stderr; -1: closed */
	bool		has_ended;		/* end and status are known */
	RunEnd		end;
	int			status;
	char		error[240];
	int64_t		began;			/* clock_steady() */
} Run;

/* false: it could not even be tried (no process, no descriptors); run->error says why */
extern bool run_start(Run *run, const RunOrder *order);
extern void run_order(Run *run, char order);	/* KEEPER_STOP or KEEPER_KILL */
extern void run_read_control(Run *run);

/* what there is of a stream, once; false: there is no more for now */
typedef void (*RunReader) (void *context, int stream, const char *data, size_t size);
extern bool run_read(Run *run, int stream, RunReader take, void *context);

/* when it has ended nobody is left who could write: what is in the pipes is all there will be */
extern void run_drain(Run *run, RunReader take, void *context);
extern void run_close(Run *run);
extern int	run_control(const Run *run);	/* a descriptor, or -1 */
extern void run_reap(void);	/* keepers, which have said before what there is to say; and what has fallen to us with one that was killed */
extern void run_pool_end(void); /* the keepers that wait for orders */
extern void run_describe_end(const Run *run, int64_t timeout_ms, Text *out);

/* ---------------------------------------------------------------- output.c */

#define MAX_LINE 8192			/* bytes; longer ones go on in the next line */
#define TAIL_LINES 50			/* the last lines of each stream are kept whatever came before */

typedef struct LineReader
{
	Text		partial;		/* a line that has not ended yet */
	bool		is_continued;	/* its beginning was a line of its own */
} LineReader;

typedef struct Output
{
	int64_t		unit_id;
	int			limit;			/* lines that are kept, the tail included */
	int			kept;
	int64_t		left_out;
	LineReader	readers[2];
	struct Tail
	{
		struct LogLine **lines; /* ring of TAIL_LINES, made when it is needed */
		int			next;
		int			count;
	}			tails[2];
	uint64_t	last_line;		/* number of its last line in the queue, 0: none */
	char		last_error[200];	/* the last line of stderr, else of stdout */
	bool		has_stderr;
} Output;

extern void output_begin(Output *output, int64_t unit_id, int limit);
extern void output_take(Output *output, int stream, const char *data, size_t size);
extern void output_end(Output *output); /* what is left goes into the queue */
extern void output_discard(Output *output);

/* the queue to the database */
extern size_t lines_waiting(void);
extern bool lines_are_too_many(void);
extern int64_t lines_oldest(void);	/* clock_steady() of the first one; NEVER: none */
extern void lines_drop_when_full(bool drop);	/* while there is no database */

/* the first lines, up to a batch, as four array literals; the number of the last one */
extern uint64_t lines_batch(Text *units, Text *times, Text *streams, Text *lines, bool ascii_only);
extern void lines_done(uint64_t up_to);

/* ---------------------------------------------------------------- order.c */

/* what units and daemons share; RunOrder's strings are the result's */
#define ORDER_COLUMNS \
	"command, timeout_ms, kill_grace_ms, working_directory, umask, run_as, cpu_limit_s, memory_limit, open_files, environment"
extern void order_read(RunOrder *order, PGresult *result, int row, int column);

/*
 * That of the agent, but for its password, with what marks its commands; then what is added, names and values in turn up to a NULL name, where a NULL
 * value adds nothing; then what the options say.
 */
extern char **environment_make(const char *const *added, const char *options);
extern void environment_free(char **environment);

/* ---------------------------------------------------------------- unit.c */

typedef enum UnitStage
{
	UNIT_QUEUED,				/* claimed, and waits for a slot */
	UNIT_RUNNING,
	UNIT_ENDED,					/* to be reported */
} UnitStage;

typedef struct Unit
{
	struct Unit *next;
	int64_t		id;
	int			attempt;
	UnitStage	stage;
	bool		is_lost;		/* somebody else's now: stopped, and nothing is reported */
	bool		is_to_release;	/* given back, not reported: it was not begun, or the agent was told to end at once */
	bool		is_in_exchange;
	char	   *label;			/* process and timeperiod, for messages */
	struct Claim *claim;		/* where its strings live */
	RunOrder	order;
	char	  **environment;
	Run			run;
	Output		output;
	int64_t		ended;			/* clock_steady() */
	char		state[12];		/* when it has ended: for agent_report */
	char	   *error;
} Unit;

/* one process for each database that wants one */
typedef struct Agent
{
	const char *box;
	int			slots;
	const char *users;			/* comma-separated: to whom the agent may switch; NULL: nobody */
	bool		is_verbose;
	char		instance[33];
	char	   *database;		/* marks the processes of this database; known from the first connection on */
	int64_t		timeout;		/* synergy.agent_timeout, microseconds */
	int			shutdown;		/* 1: drains; 2: ends at once */
} Agent;

extern Agent agent;

#define agent_say(...) (agent.is_verbose ? client_say(__VA_ARGS__) : (void) 0)

/* the columns of agent_claim that it reads, in this order */
#define CLAIM_COLUMNS \
	"unit_of_work_id, attempt, process_name, entry_name, timeperiod, start_timeperiod, end_timeperiod, " \
	"to_char(start_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), " \
	"to_char(end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), " \
	"start_id, end_id, number_of_retries, arguments, source, sink, log_lines, " ORDER_COLUMNS
extern void units_take(PGresult *claim);	/* becomes the owner */
extern void units_start(void);	/* as slots are free */
extern Unit *units_first(void);
extern int	units_running(void);
extern int	units_queued(void);
extern int	units_held(void);
extern int	units_to_claim(void);	/* how many more it could do with */
extern void units_lose(int64_t id, int attempt);	/* attempt 0: whichever */
extern void units_stop_all(bool at_once);	/* not begun: given back; at_once: those at work, too */
extern void unit_read(Unit *unit, int stream);
extern void unit_control(Unit *unit);
extern void unit_forget(Unit *unit);	/* reported, or nobody's business any more */
extern bool unit_is_reportable(const Unit *unit, uint64_t lines_sent);
extern void units_exchange_took(int64_t microseconds);

/* ---------------------------------------------------------------- daemon.c */

typedef enum DaemonState
{
	DAEMON_RUNNING,
	DAEMON_BACKING_OFF,
	DAEMON_STOPPING,
	DAEMON_STOPPED,
} DaemonState;

typedef struct Daemon
{
	struct Daemon *next;
	char	   *name;
	PGresult   *wanted;			/* its row alone, where its strings live */
	DaemonState state;
	bool		is_wanted;
	bool		is_changed;		/* to be reported */
	RunOrder	order;
	char	  **environment;
	int64_t		min_backoff,
				max_backoff,
				backoff,
				next_start;
	int			starts,
				exits;			/* since the last report */
	char		last_exit[64];
	Run			run;
	Text		line;			/* of its output, which goes to the agent's */
} Daemon;

#define DAEMON_COLUMNS "process_name, min_backoff_ms, max_backoff_ms, " ORDER_COLUMNS
extern void daemons_take(PGresult *wanted); /* becomes the owner */
extern void daemons_work(void); /* starts those whose time has come */
extern Daemon *daemons_first(void);
extern void daemons_stop_all(void);
extern int	daemons_alive(void);
extern int64_t daemons_next(void);
extern void daemon_read(Daemon *daemon, int stream);
extern void daemon_control(Daemon *daemon);
extern bool daemons_have_news(void);

/* ---------------------------------------------------------------- link.c, exchange.c */

extern void link_begin(const char *conninfo);
extern int	link_socket(void);	/* -1: none */
extern short link_events(void);
extern void link_advance(short revents);	/* whatever can be done without waiting */
extern int64_t link_next(void);
extern bool link_is_idle(void); /* no exchange is under way */
extern void link_end(void);
extern PGconn *link_connection(void);
extern bool link_was_refused(void);	/* another agent has the box, or there is no right to it: ends the agent */

/* what link.c calls */
extern bool exchange_begin(bool is_first);	/* false: there is nothing to say */
extern void exchange_answer(PGresult *result);	/* takes it over; one for each statement, in order */
extern void exchange_done(void);	/* committed */
extern void exchange_failed(const char *sqlstate);	/* refused as a whole; nothing of it holds */
extern void exchange_lost(void);	/* nobody knows whether it holds */
extern void exchange_notice(const char *channel, const char *payload);
extern int64_t exchange_next(void); /* when there is something to say; NEVER */

#endif							/* SYNERGY_AGENT_H */
