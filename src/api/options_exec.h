/*
 * api/options_exec.h: values of the options that agents read: of exec processes and freeruns, and of daemons.
 *
 * Each returns what is accepted, as a hint, when the value is not, else NULL.
 */
#ifndef SYNERGY_API_OPTIONS_EXEC_H
#define SYNERGY_API_OPTIONS_EXEC_H

#include "postgres.h"
#include "utils/jsonb.h"

extern const char *option_wrong_directory(const char *value);
extern const char *option_wrong_umask(const char *value);
extern const char *option_wrong_user(const char *value);
extern const char *option_wrong_memory(const char *value);
extern const char *option_wrong_environment(Jsonb *options, const char *key);

/* a regular expression or an array of them; ERROR 2201B for what is none */
extern const char *option_wrong_boxes(Jsonb *options, const char *key);

#endif							/* SYNERGY_API_OPTIONS_EXEC_H */
