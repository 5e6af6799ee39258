-- id: held_locks
-- title: no re-index and no deletion of OpenMetadata is at work
-- category: runs
-- level: error
-- cost: light
-- versions: all
-- facts: runs
-- passed: neither a re-index nor a deletion holds a lock
-- do: Wait until the re-index or the deletion has ended, and stop all
--     OpenMetadata servers before the migration. A lock that has expired needs
--     nothing done.
-- undo: There is nothing to undo. Search re-indexes can be started again
--     after the upgrade.
--
-- A row of search_reindex_lock, rdf_reindex_lock or entity_deletion_lock is a
-- lock that is held.  A lock of a re-index that has not expired belongs to a
-- server that is still running (its owner prolongs it); an expired one is taken
-- over by the next re-index.  A lock on what is being deleted does not expire:
-- without sessions of OpenMetadata it was left behind; a deletion that was
-- broken off can be begun again.
WITH held AS (
    SELECT run.*, rule.*,
           CASE WHEN run.kind = 'entity_deletion_lock' THEN run.verdict <> 'stuck' ELSE run.state = 'held' END AS is_live
    FROM fact,
         jsonb_to_recordset(fact.runs) AS run (kind text, name text, state text, verdict text, evidence text, data jsonb)
    JOIN (VALUES ('search_reindex_lock', 'a search re-index', 'error'),
                 ('rdf_reindex_lock', 'an RDF re-index', 'error'),
                 ('entity_deletion_lock', 'a deletion', 'warning')) AS rule (lock_kind, work, live_level)
        ON rule.lock_kind = run.kind
)
SELECT 'found' AS status,
       CASE WHEN is_live THEN live_level ELSE 'info' END AS level,
       'lock' AS object_type,
       name AS object_identity,
       CASE WHEN is_live THEN format('%s is at work (lock "%s")', work, name)
            WHEN kind = 'entity_deletion_lock' THEN format('%s left a lock behind (lock "%s")', work, name)
            ELSE format('%s left an expired lock (lock "%s")', work, name)
       END AS message,
       CASE WHEN kind = 'entity_deletion_lock' THEN format('It was locked by "%s". %s', data ->> 'locked_by', evidence)
            ELSE format('The lock belongs to server "%s". %s', data ->> 'server_id', evidence)
       END AS detail,
       CASE WHEN is_live AND kind = 'entity_deletion_lock' THEN 'Wait for the deletion, and stop all OpenMetadata servers before the migration.'
            WHEN is_live THEN 'Wait for the re-index, and stop all OpenMetadata servers before the migration.'
            WHEN kind = 'entity_deletion_lock' THEN 'Delete the entity once more after the upgrade, if it is still there.'
            ELSE 'The next re-index takes the lock over.'
       END AS hint,
       NULL AS fix_sql,
       data
FROM held
WHERE name IS NOT NULL
UNION ALL
SELECT 'unknown', NULL, NULL, NULL,
       format('could not check: %s',
              CASE count(*) WHEN 1 THEN min(regexp_replace(problem, ' \(SQLSTATE .*', '')) ELSE 'some tables cannot be read' END),
       string_agg(upper(left(problem, 1)) || substr(problem, 2) || '.', ' ' ORDER BY kind),
       string_agg(DISTINCT data ->> 'hint', ' ' ORDER BY data ->> 'hint'),
       string_agg(DISTINCT data ->> 'fix_sql', ' ' ORDER BY data ->> 'fix_sql'),
       jsonb_build_object('sqlstate', min(data ->> 'sqlstate'))
FROM held, regexp_replace(evidence, '^could not look: ', '') AS problem
WHERE name IS NULL
HAVING count(*) > 0
