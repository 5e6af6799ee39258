-- Raising the memory settings of a role or database, the journal, and taking
-- back what it has.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\i :setup
SET upgrade_prereq.deadline_worker = off;
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_other;
RESET client_min_messages;
CREATE ROLE regress_other LOGIN;
GRANT regress_other TO regress_openmetadata;
CREATE VIEW pg_temp.stored AS
    SELECT CASE WHEN d.datname IS NOT NULL THEN 'this' ELSE 'every' END AS database, r.rolname,
           CASE WHEN r.rolname IS NOT NULL THEN s.setconfig
                ELSE ARRAY(SELECT e FROM unnest(s.setconfig) AS e WHERE e ~ 'work_mem') END AS setconfig
    FROM pg_db_role_setting AS s
    LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
    LEFT JOIN pg_roles AS r ON r.oid = s.setrole
    WHERE r.rolname ~ '^regress_(openmetadata|other|new)' OR (d.datname = current_database() AND s.setrole = 0
        AND s.setconfig::text ~ 'work_mem')
    ORDER BY 2, 1;
CREATE VIEW pg_temp.journal AS
    SELECT j.id - (SELECT min(id) FROM upgrade_prereq_journal) AS nr,
           replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity,
           state_before, state_after, outcome
    FROM upgrade_prereq_journal AS j ORDER BY id;
CREATE VIEW pg_temp.rows_of_restore AS
    SELECT setting, before, after, raised_for, changed, note,
           replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity
    FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;

-- for the role that migrates, in this database
\x on
SELECT setting, before, after, raised_for, changed, split_part(note, ' The safe limit', 1) AS note,
       replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity,
       journal_id IS NOT NULL AS in_journal,
       expires_at - now() BETWEEN interval '3:59' AND interval '4:01' AS expires_in_4_hours, db_params
FROM upgrade_prereq_raise('6MB', '80MB', 'role', reason => 'upgrade to 1.13');
SELECT kind, replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity,
       object = jsonb_build_object('setting', 'work_mem',
           'role_oid', 'regress_openmetadata'::regrole::oid::bigint,
           'database_oid', (SELECT oid::bigint FROM pg_database WHERE datname = current_database())) AS object_matches,
       state_before, state_after, reason, made_by = current_user AS made_by_matches,
       made_by_oid = current_user::regrole AS made_by_oid_matches, made_at <= now() AS made,
       expires_at > now() AS expires, undone_at, undone_by, outcome
FROM upgrade_prereq_journal WHERE object_identity ~ '^work_mem';
\x off
SELECT * FROM pg_temp.stored;
SELECT name, setting, source, stored_text FROM upgrade_prereq_effective_settings('regress_openmetadata') WHERE name ~ 'work_mem';
SELECT replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity, made_by = current_user AS made_by, expired
FROM upgrade_prereq_open_changes;
SELECT level, status, replace(message, quote_ident(current_database()), '<this>') AS message, hint, fix_sql
FROM upgrade_prereq_findings(include => '{raise_left_behind}');
SELECT * FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored;
SELECT * FROM pg_temp.journal;
SELECT * FROM pg_temp.rows_of_restore;
SELECT status, message FROM upgrade_prereq_findings(include => '{raise_left_behind}');
TRUNCATE upgrade_prereq_journal;

-- what was stored comes back as it was written, where it was
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" SET statement_timeout = '1h';
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" SET work_mem = ' 0x1400 kB';
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" SET search_path = openmetadata, "$user";
CREATE TABLE pg_temp.before AS TABLE pg_temp.stored;
SELECT * FROM pg_temp.stored;
SELECT setting, before, after, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role');
SELECT * FROM pg_temp.stored;
SELECT setting, before, after, changed FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored EXCEPT TABLE pg_temp.before;

