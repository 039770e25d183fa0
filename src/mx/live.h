/*
 * mx/live.h: who watches is told what changes.
 */
#ifndef SYNERGY_MX_LIVE_H
#define SYNERGY_MX_LIVE_H

#include <poll.h>

#include "mx/http.h"

/* GET /api/v1/live: server-sent events */
extern enum MHD_Result live_begin_stream(Request *request);

/* are changes told? else pages have to ask now and then */
extern bool live_is_on(void);

/* is there a connection to the database? */
extern bool live_is_connected(void);

/* the client is gone */
extern void live_forget(Request *request);

/* for the loop: the one connection that listens */
extern int	live_poll(struct pollfd *fd);
extern int64_t live_wake_at(void);
extern void live_run(int revents, int64_t now);
extern void live_begin(void);
extern void live_end(void);

#endif							/* SYNERGY_MX_LIVE_H */
