/*
 * client/table.c: rows of a query as a table for people.
 *
 * Columns are as wide as what they hold, measured in columns of the terminal and not in bytes. When a line would not fit
 * the terminal, the columns that may give way (TABLE_LONG) do; what still does not fit is cut off at the right. Into a
 * file or a pipe nothing is shortened.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/client.h"
#include "client/table.h"
#include "client/text.h"

#define GAP 2					/* blanks between two columns */
#define LEAST_LONG 8			/* a column that gives way keeps so many */

typedef struct Cell
{
	char	   *text;
	Colour		colour;
} Cell;

typedef struct Layout
{
	int			n;				/* columns that are there */
	const TableColumn *columns[32];
	int			fields[32];
	int			widths[32];
} Layout;

/* ---------------------------------------------------------------- pictures */

int
picture_terminal_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

Picture
picture_of_stdout(void)
{
	bool		terminal = isatty(STDOUT_FILENO);
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	Picture		picture = {stdout, terminal ? picture_terminal_width() : 0, false, !client_quiet};

	picture.colour = terminal && (no_color == NULL || *no_color == '\0') && term != NULL && strcmp(term, "dumb") != 0;
	return picture;
}

void
picture_put(const Picture *picture, Colour colour, const char *text)
{
	static const char *const codes[] = {"", "1", "2", "32", "33", "1;31", "36"};

	if (picture->colour && colour != COLOUR_NONE)
		fprintf(picture->out, "\033[%sm%s\033[0m", codes[colour], text);
	else
		fputs(text, picture->out);
}

/* ---------------------------------------------------------------- cells */

static Colour
colour_of_state(const char *state)
{
	static const struct
	{
		const char *word;
		Colour		colour;
	}			known[] = {
		{"processed", COLOUR_GOOD}, {"running", COLOUR_GOOD}, {"up", COLOUR_GOOD}, {"noop", COLOUR_DIM}, {"embryo", COLOUR_DIM},
		{"off", COLOUR_DIM}, {"stopped", COLOUR_DIM}, {"requested", COLOUR_BUSY}, {"in_progress", COLOUR_BUSY},
		{"final_run", COLOUR_BUSY}, {"skipped", COLOUR_WARN}, {"canceled", COLOUR_WARN}, {"backing_off", COLOUR_WARN},
		{"stderr", COLOUR_WARN}, {"invalid", COLOUR_BAD}, {"failed", COLOUR_BAD}, {"failing", COLOUR_BAD}, {"gone", COLOUR_BAD}
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(state, known[i].word) == 0)
			return known[i].colour;
	return COLOUR_NONE;
}

static Cell
make_cell(const TableColumn *column, const char *value, bool is_null)
{
	Cell		cell = {NULL, COLOUR_NONE};
	double		seconds = strtod(value, NULL);
	char		text[64];

	if (is_null)
		return (Cell) {client_strdup(column->form == TABLE_TEXT || column->form == TABLE_LONG ? "" : "-"), COLOUR_DIM};
	switch (column->form)
	{
		case TABLE_NUMBER:
		case TABLE_RARE:
			cell.colour = strcmp(value, "0") == 0 ? COLOUR_DIM : COLOUR_NONE;
			break;
		case TABLE_STATE:
			cell.colour = colour_of_state(value);
			break;
		case TABLE_SWITCH:
			return (Cell) {client_strdup(*value == 't' ? "on" : "off"), *value == 't' ? COLOUR_GOOD : COLOUR_DIM};
		case TABLE_AGO:
			return (Cell) {client_strdup(text_duration(seconds)), seconds == 0 ? COLOUR_DIM : COLOUR_NONE};
		case TABLE_IN:
			snprintf(text, sizeof(text), seconds < 0 ? "overdue %s" : "in %s", text_duration(seconds));
			return (Cell) {client_strdup(text), seconds < 0 ? COLOUR_WARN : COLOUR_NONE};
		case TABLE_TEXT:
		case TABLE_LONG:
			break;
	}
	cell.text = text_clean(value);
	return cell;
}

static bool
is_right(const TableColumn *column)
{
	return column->form == TABLE_NUMBER || column->form == TABLE_RARE || column->form == TABLE_AGO;
}

/* ---------------------------------------------------------------- layout */

/* has a column nothing to say? Those of states and switches, and plain numbers, always have. */
static bool
is_empty(const PGresult *result, int field, TableForm form)
{
	if (form == TABLE_NUMBER || form == TABLE_STATE || form == TABLE_SWITCH)
		return false;
	for (int row = 0; row < PQntuples(result); row++)
		if (!PQgetisnull(result, row, field) && (form != TABLE_RARE || strcmp(PQgetvalue(result, row, field), "0") != 0))
			return false;
	return true;
}

