/*
 * replay.c: runs a target over its kept inputs, and over each of them changed a little, without libFuzzer: what `make unit`
 * does of the fuzz targets, with any compiler.
 *
 *	replay NAME CORPUS CHANGES		a corpus is as corpus.py writes it: an input a line, \xHH for what is not plain
 */
#include "fuzz.h"

#define MAX_SIZE 65536

static uint64_t seed = 20160420;

/* splitmix64, as in test/unit/unit.h */
static uint64_t
draw(void)
{
	uint64_t	z = (seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* a copy of exactly this size in the heap, so that a look beyond it is seen */
static void
try(const uint8_t *data, size_t size)
{
	uint8_t    *copy = malloc(size ? size : 1);

	if (size > 0)
		memcpy(copy, data, size);
	(void) LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
change(uint8_t *data, size_t *size)
{
	size_t		place = draw() % (*size + 1);

	switch (draw() % 4)
	{
		case 0:
			if (place < *size)
				data[place] = (uint8_t) draw();
			break;
		case 1:
			if (place < *size)
			{
				memmove(data + place, data + place + 1, *size - place - 1);
				(*size)--;
			}
			break;
		case 2:
			if (*size < MAX_SIZE)
			{
				memmove(data + place + 1, data + place, *size - place);
				data[place] = (uint8_t) draw();
				(*size)++;
			}
			break;
		default:
			if (place < *size)
				data[place] ^= (uint8_t) (1 << draw() % 8);
	}
}

static size_t
decode(const char *line, uint8_t *data)
{
	size_t		size = 0;

	while (*line && *line != '\n' && size < MAX_SIZE)
	{
		unsigned int byte = (unsigned char) *line;

		if (*line == '\\' && sscanf(line, "\\x%2x", &byte) == 1)
			line += 3;
		line++;
		data[size++] = (uint8_t) byte;
	}
	return size;
}

int
main(int argc, char **argv)
{
	static uint8_t data[MAX_SIZE],
				changed[MAX_SIZE + 1];
	FILE	   *corpus = argc == 4 ? fopen(argv[2], "r") : NULL;
	char	   *line = NULL;
	size_t		capacity = 0;
	long		count = 0;

	if (corpus == NULL)
	{
		fprintf(stderr, "replay: cannot read %s\n", argc == 4 ? argv[2] : "a corpus");
		return 1;
	}
	while (getline(&line, &capacity, corpus) > 0)
	{
		size_t		size = decode(line, data);

		try(data, size);
		count++;
		for (int i = atoi(argv[3]); i > 0; i--)
		{
			size_t		n = size;

			memcpy(changed, data, size);
			for (int k = 1 + (int) (draw() % 3); k > 0; k--)
				change(changed, &n);
			try(changed, n);
			count++;
		}
	}
	free(line);
	fclose(corpus);
	printf("[       OK ] fuzz_%s: %ld inputs\n", argv[1], count);
	return count > 0 ? 0 : 1;
}
