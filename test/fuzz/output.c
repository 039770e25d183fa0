/*
 * output.c: what a command writes, in pieces of any size: the lines are the same, and all can be stored.
 *
 * Input: limit of lines (1 byte), pieces (1: their size), stream and ASCII (1), then what is written.
 */
#include "fuzz.h"

#include "agent/agent.h"

/* the next element of an array literal that was just made; NULL: no more */
static char *
next_element(const char **at)
{
	char	   *element,
			   *to;

	if (**at == '}')
		return NULL;
	*at += **at == ',';
	must(**at == '"', "%s", *at);
	to = element = malloc(strlen(*at) + 1);
	for ((*at)++; **at != '"'; (*at)++)
	{
		must(**at, "no end");
		*at += **at == '\\';
		*to++ = **at;
	}
	(*at)++;
	*to = '\0';
	return element;
}

/* a second opinion on UTF-8 */
static bool
is_utf8(const unsigned char *s)
{
	while (*s)
	{
		uint32_t	c = *s;
		int			more = c < 0x80 ? 0 : (c & 0xe0) == 0xc0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : (c & 0xf8) == 0xf0 ? 3 : -1;

		if (more < 0)
			return false;
		c &= more == 0 ? 0x7f : 0x3f >> more;
		for (int i = 0; i < more; i++)
		{
			if ((*++s & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*s & 0x3f);
		}
		if ((more == 1 && c < 0x80) || (more == 2 && c < 0x800) || (more == 3 && c < 0x10000) || c > 0x10ffff ||
			(c >= 0xd800 && c < 0xe000))
			return false;
		s++;
	}
	return true;
}

static void
sound(const Text *lines, bool ascii_only)
{
	const char *at = lines->data + 1;
	char	   *line;

	must(strlen(lines->data) == lines->size && lines->data[0] == '{', "%s", lines->data);
	while ((line = next_element(&at)) != NULL)
	{
		must(strchr(line, '\n') == NULL && strlen(line) <= MAX_LINE * 4, "%s", line);
		must(is_utf8((const unsigned char *) line), "%s", line);
		for (const char *c = line; *c && ascii_only; c++)
			must((unsigned char) *c < 0x80, "%s", line);
		free(line);
	}
	must(strcmp(at, "}") == 0, "%s", at);
}

/* all that is queued, written as one array */
static Text
all(bool ascii_only)
{
	Text		units = {0},
				times = {0},
				streams = {0},
				lines = {0};
	uint64_t	last = lines_batch(&units, &times, &streams, &lines, ascii_only);

	sound(&lines, ascii_only);
	lines_done(last);
	must(lines_waiting() == 0, "more than a batch");
	text_append(&lines, streams.data, streams.size);
	text_free(&units);
	text_free(&times);
	text_free(&streams);
	return lines;
}

static Text
write_in(size_t piece, const Input *input, int limit, int stream, bool ascii_only, char *error)
{
	Output		output;

	output_begin(&output, 1, limit);
	for (size_t done = 0; done < input->left; done += piece)
	{
		size_t		size = input->left - done < piece ? input->left - done : piece;
		char	   *copy = malloc(size);

		memcpy(copy, input->at + done, size);
		output_take(&output, stream, copy, size);
		free(copy);
	}
	output_end(&output);
	strcpy(error, output.last_error);
	must(is_utf8((const unsigned char *) error), "%s", error);
	return all(ascii_only);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	int			limit = (int) input_number(&input, 1);
	size_t		piece = 1 + input_number(&input, 1);
	int			how = (int) input_number(&input, 1);
	char		errors[2][200];
	Text		whole = write_in(input.left + 1, &input, limit, how & 1, how & 2, errors[0]);
	Text		pieces = write_in(piece, &input, limit, how & 1, how & 2, errors[1]);

	must(strcmp(whole.data, pieces.data) == 0, "in pieces of %zu:\n%s\nat once:\n%s", piece, pieces.data, whole.data);
	must(strcmp(errors[0], errors[1]) == 0, "%s and %s", errors[0], errors[1]);
	text_free(&whole);
	text_free(&pieces);
	return 0;
}
