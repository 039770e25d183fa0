/*
 * client/status.h: the picture that `synergy status` draws, once or again and again.
 */
#ifndef SYNERGY_CLIENT_STATUS_H
#define SYNERGY_CLIENT_STATUS_H

#include "client/options.h"
#include "client/table.h"

/* daemons with what their boxes say of them; also what `synergy daemon list` shows */
#define STATUS_DAEMONS \
	"SELECT d.process_name, d.is_on, b.box_name, b.state, b.pid, b.starts, b.exits, b.last_exit, b.started_at, b.exited_at, " \
	"b.next_start_at, d.command, " \
	"extract(epoch FROM synergy.now() - CASE b.state WHEN 'running' THEN b.started_at ELSE b.exited_at END)::float8 AS since_seconds, " \
	"extract(epoch FROM b.next_start_at - synergy.now())::float8 AS next_start_seconds " \
	"FROM synergy.daemon d LEFT JOIN synergy.box_daemon b ON b.process_name = d.process_name ORDER BY d.process_name, b.box_name"

typedef struct StatusRequest
{
	const char *max_lag;		/* interval, NULL: no lag is too long */
	bool		full;			/* count finished jobs by state, too */
	bool		strict;			/* warnings make it unwell, too */
} StatusRequest;

/* draws the picture, or the JSON document; EXIT_DONE, EXIT_UNWELL, or what went wrong, which has been reported */
extern int	status_draw(PGconn *connection, const StatusRequest *request, const Picture *picture);

/* draws again every so many seconds until it is told to stop */
extern int	watch_run(const ClientArguments *arguments, const StatusRequest *request, double seconds);

#endif							/* SYNERGY_CLIENT_STATUS_H */
