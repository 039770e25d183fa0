/*
 * cookie.c: any text as the cookie of a session; and the good one, changed.
 *
 * Input: bytes that are laid over the good cookie by exclusive or. All zero is the good one, anything else is none.
 */
#include "fuzz.h"

#include "mx/mx.h"
#include "mx/session.h"

static void
tamper(Input *input, const char *good)
{
	char		cookie[2 * CRYPT_TOKEN_SIZE];
	Session    *session;
	size_t		length = strlen(good);

	must(length + 1 <= sizeof(cookie), "%s", good);
	memcpy(cookie, good, length + 1);
	for (size_t i = 0; i < length && i < input->left; i++)
		cookie[i] = (char) (cookie[i] ^ input->at[i]);
	session = session_find(cookie, 0);
	must((session != NULL) == (strcmp(cookie, good) == 0), "%s is taken for %s", cookie, good);
	if (session)
		session_release(session);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int	role;
	static Session *session;
	Input		input = {data, size};
	char	   *text;

	if (session == NULL)
	{
		mx.session_lifetime = mx.session_idle = INT64_C(1) << 60;
		must(crypt_begin(), "no GnuTLS");
		session = session_begin((Role *) &role, 0);
	}
	tamper(&input, session_cookie(session));
	text = input_rest(&input, NULL);
	must(session_find(text, 0) == NULL, "guessed: %s", text);
	free(text);
	return 0;
}
