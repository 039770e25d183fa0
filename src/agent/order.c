/*
 * agent/order.c: from the columns of agent_claim and agent_daemons to what is to be run; and its environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"

extern char **environ;

static const char *
text_or_null(PGresult *result, int row, int column)
{
	return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

static int64_t
number_or(PGresult *result, int row, int column, int64_t otherwise)
{
	return PQgetisnull(result, row, column) ? otherwise : strtoll(PQgetvalue(result, row, column), NULL, 10);
}

void
order_read(RunOrder *order, PGresult *result, int row, int column)
{
	order->command = PQgetvalue(result, row, column);
	order->timeout_ms = number_or(result, row, column + 1, 0);
	order->kill_grace_ms = (int) number_or(result, row, column + 2, 10000);
	order->working_directory = text_or_null(result, row, column + 3);
	order->umask = (int) number_or(result, row, column + 4, -1);
	order->run_as = text_or_null(result, row, column + 5);
	order->cpu_limit_s = (int) number_or(result, row, column + 6, 0);
	order->memory_limit = number_or(result, row, column + 7, 0);
	order->open_files = (int) number_or(result, row, column + 8, 0);
}

typedef struct Environment
{
	char	  **entries;
	int			n;
	int			capacity;
} Environment;

static void
set_entry(Environment *environment, char *entry)
{
	size_t		name = strcspn(entry, "=") + 1;

	for (int i = 0; i < environment->n; i++)
		if (strncmp(environment->entries[i], entry, name) == 0)
		{
			free(environment->entries[i]);
			environment->entries[i] = entry;
			return;
		}
	if (environment->n + 1 >= environment->capacity)
	{
		environment->capacity = environment->capacity ? environment->capacity * 2 : 64;
		environment->entries = client_realloc(environment->entries, sizeof(char *) * environment->capacity);
	}
	environment->entries[environment->n++] = entry;
	environment->entries[environment->n] = NULL;
}

/* each ends with chr(1) */
static void
set_options(Environment *environment, const char *options)
{
	for (const char *end; options && (end = strchr(options, '\001')) != NULL; options = end + 1)
	{
		char	   *entry = client_alloc(end - options + 1);

		memcpy(entry, options, end - options);
		set_entry(environment, entry);
	}
}

static void
set_variables(Environment *environment, const char *const *variables)
{
	for (; variables[0]; variables += 2)
		if (variables[1])
		{
			Text		text = {0};

			text_print(&text, "%s=%s", variables[0], variables[1]);
			set_entry(environment, text.data);
		}
}

char **
environment_make(const char *const *added, const char *options)
{
	Environment environment = {0};
	char		pid[16];
	const char *const marks[] = {"SYNERGY_BOX", agent.box, "SYNERGY_DATABASE", agent.database, "SYNERGY_AGENT_PID", pid, NULL};

	snprintf(pid, sizeof(pid), "%d", (int) getpid());

	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, "PGPASSWORD=", 11) != 0 && strncmp(*entry, "SYNERGY_", 8) != 0)
			set_entry(&environment, client_strdup(*entry));
	set_variables(&environment, marks);
	set_variables(&environment, added);
	set_options(&environment, options);
	return environment.entries;
}

void
environment_free(char **environment)
{
	for (char **entry = environment; environment && *entry; entry++)
		free(*entry);
	free(environment);
}
