/*
 * environment.c: variables that options say, the environment that a command gets of them; and a look at one that another
 * process shows in /proc.
 *
 * Input: a line of options, each with chr(1) behind it; then an environment as in /proc.
 */
#include "fuzz.h"

#include "agent/agent.h"

#include "keeper/leftover.c"

Agent		agent = {.box = "box", .database = "db"};

static bool
has_same_name(const char *a, const char *b)
{
	size_t		length = strcspn(a, "=");

	return strncmp(a, b, length) == 0 && b[length] == '=';
}

static void
make(const char *options)
{
	const char *const added[] = {"SYNERGY_PROCESS_NAME", "p", "SYNERGY_ENTRY_NAME", NULL, NULL};
	char	  **environment = environment_make(added, options);
	int			marks = 0;

	for (int i = 0; environment[i]; i++)
	{
		marks += strncmp(environment[i], "SYNERGY_BOX=", 12) == 0;
		must(strchr(environment[i], '\001') == NULL, "%s", environment[i]);
		must(strncmp(environment[i], "SYNERGY_ENTRY_NAME=", 19) != 0 || strstr(options, "SYNERGY_ENTRY_NAME="), "null was added");
		for (int k = 0; k < i; k++)
			must(strchr(environment[i], '=') == NULL || !has_same_name(environment[i], environment[k]), "%s twice", environment[i]);
	}
	must(marks == 1, "%d marks", marks);
	environment_free(environment);
}

/* every entry, one after the other */
static void
look(const char *environment, size_t size)
{
	static const char *const names[] = {"SYNERGY_BOX", "SYNERGY_DATABASE", "SYNERGY_AGENT_PID", "A"};

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
	{
		const char *found = find_variable(environment, (ssize_t) size, names[n]);
		size_t		length = strlen(names[n]);
		const char *expected = NULL;

		for (size_t begin = 0; begin < size && expected == NULL;)
		{
			size_t		end = begin;

			while (end < size && environment[end])
				end++;
			if (end - begin > length && memcmp(environment + begin, names[n], length) == 0 && environment[begin + length] == '=')
				expected = environment + begin + length + 1;
			begin = end + 1;
		}
		must(found == expected, "%s", names[n]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	char	   *options = input_line(&input, NULL);
	size_t		length;
	char	   *environment = input_rest(&input, &length);

	make(options);
	look(environment, length);
	free(options);
	free(environment);
	return 0;
}