-- never lower; a raise on top of a raise keeps what was there before the first
SELECT setting, before, after, changed, split_part(note, ' The safe limit', 1) AS note FROM upgrade_prereq_raise('4MB', '4MB', 'role');
SELECT setting, before, after, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role');
SELECT setting, before, after, changed FROM upgrade_prereq_raise('7MB', '80MB', 'role', valid_for => '1 hour');
SELECT expires_at > now() + interval '3 hours' AS longer_of_the_two FROM upgrade_prereq_open_changes;
SELECT setting, before, after, changed, split_part(note, ' The safe limit', 1) AS note FROM upgrade_prereq_raise('7MB', '4MB', 'role', valid_for => '1 hour');
SELECT setting, before, after, changed, split_part(note, ' The safe limit', 1) AS note FROM upgrade_prereq_raise('7MB', '4MB', 'role', valid_for => '10 hours');
SELECT * FROM pg_temp.journal;
SELECT setting, before, after, changed FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored EXCEPT TABLE pg_temp.before;
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" RESET ALL;
TRUNCATE upgrade_prereq_journal;

-- whatever the style of dates and the time zone
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Shanghai';
SELECT expires_at - now() BETWEEN interval '3:59' AND interval '4:01' AS expires_in_4_hours
FROM upgrade_prereq_raise('6MB', '4MB', 'role') WHERE journal_id IS NOT NULL;
SET timezone = 'Asia/Jakarta';
SELECT expires_at - now() BETWEEN interval '5:59' AND interval '6:01' AS expires_in_6_hours
FROM upgrade_prereq_raise('6MB', '4MB', 'role', valid_for => '6 hours') WHERE journal_id IS NOT NULL;
RESET timezone;
RESET datestyle;
SELECT setting, changed FROM pg_temp.rows_of_restore;
TRUNCATE upgrade_prereq_journal;

-- the other scopes
SELECT setting, before, after, raised_for, changed, object_identity FROM upgrade_prereq_raise('6MB', '80MB', 'role_everywhere');
SELECT setting, before, after, raised_for, changed, replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity
FROM upgrade_prereq_raise('7MB', '80MB', 'Role');
SELECT * FROM pg_temp.stored;
SELECT setting, before, after, raised_for, changed, object_identity FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored;
SELECT setting, before, after, raised_for, changed, split_part(note, ' The safe limit', 1) AS note, replace(object_identity, quote_ident(current_database()), '<this>') AS object_identity
FROM upgrade_prereq_raise('6MB', '80MB', 'database', force => true);
SELECT * FROM pg_temp.stored;
SELECT setting, before, after, raised_for, changed, object_identity FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored;

-- one of them
SELECT count(*) FROM upgrade_prereq_raise('6MB', '80MB', 'role');
SELECT u.kind, u.changed, u.outcome, u.note FROM upgrade_prereq_journal AS j, upgrade_prereq_undo(j.id) AS u
WHERE j.undone_at IS NULL AND j.object_identity ~ '^work_mem';
SELECT * FROM pg_temp.stored;
SELECT kind, changed, outcome, note
FROM upgrade_prereq_undo((SELECT max(id) FROM upgrade_prereq_journal WHERE undone_at IS NOT NULL));
SELECT setting, changed FROM pg_temp.rows_of_restore;
SELECT upgrade_prereq_undo(NULL);
SELECT upgrade_prereq_undo(-1);
TRUNCATE upgrade_prereq_journal;

-- a number that is taken is no change that was made before
SELECT count(*) FROM upgrade_prereq_raise('6MB', '4MB', 'role');
SELECT setval('upgrade_prereq_journal_id_seq', max(id), false) IS NULL AS behind FROM upgrade_prereq_journal;
\set VERBOSITY sqlstate
SELECT upgrade_prereq_raise('6MB', '4MB', 'role', 'regress_other');
\set VERBOSITY default
SELECT setting, changed FROM pg_temp.rows_of_restore;
TRUNCATE upgrade_prereq_journal;

