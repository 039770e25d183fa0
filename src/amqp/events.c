/*
 * amqp/events.c: what the broker sends, frame by frame, put together to events.  Never waits.
 *
 * librabbitmq's own reading of a message (amqp_read_message) waits for its last part, which a half-open connection
 * never brings; so the parts are collected here.  Frames come from the broker, and are not believed: lengths are
 * bounded by our buffers.
 */
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "amqp/private.h"

static void
copy_bytes(char *out, size_t size, amqp_bytes_t bytes)
{
	size_t		length = bytes.len < size - 1 ? bytes.len : size - 1;

	/* cut off, it might be no UTF-8 any more: beyond ASCII nothing is kept */
	for (size_t i = 0; i < length; i++)
		out[i] = ((const char *) bytes.bytes)[i] & 0x80 ? '?' : ((const char *) bytes.bytes)[i];
	out[length] = '\0';
}

static void
begin_message(Arriving *arriving, AmqpEventKind kind)
{
	memset(arriving, 0, sizeof(*arriving));
	arriving->is_going_on = true;
	arriving->kind = kind;
}

/* true: the message is complete */
static bool
take_part(AmqpLink *link, const amqp_frame_t *frame, AmqpEvent *event)
{
	Arriving   *arriving = &link->arriving[event->channel];

	if (!arriving->is_going_on)
		return false;
	if (frame->frame_type == AMQP_FRAME_HEADER)
	{
		amqp_basic_properties_t *properties = frame->payload.properties.decoded;

		arriving->has_header = true;
		arriving->full_size = frame->payload.properties.body_size;
		if (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
			copy_bytes(arriving->message_id, sizeof(arriving->message_id), properties->message_id);
	}
	else if (arriving->has_header)
	{
		amqp_bytes_t part = frame->payload.body_fragment;
		uint64_t	room = arriving->received < AMQP_MAX_BODY ? AMQP_MAX_BODY - arriving->received : 0;

		if (part.len > 0 && room > 0)
			memcpy(link->body + arriving->received, part.bytes, part.len < room ? part.len : room);
		arriving->received += part.len;
	}
	if (!arriving->has_header || arriving->received < arriving->full_size)
		return false;
	arriving->is_going_on = false;
	event->kind = arriving->kind;
	event->tag = arriving->tag;
	event->body = link->body;
	event->full_size = arriving->full_size;
	event->size = arriving->full_size < AMQP_MAX_BODY ? arriving->full_size : AMQP_MAX_BODY;
	memcpy(event->text, arriving->text, sizeof(event->text));
	memcpy(event->message_id, arriving->message_id, sizeof(event->message_id));
	return true;
}

/* the broker has closed our channel: an answer is due, and it is opened anew by connecting again */
static void
take_channel_close(AmqpLink *link, const amqp_frame_t *frame, AmqpEvent *event)
{
	amqp_channel_close_t *closed = frame->payload.method.decoded;
	amqp_channel_close_ok_t ok = {0};

	event->kind = AMQP_EVENT_CHANNEL_CLOSED;
	copy_bytes(event->text, sizeof(event->text), closed->reply_text);
	amqp_send_method(link->connection, frame->channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);
}

static void
take_returned(Arriving *arriving, const amqp_basic_return_t *returned)
{
	char		reply[200];

	begin_message(arriving, AMQP_EVENT_RETURNED);
	copy_bytes(reply, sizeof(reply), returned->reply_text);
	snprintf(arriving->text, sizeof(arriving->text), "%d %s", returned->reply_code, reply);
}

/* true: the frame is an event by itself.  AMQP_FAILED is told by link->is_broken. */
static bool
take_method(AmqpLink *link, const amqp_frame_t *frame, AmqpEvent *event)
{
	void	   *decoded = frame->payload.method.decoded;
	Arriving   *arriving = &link->arriving[event->channel];
	char		text[200];

	switch (frame->payload.method.id)
	{
		case AMQP_BASIC_ACK_METHOD:
			event->kind = AMQP_EVENT_ACK;
			event->tag = ((amqp_basic_ack_t *) decoded)->delivery_tag;
			event->multiple = ((amqp_basic_ack_t *) decoded)->multiple;
			return true;
		case AMQP_BASIC_NACK_METHOD:
			event->kind = AMQP_EVENT_NACK;
			event->tag = ((amqp_basic_nack_t *) decoded)->delivery_tag;
			event->multiple = ((amqp_basic_nack_t *) decoded)->multiple;
			return true;
		case AMQP_BASIC_RETURN_METHOD:
			take_returned(arriving, decoded);
			return false;
		case AMQP_BASIC_DELIVER_METHOD:
			begin_message(arriving, AMQP_EVENT_DELIVERY);
			arriving->tag = ((amqp_basic_deliver_t *) decoded)->delivery_tag;
			return false;
		case AMQP_BASIC_CANCEL_METHOD:
			event->kind = AMQP_EVENT_CANCELED;
			return true;
		case AMQP_CONNECTION_BLOCKED_METHOD:
			event->kind = AMQP_EVENT_BLOCKED;
			copy_bytes(event->text, sizeof(event->text), ((amqp_connection_blocked_t *) decoded)->reason);
			return true;
		case AMQP_CONNECTION_UNBLOCKED_METHOD:
			event->kind = AMQP_EVENT_UNBLOCKED;
			return true;
		case AMQP_CHANNEL_CLOSE_METHOD:
			take_channel_close(link, frame, event);
			return true;
		case AMQP_CONNECTION_CLOSE_METHOD:
			copy_bytes(text, sizeof(text), ((amqp_connection_close_t *) decoded)->reply_text);
			snprintf(link->error, sizeof(link->error), "the broker closed the connection: %s", text);
			link->is_broken = true;
			return false;
		default:
			return false;
	}
}

AmqpResult
link_next_event(AmqpLink *link, AmqpEvent *event)
{
	memset(event, 0, offsetof(AmqpEvent, text));
	event->text[0] = event->message_id[0] = '\0';
	event->body = NULL;
	event->size = 0;
	(void) link_push(link);		/* librabbitmq sends heartbeats by the way */
	for (;;)
	{
		struct timeval zero = {0, 0};
		amqp_frame_t frame;
		bool		is_event = false;
		int			status;

		if (link->is_broken)
			return AMQP_FAILED;
		amqp_maybe_release_buffers(link->connection);
		status = amqp_simple_wait_frame_noblock(link->connection, &frame, &zero);
		if (status == AMQP_STATUS_TIMEOUT)
			return AMQP_AGAIN;
		if (status != AMQP_STATUS_OK)
			return link_fail(link, "the connection is lost", status);
		event->channel = channel_of(frame.channel);
		if (frame.frame_type == AMQP_FRAME_METHOD)
			is_event = take_method(link, &frame, event);
		else if ((frame.frame_type == AMQP_FRAME_HEADER || frame.frame_type == AMQP_FRAME_BODY) &&
				 (frame.channel == CHANNEL_WORK || event->channel != 0))
			is_event = take_part(link, &frame, event);
		if (is_event)
			return AMQP_OK;
	}
}
