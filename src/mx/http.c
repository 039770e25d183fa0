/*
 * mx/http.c: requests, from the first byte to the last of the answer.
 *
 * libmicrohttpd parses; here is what it leaves to its user: how much and how long.  A client has a deadline for whatever it
 * is doing: sending a request, sending its body, taking the answer; one that is late is hung up on, however steadily it
 * drips.  Only a client whose request we work on, or who watches live and has taken all there is, has none.
 *
 * A request is made when its first line is there and freed when the answer is out or the client is gone; whoever holds one
 * while it is suspended (answer.c, login.c, live.c) is told of that through its _forget function.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/process.h"
#include "mx/answer.h"
#include "mx/http.h"
#include "mx/live.h"
#include "mx/login.h"
#include "mx/mx.h"
#include "mx/response.h"
#include "mx/route.h"

#define WAIT_FOR_REQUEST (30 * SECONDS)
#define WAIT_FOR_BODY (20 * SECONDS)
#define WAIT_FOR_TAKING (60 * SECONDS)

struct Client
{
	Client	   *next,
			  **place;			/* where the list points here */
	int			fd;
	int64_t		deadline;		/* 0: none */
	Request    *request;		/* that it is at */
};

static struct MHD_Daemon *daemon_handle;
static bool is_ending;			/* nothing may be suspended any more */
static Client *clients;

/* ---------------------------------------------------------------- clients */

void
http_set_deadline(Client *client, int64_t at)
{
	if (client)
		client->deadline = at;
}

static void
end_request(Request *request)
{
	if (request->client)
		request->client->request = NULL;
	if (request->answer)
		answer_forget(request);
	if (request->stream)
		live_forget(request);
	if (request->login)
		login_forget(request);
	if (request->response)
		MHD_destroy_response(request->response);
	if (request->session)
		session_release(request->session);
	if (request->body)
		explicit_bzero(request->body, request->body_size);	/* it may be a login */
	free(request->body);
	free(request->new_cookie);
	uri_free(&request->uri);
	free(request);
}

static void
on_client(void *unused, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	Client	   *client = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		client = client_alloc(sizeof(Client));
		client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		client->deadline = mx_now() + WAIT_FOR_REQUEST;
		client->next = clients;
		client->place = &clients;
		if (clients)
			clients->place = &client->next;
		clients = client;
		*context = client;
	}
	else if (client)
	{
		/* there are requests that libmicrohttpd has begun and tells no end of: 0.9.75 does so when cookies are too many */
		if (client->request)
			end_request(client->request);
		*client->place = client->next;
		if (client->next)
			client->next->place = client->place;
		free(client);
		*context = NULL;
	}
}

/* libmicrohttpd notices that the socket has ended */
static void
hang_up_on_the_late(int64_t now)
{
	for (Client *client = clients; client; client = client->next)
		if (client->deadline && now >= client->deadline)
		{
			shutdown(client->fd, SHUT_RDWR);
			client->deadline = 0;
		}
}

const char *
http_address(const Request *request, char *buffer, size_t size)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;

	*buffer = '\0';
	if (address && getnameinfo(address, address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
							   buffer, (socklen_t) size, NULL, 0, NI_NUMERICHOST) != 0)
		*buffer = '\0';
	return buffer;
}

/* ---------------------------------------------------------------- requests */

const char *
http_header(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

enum MHD_Result
http_answer_shared(Request *request, int status, struct MHD_Response *response)
{
	if (response == NULL)
		return MHD_NO;
	http_set_deadline(request->client, mx_now() + WAIT_FOR_TAKING);
	return MHD_queue_response(request->connection, (unsigned int) status, response);
}

enum MHD_Result
http_answer(Request *request, int status, struct MHD_Response *response)
{
	enum MHD_Result result = http_answer_shared(request, status, response);

	if (response)
		MHD_destroy_response(response);
	return result;
}

enum MHD_Result
http_suspend(Request *request)
{
	http_set_deadline(request->client, 0);
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}

void
http_resume(Request *request)
{
	request->is_resumed = true;
	MHD_resume_connection(request->connection);
}

void
http_resume_with(Request *request, int status, struct MHD_Response *response)
{
	request->status = status;
	request->response = response;
	http_resume(request);
}

static void *
on_first_line(void *unused, const char *uri, struct MHD_Connection *connection)
{
	Request    *request = client_alloc(sizeof(Request));
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	request->connection = connection;
	request->client = info ? info->socket_context : NULL;
	if (request->client)
		request->client->request = request;
	request->is_well_formed = uri_parse(&request->uri, uri);
	http_set_deadline(request->client, mx_now() + WAIT_FOR_BODY);
	return request;
}

static void
on_end(void *unused, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
	Request    *request = *context;

	*context = NULL;
	if (request == NULL)
		return;
	http_set_deadline(request->client, mx_now() + WAIT_FOR_REQUEST);
	end_request(request);
}

static bool
add_to_body(Request *request, const char *data, size_t size)
{
	if (request->body_size + size > HTTP_MAX_BODY)
		return false;
	request->body = client_realloc(request->body, request->body_size + size + 1);
	memcpy(request->body + request->body_size, data, size);
	request->body_size += size;
	request->body[request->body_size] = '\0';
	return true;
}

static enum MHD_Result
count_lengths(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	int		   *n = arg;

	*n += strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
	return MHD_YES;
}

/* a length said twice, or in two ways, may be read otherwise by a proxy: what follows would be another's request */
static bool
is_length_clear(const Request *request)
{
	const char *encoding = http_header(request, "Transfer-Encoding");
	int			n = 0;

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_lengths, &n);
	return n <= 1 && (encoding == NULL || strcasecmp(encoding, "chunked") == 0);
}

