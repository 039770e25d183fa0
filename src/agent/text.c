/*
 * agent/text.c: strings that grow, array literals for SQL, and the clocks.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "agent/agent.h"

static void
reserve(Text *text, size_t more)
{
	size_t		wanted = text->size + more + 1;

	if (wanted <= text->capacity)
		return;
	text->capacity = wanted < 64 ? 64 : wanted * 2;
	text->data = client_realloc(text->data, text->capacity);
}

void
text_reset(Text *text)
{
	reserve(text, 0);
	text->size = 0;
	text->data[0] = '\0';
}

void
text_free(Text *text)
{
	free(text->data);
	memset(text, 0, sizeof(*text));
}

void
text_append(Text *text, const char *data, size_t size)
{
	reserve(text, size);
	memcpy(text->data + text->size, data, size);
	text->size += size;
	text->data[text->size] = '\0';
}

void
text_print(Text *text, const char *format, ...)
{
	va_list		arguments;
	int			size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size < 0)
		return;
	reserve(text, size);
	va_start(arguments, format);
	vsnprintf(text->data + text->size, size + 1, format, arguments);
	va_end(arguments);
	text->size += size;
}

/* ---------------------------------------------------------------- arrays */

void
array_begin(Text *text)
{
	text_reset(text);
	text_append(text, "{", 1);
}

static void
separate(Text *text)
{
	if (text->size > 1)
		text_append(text, ",", 1);
}

void
array_add_number(Text *text, int64_t number)
{
	separate(text);
	text_print(text, "%lld", (long long) number);
}

void
array_add_text(Text *text, const char *value)
{
	separate(text);
	if (value == NULL)
	{
		text_append(text, "NULL", 4);
		return;
	}
	text_append(text, "\"", 1);
	while (*value)
	{
		size_t		plain = strcspn(value, "\"\\");

		text_append(text, value, plain);
		value += plain;
		if (*value)
		{
			text_append(text, "\\", 1);
			text_append(text, value++, 1);
		}
	}
	text_append(text, "\"", 1);
}

void
array_end(Text *text)
{
	text_append(text, "}", 1);
}

/* ---------------------------------------------------------------- clocks */

void
clock_print(Text *text)
{
	struct timeval now;
	struct tm	parts;
	char		seconds[32];

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &parts);
	strftime(seconds, sizeof(seconds), "%Y-%m-%d %H:%M:%S", &parts);
	text_print(text, "%s.%06ld+00", seconds, (long) now.tv_usec);
}
