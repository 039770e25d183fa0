/*
 * test_uri.c: addresses and forms of the console, taken apart; and what is none.
 */
#include "unit.h"

#include "mx/uri.h"

static void
paths_are_split_then_decoded(void **state)
{
	Uri			uri;

	assert_true(uri_parse(&uri, "/jobs/a%2Fb+c%20d/?x=1+2%2B3&y&z=&=w&x=4"));
	assert_int_equal(uri.n_segments, 2);
	assert_string_equal(uri.segments[1], "a/b+c d");
	assert_string_equal(uri.path, "/jobs/a%2Fb+c%20d/");
	assert_string_equal(uri.query, "x=1+2%2B3&y&z=&=w&x=4");
	assert_string_equal(uri_argument(&uri, "x"), "1 2+3");
	assert_null(uri_argument(&uri, "y"));
	assert_null(uri_argument(&uri, "z"));
	assert_null(uri_argument(&uri, "absent"));
	assert_string_equal(uri_argument(&uri, ""), "w");
	uri_free(&uri);
	assert_null(uri.memory);
	assert_true(uri_parse(&uri, "/"));
	assert_int_equal(uri.n_segments, 0);
	assert_null(uri.query);
	uri_free(&uri);
	assert_true(uri_parse(&uri, "//a//?"));
	assert_int_equal(uri.n_segments, 3);
	assert_string_equal(uri.segments[0], "");
	uri_free(&uri);
}

static void
what_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "a", "*", "http://x/", "?a", "/%", "/%4", "/%zz", "/%4g", "/%00", "/a%00b", "/%80", "/%c0%af", "/%c1%81", "/%e0%80%af", "/%ed%a0%80",
		"/%ed%bf%bf", "/%f0%80%80%80", "/%f4%90%80%80", "/%f5%80%80%80", "/%ff", "/\xff", "/%c3", "/%e2%82", "/?a=%", "/?%00", "/?a=%ff", "/?%zz=b",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13"
	};
	char		many[URI_MAX_ARGUMENTS * 2 + 8] = "/?";
	Uri			uri;

	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		check(!uri_parse(&uri, bad[i]), "\"%s\" was taken", bad[i]);
	for (int i = 0; i < URI_MAX_ARGUMENTS; i++)
		strcat(many, "a&");
	assert_true(uri_parse(&uri, many));
	uri_free(&uri);
	strcat(many, "a");
	assert_false(uri_parse(&uri, many));
	assert_true(uri_parse(&uri, "/%c3%a4%e2%82%ac%f0%9f%98%80%f4%8f%bf%bf%ed%9f%bf"));
	uri_free(&uri);
}

static void
forms_are_like_queries(void **state)
{
	Uri			form;

	assert_true(uri_parse_form(&form, "role=a&password=%26+%3D%25%c3%b6&next=%2Fx"));
	assert_string_equal(uri_argument(&form, "password"), "& =%\xc3\xb6");
	assert_string_equal(uri_argument(&form, "next"), "/x");
	uri_free(&form);
	assert_true(uri_parse_form(&form, ""));
	assert_int_equal(form.n_arguments, 0);
	uri_free(&form);
	assert_false(uri_parse_form(&form, "a=%00"));
	assert_false(uri_parse_form(&form, "a=b&%f"));
}

static void
patterns_match_whole_paths(void **state)
{
	static const struct
	{
		const char *uri,
				   *pattern;
		bool		matches;
	}			cases[] = {
		{"/api/v1/jobs/a/b", "jobs/:process/:timeperiod", true}, {"/api/v1/jobs/a", "jobs/:process/:timeperiod", false},
		{"/api/v1/jobs/a/b/c", "jobs/:process/:timeperiod", false}, {"/api/v1/jobs//b", "jobs/:process/:timeperiod", false},
		{"/api/v1/job/a/b", "jobs/:process/:timeperiod", false}, {"/api/v1/jobsx/a/b", "jobs/:process/:timeperiod", false},
		{"/api/v1/jobs", "jobs", true}, {"/api/v1/jobs/", "jobs", true}, {"/api/v1/%6Aobs", "jobs", true}, {"/api/v1", "jobs", false}
	};
	const char *values[URI_MAX_SEGMENTS];

	for (size_t i = 0; i < LENGTH_OF(cases); i++)
	{
		Uri			uri;

		assert_true(uri_parse(&uri, cases[i].uri));
		check(uri_match(&uri, 2, cases[i].pattern, values) == cases[i].matches, "%s, %s", cases[i].uri, cases[i].pattern);
		if (i == 0)
			assert_string_equal(values[1], "b");
		uri_free(&uri);
	}
}

static void
only_local_paths_are_local(void **state)
{
	static const char *const bad[] = {"", "x", "//x", "/\\x", "/a\\b", "http://x", "/\r\n", "/a\tb", "/\x7f", "\\x", " /x"};

	for (size_t i = 0; i < LENGTH_OF(bad); i++)
		check(!uri_is_local(bad[i]), "\"%s\" is taken for local", bad[i]);
	assert_true(uri_is_local("/"));
	assert_true(uri_is_local("/jobs?x=//y&z=http://x"));
}

/* whatever comes, what goes on is UTF-8; the sanitizers see the rest */
static void
noise_does_no_harm(void **state)
{
	static const char letters[] = "/%?&=+0aAfFcCeEdD89\xc3\xed\xf4\x80";
	uint64_t	seed = 7;

	for (int i = 0; i < (is_quick() ? 2000 : 200000); i++)
	{
		char		text[40] = "/";
		size_t		length = (size_t) draw_between(&seed, 0, 38);
		Uri			uri;

		for (size_t j = 1; j <= length; j++)
			text[j] = letters[draw_between(&seed, 0, sizeof(letters) - 2)];
		text[length + 1] = '\0';
		if (!uri_parse(&uri, text))
			continue;
		for (int j = 0; j < uri.n_segments; j++)
			assert_true(uri_is_utf8(uri.segments[j]));
		for (int j = 0; j < uri.n_arguments; j++)
			assert_true(uri_is_utf8(uri.arguments[j].name) && uri_is_utf8(uri.arguments[j].value));
		uri_free(&uri);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_split_then_decoded),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(forms_are_like_queries),
		cmocka_unit_test(patterns_match_whole_paths),
		cmocka_unit_test(only_local_paths_are_local),
		cmocka_unit_test(noise_does_no_harm),
	};

	return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
