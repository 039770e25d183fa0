/*
 * fuzz.h: what the fuzz targets share: how an input is taken apart, and how a target says that something is wrong.
 *
 * An input is a text up to the first newline, and then numbers in bytes; what is missing is zero.  So inputs can be
 * written by hand, and any bytes are one.
 */
#ifndef SYNERGY_FUZZ_H
#define SYNERGY_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer calls it, or replay.c */
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition, ...) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__); \
			fputc('\n', stderr); \
			abort(); \
		} \
	} while (0)

typedef struct Input
{
	const uint8_t *at;
	size_t		left;
} Input;

/* in the heap, so that a look beyond its end is seen; without zero bytes unless `length` is wanted */
static inline char *
input_text(Input *input, const void *end, size_t *length)
{
	size_t		size = end ? (size_t) ((const uint8_t *) end - input->at) : input->left;
	char	   *text = malloc(size + 1);

	if (size > 0)
		memcpy(text, input->at, size);
	text[size] = '\0';
	if (length)
		*length = size;
	input->at += size + (end != NULL);
	input->left -= size + (end != NULL);
	return text;
}

/* up to the first newline */
static inline char *
input_line(Input *input, size_t *length)
{
	return input_text(input, input->left ? memchr(input->at, '\n', input->left) : NULL, length);
}

/* all that is left */
static inline char *
input_rest(Input *input, size_t *length)
{
	return input_text(input, NULL, length);
}

/* of so many bytes, the first the lowest */
static inline uint64_t
input_number(Input *input, int bytes)
{
	uint64_t	number = 0;

	for (int i = 0; i < bytes && input->left > 0; i++)
	{
		number |= (uint64_t) *input->at++ << (8 * i);
		input->left--;
	}
	return number;
}

#endif							/* SYNERGY_FUZZ_H */
