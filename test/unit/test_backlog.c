/*
 * test_backlog.c: where to look for new rows of a queue.
 */
#include "unit.h"

#include "store/backlog.h"

static Backlog backlog;

static void
expect_ranges(const char *expected)
{
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	int			n = backlog_ranges(&backlog, false, ranges);
	char		text[512] = "";

	for (int i = 0; i < n; i++)
	{
		char		low[32] = "-",
					high[32] = "-";

		if (ranges[i].low != INT64_MIN)
			snprintf(low, sizeof(low), "%lld", (long long) ranges[i].low);
		if (ranges[i].high != INT64_MAX)
			snprintf(high, sizeof(high), "%lld", (long long) ranges[i].high);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s..%s", i > 0 ? " " : "", low, high);
	}
	assert_string_equal(text, expected);
}

#define NOTE(oldest, next, ...) do { \
	const int64_t ids[] = {__VA_ARGS__}; \
	backlog_note(&backlog, ids, (int) LENGTH_OF(ids), oldest, next); } while (0)

static void
gaps_are_looked_at_until_they_settle(void **state)
{
	(void) state;
	backlog_reset(&backlog);
	expect_ranges("-..-");
	backlog_note(&backlog, NULL, 0, 100, 100);
	expect_ranges("-..-");		/* nothing seen: nothing is known */
	NOTE(100, 110, 5, 6, 9);
	expect_ranges("-..4 7..8 10..-");
	NOTE(109, 115, 8, 12);		/* somebody below 110 is running still */
	expect_ranges("-..4 7..7 10..11 13..-");
	NOTE(110, 120, 11);			/* 10 was first missed later: below 115 */
	expect_ranges("10..10 13..-");
	backlog_note(&backlog, NULL, 0, 120, 120);
	expect_ranges("13..-");
	backlog_reset(&backlog);
	expect_ranges("-..-");
}

static void
an_end_of_a_gap_may_be_found(void **state)
{
	(void) state;
	backlog_reset(&backlog);
	NOTE(1, 10, 1, 9);
	NOTE(1, 10, 2, 8);
	expect_ranges("-..0 3..7 10..-");
	NOTE(1, 10, 3, 4, 5, 6, 7);
	expect_ranges("-..0 10..-");
}

static void
from_the_front_is_everything(void **state)
{
	BacklogRange range[BACKLOG_MAX_RANGES];

	(void) state;
	backlog_reset(&backlog);
	NOTE(100, 100, 10, 20);
	backlog_note(&backlog, NULL, 0, 100, 100);
	expect_ranges("21..-");
	NOTE(100, 110, 30);
	assert_int_equal(backlog_ranges(&backlog, true, range), 1);
	assert_true(range[0].low == INT64_MIN && range[0].high == INT64_MAX);
	NOTE(105, 110, 3, 15, 25, 31);	/* of which two should never have come */
	expect_ranges("21..24 26..29 32..-");
}

static void
too_many_gaps_are_taken_together(void **state)
{
	enum { N = 10 * BACKLOG_MAX_GAPS };
	static int64_t ids[N];
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	int			n;

	(void) state;
	backlog_reset(&backlog);
	for (int i = 0; i < N; i++)
		ids[i] = 2 * i;
	backlog_note(&backlog, ids, N, 50, 100);
	n = backlog_ranges(&backlog, false, ranges);
	assert_true(n > 1 && n <= BACKLOG_MAX_RANGES);
	for (int i = 1, place = 0; i < N; i++)	/* each odd id lies in a range */
	{
		while (place < n && ranges[place].high < 2 * i - 1)
			place++;
		assert_true(place < n && ranges[place].low <= 2 * i - 1);
	}
	backlog_note(&backlog, NULL, 0, 100, 100);
	assert_int_equal(backlog_ranges(&backlog, false, ranges), 1);
}

/* ---------------------------------------------------------------- a world of transactions */

#define MAX_OPEN 12
#define MAX_IDS 4

typedef struct Writer
{
	uint64_t	xid;			/* 0: not running */
	int			n;
	int64_t		ids[MAX_IDS];
} Writer;

static Writer writers[MAX_OPEN];
static bool in_table[20000];
static uint64_t next_xid;
static int64_t next_id;
static uint64_t seed;
static int	n_committed,
			n_taken;

static int
random_below(int n)
{
	return (int) (draw(&seed) % (uint64_t) n);
}

static uint64_t
oldest_xid(void)
{
	uint64_t	oldest = next_xid;

	for (int i = 0; i < MAX_OPEN; i++)
		if (writers[i].xid != 0 && writers[i].xid < oldest)
			oldest = writers[i].xid;
	return oldest;
}

static void
write_something(void)
{
	Writer	   *writer = &writers[random_below(MAX_OPEN)];

	if (writer->xid == 0)
	{
		writer->xid = next_xid++;
		writer->n = 0;
	}
	else if (writer->n < MAX_IDS && random_below(2))
		writer->ids[writer->n++] = next_id++;
	else if (random_below(4))
	{
		bool		commits = random_below(4) > 0;

		for (int i = 0; i < writer->n; i++)
		{
			in_table[writer->ids[i]] |= commits;
			n_committed += commits;
		}
		writer->xid = 0;
	}
}

/* somebody else takes a row now and then; the others look where the backlog says */
static void
take_rows(void)
{
	static int64_t found[20000];
	BacklogRange ranges[BACKLOG_MAX_RANGES];
	uint64_t	oldest = oldest_xid();
	int			n_ranges = backlog_ranges(&backlog, random_below(50) == 0, ranges);
	int			n = 0;

	for (int i = 0; i < n_ranges; i++)
		for (int64_t id = ranges[i].low > 0 ? ranges[i].low : 0; id <= ranges[i].high && id < next_id; id++)
			if (in_table[id])
			{
				in_table[id] = false;
				found[n++] = id;
			}
	backlog_note(&backlog, found, n, oldest, next_xid);
	n_taken += n;
}

static void
every_committed_row_is_found(void **state)
{
	(void) state;
	for (uint64_t round = 1; round <= 30; round++)
	{
		seed = round;
		memset(writers, 0, sizeof(writers));
		memset(in_table, 0, sizeof(in_table));
		next_xid = 1000;
		next_id = n_committed = n_taken = 0;
		backlog_reset(&backlog);
		while (next_id < 4000)
		{
			write_something();
			if (random_below(10) == 0)
				take_rows();
			if (next_id > 0 && random_below(100) == 0)
			{
				int64_t		id = random_below((int) next_id);

				n_taken += in_table[id];
				in_table[id] = false;
			}
		}
		for (int i = 0; i < 1000; i++)
			if (writers[i % MAX_OPEN].xid != 0)
				write_something();
		take_rows();
		assert_int_equal(n_taken, n_committed);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_are_looked_at_until_they_settle),
		cmocka_unit_test(an_end_of_a_gap_may_be_found),
		cmocka_unit_test(from_the_front_is_everything),
		cmocka_unit_test(too_many_gaps_are_taken_together),
		cmocka_unit_test(every_committed_row_is_found),
	};

	return cmocka_run_group_tests_name("backlog", tests, NULL, NULL);
}
