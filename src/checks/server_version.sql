-- id: server_version
-- title: the version of PostgreSQL is one that the target supports
-- category: versions
-- level: warning
-- cost: light
-- versions: all
-- passed: the version of PostgreSQL is one that the target supports
-- do: Upgrade PostgreSQL first, or make sure that the target works with this
--     version: its own pages do not agree.
-- undo: A major version of PostgreSQL is not taken back but by restoring a
--     backup: test the upgrade on a copy.
--
-- OpenMetadata's pages differ: its version matrix lists 15 for 1.12 and later
-- (misspelt "1.15.0", OM#26484), its minimum requirements say 12 or 15 for
-- 2.0, depending on the edition of the page.  Hence a warning, not an error.
WITH server AS (
    SELECT current_setting('server_version_num')::int / 10000 AS major,
           current_setting('server_version') AS version
),
requirement (release, major, level, source) AS (
    VALUES ('{2,0,0}'::int[], 15, 'warning',
            'The minimum requirements of OpenMetadata 2.0 name PostgreSQL 15.'),
           ('{1,12,0}'::int[], 15, 'notice',
            'The version matrix of OpenMetadata 1.12 and later lists PostgreSQL 15.')
),
unmet AS (
    SELECT requirement.*
    FROM fact, server, requirement
    WHERE server.major < requirement.major
      AND (target_version IS NULL OR target_version >= requirement.release)
    ORDER BY requirement.release DESC
    LIMIT 1
)
SELECT unmet.level,
       'found' AS status,
       'server' AS object_type,
       'PostgreSQL' AS object_identity,
       format('PostgreSQL %s is older than the target asks for', server.major) AS message,
       unmet.source AS detail,
       format('Upgrade PostgreSQL to %s or later before OpenMetadata %s.',
              unmet.major, array_to_string(unmet.release[1:2], '.')) AS hint,
       jsonb_build_object('server_version', server.version,
                          'required_major', unmet.major) AS data
FROM unmet, server
UNION ALL
SELECT 'info', 'passed', 'server', 'PostgreSQL',
       format('PostgreSQL %s is recent enough', server.major),
       NULL, NULL,
       jsonb_build_object('server_version', server.version)
FROM server
WHERE NOT EXISTS (SELECT FROM unmet)
