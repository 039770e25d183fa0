/*
 * amqp/link.h: one connection to a RabbitMQ broker, as the courier sees it.
 *
 * Behind it is librabbitmq, and nothing of PostgreSQL: no palloc, no ereport, no latch.  It is a module of its own
 * (synergy_amqp), loaded by couriers only, so that a server without RabbitMQ needs no librabbitmq; the courier gets
 * its functions as a table (AmqpFunctions).
 *
 * Nothing here is deaf for longer than a moment, whatever the broker does:
 *
 *	 connect_step(), declare_*(), bind(), consume()	wait for one answer of the broker, for address.patience_ms at most, and
 *						call address.go_on() every few moments meanwhile
 *	 next_event()		takes what has arrived, and never waits
 *	 publish(), ack()	only write into the socket's buffer.  librabbitmq would wait for ever, and be deaf to signals, if
 *						that were full, and so do we, for a moment.  So publish() must not be called when room() says
 *						that the message might not fit.  What was published is sent by the next push(), or earlier
 *
 * After a function has failed, error() says why, and the link is good for nothing but destroy().  Exceptions are the
 * declaring ones: what the broker refuses there (AMQP_REFUSED) does not harm the link.
 */
#ifndef SYNERGY_AMQP_LINK_H
#define SYNERGY_AMQP_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMQP_PATIENCE_MS 700	/* with a broker that has not been slow so far */
#define AMQP_MAX_PATIENCE_MS 30000
#define AMQP_HEARTBEAT_SECONDS 10	/* both sides; next_event() must be called at least twice as often */
#define AMQP_MAX_BODY 65536			/* of a message that arrives, what is longer is cut off */
#define AMQP_ERROR_SIZE 256
#define AMQP_STREAMS 4				/* channels for what is published, at most: the first ones */
#define AMQP_APART 16				/* and those behind them for messages that must not hold up others */
#define AMQP_CHANNELS (AMQP_STREAMS + AMQP_APART)

typedef struct AmqpLink AmqpLink;

/* where to, and how to prove who is there.  The texts must live as long as the link. */
typedef struct AmqpAddress
{
	const char *uri;			/* amqp[s]://user:password@host:port/vhost */
	const char *password;		/* instead of the one in uri, or NULL */
	const char *name;			/* of the connection, for people who look at the broker */
	const char *ca_file;		/* TLS: certificates to trust, PEM */
	const char *cert_file;		/* TLS: our own certificate and its key, or NULL */
	const char *key_file;
	bool		verify_peer;	/* TLS: is the certificate signed by one of ca_file? */
	bool		verify_host;	/* TLS: and is it the host's? */
	bool		confirms;		/* the broker is to confirm what is published */
	int			channels;		/* that are to be open from the beginning, 1 to AMQP_CHANNELS */
	int			patience_ms;	/* with each answer */
	bool		(*go_on) (void);	/* false: not to wait any longer.  May also exit(); destroy() is then called from there */
} AmqpAddress;

typedef enum AmqpResult
{
	AMQP_OK,
	AMQP_AGAIN,					/* connect_step(): go on with the next step */
	AMQP_WAIT,					/* connect_step(): go on in a moment */
	AMQP_REFUSED,				/* the broker does not allow it */
	AMQP_FAILED,				/* the link is broken */
} AmqpResult;

typedef enum AmqpEventKind
{
	AMQP_EVENT_ACK,				/* the broker has taken over `tag`, or with `multiple` all up to it */
	AMQP_EVENT_NACK,			/* it could not */
	AMQP_EVENT_RETURNED,		/* no queue for the message with message_id; its ACK follows */
	AMQP_EVENT_DELIVERY,		/* a message of the queue that is consumed */
	AMQP_EVENT_BLOCKED,			/* the broker reads no more (memory, disk): publish nothing */
	AMQP_EVENT_UNBLOCKED,
	AMQP_EVENT_CANCELED,		/* the queue that was consumed is gone */
	AMQP_EVENT_CHANNEL_CLOSED,	/* what was published and not confirmed is lost, and so are deliveries */
} AmqpEventKind;

typedef struct AmqpEvent
{
	AmqpEventKind kind;
	int			channel;		/* below AMQP_CHANNELS: tags and the like are its own */
	uint64_t	tag;
	bool		multiple;
	char		text[AMQP_ERROR_SIZE];	/* why: returned, blocked, closed */
	char		message_id[AMQP_ERROR_SIZE];
	/* DELIVERY: valid until the next call */
	const char *body;
	size_t		size;			/* of what is kept */
	uint64_t	full_size;		/* of the message */
} AmqpEvent;

typedef struct AmqpMessage
{
	const char *exchange;
	const char *routing_key;
	const char *body;
	size_t		size;
	const char *message_id;
	const char *type;			/* or NULL */
	const char *reply_to;		/* or NULL */
	const char *reason;			/* or NULL; header x-synergy-reason */
	int			priority;		/* below 0: none */
	int64_t		ttl_ms;			/* below 0: for ever */
	bool		mandatory;
} AmqpMessage;

typedef struct AmqpFunctions
{
	int			version;		/* AMQP_FUNCTIONS_VERSION of the one who filled it in */
	AmqpLink   *(*create) (const AmqpAddress *address);
	AmqpResult (*connect_step) (AmqpLink *link);	/* again, while it says AMQP_AGAIN or AMQP_WAIT */
	void		(*destroy) (AmqpLink *link, bool orderly);	/* orderly: says good-bye */
	const char *(*error) (AmqpLink *link);
	bool		(*timed_out) (AmqpLink *link);	/* was it the patience that was at its end? */
	int			(*channels) (AmqpLink *link);	/* so many are open, once it is connected */
	int			(*most_channels) (AmqpLink *link);	/* that the broker allows over it, and we know; 1 to AMQP_CHANNELS */
	int			(*socket) (AmqpLink *link); /* to wait for */
	void		(*beat) (AmqpLink *link);	/* a sign of life, when next_event() is not called for a while */

	AmqpResult (*next_event) (AmqpLink *link, AmqpEvent *event);	/* AMQP_OK: event; AMQP_AGAIN: nothing now */
	size_t		(*room) (AmqpLink *link);	/* bytes that can be written without waiting */
	AmqpResult (*publish) (AmqpLink *link, const AmqpMessage *message, int channel);	/* its tags count 1, 2, 3... */
	AmqpResult (*push) (AmqpLink *link);	/* all that was published is on its way from now on */
	AmqpResult (*open_apart) (AmqpLink *link, int channel); /* before the first message on one apart; asks the broker */
	AmqpResult (*ack) (AmqpLink *link, uint64_t tag);

	AmqpResult (*declare_exchange) (AmqpLink *link, const char *name, bool passive);
	AmqpResult (*declare_queue) (AmqpLink *link, const char *name, const char *type, int max_priority);
	AmqpResult (*bind) (AmqpLink *link, const char *queue, const char *exchange, const char *routing_key);
	AmqpResult (*consume) (AmqpLink *link, const char *queue, int prefetch);
} AmqpFunctions;

#define AMQP_FUNCTIONS_VERSION 4

extern const AmqpFunctions amqp_link_functions;

#endif							/* SYNERGY_AMQP_LINK_H */
