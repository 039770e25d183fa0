/*
 * store/version.h: does the library fit the schema of this database?
 *
 * One library serves all databases of the server, and each says in pg_extension which version its schema is.  They
 * differ between the installation of a new library and ALTER EXTENSION UPDATE, in either order.  Then nothing of ours
 * is written: the scheduler does not work, and every statement that would write is refused (store/spi.c).  Looking works.
 */
#ifndef SYNERGY_STORE_VERSION_H
#define SYNERGY_STORE_VERSION_H

#include "postgres.h"

/* need a transaction */
extern bool version_fits(void);	/* also without the extension: who writes will find out */
extern void version_require(void);	/* ERROR 55000 unless it fits */
extern char *version_misfit(char **hint);	/* what is wrong, and what is to be done; NULL: nothing */

#endif							/* SYNERGY_STORE_VERSION_H */
