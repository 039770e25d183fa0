/*
 * core/trigger_parse.c: trigger frequencies as text: every, at, once; cron's fields are in trigger_cron.c.
 *
 * A small recursive descent over bytes.  It accepts exactly the forms of trigger.h and refuses the rest with the
 * place where it stopped, because a trigger that was half understood fires at the wrong time and nobody notices.
 * Words are read in any case, bytes outside ASCII belong to no word, and no locale is asked.
 */
#include "core/trigger.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/civil.h"
#include "core/trigger_text.h"

#define MINUTES_PER_DAY		(24 * 60)
#define DAYS_PER_WEEK		7

/* a unit of "every", with the names that it goes by */
typedef struct IntervalUnit
{
	int64_t		length;			/* microseconds, or months */
	bool		is_months;
	const char *names[6];
} IntervalUnit;

static const IntervalUnit interval_units[] = {
	{INSTANT_SECOND / 1000, false, {"ms", "msec", "msecs", "millisecond", "milliseconds"}},
	{INSTANT_SECOND, false, {"s", "sec", "secs", "second", "seconds"}},
	{INSTANT_MINUTE, false, {"m", "min", "mins", "minute", "minutes"}},
	{INSTANT_HOUR, false, {"h", "hr", "hrs", "hour", "hours"}},
	{INSTANT_DAY, false, {"d", "day", "days"}},
	{7 * INSTANT_DAY, false, {"w", "week", "weeks"}},
	{1, true, {"mon", "mons", "month", "months"}},
	{12, true, {"y", "yr", "yrs", "year", "years"}},
};

/* the longest intervals: those of the whole calendar */
#define INTERVAL_LIMIT	(INT64_C(3652059) * INSTANT_DAY)
#define MONTHS_LIMIT	(CIVIL_LAST_YEAR * 12)

/* ---------------------------------------------------------------- bytes and words */

const char *(*trigger_translate) (const char *text) = NULL;

const char *
text_translated(const char *text)
{
	return trigger_translate ? trigger_translate(text) : text;
}

bool
text_refuse(TriggerText *text, const char *at, const char *format,...)
{
	va_list		arguments;

	text->error->position = (int) (at - text->start);
	va_start(arguments, format);
	vsnprintf(text->error->message, sizeof(text->error->message), text_translated(format), arguments);
	va_end(arguments);
	return false;
}

bool
text_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

bool
text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
text_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void
text_skip_spaces(TriggerText *text)
{
	while (text_is_space(*text->at))
		text->at++;
}

size_t
text_word_length(const TriggerText *text)
{
	size_t		length = 0;

	while (text_is_letter(text->at[length]))
		length++;
	return length;
}

bool
text_same_word(const char *word, size_t length, const char *lower)
{
	if (strlen(lower) != length)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		char		c = word[i] >= 'A' && word[i] <= 'Z' ? (char) (word[i] - 'A' + 'a') : word[i];

		if (c != lower[i])
			return false;
	}
	return true;
}

bool
text_number(TriggerText *text, int64_t *number)
{
	const char *start = text->at;

	if (!text_is_digit(*start))
		return text_refuse(text, start, "expected a number");
	for (*number = 0; text_is_digit(*text->at); text->at++)
	{
		*number = *number * 10 + (*text->at - '0');
		if (*number > NUMBER_LIMIT)
			return text_refuse(text, start, "the number is too large");
	}
	return true;
}

bool
text_end(TriggerText *text)
{
	text_skip_spaces(text);
	if (*text->at != '\0')
		return text_refuse(text, text->at, "unexpected text after the end");
	return true;
}

/* so many digits and no more, e.g. two of a minute; the name is for the message */
static bool
digits_between(TriggerText *text, int fewest, int most, int64_t lowest, int64_t highest, const char *name, int *out)
{
	const char *start = text->at;
	int64_t		number;

	if (!text_is_digit(*start))
		return text_refuse(text, start, "expected the %s", text_translated(name));
	if (!text_number(text, &number))
		return false;
	if (text->at - start < fewest || text->at - start > most)
		return text_refuse(text, start, fewest == most ? translatable("the %s takes %d digits") : translatable("the %s takes at most %d digits"),
						   text_translated(name), most);
	if (number < lowest || number > highest)
		return text_refuse(text, start, "the %s goes from %d to %d", text_translated(name), (int) lowest, (int) highest);
	*out = (int) number;
	return true;
}

/* exactly this byte */
static bool
byte_is(TriggerText *text, char c, const char *after)
{
	if (*text->at != c)
		return text_refuse(text, text->at, "expected \"%c\" after the %s", c, text_translated(after));
	text->at++;
	return true;
}

/* ---------------------------------------------------------------- every */

