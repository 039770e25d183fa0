/*
 * client/text.h: text of others on a terminal, and text in JSON.
 */
#ifndef SYNERGY_CLIENT_TEXT_H
#define SYNERGY_CLIENT_TEXT_H

#include <stdbool.h>
#include <stdio.h>

/* once, before the others: takes LC_CTYPE from the environment */
extern void text_begin(void);
extern bool text_is_utf8(void);

/* a copy in which nothing is left that a terminal would obey */
extern char *text_clean(const char *text);

/* both want clean text: columns that it takes, and bytes of it that fit into so many columns */
extern int	text_width(const char *clean);
extern int	text_fit(const char *clean, int width);

/* clean, and with lines after the first one indented by a tab, so that none can pass for one of ours */
extern void text_put_lines(FILE *out, const char *text);

/* a JSON string, or null */
extern void text_put_json(FILE *out, const char *text);

/* seconds as people say them: 45s, 12m 05s, 3h 20m, 2d 04h; in a buffer that the next but three calls reuse */
extern const char *text_duration(double seconds);

#endif							/* SYNERGY_CLIENT_TEXT_H */
