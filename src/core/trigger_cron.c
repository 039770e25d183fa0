/*
 * core/trigger_cron.c: cron expressions as text: five fields or a nickname, into bit sets.
 *
 * The grammar is that of Vixie cron and POSIX, and so are its two oddities: a day matches when the day of the
 * month OR the day of the week does, unless one of the two fields begins with a star, then both have to (so that
 * "0 0 * * 1" is every Monday and "0 0 13 * 5" every 13th and every Friday); and 7 is Sunday, too.  Beyond it there
 * are a/n ("from a on, every n-th") and L, the last day of the month.  Refused, though some crons take them: ranges
 * that run backwards, and steps longer than the field, because "star/90" minutes does not do what it says.
 */
#include "core/trigger.h"

#include <string.h>

#include "core/civil.h"
#include "core/trigger_text.h"

#define ALL_HOURS	((UINT32_C(1) << 24) - 1)

typedef struct CronField
{
	const char *name;
	int			lowest;
	int			highest;		/* 7 is accepted beyond it for the day of the week */
	const char *values;			/* three letters each, the first is the lowest; NULL: numbers only */
} CronField;

enum
{
	FIELD_MINUTE,
	FIELD_HOUR,
	FIELD_DAY_OF_MONTH,
	FIELD_MONTH,
	FIELD_DAY_OF_WEEK,
	FIELD_COUNT
};

