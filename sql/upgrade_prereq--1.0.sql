/* sql/upgrade_prereq--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION upgrade_prereq" to load this file. \quit

--
-- Types
--

CREATE TYPE upgrade_prereq_level AS ENUM ('info', 'notice', 'warning', 'error');
COMMENT ON TYPE upgrade_prereq_level IS
'weight of a finding, in ascending order';

CREATE TYPE upgrade_prereq_status AS ENUM
    ('passed', 'found', 'unknown', 'not_run', 'not_applicable', 'acknowledged');
COMMENT ON TYPE upgrade_prereq_status IS
'what came of a check: unknown means that it could not look, not_run that it was not asked to';

--
-- The report
--
-- These functions change nothing.  They are volatile since they look at what
-- other sessions do and have a time limit, and unsafe in parallel plans since
-- every check runs in a subtransaction of its own.
--

CREATE FUNCTION upgrade_prereq_check(
    target_version text DEFAULT NULL,
    format text DEFAULT 'text',
    include text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    deep boolean DEFAULT false,
    progress boolean DEFAULT false)
RETURNS SETOF text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_check';
COMMENT ON FUNCTION upgrade_prereq_check(text, text, text[], text[], boolean, boolean) IS
'may the OpenMetadata upgrade start? The report as text, json or markdown';

CREATE FUNCTION upgrade_prereq_findings(
    target_version text DEFAULT NULL,
    include text[] DEFAULT NULL,
    exclude text[] DEFAULT NULL,
    deep boolean DEFAULT false,
    progress boolean DEFAULT false,
    OUT check_id text,
    OUT level upgrade_prereq_level,
    OUT status upgrade_prereq_status,
    OUT category text,
    OUT object_type text,
    OUT object_identity text,
    OUT message text,
    OUT detail text,
    OUT hint text,
    OUT fix_sql text,
    OUT undo_sql text,
    OUT applies_to text,
    OUT doc_ref text,
    OUT finding_key text,
    OUT data jsonb)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_findings';
COMMENT ON FUNCTION upgrade_prereq_findings(text, text[], text[], boolean, boolean) IS
'may the OpenMetadata upgrade start? The report as rows';

CREATE FUNCTION upgrade_prereq_require(
    target_version text DEFAULT NULL,
    fail_level text DEFAULT 'error',
    allow_unknown boolean DEFAULT false)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_require';
COMMENT ON FUNCTION upgrade_prereq_require(text, text, boolean) IS
'the gate: raises UP001 if a finding blocks the upgrade, UP002 if something could not be checked';

CREATE FUNCTION upgrade_prereq_checks(
    OUT check_id text,
    OUT title text,
    OUT category text,
    OUT level upgrade_prereq_level,
    OUT cost text,
    OUT applies_to text,
    OUT tables text[],
    OUT doc_ref text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_checks';
COMMENT ON FUNCTION upgrade_prereq_checks() IS
'catalogue of the checks, without running any';

CREATE FUNCTION upgrade_prereq_explain(check_id text)
RETURNS SETOF text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_explain';
COMMENT ON FUNCTION upgrade_prereq_explain(text) IS
'what a check looks for, why, what to do and how to undo it';

--
-- Runs that hang
--

CREATE TYPE upgrade_prereq_verdict AS ENUM (
    'running', 'unknown', 'finished_elsewhere', 'superseded', 'orphaned', 'stuck');
COMMENT ON TYPE upgrade_prereq_verdict IS
'what became of a run that is not finished: from at work, or may be, to dead for good';

CREATE TYPE upgrade_prereq_confidence AS ENUM ('low', 'medium', 'high');
COMMENT ON TYPE upgrade_prereq_confidence IS
'how sure a verdict is, in ascending order';

CREATE FUNCTION upgrade_prereq_runs(
    older_than interval DEFAULT NULL,
    include_history boolean DEFAULT false,
    airflow_server name DEFAULT NULL,
    OUT kind text,
    OUT name text,
    OUT run_id text,
    OUT state text,
    OUT started_at timestamptz,
    OUT age interval,
    OUT typical_duration interval,
    OUT verdict upgrade_prereq_verdict,
    OUT confidence upgrade_prereq_confidence,
    OUT evidence text,
    OUT corrected_state text,
    OUT fix_sql text,
    OUT undo_sql text,
    OUT data jsonb)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_runs';
COMMENT ON FUNCTION upgrade_prereq_runs(interval, boolean, name) IS
'every run that is not finished, with a verdict and the evidence for it';

CREATE FUNCTION upgrade_prereq_airflow_run_id(dag_id text, run_id text)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_airflow_run_id';
COMMENT ON FUNCTION upgrade_prereq_airflow_run_id(text, text) IS
'run id that OpenMetadata computes for a dag run of Airflow; null before PostgreSQL 14';

--
-- Breaking changes
--

CREATE TYPE upgrade_prereq_affected AS ENUM (
    'affected', 'not affected', 'check by hand', 'not run', 'not applicable', 'unknown');
COMMENT ON TYPE upgrade_prereq_affected IS
'does a breaking change affect this database? unknown means that it could not be looked at, check by hand that no database can tell';

CREATE FUNCTION upgrade_prereq_breaking_changes(
    source_version text DEFAULT NULL,
    target_version text DEFAULT NULL,
    deep boolean DEFAULT false,
    OUT change_id text,
    OUT release text,
    OUT area text,
    OUT change text,
    OUT affects text,
    OUT affected upgrade_prereq_affected,
    OUT objects text[],
    OUT object_count bigint,
    OUT reason text,
    OUT action text,
    OUT fix_sql text,
    OUT level upgrade_prereq_level,
    OUT probe text,
    OUT note text,
    OUT source text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_breaking_changes';
COMMENT ON FUNCTION upgrade_prereq_breaking_changes(text, text, boolean) IS
'what changes between two versions of OpenMetadata, and whether it affects this database';

--
-- Memory
--

CREATE TYPE upgrade_prereq_outcome AS ENUM (
    'light', 'in_memory', 'spills_once', 'slow', 'plan_cliff', 'fails', 'unknown');
COMMENT ON TYPE upgrade_prereq_outcome IS
'what will come of running a statement, from good to bad';

CREATE TYPE upgrade_prereq_certainty AS ENUM ('exact', 'at most', 'rough');
COMMENT ON TYPE upgrade_prereq_certainty IS
'how sure a figure is, from best to worst';

CREATE FUNCTION upgrade_prereq_estimate(
    script text DEFAULT NULL,
    path text DEFAULT NULL,
    sample boolean DEFAULT true,
    OUT statement_number integer,
    OUT line integer,
    OUT container text,
    OUT statement text,
    OUT outcome upgrade_prereq_outcome,
    OUT node text,
    OUT object text,
    OUT setting text,
    OUT needed_bytes bigint,
    OUT available_bytes bigint,
    OUT one_pass_bytes bigint,
    OUT temp_bytes bigint,
    OUT peak_bytes bigint,
    OUT row_count bigint,
    OUT row_bytes integer,
    OUT processes integer,
    OUT certainty upgrade_prereq_certainty,
    OUT source text,
    OUT note text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_estimate';
COMMENT ON FUNCTION upgrade_prereq_estimate(text, text, boolean) IS
'memory that each statement of an SQL script needs, against what the migrating role will get; runs nothing of it';

CREATE FUNCTION upgrade_prereq_memory(
    target_version text DEFAULT NULL,
    OUT version text,
    OUT table_name text,
    OUT operation text,
    OUT outcome upgrade_prereq_outcome,
    OUT node text,
    OUT object text,
    OUT setting text,
    OUT needed_bytes bigint,
    OUT available_bytes bigint,
    OUT one_pass_bytes bigint,
    OUT temp_bytes bigint,
    OUT row_count bigint,
    OUT heap_bytes bigint,
    OUT toast_bytes bigint,
    OUT index_bytes bigint,
    OUT certainty upgrade_prereq_certainty,
    OUT source text,
    OUT sqlstate text,
    OUT note text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_memory';
COMMENT ON FUNCTION upgrade_prereq_memory(text) IS
'memory that the heavy statements of the migration need, against what the migrating role will get';

CREATE FUNCTION upgrade_prereq_disk(
    target_version text DEFAULT NULL,
    calibrate boolean DEFAULT false,
    OUT version text,
    OUT table_name text,
    OUT operation text,
    OUT tablespace text,
    OUT times integer,
    OUT row_count bigint,
    OUT heap_bytes bigint,
    OUT toast_bytes bigint,
    OUT index_bytes bigint,
    OUT catalog_bytes bigint,
    OUT wal_bytes bigint,
    OUT temp_bytes bigint,
    OUT kept_bytes bigint,
    OUT time_ms bigint,
    OUT time_low_ms bigint,
    OUT time_high_ms bigint,
    OUT certainty upgrade_prereq_certainty,
    OUT sqlstate text,
    OUT basis text,
    OUT peak_bytes bigint,
    OUT free_bytes bigint,
    OUT places text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_disk';
COMMENT ON FUNCTION upgrade_prereq_disk(text, boolean) IS
'disk that the heavy statements of the migration take at their peak, against what is free, and how long they take: estimates';

CREATE FUNCTION upgrade_prereq_file_systems(
    OUT place text,
    OUT file_system integer,
    OUT total_bytes bigint,
    OUT free_bytes bigint,
    OUT note text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_file_systems';
COMMENT ON FUNCTION upgrade_prereq_file_systems() IS
'where the migration writes, and how much room there is';

CREATE FUNCTION upgrade_prereq_recommended_settings(
    target_version text DEFAULT NULL,
    OUT setting text,
    OUT recommended_bytes bigint,
    OUT reason text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_recommended_settings';
COMMENT ON FUNCTION upgrade_prereq_recommended_settings(text) IS
'what to set work_mem and maintenance_work_mem to for the migration, and why';

CREATE FUNCTION upgrade_prereq_memory_limit(
    role_name name DEFAULT NULL,
    sessions integer DEFAULT NULL,
    OUT factor text,
    OUT value numeric,
    OUT known boolean,
    OUT source text,
    OUT note text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_memory_limit';
COMMENT ON FUNCTION upgrade_prereq_memory_limit(name, integer) IS
'how far work_mem and maintenance_work_mem of a role can be raised on this machine, factor by factor';

CREATE FUNCTION upgrade_prereq_effective_settings(
    INOUT role_name name DEFAULT NULL,
    prove boolean DEFAULT true,
    OUT name text,
    OUT setting text,
    OUT unit text,
    OUT source text,
    OUT stored_text text,
    OUT found_by text,
    OUT note text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_effective_settings';
COMMENT ON FUNCTION upgrade_prereq_effective_settings(name, boolean) IS
'settings that a role will get at its next login to this database, and where they come from';

CREATE FUNCTION upgrade_prereq_raise(
    work_mem text DEFAULT NULL,
    maintenance_work_mem text DEFAULT NULL,
    scope text DEFAULT 'session',
    role_name name DEFAULT NULL,
    force boolean DEFAULT false,
    valid_for interval DEFAULT '4 hours',
    reason text DEFAULT NULL,
    OUT setting text,
    OUT before text,
    OUT after text,
    OUT raised_for text,
    OUT changed boolean,
    OUT note text,
    OUT object_identity text,
    OUT journal_id bigint,
    OUT expires_at timestamptz,
    OUT db_params text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_raise';
COMMENT ON FUNCTION upgrade_prereq_raise(text, text, text, name, boolean, interval, text) IS
'raises work_mem and maintenance_work_mem; null means what the migration needs';
REVOKE ALL ON FUNCTION upgrade_prereq_raise(text, text, text, name, boolean, interval, text) FROM PUBLIC;

CREATE FUNCTION upgrade_prereq_restore(
    OUT setting text,
    OUT before text,
    OUT after text,
    OUT raised_for text,
    OUT changed boolean,
    OUT note text,
    OUT object_identity text,
    OUT journal_id bigint,
    OUT still_raised_pids integer[])
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_restore';
COMMENT ON FUNCTION upgrade_prereq_restore() IS
'puts back the settings that upgrade_prereq_raise() found';
REVOKE ALL ON FUNCTION upgrade_prereq_restore() FROM PUBLIC;

--
-- Settling runs
--

CREATE FUNCTION upgrade_prereq_resolve(
    verdicts text[] DEFAULT '{stuck,superseded,finished_elsewhere}',
    min_confidence text DEFAULT 'high',
    dry_run boolean DEFAULT true,
    kinds text[] DEFAULT NULL,
    older_than interval DEFAULT NULL,
    include_history boolean DEFAULT false,
    run_ids text[] DEFAULT NULL,
    reason text DEFAULT NULL,
    airflow_server name DEFAULT NULL,
    OUT kind text,
    OUT name text,
    OUT run_id text,
    OUT state text,
    OUT verdict upgrade_prereq_verdict,
    OUT confidence upgrade_prereq_confidence,
    OUT evidence text,
    OUT corrected_state text,
    OUT changed boolean,
    OUT note text,
    OUT journal_id bigint,
    OUT fix_sql text,
    OUT undo_sql text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_resolve';
COMMENT ON FUNCTION upgrade_prereq_resolve(text[], text, boolean, text[], interval, boolean, text[], text, name) IS
'writes the corrected state of runs that hang; shows only what it would write unless dry_run is false';
REVOKE ALL ON FUNCTION upgrade_prereq_resolve(text[], text, boolean, text[], interval, boolean, text[], text, name) FROM PUBLIC;

--
-- Backups
--

CREATE FUNCTION upgrade_prereq_read_archive(
    data bytea DEFAULT NULL,
    path text DEFAULT NULL,
    tail bytea DEFAULT NULL,
    size_bytes bigint DEFAULT NULL,
    OUT format text,
    OUT archive_version text,
    OUT state text,
    OUT problem text,
    OUT complete text,
    OUT complete_reason text,
    OUT created timestamp,
    OUT created_zone text,
    OUT database_name text,
    OUT database_oid oid,
    OUT encoding text,
    OUT server_version text,
    OUT dump_version text,
    OUT openmetadata_version text,
    OUT compression text,
    OUT entry_count bigint,
    OUT table_count bigint,
    OUT table_data_count bigint,
    OUT tables_without_data text[],
    OUT extensions text[],
    OUT database_settings text[],
    OUT file_bytes bigint,
    OUT needs_bytes bigint,
    OUT needs_tail_bytes bigint)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_read_archive';
COMMENT ON FUNCTION upgrade_prereq_read_archive(bytea, text, bytea, bigint) IS
'what a dump says of itself, and whether it is whole: pg_dump''s archives and SQL, OpenMetadata''s metadata.json';

CREATE FUNCTION upgrade_prereq_archive_entries(
    data bytea DEFAULT NULL,
    path text DEFAULT NULL,
    tail bytea DEFAULT NULL,
    size_bytes bigint DEFAULT NULL,
    OUT number integer,
    OUT dump_id integer,
    OUT type text,
    OUT schema_name text,
    OUT name text,
    OUT owner text,
    OUT database_name text,
    OUT catalog_oid oid,
    OUT object_oid oid,
    OUT section text,
    OUT has_data boolean,
    OUT data_position bigint,
    OUT file_name text,
    OUT row_count bigint,
    OUT definition text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_archive_entries';
COMMENT ON FUNCTION upgrade_prereq_archive_entries(bytea, text, bytea, bigint) IS
'the table of contents of a dump, entry by entry, and which tables have data in it';

--
-- The journal
--
-- Every change that outlives the session is a row, written in the transaction
-- of the change.  The rows describe this one server: they are not registered
-- for pg_dump.
--
-- Nobody but the owner may write here at first.  Who is to change something
-- needs the rights that doc/functions.md names: INSERT on some columns only,
-- so that made_by and made_at are always true.  For made_by that holds whoever
-- was granted more, as by GRANT ALL ON ALL TABLES: what is open was written by
-- that role itself, and nobody can open or edit what another one wrote.  What
-- logical replication brings here has the names of the publisher's roles: it may
-- come in where its worker acts as a superuser (whoever has the rights of role 10),
-- which could write it in any case.
--

CREATE TABLE upgrade_prereq_journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    object_identity text NOT NULL,
    object jsonb NOT NULL,
    state_before text,
    state_after text,
    reason text,
    made_by name NOT NULL DEFAULT CURRENT_USER,
    made_by_oid oid NOT NULL DEFAULT pg_catalog.quote_ident(CURRENT_USER)::pg_catalog.regrole::pg_catalog.oid,
    made_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    expires_at timestamptz,
    undone_at timestamptz,
    undone_by name,
    outcome text,
    CHECK (outcome IN ('undone', 'changed since', 'gone', 'superseded')),
    CHECK ((undone_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT upgrade_prereq_journal_made_by CHECK (
        undone_at IS NOT NULL OR
        made_by OPERATOR(pg_catalog.=) CURRENT_USER AND
        made_by_oid OPERATOR(pg_catalog.=)
        pg_catalog.quote_ident(CURRENT_USER)::pg_catalog.regrole::pg_catalog.oid OR
        pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica' AND
        pg_catalog.pg_has_role(10::pg_catalog.oid, 'USAGE')));
CREATE UNIQUE INDEX upgrade_prereq_journal_open
    ON upgrade_prereq_journal (kind, object) WHERE undone_at IS NULL;
-- each change looks for what has expired, and few of them ever do
CREATE INDEX upgrade_prereq_journal_expires
    ON upgrade_prereq_journal (expires_at) WHERE undone_at IS NULL AND expires_at IS NOT NULL;

COMMENT ON TABLE upgrade_prereq_journal IS
'every change that upgrade_prereq made, and how it was taken back';
COMMENT ON SEQUENCE upgrade_prereq_journal_id_seq IS
'numbers of the changes that upgrade_prereq made';
COMMENT ON COLUMN upgrade_prereq_journal.kind IS
'what was changed: setting, run for the row of a run, acknowledgement, backup (a record of one), backup_marker';
COMMENT ON COLUMN upgrade_prereq_journal.object_identity IS
'the object that was changed, by the names it had';
COMMENT ON COLUMN upgrade_prereq_journal.object IS
'the object that was changed, by its OIDs and keys, which stay the same when it is renamed';
COMMENT ON COLUMN upgrade_prereq_journal.state_before IS
'what was there, as it was stored; null if nothing was';
COMMENT ON COLUMN upgrade_prereq_journal.state_after IS
'what the change put there';
COMMENT ON COLUMN upgrade_prereq_journal.expires_at IS
'when the change is to be taken back; null for never';
COMMENT ON COLUMN upgrade_prereq_journal.undone_at IS
'when the change was taken back or found to be over; null while it stands';
COMMENT ON COLUMN upgrade_prereq_journal.outcome IS
'how it ended: undone; changed since, so left as it is; gone, with its object or in a copy of the database; superseded by a later change';

CREATE VIEW upgrade_prereq_open_changes AS
    SELECT id, kind, object_identity, made_by, made_at, expires_at,
           expires_at OPERATOR(pg_catalog.<=) pg_catalog.now() AS expired
    FROM upgrade_prereq_journal
    WHERE undone_at IS NULL
    ORDER BY id;
COMMENT ON VIEW upgrade_prereq_open_changes IS
'changes that upgrade_prereq made and that still stand';

-- That something was left behind is for everybody to see; what was there is not.
GRANT SELECT (id, kind, object_identity, made_by, made_at, expires_at, undone_at)
    ON upgrade_prereq_journal TO PUBLIC;
GRANT SELECT ON upgrade_prereq_open_changes TO PUBLIC;

--
-- Acknowledgements
--

CREATE FUNCTION upgrade_prereq_acknowledge(
    finding_key text,
    reason text,
    expires_at timestamptz DEFAULT NULL,
    target_version text DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_acknowledge';
COMMENT ON FUNCTION upgrade_prereq_acknowledge(text, text, timestamptz, text) IS
'accepts a finding as it is now: it stays in the report, but does not block the upgrade';
REVOKE ALL ON FUNCTION upgrade_prereq_acknowledge(text, text, timestamptz, text) FROM PUBLIC;

-- What the gate lets pass is for everybody to see, so that it says the same to
-- everybody: this view is read with the rights of its owner.  It shows no other
-- entry of the journal, also not to a function in a caller's condition
-- (security_barrier).  An entry that upgrade_prereq_acknowledge() did not write
-- has nulls; one of a role that may not call that is not allowed.
--

CREATE VIEW upgrade_prereq_acknowledgements WITH (security_barrier) AS
    SELECT id,
           CASE WHEN object OPERATOR(pg_catalog.=) pg_catalog.jsonb_build_object(
                         'finding_key', object OPERATOR(pg_catalog.->>) 'finding_key')
                THEN object OPERATOR(pg_catalog.->>) 'finding_key' END AS finding_key,
           pg_catalog."substring"(state_after,
               '^\{"level": "(info|notice|warning|error)", "objects": [0-9]{1,18}(?:, "target": "[a-z0-9.]+")?\}$')::upgrade_prereq_level AS level,
           pg_catalog."substring"(state_after,
               '^\{"level": "[a-z]+", "objects": ([0-9]{1,18})(?:, "target": "[a-z0-9.]+")?\}$')::pg_catalog.int8 AS objects,
           pg_catalog."substring"(state_after,
               '^\{"level": "[a-z]+", "objects": [0-9]+, "target": "(next|[0-9]{1,10}\.[0-9]{1,10}\.[0-9]{1,10})"\}$') AS target_version,
           reason,
           made_by,
           made_at,
           pg_catalog.has_function_privilege(
               made_by_oid, 'upgrade_prereq_acknowledge(text, text, timestamptz, text)'::regprocedure::oid,
               'EXECUTE') AS allowed,
           expires_at,
           COALESCE(expires_at OPERATOR(pg_catalog.<=) pg_catalog.statement_timestamp(), false) AS expired
    FROM upgrade_prereq_journal
    WHERE kind OPERATOR(pg_catalog.=) 'acknowledgement' AND undone_at IS NULL
    ORDER BY id;
COMMENT ON VIEW upgrade_prereq_acknowledgements IS
'findings that somebody has accepted, with what was accepted: it lapses when the finding gets worse';
GRANT SELECT ON upgrade_prereq_acknowledgements TO PUBLIC;

CREATE FUNCTION upgrade_prereq_undo(
    INOUT id bigint,
    OUT kind text,
    OUT object_identity text,
    OUT changed boolean,
    OUT outcome text,
    OUT note text)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_undo';
COMMENT ON FUNCTION upgrade_prereq_undo(bigint) IS
'takes back one change of the journal';
REVOKE ALL ON FUNCTION upgrade_prereq_undo(bigint) FROM PUBLIC;

--
-- Backups
--

CREATE TYPE upgrade_prereq_backup_level AS ENUM (
    'none', 'declared', 'seen', 'header', 'listed', 'complete', 'fresh');
COMMENT ON TYPE upgrade_prereq_backup_level IS
'how far a backup is proven, in ascending order';

CREATE FUNCTION upgrade_prereq_mark_backup(
    reason text DEFAULT NULL,
    OUT marker text,
    OUT object_identity text,
    OUT lsn pg_lsn,
    OUT openmetadata_version text,
    OUT journal_id bigint,
    OUT note text)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_mark_backup';
COMMENT ON FUNCTION upgrade_prereq_mark_backup(text) IS
'puts a mark into the database that a dump made from now on carries';
REVOKE ALL ON FUNCTION upgrade_prereq_mark_backup(text) FROM PUBLIC;

CREATE FUNCTION upgrade_prereq_record_backup(
    path text DEFAULT NULL,
    data bytea DEFAULT NULL,
    kind text DEFAULT 'dump',
    reference text DEFAULT NULL,
    taken_at timestamptz DEFAULT NULL,
    size_bytes bigint DEFAULT NULL,
    tail bytea DEFAULT NULL,
    restore_status integer DEFAULT NULL,
    files text DEFAULT NULL,
    reason text DEFAULT NULL,
    OUT level upgrade_prereq_backup_level,
    OUT next_level upgrade_prereq_backup_level,
    OUT missing text,
    OUT next_step text,
    OUT needs_bytes bigint,
    OUT needs_tail_bytes bigint,
    OUT journal_id bigint,
    OUT object_identity text)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'upgrade_prereq_record_backup';
COMMENT ON FUNCTION upgrade_prereq_record_backup(
    text, bytea, text, text, timestamptz, bigint, bytea, integer, text, text) IS
'records that there is a backup, and says how much that proves';
REVOKE ALL ON FUNCTION upgrade_prereq_record_backup(
    text, bytea, text, text, timestamptz, bigint, bytea, integer, text, text) FROM PUBLIC;
