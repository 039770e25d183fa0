/*
 * client/memory.c: memory that is there, or the program ends.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

static void
out_of_memory(void)
{
	fputs("synergy: out of memory\n", stderr);
	abort();
}

void *
client_realloc(void *pointer, size_t size)
{
	pointer = realloc(pointer, size ? size : 1);
	if (pointer == NULL)
		out_of_memory();
	return pointer;
}

void *
client_alloc(size_t size)
{
	return memset(client_realloc(NULL, size), 0, size);
}

char *
client_strdup(const char *text)
{
	size_t		size = strlen(text) + 1;

	return memcpy(client_realloc(NULL, size), text, size);
}

char *
client_format(const char *format, ...)
{
	va_list		arguments;
	char	   *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		out_of_memory();
	va_end(arguments);
	return text;
}
