# Included behind PGXS: its flags are those of the compiler that PostgreSQL was built with, and clang does not know all of gcc's.

ifneq ($(findstring clang,$(CC)),)
override CFLAGS := $(filter-out -fexcess-precision=standard -Wimplicit-fallthrough=3 -Wno-format-truncation \
	-Wno-stringop-truncation -Wshadow=compatible-local,$(CFLAGS)) -Wno-ignored-attributes
endif

# a release is built with compilers that nobody has tried yet: a warning stops the build in a clone only
ifeq ($(wildcard $(dir $(lastword $(MAKEFILE_LIST)))../.git),)
override CFLAGS := $(filter-out -Werror,$(CFLAGS))
endif
