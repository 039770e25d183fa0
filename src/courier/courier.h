/*
 * courier/courier.h: what the files of the courier share.
 *
 *	 courier.c		the process: its loop, its settings, what it shows of itself
 *	 dial.c			one connection: making it, losing it, trying again
 *	 publisher.c	outbox -> broker, with confirms
 *	 flight.c		what is on its way, and over which channel
 *	 confirms.c		what the broker says of it
 *	 topology.c		exchanges, queues and bindings, declared before they are used
 *	 listener.c		status queue -> units
 *	 status.c		reading one status message
 *	 keeper.c		in the scheduler: a courier runs where one is wanted
 */
#ifndef SYNERGY_COURIER_COURIER_H
#define SYNERGY_COURIER_COURIER_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "amqp/link.h"
#include "daemon/slots.h"
#include "store/outbox.h"
#include "store/report.h"

#define STATUS_QUEUE "q_uow_status"
#define DEAD_LETTER_QUEUE "q_uow_status_rejected"

#define COURIER_HOPELESS_DELAY (60 * USECS_PER_SEC)	/* what ended it at its start is not mended by itself */

extern const AmqpFunctions *amqp;	/* of the module synergy_amqp */

/* the settings that a connection is made of, as they were when it was begun */
typedef struct CourierSettings
{
	MemoryContext context;
	List	   *uris;			/* of char * */
	char	   *password_file;	/* or NULL; likewise below */
	char	   *ca_file;
	char	   *cert_file;
	char	   *key_file;
	int			verify;			/* AmqpVerify */
	bool		(*go_on) (void);	/* called while the broker is waited for; false: not to wait any longer */
} CourierSettings;

/* ---------------------------------------------------------------- dial.c */

typedef struct Dial
{
	const char *role;			/* publisher, listener */
	bool		confirms;
	int			channels;		/* to be open with the next connection, if the broker allows so many */
	const CourierSettings *settings;
	AmqpLink   *link;			/* NULL: none, not even begun */
	bool		is_up;
	uint32		generation;		/* counts connections: tags of another one mean nothing */
	int			next_uri;
	char		name[128];
	char		password[256];
	char		host[128];		/* that is talked to, without user and password */
	TimestampTz up_since;
	TimestampTz not_before;		/* of the next try */
	int			patience_ms;	/* with the broker's answers */
	int64		backoff;		/* 0: the next failure is the first one */
	TimestampTz failing_since;	/* 0: not */
	char		error[AMQP_ERROR_SIZE];
} Dial;

/* does one step of connecting, if it is time; true: it is up from now on */
extern bool dial_advance(Dial *dial);
extern void dial_fail(Dial *dial, const char *error);	/* NULL: what the link says */
extern void dial_hang_up(Dial *dial, bool orderly);
extern TimestampTz dial_next(const Dial *dial);	/* when dial_advance() has to do */

/* ---------------------------------------------------------------- publisher.c */

/*
 * So many messages, and so many bytes, may be unconfirmed at once: enough to keep the broker busy while rows are fetched
 * and deleted, and what is sent twice at most after a lost connection.  That writing never waits, when the broker stops
 * reading, is not up to these: nothing is written for which the socket's buffer has no room.
 */
#define PUBLISH_WINDOW 1024
#define PUBLISH_WINDOW_BYTES (1024 * 1024)

#define PUBLISH_FETCH 512
#define PUBLISH_ENOUGH_DONE 1024	/* so many deletes are not put off any longer */
#define NACK_PATIENCE (2 * USECS_PER_SEC)
#define MAX_REJECTED_BODY 8192	/* of a rejected status, what is longer is cut off */

typedef struct Rejected
{
	uint32		generation;		/* of the listener's connection */
	uint64		tag;			/* to be acknowledged there when it has been published */
	char	   *body;
	int			size;
	char	   *reason;
} Rejected;

/* what a queue makes of what is sent to it */
typedef struct Refusals
{
	TimestampTz since;			/* of every message, over this connection; 0: not so */
	bool		was_given_up;	/* a connection was, for it */
	bool		is_suspect;		/* it had not answered when a connection ended: one message at a time, until it takes one */
	bool		was_probed;		/* over this connection, and perhaps without an answer */
	TimestampTz probed_at;		/* when it got the message that is on its way; 0: none is */
	TimestampTz answered_at;	/* the last time */
} Refusals;

typedef struct InFlight
{
	int64		outbox_id;		/* 0: a rejected status */
	Rejected   *rejected;
	struct Route *route;		/* of a request */
	size_t		size;
	TimestampTz sent_at;
	bool		is_confirmed;
	bool		is_returned;
	bool		is_refused;		/* nack */
	char		message_id[48];
	char	   *error;			/* why it was returned */
} InFlight;

/* one of the channels for what is published */
typedef struct Stream
{
	uint64		first_tag;
	uint64		next_tag;
	TimestampTz answered_at;	/* the last time */
	InFlight	ring[PUBLISH_WINDOW];	/* tag first_tag is at first_tag % PUBLISH_WINDOW */
} Stream;

/* one message to a queue that is suspect, on a channel of its own: the broker may handle nothing behind it */
typedef struct Probe
{
	bool		is_open;		/* the channel is */
	bool		is_out;
	InFlight	flying;
} Probe;

