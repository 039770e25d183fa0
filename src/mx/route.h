/*
 * mx/route.h: which request is for whom.
 */
#ifndef SYNERGY_MX_ROUTE_H
#define SYNERGY_MX_ROUTE_H

#include "mx/api.h"
#include "mx/http.h"

/* the whole request is there */
extern enum MHD_Result route_request(Request *request);

/* answers with the document of the request's session */
extern enum MHD_Result route_session_document(Request *request);

/* does the request come from a page of ours, as far as the browser says? */
extern bool route_is_same_origin(const Request *request);

/* does the client want JSON rather than pages? */
extern bool route_wants_json(const Request *request);

extern const char *route_cookie_name(void);

#endif							/* SYNERGY_MX_ROUTE_H */
