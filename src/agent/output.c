/*
 * agent/output.c: what units write: split into lines, bounded, made safe, and queued for the database.
 *
 * Of each unit the first lines and the last TAIL_LINES of either stream are kept, with the number of those between that
 * were left out: how it began, and what it died of.  What is no UTF-8 is written as \xHH, a zero byte as \x00, so that anything may
 * come.  The queue is bounded, too: while the database is slow, the pipes are not read on, and the commands wait; while
 * there is none, what does not fit is left out and counted, and the commands go on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"

#define MAX_WAITING (16 * 1024 * 1024)	/* bytes */
#define BATCH_LINES 5000
#define BATCH_BYTES (1024 * 1024)

typedef struct LogLine
{
	struct LogLine *next;
	uint64_t	number;
	int64_t		unit_id;
	int64_t		taken;			/* clock_steady() */
	uint64_t	order;			/* in which it was taken: the clock may stand still */
	int			stream;			/* 0, 1, or -1: the agent's own words */
	char		at[40];
	char		text[];
} LogLine;

static struct
{
	LogLine    *first;
	LogLine   **last;
	uint64_t	count;			/* numbers given so far */
	size_t		bytes;
	bool		drops;
} queue = {NULL, &queue.first, 0, 0, false};

/* ---------------------------------------------------------------- safe text */

/* length of the UTF-8 character at data, 0: it is none */
static int
utf8_length(const unsigned char *data, size_t size)
{
	int			length = data[0] < 0x80 ? 1 : data[0] >= 0xc2 && data[0] <= 0xdf ? 2 : data[0] >= 0xe0 && data[0] <= 0xef ? 3 :
		data[0] >= 0xf0 && data[0] <= 0xf4 ? 4 : 0;

	if (length == 0 || (size_t) length > size)
		return 0;
	for (int i = 1; i < length; i++)
		if ((data[i] & 0xc0) != 0x80)
			return 0;
	/* too long, a surrogate, or above U+10FFFF */
	if ((data[0] == 0xe0 && data[1] < 0xa0) || (data[0] == 0xed && data[1] > 0x9f) || (data[0] == 0xf0 && data[1] < 0x90) ||
		(data[0] == 0xf4 && data[1] > 0x8f))
		return 0;
	return length;
}

static void
append_safe(Text *out, const char *data, size_t size, bool ascii_only)
{
	size_t		plain = 0;

	for (size_t at = 0; at < size;)
	{
		int			length = utf8_length((const unsigned char *) data + at, size - at);

		if (length > 0 && data[at] != '\0' && !(ascii_only && length > 1))
		{
			at += length;
			continue;
		}
		text_append(out, data + plain, at - plain);
		text_print(out, "\\x%02x", (unsigned char) data[at]);
		plain = ++at;
	}
	text_append(out, data + plain, size - plain);
}

/* ---------------------------------------------------------------- the queue */

static LogLine *
make_line(const Output *output, int stream, const char *data, size_t size)
{
	static uint64_t count = 0;
	Text		safe = {0};
	Text		at = {0};
	LogLine    *line;

	append_safe(&safe, data, size, false);
	line = client_alloc(sizeof(LogLine) + safe.size + 1);
	if (safe.size > 0)
		memcpy(line->text, safe.data, safe.size + 1);
	line->unit_id = output->unit_id;
	line->taken = clock_steady();
	line->order = ++count;
	line->stream = stream;
	clock_print(&at);
	snprintf(line->at, sizeof(line->at), "%s", at.data);
	text_free(&safe);
	text_free(&at);
	return line;
}

static void
enqueue(Output *output, LogLine *line)
{
	if (queue.drops && queue.bytes > MAX_WAITING)
	{
		output->left_out++;
		free(line);
		return;
	}
	line->number = output->last_line = ++queue.count;
	line->next = NULL;
	*queue.last = line;
	queue.last = &line->next;
	queue.bytes += sizeof(LogLine) + strlen(line->text);
}

size_t
lines_waiting(void)
{
	return queue.bytes;
}

bool
lines_are_too_many(void)
{
	return queue.bytes > MAX_WAITING && !queue.drops;
}

