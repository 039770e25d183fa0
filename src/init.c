/*
 * init.c: loading the library.
 *
 * In shared_preload_libraries it brings shared memory, hooks and the launcher.  Loaded by a session only (a function
 * was called, or CREATE EXTENSION) it brings the functions and the settings: everything works but by itself.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "daemon/park.h"
#include "daemon/processes.h"
#include "daemon/slots.h"
#include "guc.h"
#include "nls.h"
#include "store/identity.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	nls_start();
	guc_define();
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	identity_note_start();
	slots_install_hooks();
	park_install_hooks();
	launcher_register();
}
