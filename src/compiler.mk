# Included behind PGXS: its flags are those of the compiler that PostgreSQL was built with, and clang does not know all of gcc's.

ifneq ($(findstring clang,$(CC)),)
override CFLAGS := $(filter-out -fexcess-precision=standard -Wimplicit-fallthrough=3 -Wno-format-truncation \
	-Wno-stringop-truncation,$(CFLAGS)) -Wno-ignored-attributes
endif
