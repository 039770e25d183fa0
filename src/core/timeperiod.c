/*
 * core/timeperiod.c: arithmetic of timeperiods.
 *
 * A timeperiod is taken apart into its fields, and its place in time is then one number, the ordinal: the count of
 * hours, days, months or years since 2000-01-01 00:00.  Stepping, measuring distances and bounds are plain integer
 * arithmetic on ordinals; nothing here looks at one period after the other.  The ordinals of the years 1 to 9999
 * are a small range, so comparing a delta with the room that is left on either side keeps any int64 from
 * overflowing.
 *
 * Numbers that are no timeperiod (a text that was never parsed, a 30 February) are the caller's error.  They are
 * nevertheless met without undefined behaviour: fits() is false, cast() is TIMEPERIOD_NONE, step() is false.
 */
#include "core/timeperiod.h"

#include <string.h>

#include "core/civil.h"

/* the smallest number that is written with 14 digits; the largest one with 10 is 9999123123 */
#define LONG_FLOOR		INT64_C(10000000000)
#define SHORT_LIMIT		INT64_C(9999123123)
#define LONG_LIMIT		INT64_C(99991231235959)

/* what a timeperiod spells; month and day are 0 below its precision */
typedef struct Fields
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
} Fields;

static const char *const qualifier_names[QUALIFIER_COUNT] = {
	[QUALIFIER_HOURLY] = "hourly",
	[QUALIFIER_DAILY] = "daily",
	[QUALIFIER_MONTHLY] = "monthly",
	[QUALIFIER_YEARLY] = "yearly",
};

const char *
time_qualifier_name(TimeQualifier qualifier)
{
	return (int) qualifier >= 0 && (int) qualifier < QUALIFIER_COUNT ? qualifier_names[qualifier] : NULL;
}

bool
time_qualifier_from_name(const char *name, TimeQualifier *out)
{
	if (name == NULL)
		return false;
	for (int i = 0; i < QUALIFIER_COUNT; i++)
	{
		if (strcmp(qualifier_names[i], name) == 0)
		{
			*out = (TimeQualifier) i;
			return true;
		}
	}
	return false;
}

/* ---------------------------------------------------------------- fields and back */

static Fields
fields_from_number(Timeperiod timeperiod)
{
	Fields		f = {0};

	if (timeperiod_is_long(timeperiod))
	{
		f.second = (int) (timeperiod % 100);
		f.minute = (int) (timeperiod / 100 % 100);
		timeperiod /= 10000;
	}
	f.hour = (int) (timeperiod % 100);
	f.day = (int) (timeperiod / 100 % 100);
	f.month = (int) (timeperiod / 10000 % 100);
	f.year = (int) (timeperiod / 1000000);
	return f;
}

static Timeperiod
number_from_fields(int64_t year, int month, int day, int hour)
{
	return ((year * 100 + month) * 100 + day) * 100 + hour;
}

/* the one definition of what a timeperiod is; the parser and all others ask it */
static bool
fields_of(Timeperiod timeperiod, Fields *f)
{
	bool		is_long = timeperiod_is_long(timeperiod);

	if (timeperiod <= 0 || timeperiod > LONG_LIMIT)
		return false;
	*f = fields_from_number(timeperiod);
	if (f->year < CIVIL_FIRST_YEAR || f->year > CIVIL_LAST_YEAR || f->month > 12)
		return false;
	if (f->hour > 23 || f->minute > 59 || f->second > 59)
		return false;
	if (f->month == 0)
		return !is_long && f->day == 0 && f->hour == 0;
	if (f->day == 0)
		return !is_long && f->hour == 0;
	return f->day <= civil_days_in_month(f->year, f->month);
}

bool
timeperiod_is_long(Timeperiod timeperiod)
{
	return timeperiod >= LONG_FLOOR;
}

