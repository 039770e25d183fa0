/*
 * mx/login.h: logging in and out.
 */
#ifndef SYNERGY_MX_LOGIN_H
#define SYNERGY_MX_LOGIN_H

#include "mx/http.h"

extern enum MHD_Result login_answer_page(Request *request);
extern enum MHD_Result login_try(Request *request);
extern enum MHD_Result login_end_session(Request *request);

/* to the page for it, and back to where the request was for */
extern enum MHD_Result login_send_there(Request *request);

/* the client is gone */
extern void login_forget(Request *request);
extern void login_end(void);

#endif							/* SYNERGY_MX_LOGIN_H */
