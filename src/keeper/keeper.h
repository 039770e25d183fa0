/*
 * keeper/keeper.h: what the agent and its keepers say to each other, and what a keeper is made of.
 *
 * They talk over a pair of sockets that keep the bounds of messages (SOCK_SEQPACKET), which the keeper has as CONTROL.
 * An order is a KeeperOrder, with the command's stdout and stderr as descriptors, and then its strings, each with its
 * end, in pieces of at most KEEPER_PIECE bytes: command, working directory, user, and the variables of the environment.
 * While the command runs the agent may say KEEPER_STOP or KEEPER_KILL; the keeper says KeeperMessages.
 */
#ifndef SYNERGY_KEEPER_H
#define SYNERGY_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define KEEPER_CONTROL 3		/* the descriptor */
#define KEEPER_PIECE 65536
#define KEEPER_PROGRAM "synergy-keeper"

typedef struct KeeperOrder
{
	uint64_t	size;			/* of the strings */
	int32_t		n_variables;
	int32_t		umask;			/* -1: as it is, likewise below */
	int32_t		cpu_limit_s;	/* 0: none, likewise below */
	int32_t		open_files;
	int64_t		memory_limit;	/* bytes */
	int64_t		timeout_ms;
	int32_t		kill_grace_ms;	/* from TERM to KILL */
} KeeperOrder;

#define KEEPER_STOP 'S'			/* TERM, and KILL after the grace */
#define KEEPER_KILL 'K'

typedef enum KeeperWord
{
	KEEPER_STARTED = 's',		/* pid */
	KEEPER_ENDED = 'e',			/* nothing of it is left; how it ended is in `end`, and in status as of waitpid */
} KeeperWord;

typedef enum RunEnd
{
	RUN_EXITED = 'x',			/* by itself */
	RUN_TIMEOUT = 't',
	RUN_STOPPED = 'o',			/* by order */
	RUN_NOT_STARTED = 'f',		/* error says why */
	RUN_LOST = 'l',				/* its keeper died; said by nobody */
} RunEnd;

typedef struct KeeperMessage
{
	char		word;
	char		end;
	int			status;
	pid_t		pid;
	char		error[240];
} KeeperMessage;

/* ---------------------------------------------------------------- child.c */

/* an order as it has come */
typedef struct Command
{
	KeeperOrder order;
	const char *command;
	const char *working_directory;	/* "": the agent's */
	const char *user;			/* "": the agent's */
	char	  **environment;
} Command;

extern void child_main(const Command *command, int output, int errors, int report) __attribute__((noreturn));

/* ---------------------------------------------------------------- leftover.c */

/* KILL for whatever descends from `ancestor`, but not through one of `spared`; the number of those that were there */
extern int	leftover_kill_descendants(pid_t ancestor, const pid_t *spared, int n_spared);

/* ends what an agent of this box that is dead has left; how many there were */
extern int	leftover_kill_of_box(const char *box, const char *database);

#endif							/* SYNERGY_KEEPER_H */
