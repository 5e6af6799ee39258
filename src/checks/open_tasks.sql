-- id: open_tasks
-- title: the migration to 2.0 takes every open task of the feed along
-- category: data
-- level: warning
-- cost: light
-- versions: reaching 2.0.0
-- needs: thread_entity (id, json, taskstatus)
-- index: thread_entity (taskstatus)
-- passed: the feed has no open task
-- do: Close these tasks before the upgrade, and open them anew afterwards.
--
-- The migration of 2.0.0 makes tasks out of the threads of type Task, and skips,
-- with a line in its log, a thread whose task has no type, or that is about
-- something that is no link of the form <#E::type::name>, as releases before
-- 0.12 wrote them (class v200.MigrationUtil; the old form is inferred).  Such a
-- task stays in thread_entity_legacy, where nobody sees it.
--
-- Comments, reviewers and states that the migration lost (OM#30243, OM#30134,
-- OM#30212) were found and mended before 2.0.0 was out, so that open tasks by
-- themselves are only counted.  Closed tasks are not looked at, and suggestions
-- and threads by breaking_changes.
WITH task AS MATERIALIZED (
    SELECT thread.@id@::text AS id, readable.document
    FROM fact, @schema@.thread_entity AS thread
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(thread.@json@)@ THEN NULL ELSE thread.@json@::jsonb END AS document
        OFFSET 0
    ) AS readable
    WHERE thread.@taskstatus@ = 'Open'
),
judged AS (
    SELECT id, document IS NULL AS is_unreadable,
           left(COALESCE(document ->> 'about', 'nothing'), 100) AS about,
           document #> '{task,type}' IS NULL
           OR (document ->> 'about') ~ '^<#E::[^:]+::.+>$' IS NOT TRUE AS is_skipped,
           COALESCE(document @? '$.posts[*]', false) AS has_posts
    FROM task
),
total AS (
    SELECT count(*) AS tasks,
           count(*) FILTER (WHERE has_posts) AS with_posts,
           count(*) FILTER (WHERE is_unreadable) AS unreadable,
           count(*) FILTER (WHERE is_skipped AND NOT is_unreadable) AS skipped,
           (array_agg(format('%s about %s', id, about) ORDER BY id COLLATE "C")
            FILTER (WHERE is_skipped AND NOT is_unreadable))[1:10] AS first
    FROM judged
)
SELECT 'found' AS status,
       'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       'the migration to OpenMetadata 2.0 leaves open tasks behind' AS message,
       format('Open tasks: %s, of which it skips: %s, having no type or no link that it can read. %s: %s.',
              tasks, skipped, CASE WHEN skipped > 10 THEN 'The first ten' ELSE 'They are' END,
              array_to_string(first, ', ')) AS detail,
       'Close them before the upgrade, and open them anew afterwards.' AS hint,
       jsonb_build_object('objects', skipped, 'open_tasks', tasks, 'tasks', to_jsonb(first)) AS data
FROM fact, total
WHERE skipped > 0
UNION ALL
SELECT 'unknown', 'table', format('%I.thread_entity', fact.schema_name),
       'could not check: there are open tasks whose document cannot be read',
       format('Open tasks: %s, of which cannot be read: %s.', tasks, unreadable),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       jsonb_build_object('objects', unreadable, 'open_tasks', tasks)
FROM fact, total
WHERE unreadable > 0
UNION ALL
SELECT 'passed', 'schema', quote_ident(fact.schema_name),
       format('open tasks of the feed: %s', tasks),
       format('With replies: %s. The migration to OpenMetadata 2.0 takes all of them along.', with_posts),
       'The fewer there are, the less has to be looked over after the upgrade.',
       jsonb_build_object('open_tasks', tasks, 'with_posts', with_posts)
FROM fact, total
WHERE tasks > 0 AND skipped = 0 AND unreadable = 0
