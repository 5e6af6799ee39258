-- id: long_transactions
-- title: nothing outside this database holds back the clean-up of dead rows
-- category: sessions
-- level: warning
-- cost: light
-- versions: all
-- passed: nothing outside this database holds back the clean-up of dead rows
-- do: Have the transaction ended: of a standby, the query there that runs long,
--     or its `hot_standby_feedback` switched off; a prepared transaction by its
--     owner. A replication slot goes on when its standby or subscriber does; one
--     that nobody needs is dropped by pg_drop_replication_slot().
-- undo: There is nothing to undo.
--
-- A migration updates whole tables, and VACUUM can remove the old rows only
-- if no snapshot could see them.  For the tables of a database the
-- transactions of that database count, which live_sessions lists, and standbys that
-- tell their oldest snapshot (hot_standby_feedback); those of other databases do
-- not (ComputeXidHorizons() in src/backend/storage/ipc/procarray.c).  But every
-- transaction, wherever it is, keeps the transaction ids from being frozen, for
-- which the limit here is half of autovacuum_freeze_max_age.  A standby may be
-- behind by a million transactions.  With a slot its snapshot is kept there, also
-- while it is away (ProcessStandbyHSFeedbackMessage() in
-- src/backend/replication/walsender.c); that of a logical slot counts for the
-- catalogs only.  What WAL slots keep, a check of their own tells.
WITH session AS (
    SELECT activity.*, sender.pid IS NOT NULL AS is_standby
    FROM pg_catalog.pg_stat_activity AS activity
    LEFT JOIN pg_stat_get_wal_senders() AS sender ON sender.pid = activity.pid
    WHERE activity.datname <> current_database() AND activity.usename IS NOT NULL
       OR sender.pid IS NOT NULL
),
holder AS (
    SELECT CASE WHEN session.is_standby THEN 'standby' ELSE 'session' END AS kind,
           format('%s of role %I', session.application_name, session.usename)
           || COALESCE(' in database ' || quote_ident(session.datname), '') AS identity,
           GREATEST(age(session.backend_xmin), age(session.backend_xid)) AS age,
           session.is_standby AS keeps_rows,
           session.pid,
           session.xact_start
    FROM session
    UNION ALL
    SELECT 'prepared transaction', format('%I in database %I', prepared.gid, prepared.database),
           age(prepared.transaction), false, NULL, prepared.prepared
    FROM pg_catalog.pg_prepared_xacts AS prepared
    WHERE prepared.database <> current_database()
    UNION ALL
    SELECT 'replication slot', quote_ident(slot.slot_name), age(held.xid), held.keeps_rows, NULL, NULL
    FROM pg_catalog.pg_replication_slots AS slot,
         LATERAL (VALUES (slot.xmin, true), (slot.catalog_xmin, false)) AS held (xid, keeps_rows)
    WHERE slot.wal_status IS DISTINCT FROM 'lost'
)
SELECT 'warning' AS level,
       'found' AS status,
       holder.kind AS object_type,
       holder.identity AS object_identity,
       format('a %s holds back VACUUM: %s', holder.kind, holder.identity) AS message,
       format('Its oldest transaction is %s transactions ago.', max(holder.age)) AS detail,
       CASE WHEN NOT bool_or(holder.keeps_rows) THEN
           format('Transaction ids cannot be frozen, of which a migration takes many. %s.',
                  CASE holder.kind WHEN 'replication slot' THEN 'Have its standby or subscriber catch up, or drop the slot, if nobody needs it'
                                   ELSE 'End the transaction' END)
       ELSE
           format('The rows that the migration replaces could not be removed. %s.',
                  CASE holder.kind WHEN 'replication slot' THEN 'End the long query on its standby, connect the standby again, or drop the slot, if nobody needs it'
                                   ELSE 'End the long query on the standby, or switch off hot_standby_feedback there' END)
       END AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       jsonb_build_object('objects', count(*),
                          'age_transactions', max(holder.age),
                          'pids', COALESCE(jsonb_agg(holder.pid ORDER BY holder.pid) FILTER (WHERE holder.pid IS NOT NULL), '[]'),
                          'open_for', date_trunc('second', (SELECT now FROM fact) - min(holder.xact_start))::text) AS data
FROM holder
WHERE holder.age > CASE WHEN holder.keeps_rows THEN 1000000
                        ELSE current_setting('autovacuum_freeze_max_age')::bigint / 2 END
GROUP BY holder.kind, holder.identity
UNION ALL
SELECT 'warning', 'unknown', 'session', NULL,
       'could not check: the transactions of other roles'' sessions are hidden',
       format('Number of sessions: %s. (SQLSTATE 42501)', count(*)),
       'Ask for the right to see them.',
       format('GRANT pg_read_all_stats TO %I;', current_user),
       format('REVOKE pg_read_all_stats FROM %I;', current_user),
       jsonb_build_object('sqlstate', '42501')
FROM session
WHERE session.backend_start IS NULL
HAVING count(*) > 0
UNION ALL
SELECT 'warning', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show the sessions of the primary server',
       'Only the sessions of this server were looked at.',
       'Run the check on the primary server.',
       NULL, NULL, NULL
FROM fact
WHERE pg_is_in_recovery()
