# Synergy: a timetable scheduler inside PostgreSQL.
#
#	make				builds synergy.so and the extension script
#	make install		installs both (DESTDIR=... for a place of its own)
#	make demo			a private cluster with three months of flights; nothing is installed system-wide
#	make check			every test; make quickcheck: those of the inner loop
#	make help			the rest
#
# PG_CONFIG=/path/to/pg_config chooses the PostgreSQL to build for, CC=clang the compiler. WITH_AMQP=no builds without
# the bridge to RabbitMQ, and so without librabbitmq; WITH_MX=no without the console, and so without libmicrohttpd and npm;
# WITH_PROGRAMS=no without any program and its manual: the extension alone.

EXTENSION = synergy
EXTVERSION = 1.0.0

# These do not need PostgreSQL to be there yet: they install what is missing.
# scripts/check names the kinds of tests
KINDS := $(shell sed -n 's/^kinds="\([^$$"]*\)"$$/\1/p; s/^others="\([^"]*\)".*/\1/p' scripts/check)
TASKS = check quickcheck $(KINDS) model-long demo docs screenshots fuzz sqlsmith sanitize memcheck bench bench-quick format update-po deb deb-test dist dist-test matrix help

ifneq ($(filter $(TASKS),$(MAKECMDGOALS)),)

check:
	@scripts/check
quickcheck:
	@scripts/check --quick
$(filter-out chaos,$(KINDS)):
	@scripts/check --only $@
chaos:
	@CHAOS_MINUTES=$${CHAOS_MINUTES:-5} scripts/check --only chaos
model-long:
	@scripts/install-deps model && /usr/bin/python3 -B test/model/run.py --long
demo:
	@scripts/demo
docs:
	@scripts/docs
screenshots:
	@scripts/screenshots
fuzz:
	@scripts/fuzz
sqlsmith:
	@scripts/sqlsmith
sanitize:
	@scripts/sanitize
memcheck:
	@scripts/memcheck
bench:
	@scripts/bench $(BENCH)
bench-quick:
	@scripts/bench --quick $(BENCH)
format:
	@scripts/format
update-po:
	@$(MAKE) -s -C po update
deb:
	@scripts/deb
deb-test:
	@scripts/deb-test
dist:
	@scripts/dist
dist-test:
	@scripts/dist-test
matrix:
	@scripts/matrix
help:
	@sed -n '2,11s/^#//p' Makefile; echo '	make $(KINDS): one kind of tests'; \
	 echo '	make deb: packages for Debian; make dist: a zip for PGXN; make deb-test, dist-test: both, installed and used on a bare machine; make matrix: other versions of PostgreSQL'; \
	 echo '	make docs: the documentation as a site, in build/site; make screenshots: docs/images, anew; make fuzz, sqlsmith, sanitize, memcheck: see CONTRIBUTING.md; make bench, bench-quick: see docs/performance.md; make format: pg_bsd_indent over src; make update-po: translations, see docs/translating.md'

.PHONY: $(TASKS)

else

MODULE_big = synergy
OBJS = $(patsubst %.c,%.o,$(sort $(filter-out src/amqp/% src/client/% src/agent/% src/keeper/% src/mx/%,$(wildcard src/*.c src/*/*.c))))
DATA = $(wildcard sql/updates/$(EXTENSION)--*--*.sql)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
EXTRA_CLEAN = results build test/expected $(OBJS:.o=.d)

# make installcheck: the SQL tests, against a running server that has it installed and preloaded
REGRESS = $(shell cat test/sql/schedule 2> /dev/null)
REGRESS_OPTS = --inputdir=test --launcher=scripts/pg-options
REGRESS_PREP = test/expected

PG_CONFIG ?= pg_config
PG_CPPFLAGS = -I$(CURDIR)/src -MMD -MP
# PostgreSQL's own headers and idioms are why these three are off: hook signatures leave parameters unused, sizes are
# compared with ints, and {0} initialises structs
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers

# what the library says of itself, and compares with the schema's
src/store/version.o: override CPPFLAGS += -DSYNERGY_VERSION='"$(EXTVERSION)"'

PGXS := $(shell $(PG_CONFIG) --pgxs)
# bitcode for JIT would need clang, and inlining our functions into queries brings nothing
override with_llvm = no
include $(PGXS)

# before the compiler is: what it says first of headers that are missing helps nobody
ifneq ($(filter 9.% 10 11 12 13,$(MAJORVERSION)),)
$(error Synergy needs PostgreSQL 14 or newer, functions with SQL bodies; this is $(MAJORVERSION))
endif

include src/compiler.mk

-include $(OBJS:.o=.d)

