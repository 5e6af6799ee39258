-- id: held_locks
-- title: no search re-index of OpenMetadata is at work
-- category: runs
-- level: error
-- cost: light
-- versions: all
-- needs: search_reindex_lock (lockkey, serverid, expiresat) since 1.12.0
-- passed: no search re-index holds a lock
-- do: Wait until the re-index has ended, and stop all OpenMetadata servers
--     before the migration. A lock that has expired needs nothing done.
-- undo: There is nothing to undo. Search re-indexes can be started again
--     after the upgrade.
--
-- A row is a held lock.  One that has not expired belongs to a server that is
-- still running; an expired one is taken over by the next re-index.
WITH lock AS (
    SELECT held.@lockkey@::text AS lock_key,
           held.@serverid@::text AS server_id,
           held.@expiresat@ > extract(epoch FROM statement_timestamp()) * 1000 AS active,
           held.@expiresat@ AS expires_at_ms
    FROM @schema@.search_reindex_lock AS held
)
SELECT CASE WHEN active THEN 'error' ELSE 'info' END AS level,
       'lock' AS object_type,
       lock_key AS object_identity,
       CASE WHEN active
            THEN format('a search re-index is at work (lock "%s")', lock_key)
            ELSE format('a search re-index left an expired lock (lock "%s")', lock_key)
       END AS message,
       format('The lock belongs to server "%s".', server_id) AS detail,
       CASE WHEN active
            THEN 'Wait for the re-index, and stop all OpenMetadata servers before the migration.'
            ELSE 'The next re-index takes the lock over.'
       END AS hint,
       jsonb_build_object('server_id', server_id, 'expires_at_ms', expires_at_ms) AS data
FROM lock
