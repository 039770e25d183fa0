/*
 * api/restored.c: the trigger on the tables of definitions: rows that register_* has not written were restored.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "daemon/fence.h"
#include "nls.h"
#include "round/round.h"
#include "store/identity.h"
#include "store/spi.h"

PG_FUNCTION_INFO_V1(synergy_restored);

/* BEFORE INSERT.  Our own statements run with the user switched (store/spi.c), which those of others do not. */
Datum
synergy_restored(PG_FUNCTION_ARGS)
{
	StoreScope	scope;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"synergy.restored\" was not called by trigger manager")));
	if (creating_extension || InLocalUserIdChange())
		PG_RETURN_POINTER(NULL);
	if (!IsolationUsesXactSnapshot())
	{
		round_lock();
		fence_set_clear(false); /* what comes may have been dumped in the middle of it */
	}
	store_enter(&scope);
	identity_note_restored();
	store_leave(&scope);
	PG_RETURN_POINTER(NULL);
}
