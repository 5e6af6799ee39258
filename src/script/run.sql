--
-- What the call asks for
--

SELECT word = 'check' AS upgrade_prereq_is_check, word = 'runs' AS upgrade_prereq_is_runs,
       word = 'raise' AS upgrade_prereq_is_raise, word = 'restore' AS upgrade_prereq_is_restore,
       word = 'estimate' AS upgrade_prereq_is_estimate,
       pg_temp.upgrade_prereq_boolean('apply', :'apply') AS upgrade_prereq_applies
FROM pg_temp.upgrade_prereq_word('action', :'action', 'check', 'runs', 'raise', 'restore', 'estimate') AS word \gset

SELECT pg_temp.upgrade_prereq_begin(:'target', :'format', :'include', :'exclude', :'deep', :'gate', :'fail_level', :'allow_unknown') AS upgrade_prereq_nothing \gset

-- The time limit: that of a check, but for finding out what is installed not
-- less than its default.
DO $$
DECLARE
    limit_ms bigint := pg_temp.upgrade_prereq_time_limit_ms();
BEGIN
    PERFORM set_config('statement_timeout', CASE limit_ms WHEN 0 THEN 0 ELSE greatest(limit_ms, 30000) END::text, true);
END
$$;
SELECT pg_temp.upgrade_prereq_find_installation() AS upgrade_prereq_nothing \gset
DO $$
BEGIN
    PERFORM set_config('statement_timeout', pg_temp.upgrade_prereq_time_limit_ms()::text, true);
END
$$;

\if :upgrade_prereq_is_check
    SELECT pg_temp.upgrade_prereq_steps() \gexec
    SET LOCAL statement_timeout = 0;
    SELECT pg_temp.upgrade_prereq_lines();
    SELECT pg_temp.upgrade_prereq_close_gate() AS upgrade_prereq_nothing \gset
    ROLLBACK;
\endif

\if :upgrade_prereq_is_runs
    SELECT format('DO %L', format('BEGIN PERFORM pg_temp.upgrade_prereq_read_run_kind(%L); END', kind.name))
    FROM pg_temp.upgrade_prereq_call AS call, pg_temp.upgrade_prereq_kind AS kind
    WHERE call.state = 'found' AND call.obstacle IS NULL
    ORDER BY kind.place \gexec
    SELECT pg_temp.upgrade_prereq_runs_lines();
    ROLLBACK;
\endif

\if :upgrade_prereq_is_raise
    SELECT lines AS upgrade_prereq_raise_lines, apply_block AS upgrade_prereq_apply_block,
           COALESCE(undo_block, '') AS upgrade_prereq_undo_block,
           apply_block IS NOT NULL AND :'upgrade_prereq_applies' AS upgrade_prereq_applies
    FROM pg_temp.upgrade_prereq_plan_raise(:'work_mem', :'maintenance_work_mem', :'role', :'force') \gset
    ROLLBACK;
    \echo :upgrade_prereq_raise_lines
    \if :upgrade_prereq_applies
        -- The undo has to be on the disk before anything is changed, and must
        -- not take the place of another one.
        \setenv UPGRADE_PREREQ_UNDO_FILE :undo_file
        \set upgrade_prereq_state `if [ -e "$UPGRADE_PREREQ_UNDO_FILE" ]; then echo there; else echo free; fi`
        SELECT :'upgrade_prereq_state' <> 'free' OR :'undo_file' ~ '^[|]' AS upgrade_prereq_is_refused \gset
        \if :upgrade_prereq_is_refused
            DO $$
            BEGIN
                RAISE EXCEPTION 'the undo file is there already, or cannot be looked for'
                    USING ERRCODE = 'duplicate_file', DETAIL = 'Nothing was changed.',
                          HINT = 'Put back what it is of, or name another one by -v undo_file=FILE.';
            END
            $$;
        \endif
        \o :undo_file
        \qecho :upgrade_prereq_undo_block
        \o
        \set upgrade_prereq_written `cat "$UPGRADE_PREREQ_UNDO_FILE"`
        SELECT rtrim(:'upgrade_prereq_written', E' \n') <> rtrim(:'upgrade_prereq_undo_block', E' \n') AS upgrade_prereq_is_refused \gset
        \if :upgrade_prereq_is_refused
            DO $$
            BEGIN
                RAISE EXCEPTION 'the undo file could not be written' USING ERRCODE = 'io_error', DETAIL = 'Nothing was changed.';
            END
            $$;
        \endif
        :upgrade_prereq_apply_block
        \echo '-- done; the undo is in' :undo_file
    \endif
\endif

\if :upgrade_prereq_is_estimate
    \setenv UPGRADE_PREREQ_SCRIPT_FILE :script
    \set upgrade_prereq_script `cat "$UPGRADE_PREREQ_SCRIPT_FILE"`
    SELECT CASE WHEN :'upgrade_prereq_script' = '' THEN
        pg_temp.upgrade_prereq_refuse(format('invalid value for variable "script": "%s"', :'script'),
                                      'The name of a file with SQL statements is accepted.') END AS upgrade_prereq_nothing \gset
    SELECT pg_temp.upgrade_prereq_estimate_lines(:'upgrade_prereq_script', :'role');
    ROLLBACK;
\endif

\if :upgrade_prereq_is_restore
    ROLLBACK;
    \i :undo_file
\endif
