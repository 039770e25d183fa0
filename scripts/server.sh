# Sourced by cassert and memcheck: a PostgreSQL from source, of a kind that no distribution has.
#
#	server_build PREFIX NAME [FLAGS]	with assertions, and with these preprocessor's flags; once
#
# Its source is upstream's release as Debian keeps it, without Debian's patches: these look for modules in the system's
# directories.

package=postgresql-${PG_MAJOR:-15}

# fetch DIR: the source, from where the system has its packages; the system's own lists stay as they are
fetch() {
	local file apt=(apt-get -qq -o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts="$1/sources.list.d"
		-o Dir::State::Lists="$1/lists" -o Dir::Cache="$1/cache")
	mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/sources.list.d"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
		[ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/; s/^deb /deb-src /' "$file" > "$1${file#/etc/apt}"
	done
	"${apt[@]}" update || true
	# the newest may not be on every mirror yet
	(cd "$1" && { "${apt[@]}" source --download-only --tar-only "$package" ||
		"${apt[@]}" source --download-only --tar-only "$package/$(. /etc/os-release && echo "$VERSION_CODENAME")"; })
}

build() {
	local prefix=$1 flags=${2:-}
	local work icu=
	work=$(mktemp -d /tmp/synergy-cassert-XXXXXX)
	trap "rm -rf '$work'" EXIT
	fetch "$work" && mkdir "$work/source" &&
		tar -x -f "$work/$package"_*.orig.tar.* -C "$work/source" --strip-components=1 && cd "$work/source" || return 1
	# 16 and later want ICU unless told otherwise
	[[ $(./configure --help) != *--without-icu* ]] || icu=--without-icu
	./configure --prefix="$prefix" --enable-cassert --enable-debug --enable-tap-tests --without-readline --without-zlib \
		$icu CFLAGS="-O1 -g" CPPFLAGS="$flags" &&
		make -j"$(nproc)" && make install && make -C src/test/isolation install &&
		make -C contrib/pg_stat_statements install && make -C contrib/pageinspect install && cp src/tools/valgrind.supp "$prefix/" && touch "$prefix/complete"
}

server_build() {
	local prefix=$1 name=$2 flags=${3:-}

	[ ! -e "$prefix/complete" ] || return 0
	echo "building $package ($name) in $prefix" >&2
	mkdir -p build
	(build "$prefix" "$flags") > "build/$name.log" 2>&1 || { tail -40 "build/$name.log"; return 1; }
}
