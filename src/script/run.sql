--
-- What the call asks for
--

-- A text file would be in the way of its own output.
DO $$
BEGIN
    PERFORM set_config('statement_timeout', pg_temp.upgrade_prereq_time_limit_ms()::text, true);
END
$$;

SELECT pg_temp.upgrade_prereq_word('action', :'action', 'check', 'runs', 'raise', 'restore', 'estimate') AS upgrade_prereq_action \gset
SELECT :'upgrade_prereq_action' = 'check' AS upgrade_prereq_is_check,
       :'upgrade_prereq_action' = 'runs' AS upgrade_prereq_is_runs \gset

SELECT pg_temp.upgrade_prereq_begin(:'target', :'format', :'include', :'exclude', :'deep', :'gate', :'fail_level', :'allow_unknown') AS upgrade_prereq_nothing \gset
SELECT pg_temp.upgrade_prereq_find_installation() AS upgrade_prereq_nothing \gset

\if :upgrade_prereq_is_check
SELECT pg_temp.upgrade_prereq_steps() \gexec
SELECT pg_temp.upgrade_prereq_lines();
SELECT pg_temp.upgrade_prereq_close_gate() AS upgrade_prereq_nothing \gset
\endif

ROLLBACK;
