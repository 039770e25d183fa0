/*
 * client/table.h: rows of a query as a table for people.
 */
#ifndef SYNERGY_CLIENT_TABLE_H
#define SYNERGY_CLIENT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include <libpq-fe.h>

typedef enum TableForm
{
	TABLE_TEXT,
	TABLE_NUMBER,				/* to the right; 0 is dimmed */
	TABLE_RARE,					/* a number; left out when all are 0 */
	TABLE_STATE,				/* coloured by its word */
	TABLE_SWITCH,				/* boolean: on, off */
	TABLE_AGO,					/* seconds: a duration */
	TABLE_IN,					/* seconds until: in a duration, or overdue */
	TABLE_LONG					/* text that gives way when the line is too long */
} TableForm;

typedef struct TableColumn
{
	const char *field;			/* of the result; one that it does not have is left out */
	const char *title;
	TableForm	form;
} TableColumn;

/* where a picture goes, and how it may look */
typedef struct Picture
{
	FILE	   *out;
	int			width;			/* columns of the terminal; 0: as wide as it gets */
	bool		colour;
	bool		heads;			/* with titles */
} Picture;

typedef enum Colour
{
	COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_GOOD, COLOUR_WARN, COLOUR_BAD, COLOUR_BUSY
} Colour;

/* stdout: colours and width when it is a terminal */
extern Picture picture_of_stdout(void);
extern int	picture_terminal_width(void);

/* clean text in a colour */
extern void picture_put(const Picture *picture, Colour colour, const char *text);

/*
 * The columns end with one without a title.  One that has nothing to say in any row is left out.  indent: blanks before
 * each line.
 */
extern void table_print(const Picture *picture, const PGresult *result, const TableColumn *columns, int indent);

#endif							/* SYNERGY_CLIENT_TABLE_H */
