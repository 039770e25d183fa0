/*
 * amqp/write.c: messages on their way into the socket.
 *
 * librabbitmq writes each message by itself, in three calls of the system, which cost more than all else about it, and the broker
 * gets packets that are hardly filled.  So over plain TCP the frames of many messages are gathered here, as librabbitmq encodes
 * them, and written at once.  What it writes by itself (questions, acknowledgements, heartbeats, and all over TLS, where only it can
 * write) must find the gathered ones written: whoever lets it write has called link_push() before.
 *
 * Invariant: a frame is written whole, or the link is broken.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "amqp/private.h"

#define FRAME_HEAD 7			/* type, channel, size */
#define FRAME_OVERHEAD (FRAME_HEAD + 1)	/* and the octet at its end */
#define METHOD_HEAD 4			/* the method's number */
#define CONTENT_HEAD 12			/* class, weight, size of the body */
#define MESSAGE_HEAD 2048		/* the two frames before the body are surely shorter, but for the reason */
#define EXPIRATION_SIZE 32

/* ---------------------------------------------------------------- how much fits */

/*
 * The kernel counts a buffer's size with its own overhead, which for small packets is as large as they are: half of
 * what it says is ours, and of that we leave half for what librabbitmq sends by itself.
 */
size_t
link_room(AmqpLink *link)
{
	int			fd = link_socket(link);
	int			size = 0;
	int			unsent = 0;
	socklen_t	length = sizeof(size);
	size_t		taken;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0)
		return 0;
#ifdef SIOCOUTQ
	if (ioctl(fd, SIOCOUTQ, &unsent) != 0)
		return 0;
#endif
	taken = unsent + link->n_gathered;
	return (size_t) size / 4 > taken ? size / 4 - taken : 0;
}

