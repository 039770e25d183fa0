# Sourced by deb-test, dist-test and matrix: bare machines, each a folder with nothing but a Debian's essential packages.
#
#	chroot_suite				the Debian that this machine runs: bookworm
#	chroot_new SUITE DIR		a new one in DIR; what debootstrap has brought is kept in CHROOT_CACHE for the next
#	chroot_run DIR COMMAND...	in there, with processes, /proc and shared memory of its own: when the command ends, all end
#	chroot_end DIR
#
# Needs root. Packages come from where this machine has its own. Services are not started by their packages, as where
# nobody has configured them yet; no cluster is made by PostgreSQL's.

CHROOT_CACHE=${CHROOT_CACHE:-/var/tmp/synergy-chroots}

chroot_suite() { (. /etc/os-release && echo "$VERSION_CODENAME"); }

chroot_mirror() { apt-cache policy make | grep -oE '[a-z]+:[^ ]+' | grep -E '^(https?|file|ftp):' | grep -v -e -security | head -1; }

# the folder that a new one is copied from
chroot_base() {
	local suite=$1 base=$CHROOT_CACHE/$1 known=()
	[ ! -e "$base/complete" ] || return 0
	# a suite that this debootstrap does not know is as sid
	[ -e "/usr/share/debootstrap/scripts/$suite" ] || known=(/usr/share/debootstrap/scripts/sid)
	rm -rf --one-file-system "$base"
	mkdir -p "$base"
	echo "a bare $suite in $base" >&2
	debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg "$suite" "$base/root" "$(chroot_mirror)" \
		"${known[@]}" > "$base/log" 2>&1 || { tail -5 "$base/log"; return 1; }
	touch "$base/complete"
}

chroot_new() {
	local suite=$1 directory=$2 security
	[ "$(id -u)" -eq 0 ] || { echo "only root can make a bare machine" >&2; return 1; }
	chroot_base "$suite" || return 1
	rm -rf --one-file-system "$directory"
	mkdir -p "${directory%/*}"
	cp -a "$CHROOT_CACHE/$suite/root" "$directory"
	cp -r /etc/apt/apt.conf.d/. "$directory/etc/apt/apt.conf.d/"
	[ ! -e /etc/resolv.conf ] || cp -L /etc/resolv.conf "$directory/etc/resolv.conf"
	# where a release has its mends from. What is not one yet has no such suite; bullseye's lists packages that are gone
	security=$(apt-cache policy | grep -oE '[a-z]+:[^ ]+ [a-z]+-security/main' | head -1 | cut -d ' ' -f 1)
	case $suite in
		bookworm | trixie)
			[ -z "$security" ] || echo "deb $security $suite-security main" > "$directory/etc/apt/sources.list.d/security.list" ;;
	esac
	printf '#!/bin/sh\nexit 101\n' > "$directory/usr/sbin/policy-rc.d"
	chmod 755 "$directory/usr/sbin/policy-rc.d"
	# a power cut would not matter
	printf 'force-unsafe-io\nforce-confold\n' > "$directory/etc/dpkg/dpkg.cfg.d/unsafe-io"
	mkdir -p "$directory/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' > "$directory/etc/postgresql-common/createcluster.d/none.conf"
	chroot_run "$directory" apt-get -qq update
}

chroot_run() {
	local directory=$1
	shift
	unshare --mount --pid --ipc --fork --kill-child --propagation private bash -c '
		root=$1; shift
		mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
			mount -t tmpfs tmpfs "$root/dev/shm" && mount -t tmpfs tmpfs "$root/run" || exit 1
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive "$@"' chroot_run "$directory" "$@"
}

chroot_end() { rm -rf --one-file-system "$1"; }
