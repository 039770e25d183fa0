/*
 * mx/page.h: the front end's files, which are part of the program (asset.h).
 */
#ifndef SYNERGY_MX_PAGE_H
#define SYNERGY_MX_PAGE_H

#include "mx/http.h"

extern bool page_has_file(const Request *request);
extern enum MHD_Result page_answer_file(Request *request);
extern enum MHD_Result page_answer_index(Request *request);

/* the page for logging in: error may be NULL; role and next are what the fields begin with */
extern struct MHD_Response *page_login(const char *error, const char *role, const char *next);

#endif							/* SYNERGY_MX_PAGE_H */