-- rolled back: it never happened
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role');
ROLLBACK;
SELECT * FROM pg_temp.stored;
SELECT * FROM pg_temp.journal;
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role');
SAVEPOINT s;
SELECT setting, changed FROM upgrade_prereq_raise('7MB', '80MB', 'role');
SELECT setting, after, changed FROM pg_temp.rows_of_restore;
ROLLBACK TO s;
SELECT * FROM pg_temp.stored;
COMMIT;
SELECT setting, after, changed FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored;
TRUNCATE upgrade_prereq_journal;

-- somebody else's change stays
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role');
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" SET work_mem = '6500kB';
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" RESET maintenance_work_mem;
SELECT setting, before, after, changed, note FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored;
SELECT * FROM pg_temp.journal;
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" RESET ALL;
-- and is what a later raise keeps
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role');
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" SET work_mem = '6500kB';
SELECT setting, before, changed FROM upgrade_prereq_raise('7MB', '4MB', 'role');
SELECT setting, after, changed FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.journal;
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" RESET ALL;
TRUNCATE upgrade_prereq_journal;

-- renamed, dropped
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role', 'regress_other');
ALTER ROLE regress_other RENAME TO regress_new;
SELECT setting, after, changed, object_identity FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.stored;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role', 'regress_new');
DROP ROLE regress_new;
SELECT setting, after, changed, note FROM pg_temp.rows_of_restore;
SELECT * FROM pg_temp.journal;
TRUNCATE upgrade_prereq_journal;
CREATE ROLE regress_other LOGIN;

-- expired: the next function that may write takes it back
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role');
UPDATE upgrade_prereq_journal SET expires_at = now() - interval '1 second';
SELECT expired FROM upgrade_prereq_open_changes;
SELECT level, status, replace(message, quote_ident(current_database()), '<this>') AS message
FROM upgrade_prereq_findings(include => '{raise_left_behind}');
SELECT setting, changed FROM upgrade_prereq_raise('1MB', '1MB');
SELECT * FROM pg_temp.stored;
SELECT * FROM pg_temp.journal;
TRUNCATE upgrade_prereq_journal;

-- operators and tables of somebody else are not used
CREATE SCHEMA regress_trap;
DO $$
DECLARE
    type_name text;
    operator text;
BEGIN
    FOREACH type_name IN ARRAY '{oid,text,name,bigint,integer,jsonb,timestamptz,boolean}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION regress_trap.spring(%1$s, %1$s) RETURNS boolean LANGUAGE plpgsql AS %2$L',
                       type_name, 'BEGIN RAISE EXCEPTION ''the trap was sprung''; END');
        FOREACH operator IN ARRAY '{=,<>,<,<=,>,>=}'::text[] LOOP
            EXECUTE format('CREATE OPERATOR regress_trap.%s (FUNCTION = regress_trap.spring, LEFTARG = %s, RIGHTARG = %s)',
                           operator, type_name, type_name);
        END LOOP;
    END LOOP;
END
$$;
CREATE TABLE regress_trap.upgrade_prereq_journal (LIKE upgrade_prereq_journal);
SET search_path = regress_trap, pg_catalog, public;
SELECT 1 = 1;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role');
SELECT setting, changed FROM upgrade_prereq_raise('7MB', '80MB', 'role');
SELECT setting, changed FROM upgrade_prereq_restore();
SELECT level, status FROM upgrade_prereq_findings(include => '{raise_left_behind}');
RESET search_path;
SELECT count(*) FROM upgrade_prereq_open_changes;
SELECT * FROM regress_trap.upgrade_prereq_journal;
SELECT * FROM pg_temp.stored;
SET client_min_messages = warning;
DROP SCHEMA regress_trap CASCADE;
RESET client_min_messages;

