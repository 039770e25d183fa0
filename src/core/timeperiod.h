/*
 * core/timeperiod.h: arithmetic of timeperiods.
 *
 * A timeperiod is the decimal number that its text spells: YYYYMMDDHH for the period of a managed process, with
 * zeros below the process's precision (hourly 2016042005, daily 2016042000, monthly 2016040000, yearly
 * 2016000000), or YYYYMMDDHHMMSS for a freerun's unit.  All times are UTC, years run from 1 to 9999.
 *
 * Two facts that the rest of the code leans on: within one qualifier numbers sort as time does; and the periods of
 * any lower qualifier that lie in the period P are exactly those with P <= number < step(P, 1).
 *
 * Functions that may leave the years 1 to 9999 return false (or TIMEPERIOD_NONE) instead.
 */
#ifndef SYNERGY_CORE_TIMEPERIOD_H
#define SYNERGY_CORE_TIMEPERIOD_H

#include "core/types.h"

typedef int64_t Timeperiod;

#define TIMEPERIOD_NONE			INT64_C(0)
#define TIMEPERIOD_DIGITS		10	/* YYYYMMDDHH */
#define TIMEPERIOD_LONG_DIGITS	14	/* YYYYMMDDHHMMSS */
#define TIMEPERIOD_BUFFER		16	/* room for the text and its NUL */

/* ordered from the bottom of a timetable to its top */
typedef enum TimeQualifier
{
	QUALIFIER_HOURLY,
	QUALIFIER_DAILY,
	QUALIFIER_MONTHLY,
	QUALIFIER_YEARLY,
} TimeQualifier;
#define QUALIFIER_COUNT 4

extern const char *time_qualifier_name(TimeQualifier qualifier);
extern bool time_qualifier_from_name(const char *name, TimeQualifier *out);

/*
 * Text.  Exactly 10 or 14 digits that name a real hour, day, month, year or second; a zero month implies a zero
 * day and hour, a zero day implies a zero hour, and a 14-digit one has no zero month or day.
 */
extern bool timeperiod_parse(const char *text, size_t length, Timeperiod *out);
extern int	timeperiod_format(Timeperiod timeperiod, char buffer[TIMEPERIOD_BUFFER]);	/* returns the length */
extern bool timeperiod_is_long(Timeperiod timeperiod);	/* 14 digits */

/* order of their texts: -1, 0, 1 ("2016042005" sorts before "20160420050000") */
extern int	timeperiod_compare(Timeperiod a, Timeperiod b);

/* is it written at this qualifier's precision?  2016042000 is daily and (midnight) hourly, 2016042005 only hourly */
extern bool timeperiod_fits(TimeQualifier qualifier, Timeperiod timeperiod);

/* the finest qualifier that it must have: 2016042005 hourly, 2016042000 daily, 2016040000 monthly, 2016000000 yearly */
extern TimeQualifier timeperiod_guess_qualifier(Timeperiod timeperiod);

/* the period of `qualifier` that holds the first instant of `timeperiod`: casts up and down */
extern Timeperiod timeperiod_cast(TimeQualifier qualifier, Timeperiod timeperiod);

/* the period `delta` periods later (or earlier); false when that leaves the years 1..9999 */
extern bool timeperiod_step(TimeQualifier qualifier, Timeperiod timeperiod, int64_t delta, Timeperiod *out);

/* number of periods from a to b: step(a, result) = b; both at the qualifier's precision */
extern int64_t timeperiod_distance(TimeQualifier qualifier, Timeperiod a, Timeperiod b);

/* half-open bounds; the end of year 9999 is a real instant (10000-01-01) though no timeperiod begins there */
extern Instant timeperiod_start(Timeperiod timeperiod);
extern Instant timeperiod_end(TimeQualifier qualifier, Timeperiod timeperiod);

/* the period that holds the instant; false outside the years 1..9999 */
extern bool timeperiod_at(TimeQualifier qualifier, Instant instant, Timeperiod *out);
extern bool timeperiod_long_at(Instant instant, Timeperiod *out);	/* YYYYMMDDHHMMSS */

/*
 * Grouping: every n-th hour of the day (0, n, 2n... but hour 0 does not count unless it is the last), day of the
 * month, month of the year is a milestone, and so is the last one.  Groups tile time: a group begins right after
 * the milestone before it.  With a grouping of 1 each period is its own milestone.  (RULES.md R11)
 */
extern bool time_grouping_is_valid(TimeQualifier qualifier, int grouping);	/* 1..23, 1..28, 1..12, 1 */
extern int	time_grouping_limit(TimeQualifier qualifier);
extern bool timeperiod_is_milestone(TimeQualifier qualifier, int grouping, Timeperiod timeperiod);
extern Timeperiod timeperiod_group_start(TimeQualifier qualifier, int grouping, Timeperiod milestone);
/* the milestone whose group holds the period (itself when it is one) */
extern Timeperiod timeperiod_group_milestone(TimeQualifier qualifier, int grouping, Timeperiod timeperiod);

#endif							/* SYNERGY_CORE_TIMEPERIOD_H */
