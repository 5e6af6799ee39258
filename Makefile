# upgrade_prereq: preflight checks before an OpenMetadata upgrade
#
# make && make install, with PG_CONFIG=... for a certain server.  Works out
# of tree too: make -f /path/to/source/Makefile VPATH=/path/to/source

EXTENSION = upgrade_prereq
MODULE_big = upgrade_prereq
PGFILEDESC = "upgrade_prereq - preflight checks before an OpenMetadata upgrade"
DATA = sql/upgrade_prereq--1.0.sql
DATA_built = upgrade_prereq_check.sql
SCRIPTS = tools/upgrade-prereq-backup tools/upgrade-prereq-fleet

OBJS = \
	$(WIN32RES) \
	src/acknowledge.o \
	src/acknowledgement.o \
	src/attempt.o \
	src/backup/archive.o \
	src/backup/archive_contents.o \
	src/backup/archive_custom.o \
	src/backup/archive_folder.o \
	src/backup/archive_inflate.o \
	src/backup/archive_metadata.o \
	src/backup/archive_path.o \
	src/backup/archive_source.o \
	src/backup/archive_sql.o \
	src/backup/archive_tar.o \
	src/backup/archive_wrapper.o \
	src/backup/evidence.o \
	src/backup/judge.o \
	src/backup/mark.o \
	src/backup/moment.o \
	src/backup/read_archive.o \
	src/backup/record.o \
	src/backup/trace.o \
	src/breaking.o \
	src/breaking_list.o \
	src/breaking_probe.o \
	src/check.o \
	src/check_list.o \
	src/check_pages.o \
	src/check_run.o \
	src/checks/acknowledgements.o \
	src/checks/backup.o \
	src/checks/breaking_changes.o \
	src/checks/breaking_changes_deep.o \
	src/checks/collation_version.o \
	src/checks/extension_version.o \
	src/checks/md5_refused.o \
	src/checks/raise_left_behind.o \
	src/checks/relationship_orphans.o \
	src/checks/setting_has_no_effect.o \
	src/deadline.o \
	src/disk/calibration.o \
	src/disk/disk.o \
	src/disk/duration.o \
	src/disk/place.o \
	src/disk/step.o \
	src/disk/step_files.o \
	src/disk/wal.o \
	src/explain.o \
	src/extension.o \
	src/finding.o \
	src/guard.o \
	src/journal.o \
	src/json_value.o \
	src/kind_list.o \
	src/login.o \
	src/memory/adequacy.o \
	src/memory/change.o \
	src/memory/ddl.o \
	src/memory/estimate.o \
	src/memory/foreign_code.o \
	src/memory/harmless.o \
	src/memory/hide_calls.o \
	src/memory/host.o \
	src/memory/index_build.o \
	src/memory/limit.o \
	src/memory/memory_use.o \
	src/memory/model.o \
	src/memory/model_file.o \
	src/memory/model_hash.o \
	src/memory/model_sort.o \
	src/memory/new_file.o \
	src/memory/operation.o \
	src/memory/plan.o \
	src/memory/plan_aggregate.o \
	src/memory/plan_rows.o \
	src/memory/plan_use.o \
	src/memory/plan_window.o \
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
	src/raise_restore.o \
	src/raise_session.o \
	src/raise_stored.o \
	src/release.o \
	src/report.o \
	src/report_formats.o \
	src/report_memory.o \
	src/role_setting.o \
	src/runs/airflow.o \
	src/runs/airflow_link.o \
	src/runs/airflow_run_id.o \
	src/runs/airflow_texts.o \
	src/runs/resolve.o \
	src/runs/run_fix.o \
	src/runs/run_list.o \
	src/runs/run_row.o \
	src/runs/runs.o \
	src/runs/settle.o \
	src/server_file.o \
	src/stored_setting.o \
	src/table.o \
	src/upgrade_prereq.o

REGRESS = \
	install \
	airflow \
	backup \
	release \
	acknowledge \
	archive \
	breaking_changes \
	data_checks \
	disk_space \
	engine \
	eras \
	estimate \
	history_checks \
	host \
	hazard_checks \
	hostile \
	index_checks \
	journal \
	memory \
	proof \
	raise \
	resolve \
	run_checks \
	runs \
	runs_list \
	script \
	server

