#!/usr/bin/env bash
# Counts the ticks of a period, as a worker on AMQP alone, without any connection to the database. Needs amqp-tools and jq.
#
#	amqp_worker.sh PROCESS URL DIRECTORY		HEARTBEAT=60 seconds, CACERT=file for amqps
#
# Arguments of the process: "tick", the seconds between two ticks; "pause", how long a unit takes; "bad", an object of
# periods that fail, with the error. The count of each period goes to a file of its name in DIRECTORY.
#
# amqp-publish cannot ask for a confirmation: a report that the broker loses when it dies at once leaves the unit in
# progress, and it is requested again when it is stale. Workers that must not do work twice use another client.
set -u

# report STATE [jq options that set more]; $message is what it is about
report() {
	local state=$1
	shift
	jq -c --arg state "$state" "$@" '{record_db_id, attempt, database, state: $state} + ($ARGS.named | del(.state))' <<< "$message" |
		amqp-publish -u "$url" ${CACERT:+--cacert "$CACERT"} -r q_uow_status -p -C application/json
}

# the work itself; delivery is at least once, so doing it twice must be as good as doing it once
count_ticks() {
	local period bad ticks
	[ "$(jq .omitted <<< "$message")" != true ] || { echo "the arguments are too long for a message" >&2; return 1; }
	period=$(jq -r .timeperiod <<< "$message")
	sleep "$(jq '.arguments.pause // 0' <<< "$message")"
	bad=$(jq -r '.arguments.bad[.timeperiod] // empty' <<< "$message")
	[ -z "$bad" ] || { echo "$bad" >&2; return 1; }
	ticks=$(jq 'def seconds: sub("\\.[0-9]+"; "") | sub("\\+00:?(00)?$"; "Z") | fromdate;
		((.end_time | seconds) - (.start_time | seconds)) / (.arguments.tick // 60) | floor' <<< "$message") || return
	echo "$ticks" > "$directory/$period.new" && mv "$directory/$period.new" "$directory/$period" && echo "$ticks"
}

beat() { while sleep "${HEARTBEAT:-60}" && kill -0 "$PPID"; do report in_progress; done > /dev/null 2>&1; }

# called for one message, which is the input; it is acknowledged when this ends with 0, and comes back otherwise
do_unit() {
	local heart output status
	message=$(cat)
	jq -r '"unit \(.record_db_id): \(.timeperiod), attempt \(.attempt)"' <<< "$message"
	report in_progress || return
	beat &
	heart=$!
	output=$(count_ticks 2>&1)
	status=$?
	kill "$heart"
	if [ $status -eq 0 ]; then
		report processed --argjson number_of_processed "$output" --argjson number_of_aggregated 1
	else
		report invalid --arg error "$output"
	fi
}

if [ "$1" = --unit ]; then
	url=$2 directory=$3
	trap '' TERM
	do_unit
	exit
fi

process=$1 url=$2 directory=$3
stopping=
consumer=
# a unit in work is finished; a consumer that waits is not needed any more
trap 'stopping=1; [ -z "$consumer" ] || pgrep -P "$consumer" > /dev/null || kill "$consumer"' TERM
while [ -z "$stopping" ]; do
	# one message, then a new connection: a message whose unit was not reported is given back with the old one
	amqp-consume -u "$url" ${CACERT:+--cacert "$CACERT"} -q "queue_$process" -c 1 -- "$0" --unit "$url" "$directory" &
	consumer=$!
	wait "$consumer"
	status=$?
	while kill -0 "$consumer" 2> /dev/null; do wait "$consumer"; done		# SIGTERM ended only the first wait
	[ $status -eq 0 ] || [ -n "$stopping" ] || { sleep 1 & wait $!; }
done
