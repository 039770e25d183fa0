/*
 * api/command.h: does a command parse?
 */
#ifndef SYNERGY_API_COMMAND_H
#define SYNERGY_API_COMMAND_H

/*
 * ERROR (42601, or what the parser reports) with the position inside the command when it is no SQL; 42601 when there
 * is nothing in it, 42P02 for a parameter beyond $3.  Names are not looked up: tables may be created later.
 */
extern void command_check(const char *command, const char *process_name);

#endif							/* SYNERGY_API_COMMAND_H */
