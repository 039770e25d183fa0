/*
 * mx/crypt.c: random bytes, signatures, and comparing without telling by time.
 *
 * The key lives as long as the program: so do sessions, whose passwords are nowhere but in its memory.
 */
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "mx/crypt.h"

static unsigned char key[32];

/* 32 bytes as 43 letters, RFC 4648 section 5 */
static void
encode(const unsigned char bytes[32], char text[CRYPT_TOKEN_SIZE])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned int buffer = 0;
	int			bits = 0;

	for (int i = 0; i < 32; i++)
	{
		buffer = buffer << 8 | bytes[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*text++ = letters[buffer >> (bits - 6) & 63];
	}
	*text++ = letters[buffer << (6 - bits) & 63];
	*text = '\0';
}

static void
random_bytes(unsigned char *bytes, size_t size)
{
	if (gnutls_rnd(GNUTLS_RND_KEY, bytes, size) != 0)
		abort();				/* rather none than a guessable one */
}

bool
crypt_begin(void)
{
	if (gnutls_global_init() != 0)
		return false;
	random_bytes(key, sizeof(key));
	return true;
}

void
crypt_token(char token[CRYPT_TOKEN_SIZE])
{
	unsigned char bytes[32];

	random_bytes(bytes, sizeof(bytes));
	encode(bytes, token);
	explicit_bzero(bytes, sizeof(bytes));
}

void
crypt_sign(const char *purpose, const char *text, char signature[CRYPT_TOKEN_SIZE])
{
	unsigned char digest[32];
	gnutls_hmac_hd_t hmac;

	if (gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, key, sizeof(key)) != 0)
		abort();
	/* with its zero byte, so that no purpose and text can pass for others */
	gnutls_hmac(hmac, purpose, strlen(purpose) + 1);
	gnutls_hmac(hmac, text, strlen(text));
	gnutls_hmac_deinit(hmac, digest);
	encode(digest, signature);
}

bool
crypt_is_equal(const char *a, const char *b)
{
	size_t		n = strlen(a);

	return n == strlen(b) && gnutls_memcmp(a, b, n) == 0;
}
