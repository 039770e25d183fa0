/*
 * amqp/private.h: what the files of the module share.
 */
#ifndef SYNERGY_AMQP_PRIVATE_H
#define SYNERGY_AMQP_PRIVATE_H

/* librabbitmq 0.12 moved its headers */
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

#include "amqp/link.h"

typedef struct Errand Errand;

#define CHANNEL_WORK 1			/* publishing, or consuming */
#define CHANNEL_ADMIN 2			/* declaring: an exception closes it, and only it */
#define SEND_BUFFER 524288		/* bytes */
#define AMQP_GATHERED 65536		/* bytes */

typedef enum ConnectStage
{
	STAGE_LOOK_UP,				/* the name of the host */
	STAGE_OPEN,					/* TCP, TLS */
	STAGE_LOGIN,
	STAGE_WORK,
	STAGE_CONFIRM,
	STAGE_CHANNELS,
	STAGE_ADMIN,
	STAGE_DONE,
} ConnectStage;

/* lookup.c */
struct Lookup;
typedef enum LookupState
{
	LOOKUP_PENDING,
	LOOKUP_FOUND,
	LOOKUP_FAILED,
} LookupState;

extern bool lookup_begin(struct Lookup **lookup, const char *host);	/* false: not possible here */
extern LookupState lookup_poll(struct Lookup *lookup);
extern void lookup_end(struct Lookup *lookup);

/* a message that arrives in parts: method, header, bodies */
typedef struct Arriving
{
	bool		is_going_on;
	bool		has_header;
	AmqpEventKind kind;			/* DELIVERY or RETURNED */
	uint64_t	tag;
	uint64_t	full_size;
	uint64_t	received;
	char		text[AMQP_ERROR_SIZE];
	char		message_id[AMQP_ERROR_SIZE];
} Arriving;

struct AmqpLink
{
	AmqpAddress address;
	char	   *uri;				/* taken to pieces in place */
	amqp_connection_state_t connection;
	ConnectStage stage;
	struct Lookup *lookup;
	bool		is_up;				/* logged in: can be closed in an orderly way */
	bool		is_broken;
	bool		timed_out;		/* that was why */
	int			n_channels;		/* open for what is published */
	bool		is_tls;
	bool		is_held;		/* packets are filled before they are sent */
	Errand	   *errand;			/* a thread that is asking the broker: nobody else may touch the connection */
	char		error[AMQP_ERROR_SIZE];
	Arriving	arriving[AMQP_CHANNELS];	/* by the channel, as the courier counts: frames of several may be mixed */
	char		body[AMQP_MAX_BODY];
	size_t		n_gathered;
	unsigned char gathered[AMQP_GATHERED];	/* frames to be written, write.c */
};

/* the link is broken: says why, in the words of librabbitmq or of the broker */
extern AmqpResult link_fail(AmqpLink *link, const char *what, int status);
extern AmqpResult link_fail_reply(AmqpLink *link, const char *what, amqp_rpc_reply_t reply);
extern void describe_exception(char *text, size_t size, amqp_rpc_reply_t reply);

/* errand.c: ask(link, arguments) in a thread of its own, while address.go_on is called now and then */
typedef struct AskArguments
{
	const char *name;
	bool		passive;
	const char *type;
	int			number;			/* of priorities, of messages to be sent in advance, or a channel's */
	const char *exchange;
	const char *routing_key;
} AskArguments;

typedef AmqpResult (*AskFunction) (AmqpLink *link, const AskArguments *arguments);

extern AmqpResult errand_run(AmqpLink *link, AskFunction ask, const AskArguments *arguments);
extern bool errand_abort(AmqpLink *link);	/* false: the thread does not end, and keeps the link */

extern int	link_socket(AmqpLink *link);
extern int	link_most_channels(AmqpLink *link);

/* the broker's number of a channel that the courier counts from 0 on: the one for declaring is between the first two */
static inline int
channel_number(int channel)
{
	return channel == 0 ? CHANNEL_WORK : CHANNEL_ADMIN + channel;
}

/* and back; 0, too, for what is none of them */
static inline int
channel_of(int number)
{
	return number > CHANNEL_ADMIN && number <= channel_number(AMQP_CHANNELS - 1) ? number - CHANNEL_ADMIN : 0;
}

/* write.c: link_push() before anything else writes to the connection */
extern size_t link_room(AmqpLink *link);
extern AmqpResult link_publish(AmqpLink *link, const AmqpMessage *message, int channel);
extern AmqpResult link_push(AmqpLink *link);

extern struct timeval link_patience(const AmqpLink *link);
extern AmqpResult link_connect_step(AmqpLink *link);
extern AmqpResult link_next_event(AmqpLink *link, AmqpEvent *event);

extern AmqpResult link_declare_exchange(AmqpLink *link, const char *name, bool passive);
extern AmqpResult link_declare_queue(AmqpLink *link, const char *name, const char *type, int max_priority);
extern AmqpResult link_bind(AmqpLink *link, const char *queue, const char *exchange, const char *routing_key);
extern AmqpResult link_open_apart(AmqpLink *link, int channel);
extern AmqpResult link_consume(AmqpLink *link, const char *queue, int prefetch);

#endif							/* SYNERGY_AMQP_PRIVATE_H */
