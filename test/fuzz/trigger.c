/*
 * trigger.c: any text as a trigger frequency: every, at, cron, once.
 *
 * What is understood is written anew, in its plainest form, and that has to be understood as the same.
 */
#include "fuzz.h"

#include <stdarg.h>

#include "core/civil.h"
#include "core/trigger.h"

static char printed[32768];
static size_t printed_size;

static void print(const char *format,...) __attribute__((format(printf, 1, 2)));

static void
print(const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	printed_size += (size_t) vsnprintf(printed + printed_size, sizeof(printed) - printed_size, format, arguments);
	va_end(arguments);
	must(printed_size < sizeof(printed), "too long");
}

/* those of all seven days are written once, so that there are no more entries than there were */
static void
print_at(const TriggerRule *rule)
{
	const char *separator = "at ";

	for (int i = 0; i < rule->n_times; i++)
	{
		int			day = rule->times[i] / 1440;
		int			minute = rule->times[i] % 1440;
		int			days = 0;

		for (int k = 0; k < rule->n_times; k++)
			days += rule->times[k] % 1440 == minute;
		if (days == 7 && day > 0)
			continue;
		print("%s", separator);
		if (days < 7)
			print("%d-", day);
		print("%02d:%02d", minute / 60, minute % 60);
		separator = ",";
	}
}

/* a field that began with a star has its first value in any case, and so can a step that has only this one */
static void
print_field(uint64_t bits, int lowest, int highest, bool star, bool last)
{
	const char *separator = "";

	if (star)
	{
		print("*/%d", highest - lowest + 1);
		separator = ",";
	}
	for (int i = lowest; i <= highest; i++)
		if (bits >> i & 1)
		{
			print("%s%d", separator, i);
			separator = ",";
		}
	if (last)
		print("%sL", separator);
	print(" ");
}

static void
print_rule(const TriggerRule *rule)
{
	CivilDate	date = civil_from_days(floor_div(rule->once, INSTANT_DAY));
	int64_t		second = floor_mod(rule->once, INSTANT_DAY) / INSTANT_SECOND;

	printed_size = 0;
	switch (rule->kind)
	{
		case TRIGGER_EVERY:
			if (rule->months > 0)
				print("every %d months", (int) rule->months);
			else
				print("every %llds %lldms", (long long) (rule->interval / INSTANT_SECOND),
					  (long long) (rule->interval % INSTANT_SECOND / 1000));
			break;
		case TRIGGER_AT:
			print_at(rule);
			break;
		case TRIGGER_CRON:
			print_field(rule->minutes, 0, 59, false, false);
			print_field(rule->hours, 0, 23, false, false);
			print_field(rule->days_of_month, 1, 31, rule->dom_star, rule->last_day);
			print_field(rule->months_of_year, 1, 12, false, false);
			print_field(rule->days_of_week, 0, 6, rule->dow_star, false);
			break;
		case TRIGGER_ONCE:
			print("once %04d-%02d-%02d %02d:%02d:%02d", (int) date.year, date.month, date.day, (int) (second / 3600),
				  (int) (second / 60 % 60), (int) (second % 60));
			break;
	}
}

static void
same(const TriggerRule *a, const TriggerRule *b, const char *text)
{
	must(a->kind == b->kind && a->interval == b->interval && a->months == b->months && a->once == b->once, "%s: %s", text, printed);
	must(a->n_times == b->n_times && memcmp(a->times, b->times, sizeof(a->times[0]) * (size_t) a->n_times) == 0, "%s: %s", text,
		 printed);
	must(a->minutes == b->minutes && a->hours == b->hours && a->days_of_month == b->days_of_month && a->last_day == b->last_day &&
		 a->months_of_year == b->months_of_year && a->days_of_week == b->days_of_week, "%s: %s", text, printed);
	must(a->dom_star == b->dom_star && a->dow_star == b->dow_star && a->follows_real_time == b->follows_real_time, "%s: %s", text,
		 printed);
}

/* what the search for the next fire relies on */
static void
sound(const TriggerRule *rule, const char *text)
{
	must(rule->n_times >= 0 && rule->n_times <= TRIGGER_MAX_TIMES * 7, "%s", text);
	for (int i = 0; i < rule->n_times; i++)
		must(rule->times[i] >= 0 && rule->times[i] < 7 * 1440 && (i == 0 || rule->times[i] > rule->times[i - 1]), "%s", text);
	if (rule->kind == TRIGGER_EVERY)
		must((rule->interval > 0) != (rule->months > 0) && rule->interval >= 0 && rule->months >= 0, "%s", text);
	if (rule->kind == TRIGGER_AT)
		must(rule->n_times > 0, "%s", text);
	if (rule->kind == TRIGGER_CRON)
		must(rule->minutes && rule->hours && (rule->days_of_month || rule->last_day) && rule->months_of_year && rule->days_of_week &&
			 (rule->minutes >> 60) == 0 && (rule->hours >> 24) == 0 && (rule->days_of_month & 1) == 0 &&
			 (rule->months_of_year & ~0x1ffe) == 0 && (rule->days_of_week & ~0x7f) == 0, "%s", text);
}

/* a nickname has its stars in a table; else they are where the fields begin */
static void
stars(const TriggerRule *rule, const char *text)
{
	static const char spaces[] = " \t\n\r\v\f";
	const char *at = text + strspn(text, spaces);

	if (rule->kind != TRIGGER_CRON || strchr(text, '@'))
		return;
	if (*at == 'c' || *at == 'C')
		at += 4;
	for (int field = 1; field <= 5; field++)
	{
		at += strspn(at, spaces);
		if (field == 3)
			must(rule->dom_star == (*at == '*'), "%s", text);
		if (field == 5)
			must(rule->dow_star == (*at == '*'), "%s", text);
		at += strcspn(at, spaces);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		input = {data, size};
	char	   *text = input_rest(&input, NULL);
	TriggerRule rule,
				again;
	TriggerError error = {"", -1};

	if (trigger_parse(text, &rule, &error))
	{
		sound(&rule, text);
		print_rule(&rule);
		must(trigger_parse(printed, &again, &error), "%s: %s: %s", text, printed, error.message);
		same(&rule, &again, text);
		stars(&rule, text);
	}
	else
	{
		must(error.message[0] && memchr(error.message, '\0', sizeof(error.message)), "%s", text);
		must(error.position >= 0 && (size_t) error.position <= strlen(text), "%s: %d", text, error.position);
	}
	free(text);
	return 0;
}
