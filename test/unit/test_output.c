/*
 * test_output.c: lines of units: however they are cut into pieces, the first and the last ones are kept, each is counted,
 * and what goes to the database is UTF-8.
 */
#include "unit.h"

#include "agent/agent.h"

/* what the program has of its own */
void *
client_realloc(void *pointer, size_t size)
{
	pointer = realloc(pointer, size ? size : 1);
	assert_non_null(pointer);
	return pointer;
}

void *
client_alloc(size_t size)
{
	return memset(client_realloc(NULL, size), 0, size);
}

static Text arrays[4];

/* everything that is queued, as an array literal of lines; the queue is empty then */
static const char *
all_lines(void)
{
	uint64_t	last = lines_batch(&arrays[0], &arrays[1], &arrays[2], &arrays[3], false);

	lines_done(last);
	assert_int_equal(lines_waiting(), 0);
	return arrays[3].data;
}

static void
take_all(Output *output, int stream, const char *text)
{
	output_take(output, stream, text, strlen(text));
}

static void
test_lines(void **state)
{
	Output		output;

	output_begin(&output, 7, 10);
	take_all(&output, 0, "one\ntw");
	take_all(&output, 0, "o\r\n\n");
	take_all(&output, 1, "error\n");
	take_all(&output, 0, "end");
	output_end(&output);
	assert_string_equal(all_lines(), "{\"one\",\"two\",\"\",\"error\",\"end\"}");
	assert_string_equal(output.last_error, "error");
	assert_string_equal(arrays[0].data, "{7,7,7,7,7}");
	assert_string_equal(arrays[2].data, "{\"stdout\",\"stdout\",\"stdout\",\"stderr\",\"stdout\"}");
}

static void
test_safe(void **state)
{
	static const char text[] = "a\0b\xff\n\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80\n\xe2\x82\n\"\\\n";
	Output		output;

	output_begin(&output, 1, 100);
	output_take(&output, 0, text, sizeof(text) - 1);
	output_end(&output);
	assert_string_equal(all_lines(), "{\"a\\\\x00b\\\\xff\",\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\","
						"\"\\\\xc0\\\\x80 \\\\xed\\\\xa0\\\\x80 \\\\xf4\\\\x90\\\\x80\\\\x80\",\"\\\\xe2\\\\x82\",\"\\\"\\\\\"}");
}

static void
test_long_lines(void **state)
{
	Output		output;
	char	   *line = client_alloc(MAX_LINE * 2 + 2);

	memset(line, 'x', MAX_LINE * 2);
	line[MAX_LINE * 2] = '\n';
	output_begin(&output, 1, 100);
	output_take(&output, 0, line, MAX_LINE * 2 + 1);
	output_take(&output, 0, line, 1);
	output_end(&output);
	assert_string_equal(all_lines() + 2 + MAX_LINE * 2 + 3, "\",\"x\"}");	/* two whole lines, and one of a letter */
	free(line);
}

/* numbers from 1 to n, in pieces of random sizes */
static void
write_numbers(Output *output, int n)
{
	Text		text = {0};
	size_t		at = 0;

	for (int i = 1; i <= n; i++)
		text_print(&text, "%d\n", i);
	while (at < text.size)
	{
		size_t		size = 1 + (size_t) rand() % (rand() % 4 ? 50 : 5000);

		size = size < text.size - at ? size : text.size - at;
		output_take(output, 0, text.data + at, size);
		at += size;
	}
	text_free(&text);
}

static void
test_much(void **state)
{
	for (int round = 0; round < 500; round++)
	{
		int			limit = rand() % 300;
		int			n = rand() % 2000;
		int			tail = limit < 2 * TAIL_LINES ? limit / 2 : TAIL_LINES;
		int			head = limit - 2 * tail;
		Text		expected = {0};
		Output		output;

		output_begin(&output, 1, limit);
		write_numbers(&output, n);
		take_all(&output, 1, "oh\n");
		assert_string_equal(output.last_error, "oh");
		output_end(&output);
		/* the numbers that are kept, and how many were not; the error has a place of its own in the tail */
		array_begin(&expected);
		for (int i = 1; i <= n && i <= head; i++)
		{
			char		number[16];

			snprintf(number, sizeof(number), "%d", i);
			array_add_text(&expected, number);
		}
		if (n >= head)
		{
			int			first = n - tail + 1 > head + 1 ? n - tail + 1 : head + 1;
			int			left_out = first - head - 1 + (tail == 0 && n >= head ? 1 : 0);
			char		note[64];

			if (left_out > 0)
			{
				snprintf(note, sizeof(note), "[%d lines were left out]", left_out);
				array_add_text(&expected, note);
			}
			for (int i = first; i <= n; i++)
			{
				snprintf(note, sizeof(note), "%d", i);
				array_add_text(&expected, note);
			}
			if (tail > 0)
				array_add_text(&expected, "oh");
		}
		else
			array_add_text(&expected, "oh");
		array_end(&expected);
		assert_string_equal(all_lines(), expected.data);
		text_free(&expected);
	}
}

/* while there is no database: what does not fit is left out, and nothing grows without bound */
static void
test_full(void **state)
{
	Output		output;
	char		line[1001];
	size_t		full;

	memset(line, 'x', 1000);
	line[1000] = '\n';
	output_begin(&output, 1, 10000000);
	for (int i = 0; i < 30000; i++)
		output_take(&output, 0, line, sizeof(line));
	assert_true(lines_are_too_many());
	full = lines_waiting();
	lines_drop_when_full(true);
	assert_false(lines_are_too_many());
	for (int i = 0; i < 1000; i++)
		output_take(&output, 0, line, sizeof(line));
	assert_int_equal(lines_waiting(), full);
	assert_int_equal(output.left_out, 1000);
	lines_drop_when_full(false);
	lines_done(UINT64_MAX);
	output_discard(&output);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_safe),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_much),
		cmocka_unit_test(test_full),
	};

	srand(20261126);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
