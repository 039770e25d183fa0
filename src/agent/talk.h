/*
 * agent/talk.h: the exchange that is under way, and what is to be said in the next one; what agent/exchange.c (what is
 * said, and when) and agent/outcome.c (what comes of it) share.  Nobody else looks at it.
 */
#ifndef SYNERGY_AGENT_TALK_H
#define SYNERGY_AGENT_TALK_H

#include "agent/agent.h"

#define MAX_REPORTS 1000
#define HEARTBEATS 4			/* in the time after which the box is given up */
#define MAX_NAMES 50			/* processes that are asked for by name */

typedef enum Part
{
	PART_BEGIN,
	PART_LOG,
	PART_REPORT,
	PART_RELEASE,
	PART_HEARTBEAT,
	PART_DAEMON_NEWS,
	PART_DAEMONS,
	PART_CLAIM,
	N_PARTS
} Part;

typedef struct Talk
{
	/* the exchange that is under way */
	Part		parts[N_PARTS + 4];
	PGresult   *answers[N_PARTS + 4];
	int			n_parts,
				n_answers;
	uint64_t	lines_sent;		/* all up to this one are in this exchange or an earlier one */
	int			claim_wanted;

	/* what is to be said */
	bool		is_hungry;		/* there may be more to claim */
	bool		asks_all;		/* of any process; else of those named */
	char	   *names[MAX_NAMES];
	int			n_names;
	int64_t		hungry_since;
	int64_t		next_sweep;
	int64_t		next_heartbeat;
	bool		is_busy;		/* as the database knows us */
	bool		wants_daemons;
	int64_t		not_before[N_PARTS];	/* after having been refused alone */

	/* after a refusal */
	Part		only;			/* PART_BEGIN: everything */
	int			max_reports;
	bool		ascii_only;
} Talk;

extern Talk talk;

extern void talk_clear_answers(void);
extern void talk_forget_names(void);	/* of processes that may have work */
extern void talk_hunger_for_all(void);	/* any process may have some */

#endif							/* SYNERGY_AGENT_TALK_H */