/* ---------------------------------------------------------------- gathered */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* there was room for it, so that it does not wait; and if there is none after all, for a moment only */
static void
write_gathered(AmqpLink *link)
{
	struct pollfd ready = {link_socket(link), POLLOUT, 0};
	int64_t		until = 0;
	size_t		done = 0;

	while (done < link->n_gathered && !link->is_broken)
	{
		ssize_t		written = send(ready.fd, link->gathered + done, link->n_gathered - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (written > 0)
			done += written;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
		{
			until = until ? until : now_ms() + AMQP_PATIENCE_MS;
			if (now_ms() >= until)
				(void) link_fail(link, "the broker stopped reading", AMQP_STATUS_SOCKET_ERROR);
			(void) poll(&ready, 1, 50);
		}
		else if (errno != EINTR)
			(void) link_fail(link, "publishing", AMQP_STATUS_SOCKET_ERROR);
	}
	link->n_gathered = 0;
}

static unsigned char *
put_number(unsigned char *out, uint64_t number, int size)
{
	for (int i = 0; i < size; i++)
		out[i] = (unsigned char) (number >> 8 * (size - 1 - i));
	return out + size;
}

/* the payload is there already, behind the room for the frame's head */
static void
end_frame(AmqpLink *link, int type, int channel, size_t size)
{
	unsigned char *out = link->gathered + link->n_gathered;

	out = put_number(out, type, 1);
	out = put_number(out, channel, 2);
	out = put_number(out, size, 4);
	out[size] = AMQP_FRAME_END;
	link->n_gathered += size + FRAME_OVERHEAD;
}

/* the payload of the frame that comes next, `used` bytes into it, as librabbitmq writes to it */
static amqp_bytes_t
rest_of_frame(AmqpLink *link, size_t used)
{
	size_t		begin = link->n_gathered + FRAME_HEAD + used;
	amqp_bytes_t rest = {sizeof(link->gathered) - begin, link->gathered + begin};

	return rest;
}

static void
gather_body(AmqpLink *link, int channel, const AmqpMessage *message)
{
	size_t		most = amqp_get_frame_max(link->connection) - FRAME_OVERHEAD;

	for (size_t done = 0; done < message->size;)
	{
		size_t		part = message->size - done < most ? message->size - done : most;

		memcpy(rest_of_frame(link, 0).bytes, message->body + done, part);
		end_frame(link, AMQP_FRAME_BODY, channel, part);
		done += part;
	}
}

/* AMQP 0-9-1, 4.2.6: method, content header, body.  A status of librabbitmq. */
static int
gather(AmqpLink *link, int channel, const AmqpMessage *message, amqp_basic_properties_t *properties)
{
	amqp_basic_publish_t method = {0};
	size_t		before = link->n_gathered;
	int			size;
	unsigned char *out;

	method.exchange = amqp_cstring_bytes(message->exchange);
	method.routing_key = amqp_cstring_bytes(message->routing_key);
	method.mandatory = message->mandatory;
	put_number(rest_of_frame(link, 0).bytes, AMQP_BASIC_PUBLISH_METHOD, METHOD_HEAD);
	size = amqp_encode_method(AMQP_BASIC_PUBLISH_METHOD, &method, rest_of_frame(link, METHOD_HEAD));
	if (size < 0)
		return size;
	end_frame(link, AMQP_FRAME_METHOD, channel, METHOD_HEAD + size);
	out = put_number(rest_of_frame(link, 0).bytes, AMQP_BASIC_CLASS, 2);
	out = put_number(out, 0, 2);
	put_number(out, message->size, 8);
	size = amqp_encode_properties(AMQP_BASIC_CLASS, properties, rest_of_frame(link, CONTENT_HEAD));
	if (size < 0)
	{
		link->n_gathered = before;
		return size;
	}
	end_frame(link, AMQP_FRAME_HEADER, channel, CONTENT_HEAD + size);
	gather_body(link, channel, message);
	return AMQP_STATUS_OK;
}

/* ---------------------------------------------------------------- publishing */

/*
 * Over TLS the connection has no delay, and each message would go in a packet by itself.  While it is held, the kernel sends full packets
 * only; what is held longer than 200 ms it sends all the same.
 */
static void
hold(AmqpLink *link, bool is_held)
{
#ifdef TCP_CORK
	int			value = is_held;

	if (link->is_held != is_held)
		(void) setsockopt(link_socket(link), IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
	link->is_held = is_held;
#endif
}

AmqpResult
link_push(AmqpLink *link)
{
	if (link->connection != NULL && link->n_gathered > 0)
		write_gathered(link);
	if (link->connection != NULL)
		hold(link, false);
	return link->is_broken ? AMQP_FAILED : AMQP_OK;
}

/* the texts of `message`, `expiration` and `reason` must outlive what is made of them here */
static void
set_properties(const AmqpMessage *message, amqp_basic_properties_t *properties, char *expiration, amqp_table_entry_t *reason)
{
	properties->_flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG;
	properties->content_type = amqp_cstring_bytes("application/json");
	properties->delivery_mode = AMQP_DELIVERY_PERSISTENT;
	properties->message_id = amqp_cstring_bytes(message->message_id);
	if (message->type)
	{
		properties->_flags |= AMQP_BASIC_TYPE_FLAG;
		properties->type = amqp_cstring_bytes(message->type);
	}
	if (message->reply_to)
	{
		properties->_flags |= AMQP_BASIC_REPLY_TO_FLAG;
		properties->reply_to = amqp_cstring_bytes(message->reply_to);
	}
	if (message->priority >= 0)
	{
		properties->_flags |= AMQP_BASIC_PRIORITY_FLAG;
		properties->priority = message->priority;
	}
	if (message->ttl_ms >= 0)
	{
		snprintf(expiration, EXPIRATION_SIZE, "%lld", (long long) message->ttl_ms);
		properties->_flags |= AMQP_BASIC_EXPIRATION_FLAG;
		properties->expiration = amqp_cstring_bytes(expiration);
	}
	if (message->reason)
	{
		reason->key = amqp_cstring_bytes("x-synergy-reason");
		reason->value.kind = AMQP_FIELD_KIND_UTF8;
		reason->value.value.bytes = amqp_cstring_bytes(message->reason);
		properties->_flags |= AMQP_BASIC_HEADERS_FLAG;
		properties->headers.num_entries = 1;
		properties->headers.entries = reason;
	}
}

/* as librabbitmq does it: what only it can write, and what is long */
static int
publish_by_itself(AmqpLink *link, int channel, const AmqpMessage *message, const amqp_basic_properties_t *properties)
{
	amqp_bytes_t body = {message->size, (void *) message->body};

	hold(link, true);
	return amqp_basic_publish(link->connection, channel, amqp_cstring_bytes(message->exchange), amqp_cstring_bytes(message->routing_key),
							  message->mandatory, 0, properties, body);
}

AmqpResult
link_publish(AmqpLink *link, const AmqpMessage *message, int channel)
{
	amqp_basic_properties_t properties = {0};
	amqp_table_entry_t reason;
	char		expiration[EXPIRATION_SIZE];
	size_t		frames = 1 + message->size / (amqp_get_frame_max(link->connection) - FRAME_OVERHEAD);
	size_t		needed = MESSAGE_HEAD + (message->reason ? strlen(message->reason) : 0) + message->size + frames * FRAME_OVERHEAD;
	int			number = channel_number(channel);
	int			status;

	set_properties(message, &properties, expiration, &reason);
	if (needed > sizeof(link->gathered) - link->n_gathered && link_push(link) != AMQP_OK)
		return AMQP_FAILED;
	if (link->is_tls || needed > sizeof(link->gathered))
		status = publish_by_itself(link, number, message, &properties);
	else
		status = gather(link, number, message, &properties);
	return status == AMQP_STATUS_OK ? AMQP_OK : link_fail(link, "publishing", status);
}
