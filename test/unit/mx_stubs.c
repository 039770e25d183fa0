/*
 * mx_stubs.c: what src/mx/session.c wants of the rest of the console, for tests that do not look at sessions.
 */
#include "mx/database.h"
#include "mx/mx.h"

MxSettings	mx;

Role *
role_share(Role *role)
{
	return role;
}

void
role_release(Role *role)
{
}
