/*
 * mx/answer.h: answers of the database, shared by all who ask the same as the same role.
 */
#ifndef SYNERGY_MX_ANSWER_H
#define SYNERGY_MX_ANSWER_H

#include "mx/api.h"
#include "mx/http.h"

/* answers the request, now or later, with what the endpoint's statement says of these parameters */
extern enum MHD_Result answer_request(Request *request, const ApiEndpoint *endpoint, const char *const *values);

/* the same for a session's own document, to which the token and so on are added */
extern enum MHD_Result answer_session(Request *request, const ApiEndpoint *endpoint);

/* what a statement says to the service's own role, as the text that metrics are; shared, too */
extern enum MHD_Result answer_metrics(Request *request, const char *sql);

/* what the request was suspended for is there */
extern enum MHD_Result answer_give(Request *request);

/* the client is gone */
extern void answer_forget(Request *request);

/* something has changed: what was asked for before that is not shown any more */
extern void answer_outdate(void);

extern void answer_sweep(int64_t now);
extern bool answer_are_any(void);
extern void answer_end(void);

#endif							/* SYNERGY_MX_ANSWER_H */
