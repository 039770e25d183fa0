/*
 * core/trigger_text.h: what the two halves of the trigger parser share: a place in the text, and how to refuse it.
 *
 * Private to trigger_parse.c and trigger_cron.c.
 */
#ifndef SYNERGY_CORE_TRIGGER_TEXT_H
#define SYNERGY_CORE_TRIGGER_TEXT_H

#include "core/trigger.h"

/* marks words that become part of a message, for xgettext */
#define translatable(text) (text)

/* larger numbers are refused as such; anything that makes sense is far below, and sums cannot overflow */
#define NUMBER_LIMIT	INT64_C(1000000000000)

typedef struct TriggerText
{
	const char *start;
	const char *at;				/* the next byte to be read */
	TriggerError *error;
} TriggerText;

/* fill the error and return false, for "return text_refuse(...)"; the format takes what printf takes */
extern bool text_refuse(TriggerText *text, const char *at, const char *format,...)
#if defined(__GNUC__)
			__attribute__((format(printf, 3, 4)))
#endif
;

/* in the language of trigger_translate; for words in messages: text_refuse() does it with its format */
extern const char *text_translated(const char *text);

/* ASCII only, whatever the locale is */
extern bool text_is_space(char c);
extern bool text_is_digit(char c);
extern bool text_is_letter(char c);

extern void text_skip_spaces(TriggerText *text);

/* the number of letters that follow */
extern size_t text_word_length(const TriggerText *text);

/* is the word of this length, in any case, this lower-case one? */
extern bool text_same_word(const char *word, size_t length, const char *lower);

/* one or more digits; no sign; false with the error filled when there are none or too many */
extern bool text_number(TriggerText *text, int64_t *number);

/* only spaces may follow */
extern bool text_end(TriggerText *text);

/* five fields or a nickname; the text stands on its first byte */
extern bool cron_parse(TriggerText *text, TriggerRule *out);

#endif							/* SYNERGY_CORE_TRIGGER_TEXT_H */
