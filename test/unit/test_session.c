/*
 * test_session.c: cookies and sessions of the console: whose they are, how long they last, how many there may be.
 */
#include "unit.h"

#include "mx/mx.h"
#include "mx/session.h"

MxSettings	mx = {.session_idle = 60 * SECONDS,.session_lifetime = 600 * SECONDS};

/* a role is how many sessions hold it */
static int	alice,
			bob;

Role *
role_share(Role *role)
{
	(*(int *) role)++;
	return role;
}

void
role_release(Role *role)
{
	(*(int *) role)--;
}

#define ALICE ((Role *) &alice)
#define BOB ((Role *) &bob)

static int
end_all(void **state)
{
	session_sweep(INT64_MAX / 2);
	assert_false(session_are_any());
	assert_int_equal(alice + bob, 0);
	return 0;
}

static void
cookies_are_signed(void **state)
{
	Session    *session = session_begin(ALICE, 0),
			   *other = session_begin(ALICE, 0);
	char		cookie[128],
				tampered[128],
				swapped[256];
	Session    *found;

	strcpy(cookie, session_cookie(session));
	found = session_find(cookie, 1);
	assert_ptr_equal(found, session);
	session_release(found);
	for (size_t i = 0; i < strlen(cookie); i++)
	{
		strcpy(tampered, cookie);
		tampered[i] = tampered[i] == 'A' ? 'E' : 'A';
		assert_null(session_find(tampered, 1));
		strcpy(tampered, cookie);
		tampered[i] = '\0';
		assert_null(session_find(tampered, 1));
	}
	snprintf(swapped, sizeof(swapped), "%.*s%s", CRYPT_TOKEN_SIZE, cookie, session_cookie(other) + CRYPT_TOKEN_SIZE);
	assert_null(session_find(swapped, 1));
	assert_string_not_equal(session->csrf_token, other->csrf_token);
	assert_string_not_equal(session->csrf_token, strchr(cookie, '.') + 1);
}

static void
sessions_expire(void **state)
{
	Session    *session = session_begin(ALICE, 0);
	char		cookie[128];

	strcpy(cookie, session_cookie(session));
	for (int64_t now = 0; now < mx.session_lifetime; now += mx.session_idle - 1)
	{
		session_sweep(now);
		assert_ptr_equal(session_find(cookie, now), session);
		session_release(session);
	}
	assert_null(session_find(cookie, mx.session_lifetime));	/* however it was used */
	assert_int_equal(alice, 0);
	strcpy(cookie, session_cookie(session_begin(ALICE, 0)));
	assert_null(session_find(cookie, mx.session_idle));	/* it was not used */
	session = session_begin(ALICE, 0);
	session->n_streams = 1;
	session_sweep(mx.session_idle * 2);
	assert_true(session_are_any()); /* somebody watches */
	session->n_streams = 0;
	session_sweep(mx.session_idle * 3);
	assert_false(session_are_any());
}

static void
those_in_use_outlive_their_end(void **state)
{
	Session    *session = session_begin(ALICE, 0);
	char		cookie[128];

	strcpy(cookie, session_cookie(session));
	assert_ptr_equal(session_find(cookie, 0), session);
	session_end(session);
	assert_null(session_find(cookie, 0));
	assert_int_equal(alice, 1);
	session_release(session);
	assert_int_equal(alice, 0);
	session_begin(ALICE, 0);
	session_begin(BOB, 0);
	session_begin(ALICE, 0);
	session_end_of_role(ALICE);
	assert_int_equal(alice, 0);
	assert_int_equal(bob, 1);
}

static void
there_are_not_too_many(void **state)
{
	static int	others[SESSION_MAX];
	char		cookie[128],
				first[128];
	Session    *used;

	strcpy(cookie, session_cookie(session_begin(BOB, 5)));
	strcpy(first, session_cookie(session_begin(ALICE, 5)));
	for (int i = 0; i < SESSION_MAX; i++)
		session_begin(ALICE, 5);
	assert_int_equal(alice, SESSION_MAX_OF_ROLE);
	assert_null(session_find(first, 5));
	used = session_find(cookie, 6);
	assert_non_null(used);		/* it is not bob who has too many */
	for (int i = 0; i < SESSION_MAX; i++)
		session_begin((Role *) &others[i], 5);
	assert_int_equal(alice, 0); /* the oldest go */
	assert_int_equal(bob, 1);	/* but not what was used since */
	session_release(used);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(cookies_are_signed, end_all),
		cmocka_unit_test_teardown(sessions_expire, end_all),
		cmocka_unit_test_teardown(those_in_use_outlive_their_end, end_all),
		cmocka_unit_test_teardown(there_are_not_too_many, end_all),
	};

	if (!crypt_begin())
		return 1;
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