-- what speaks against it
CREATE ROLE regress_no_login;
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', 'regress_no_login');
ALTER ROLE regress_openmetadata SET work_mem = '5MB';
SELECT upgrade_prereq_raise('6MB', '80MB', 'database');
SELECT setting, before, after, changed, split_part(note, ' The safe limit', 1) AS note FROM upgrade_prereq_raise('6MB', '80MB', 'database', force => true);
SELECT * FROM pg_temp.stored;
SELECT setting, after, changed FROM pg_temp.rows_of_restore;
-- the role has a value of its own in every database already: it is not lowered
ALTER ROLE regress_openmetadata SET work_mem = '1MB';
SELECT setting, before, after, changed FROM upgrade_prereq_raise('2MB', '64kB', 'role_everywhere');
SELECT setting, after, changed FROM pg_temp.rows_of_restore;
ALTER ROLE regress_openmetadata SET work_mem = '5MB';
-- nor does the role get what the scope has already
ALTER DATABASE :"DBNAME" SET work_mem = '8MB';
SELECT upgrade_prereq_raise('6MB', '4MB', 'database');
SELECT setting, before, after, changed, note FROM upgrade_prereq_raise('6MB', '4MB', 'database', force => true);
SELECT setting, note FROM upgrade_prereq_raise('5MB', '4MB', 'database');
ALTER DATABASE :"DBNAME" RESET work_mem;
ALTER ROLE regress_openmetadata SET work_mem = '8MB';
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" SET work_mem = '5MB';
SELECT upgrade_prereq_raise('6MB', '4MB', 'role_everywhere');
ALTER ROLE regress_openmetadata RESET work_mem;
SELECT upgrade_prereq_raise('6MB', '80MB', 'role_everywhere');
SELECT setting, before, after, changed, split_part(note, ' The safe limit', 1) AS note FROM upgrade_prereq_raise('5MB', '80MB', 'role_everywhere');
SELECT setting, after, changed FROM pg_temp.rows_of_restore;
ALTER ROLE regress_openmetadata IN DATABASE :"DBNAME" RESET work_mem;
BEGIN READ ONLY;
SELECT upgrade_prereq_raise('6MB', '80MB', 'role');
ROLLBACK;
BEGIN READ ONLY;
SELECT upgrade_prereq_undo(1);
ROLLBACK;
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', 'regress_nobody');
SELECT upgrade_prereq_raise('6MB', '3TB', 'role');
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', valid_for => '0');
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', valid_for => '-1 day');
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', valid_for => '1000000 years');
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', valid_for => '-178000000 years');
SELECT upgrade_prereq_raise('6MB', '80MB', 'role', valid_for => '1000 years 1 month -100 days');
ALTER TABLE openmetadata.user_entity OWNER TO regress_other;
SELECT upgrade_prereq_raise('6MB', '80MB', 'role');
-- who cannot log in does not migrate
BEGIN;
ALTER ROLE regress_other NOLOGIN;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '80MB', 'role');
ROLLBACK;
-- where nobody can, it is no clearer who does
BEGIN;
ALTER ROLE regress_other NOLOGIN;
ALTER ROLE regress_openmetadata NOLOGIN;
SELECT upgrade_prereq_raise('6MB', '80MB', 'role');
ROLLBACK;
SET upgrade_prereq.migration_role = regress_openmetadata;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role');
RESET upgrade_prereq.migration_role;
SELECT setting, changed FROM pg_temp.rows_of_restore;
ALTER TABLE openmetadata.user_entity OWNER TO regress_openmetadata;
SELECT * FROM pg_temp.stored;
TRUNCATE upgrade_prereq_journal;

-- without rights
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_raise('6MB', '6MB', 'role');
SELECT upgrade_prereq_undo(1);
SELECT count(*) FROM upgrade_prereq_open_changes;
SELECT state_before FROM upgrade_prereq_journal;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object) VALUES ('setting', 'x', '{}');
RESET SESSION AUTHORIZATION;
GRANT EXECUTE ON FUNCTION upgrade_prereq_raise, upgrade_prereq_restore, upgrade_prereq_undo TO regress_other;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role');
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_raise('6MB', '6MB', 'role', 'regress_other');
SELECT setting, changed, note FROM upgrade_prereq_restore();
SELECT level, status, message, detail, hint FROM upgrade_prereq_findings(include => '{raise_left_behind}');
RESET SESSION AUTHORIZATION;
SELECT setting, changed FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
GRANT SELECT, INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at),
    UPDATE (undone_at, undone_by, outcome) ON upgrade_prereq_journal TO regress_other;
