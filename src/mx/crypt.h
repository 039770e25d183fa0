/*
 * mx/crypt.h: random bytes, signatures, and comparing without telling by time; by GnuTLS, which libmicrohttpd needs anyway.
 */
#ifndef SYNERGY_MX_CRYPT_H
#define SYNERGY_MX_CRYPT_H

#include <stdbool.h>
#include <stddef.h>

#define CRYPT_TOKEN_SIZE 44		/* 32 bytes as base64url without padding, and the end of the string */

/* 32 random bytes as text */
extern void crypt_token(char token[CRYPT_TOKEN_SIZE]);

/* HMAC-SHA256 of the text, by a key made when the program started, as text; purpose keeps signatures apart */
extern void crypt_sign(const char *purpose, const char *text, char signature[CRYPT_TOKEN_SIZE]);

/* takes as long for any two texts of one length */
extern bool crypt_is_equal(const char *a, const char *b);

/* once, at the start; false: there is no randomness */
extern bool crypt_begin(void);

#endif							/* SYNERGY_MX_CRYPT_H */