ISOLATION = concurrent_acknowledge concurrent_backup concurrent_ddl \
	concurrent_raise concurrent_resolve index_being_built
TAP_TESTS = 1

# The folder of this Makefile: the source folder, in tree or out of it.
source_dir := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

# The version stands in the control file and nowhere else.
version := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(source_dir)/upgrade_prereq.control)
PG_CPPFLAGS = -DUPGRADE_PREREQ_VERSION='"$(version)"' -I$(source_dir)/src

EXTRA_CLEAN = fuzz_archive fuzzer model_test src/breaking_list.c src/check_list.c \
	src/check_pages.c src/kind_list.c src/runs/airflow_texts.c META.json \
	upgrade_prereq-*.zip

# Out of tree, the folders of the objects have to exist before the first
# rule runs.
ifdef VPATH
$(shell mkdir -p src/backup src/checks src/disk src/memory src/runs)
endif

# Where the regression tests find the tables of OpenMetadata.
export UPGRADE_PREREQ_FIXTURE ?= $(abspath $(source_dir))/fixture

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# zlib, if the server was built with it: HAVE_LIBZ is defined then.
zlib := $(if $(filter yes,$(with_zlib)),-lz)
SHLIB_LINK += $(zlib)

# PGXS would look for the script in a folder below.
uninstall: uninstall-scripts

uninstall-scripts:
	rm -f $(addprefix '$(DESTDIR)$(bindir)'/, $(notdir $(SCRIPTS)))

