/*
 * store/message.h: a request as a message: the JSON of a unit, and the way it goes.
 */
#ifndef SYNERGY_STORE_MESSAGE_H
#define SYNERGY_STORE_MESSAGE_H

#include "postgres.h"
#include "nodes/pg_list.h"

#include "store/outbox.h"

/*
 * Of OutboxRow *, whose process_id and what follows are known (0: not requested any more): their bodies and their routes.  A row
 * whose process is gone, or is no amqp process any more, stays void.
 */
extern void message_write(List *rows);

/* the routes of all amqp processes (synergy.amqp_route), as OutboxRows without a message */
extern List *message_routes(void);

/* in place, where nothing is to be converted */
extern char *message_to_utf8(char *text);

/* this database, as messages name it: a status that names another one is not for us */
extern const char *message_database(void);

#endif							/* SYNERGY_STORE_MESSAGE_H */