typedef struct Publisher
{
	Dial		dial;
	bool		is_blocked;
	Refusals	refusals;		/* of what goes over no route: rejected statuses, events */
	TimestampTz moment_ends;	/* until which all wait for a queue that owes an answer */
	TimestampTz reading_since;	/* the broker reads what we send: neither connecting nor blocked */
	int64		nack_patience;	/* with a queue that refuses everything */
	MemoryContext batch;		/* of the rows in `rows` */
	List	   *rows;			/* of OutboxRow *: fetched */
	int			next_row;		/* those before it have been published */
	Stream		streams[AMQP_STREAMS];
	int			n_streams;		/* of them are there; behind them are the channels apart */
	int			n_apart;		/* that the broker allows */
	Probe		probes[AMQP_APART];
	int			n_flying;		/* over the streams */
	size_t		flying_bytes;
	size_t		room;			/* in the socket's buffer, at least */
	Backlog		backlog;		/* what of the outbox has been fetched */
	bool		is_partial;		/* it could not note all of that */
	bool		has_mail;		/* there may be more */
	bool		is_short_of_room;
	bool		has_lost_dead_letters;	/* the queue for rejected ones is gone */
	TimestampTz next_try;		/* of rows that could not be routed */
	TimestampTz next_look;		/* for what nobody told of */
	int64	   *done;			/* confirmed: to be deleted */
	int			n_done;
	int			n_held;			/* the first so many could not be deleted yet, because somebody holds them */
	TimestampTz held_until;
	int64	   *left;			/* likewise, within a transaction */
	int			n_left;
	TimestampTz no_database_before; /* a transaction failed */
	int64		database_backoff;
	TimestampTz rejected_not_before;
	bool		has_unread;		/* events in the library's buffers */
	int			done_capacity;
	List	   *failures;		/* of OutboxFailure * */
	List	   *rejected;		/* of Rejected *: to be published */
	List	   *settled;		/* of Rejected *: published, to be acknowledged by the listener */
	HTAB	   *routes;			/* topology.c */
	List	   *to_declare;		/* of OutboxRow *: routes of all definitions */
	MemoryContext routes_context;
	bool		new_routes;
} Publisher;

extern void publisher_init(Publisher *publisher, const CourierSettings *settings);
extern void publisher_connected(Publisher *publisher);
extern void publisher_disconnected(Publisher *publisher);
extern void publisher_write(Publisher *publisher);	/* as much as fits */
extern bool publisher_is_full(const Publisher *publisher);	/* so much is confirmed that it has to be deleted before more is read */
extern bool publisher_wants_database(const Publisher *publisher);
extern void publisher_use_database(Publisher *publisher);	/* a transaction of its own */
extern TimestampTz publisher_next(Publisher *publisher);
extern void publisher_reject(Publisher *publisher, Rejected *rejected);

/* ---------------------------------------------------------------- flight.c */

extern void flight_reset(Publisher *publisher);
extern int	flight_stream(const Publisher *publisher, bool in_order);	/* for the next message */
extern InFlight *flight_add(Publisher *publisher, int stream);
extern InFlight *flight_of(Stream *stream, uint64 tag);
extern void flight_set_error(InFlight *flying, const char *error);	/* NULL: none */
extern void flight_advance(Publisher *publisher, Stream *stream);

/* ---------------------------------------------------------------- confirms.c */

extern void publisher_read(Publisher *publisher);
extern void publisher_add_failure(Publisher *publisher, int64 id, const char *error);
extern Refusals *publisher_refusals(const Publisher *publisher, struct Route *route);
extern TimestampTz publisher_silent_until(Publisher *publisher);

/* ---------------------------------------------------------------- topology.c */

extern void topology_reset(Publisher *publisher);	/* a new connection knows nothing */
extern void topology_declare_common(Publisher *publisher);
extern void topology_declare_next(Publisher *publisher);	/* one of to_declare */

/* declares what the row needs, if that is not done yet.  The route's error says why nothing can be published on it;
 * NULL: an event needs none.  May break the link. */
typedef struct Route Route;
extern Route *topology_prepare(Publisher *publisher, const OutboxRow *row, bool *has_declared);
extern const char *topology_error(const Route *route);	/* or NULL */
extern Refusals *topology_refusals(Route *route);
extern int	topology_count_suspects(const Publisher *publisher);	/* queues, and what goes over no route */
extern void topology_forget(Route *route);	/* to be declared again before it is used */
extern void topology_refuse(Route *route, const char *why);	/* the broker closed the channel over a message: `why` is its error for a while */

/* ---------------------------------------------------------------- listener.c */

#define LISTEN_PREFETCH 500
#define MAX_REJECTED (LISTEN_PREFETCH / 2)	/* that wait for the publisher: the rest of the window is for the others */

typedef struct Delivery
{
	uint64		tag;
	char	   *body;
	int			size;
	uint64		full_size;
} Delivery;

typedef struct Listener
{
	Dial		dial;
	MemoryContext context;		/* of the deliveries */
	List	   *deliveries;		/* of Delivery *: not settled yet */
	bool		has_new;
	TimestampTz next_try;		/* of reports about busy units */
} Listener;

extern void listener_init(Listener *listener, const CourierSettings *settings);
extern void listener_connected(Listener *listener);
extern void listener_disconnected(Listener *listener);
extern void listener_read(Listener *listener);
extern bool listener_wants_database(const Listener *listener);
extern void listener_use_database(Listener *listener, Publisher *publisher);
extern void listener_settle(Listener *listener, Publisher *publisher);	/* acknowledges what was rejected */

/* ---------------------------------------------------------------- status.c */

/* reads a status message; false: it is none, report->reason says why.  In a transaction. */
extern bool status_read(const char *body, int size, Report *report);

/* ---------------------------------------------------------------- keeper.c */

/* in the scheduler's loop; when it has to be asked again, PG_INT64_MAX: when something happens */
extern TimestampTz courier_keep(DatabaseSlot *slot, bool is_wanted);
extern void courier_try_again(DatabaseSlot *slot);	/* settings were read again: one that failed is not to be waited for */

#endif							/* SYNERGY_COURIER_COURIER_H */