static void
find_columns(Layout *layout, const PGresult *result, const TableColumn *columns)
{
	layout->n = 0;
	for (; columns->title && layout->n < 32; columns++)
	{
		int			field = PQfnumber(result, columns->field);

		if (field < 0 || is_empty(result, field, columns->form))
			continue;
		layout->columns[layout->n] = columns;
		layout->fields[layout->n++] = field;
	}
}

static void
measure(Layout *layout, const Cell *cells, int rows, bool heads)
{
	for (int column = 0; column < layout->n; column++)
	{
		layout->widths[column] = heads ? text_width(layout->columns[column]->title) : 0;
		for (int row = 0; row < rows; row++)
		{
			int			width = text_width(cells[row * layout->n + column].text);

			if (width > layout->widths[column])
				layout->widths[column] = width;
		}
	}
}

/* takes what is too much from the columns that give way, the widest first */
static void
shrink(Layout *layout, int width, int indent)
{
	int			excess = indent - width - GAP;

	for (int column = 0; column < layout->n; column++)
		excess += layout->widths[column] + GAP;
	while (excess > 0)
	{
		int			widest = -1;

		for (int column = 0; column < layout->n; column++)
			if (layout->columns[column]->form == TABLE_LONG && layout->widths[column] > LEAST_LONG &&
				(widest < 0 || layout->widths[column] > layout->widths[widest]))
				widest = column;
		if (widest < 0)
			break;
		layout->widths[widest]--;
		excess--;
	}
}

/* ---------------------------------------------------------------- printing */

static void
put_blanks(FILE *out, int n)
{
	fprintf(out, "%*s", n > 0 ? n : 0, "");
}

/*
 * One cell in its column; room is what the line still has (negative: endless). Returns what it took. Blanks are owed
 * until something comes behind them, so that no line ends with any.
 */
static int
put_cell(const Picture *picture, const char *text, Colour colour, int width, bool right, int *owed, int room)
{
	int			taken = text_width(text);
	char	   *shown = client_strdup(text);

	if (room >= 0 && width > room)
		width = room;
	if (taken > width && width > 0)
	{
		int			bytes = text_fit(text, width - 1);

		shown = client_realloc(shown, bytes + 8);
		strcpy(shown + bytes, text_is_utf8() ? "\u2026" : "~");
		taken = text_width(shown);
	}
	if (taken > 0 && width > 0)
	{
		put_blanks(picture->out, *owed + (right ? width - taken : 0));
		picture_put(picture, colour, shown);
		*owed = right ? 0 : width - taken;
	}
	else
		*owed += width;
	free(shown);
	return width;
}

static void
put_line(const Picture *picture, const Layout *layout, const Cell *cells, int indent)
{
	int			room = picture->width - indent;
	int			owed = indent;

	for (int column = 0; column < layout->n; column++)
	{
		const TableColumn *form = layout->columns[column];
		int			gap = column > 0 ? GAP : 0;

		if (picture->width && room <= gap)
			break;
		owed += gap;
		room -= gap;
		room -= put_cell(picture, cells ? cells[column].text : form->title, cells ? cells[column].colour : COLOUR_DIM,
						 layout->widths[column], is_right(form), &owed, picture->width ? room : -1);
	}
	fputc('\n', picture->out);
}

void
table_print(const Picture *picture, const PGresult *result, const TableColumn *columns, int indent)
{
	Layout		layout;
	int			rows = PQntuples(result);
	Cell	   *cells;

	find_columns(&layout, result, columns);
	cells = client_alloc(sizeof(Cell) * rows * layout.n);
	for (int row = 0; row < rows; row++)
		for (int column = 0; column < layout.n; column++)
			cells[row * layout.n + column] = make_cell(layout.columns[column], PQgetvalue(result, row, layout.fields[column]),
													   PQgetisnull(result, row, layout.fields[column]));
	measure(&layout, cells, rows, picture->heads);
	if (picture->width)
		shrink(&layout, picture->width, indent);
	if (picture->heads)
		put_line(picture, &layout, NULL, indent);
	for (int row = 0; row < rows; row++)
		put_line(picture, &layout, cells + row * layout.n, indent);
	for (int i = 0; i < rows * layout.n; i++)
		free(cells[i].text);
	free(cells);
}
