/*
 * client/generate_stream.c: synthetic site sessions, the same on every machine for a seed.
 *
 * So nothing of libm is used, whose last digits differ: sites and clients are Zipf's by 1 / rank; the wave of a day is 24
 * numbers and straight lines between; exponential times come from comparisons alone (von Neumann's way).
 *
 * The stream is that of arrivals.  A session arrives as it ends, a late one some time after: then it has ended before, in
 * an hour that is over.  So there are late ones from the first second on, and none is left over at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "client/generate_stream.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

#define LONGEST_SESSION	(3 * STREAM_HOUR)
#define SLUMP_LOSES		(2.0 / 3)
/* who owns a site must not depend on the seed: several streams may fill one table */
#define OWNER_SEED		UINT64_C(0x53796e65726779)
/* 198.18.0.0/15 is for tests of networks (RFC 2544), and so nobody's */
#define FIRST_IP		UINT32_C(0xc6120000)
#define IP_BITS			17

/* visits by the hour of the day */
static const double wave[24] = {
	0.50, 0.40, 0.33, 0.30, 0.30, 0.35, 0.50, 0.75, 1.00, 1.15, 1.25, 1.30,
	1.35, 1.30, 1.25, 1.20, 1.20, 1.25, 1.35, 1.55, 1.70, 1.55, 1.20, 0.80
};
static const double wave_peak = 1.70;

typedef struct Choice
{
	const char *name;
	const char *language;		/* of a country */
	int			x, y;			/* of a screen */
	int			weight;			/* in percent */
} Choice;

static const Choice countries[] = {
	{"US", "en", 0, 0, 28}, {"DE", "de", 0, 0, 12}, {"GB", "en", 0, 0, 10}, {"FR", "fr", 0, 0, 9}, {"UA", "uk", 0, 0, 8},
	{"PL", "pl", 0, 0, 7}, {"BR", "pt", 0, 0, 7}, {"JP", "ja", 0, 0, 6}, {"IN", "hi", 0, 0, 5}, {"CA", "en", 0, 0, 4},
	{"ES", "es", 0, 0, 4}
};
static const Choice systems[] = {
	{"Android", NULL, 0, 0, 34}, {"Windows", NULL, 0, 0, 31}, {"iOS", NULL, 0, 0, 19}, {"macOS", NULL, 0, 0, 11},
	{"Linux", NULL, 0, 0, 5}
};
static const Choice browsers[] = {
	{"Chrome", NULL, 0, 0, 58}, {"Safari", NULL, 0, 0, 20}, {"Edge", NULL, 0, 0, 9}, {"Firefox", NULL, 0, 0, 8},
	{"Opera", NULL, 0, 0, 5}
};
static const Choice screens[] = {
	{NULL, NULL, 390, 844, 30}, {NULL, NULL, 1920, 1080, 26}, {NULL, NULL, 412, 915, 20}, {NULL, NULL, 1366, 768, 12},
	{NULL, NULL, 2560, 1440, 8}, {NULL, NULL, 3840, 2160, 4}
};

struct Stream
{
	StreamOptions options;
	uint64_t	state[4];
	double	   *site_shares;	/* of each and all before it */
	int		   *owners;
	double		peak_rate;		/* arrivals per microsecond at the top of the wave */
	int64_t		now;
	double		rest;			/* of a microsecond */
};

/* ---------------------------------------------------------------- numbers */

/* splitmix64: a step of it, which also is a good hash */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t
rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

