-- upgrade_prereq_check.sql, version @version@: may the OpenMetadata upgrade start?
--
-- The preflight of the extension upgrade_prereq for databases where no
-- extension can be installed.  For psql 13 or later; needs the rights to
-- connect and to make temporary objects, and to read OpenMetadata's tables:
--
--   psql -X -d openmetadata_db -v target=2.0.3 -f upgrade_prereq_check.sql
--
-- Variables (-v NAME=VALUE), all of them optional:
--
--   target         the OpenMetadata release to upgrade to; without it the next
--   format         text, or json
--   include, exclude   ids of checks with commas between them
--   deep           on: run the heavy checks, too
--   gate           on: end with exit status 3 unless the upgrade may start;
--                  runs the heavy checks
--   fail_level     level of a finding from which on the gate refuses: error
--   allow_unknown  on: the gate lets pass what could not be checked
--   action         check; or runs: lists the runs that are not finished, and what
--                  settling them would write; or estimate, raise, restore
--   script         the file that action=estimate is about
--   work_mem, maintenance_work_mem   what action=raise is to raise them to, for
--   role           this role, or the one that migrates;
--   force          on: although something speaks against it;
--   apply          on: raise them; without it the statements are only shown
--   undo_file      where action=raise writes the undo, and action=restore reads
--                  it: upgrade_prereq_undo.sql
--
-- The settings upgrade_prereq.schema, upgrade_prereq.check_timeout and so on are
-- those of the extension: they can be given by PGOPTIONS, or by a SET before.
--
-- Everything is done in one transaction that is rolled back at the end, and
-- in pg_temp: nothing stays.  Made by "make" from src/: do not edit.

\set QUIET on
\set ON_ERROR_STOP on
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
\set SHOW_CONTEXT never
\pset tuples_only on
\pset format unaligned
\pset expanded off
\pset pager off
\pset null ''

-- What was not given is an empty text.
\if :{?target} \else \set target '' \endif
\if :{?format} \else \set format '' \endif
\if :{?include} \else \set include '' \endif
\if :{?exclude} \else \set exclude '' \endif
\if :{?deep} \else \set deep '' \endif
\if :{?gate} \else \set gate '' \endif
\if :{?fail_level} \else \set fail_level '' \endif
\if :{?allow_unknown} \else \set allow_unknown '' \endif
\if :{?action} \else \set action '' \endif
\if :{?work_mem} \else \set work_mem '' \endif
\if :{?maintenance_work_mem} \else \set maintenance_work_mem '' \endif
\if :{?script} \else \set script '' \endif
\if :{?role} \else \set role '' \endif
\if :{?force} \else \set force '' \endif
\if :{?apply} \else \set apply '' \endif
\if :{?undo_file} \else \set undo_file upgrade_prereq_undo.sql \endif

-- A standby takes no temporary objects.
DO $$
BEGIN
    IF pg_catalog.pg_is_in_recovery() THEN
        RAISE EXCEPTION 'this server is a standby'
            USING ERRCODE = 'read_only_sql_transaction',
                  HINT = 'Run the script on the primary server, where the migration will run; only the extension can look at a standby.';
    END IF;
END
$$;

BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;

-- The settings that the meaning of a query depends on: see src/guard.c.
SET LOCAL standard_conforming_strings = on;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '100ms';
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL jit = off;
SET LOCAL transform_null_equals = off;
SET LOCAL quote_all_identifiers = off;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL check_function_bodies = off;
SET LOCAL client_min_messages = warning;
DO $$
BEGIN
    PERFORM set_config(name, 'view, foreign-table', true)
    FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind';
END
$$;

-- What the script knows: made from the files that the library is compiled from.
CREATE TEMP TABLE upgrade_prereq_text (name text, text text) ON COMMIT DROP;

CREATE TEMP TABLE upgrade_prereq_check (
    place int, id text, title text, category text, level text, heavy boolean,
    reaching text, any_installation boolean, facts text[],
    needs jsonb, passed text, query_of text, query text) ON COMMIT DROP;

CREATE TEMP TABLE upgrade_prereq_change (
    place int, id text, release text, development boolean, area text, change text,
    action text, probe text, level text, needs jsonb, each text[], doubt text,
    query text) ON COMMIT DROP;

CREATE TEMP TABLE upgrade_prereq_kind (
    place int, name text, heavy boolean, is_judged boolean, table_name text, parent text,
    run_id text, state text, needs jsonb, query_of text, query text) ON COMMIT DROP;

CREATE TEMP TABLE upgrade_prereq_setting_definition (name text, kind text, unit text) ON COMMIT DROP;

-- What it finds out.  schema_oid is null where none was chosen.
CREATE TEMP TABLE upgrade_prereq_call (
    target_text text, target int[], format text, fail_level text, gate boolean,
    allow_unknown boolean, deep boolean, selected text[],
    state text, schema_names text[], schema_oid oid, schema_name name,
    history_table text, history text, installed_text text, installed int[],
    owner_name name, role_name name, obstacle jsonb, runs text) ON COMMIT DROP;

CREATE TEMP TABLE upgrade_prereq_finding (
    place bigint GENERATED ALWAYS AS IDENTITY,
    check_id text, level text, status text, category text, object_type text,
    object_identity text, message text, detail text, hint text, fix_sql text,
    undo_sql text, applies_to text, doc_ref text, finding_key text, data text) ON COMMIT DROP;