bool
timeperiod_parse(const char *text, size_t length, Timeperiod *out)
{
	Timeperiod	number = 0;
	Fields		f;

	if (length != TIMEPERIOD_DIGITS && length != TIMEPERIOD_LONG_DIGITS)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
		number = number * 10 + (text[i] - '0');
	}
	/* 14 digits with the year 0000 may be as small a number as one of 10 digits */
	if (timeperiod_is_long(number) != (length == TIMEPERIOD_LONG_DIGITS))
		return false;
	if (!fields_of(number, &f))
		return false;
	*out = number;
	return true;
}

/* a number with more digits than any timeperiod, or less than zero, gives the empty text */
int
timeperiod_format(Timeperiod timeperiod, char buffer[TIMEPERIOD_BUFFER])
{
	int			length = timeperiod_is_long(timeperiod) ? TIMEPERIOD_LONG_DIGITS : TIMEPERIOD_DIGITS;

	if (timeperiod < 0 || timeperiod > LONG_LIMIT)
		length = 0;
	for (int i = length - 1; i >= 0; i--)
	{
		buffer[i] = (char) ('0' + timeperiod % 10);
		timeperiod /= 10;
	}
	buffer[length] = '\0';
	return length;
}

int
timeperiod_compare(Timeperiod a, Timeperiod b)
{
	bool		a_long = timeperiod_is_long(a);
	bool		b_long = timeperiod_is_long(b);
	Timeperiod	a_head = a_long && !b_long ? a / 10000 : a;
	Timeperiod	b_head = b_long && !a_long ? b / 10000 : b;

	if (a_head != b_head)
		return a_head < b_head ? -1 : 1;
	/* one is the beginning of the other, or they are the same */
	return (a_long > b_long) - (a_long < b_long);
}

/* ---------------------------------------------------------------- ordinals */

/* the number of the qualifier's periods from the one that begins at 2000-01-01 00:00 to the one that holds f */
static int64_t
ordinal_of(TimeQualifier qualifier, const Fields *f)
{
	int			month = f->month > 0 ? f->month : 1;
	int			day = f->day > 0 ? f->day : 1;

	switch (qualifier)
	{
		case QUALIFIER_HOURLY:
			return civil_to_days(f->year, month, day) * 24 + f->hour;
		case QUALIFIER_DAILY:
			return civil_to_days(f->year, month, day);
		case QUALIFIER_MONTHLY:
			return ((int64_t) f->year - 2000) * 12 + month - 1;
		case QUALIFIER_YEARLY:
			break;
	}
	return (int64_t) f->year - 2000;
}

static Timeperiod
number_from_ordinal(TimeQualifier qualifier, int64_t ordinal)
{
	CivilDate	date;

	switch (qualifier)
	{
		case QUALIFIER_HOURLY:
			date = civil_from_days(floor_div(ordinal, 24));
			return number_from_fields(date.year, date.month, date.day, (int) floor_mod(ordinal, 24));
		case QUALIFIER_DAILY:
			date = civil_from_days(ordinal);
			return number_from_fields(date.year, date.month, date.day, 0);
		case QUALIFIER_MONTHLY:
			return number_from_fields(2000 + floor_div(ordinal, 12), (int) floor_mod(ordinal, 12) + 1, 0, 0);
		case QUALIFIER_YEARLY:
			break;
	}
	return number_from_fields(2000 + ordinal, 0, 0, 0);
}

/* where the period begins; also for the first ordinal after the year 9999 */
static Instant
start_of_ordinal(TimeQualifier qualifier, int64_t ordinal)
{
	switch (qualifier)
	{
		case QUALIFIER_HOURLY:
			return ordinal * INSTANT_HOUR;
		case QUALIFIER_DAILY:
			return ordinal * INSTANT_DAY;
		case QUALIFIER_MONTHLY:
			return civil_to_days(2000 + floor_div(ordinal, 12), (int) floor_mod(ordinal, 12) + 1, 1) * INSTANT_DAY;
		case QUALIFIER_YEARLY:
			break;
	}
	return civil_to_days(2000 + ordinal, 1, 1) * INSTANT_DAY;
}