# translations of messages
TRANSLATIONS = $(MAKE) -C po PG_CONFIG='$(PG_CONFIG)'
all: translations
translations:
	+@$(TRANSLATIONS) all
install: translations-install
translations-install:
	+@$(TRANSLATIONS) install
uninstall: translations-uninstall
translations-uninstall:
	+@$(TRANSLATIONS) uninstall
clean: translations-clean
translations-clean:
	+@$(TRANSLATIONS) clean
.PHONY: translations translations-install translations-uninstall translations-clean

# the bridge to RabbitMQ is a module of its own, so that the server needs librabbitmq only where it is used
ifneq ($(WITH_AMQP),no)
AMQP = $(MAKE) -C src/amqp PG_CONFIG='$(PG_CONFIG)'
all: amqp
amqp:
	@printf '%s\n' '#if !__has_include(<rabbitmq-c/amqp.h>)' '#include <amqp.h>' '#endif' | \
		$(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) -E - > /dev/null 2>&1 || \
		{ echo 'librabbitmq is missing: WITH_AMQP=no builds without the bridge to RabbitMQ' >&2; exit 1; }
	+@$(AMQP) all
install: amqp-install
amqp-install: amqp
	+@$(AMQP) install
uninstall: amqp-uninstall
amqp-uninstall:
	+@$(AMQP) uninstall
clean: amqp-clean
amqp-clean:
	+@$(AMQP) clean
.PHONY: amqp amqp-install amqp-uninstall amqp-clean
endif

ifneq ($(WITH_PROGRAMS),no)

# the program `synergy`
CLIENT = $(MAKE) -C src/client PG_CONFIG='$(PG_CONFIG)' EXTVERSION=$(EXTVERSION)
all: client
client:
	+@$(CLIENT) all
install: client-install
client-install: client
	+@$(CLIENT) install
uninstall: client-uninstall
client-uninstall:
	+@$(CLIENT) uninstall
clean: client-clean
client-clean:
	+@$(CLIENT) clean
.PHONY: client client-install client-uninstall client-clean

# the web console. WITH_MX=yes insists on it, no leaves it out; else it is built where libmicrohttpd's headers are, and its
# front end can be bundled, or is already
MX = $(MAKE) -C src/mx PG_CONFIG='$(PG_CONFIG)' EXTVERSION=$(EXTVERSION)
WITH_MX ?= auto
ifneq ($(WITH_MX),no)
all: mx
mx: client
ifeq ($(WITH_MX),auto)
	+@if ! echo '#include <microhttpd.h>' | $(CC) $(filter-out -MMD -MP,$(CPPFLAGS)) -E - > /dev/null 2>&1; then \
		echo 'NOTICE: the console (synergy mx) is not built: libmicrohttpd is missing'; \
	elif ! $(MX) asset_data.c; then \
		echo 'NOTICE: the console (synergy mx) is not built: its front end needs node, npm and the npm registry'; \
	else $(MX) all; fi
else
	+@$(MX) all
endif
install: mx-install
mx-install: mx
	+@if [ -x src/mx/synergy-mx ]; then $(MX) install; fi
uninstall: mx-uninstall
mx-uninstall:
	+@$(MX) uninstall
clean: mx-clean
mx-clean:
	+@$(MX) clean
.PHONY: mx mx-install mx-uninstall mx-clean
endif

# its completion for bash, below the prefix that its own directory is in, where bash-completion looks for it
completiondir ?= $(patsubst %/,%,$(dir $(bindir)))/share/bash-completion/completions
install: completion-install
completion-install:
	$(MKDIR_P) '$(DESTDIR)$(completiondir)'
	$(INSTALL_DATA) packaging/bash-completion/synergy '$(DESTDIR)$(completiondir)/'
uninstall: completion-uninstall
completion-uninstall:
	rm -f '$(DESTDIR)$(completiondir)/synergy'
.PHONY: completion-install completion-uninstall

# its manuals
install: man-install
man-install:
	$(MKDIR_P) '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_DATA) $(wildcard man/*.1) '$(DESTDIR)$(mandir)/man1/'
uninstall: man-uninstall
man-uninstall:
	rm -f $(patsubst man/%,'$(DESTDIR)$(mandir)/man1/%',$(wildcard man/*.1))
.PHONY: man-install man-uninstall

endif

# pg_regress looks for it beside the tests
test/expected:
	ln -s ../expected $@

# the parts, in the order of their numbers
$(EXTENSION)--$(EXTVERSION).sql: $(sort $(wildcard sql/[0-9]*.sql))
	@{ printf '%s\n' '-- made from sql/*.sql by make' '\echo Use "CREATE EXTENSION synergy" to load this file. \quit'; \
	   cat $^; } > $@

endif