int64_t
lines_oldest(void)
{
	return queue.first ? queue.first->taken : NEVER;
}

void
lines_drop_when_full(bool drop)
{
	queue.drops = drop;
}

uint64_t
lines_batch(Text *units, Text *times, Text *streams, Text *lines, bool ascii_only)
{
	uint64_t	last = 0;
	int			n = 0;
	Text		safe = {0};

	array_begin(units);
	array_begin(times);
	array_begin(streams);
	array_begin(lines);
	for (LogLine *line = queue.first; line && n < BATCH_LINES && lines->size < BATCH_BYTES; line = line->next, n++)
	{
		array_add_number(units, line->unit_id);
		array_add_text(times, line->at);
		array_add_text(streams, line->stream == 0 ? "stdout" : line->stream == 1 ? "stderr" : NULL);
		text_reset(&safe);
		append_safe(&safe, line->text, strlen(line->text), ascii_only);
		array_add_text(lines, safe.data);
		last = line->number;
	}
	array_end(units);
	array_end(times);
	array_end(streams);
	array_end(lines);
	text_free(&safe);
	return last;
}

void
lines_done(uint64_t up_to)
{
	while (queue.first && queue.first->number <= up_to)
	{
		LogLine    *line = queue.first;

		queue.first = line->next;
		queue.bytes -= sizeof(LogLine) + strlen(line->text);
		free(line);
	}
	if (queue.first == NULL)
		queue.last = &queue.first;
}

/* ---------------------------------------------------------------- of a unit */

void
output_begin(Output *output, int64_t unit_id, int limit)
{
	memset(output, 0, sizeof(*output));
	output->unit_id = unit_id;
	output->limit = limit;
}

/* of each stream */
static int
tail_size(const Output *output)
{
	return output->limit < TAIL_LINES * 2 ? output->limit / 2 : TAIL_LINES;
}

static bool
is_beyond_head(const Output *output)
{
	return output->kept >= output->limit - 2 * tail_size(output);
}

static void
keep_in_tail(Output *output, struct Tail *tail, LogLine *line)
{
	int			size = tail_size(output);

	if (size == 0)
	{
		output->left_out++;
		free(line);
		return;
	}
	if (tail->lines == NULL)
		tail->lines = client_alloc(sizeof(LogLine *) * TAIL_LINES);
	if (tail->count == size)
	{
		free(tail->lines[tail->next]);
		output->left_out++;
	}
	else
		tail->count++;
	tail->lines[tail->next] = line;
	tail->next = (tail->next + 1) % size;
}

/* takes out the oldest line; NULL: there is none */
static LogLine *
pop_tail(const Output *output, struct Tail *tail)
{
	int			size = tail_size(output);

	return tail->count == 0 ? NULL : tail->lines[(tail->next + size - tail->count--) % size];
}

static LogLine *
peek_tail(const Output *output, const struct Tail *tail)
{
	int			size = tail_size(output);

	return tail->count == 0 ? NULL : tail->lines[(tail->next + size - tail->count) % size];
}

static void
take_line(Output *output, int stream, const char *data, size_t size)
{
	if (size > 0 && data[size - 1] == '\r')
		size--;
	if (size > 0 && (stream == 1 || !output->has_stderr))
	{
		Text		safe = {0};
		size_t		end;

		append_safe(&safe, data, size < 120 ? size : 120, false);
		end = safe.size < sizeof(output->last_error) ? safe.size : sizeof(output->last_error) - 1;
		while (end > 0 && end < safe.size && ((unsigned char) safe.data[end] & 0xc0) == 0x80)
			end--;				/* no part of a character */
		memcpy(output->last_error, safe.data, end);
		output->last_error[end] = '\0';
		text_free(&safe);
		output->has_stderr |= stream == 1;
	}
	if (!is_beyond_head(output))
	{
		output->kept++;
		enqueue(output, make_line(output, stream, data, size));
	}
	else if (output->limit > 0)
		keep_in_tail(output, &output->tails[stream], make_line(output, stream, data, size));
	else
		output->left_out++;
}