/* xoshiro256** (Blackman, Vigna) */
static uint64_t
random_bits(Stream *stream)
{
	uint64_t   *s = stream->state;
	uint64_t	result = rotate(s[1] * 5, 7) * 9;
	uint64_t	t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* from 0 to below 1 */
static double
fraction(uint64_t bits)
{
	return (double) (bits >> 11) * (1.0 / (UINT64_C(1) << 53));
}

static double
uniform(Stream *stream)
{
	return fraction(random_bits(stream));
}

/* with mean 1: falling runs of uniform numbers have odd lengths with just the right probability */
static double
exponential(Stream *stream)
{
	for (int whole = 0;; whole++)
	{
		double		first = uniform(stream);
		double		last = first;
		bool		is_odd = true;

		for (double next; (next = uniform(stream)) < last; last = next)
			is_odd = !is_odd;
		if (is_odd)
			return whole + first;
	}
}

static const Choice *
choose(Stream *stream, const Choice *choices, int n)
{
	int			percent = (int) (uniform(stream) * 100);
	int			i = 0;

	while (i < n - 1 && percent >= choices[i].weight)
		percent -= choices[i++].weight;
	return &choices[i];
}

/* the share of each of n and all before it, the i-th being worth 1 / i */
static double *
zipf_shares(int n)
{
	double	   *shares = client_alloc(n * sizeof(double));
	double		sum = 0;

	for (int i = 0; i < n; i++)
		shares[i] = sum += 1.0 / (i + 1);
	for (int i = 0; i < n; i++)
		shares[i] /= sum;
	return shares;
}

static int
zipf_pick(const double *shares, int n, double share)
{
	int			low = 0,
				high = n - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (shares[middle] > share)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* rounds down, before 1970 too */
static int64_t
floor_to(int64_t time, int64_t unit)
{
	int64_t		rest = time % unit;

	return time - (rest < 0 ? rest + unit : rest);
}

/* ---------------------------------------------------------------- the stream */

Stream *
stream_open(const StreamOptions *options)
{
	Stream	   *stream = client_alloc(sizeof(Stream));
	double	   *client_shares = zipf_shares(options->clients);
	double		sum = 0;

	stream->options = *options;
	stream->now = options->begin;
	for (int i = 0; i < 4; i++)
		stream->state[i] = mix(options->seed + (uint64_t) i * UINT64_C(0x9e3779b97f4a7c15));
	for (int i = 0; i < LENGTH(wave); i++)
		sum += wave[i];
	stream->peak_rate = options->rate / STREAM_SECOND * wave_peak / (sum / LENGTH(wave));
	stream->site_shares = zipf_shares(options->sites);
	stream->owners = client_alloc(options->sites * sizeof(int));
	for (int i = 0; i < options->sites; i++)
		stream->owners[i] = zipf_pick(client_shares, options->clients, fraction(mix(OWNER_SEED + (uint64_t) i)));
	free(client_shares);
	return stream;
}

void
stream_close(Stream *stream)
{
	free(stream->site_shares);
	free(stream->owners);
	free(stream);
}

/* the height of the wave, as a share of its peak */
static double
wave_height(int64_t time)
{
	int64_t		of_day = time - floor_to(time, STREAM_DAY);
	int			hour = (int) (of_day / STREAM_HOUR);
	double		since = (double) (of_day % STREAM_HOUR) / STREAM_HOUR;

	return (wave[hour] + (wave[(hour + 1) % LENGTH(wave)] - wave[hour]) * since) / wave_peak;
}

/* arrivals are a Poisson process: one of the peak's rate, of which only so many count */
static int64_t
next_arrival(Stream *stream)
{
	do
	{
		stream->rest += exponential(stream) / stream->peak_rate;
		stream->now += (int64_t) stream->rest;
		stream->rest -= (double) (int64_t) stream->rest;
	} while (uniform(stream) >= wave_height(stream->now));
	return stream->now;
}

/* is it one of those that a bad day costs a site? */
static bool
is_lost(Stream *stream, const Session *session)
{
	uint64_t	day = (uint64_t) (floor_to(session->ended_at, STREAM_DAY) / STREAM_DAY);
	uint64_t	hash = mix(mix(mix(stream->options.seed ^ OWNER_SEED) + day) + (uint64_t) session->site);

	return uniform(stream) < SLUMP_LOSES && fraction(hash) < stream->options.slump;
}

static void
set_times(Stream *stream, Session *session)
{
	int64_t		hour = floor_to(session->arrived_at, STREAM_HOUR);
	int64_t		ended_at;
	double		length = session->pages * (3 + 25 * exponential(stream)) * STREAM_SECOND;

	session->ended_at = session->arrived_at;
	session->is_late = false;
	if (uniform(stream) < stream->options.late)
	{
		ended_at = session->arrived_at - (int64_t) (2 * uniform(stream) * (double) stream->options.late_by);
		/* it has to be after its hour */
		if (ended_at >= hour)
			ended_at = hour - 1 - (int64_t) (uniform(stream) * 60 * STREAM_SECOND);
		if (ended_at >= stream->options.earliest)
		{
			session->ended_at = ended_at;
			session->is_late = true;
		}
	}
	session->started_at = session->ended_at - (length < LONGEST_SESSION ? (int64_t) length : LONGEST_SESSION);
}

void
stream_next(Stream *stream, Session *session)
{
	const Choice *country,
			   *screen;

	do
	{
		session->arrived_at = next_arrival(stream);
		session->site = zipf_pick(stream->site_shares, stream->options.sites, uniform(stream));
		session->pages = 1 + (int) (3 * exponential(stream));
		set_times(stream, session);
	} while (is_lost(stream, session));
	session->client = stream->owners[session->site];
	country = choose(stream, countries, LENGTH(countries));
	session->country = country->name;
	session->language = uniform(stream) < 0.85 ? country->language : "en";
	session->os = choose(stream, systems, LENGTH(systems))->name;
	session->browser = choose(stream, browsers, LENGTH(browsers))->name;
	screen = choose(stream, screens, LENGTH(screens));
	session->screen_x = screen->x;
	session->screen_y = screen->y;
	session->ip = FIRST_IP + (uint32_t) (random_bits(stream) >> (64 - IP_BITS));
}

/* ---------------------------------------------------------------- as text */

/* not printf: at hundreds of thousands of lines a second it would take half of the time */
static char *
put_text(char *to, const char *text)
{
	size_t		length = strlen(text);

	memcpy(to, text, length);
	to += length;
	*to++ = '\t';
	return to;
}

/* with zeros up to that width */
static char *
put_digits(char *to, int64_t number, int width)
{
	char		digits[24];
	int			n = 0;

	for (; number > 0 || n < width; number /= 10)
		digits[n++] = (char) ('0' + number % 10);
	while (n > 0)
		*to++ = digits[--n];
	return to;
}

static char *
put_number(char *to, int64_t number)
{
	to = put_digits(to, number, 1);
	*to++ = '\t';
	return to;
}

/* a day counted from 1970 as YYYY-MM-DD; years begin in March, so that February's end is theirs (Hinnant's way) */
static char *
put_date(char *to, int64_t days)
{
	int64_t		since = days + 719468;	/* 0000-03-01 */
	int64_t		era = floor_to(since, 146097) / 146097;
	int64_t		day_of_era = since - era * 146097;
	int64_t		year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t		day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t		month = (5 * day_of_year + 2) / 153;
	int64_t		day = day_of_year - (153 * month + 2) / 5 + 1;

	month += month < 10 ? 3 : -9;
	to = put_digits(to, year_of_era + era * 400 + (month <= 2), 4);
	*to++ = '-';
	to = put_digits(to, month, 2);
	*to++ = '-';
	return put_digits(to, day, 2);
}

static char *
put_time(char *to, int64_t time)
{
	int64_t		of_day = time - floor_to(time, STREAM_DAY);

	to = put_date(to, floor_to(time, STREAM_DAY) / STREAM_DAY);
	*to++ = ' ';
	to = put_digits(to, of_day / STREAM_HOUR, 2);
	*to++ = ':';
	to = put_digits(to, of_day / (60 * STREAM_SECOND) % 60, 2);
	*to++ = ':';
	to = put_digits(to, of_day / STREAM_SECOND % 60, 2);
	*to++ = '.';
	to = put_digits(to, of_day % STREAM_SECOND, 6);
	return put_text(to, "+00");
}

size_t
stream_print(const Session *session, char *line)
{
	char	   *to = line;

	memcpy(to, "site", 4);
	to = put_text(put_digits(to + 4, session->site + 1, 4), ".example");
	memcpy(to, "client", 6);
	to = put_text(put_digits(to + 6, session->client + 1, 3), "");
	to = put_time(to, session->started_at);
	to = put_time(to, session->ended_at);
	to = put_time(to, session->arrived_at);
	to = put_number(to, session->pages);
	to = put_text(to, session->country);
	to = put_text(to, session->language);
	to = put_text(to, session->os);
	to = put_text(to, session->browser);
	to = put_number(to, session->screen_x);
	to = put_number(to, session->screen_y);
	for (int shift = 24; shift >= 0; shift -= 8)
	{
		to = put_digits(to, session->ip >> shift & 255, 1);
		*to++ = shift ? '.' : '\n';
	}
	return (size_t) (to - line);
}
