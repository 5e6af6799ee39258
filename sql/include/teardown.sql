\set setup_echo :ECHO \set ECHO none
-- Takes away what setup.sql built.
SET client_min_messages = warning;
DROP SCHEMA openmetadata CASCADE;
DROP OWNED BY regress_openmetadata;
DROP ROLE regress_openmetadata;
RESET client_min_messages;
\set ECHO :setup_echo