bool
timeperiod_step(TimeQualifier qualifier, Timeperiod timeperiod, int64_t delta, Timeperiod *out)
{
	static const Fields first = {.year = CIVIL_FIRST_YEAR, .month = 1, .day = 1};
	static const Fields last = {.year = CIVIL_LAST_YEAR, .month = 12, .day = 31, .hour = 23};
	Fields		f;
	int64_t		ordinal;

	if (!fields_of(timeperiod, &f))
		return false;
	ordinal = ordinal_of(qualifier, &f);
	if (delta > ordinal_of(qualifier, &last) - ordinal || delta < ordinal_of(qualifier, &first) - ordinal)
		return false;
	*out = number_from_ordinal(qualifier, ordinal + delta);
	return true;
}

/* 0 when either is no timeperiod */
int64_t
timeperiod_distance(TimeQualifier qualifier, Timeperiod a, Timeperiod b)
{
	Fields		from;
	Fields		to;

	if (!fields_of(a, &from) || !fields_of(b, &to))
		return 0;
	return ordinal_of(qualifier, &to) - ordinal_of(qualifier, &from);
}

/* ---------------------------------------------------------------- precision */

/* the finest qualifier that fields written like these must have */
static TimeQualifier
precision_of(const Fields *f)
{
	if (f->month == 0)
		return QUALIFIER_YEARLY;
	if (f->day == 0)
		return QUALIFIER_MONTHLY;
	return f->hour == 0 && f->minute == 0 && f->second == 0 ? QUALIFIER_DAILY : QUALIFIER_HOURLY;
}

bool
timeperiod_fits(TimeQualifier qualifier, Timeperiod timeperiod)
{
	Fields		f;

	if (timeperiod_is_long(timeperiod) || !fields_of(timeperiod, &f))
		return false;
	if (precision_of(&f) == qualifier)
		return true;
	/* midnight is written the same as its day */
	return qualifier == QUALIFIER_HOURLY && precision_of(&f) == QUALIFIER_DAILY;
}

TimeQualifier
timeperiod_guess_qualifier(Timeperiod timeperiod)
{
	Fields		f = fields_from_number(timeperiod);

	return timeperiod_is_long(timeperiod) ? QUALIFIER_HOURLY : precision_of(&f);
}

Timeperiod
timeperiod_cast(TimeQualifier qualifier, Timeperiod timeperiod)
{
	Fields		f;

	if (!fields_of(timeperiod, &f))
		return TIMEPERIOD_NONE;
	return number_from_ordinal(qualifier, ordinal_of(qualifier, &f));
}

/* ---------------------------------------------------------------- instants */

Instant
timeperiod_start(Timeperiod timeperiod)
{
	Fields		f;

	if (!fields_of(timeperiod, &f))
		return civil_first_instant();
	return ordinal_of(QUALIFIER_HOURLY, &f) * INSTANT_HOUR + f.minute * INSTANT_MINUTE + f.second * INSTANT_SECOND;
}

Instant
timeperiod_end(TimeQualifier qualifier, Timeperiod timeperiod)
{
	Fields		f;

	if (!fields_of(timeperiod, &f))
		return civil_first_instant();
	return start_of_ordinal(qualifier, ordinal_of(qualifier, &f) + 1);
}

bool
timeperiod_at(TimeQualifier qualifier, Instant instant, Timeperiod *out)
{
	CivilDate	date;
	Fields		f = {0};

	if (instant < civil_first_instant() || instant >= civil_end_instant())
		return false;
	date = civil_from_days(floor_div(instant, INSTANT_DAY));
	f.year = (int) date.year;
	f.month = date.month;
	f.day = date.day;
	f.hour = (int) (floor_mod(instant, INSTANT_DAY) / INSTANT_HOUR);
	*out = number_from_ordinal(qualifier, ordinal_of(qualifier, &f));
	return true;
}

