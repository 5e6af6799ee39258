-- id: policies
-- title: users may create tasks in OpenMetadata 2.0
-- category: data
-- level: warning
-- cost: light
-- versions: all
-- needs: policy_entity (id, json)
-- passed: DataConsumerPolicy lets users create tasks, or no release of this upgrade asks for it
-- do: Take OpenMetadata 2.0.3 or later. Where 2.0.0, 2.0.1 or 2.0.2 is installed,
--     the finding's `fix_sql` adds the rule; start the servers again afterwards,
--     for they keep policies in memory.
-- undo: The finding's `undo_sql` takes the rule out again.
--
-- From 2.0.0 on a user without a rule that allows "Create" on the resource
-- "task" gets the error 403 for whatever makes a task.  The migration of 2.0.0
-- adds such a rule to DataConsumerPolicy, and writes an older copy of the policy
-- back right after it: every database that came to 2.0.0, 2.0.1 or 2.0.2 from
-- 1.x lacks it (OM#32668, OM#32886).  That of 2.0.3 puts it back (class
-- v203.MigrationUtil).  It goes by the name of the rule; so does this check.
--
-- Policies that users made, rules with EditTests but without CreateTests, and a
-- DataConsumerPolicy that is not there are looked at by breaking_changes.
WITH policy AS MATERIALIZED (
    SELECT entity.@id@::text AS id, pg_typeof(entity.@json@) = 'jsonb'::regtype AS is_jsonb, readable.document
    FROM fact, @schema@.policy_entity AS entity
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.@json@)@ THEN NULL ELSE entity.@json@::jsonb END AS document
        OFFSET 0
    ) AS readable
    WHERE fact.installed_version >= '{2,0,0}'
       OR (fact.target_version >= '{2,0,0}' AND fact.target_version < '{2,0,3}')
),
consumer AS MATERIALIZED (
    SELECT policy.*,
           CASE WHEN jsonb_typeof(document -> 'rules') = 'array' THEN jsonb_array_length(document -> 'rules') END AS rules
    FROM policy
    WHERE document ->> 'name' = 'DataConsumerPolicy'
      AND document ->> 'deleted' IS DISTINCT FROM 'true'
),
-- what the rule is called, and what it says
rule (name, text) AS (
    VALUES ('DataConsumerPolicy-CreateTask-Rule',
            '{"name": "DataConsumerPolicy-CreateTask-Rule", "description": "Users may create tasks.", "effect": "allow", "operations": ["Create"], "resources": ["task"]}')
)
SELECT 'found' AS status,
       'policy' AS object_type,
       'DataConsumerPolicy' AS object_identity,
       CASE WHEN fact.installed_version >= '{2,0,0}'
            THEN 'users get the error 403 when they create a task'
            ELSE format('the migration to OpenMetadata %s loses the rule that lets users create tasks', fact.target)
       END AS message,
       CASE WHEN fact.installed_version >= '{2,0,0}'
            THEN format('Policy DataConsumerPolicy has no rule %s.', rule.name)
            ELSE format('It adds the rule %s to policy DataConsumerPolicy, and overwrites it then. Users get the error 403 afterwards.', rule.name)
       END AS detail,
       CASE WHEN fact.installed_version < '{2,0,0}'
            THEN 'Upgrade to OpenMetadata 2.0.3 or later instead, or add the rule to the policy after the upgrade.'
            WHEN fact.installed_version < '{2,0,3}' AND (fact.target_version IS NULL OR fact.target_version >= '{2,0,3}')
            THEN 'The migration of OpenMetadata 2.0.3 adds the rule. If that cannot wait, the fix does; start the servers again afterwards.'
            ELSE 'Add the rule, unless it was taken out on purpose. Start the servers again after the fix.'
       END AS hint,
       CASE WHEN fact.installed_version >= '{2,0,0}' AND is_jsonb AND rules IS NOT NULL THEN
           format('UPDATE %I.policy_entity SET json = jsonb_set(json, ''{rules}'', (json -> ''rules'') || %L::jsonb) WHERE id = %L AND NOT json @? %L;',
                  fact.schema_name, rule.text, id, format('$.rules[*] ? (@.name == "%s")', rule.name))
       END AS fix_sql,
       CASE WHEN fact.installed_version >= '{2,0,0}' AND is_jsonb AND rules IS NOT NULL THEN
           format('UPDATE %I.policy_entity SET json = json #- ''{rules,%s}'' WHERE id = %L AND json #> ''{rules,%s}'' = %L::jsonb;',
                  fact.schema_name, rules, id, rules, rule.text)
       END AS undo_sql,
       jsonb_build_object('policy_id', id, 'rules', rules) AS data
FROM fact, rule, consumer
WHERE NOT document @? format('$.rules[*] ? (@.name == "%s")', rule.name)::jsonpath
UNION ALL
SELECT 'unknown', 'table', format('%I.policy_entity', fact.schema_name),
       'could not check: there are policies whose document cannot be read',
       format('Documents: %s. One of them may be DataConsumerPolicy.', count(*)),
       'Correct these documents: they hold the character zero, half of a surrogate pair, or a number without end.',
       NULL, NULL, jsonb_build_object('objects', count(*))
FROM fact, policy
WHERE document IS NULL AND NOT EXISTS (SELECT FROM consumer)
GROUP BY fact.schema_name
