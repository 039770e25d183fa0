/*
 * nls.h: messages in the language of who reads them (docs/translating.md).
 *
 * Included by whatever calls ereport(), elog() or GUC_check_*: the text domain that they take is set here, and so errmsg(),
 * errdetail(), errhint() and their kin need nothing more.  What becomes a part of them is marked:
 *
 *	 translated("...")		looked up here and now
 *	 translatable("...")	only marked, in a table or a macro; whoever shows it says translated(variable)
 *
 * What is stored, in tables or in shared memory, stays English: who reads it later may speak another language.
 */
#ifndef SYNERGY_NLS_H
#define SYNERGY_NLS_H

#include "postgres.h"

#undef TEXTDOMAIN
#define TEXTDOMAIN synergy_textdomain()

#define translated(text) dgettext(TEXTDOMAIN, text)
#define translatable(text) (text)

extern const char *synergy_textdomain(void);
extern void nls_start(void);

#endif							/* SYNERGY_NLS_H */
