/*
 * api/command.h: does a command parse?
 */
#ifndef SYNERGY_API_COMMAND_H
#define SYNERGY_API_COMMAND_H

#include "nodes/parsenodes.h"

/*
 * ERROR (42601, or what the parser reports) with the position inside the command when it is no SQL; 42601 when there
 * is nothing in it, 42P02 for a parameter beyond $3.  Names are not looked up: tables may be created later.
 */
extern void command_check(const char *command, const char *process_name);

/* its statements (RawStmt); errors as above, and `what` is what their context calls it */
extern List *command_parse(const char *command, const char *what);

/* the text of one of them, without what stands before it and the semicolon behind it */
extern char *statement_text(const RawStmt *statement, const char *command);

#endif							/* SYNERGY_API_COMMAND_H */