SET SESSION AUTHORIZATION regress_other;
SELECT upgrade_prereq_raise('6MB', '6MB', 'role', current_role::name) IS NOT NULL AS raised;
RESET SESSION AUTHORIZATION;
SELECT * FROM pg_temp.stored;
SET SESSION AUTHORIZATION regress_other;
SELECT setting, changed FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
SELECT upgrade_prereq_raise('6MB', '6MB', 'database', 'regress_other');

RESET SESSION AUTHORIZATION;
TRUNCATE upgrade_prereq_journal RESTART IDENTITY;

-- the journal is data, and whoever may write it may write anything: nothing
-- but the two settings is ever changed, and nothing that the writer of the
-- entry could not change
SET SESSION AUTHORIZATION regress_other;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, made_by) VALUES ('setting', 'x', '{}', 'postgres');
SELECT oid AS this_database FROM pg_database WHERE datname = current_database() \gset
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_before, state_after)
SELECT kind, identity, replace(replace(replace(object, 'this', :'this_database'),
           'openmetadata', 'regress_openmetadata'::regrole::oid::text), 'other', 'regress_other'::regrole::oid::text)::jsonb,
       state_before, state_after
FROM (VALUES
    ('nonsense', 'n', '{}', NULL, 'x'),
    ('setting', 'a', '{}', NULL, 'x'),
    ('setting', 'b', '"x"', NULL, 'x'),
    ('setting', 'c', '{"setting": "log_statement", "role_oid": 10, "database_oid": 0, "raised_in_oid": this}', NULL, NULL),
    ('setting', 'd', '{"setting": "work_mem", "role_oid": 99999999999, "database_oid": 0, "raised_in_oid": this}', NULL, 'x'),
    ('setting', 'e', '{"setting": "work_mem", "role_oid": 0, "database_oid": 0, "raised_in_oid": this}', NULL, NULL),
    ('setting', 'f', '{"setting": "work_mem", "role_oid": 10, "database_oid": 1}', NULL, NULL),
    ('setting', 'g', '{"setting": "work_mem", "role_oid": 4000000000, "database_oid": 0, "raised_in_oid": this}', NULL, NULL),
    ('setting', 'h', '{"setting": "work_mem", "role_oid": 10, "database_oid": 0, "raised_in_oid": this}', NULL, 'x'),
    ('setting', 'i', '{"setting": "work_mem", "role_oid": openmetadata, "database_oid": 0, "raised_in_oid": this}', '1GB', NULL),
    ('setting', 'j', '{"setting": "work_mem", "role_oid": other, "database_oid": 0, "raised_in_oid": this}',
        '1GB''; ALTER ROLE regress_other SUPERUSER; --', NULL),
    ('setting', 'k', '{"setting": "work_mem", "role_oid": other, "database_oid": 0, "raised_in_oid": 1}', '1GB', NULL),
    ('setting', 'l', '{"setting": "work_mem", "role_oid": other, "database_oid": 0}', '1GB', NULL),
    ('setting', 'm', '{"setting": "work_mem", "role_oid": other, "database_oid": this, "raised_in_oid": this}', '1GB', NULL))
    AS entry (kind, identity, object, state_before, state_after);
RESET SESSION AUTHORIZATION;
SELECT object_identity, changed, note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
SELECT object_identity, outcome FROM upgrade_prereq_journal ORDER BY id;
SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_journal WHERE kind = 'nonsense';
SELECT * FROM pg_temp.stored;
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_other';
-- an entry that its writer could not have made is no base for another raise,
-- and is not thrown away either: it may be the way back
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role_everywhere', force => true);
DELETE FROM upgrade_prereq_journal WHERE object_identity = 'i';
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role_everywhere');
SELECT setting, before, after, changed FROM upgrade_prereq_restore() WHERE raised_for = 'role_everywhere';
SELECT * FROM pg_temp.stored;
TRUNCATE upgrade_prereq_journal;