static const CronField cron_fields[FIELD_COUNT] = {
	[FIELD_MINUTE] = {translatable("minute"), 0, 59, NULL},
	[FIELD_HOUR] = {translatable("hour"), 0, 23, NULL},
	[FIELD_DAY_OF_MONTH] = {translatable("day of the month"), 1, 31, NULL},
	[FIELD_MONTH] = {translatable("month"), 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	[FIELD_DAY_OF_WEEK] = {translatable("day of the week"), 0, 6, "sunmontuewedthufrisat"},
};

typedef struct CronSet
{
	uint64_t	bits;
	bool		last;			/* L */
	bool		star;			/* begins with a star */
} CronSet;

typedef struct CronNickname
{
	const char *word;
	const char *expression;
} CronNickname;

static const CronNickname cron_nicknames[] = {
	{"hourly", "0 * * * *"},
	{"daily", "0 0 * * *"},
	{"midnight", "0 0 * * *"},
	{"weekly", "0 0 * * 0"},
	{"monthly", "0 0 1 * *"},
	{"yearly", "0 0 1 1 *"},
	{"annually", "0 0 1 1 *"},
};

static bool
is_day_of_week(const CronField *field)
{
	return field == &cron_fields[FIELD_DAY_OF_WEEK];
}

/* three letters, as POSIX has them: "mon", "dec" */
static bool
parse_name(TriggerText *text, const CronField *field, int *value)
{
	size_t		length = text_word_length(text);

	if (field->values != NULL && length == 3)
	{
		for (int i = 0; field->values[i * 3] != '\0'; i++)
		{
			char		name[4] = {field->values[i * 3], field->values[i * 3 + 1], field->values[i * 3 + 2], '\0'};

			if (text_same_word(text->at, length, name))
			{
				*value = field->lowest + i;
				text->at += length;
				return true;
			}
		}
	}
	return text_refuse(text, text->at, "unknown name in the %s field", text_translated(field->name));
}

/* a number or a name */
static bool
parse_value(TriggerText *text, const CronField *field, int *value)
{
	const char *start = text->at;
	int			highest = is_day_of_week(field) ? 7 : field->highest;
	int64_t		number;

	if (text_is_letter(*start))
		return parse_name(text, field, value);
	if (!text_is_digit(*start))
		return text_refuse(text, start, "expected a value in the %s field", text_translated(field->name));
	if (!text_number(text, &number))
		return false;
	if (number < field->lowest || number > highest)
		return text_refuse(text, start, "the %s goes from %d to %d", text_translated(field->name), field->lowest, highest);
	*value = (int) number;
	return true;
}

/* "/n" after a star, a range or a value; *step stays 1 without it */
static bool
parse_step(TriggerText *text, const CronField *field, int *step)
{
	const char *start;
	int64_t		number;
	int			values = field->highest - field->lowest + 1;

	*step = 1;
	if (*text->at != '/')
		return true;
	start = ++text->at;
	if (!text_is_digit(*start))
		return text_refuse(text, start, "expected a step in the %s field", text_translated(field->name));
	if (!text_number(text, &number))
		return false;
	if (number < 1 || number > values)
		return text_refuse(text, start, "a step in the %s field goes from 1 to %d", text_translated(field->name), values);
	*step = (int) number;
	return true;
}

/* the end of "a-b"; Sunday ends a week as well as it begins one: "fri-sun" */
static bool
parse_range_end(TriggerText *text, const CronField *field, int first, int *last)
{
	const char *start = ++text->at;

	if (!parse_value(text, field, last))
		return false;
	if (is_day_of_week(field) && *last == 0 && first > 0)
		*last = 7;
	if (*last < first)
		return text_refuse(text, start, "the range in the %s field runs backwards", text_translated(field->name));
	return true;
}

/* one element of a list: star, a, a-b, each with or without a step */
static bool
parse_element(TriggerText *text, const CronField *field, CronSet *set)
{
	const char *start = text->at;
	int			first = field->lowest;
	int			last = field->highest;
	int			step;
	bool		is_single = false;

	if (*start == '*')
		text->at++;
	else
	{
		if (!parse_value(text, field, &first))
			return false;
		is_single = *text->at != '-';
		if (!is_single && !parse_range_end(text, field, first, &last))
			return false;
	}
	if (*text->at == '/')
	{
		/* a/n runs to the end of the field */
		if (is_single && first > last)
			last = first;
	}
	else if (is_single)
		last = first;
	if (!parse_step(text, field, &step))
		return false;
	for (int value = first; value <= last; value += step)
		set->bits |= UINT64_C(1) << (is_day_of_week(field) && value == 7 ? 0 : value);
	return true;
}

static bool
parse_field(TriggerText *text, const CronField *field, CronSet *set)
{
	memset(set, 0, sizeof(*set));
	set->star = *text->at == '*';
	for (;;)
	{
		if (field == &cron_fields[FIELD_DAY_OF_MONTH] && text_same_word(text->at, text_word_length(text), "l"))
		{
			set->last = true;
			text->at++;
		}
		else if (!parse_element(text, field, set))
			return false;
		if (*text->at != ',')
			break;
		text->at++;
	}
	if (*text->at != '\0' && !text_is_space(*text->at))
		return text_refuse(text, text->at, "unexpected text in the %s field", text_translated(field->name));
	return true;
}

static bool
parse_fields(TriggerText *text, CronSet sets[FIELD_COUNT])
{
	for (int i = 0; i < FIELD_COUNT; i++)
	{
		text_skip_spaces(text);
		if (*text->at == '\0')
			return text_refuse(text, text->at, "expected the %s field: a cron expression has five fields",
							   text_translated(cron_fields[i].name));
		if (!parse_field(text, &cron_fields[i], &sets[i]))
			return false;
	}
	text_skip_spaces(text);
	if (*text->at != '\0')
		return text_refuse(text, text->at, "unexpected text after the fifth field of a cron expression");
	return true;
}

/* "@daily": the text goes on behind the word, the fields come from the table */
static bool
parse_nickname(TriggerText *text, CronSet sets[FIELD_COUNT])
{
	const char *start = text->at++;
	size_t		length = text_word_length(text);

	for (size_t i = 0; i < sizeof(cron_nicknames) / sizeof(cron_nicknames[0]); i++)
	{
		if (text_same_word(text->at, length, cron_nicknames[i].word))
		{
			TriggerText expression = {cron_nicknames[i].expression, cron_nicknames[i].expression, text->error};

			text->at += length;
			return text_end(text) && parse_fields(&expression, sets);
		}
	}
	return text_refuse(text, start, "expected @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually");
}

bool
cron_parse(TriggerText *text, TriggerRule *out)
{
	CronSet		sets[FIELD_COUNT];

	out->kind = TRIGGER_CRON;
	if (!(*text->at == '@' ? parse_nickname(text, sets) : parse_fields(text, sets)))
		return false;
	out->minutes = sets[FIELD_MINUTE].bits;
	out->hours = (uint32_t) sets[FIELD_HOUR].bits;
	out->days_of_month = (uint32_t) sets[FIELD_DAY_OF_MONTH].bits;
	out->last_day = sets[FIELD_DAY_OF_MONTH].last;
	out->months_of_year = (uint16_t) sets[FIELD_MONTH].bits;
	out->days_of_week = (uint8_t) sets[FIELD_DAY_OF_WEEK].bits;
	out->dom_star = sets[FIELD_DAY_OF_MONTH].star;
	out->dow_star = sets[FIELD_DAY_OF_WEEK].star;
	out->follows_real_time = out->hours == ALL_HOURS;
	return true;
}