bool
timeperiod_long_at(Instant instant, Timeperiod *out)
{
	Timeperiod	hour;
	int64_t		seconds;

	if (!timeperiod_at(QUALIFIER_HOURLY, instant, &hour))
		return false;
	seconds = floor_mod(instant, INSTANT_HOUR) / INSTANT_SECOND;
	*out = hour * 10000 + seconds / 60 * 100 + seconds % 60;
	return true;
}

/* ---------------------------------------------------------------- grouping */

/*
 * Which number a period has in the day, month or year that groups begin anew with, and the range of these numbers.
 * Hours count from 0, and hour 0 is never a multiple; days and months count from 1.
 */
typedef struct Place
{
	int			number;
	int			first;
	int			last;
} Place;

static Place
place_of(TimeQualifier qualifier, const Fields *f)
{
	Place		place = {1, 1, 1};

	switch (qualifier)
	{
		case QUALIFIER_HOURLY:
			place.number = f->hour;
			place.first = 0;
			place.last = 23;
			break;
		case QUALIFIER_DAILY:
			place.number = f->day > 0 ? f->day : 1;
			place.last = civil_days_in_month(f->year, f->month > 0 ? f->month : 1);
			break;
		case QUALIFIER_MONTHLY:
			place.number = f->month > 0 ? f->month : 1;
			place.last = 12;
			break;
		case QUALIFIER_YEARLY:
			break;
	}
	return place;
}

int
time_grouping_limit(TimeQualifier qualifier)
{
	switch (qualifier)
	{
		case QUALIFIER_HOURLY:
			return 23;
		case QUALIFIER_DAILY:
			return 28;			/* so that every month has a milestone beside its last day */
		case QUALIFIER_MONTHLY:
			return 12;
		case QUALIFIER_YEARLY:
			break;
	}
	return 1;
}

bool
time_grouping_is_valid(TimeQualifier qualifier, int grouping)
{
	return grouping >= 1 && grouping <= time_grouping_limit(qualifier);
}

bool
timeperiod_is_milestone(TimeQualifier qualifier, int grouping, Timeperiod timeperiod)
{
	Fields		f;
	Place		place;

	if (!fields_of(timeperiod, &f))
		return false;
	if (grouping <= 1)
		return true;
	place = place_of(qualifier, &f);
	return place.number == place.last || (place.number > 0 && place.number % grouping == 0);
}

/*
 * The multiple before this number ends the group before; where there is none, the last hour, day or month of the
 * larger period before does.  Given a period that is no milestone, this is the start of the group that holds it.
 */
Timeperiod
timeperiod_group_start(TimeQualifier qualifier, int grouping, Timeperiod milestone)
{
	Fields		f;
	Place		place;
	int			before;

	if (!fields_of(milestone, &f))
		return TIMEPERIOD_NONE;
	if (grouping <= 1)
		return timeperiod_cast(qualifier, milestone);
	place = place_of(qualifier, &f);
	before = place.number > 0 ? (place.number - 1) / grouping * grouping : 0;
	return number_from_ordinal(qualifier, ordinal_of(qualifier, &f) - place.number + (before > 0 ? before + 1 : place.first));
}

Timeperiod
timeperiod_group_milestone(TimeQualifier qualifier, int grouping, Timeperiod timeperiod)
{
	Fields		f;
	Place		place;
	int			before;

	if (!fields_of(timeperiod, &f))
		return TIMEPERIOD_NONE;
	if (grouping <= 1)
		return timeperiod_cast(qualifier, timeperiod);
	place = place_of(qualifier, &f);
	before = place.number > 0 ? (place.number - 1) / grouping * grouping : 0;
	return number_from_ordinal(qualifier, ordinal_of(qualifier, &f) - place.number +
							   (grouping < place.last - before ? before + grouping : place.last));
}