/* the last line that is not empty may be the error: up to where what is left of `data` still has one, if there was any */
static size_t
spare_error(const char *data, size_t end, size_t size)
{
	const char *newline;
	size_t		last = size;

	while (last > 0 && data[last - 1] != '\n')
		last--;					/* no line yet */
	while (last > 0 && data[last - 1] == '\n')
		last -= last > 1 && data[last - 2] == '\r' ? 2 : 1;
	if (last == 0 || last > end)
		return end;
	newline = memrchr(data, '\n', last);
	return newline ? (size_t) (newline + 1 - data) : 0;
}

/*
 * Of a piece with many lines only the last ones can stay in the tail, or be the error: the others are counted, and no
 * more.  A command that writes a gigabyte of short lines would keep us busy else.  How many bytes were passed over.
 */
static size_t
skip_middle(Output *output, LineReader *reader, const char *data, size_t size)
{
	size_t		end = size;
	int64_t		n = 0;

	for (int i = 0; i <= (tail_size(output) ? tail_size(output) : 1); i++)
	{
		const char *newline = memrchr(data, '\n', end);

		if (newline == NULL)
			return 0;
		end = newline - data;
	}
	end++;
	end = spare_error(data, end, size);
	if (end == 0)
		return 0;
	for (const char *at = data; (at = memchr(at, '\n', data + end - at)) != NULL; at++)
		n++;
	output->left_out += n;
	reader->is_continued = false;
	return end;
}

void
output_take(Output *output, int stream, const char *data, size_t size)
{
	LineReader *reader = &output->readers[stream];
	bool		may_skip = true;

	while (size > 0)
	{
		const char *end = memchr(data, '\n', size);
		size_t		part = end ? (size_t) (end - data) : size;

		/* a line that has begun in an earlier piece is ended first: it may be the error */
		if (may_skip && reader->partial.size == 0 && is_beyond_head(output))
		{
			size_t		skipped = skip_middle(output, reader, data, size);

			may_skip = false;
			data += skipped;
			size -= skipped;
			continue;
		}

		if (reader->partial.size == 0 && end && part <= MAX_LINE)
		{
			if (part > 0 || !reader->is_continued)
				take_line(output, stream, data, part);
			reader->is_continued = false;
			data += part + 1;
			size -= part + 1;
			continue;
		}
		if (part > MAX_LINE - reader->partial.size)
		{
			part = MAX_LINE - reader->partial.size;
			end = NULL;
		}
		text_append(&reader->partial, data, part);
		data += part + (end ? 1 : 0);
		size -= part + (end ? 1 : 0);
		if (end == NULL && reader->partial.size < MAX_LINE)
			continue;
		if (reader->partial.size > 0 || !reader->is_continued)
			take_line(output, stream, reader->partial.data, reader->partial.size);
		reader->is_continued = end == NULL;
		text_reset(&reader->partial);
	}
}

void
output_end(Output *output)
{
	for (int stream = 0; stream < 2; stream++)
		if (output->readers[stream].partial.size > 0)
			take_line(output, stream, output->readers[stream].partial.data, output->readers[stream].partial.size);
	if (output->left_out > 0)
	{
		char		note[80];
		int			size = snprintf(note, sizeof(note), "[%lld lines were left out]", (long long) output->left_out);

		enqueue(output, make_line(output, -1, note, size));
	}
	while (output->tails[0].count + output->tails[1].count > 0)
	{
		LogLine    *lines[2] = {peek_tail(output, &output->tails[0]), peek_tail(output, &output->tails[1])};
		int			first = lines[0] == NULL || (lines[1] && lines[1]->order < lines[0]->order);

		enqueue(output, pop_tail(output, &output->tails[first]));
	}
	output_discard(output);
}

void
output_discard(Output *output)
{
	for (int stream = 0; stream < 2; stream++)
	{
		LogLine    *line;

		while ((line = pop_tail(output, &output->tails[stream])) != NULL)
			free(line);
		free(output->tails[stream].lines);
		output->tails[stream].lines = NULL;
		text_free(&output->readers[stream].partial);
	}
}