# The checks are compiled in: one table, made from the headers and queries
# of their files.
checks := $(sort $(wildcard $(source_dir)/src/checks/*.sql $(source_dir)/src/checks/*.c))

src/check_list.c: $(checks) $(source_dir)/tools/header.awk $(source_dir)/tools/check_list.awk
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/check_list.awk $(checks) > $@.tmp
	mv $@.tmp $@

src/check_list.o src/check_list.bc: src/check_list.c

# So are their pages, which doc/checks/ has, too.
doc_tools := $(addprefix $(source_dir)/tools/,header.awk check_doc.awk)
make_doc = awk $(addprefix -f ,$(doc_tools))

src/check_pages.c: $(checks) $(doc_tools)
	$(make_doc) -v as=c $(checks) > $@.tmp
	mv $@.tmp $@

src/check_pages.o src/check_pages.bc: src/check_pages.c

# So are the kinds of runs.
kinds := $(source_dir)/src/runs/judge.sql $(sort $(wildcard $(source_dir)/src/runs/kinds/*.sql))

src/kind_list.c: $(kinds) $(source_dir)/tools/header.awk $(source_dir)/tools/kind_list.awk
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/kind_list.awk $(kinds) > $@.tmp
	mv $@.tmp $@

src/kind_list.o src/kind_list.bc: src/kind_list.c

# So are the questions to Airflow's database, and what judges the answers.
airflow_texts := $(sort $(wildcard $(source_dir)/src/runs/airflow/*.sql))

src/runs/airflow_texts.c: $(airflow_texts) $(source_dir)/tools/text_list.awk
	awk -v prefix=airflow -f $(source_dir)/tools/text_list.awk $(airflow_texts) > $@.tmp
	mv $@.tmp $@

src/runs/airflow_texts.o src/runs/airflow_texts.bc: src/runs/airflow_texts.c

# And the breaking changes.
changes := $(source_dir)/src/breaking_changes.sql

src/breaking_list.c: $(changes) $(source_dir)/tools/header.awk $(source_dir)/tools/breaking_list.awk
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/breaking_list.awk $(changes) > $@.tmp
	mv $@.tmp $@

src/breaking_list.o src/breaking_list.bc: src/breaking_list.c

# The same for databases where no extension can be installed: one psql script,
# made of the same files.
script_sources := $(checks) $(kinds) $(changes) $(wildcard $(addprefix $(source_dir)/,\
	src/script/*.sql tools/script tools/script.awk tools/header.awk \
	src/need.c src/table_names.h src/release.c src/role_setting.c src/breaking_probe.c \
	src/runs/run_list.c src/runs/run_fix.c \
	sql/upgrade_prereq--1.0.sql upgrade_prereq.control))

upgrade_prereq_check.sql: $(script_sources)
	$(source_dir)/tools/script > $@.tmp
	mv $@.tmp $@

# Every object is made again when a header changed: the library is small.
$(filter %.o,$(OBJS)): $(wildcard $(addprefix $(source_dir)/src/,*.h backup/*.h disk/*.h memory/*.h runs/*.h))
src/upgrade_prereq.o src/checks/extension_version.o: $(source_dir)/upgrade_prereq.control

# The memory model against measured values, without a server.
model_sources := $(addprefix $(source_dir)/,test/model_test.c src/memory/model.c \
	src/memory/model_hash.c src/memory/model_sort.c)

model_test: $(model_sources) $(wildcard $(source_dir)/src/memory/model*.h)
	$(CC) $(CPPFLAGS) $(CFLAGS) -DFRONTEND -o $@ $(model_sources) -lm

check-model: model_test
	$(abspath $<) < $(source_dir)/test/model_measured.tsv

# The reader of archives without a server: with clang's libFuzzer for
# FUZZ_SECONDS, from real archives and whatever a former run found in
# fuzz_corpus; with any compiler as a program of its own (t/027_archive_fuzz.pl).
archive_sources := $(source_dir)/fuzz/archive.c $(filter-out %/archive_path.c,\
	$(wildcard $(source_dir)/src/backup/archive*.c))
archive_headers := $(wildcard $(source_dir)/src/backup/archive*.h)
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_FLAGS ?= -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	-Wno-ignored-attributes -DFUZZER

fuzz_archive: $(archive_sources) $(archive_headers)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(FUZZ_ARCHIVE_FLAGS) -DFRONTEND -o $@ $(archive_sources) \
		-L$(shell $(PG_CONFIG) --pkglibdir) -L$(shell $(PG_CONFIG) --libdir) -lpgport $(zlib)

fuzzer: $(archive_sources) $(archive_headers)
	$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -DFRONTEND -o $@ $(archive_sources) \
		-L$(shell $(PG_CONFIG) --pkglibdir) -L$(shell $(PG_CONFIG) --libdir) -lpgport $(zlib)

fuzz: fuzzer
	mkdir -p fuzz_corpus
	$(abspath fuzzer) -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -timeout=20 \
		-print_final_stats=1 fuzz_corpus $(source_dir)/fuzz/corpus

# Reference pages, made from the same headers as the library.
check_pages := $(patsubst %,doc/checks/%.md,$(basename $(notdir $(checks))))

docs: doc/checks.md $(check_pages)

doc/checks.md: $(checks) $(doc_tools) | $(check_pages)
	$(make_doc) -v as=table $(checks) > $@

doc/checks/%.md: $(source_dir)/src/checks/%.sql $(doc_tools)
	@mkdir -p $(@D)
	$(make_doc) -v as=page $< > $@

doc/checks/%.md: $(source_dir)/src/checks/%.c $(doc_tools)
	@mkdir -p $(@D)
	$(make_doc) -v as=page $< > $@

doc/breaking-changes.md: $(changes) $(source_dir)/tools/header.awk $(source_dir)/tools/breaking_table.awk
	mkdir -p doc
	awk -f $(source_dir)/tools/header.awk -f $(source_dir)/tools/breaking_table.awk $(changes) > $@

# A release for PGXN.
META.json: $(source_dir)/META.json.in $(source_dir)/upgrade_prereq.control
	sed 's/@version@/$(version)/g' $< > $@

dist: META.json upgrade_prereq_check.sql
	git -C $(source_dir) archive --format zip --prefix upgrade_prereq-$(version)/ \
		--add-file $(abspath META.json) --add-file $(abspath upgrade_prereq_check.sql) -o $(abspath upgrade_prereq-$(version).zip) HEAD

.PHONY: check-model dist docs fuzz uninstall-scripts
