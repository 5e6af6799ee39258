-- id: target_release
-- title: the target is not a release that is known to be bad
-- category: versions
-- level: warning
-- cost: light
-- versions: all
-- passed: nothing bad is known of the target
-- do: Upgrade to the release that the finding names, or a later one of its line.
--
-- For some releases a later patch repairs what their own migration does.  It
-- is better to go there at once, for what such a migration has done wrong is
-- recorded as done and not repeated (OM#28504).
--
-- 1.9.0: several users report that it stops with an error, on PostgreSQL, too;
-- which statement is not known, nor that a later patch is free of it (OM#22914).
-- 1.12.2: withdrawn by its makers (OM#26629).
-- 1.12.5 to 1.12.9: the certifications of assets are not moved, and only the log
-- says so; 1.12.10 and 1.13.0 move them (OM#28504, OM#28635).
-- 1.13.0, from below 1.12.6: the step of 1.12.6 fails on a column that only
-- 1.13.0 adds, and goes on without an error; 1.13.1 repeats it (OM#29529).
-- 2.0.0 to 2.0.2: the policy of all users loses the rule that lets them create
-- tasks; 2.0.3 repairs it (OM#32668, OM#32886).
--
-- Each applies only if its migration would run: from below it.
WITH known (first_target, last_target, installed_below, better, message, detail) AS (
    VALUES
    ('{1,9,0}'::int[], '{1,9,0}'::int[], '{1,9,0}'::int[], NULL,
     'the migration to OpenMetadata %s is reported to stop with an error',
     'Several users report it; the cause is not known. They went on with migrate --force, which passes over every statement that fails.'),
    ('{1,12,2}', '{1,12,2}', '{1,12,2}', '1.12.4',
     'OpenMetadata %s was withdrawn by its makers',
     'Its migrations were moved to 1.12.4.'),
    ('{1,12,5}', '{1,12,9}', '{1,12,5}', '1.12.10',
     'the migration to OpenMetadata %s does not move the certifications of assets',
     'On PostgreSQL the step of 1.12.5 that moves them fails, which is only a warning in the log, and is recorded as done. Without certifications nothing is lost.'),
    ('{1,13,0}', '{1,13,0}', '{1,12,6}', '1.13.1',
     'the migration to OpenMetadata %s does not write the lineage between pipeline services',
     'The step of 1.12.6 needs a column that 1.13.0 adds later. It fails for each row, which is only in the log, and is recorded as done.'),
    ('{2,0,0}', '{2,0,2}', '{2,0,0}', '2.0.3',
     'after the migration to OpenMetadata %s only administrators can create tasks',
     'The policy DataConsumerPolicy loses the rule that it has just been given, and others get the answer 403.')
)
SELECT 'version' AS object_type,
       array_to_string(fact.target_version, '.') AS object_identity,
       format(known.message, fact.target) AS message,
       known.detail,
       CASE WHEN known.better IS NULL THEN 'Choose a later release.'
            ELSE format('Choose %s or later.', known.better) END AS hint,
       jsonb_build_object('target', fact.target, 'better', known.better) AS data
FROM fact, known
WHERE fact.target_version BETWEEN known.first_target AND known.last_target
  AND fact.installed_version < known.installed_below
UNION ALL
SELECT 'version', fact.target,
       format('the target %s is not a finished release', fact.target),
       'Its migrations may still change, and a database that ran them may not fit the release: migrations were moved to another version or taken back before (OM#27431, OM#29391).',
       'Choose a finished release for anything but a trial on a copy.',
       jsonb_build_object('target', fact.target, 'better', NULL)
FROM fact
WHERE fact.target_version > fact.installed_version
  AND lower(fact.target) ~ '-.*(snapshot|alpha|beta|preview|rc[0-9.]*($|[^a-z]))'
