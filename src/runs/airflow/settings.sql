-- The settings of that transaction, in front of probe.sql: names mean those of
-- pg_catalog, nothing waits, a row that is hidden is an error, and a session
-- whose other end has gone soon ends (from 14 on).  Each statement has to give a
-- result: one without rows would end the answers.
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL statement_timeout = @timeout_ms@;
SET LOCAL lock_timeout = 1000;
SET LOCAL idle_in_transaction_session_timeout = 60000;
SET LOCAL row_security = off;
SET LOCAL client_min_messages = error;
SET LOCAL standard_conforming_strings = on;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL jit = off;
SELECT count(set_config(name, '1s', true)) FROM pg_settings WHERE name = 'client_connection_check_interval';
