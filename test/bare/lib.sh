# Sourced by what runs on a bare machine: a line "ok - WHAT" or "not ok - WHAT" for each thing that is looked at.

export PYTHONDONTWRITEBYTECODE=1

# is WHAT GOT WANTED
is() { if [ "$2" = "$3" ]; then echo "ok - $1"; else echo "not ok - $1: '$2' instead of '$3'"; fi; }
# yes WHAT COMMAND...
yes() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then echo "ok - $what"; else echo "not ok - $what"; sed 's/^/	/' <<< "$output" | tail -40; fi
}
no() {
	local what=$1
	shift
	if "$@" > /dev/null 2>&1; then echo "not ok - $what"; else echo "ok - $what"; fi
}
# within SECONDS COMMAND...: it comes true in time
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@" > /dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done
}
as() { local user=$1; shift; setpriv --reuid="$user" --regid="$user" --init-groups env HOME=/tmp "$@"; }
apt_get() { apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@" > /tmp/apt.log 2>&1 || { cat /tmp/apt.log; return 1; }; }
