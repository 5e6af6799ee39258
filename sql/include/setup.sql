\set setup_echo :ECHO \set ECHO none
-- Builds an OpenMetadata installation in schema "openmetadata", owned by the
-- role regress_openmetadata; era and rows as the variables say.
\set fixture `echo "$UPGRADE_PREREQ_FIXTURE"`
\set schema openmetadata
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS openmetadata CASCADE;
-- a role that a run left behind may have settings
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'regress_openmetadata') THEN
        DROP OWNED BY regress_openmetadata;
        DROP ROLE regress_openmetadata;
    END IF;
END
$$;
CREATE ROLE regress_openmetadata LOGIN;
CREATE SCHEMA openmetadata AUTHORIZATION regress_openmetadata;
SET SESSION AUTHORIZATION regress_openmetadata;
\i :fixture/schema.sql
\i :fixture/fill.sql
RESET SESSION AUTHORIZATION;
RESET client_min_messages;
\set ECHO :setup_echo
