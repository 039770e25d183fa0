#!/usr/bin/env bash
# Sums visits by the hour, as a worker on SQL alone. Needs psql.
#
#	sql_worker.sh PROCESS [CONNECTION]		without CONNECTION: PGHOST, PGDATABASE, ... ; HEARTBEAT=60 POLL=5 seconds
#
# psql hears a notification only when it has sent something, so this worker asks every POLL seconds.
set -u
process=$1
connection=${2:-}
stopping=

trap 'stopping=1' TERM

# SQL from the input, values as -v name=value, written :'name' there: psql quotes them
sql() { psql -X -q -A -t -F ' ' -v ON_ERROR_STOP=1 -v VERBOSITY=verbose "$@" ${connection:+-d "$connection"}; }

claim() {
	sql -v process="$process" <<-'SQL'
		SELECT unit_of_work_id, attempt, timeperiod, extract(epoch FROM synergy.timeperiod_start(start_timeperiod)),
			extract(epoch FROM synergy.timeperiod_start(end_timeperiod)) FROM synergy.claim(:'process', 1)
	SQL
}

# the sums and the completion commit together, or not at all
sum_up() {
	sql -1 -v process="$process" -v unit="$unit" -v attempt="$attempt" -v period="$period" -v first="$first" -v end="$end" <<-'SQL'
		INSERT INTO visit_hourly
			SELECT :'process', to_timestamp(:first), count(*), coalesce(sum(pages), 0) FROM visit
			WHERE at >= to_timestamp(:first) AND at < to_timestamp(:end)
		ON CONFLICT (process_name, hour) DO UPDATE SET visits = excluded.visits, pages = excluded.pages
		RETURNING visits, CASE WHEN visits > 0 THEN 'processed' ELSE 'noop' END AS state \gset
		INSERT INTO visit_ledger VALUES (:unit, :attempt, :'process', :'period', 'shell');
		SELECT synergy.complete(:unit, :'state', number_of_processed => :visits, number_of_aggregated => 1, attempt => :attempt);
	SQL
}

# signs of life, for as long as the worker lives; when the unit was taken from us, complete will say so
beat() {
	while sleep "${HEARTBEAT:-60}" && kill -0 $$; do
		sql -v unit="$unit" <<< 'SELECT synergy.heartbeat(:unit)' || return
	done > /dev/null 2>&1
}

do_unit() {
	local heart error
	beat &
	heart=$!
	if ! error=$(sum_up 2>&1 > /dev/null); then
		echo "$error" >&2
		# refused (55000) when somebody else has the unit now; what we did was rolled back
		sql -v unit="$unit" -v attempt="$attempt" -v error="$error" <<< "SELECT synergy.fail(:unit, :'error', :attempt)" > /dev/null
	fi
	kill "$heart" 2> /dev/null
	wait "$heart" 2> /dev/null
}

# SIGTERM is heeded between two units, and at once while waiting
while [ -z "$stopping" ]; do
	if taken=$(claim) && read -r unit attempt period first end <<< "$taken" && [ -n "$unit" ]; then
		do_unit
	else
		sleep "${POLL:-5}" &
		wait $!
	fi
done