static enum MHD_Result
refuse_and_close(Request *request, int status, const char *message)
{
	struct MHD_Response *response = response_error(status, NULL, message, NULL, NULL);

	if (response)
		MHD_add_response_header(response, "Connection", "close");
	return http_answer(request, status, response);
}

/* what can be said from the headers alone; answers, or lets the body come */
static enum MHD_Result
begin(Request *request)
{
	const char *length = http_header(request, "Content-Length");

	request->has_begun = true;
	if (is_ending)
		return refuse_and_close(request, 503, "the console is shutting down");
	if (!is_length_clear(request))
		return refuse_and_close(request, 400, "the length of the body is said twice, or in an unknown way");
	if (!request->is_well_formed)
		return response_refuse(request, 400, "the address is not well-formed");
	if (length && strtoull(length, NULL, 10) > HTTP_MAX_BODY)
		return response_refuse(request, 413, "the body is too large");
	return MHD_YES;
}

static enum MHD_Result
on_request(void *unused, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
		   const char *data, size_t *size, void **context)
{
	Request    *request = *context;
	struct MHD_Response *response;

	request->method = method;
	if (!request->has_begun)
		return begin(request);
	if (*size > 0)
	{
		if (!add_to_body(request, data, *size))
			return MHD_NO;		/* more than it had said, or endless */
		*size = 0;
		return MHD_YES;
	}
	if (is_ending && !request->answer && !request->response)
		return refuse_and_close(request, 503, "the console is shutting down");
	if (!request->is_resumed)
		return route_request(request);
	request->is_resumed = false;	/* it may have to wait for more */
	if (request->answer)
		return answer_give(request);
	if (request->new_cookie)
		return route_session_document(request);
	response = request->response;
	request->response = NULL;
	return http_answer(request, request->status, response);
}

/* ---------------------------------------------------------------- the daemon */

static size_t
leave_escaped(void *unused, struct MHD_Connection *connection, char *text)
{
	return strlen(text);		/* uri.c does it, behind the slashes */
}

static void on_log(void *unused, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

static void
on_log(void *unused, const char *format, va_list arguments)
{
	char	   *text = NULL;

	if (client_verbose && vasprintf(&text, format, arguments) >= 0)
	{
		text[strcspn(text, "\n")] = '\0';
		mx_say("%s", text);
		free(text);
	}
}

/* our own, since libmicrohttpd does not tell why it could not; -1, and errno says why */
static int
open_socket(const struct addrinfo *address)
{
	int			fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int			on = 1;
	int			saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(address->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
		bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* the socket is taken over */
static bool
start(int fd, bool is_ipv6)
{
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, mx.certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, mx.key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
		{MHD_OPTION_END, 0, NULL}
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_TURBO;

	if (mx.certificate)
		flags |= MHD_USE_TLS;
	if (is_ipv6)
		flags |= MHD_USE_IPv6;
	daemon_handle = MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL,
									 MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
									 MHD_OPTION_LISTEN_SOCKET, (MHD_socket) fd,
									 MHD_OPTION_CONNECTION_LIMIT, (unsigned int) HTTP_MAX_CLIENTS,
									 MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int) HTTP_MAX_CLIENTS_OF_ADDRESS,
									 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 32768,
									 MHD_OPTION_STRICT_FOR_CLIENT, 1,
									 MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
									 MHD_OPTION_URI_LOG_CALLBACK, on_first_line, NULL,
									 MHD_OPTION_NOTIFY_CONNECTION, on_client, NULL,
									 MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
									 MHD_OPTION_ARRAY, mx.certificate ? tls : none,
									 MHD_OPTION_END);
	return daemon_handle != NULL;
}

bool
http_begin(void)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses;
	int			error = getaddrinfo(mx.listen_host, mx.listen_port, &hints, &addresses);
	int			fd;

	if (error != 0)
	{
		client_complain_hint("Write HOST:PORT of this machine; [::1]:8080 for IPv6, :8080 for every address.",
							 "\"%s:%s\" is no address to listen on: %s", mx.listen_host ? mx.listen_host : "*", mx.listen_port, gai_strerror(error));
		return false;
	}
	process_raise_descriptors(HTTP_MAX_CLIENTS + DATABASE_MAX_FDS + 64);
	fd = open_socket(addresses);
	if (fd < 0)
		client_complain_hint(errno == EADDRINUSE ? "Another program listens there: choose another port with --listen HOST:PORT." :
							 "Choose another address with --listen HOST:PORT; ports below 1024 need rights of their own.",
							 "cannot listen on %s:%s: %s", mx.listen_host ? mx.listen_host : "*", mx.listen_port, strerror(errno));
	else if (!start(fd, addresses->ai_family == AF_INET6))
		client_complain("cannot begin to listen%s", mx.certificate ? ": the certificate and the key do not fit" : "");
	freeaddrinfo(addresses);
	return daemon_handle != NULL;
}

int
http_fd(void)
{
	return MHD_get_daemon_info(daemon_handle, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int64_t
http_wake_at(void)
{
	MHD_UNSIGNED_LONG_LONG timeout;
	int64_t		at = INT64_MAX;

	if (MHD_get_timeout(daemon_handle, &timeout) == MHD_YES)
		at = mx_now() + (int64_t) timeout;
	for (const Client *client = clients; client; client = client->next)
		if (client->deadline && client->deadline < at)
			at = client->deadline;
	return at;
}

void
http_run(int64_t now)
{
	hang_up_on_the_late(now);
	MHD_run(daemon_handle);
}

/* those that wait must not be suspended when it stops */
void
http_end(void)
{
	if (daemon_handle == NULL)
		return;
	is_ending = true;
	answer_end();
	login_end();
	live_end();
	MHD_run(daemon_handle);
	MHD_stop_daemon(daemon_handle);
	daemon_handle = NULL;
}
