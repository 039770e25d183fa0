/*
 * amqp/module.c: the module as PostgreSQL loads it.  Couriers get its functions with load_external_function().
 */
#include "postgres.h"

#include "fmgr.h"

#include "amqp/link.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT const AmqpFunctions *synergy_amqp_functions(void);

const AmqpFunctions *
synergy_amqp_functions(void)
{
	return &amqp_link_functions;
}
