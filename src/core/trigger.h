/*
 * core/trigger.h: when does a process or a freerun fire next?
 *
 * A trigger frequency is one of
 *	 every 60 | every 5 minutes | every 1 hour 30 minutes | every 00:05:00 | every 2 days | every 1 month
 *	 at 08:00,1-17:30          days of the week 0 = Monday; without a day: every day
 *	 cron expression           five fields with names, lists, ranges, steps, L for the last day of the month; @hourly...
 *	 once 2026-12-31 23:59     exactly one time
 *
 * Pure: no clock, no allocation, no time zone database.  Local time comes through a TriggerZone, which the server
 * fills with its own zone tables and unit tests with made ones.  NULL is UTC.
 *
 * Daylight saving (at, cron, once): a local time that is skipped fires once, right after the gap; one that comes
 * twice fires at its first coming only.  A cron whose hour field names all hours of the day ("at so many minutes
 * past each hour") follows real time instead: it fires whenever the clock on the wall shows what it names.
 */
#ifndef SYNERGY_CORE_TRIGGER_H
#define SYNERGY_CORE_TRIGGER_H

#include "core/types.h"

typedef enum TriggerKind
{
	TRIGGER_EVERY,
	TRIGGER_AT,
	TRIGGER_CRON,
	TRIGGER_ONCE,
} TriggerKind;

#define TRIGGER_MAX_TIMES 64		/* entries of one "at" list */

typedef struct TriggerRule
{
	TriggerKind kind;
	/* every: either microseconds, aligned to Monday 2000-01-03 00:00 UTC, or whole months, aligned to January */
	int64_t		interval;
	int32_t		months;
	/* at: minutes since Monday 00:00 local, ascending, no doubles; with daily entries spelled out for all seven days */
	int32_t		n_times;
	int16_t		times[TRIGGER_MAX_TIMES * 7];
	/* cron: bit sets */
	uint64_t	minutes;
	uint32_t	hours;
	uint32_t	days_of_month;		/* bits 1..31 */
	bool		last_day;			/* L */
	uint16_t	months_of_year;		/* bits 1..12 */
	uint8_t		days_of_week;		/* bits 0..6, 0 = Sunday, as cron has it */
	bool		dom_star;			/* either star: both must match; none: either may (POSIX) */
	bool		dow_star;
	bool		follows_real_time;	/* a cron that names all hours of the day */
	/* once: local date and time as microseconds since 2000-01-01, read as if it were UTC */
	int64_t		once;
} TriggerRule;

typedef struct TriggerZone
{
	/* microseconds to add to UTC to get local time at that instant */
	int64_t		(*offset_at) (void *context, Instant instant);
	void	   *context;
} TriggerZone;

typedef struct TriggerError
{
	char		message[192];		/* lower case, no period: goes after the text that was refused */
	int			position;			/* 0-based byte offset into the text */
} TriggerError;

/* messages, and the words in them, in another language, when somebody sets it: NULL leaves them as they are */
extern const char *(*trigger_translate) (const char *text);

/* parse; false with *error filled for anything that is not exactly one of the forms above */
extern bool trigger_parse(const char *text, TriggerRule *out, TriggerError *error);

/* the first fire strictly after `after`; false when there is none (once, 30 February, beyond year 9999) */
extern bool trigger_next(const TriggerRule *trigger, const TriggerZone *zone, Instant after, Instant *next);

#endif							/* SYNERGY_CORE_TRIGGER_H */
