/*
 * api/register.h: checks that the registration of processes and freeruns share.
 */
#ifndef SYNERGY_API_REGISTER_H
#define SYNERGY_API_REGISTER_H

/* sql and exec need a command (22004); that of sql must parse (42601 with the position) */
extern void check_worker_command(const char *worker, const char *command, const char *process_name);

/*
 * Jobs from the timetable's end on are taken away, while they are embryos; ERROR 55000 when one of them is not.
 */
extern void cut_timetable(const char *tree_name, const char *end);

#endif							/* SYNERGY_API_REGISTER_H */
