/*
 * client/text.c: what others wrote, made fit to be shown.
 *
 * Names, errors and log lines come from the database in UTF-8, and anybody may have written them: an escape sequence in
 * the name of a process must not reach the terminal of the one who looks. So what is not plainly visible is shown as an
 * escape: control characters, marks that turn the direction of writing, bytes that are no UTF-8; and all but ASCII where
 * the locale is not UTF-8, because there a byte of a character may itself be a control character.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "client/client.h"
#include "client/text.h"

static bool is_utf8;

void
text_begin(void)
{
	setlocale(LC_CTYPE, "");
	is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool
text_is_utf8(void)
{
	return is_utf8;
}

/* the character that begins at *text, which moves behind it; -1, moving by one byte, when that is no UTF-8 */
static int32_t
next_character(const unsigned char **text)
{
	static const int32_t lowest[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *p = *text;
	int			more = *p < 0x80 ? 0 : *p >= 0xC2 && *p < 0xE0 ? 1 : *p >= 0xE0 && *p < 0xF0 ? 2 : *p >= 0xF0 && *p < 0xF5 ? 3 : -1;
	int32_t		c = *p;

	*text = p + 1;
	if (more <= 0)
		return more < 0 ? -1 : c;
	c &= 0x3F >> more;
	for (int i = 1; i <= more; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3F);
	}
	if (c < lowest[more] || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
		return -1;
	*text = p + more + 1;
	return c;
}

/* does it show, and where it stands? */
static bool
is_plain(int32_t c)
{
	if (c < 0x80)
		return c >= 0x20 && c != 0x7F;
	if (!is_utf8 || c < 0xA0 || c == 0xAD || c == 0x61C || c == 0x200B || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
		(c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || c >= 0xE0000)
		return false;
	return wcwidth((wchar_t) c) >= 0;
}

static int
write_escape(char *to, int32_t c, unsigned char byte)
{
	if (c == '\n' || c == '\t' || c == '\r')
		return sprintf(to, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	if (c < 0x80)
		return sprintf(to, "\\x%02x", c < 0 ? byte : (unsigned) c);
	return sprintf(to, c > 0xFFFF ? "\\U%08x" : "\\u%04x", (unsigned) c);
}

char *
text_clean(const char *text)
{
	const unsigned char *p = (const unsigned char *) text;
	char	   *clean = client_alloc(strlen(text) * 4 + 1);	/* the longest escape of a byte has four; of two bytes six */
	char	   *to = clean;

	while (*p)
	{
		const unsigned char *from = p;
		int32_t		c = next_character(&p);

		if (c >= 0 && is_plain(c))
		{
			memcpy(to, from, p - from);
			to += p - from;
		}
		else
			to += write_escape(to, c, *from);
	}
	*to = '\0';
	return clean;
}

int
text_fit(const char *clean, int width)
{
	const unsigned char *p = (const unsigned char *) clean;

	while (*p)
	{
		const unsigned char *from = p;
		int32_t		c = next_character(&p);

		width -= c < 0x80 ? 1 : wcwidth((wchar_t) c);
		if (width < 0)
			return (int) ((const char *) from - clean);
	}
	return (int) ((const char *) p - clean);
}

int
text_width(const char *clean)
{
	const unsigned char *p = (const unsigned char *) clean;
	int			width = 0;

	while (*p)
	{
		int32_t		c = next_character(&p);

		width += c < 0x80 ? 1 : wcwidth((wchar_t) c);
	}
	return width;
}

void
text_put_lines(FILE *out, const char *text)
{
	while (*text)
	{
		size_t		length = strcspn(text, "\n");
		char	   *line = client_alloc(length + 1);
		char	   *clean;

		memcpy(line, text, length);
		clean = text_clean(line);
		fputs(clean, out);
		free(line);
		free(clean);
		text += length;
		text += strspn(text, "\n\t ");
		if (*text)
			fputs("\n\t", out);
	}
}

void
text_put_json(FILE *out, const char *text)
{
	if (text == NULL)
	{
		fputs("null", out);
		return;
	}
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *) text; *p;)
	{
		const unsigned char *from = p;
		int32_t		c = next_character(&p);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c == '\n' || c == '\t')
			fputs(c == '\n' ? "\\n" : "\\t", out);
		else if (c < 0)
			fputs("\\ufffd", out);
		else if (c < 0x20 || (c >= 0x7F && c < 0xA0))
			fprintf(out, "\\u%04x", (unsigned) c);
		else
			fwrite(from, 1, p - from, out);
	}
	fputc('"', out);
}

const char *
text_duration(double seconds)
{
	static char buffers[4][32];
	static int	turn;
	char	   *buffer = buffers[turn++ % 4];
	double		positive = seconds < 0 ? -seconds : seconds;
	long long	s = positive < 1e15 ? (long long) positive : 0; /* or what is no duration */

	if (s < 60)
		snprintf(buffer, sizeof(buffers[0]), "%llds", s);
	else if (s < 3600)
		snprintf(buffer, sizeof(buffers[0]), "%lldm %02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buffer, sizeof(buffers[0]), "%lldh %02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(buffer, sizeof(buffers[0]), "%lldd %02lldh", s / 86400, s / 3600 % 24);
	return buffer;
}
