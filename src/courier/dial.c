/*
 * courier/dial.c: one connection to the broker: making it, losing it, trying again.
 *
 * Each step of connecting waits for one answer of the broker, interrupts being served meanwhile.  At first for less than
 * a second; each time that this was not enough, the next connection waits twice as long, up to 30 s: a broker that is
 * slow, and alive, is got through to.
 *
 * An episode of failure begins with the first one of either connection, is reported once, and ends when both have
 * lasted for a while.  Within it the addresses are tried in turn, and after all of them have failed comes a pause: 1 s, 2 s, up to 15.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "courier/courier.h"
#include "guc.h"
#include "nls.h"

#define FIRST_BACKOFF (1 * USECS_PER_SEC)
#define MAX_BACKOFF (15 * USECS_PER_SEC)
#define MOMENT (20 * 1000)		/* until it is asked again whether the name has been found */
#define LASTING (3 * USECS_PER_SEC) /* a connection that was up for so long was one */

static int	n_failing = 0;		/* dials in an episode */

/* host, port and virtual host: what comes after user and password */
static void
note_host(Dial *dial, const char *uri)
{
	const char *start = strstr(uri, "://");
	const char *at;

	start = start ? start + 3 : uri;
	at = strrchr(start, '@');
	strlcpy(dial->host, at ? at + 1 : start, sizeof(dial->host));
}

/* the first line of the file, as it is now; false: it cannot be read */
static bool
read_password(Dial *dial, const char *path)
{
	FILE	   *file = AllocateFile(path, "r");
	bool		is_read;

	if (file == NULL)
		return false;
	is_read = fgets(dial->password, sizeof(dial->password), file) != NULL;
	FreeFile(file);
	dial->password[strcspn(dial->password, "\r\n")] = '\0';
	return is_read;
}

static void
begin(Dial *dial)
{
	const CourierSettings *settings = dial->settings;
	AmqpAddress address = {0};
	const char *uri = list_nth(settings->uris, dial->next_uri % list_length(settings->uris));

	note_host(dial, uri);
	snprintf(dial->name, sizeof(dial->name), "synergy %s, database %u", dial->role, MyDatabaseId);
	address.uri = uri;
	address.name = dial->name;
	address.password = settings->password_file ? dial->password : NULL;
	address.ca_file = settings->ca_file;
	address.cert_file = settings->cert_file;
	address.key_file = settings->key_file;
	address.verify_peer = settings->verify != AMQP_VERIFY_NONE;
	address.verify_host = settings->verify == AMQP_VERIFY_FULL;
	address.confirms = dial->confirms;
	address.channels = dial->channels;
	dial->patience_ms = Max(dial->patience_ms, AMQP_PATIENCE_MS);
	address.patience_ms = dial->patience_ms;
	address.go_on = settings->go_on;
	if (settings->password_file && !read_password(dial, settings->password_file))
		dial_fail(dial, "the file of synergy.amqp_password_file cannot be read");
	else if (strncmp(uri, "amqps:", 6) == 0 && address.verify_peer && settings->ca_file == NULL)
		dial_fail(dial, "synergy.amqp_ca_file must name the certificates to trust");
	else if ((dial->link = amqp->create(&address)) == NULL)
		dial_fail(dial, "out of memory");
}

static void
end_episode(Dial *dial)
{
	dial->backoff = 0;
	dial->patience_ms = 0;
	dial->failing_since = 0;
	dial->error[0] = '\0';
	if (--n_failing == 0)
		ereport(LOG, (errmsg("synergy courier is connected to RabbitMQ at %s again", dial->host)));
}

bool
dial_advance(Dial *dial)
{
	TimestampTz now = GetCurrentTimestamp();
	AmqpResult	result;

	if (dial->is_up)
	{
		if (dial->failing_since != 0 && now - dial->up_since > LASTING)
			end_episode(dial);
		return false;
	}
	if (now < dial->not_before)
		return false;
	if (dial->link == NULL)
		begin(dial);
	if (dial->link == NULL)
		return false;
	result = amqp->connect_step(dial->link);
	if (result == AMQP_FAILED)
		dial_fail(dial, NULL);
	if (result == AMQP_WAIT)
		dial->not_before = now + MOMENT;
	if (result != AMQP_OK)
		return false;
	dial->is_up = true;
	dial->up_since = GetCurrentTimestamp();
	dial->generation++;
	return true;
}

void
dial_fail(Dial *dial, const char *error)
{
	TimestampTz now = GetCurrentTimestamp();
	int			n = list_length(dial->settings->uris);

	if (error == NULL && amqp->timed_out(dial->link))
		dial->patience_ms = Min(dial->patience_ms * 2, AMQP_MAX_PATIENCE_MS);
	strlcpy(dial->error, error ? error : amqp->error(dial->link), sizeof(dial->error));
	dial_hang_up(dial, false);
	if (dial->failing_since == 0)
	{
		dial->failing_since = now;
		if (n_failing++ == 0)
			ereport(WARNING,
					(errcode(ERRCODE_CONNECTION_FAILURE),
					 errmsg("synergy courier has no connection to RabbitMQ at %s: %s", dial->host, dial->error),
					 errhint("It goes on trying; what is to be published waits in synergy.outbox.")));
	}
	dial->next_uri++;
	if (n > 1 && dial->next_uri % n != 0)
	{
		dial->backoff = Max(dial->backoff, 1);	/* the next one at once */
		return;
	}
	dial->backoff = dial->backoff < FIRST_BACKOFF ? FIRST_BACKOFF : Min(dial->backoff * 2, MAX_BACKOFF);
	dial->not_before = now + dial->backoff;
}

void
dial_hang_up(Dial *dial, bool orderly)
{
	AmqpLink   *link = dial->link;

	dial->link = NULL;
	dial->is_up = false;
	amqp->destroy(link, orderly);
}

TimestampTz
dial_next(const Dial *dial)
{
	return dial->is_up ? PG_INT64_MAX : dial->not_before;
}
