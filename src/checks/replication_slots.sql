-- id: replication_slots
-- title: no replication slot keeps the WAL of the migration
-- category: server
-- level: warning
-- cost: light
-- versions: all
-- passed: no replication slot keeps the WAL of the migration
-- do: Connect the standby or subscriber whose slot it is, and let it catch up.
--     A slot that nobody needs is dropped by pg_drop_replication_slot().
-- undo: A slot that was dropped cannot be brought back: what used it has to be
--     set up anew.
--
-- A slot keeps all WAL from its restart_lsn on, and a migration that writes
-- tables anew writes as much WAL as they are large.  Without
-- max_slot_wal_keep_size the disk can fill up, and the server stops; with it
-- the slot is given up instead (wal_status "lost"), and its standby or subscriber has
-- to be made anew.  An active slot counts as behind from a gigabyte on, or the size
-- of max_wal_size, if that is more.  Temporary slots go with their session; a slot
-- that has never reserved WAL, or has lost it, keeps nothing.
WITH limits AS (
    SELECT pg_size_bytes(current_setting('max_slot_wal_keep_size')) AS keep_bytes,
           GREATEST(pg_size_bytes(current_setting('max_wal_size')), 1073741824) AS lag_bytes
),
slot AS (
    SELECT slot.slot_name, slot.slot_type, slot.active, slot.wal_status,
           pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                           slot.restart_lsn) AS kept_bytes
    FROM pg_catalog.pg_replication_slots AS slot
    WHERE NOT slot.temporary
      AND slot.restart_lsn IS NOT NULL
      AND slot.wal_status IS DISTINCT FROM 'lost'
      -- a slot that a standby copies from its primary (17)
      AND NOT (pg_is_in_recovery() AND COALESCE((to_jsonb(slot) ->> 'synced')::boolean, false))
)
SELECT 'warning' AS level,
       'found' AS status,
       'replication slot' AS object_type,
       quote_ident(slot.slot_name) AS object_identity,
       format(CASE WHEN slot.active THEN 'replication slot "%s" is far behind' ELSE 'replication slot "%s" is not in use and keeps WAL' END,
              slot.slot_name) AS message,
       format('It keeps %s of WAL (state "%s"). %s', pg_size_pretty(GREATEST(slot.kept_bytes, 0)), slot.wal_status,
              CASE WHEN limits.keep_bytes >= 0 THEN
                  format('The slot is given up when it keeps more than %s (max_slot_wal_keep_size).', pg_size_pretty(limits.keep_bytes))
              ELSE 'Nothing limits what it keeps (max_slot_wal_keep_size is -1): the disk can fill up.' END) AS detail,
       CASE WHEN slot.active THEN 'Wait until its standby or subscriber has caught up.'
            ELSE 'Connect its standby or subscriber before the migration, or drop the slot, if nobody needs it.' END AS hint,
       jsonb_build_object('kept_bytes', slot.kept_bytes,
                          'limit_bytes', limits.keep_bytes,
                          'slot_type', slot.slot_type,
                          'wal_status', slot.wal_status) AS data
FROM slot, limits
WHERE NOT slot.active
   OR slot.wal_status = 'unreserved'
   OR slot.kept_bytes > limits.lag_bytes
   OR limits.keep_bytes >= 0 AND slot.kept_bytes > limits.keep_bytes / 2
UNION ALL
SELECT 'warning', 'unknown', 'server', 'PostgreSQL',
       'could not check: a standby does not show the replication slots of the primary server',
       'Only the slots of this server were looked at.',
       'Run the check on the primary server.',
       NULL
FROM fact
WHERE pg_is_in_recovery()