-- with every right on the table: still nobody writes in another one's name, or
-- has his trigger run by whoever raises or puts back
GRANT ALL ON upgrade_prereq_journal TO regress_other;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role_everywhere');
\set VERBOSITY sqlstate
SET SESSION AUTHORIZATION regress_other;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, made_by_oid) VALUES ('setting', 'x', '{}', 10);
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, made_by) VALUES ('setting', 'x', '{}', 'postgres');
UPDATE upgrade_prereq_journal SET state_before = '1GB';
UPDATE upgrade_prereq_journal SET undone_at = now(), outcome = 'undone', state_before = '1GB';
UPDATE upgrade_prereq_journal SET undone_at = NULL, outcome = NULL;
SET SESSION AUTHORIZATION DEFAULT;
SET session_replication_role = replica;
SET SESSION AUTHORIZATION regress_other;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, made_by_oid) VALUES ('setting', 'x', '{}', 10);
UPDATE upgrade_prereq_journal SET undone_at = NULL, outcome = NULL, made_by = 'postgres', made_by_oid = 10;
SET SESSION AUTHORIZATION DEFAULT;
RESET session_replication_role;
SET SESSION AUTHORIZATION regress_other;
UPDATE upgrade_prereq_journal SET made_by = CURRENT_USER, made_by_oid = CURRENT_USER::regrole, undone_at = NULL, outcome = NULL;
RESET SESSION AUTHORIZATION;
\set VERBOSITY default
SELECT changed, split_part(note, ': change', 1) AS note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
TRUNCATE upgrade_prereq_journal;
ALTER ROLE regress_openmetadata RESET ALL;
-- nor by a role that is made for it and dropped again
CREATE ROLE regress_no_more;
GRANT ALL ON upgrade_prereq_journal TO regress_no_more;
ALTER ROLE regress_openmetadata SET work_mem = '6MB';
SET SESSION AUTHORIZATION regress_no_more;
INSERT INTO upgrade_prereq_journal (kind, object_identity, object, state_after)
SELECT 'setting', 'k', jsonb_build_object('setting', 'work_mem', 'role_oid', 'regress_openmetadata'::regrole::oid::bigint,
    'database_oid', 0, 'raised_in_oid', :'this_database'::bigint), '6MB';
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_no_more;
DROP ROLE regress_no_more;
SELECT changed, split_part(note, ': change', 1) AS note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
TRUNCATE upgrade_prereq_journal;
ALTER ROLE regress_openmetadata RESET ALL;
SELECT setting, changed FROM upgrade_prereq_raise('6MB', '4MB', 'role_everywhere');
CREATE FUNCTION pg_temp.code_of_somebody() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'run by %', CURRENT_USER; RETURN NEW; END $$;
CREATE TRIGGER "of somebody" BEFORE INSERT OR UPDATE ON upgrade_prereq_journal
    FOR EACH ROW EXECUTE FUNCTION pg_temp.code_of_somebody();
SELECT setting, changed, note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
SELECT upgrade_prereq_undo(id) FROM upgrade_prereq_open_changes;
SELECT upgrade_prereq_raise('7MB', '4MB', 'role_everywhere');
SELECT upgrade_prereq_raise('7MB', '4MB', 'role');
SELECT * FROM pg_temp.stored;
-- unless it is disabled
ALTER TABLE upgrade_prereq_journal DISABLE TRIGGER "of somebody";
SELECT setting, changed, note FROM upgrade_prereq_restore() WHERE journal_id IS NOT NULL;
DROP TRIGGER "of somebody" ON upgrade_prereq_journal;
TRUNCATE upgrade_prereq_journal;

DROP OWNED BY regress_other;
DROP ROLE regress_other, regress_no_login;
\i :teardown
-- without an installation the role has to be named
SELECT upgrade_prereq_raise('6MB', '80MB', 'role');
