/*
 * shown.c: what others wrote, shown on a terminal and as JSON.
 *
 * Nothing that a terminal obeys is left; cleaning what is clean changes nothing; the JSON has an end and only one.
 */
#include "fuzz.h"

#include "client/text.h"

/* C0, C1 and DEL, in UTF-8 as it is now */
static bool
is_obeyed(const unsigned char *c)
{
	return *c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0);
}

static void
cleaned(const char *text)
{
	char	   *clean = text_clean(text);
	char	   *again = text_clean(clean);
	int			width = text_width(clean);

	for (const char *c = clean; *c; c++)
		must(!is_obeyed((const unsigned char *) c), "%02x in %s", (unsigned char) *c, clean);
	must(strcmp(clean, again) == 0, "%s became %s", clean, again);
	must(text_fit(clean, width) == (int) strlen(clean), "%s in %d", clean, width);
	for (int i = 0; i < width && i < 100; i++)
	{
		int			fits = text_fit(clean, i);
		char	   *part = strndup(clean, (size_t) fits);

		must(text_width(part) <= i, "%s in %d", part, i);
		free(part);
	}
	free(clean);
	free(again);
}

static void
json(const char *text)
{
	char	   *made = NULL;
	size_t		size;
	FILE	   *out = open_memstream(&made, &size);
	const char *at;

	text_put_json(out, text);
	fclose(out);
	must(made[0] == '"' && strlen(made) == size, "%s", made);
	for (at = made + 1; *at && *at != '"'; at++)
	{
		must(!is_obeyed((const unsigned char *) at), "%02x in %s", (unsigned char) *at, made);
		if (*at == '\\')
		{
			must(strchr("\"\\ntu", *++at), "%s", made);
			if (*at == 'u')
				must(strspn(at + 1, "0123456789abcdef") >= 4, "%s", made);
		}
	}
	must(at == made + size - 1, "%s", made);
	free(made);
}

static void
lines(const char *text)
{
	char	   *made = NULL;
	size_t		size;
	FILE	   *out = open_memstream(&made, &size);

	text_put_lines(out, text);
	fclose(out);
	for (const char *at = made; (at = strchr(at, '\n')) != NULL; at++)
		must(at[1] == '\t', "%s", made);
	free(made);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_begun;
	Input		input = {data, size};
	char	   *text = input_rest(&input, NULL);
	double		seconds = 0;

	if (!has_begun)
	{
		setenv("LC_ALL", "C.UTF-8", 1);
		text_begin();
		must(text_is_utf8(), "no UTF-8");
		has_begun = true;
	}
	cleaned(text);
	json(text);
	lines(text);
	memcpy(&seconds, data, size < sizeof(seconds) ? size : sizeof(seconds));
	(void) text_duration(seconds);
	free(text);
	return 0;
}
