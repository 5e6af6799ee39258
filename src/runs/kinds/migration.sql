-- kind: migration
-- order: 14
-- cost: light
-- judge: common
--
-- Rows of the migration history that are not completed.  The column came with
-- 2.1: before, only Flyway's own table says that a migration failed.
SELECT row.version AS name,
       NULL AS run_id,
       row.status AS state,
       row.status IN ('STARTED', 'FAILED') AS is_known,
       NULL::bigint AS epoch, NULL::bigint AS sign, false AS has_time,
       NULL::interval AS age_limit,
       NULL AS superseded_by, NULL AS orphaned_by,
       CASE WHEN row.status = 'FAILED' THEN 'The migration failed.'
            WHEN fact.live_sessions = 0
            THEN 'The migration began, and no session of OpenMetadata is connected to this database any more.' END AS dead_by,
       CASE WHEN fact.live_sessions > 0 THEN 'Sessions of OpenMetadata are connected to this database: it may be at work.'
            ELSE 'Whether a session of OpenMetadata is connected is not known: it may be at work.' END AS at_work_by,
       CASE WHEN row.status = 'FAILED' OR fact.live_sessions = 0 THEN 'high' ELSE 'low' END AS confidence,
       'OpenMetadata''s command "repair" removes the row; then the migration can run again.' AS note,
       NULL AS corrected_state, NULL::jsonb AS patch, NULL::jsonb AS old_values,
       NULL::jsonb AS key, NULL AS row_text,
       jsonb_build_object('history_table', fact.history_table, 'live_sessions', fact.live_sessions) AS data
FROM fact
CROSS JOIN LATERAL jsonb_to_recordset(fact.history) AS row (version text, status text)
WHERE row.status <> 'COMPLETED'
