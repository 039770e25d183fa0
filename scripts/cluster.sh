# Sourced by check and demo: a private cluster over a private install of the built tree.
#
#	cluster_build				builds, and installs below build/dest, or straight into a server that cannot look there
#	cluster_create DIR [NAME=VALUE ...]	initdb in DIR, with the extension to be found there
#	cluster_start DIR, cluster_stop DIR
#	as_postgres COMMAND...		as the user that may run servers
#
# SERVER_PRELOAD is preloaded into servers (scripts/sanitize).
#
# Servers refuse to run as root; then they run as user postgres, and DIR is given to him.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PG_CONFIG=${PG_CONFIG:-$(command -v pg_config || echo /usr/bin/pg_config)}
dest=$top/build/dest

as_postgres() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/tmp "$@"
	else
		"$@"
	fi
}

major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')

# can the server be told where to find extensions? 18 can, and Debian's before it
looks_elsewhere() {
	[ "$major" -ge 18 ] || [[ $("$("$PG_CONFIG" --bindir)/postgres" --describe-config) == *$'\n'extension_destdir* ]]
}

cluster_build() {
	mkdir -p "$top/build"
	# objects made for another PostgreSQL are of no use
	if ! "$PG_CONFIG" | cmp -s - "$top/build/pg_config"; then
		rm -f "$top"/src/*.o "$top"/src/*/*.o "$top/synergy.so"
		"$PG_CONFIG" > "$top/build/pg_config"
	fi
	make -C "$top" -s -j"$(nproc)" PG_CONFIG="$PG_CONFIG" > "$top/build/make.log" 2>&1 ||
		{ cat "$top/build/make.log"; return 1; }
	rm -rf "$dest"
	looks_elsewhere || dest=
	make -C "$top" -s install DESTDIR="$dest" PG_CONFIG="$PG_CONFIG" > "$top/build/make.log" 2>&1 ||
		{ cat "$top/build/make.log"; return 1; }
	# the tree may lie where user postgres may not look
	if [ -n "$dest" ] && [ "$(id -u)" -eq 0 ]; then
		installed=$(mktemp -d /tmp/synergy-install-XXXXXX)
		cp -r "$dest/." "$installed"
		chmod -R a+rX "$installed"
		dest=$installed
	fi
}

# settings with which a server finds an extension that is not installed where it looks by itself
cluster_settings() {
	[ -n "$dest" ] || return 0
	echo "dynamic_library_path = '$dest$("$PG_CONFIG" --pkglibdir):\$libdir'"
	if [ "$major" -ge 18 ]; then
		echo "extension_control_path = '$dest$("$PG_CONFIG" --sharedir):\$system'"
	else
		echo "extension_destdir = '$dest'"
	fi
}

cluster_create() {
	local directory=$1 setting
	shift
	mkdir -p "$directory"
	[ "$(id -u)" -ne 0 ] || chown postgres "$directory"
	as_postgres "$("$PG_CONFIG" --bindir)/initdb" -D "$directory/data" -A trust -U postgres -E UTF8 --locale=C -N > "$directory.initdb" 2>&1 ||
		{ cat "$directory.initdb"; return 1; }
	{
		cluster_settings
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$directory'"
		echo "shared_preload_libraries = 'synergy'"
		echo "max_worker_processes = 20"
		echo "timezone = 'UTC'"
		echo "log_timezone = 'UTC'"
		for setting in "$@"; do echo "$setting"; done
	} | as_postgres tee -a "$directory/data/postgresql.conf" > /dev/null
}

cluster_start() {
	# not where he may not look
	(cd "$1" && as_postgres env ${SERVER_PRELOAD:+LD_PRELOAD="$SERVER_PRELOAD"} "$("$PG_CONFIG" --bindir)/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 start > /dev/null) ||
		{ tail -20 "$1/log"; return 1; }
}

cluster_stop() {
	as_postgres timeout 60 "$("$PG_CONFIG" --bindir)/pg_ctl" -D "$1/data" -w -m "${2:-fast}" stop > /dev/null 2>&1 || true
}
