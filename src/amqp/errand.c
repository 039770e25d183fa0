/*
 * amqp/errand.c: asking the broker something, and waiting for its answer without being deaf meanwhile.
 *
 * librabbitmq's calls come back when the answer is there or their time is over, and not before.  So a thread makes the
 * call, while the caller looks every few moments whether there is something else to do (address->go_on), which may also
 * leave for good, by exit().  The thread blocks all signals, and touches nothing but the link; the link is touched by
 * nobody else until it is done.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "amqp/private.h"

#define SLICE_MS 50
#define ABORT_SLICES 10			/* its socket is shut down, and gives an error at once; while it connects there is none yet */

struct Errand
{
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool		is_over;
	AmqpLink   *link;
	AskFunction ask;
	AskArguments arguments;		/* a copy: who gave it may be gone (go_on) */
	AmqpResult	result;
};

static void *
run(void *argument)
{
	Errand	   *errand = argument;
	AmqpResult	result = errand->ask(errand->link, &errand->arguments);

	pthread_mutex_lock(&errand->mutex);
	errand->result = result;
	errand->is_over = true;
	pthread_cond_signal(&errand->changed);
	pthread_mutex_unlock(&errand->mutex);
	return NULL;
}

static bool
begin(Errand *errand)
{
	sigset_t	all,
				before;
	pthread_attr_t attributes;
	pthread_t	thread;
	bool		is_running;

	pthread_mutex_init(&errand->mutex, NULL);
	pthread_cond_init(&errand->changed, NULL);
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	is_running = pthread_create(&thread, &attributes, run, errand) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return is_running;
}

/* waits a moment; true: it is over */
static bool
wait_slice(Errand *errand)
{
	struct timespec until;
	bool		is_over;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += SLICE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&errand->mutex);
	if (!errand->is_over)
		(void) pthread_cond_timedwait(&errand->changed, &errand->mutex, &until);
	is_over = errand->is_over;
	pthread_mutex_unlock(&errand->mutex);
	return is_over;
}

static void
end(Errand *errand)
{
	errand->link->errand = NULL;
	/* the thread may not have let go of it yet */
	pthread_mutex_lock(&errand->mutex);
	pthread_mutex_unlock(&errand->mutex);
	pthread_cond_destroy(&errand->changed);
	pthread_mutex_destroy(&errand->mutex);
	free(errand);
}

bool
errand_abort(AmqpLink *link)
{
	Errand	   *errand = link->errand;

	if (errand == NULL)
		return true;
	link->is_broken = true;
	if (link->connection != NULL)
		(void) shutdown(amqp_get_sockfd(link->connection), SHUT_RDWR);
	for (int i = 0; i < ABORT_SLICES; i++)
		if (wait_slice(errand))
		{
			end(errand);
			return true;
		}
	return false;
}

AmqpResult
errand_run(AmqpLink *link, AskFunction ask, const AskArguments *arguments)
{
	Errand	   *errand = link->address.go_on ? calloc(1, sizeof(Errand)) : NULL;
	AmqpResult	result;

	if (link_push(link) != AMQP_OK) /* the question comes behind what was published */
		return AMQP_FAILED;
	if (errand == NULL)
		return ask(link, arguments);
	errand->link = link;
	errand->ask = ask;
	errand->arguments = *arguments;
	if (!begin(errand))
	{
		free(errand);
		return ask(link, arguments);
	}
	link->errand = errand;
	while (!wait_slice(errand))
		if (!link->address.go_on())
		{
			(void) errand_abort(link);	/* or else destroy() leaves the link to the thread */
			return link_fail(link, "waiting for the broker", AMQP_STATUS_CONNECTION_CLOSED);
		}
	result = errand->result;
	end(errand);
	return result;
}
