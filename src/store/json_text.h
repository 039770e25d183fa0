/*
 * store/json_text.h: the value of a key of a JSON object as text.
 */
#ifndef SYNERGY_STORE_JSON_TEXT_H
#define SYNERGY_STORE_JSON_TEXT_H

#include "postgres.h"
#include "utils/jsonb.h"

/* strings as they are, numbers and booleans as JSON writes them, what is nested as JSON; NULL: no such key, or null */
extern char *json_text(Jsonb *object, const char *key);

#endif							/* SYNERGY_STORE_JSON_TEXT_H */
