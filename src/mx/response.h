/*
 * mx/response.h: what is answered, with the headers that all answers have.
 */
#ifndef SYNERGY_MX_RESPONSE_H
#define SYNERGY_MX_RESPONSE_H

#include <microhttpd.h>

#include "mx/database.h"
#include "mx/http.h"

/* the text is copied */
extern struct MHD_Response *response_text(const char *type, const char *text);
extern struct MHD_Response *response_json(const char *text);

/* any of the last four may be NULL */
extern struct MHD_Response *response_error(int status, const char *sqlstate, const char *message, const char *detail, const char *hint);
extern struct MHD_Response *response_outcome(const Outcome *outcome);

/* an error of ours, at once */
extern enum MHD_Result response_refuse(Request *request, int status, const char *message);

extern struct MHD_Response *response_redirect(const char *path);

/* the headers of all answers; those made here have them */
extern void response_protect(struct MHD_Response *response, const char *type, const char *caching);

#endif							/* SYNERGY_MX_RESPONSE_H */
