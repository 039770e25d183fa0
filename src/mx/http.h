/*
 * mx/http.h: requests, from the first byte to the last of the answer.
 */
#ifndef SYNERGY_MX_HTTP_H
#define SYNERGY_MX_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "mx/session.h"
#include "mx/uri.h"

#define HTTP_MAX_BODY 65536
#define HTTP_MAX_CLIENTS 1000
#define HTTP_MAX_CLIENTS_OF_ADDRESS 500

typedef struct Client Client;
typedef struct Answer Answer;
typedef struct Stream Stream;

typedef struct Request
{
	struct MHD_Connection *connection;
	Client	   *client;
	const char *method;
	Uri			uri;
	bool		is_well_formed;
	bool		has_begun;
	char	   *body;			/* with a zero byte after it */
	size_t		body_size;
	Session    *session;		/* NULL: nobody has logged in */
	char	   *new_cookie;		/* this request has: then it is answered with the session's document */

	/* while it is suspended: what it waits for */
	Answer	   *answer;
	struct Request *next;		/* of those that wait for the same */
	Stream	   *stream;
	void	   *login;
	/* and then: what it is answered, if not with the shared answer */
	bool		is_resumed;
	struct MHD_Response *response;
	int			status;
} Request;

/* false after having complained */
extern bool http_begin(void);
extern void http_end(void);

/* for the loop */
extern int	http_fd(void);
extern int64_t http_wake_at(void);
extern void http_run(int64_t now);

/* takes the response over; or leaves it to who shares it */
extern enum MHD_Result http_answer(Request *request, int status, struct MHD_Response *response);
extern enum MHD_Result http_answer_shared(Request *request, int status, struct MHD_Response *response);

/* the answer comes later: request->answer, or a response that is taken over */
extern enum MHD_Result http_suspend(Request *request);
extern void http_resume(Request *request);
extern void http_resume_with(Request *request, int status, struct MHD_Response *response);

extern const char *http_header(const Request *request, const char *name);

/* of the other side, as text */
extern const char *http_address(const Request *request, char *buffer, size_t size);

/* the other side has that long to take what was sent; 0: for ever */
extern void http_set_deadline(Client *client, int64_t at);

#endif							/* SYNERGY_MX_HTTP_H */