/* HH:MM[:SS], the hours of which are already read; they may be more than 23 */
static bool
parse_every_clock(TriggerText *text, int64_t hours, int64_t *length)
{
	int			minutes;
	int			seconds = 0;

	text->at++;
	if (!digits_between(text, 2, 2, 0, 59, translatable("minute"), &minutes))
		return false;
	if (*text->at == ':')
	{
		text->at++;
		if (!digits_between(text, 2, 2, 0, 59, translatable("second"), &seconds))
			return false;
	}
	*length = minutes * INSTANT_MINUTE + seconds * INSTANT_SECOND;
	if (hours > INTERVAL_LIMIT / INSTANT_HOUR)
		*length = INTERVAL_LIMIT + 1;
	else
		*length += hours * INSTANT_HOUR;
	return true;
}

static const IntervalUnit *
find_interval_unit(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(interval_units) / sizeof(interval_units[0]); i++)
	{
		for (int n = 0; n < 6 && interval_units[i].names[n] != NULL; n++)
		{
			if (text_same_word(word, length, interval_units[i].names[n]))
				return &interval_units[i];
		}
	}
	return NULL;
}

/* one "5 minutes", "90", "00:05:00"; is_first: a bare number may still be seconds */
static bool
parse_every_part(TriggerText *text, bool is_first, int64_t *length, bool *is_months)
{
	const char *start = text->at;
	const char *after_number;
	const IntervalUnit *unit;
	int64_t		number;

	*is_months = false;
	if (!text_number(text, &number))
		return false;
	if (*text->at == ':')
		return parse_every_clock(text, number, length);
	after_number = text->at;
	text_skip_spaces(text);
	if (*text->at == '\0' && is_first)
	{
		*length = number > INTERVAL_LIMIT / INSTANT_SECOND ? INTERVAL_LIMIT + 1 : number * INSTANT_SECOND;
		return true;
	}
	if (!text_is_letter(*text->at))
		return text_refuse(text, after_number, *after_number == '.' ? translatable("expected a whole number") :
						   translatable("expected a unit after the number, for example minutes"));
	unit = find_interval_unit(text->at, text_word_length(text));
	if (unit == NULL)
		return text_refuse(text, text->at, "expected seconds, minutes, hours, days, weeks, months or years");
	text->at += text_word_length(text);
	*is_months = unit->is_months;
	*length = (unit->is_months ? MONTHS_LIMIT : INTERVAL_LIMIT) / unit->length;
	if (number > *length)
		return text_refuse(text, start, "the interval is too long");
	*length = number * unit->length;
	return true;
}

static bool
parse_every(TriggerText *text, TriggerRule *out)
{
	const char *first;
	int64_t		months = 0;

	out->kind = TRIGGER_EVERY;
	text_skip_spaces(text);
	first = text->at;
	do
	{
		const char *start = text->at;
		int64_t		length = 0;
		bool		is_months = false;

		if (!parse_every_part(text, start == first, &length, &is_months))
			return false;
		if (is_months)
			months += length;
		else
			out->interval += length;	/* both are at most twice the limit, so no overflow */
		if (months > MONTHS_LIMIT || out->interval > INTERVAL_LIMIT)
			return text_refuse(text, start, "the interval is too long");
		if (start != first && (is_months ? out->interval > 0 : months > 0))
			return text_refuse(text, start, "months and years do not mix with other units");
		text_skip_spaces(text);
	} while (*text->at != '\0');

	if (months == 0 && out->interval == 0)
		return text_refuse(text, first, "the interval is zero");
	out->months = (int32_t) months;
	return true;
}

/* ---------------------------------------------------------------- at */

/* one "8:00" or "1-17:30"; without a day *day is -1 */
static bool
parse_at_time(TriggerText *text, int *day, int *minute_of_day)
{
	const char *start = text->at;
	int			hour;
	int			minute;

	*day = -1;
	if (text_is_digit(start[0]) && start[1] == '-')
	{
		if (!digits_between(text, 1, 1, 0, DAYS_PER_WEEK - 1, "day of the week", day))
			return false;
		text->at++;
	}
	if (!text_is_digit(*text->at))
		return text_refuse(text, text->at, "expected a time like 08:00 or 1-17:30 (0 is Monday)");
	if (!digits_between(text, 1, 2, 0, 23, translatable("hour"), &hour) ||
		!byte_is(text, ':', translatable("hour")) ||
		!digits_between(text, 2, 2, 0, 59, translatable("minute"), &minute))
		return false;
	*minute_of_day = hour * 60 + minute;
	return true;
}

