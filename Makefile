# upgrade_prereq: preflight checks before an OpenMetadata upgrade
#
# make && make install, with PG_CONFIG=... for a certain server.  Works out
# of tree too: make -f /path/to/source/Makefile VPATH=/path/to/source

EXTENSION = upgrade_prereq
MODULE_big = upgrade_prereq
PGFILEDESC = "upgrade_prereq - preflight checks before an OpenMetadata upgrade"
DATA = sql/upgrade_prereq--1.0.sql

OBJS = \
	$(WIN32RES) \
	src/attempt.o \
	src/breaking.o \
	src/breaking_list.o \
	src/breaking_probe.o \
	src/check.o \
	src/check_list.o \
	src/check_run.o \
	src/checks/breaking_changes.o \
	src/checks/breaking_changes_deep.o \
	src/checks/extension_version.o \
	src/checks/raise_left_behind.o \
	src/checks/setting_has_no_effect.o \
	src/deadline.o \
	src/extension.o \
	src/finding.o \
	src/guard.o \
	src/journal.o \
	src/kind_list.o \
	src/login.o \
	src/memory/adequacy.o \
	src/memory/ddl.o \
	src/memory/estimate.o \
	src/memory/foreign_code.o \
	src/memory/harmless.o \
	src/memory/host.o \
	src/memory/index_build.o \
	src/memory/limit.o \
	src/memory/memory_use.o \
	src/memory/model.o \
	src/memory/model_hash.o \
	src/memory/model_sort.o \
	src/memory/operation.o \
	src/memory/plan.o \
	src/memory/plan_rows.o \
	src/memory/row_length.o \
	src/memory/row_share.o \
	src/memory/row_source.o \
	src/memory/sample.o \
	src/memory/script.o \
	src/memory/script_body.o \
	src/memory/script_lexer.o \
	src/memory/script_plpgsql.o \
	src/memory/script_psql.o \
	src/memory/script_session.o \
	src/memory/statement.o \
	src/memory/statement_settings.o \
	src/memory/table_facts.o \
	src/need.o \
	src/query.o \
	src/raise.o \
	src/raise_session.o \
	src/raise_stored.o \
	src/release.o \
	src/report.o \
	src/report_formats.o \
	src/report_memory.o \
	src/role_setting.o \
	src/runs/run_fix.o \
	src/runs/run_list.o \
	src/runs/runs.o \
	src/stored_setting.o \
	src/table.o \
	src/upgrade_prereq.o

REGRESS = \
	install \
	release \
	breaking_changes \
	engine \
	eras \
	estimate \
	host \
	hostile \
	journal \
	memory \
	raise \
	runs \
	runs_list \
	server

ISOLATION = concurrent_ddl concurrent_raise
TAP_TESTS = 1

# The folder of this Makefile: the source folder, in tree or out of it.
source_dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# The version stands in the control file and nowhere else.
version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(source_dir)/upgrade_prereq.control)
PG_CPPFLAGS = -DUPGRADE_PREREQ_VERSION='"$(version)"' -I$(source_dir)/src

EXTRA_CLEAN = model_test src/breaking_list.c src/check_list.c src/kind_list.c META.json upgrade_prereq-*.zip

# Out of tree, the folders of the objects have to exist before the first
# rule runs.
ifdef VPATH
$(shell mkdir -p src/checks src/memory src/runs)
endif

# Where the regression tests find the tables of OpenMetadata.
export UPGRADE_PREREQ_FIXTURE ?= $(abspath $(source_dir))/fixture

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# The checks are compiled in: one table, made from the headers and queries
# of their files.
checks := $(sort $(wildcard $(source_dir)/src/checks/*.sql $(source_dir)/src/checks/*.c))

src/check_list.c: $(checks) $(source_dir)/tools/header.awk $(source_dir)/tools/check_list.awk
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/check_list.awk $(checks) > $@.tmp
	mv $@.tmp $@

src/check_list.o src/check_list.bc: src/check_list.c

# So are the kinds of runs.
kinds := $(source_dir)/src/runs/judge.sql $(sort $(wildcard $(source_dir)/src/runs/kinds/*.sql))

src/kind_list.c: $(kinds) $(source_dir)/tools/header.awk $(source_dir)/tools/kind_list.awk
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/kind_list.awk $(kinds) > $@.tmp
	mv $@.tmp $@

src/kind_list.o src/kind_list.bc: src/kind_list.c

# And the breaking changes.
changes := $(source_dir)/src/breaking_changes.sql

src/breaking_list.c: $(changes) $(source_dir)/tools/header.awk $(source_dir)/tools/breaking_list.awk
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/breaking_list.awk $(changes) > $@.tmp
	mv $@.tmp $@

src/breaking_list.o src/breaking_list.bc: src/breaking_list.c

# Every object is made again when a header changed: the library is small.
$(filter %.o,$(OBJS)): $(wildcard $(source_dir)/src/*.h $(source_dir)/src/memory/*.h $(source_dir)/src/runs/*.h)
src/upgrade_prereq.o src/checks/extension_version.o: $(source_dir)/upgrade_prereq.control

# The memory model against measured values, without a server.
model_sources := $(addprefix $(source_dir)/,test/model_test.c src/memory/model.c \
	src/memory/model_hash.c src/memory/model_sort.c)

model_test: $(model_sources) $(wildcard $(source_dir)/src/memory/model*.h)
	$(CC) $(CPPFLAGS) $(CFLAGS) -DFRONTEND -o $@ $(model_sources) -lm

check-model: model_test
	$(abspath $<) < $(source_dir)/test/model_measured.tsv

# Reference tables, made from the same headers as the library.
doc/checks.md: $(checks) $(source_dir)/tools/check_table.awk
	mkdir -p doc
	awk -f $(source_dir)/tools/check_table.awk $(checks) > $@

doc/breaking-changes.md: $(changes) $(source_dir)/tools/header.awk $(source_dir)/tools/breaking_table.awk
	mkdir -p doc
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/breaking_table.awk $(changes) > $@

# A release for PGXN.
META.json: $(source_dir)/META.json.in $(source_dir)/upgrade_prereq.control
	sed 's/@version@/$(version)/g' $< > $@

dist: META.json
	git -C $(source_dir) archive --format zip --prefix upgrade_prereq-$(version)/ \
		--add-file $(abspath META.json) -o $(abspath upgrade_prereq-$(version).zip) HEAD

.PHONY: check-model dist
