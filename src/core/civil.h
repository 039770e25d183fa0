/*
 * core/civil.h: the proleptic Gregorian calendar in a few lines.
 *
 * Days are counted from 2000-01-01 = 0, as Instants are.  The two conversions are Howard Hinnant's days_from_civil
 * and civil_from_days: a year that begins in March puts the leap day last, so that the day of the year is a linear
 * function of the month, and eras of 400 years (146097 days) keep the divisions non-negative for any year.
 *
 * Shared by timeperiods and triggers; header only, for both are hot and each use is a handful of instructions.
 */
#ifndef SYNERGY_CORE_CIVIL_H
#define SYNERGY_CORE_CIVIL_H

#include "core/types.h"

#define CIVIL_FIRST_YEAR	1
#define CIVIL_LAST_YEAR		9999
#define CIVIL_DAYS_IN_ERA	146097	/* days in 400 years */
#define CIVIL_EPOCH			730425	/* 2000-01-01, in days since 0000-03-01 */

typedef struct CivilDate
{
	int64_t		year;
	int			month;			/* 1..12 */
	int			day;			/* 1..31 */
} CivilDate;

/* division that rounds towards minus infinity, and the remainder that goes with it; the divisor is positive */
static inline int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static inline int64_t
floor_mod(int64_t a, int64_t b)
{
	int64_t		r = a % b;

	return r < 0 ? r + b : r;
}

static inline bool
civil_is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline int
civil_days_in_month(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && civil_is_leap(year) ? 29 : days[month - 1];
}

static inline int64_t
civil_to_days(int64_t year, int month, int day)
{
	int64_t		shifted = month <= 2 ? year - 1 : year;
	int64_t		era = floor_div(shifted, 400);
	int64_t		year_of_era = shifted - era * 400;
	int64_t		day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t		day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * CIVIL_DAYS_IN_ERA + day_of_era - CIVIL_EPOCH;
}

static inline CivilDate
civil_from_days(int64_t days)
{
	int64_t		shifted = days + CIVIL_EPOCH;
	int64_t		era = floor_div(shifted, CIVIL_DAYS_IN_ERA);
	int64_t		day_of_era = shifted - era * CIVIL_DAYS_IN_ERA;
	int64_t		year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t		day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int			month = (int) ((5 * day_of_year + 2) / 153);	/* 0 = March */
	CivilDate	date;

	date.day = (int) (day_of_year - (153 * month + 2) / 5) + 1;
	date.month = month < 10 ? month + 3 : month - 9;
	date.year = year_of_era + era * 400 + (date.month <= 2);
	return date;
}

/* 0 = Sunday, as cron has it; 2000-01-01 was a Saturday */
static inline int
civil_day_of_week(int64_t days)
{
	return (int) floor_mod(days + 6, 7);
}

/* the instants of the years 1..9999 are those from the first to, not including, the second */
static inline Instant
civil_first_instant(void)
{
	return civil_to_days(CIVIL_FIRST_YEAR, 1, 1) * INSTANT_DAY;
}

static inline Instant
civil_end_instant(void)
{
	return civil_to_days(CIVIL_LAST_YEAR + 1, 1, 1) * INSTANT_DAY;
}

#endif							/* SYNERGY_CORE_CIVIL_H */