/* keeps the times ascending and drops doubles; there is always room: TRIGGER_MAX_TIMES entries of seven days */
static void
insert_time(TriggerRule *out, int time)
{
	int			place = out->n_times;

	while (place > 0 && out->times[place - 1] >= time)
		place--;
	if (place < out->n_times && out->times[place] == time)
		return;
	memmove(&out->times[place + 1], &out->times[place], (size_t) (out->n_times - place) * sizeof(out->times[0]));
	out->times[place] = (int16_t) time;
	out->n_times++;
}

static bool
parse_at(TriggerText *text, TriggerRule *out)
{
	out->kind = TRIGGER_AT;
	for (int entries = 0;; entries++)
	{
		const char *start;
		int			day = -1;
		int			minute_of_day = 0;

		text_skip_spaces(text);
		start = text->at;
		if (!parse_at_time(text, &day, &minute_of_day))
			return false;
		if (entries == TRIGGER_MAX_TIMES)
			return text_refuse(text, start, "more than %d times", TRIGGER_MAX_TIMES);
		for (int d = 0; d < DAYS_PER_WEEK; d++)
		{
			if (day < 0 || day == d)
				insert_time(out, d * MINUTES_PER_DAY + minute_of_day);
		}
		text_skip_spaces(text);
		if (*text->at == '\0')
			return true;
		if (*text->at != ',')
			return text_refuse(text, text->at, "expected a comma between times");
		text->at++;
	}
}

/* ---------------------------------------------------------------- once */

static bool
parse_once(TriggerText *text, TriggerRule *out)
{
	const char *date;
	const char *time;
	int			year = 0;
	int			month = 0;
	int			day = 0;
	int			hour = 0;
	int			minute = 0;
	int			second = 0;

	out->kind = TRIGGER_ONCE;
	text_skip_spaces(text);
	date = text->at;
	if (!digits_between(text, 4, 4, CIVIL_FIRST_YEAR, CIVIL_LAST_YEAR, translatable("year"), &year) ||
		!byte_is(text, '-', translatable("year")) ||
		!digits_between(text, 2, 2, 1, 12, translatable("month"), &month) ||
		!byte_is(text, '-', translatable("month")) ||
		!digits_between(text, 2, 2, 1, 31, translatable("day"), &day))
		return false;
	if (day > civil_days_in_month(year, month))
		return text_refuse(text, date, "there is no such day");
	if (!text_is_space(*text->at))
		return text_refuse(text, text->at, "expected a space and the time after the date");
	text_skip_spaces(text);
	time = text->at;
	if (!text_is_digit(*time))
		return text_refuse(text, time, "expected a time like 08:00 after the date");
	if (!digits_between(text, 2, 2, 0, 23, translatable("hour"), &hour) ||
		!byte_is(text, ':', translatable("hour")) ||
		!digits_between(text, 2, 2, 0, 59, translatable("minute"), &minute))
		return false;
	if (*text->at == ':')
	{
		text->at++;
		if (!digits_between(text, 2, 2, 0, 59, translatable("second"), &second))
			return false;
	}
	out->once = civil_to_days(year, month, day) * INSTANT_DAY + hour * INSTANT_HOUR + minute * INSTANT_MINUTE +
		second * INSTANT_SECOND;
	return text_end(text);
}

/* ---------------------------------------------------------------- which form is it? */

typedef struct TriggerForm
{
	const char *word;
	bool		(*parse) (TriggerText *text, TriggerRule *out);
} TriggerForm;

static const TriggerForm trigger_forms[] = {
	{"every", parse_every},
	{"at", parse_at},
	{"once", parse_once},
	{"cron", cron_parse},
};

bool
trigger_parse(const char *text, TriggerRule *out, TriggerError *error)
{
	TriggerText at = {text, text, error};
	TriggerRule		trigger;
	bool		(*parse) (TriggerText *text, TriggerRule *out) = NULL;
	size_t		length;

	memset(&trigger, 0, sizeof(trigger));
	text_skip_spaces(&at);
	length = text_word_length(&at);
	for (size_t i = 0; i < sizeof(trigger_forms) / sizeof(trigger_forms[0]); i++)
	{
		if (text_same_word(at.at, length, trigger_forms[i].word))
		{
			parse = trigger_forms[i].parse;
			at.at += length;
			/* "at08:00" is a slip, not a form */
			if (*at.at != '\0' && !text_is_space(*at.at))
				return text_refuse(&at, at.at, "expected a space after \"%s\"", trigger_forms[i].word);
		}
	}
	/* cron expressions need no word in front: no other form begins like this */
	if (length == 0 && (*at.at == '*' || *at.at == '@' || text_is_digit(*at.at)))
		parse = cron_parse;
	if (parse == NULL)
		return text_refuse(&at, at.at, "expected \"every\", \"at\", \"once\" or a cron expression");
	text_skip_spaces(&at);
	if (!parse(&at, &trigger))
		return false;
	*out = trigger;
	return true;
}
