# A program with libpq: included where PROGRAM, OBJS and PROGRAM_LIBS (what else it is linked with) are set, and PG_CFLAGS
# if it wants flags of its own.

PG_CONFIG ?= pg_config
PG_CPPFLAGS = -I$(CURDIR)/.. -I$(shell $(PG_CONFIG) --includedir) -DSYNERGY_VERSION='"$(EXTVERSION)"' -D_GNU_SOURCE -MMD -MP
PG_CFLAGS += -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers
PG_LDFLAGS = -L$(shell $(PG_CONFIG) --libdir)
PG_LIBS = $(PROGRAM_LIBS) -lpq

PGXS := $(shell $(PG_CONFIG) --pgxs)
override with_llvm = no
include $(PGXS)

# only what is ours to link: PGXS adds what the server itself is linked with
override LIBS :=

include ../compiler.mk
