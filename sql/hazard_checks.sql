-- Rights, other people's objects and hazards of the server: each check is
-- silent on healthy databases of every era, finds what is planted, is repaired
-- by its own fix and finds it again when that is undone.  (Other sessions,
-- slots, standbys, low rights, newer syntax: t/030_hazards.pl.)

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`

CREATE FUNCTION pg_temp.report(check_id text, target text DEFAULT NULL, OUT level upgrade_prereq_level,
                               OUT status upgrade_prereq_status, OUT object_identity text, OUT message text,
                               OUT detail text, OUT hint text, OUT fix_sql text, OUT undo_sql text, OUT data jsonb)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql, data
    FROM upgrade_prereq_findings(report.target, include => ARRAY[report.check_id])
$$;
-- What is not passed, of these checks.
CREATE FUNCTION pg_temp.loud(target text DEFAULT NULL)
RETURNS TABLE (check_id text, status upgrade_prereq_status, message text) LANGUAGE sql AS $$
    SELECT check_id, status, message
    FROM upgrade_prereq_findings(loud.target, include => '{ownership,create_rights,search_path,dependent_objects,
        row_security,triggers,publications,lock_queues,long_transactions,replication_slots,lock_table_size,wraparound,
        collation_version,checksum_failures,unlogged_tables,autovacuum_on_big_tables,connections_left,session_timeouts}')
    WHERE status <> 'passed'
$$;
-- Run the fixes, ask; run the undo, ask; run the fixes again.
CREATE TEMP TABLE repair (fix_sql text, undo_sql text);
\set repair 'TRUNCATE repair; INSERT INTO repair SELECT fix_sql, undo_sql FROM pg_temp.report(:''check'', :''target'') WHERE fix_sql IS NOT NULL;'
\set asked 'SELECT level, status, object_identity FROM pg_temp.report(:''check'', :''target'');'

--
-- silence
--
\set era 1.0
\i :setup
SELECT * FROM pg_temp.loud();
SELECT * FROM pg_temp.loud('1.5.0');
\set era 1.4
\i :setup
SELECT * FROM pg_temp.loud();
\set era 1.13
\i :setup
SELECT * FROM pg_temp.loud();
SELECT * FROM pg_temp.loud('2.1.0');
\set era 2.0
\i :setup
SELECT * FROM pg_temp.loud();
\set era 1.8
\i :setup
SELECT * FROM pg_temp.loud();
SELECT * FROM pg_temp.loud('1.11.0');
SELECT status, message, detail, hint FROM pg_temp.report('search_path');

\x on
--
-- ownership
--
\set check ownership
\set target 1.11.0
CREATE ROLE regress_other;
CREATE ROLE "regress ""odd""" NOINHERIT;
-- what is not OpenMetadata's, and a group whose rights are inherited
CREATE TABLE openmetadata.somebodys_own (id int);
ALTER TABLE openmetadata.tag_usage OWNER TO regress_other;
GRANT regress_other TO regress_openmetadata;
:asked
REVOKE regress_other FROM regress_openmetadata;
ALTER TABLE openmetadata.tag_usage OWNER TO regress_openmetadata;
-- what a restore leaves: rights for the old owner, a sequence that only a default names
GRANT USAGE, CREATE ON SCHEMA openmetadata TO regress_other, "regress ""odd""";
CREATE SEQUENCE openmetadata.loose;
ALTER TABLE openmetadata.background_jobs ALTER COLUMN id SET DEFAULT nextval('openmetadata.loose');
ALTER SEQUENCE openmetadata.loose OWNER TO regress_other;
ALTER TABLE openmetadata.tag_usage OWNER TO regress_other;
GRANT SELECT, UPDATE ON openmetadata.tag_usage TO regress_openmetadata WITH GRANT OPTION;
REVOKE DELETE ON openmetadata.tag_usage FROM regress_other;
ALTER TABLE openmetadata.table_entity OWNER TO "regress ""odd""";
GRANT SELECT (id) ON openmetadata.table_entity TO regress_openmetadata;
CREATE TEMP TABLE rights AS
    SELECT relname, relowner, array(SELECT entry FROM unnest(relacl) AS entry ORDER BY entry::text) AS acl
    FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace AND relkind IN ('r', 'S');
SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql IS NOT NULL AS can_undo, data
FROM pg_temp.report(:'check', :'target');
:repair
SELECT fix_sql FROM repair \gexec
:asked
-- (the rights that there are depend on the server)
\set ECHO none
SELECT undo_sql FROM repair \gexec
\set ECHO all
:asked
SELECT count(*) FROM (SELECT relname, relowner, array(SELECT entry FROM unnest(relacl) AS entry ORDER BY entry::text)
                      FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace AND relkind IN ('r', 'S')
                        AND relname <> 'table_entity'
                      EXCEPT TABLE rights) AS changed;
SELECT fix_sql FROM repair \gexec
:asked
-- more than ten, and a role that may do everything
SELECT format('ALTER TABLE openmetadata.%I OWNER TO regress_other', relname) FROM pg_class
WHERE relnamespace = 'openmetadata'::regnamespace AND relkind = 'r' AND relname LIKE '%service_entity' OR relname LIKE 'qrtz%' AND relkind = 'r'
ORDER BY relname \gexec
SELECT level, detail, data FROM pg_temp.report(:'check');
SET upgrade_prereq.migration_role = 'postgres';
:asked
RESET upgrade_prereq.migration_role;
:repair
SELECT fix_sql FROM repair \gexec
:asked

--
-- create_rights
--
\set check create_rights
REVOKE CREATE ON SCHEMA openmetadata FROM regress_openmetadata;
SELECT * FROM pg_temp.report(:'check');
GRANT CREATE ON SCHEMA openmetadata TO regress_openmetadata;
-- a role that does not own the tables
SET upgrade_prereq.migration_role = 'regress "odd"';
REVOKE USAGE, CREATE ON SCHEMA openmetadata FROM "regress ""odd""";
SELECT message, fix_sql, undo_sql FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
SELECT level, message FROM pg_temp.report(:'check');
RESET upgrade_prereq.migration_role;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
SELECT status FROM pg_temp.report(:'check', '1.12.8');
SELECT * FROM pg_temp.report(:'check', '1.12.9');
\set target 1.12.9
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC;
-- the language is not there at all: functions of this test are in it
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EXTENSION plpgsql CASCADE;
SELECT status, message FROM upgrade_prereq_findings('1.12.8', include => '{create_rights}');
SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql FROM upgrade_prereq_findings('1.12.9', include => '{create_rights}');
CREATE EXTENSION plpgsql;
SELECT status, message FROM upgrade_prereq_findings('1.12.9', include => '{create_rights}');
ROLLBACK;

--
-- search_path
--
\set check search_path
CREATE SCHEMA regress_openmetadata;
ALTER ROLE regress_openmetadata SET search_path = "$user", openmetadata, public;
-- a schema that may not be used is passed over
SELECT status, message FROM pg_temp.report(:'check');
GRANT USAGE ON SCHEMA regress_openmetadata TO regress_openmetadata;
SELECT * FROM pg_temp.report(:'check');
GRANT CREATE ON SCHEMA regress_openmetadata TO regress_openmetadata;
SELECT level, message, detail FROM pg_temp.report(:'check');
CREATE TABLE regress_openmetadata.table_entity (id int);
CREATE VIEW regress_openmetadata.tag_usage AS SELECT 1 AS id;
CREATE TABLE regress_openmetadata.something (id int);
SELECT * FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
-- the same name elsewhere, and no way to the real one
ALTER ROLE regress_openmetadata SET search_path = "$user", public;
SELECT level, message FROM pg_temp.report(:'check');
-- named first, the schema of temporary tables gets the new ones; named last, not
ALTER ROLE regress_openmetadata SET search_path = public, openmetadata, pg_temp;
SELECT object_identity FROM pg_temp.report(:'check');
ALTER ROLE regress_openmetadata SET search_path = pg_temp, public, openmetadata;
SELECT level, object_identity, message, detail, hint FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
-- a path with odd names, from the narrowest level
CREATE SCHEMA "odd "", 'schema; --";
GRANT ALL ON SCHEMA "odd "", 'schema; --" TO regress_openmetadata;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression
    SET search_path = '', "odd "", 'schema; --", "no such schema", OpenMetadata;
SELECT level, message, fix_sql, undo_sql FROM pg_temp.report(:'check');
CREATE TEMP TABLE stored AS SELECT setconfig FROM pg_db_role_setting WHERE setdatabase <> 0 AND setrole = 'regress_openmetadata'::regrole;
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
SELECT setconfig = (SELECT setconfig FROM stored) AS is_as_before
FROM pg_db_role_setting WHERE setdatabase <> 0 AND setrole = 'regress_openmetadata'::regrole;
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET search_path = '';
SELECT status, message, detail FROM pg_temp.report(:'check');
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET search_path = openmetadata;
:asked
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA regress_openmetadata CASCADE;
DROP SCHEMA "odd "", 'schema; --";
RESET client_min_messages;

--
-- dependent_objects
--
\set check dependent_objects
CREATE SCHEMA reports;
-- what does not matter: a view of a table that is written anew, an index, a function of others
CREATE VIEW reports.harmless AS SELECT json FROM openmetadata.table_entity;
CREATE INDEX somebodys_index ON openmetadata.tag_usage (tagfqn);
SELECT status FROM pg_temp.report(:'check');
-- views on columns
CREATE VIEW reports.bots AS SELECT name FROM openmetadata.user_entity WHERE isbot;
CREATE MATERIALIZED VIEW reports."Tags 'n'" AS SELECT tagfqn FROM openmetadata.tag_usage;
SELECT * FROM pg_temp.report(:'check');
SELECT status FROM pg_temp.report(:'check', '1.12.11');
SELECT object_identity FROM pg_temp.report(:'check', '1.12.12');
-- rules, policies, triggers
CREATE RULE note AS ON UPDATE TO openmetadata.user_entity WHERE NEW.isbot DO ALSO NOTHING;
CREATE POLICY bots ON openmetadata.user_entity USING (NOT isbot);
CREATE FUNCTION reports.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER of_column BEFORE UPDATE OF isbot ON openmetadata.user_entity FOR EACH ROW EXECUTE FUNCTION reports.f();
CREATE TRIGGER of_row BEFORE UPDATE ON openmetadata.user_entity FOR EACH ROW EXECUTE FUNCTION reports.f();
SELECT detail, data FROM pg_temp.report(:'check', '2.0.0') WHERE object_identity ~ 'user_entity';
-- the same of a column that is only widened, for the list of changes, too
CREATE POLICY nested ON openmetadata.entity_extension USING (extension <> '');
CREATE VIEW reports.extensions AS SELECT extension FROM openmetadata.entity_extension;
SELECT object_identity FROM pg_temp.report(:'check', '2.0.2') WHERE object_identity ~ 'entity_extension';
SELECT object_identity, message, detail FROM pg_temp.report(:'check', '2.0.3') WHERE object_identity ~ 'entity_extension';
SELECT affected, objects FROM upgrade_prereq_breaking_changes(NULL, '2.0.3') WHERE change_id = 'extension_column_widened';
-- all fail, as the check says
\set VERBOSITY sqlstate
ALTER TABLE openmetadata.entity_extension ALTER COLUMN extension TYPE varchar(512);
DROP VIEW reports.extensions;
ALTER TABLE openmetadata.entity_extension ALTER COLUMN extension TYPE varchar(512);
DROP POLICY nested ON openmetadata.entity_extension;
ALTER TABLE openmetadata.user_entity DROP COLUMN isbot;
ALTER TABLE openmetadata.tag_usage ALTER COLUMN tagfqn TYPE varchar(512);
DROP RULE note ON openmetadata.user_entity;
DROP POLICY bots ON openmetadata.user_entity;
DROP TRIGGER of_column ON openmetadata.user_entity;
DROP TRIGGER of_row ON openmetadata.user_entity;
DROP VIEW reports.bots;
DROP MATERIALIZED VIEW reports."Tags 'n'";
-- keys that are replaced
CREATE TABLE reports.notes (f varchar(36), t varchar(36), r int,
    FOREIGN KEY (f, t, r) REFERENCES openmetadata.entity_relationship (fromid, toid, relation));
CREATE VIEW reports.grouped AS
    SELECT fromid, toid, relation, fromentity, count(*) FROM openmetadata.entity_relationship GROUP BY fromid, toid, relation;
SELECT * FROM pg_temp.report(:'check', '1.13.0');
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
DROP TABLE reports.notes;
DROP VIEW reports.grouped;
-- a foreign key to a table that is emptied, row types, children
CREATE TABLE reports.refers (id varchar(36) REFERENCES openmetadata.automations_workflow (id));
CREATE TABLE reports.keeps (one openmetadata.table_entity, many openmetadata.table_entity[]);
CREATE TABLE reports.inherits () INHERITS (openmetadata.query_entity);
SELECT message, detail FROM pg_temp.report(:'check', '1.11.0');
ALTER TABLE reports.inherits OWNER TO regress_openmetadata;
SELECT object_identity FROM pg_temp.report(:'check', '1.11.0');
TRUNCATE openmetadata.automations_workflow;
ALTER TABLE openmetadata.table_entity ADD new text GENERATED ALWAYS AS (json ->> 'new') STORED;
-- a rename
DROP TABLE reports.refers, reports.keeps, reports.inherits;
CREATE VIEW reports.threads AS SELECT id FROM openmetadata.thread_entity;
CREATE FUNCTION reports.threads() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM openmetadata.Thread_Entity';
CREATE FUNCTION reports.legacy() RETURNS text LANGUAGE sql AS 'SELECT ''thread_entity_legacy''::text';
SELECT * FROM pg_temp.report(:'check', '2.0.0');
\set VERBOSITY default
SET client_min_messages = warning;
DROP SCHEMA reports CASCADE;
RESET client_min_messages;
:asked

--
-- row_security
--
\set check row_security
ALTER TABLE openmetadata.team_entity ENABLE ROW LEVEL SECURITY;
:asked
ALTER TABLE openmetadata.team_entity FORCE ROW LEVEL SECURITY;
SELECT * FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
ALTER ROLE regress_openmetadata BYPASSRLS;
:asked
ALTER ROLE regress_openmetadata NOBYPASSRLS;
-- a role that does not own the tables
SET upgrade_prereq.migration_role = 'regress_other';
SELECT fix_sql, undo_sql FROM pg_temp.report(:'check');
RESET upgrade_prereq.migration_role;
ALTER TABLE openmetadata.team_entity NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;

--
-- triggers
--
\set check triggers
CREATE FUNCTION public.regress_note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER "odd "" trigger" AFTER INSERT ON openmetadata.table_entity FOR EACH ROW EXECUTE FUNCTION public.regress_note();
ALTER TABLE openmetadata.table_entity ENABLE ALWAYS TRIGGER "odd "" trigger";
CREATE TRIGGER other AFTER UPDATE ON openmetadata.tag_usage EXECUTE FUNCTION public.regress_note();
CREATE TRIGGER off AFTER UPDATE ON openmetadata.tag_usage EXECUTE FUNCTION public.regress_note();
ALTER TABLE openmetadata.tag_usage DISABLE TRIGGER off;
CREATE TRIGGER replica AFTER UPDATE ON openmetadata.tag_usage EXECUTE FUNCTION public.regress_note();
ALTER TABLE openmetadata.tag_usage ENABLE REPLICA TRIGGER replica;
CREATE FUNCTION public.regress_note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER "regress odd" ON sql_drop EXECUTE FUNCTION public.regress_note_ddl();
ALTER EVENT TRIGGER "regress odd" ENABLE ALWAYS;
CREATE EVENT TRIGGER regress_ddl ON ddl_command_start
    WHEN TAG IN ('DROP TABLE', 'CREATE INDEX') EXECUTE FUNCTION public.regress_note_ddl();
SELECT * FROM pg_temp.report(:'check');
CREATE TEMP TABLE enabled AS SELECT tgname AS name, tgenabled AS enabled FROM pg_trigger WHERE NOT tgisinternal
    UNION SELECT evtname, evtenabled FROM pg_event_trigger;
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
SELECT count(*) FROM (SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal
                      UNION SELECT evtname, evtenabled FROM pg_event_trigger EXCEPT TABLE enabled) AS changed;
-- one of an extension is not told
ALTER EXTENSION upgrade_prereq ADD EVENT TRIGGER regress_ddl;
SELECT detail FROM pg_temp.report(:'check') WHERE object_identity = 'contrib_regression';
ALTER EXTENSION upgrade_prereq DROP EVENT TRIGGER regress_ddl;
DROP EVENT TRIGGER "regress odd";
DROP EVENT TRIGGER regress_ddl;
DROP FUNCTION public.regress_note_ddl();
SET client_min_messages = warning;
DROP FUNCTION public.regress_note() CASCADE;
RESET client_min_messages;
:asked
-- rules; one for UPDATE matters even if it is off
CREATE RULE nothing AS ON INSERT TO openmetadata.team_entity DO INSTEAD NOTHING;
CREATE RULE "odd "" rule" AS ON DELETE TO openmetadata.tag_usage DO ALSO NOTHING;
ALTER TABLE openmetadata.tag_usage ENABLE ALWAYS RULE "odd "" rule";
CREATE RULE off_delete AS ON DELETE TO openmetadata.tag_usage DO INSTEAD NOTHING;
ALTER TABLE openmetadata.tag_usage DISABLE RULE off_delete;
CREATE RULE off_update AS ON UPDATE TO openmetadata.server_change_log DO ALSO NOTHING;
ALTER TABLE openmetadata.server_change_log DISABLE RULE off_update;
SELECT * FROM pg_temp.report(:'check');
CREATE TEMP TABLE rules AS SELECT pg_get_ruledef(oid), ev_enabled FROM pg_rewrite WHERE ev_class::regclass::text LIKE 'openmetadata.%' AND rulename <> '_RETURN';
\set VERBOSITY sqlstate
INSERT INTO openmetadata.server_change_log SELECT * FROM openmetadata.server_change_log ON CONFLICT (version) DO UPDATE SET metrics = NULL;
:repair
SELECT fix_sql FROM repair \gexec
:asked
INSERT INTO openmetadata.server_change_log SELECT * FROM openmetadata.server_change_log ON CONFLICT (version) DO UPDATE SET metrics = EXCLUDED.metrics;
\set VERBOSITY default
SELECT undo_sql FROM repair \gexec
SELECT count(*) FROM (TABLE rules EXCEPT SELECT pg_get_ruledef(oid), ev_enabled FROM pg_rewrite) AS changed;
SELECT fix_sql FROM repair \gexec
DROP RULE off_delete ON openmetadata.tag_usage;
:asked

--
-- publications
--
\set check publications
\set target 1.13.0
SET client_min_messages = error;
CREATE PUBLICATION regress_inserts FOR TABLE openmetadata.test_case WITH (publish = 'insert');
RESET client_min_messages;
SELECT * FROM pg_temp.report(:'check');
DROP PUBLICATION regress_inserts;
SET client_min_messages = error;
CREATE PUBLICATION "regress odd" FOR TABLE openmetadata.entity_relationship, openmetadata.test_case;
RESET client_min_messages;
ALTER TABLE openmetadata.entity_relationship REPLICA IDENTITY USING INDEX entity_relationship_pkey;
SELECT * FROM pg_temp.report(:'check', :'target');
SELECT level, object_identity FROM pg_temp.report(:'check', '1.12.0');
-- as it says: nothing can be updated, now and after the change of the key
\set VERBOSITY sqlstate
UPDATE openmetadata.test_case SET json = json;
BEGIN;
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
ALTER TABLE openmetadata.entity_relationship ADD PRIMARY KEY (fromid, toid, relation);
UPDATE openmetadata.entity_relationship SET json = json;
ROLLBACK;
:repair
SELECT fix_sql FROM repair \gexec
SELECT level, object_identity FROM pg_temp.report(:'check', :'target');
BEGIN;
ALTER TABLE openmetadata.entity_relationship DROP CONSTRAINT entity_relationship_pkey;
ALTER TABLE openmetadata.entity_relationship ADD PRIMARY KEY (fromid, toid, relation);
UPDATE openmetadata.entity_relationship SET json = json;
ROLLBACK;
\set VERBOSITY default
SELECT undo_sql FROM repair \gexec
SELECT level, object_identity FROM pg_temp.report(:'check', :'target');
ALTER TABLE openmetadata.entity_relationship REPLICA IDENTITY NOTHING;
SELECT level, object_identity, detail FROM pg_temp.report(:'check', :'target') WHERE level = 'error';
ALTER TABLE openmetadata.entity_relationship REPLICA IDENTITY FULL;
ALTER TABLE openmetadata.test_case REPLICA IDENTITY FULL;
SELECT level, object_identity FROM pg_temp.report(:'check', :'target');
DROP PUBLICATION "regress odd";
SET client_min_messages = error;
CREATE PUBLICATION regress_all FOR ALL TABLES;
RESET client_min_messages;
SELECT level, object_identity, data -> 'objects' IS NOT NULL AS counts FROM pg_temp.report(:'check', :'target');
DROP PUBLICATION regress_all;
ALTER TABLE openmetadata.entity_relationship REPLICA IDENTITY DEFAULT;
ALTER TABLE openmetadata.test_case REPLICA IDENTITY DEFAULT;
:asked

--
-- wraparound
--
\set check wraparound
CREATE FUNCTION pg_temp.ago(transactions bigint) RETURNS xid LANGUAGE sql AS $$
    SELECT ((pg_snapshot_xmin(pg_current_snapshot())::text::bigint - transactions + 4294967296) % 4294967296)::text::xid
$$;
ALTER TABLE openmetadata.entity_extension SET (autovacuum_freeze_max_age = 100000);
UPDATE pg_class SET relfrozenxid = pg_temp.ago(150000000) WHERE oid IN ('openmetadata.tag_usage'::regclass, 'openmetadata.entity_extension'::regclass);
SELECT level, status, object_identity, message, detail, hint, fix_sql, undo_sql, data -> 'objects' AS objects FROM pg_temp.report(:'check');
UPDATE pg_class SET relfrozenxid = pg_temp.ago(250000000) WHERE oid = 'openmetadata.tag_usage'::regclass;
SELECT detail FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
-- TOAST tables, which autovacuum looks at by themselves: with the options of the table, or their own
ALTER TABLE openmetadata.user_entity SET (toast.autovacuum_freeze_max_age = 100000);
UPDATE pg_class SET relfrozenxid = pg_temp.ago(150000000)
WHERE oid IN (SELECT reltoastrelid FROM pg_class WHERE relnamespace = 'openmetadata'::regnamespace
              AND relname IN ('entity_extension', 'user_entity', 'table_entity'));
SELECT detail, (data ->> 'oldest_transaction_age')::int >= 150000000 AS is_that_of_toast FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked

--
-- collation_version (of the database: t/)
--
\set check collation_version
-- (the server warns of each use)
SET client_min_messages = error;
CREATE COLLATION openmetadata."older "" order" (provider = icu, locale = 'en', version = '0.1');
SELECT status FROM pg_temp.report(:'check');
CREATE INDEX older_index ON openmetadata.server_change_log (version COLLATE openmetadata."older "" order");
SELECT level, status, object_identity, message, regexp_replace(detail, 'is .* now', 'is N now') AS detail, hint, fix_sql, data
FROM pg_temp.report(:'check');
REINDEX INDEX openmetadata.older_index;
ALTER COLLATION openmetadata."older "" order" REFRESH VERSION;
RESET client_min_messages;
SELECT status FROM pg_temp.report(:'check');

--
-- unlogged_tables
--
\set check unlogged_tables
ALTER TABLE openmetadata.tag_usage SET UNLOGGED;
-- the one that comes first by name refers to the one that comes last
CREATE UNLOGGED TABLE openmetadata.z_referred (id int PRIMARY KEY, self int REFERENCES openmetadata.z_referred);
CREATE UNLOGGED TABLE openmetadata.a_referring (id int REFERENCES openmetadata.z_referred);
ALTER TABLE openmetadata.z_referred OWNER TO regress_openmetadata;
ALTER TABLE openmetadata.a_referring OWNER TO regress_openmetadata;
SELECT * FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
SELECT fix_sql FROM repair \gexec
DROP TABLE openmetadata.a_referring, openmetadata.z_referred;

--
-- autovacuum_on_big_tables (workers: t/)
--
\set check autovacuum_on_big_tables
ALTER TABLE openmetadata.entity_extension SET (autovacuum_enabled = off);
SELECT * FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
SELECT reloptions FROM pg_class WHERE oid = 'openmetadata.entity_extension'::regclass;
ALTER TABLE openmetadata.entity_extension RESET (autovacuum_enabled);
-- the option of a TOAST table alone
ALTER TABLE openmetadata.user_entity SET (toast.autovacuum_enabled = 'FALSE');
SELECT detail, fix_sql, undo_sql FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
ALTER TABLE openmetadata.user_entity RESET (toast.autovacuum_enabled);

--
-- connections_left
--
\set check connections_left
ALTER ROLE regress_openmetadata CONNECTION LIMIT 3;
SELECT * FROM pg_temp.report(:'check');
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
ALTER ROLE regress_openmetadata CONNECTION LIMIT 0;
SELECT level, message FROM pg_temp.report(:'check');
ALTER ROLE regress_openmetadata CONNECTION LIMIT 10;
:asked
ALTER ROLE regress_openmetadata CONNECTION LIMIT -1;
ALTER DATABASE contrib_regression CONNECTION LIMIT 9;
SELECT level, object_identity, message, fix_sql, undo_sql FROM pg_temp.report(:'check');
-- a superuser is not bound
SET upgrade_prereq.migration_role = 'postgres';
:asked
RESET upgrade_prereq.migration_role;
:repair
SELECT fix_sql FROM repair \gexec
:asked

--
-- session_timeouts
--
\set check session_timeouts
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression SET statement_timeout = ' 30 s ';
ALTER ROLE regress_openmetadata SET lock_timeout = '5s';
ALTER DATABASE contrib_regression SET idle_in_transaction_session_timeout = '10min';
SELECT * FROM pg_temp.report(:'check');
CREATE TEMP TABLE settings AS SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'regress_openmetadata'::regrole;
:repair
SELECT fix_sql FROM repair \gexec
:asked
SELECT undo_sql FROM repair \gexec
:asked
SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'regress_openmetadata'::regrole EXCEPT TABLE settings;
-- long enough
ALTER ROLE regress_openmetadata SET statement_timeout = '1d';
ALTER ROLE regress_openmetadata IN DATABASE contrib_regression RESET ALL;
ALTER ROLE regress_openmetadata SET lock_timeout = 0;
ALTER DATABASE contrib_regression SET idle_in_transaction_session_timeout = '1h';
:asked
ALTER DATABASE contrib_regression RESET idle_in_transaction_session_timeout;

\x off

--
-- tables that were given away: the history's owner is not everybody's
--
\set strays '{ownership,triggers,unlogged_tables,autovacuum_on_big_tables,statistics,invalid_indexes,publications,row_security}'
ALTER TABLE openmetadata.server_change_log OWNER TO regress_other;
ALTER TABLE openmetadata.user_entity OWNER TO regress_other;
CREATE FUNCTION openmetadata.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
SET client_min_messages = error;
CREATE PUBLICATION regress_publication FOR TABLE openmetadata.tag_usage, openmetadata.user_entity;
RESET client_min_messages;
SELECT format('CREATE TRIGGER note AFTER UPDATE ON openmetadata.%1$I FOR EACH ROW EXECUTE FUNCTION openmetadata.note();'
              'ALTER TABLE openmetadata.%1$I SET (autovacuum_enabled = off);'
              'ALTER TABLE openmetadata.%1$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;'
              'ALTER TABLE openmetadata.%1$I ADD CONSTRAINT positive CHECK (json IS NOT NULL) NOT VALID;', name)
FROM unnest('{team_entity,user_entity}'::text[]) AS name \gexec
ALTER TABLE openmetadata.change_event SET UNLOGGED;
-- (without autovacuum, 18 forgets the size of a table that is written anew)
ANALYZE openmetadata.change_event, openmetadata.tag_usage;
SELECT check_id, level, object_identity, (detail ~ 'team_entity|tag_usage|change_event') AS of_most, (detail ~ 'user_entity') AS of_one
FROM upgrade_prereq_findings('1.11.0', include => :'strays') WHERE status <> 'passed';
-- whom the migration is said to log in as is something else
SET upgrade_prereq.migration_role = 'regress_other';
SELECT check_id, count(*) FROM upgrade_prereq_findings('1.11.0', include => :'strays') WHERE status <> 'passed' GROUP BY check_id ORDER BY check_id;
RESET upgrade_prereq.migration_role;
DROP PUBLICATION regress_publication;

ALTER ROLE regress_openmetadata RESET ALL;
DROP OWNED BY regress_other, "regress ""odd""";
DROP ROLE regress_other, "regress ""odd""";
\i :teardown
