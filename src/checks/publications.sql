-- id: publications
-- title: logical replication of OpenMetadata's tables does not stop the migration
-- category: objects
-- level: error
-- cost: light
-- versions: all
-- passed: no table of OpenMetadata is published
-- do: Stop the replication for the migration: drop the publication, or take
--     the tables out of it, and set the subscriber up anew afterwards. Leave the
--     journal of upgrade_prereq out of every publication, or create the
--     extension on each subscriber and set `upgrade_prereq.journal_on_subscribers`.
-- undo: Create the publication again, and refresh the subscription with a new
--     copy of the data.
--
-- An UPDATE or DELETE of a published table without a replica identity is an error
-- (CheckCmdReplicaIdentity() in src/backend/executor/execReplication.c), and a
-- third of OpenMetadata's tables have no primary key.  A replica identity that is
-- an index goes with it: the migration to 1.13.0 replaces the primary key of
-- entity_relationship, which has one column more then, that a list of columns
-- has to name, too.  All that is an error of the migration; it was tried.
-- ALTER TABLE itself is not replicated: the subscriber stops at the first row of
-- a new shape, and its slot keeps the WAL of the migration from then on.
--
-- So it does at the first entry of upgrade_prereq's journal if that is published,
-- as by FOR ALL TABLES, and the subscriber has no such table: nothing is written
-- there then.
WITH journal AS (
    SELECT class.oid, class.relname, namespace.nspname
    FROM pg_catalog.pg_extension AS extension
    JOIN pg_catalog.pg_depend AS member
        ON member.refclassid = 'pg_catalog.pg_extension'::regclass AND member.refobjid = extension.oid
        AND member.deptype = 'e' AND member.classid = 'pg_catalog.pg_class'::regclass
    JOIN pg_catalog.pg_class AS class ON class.oid = member.objid
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
    WHERE extension.extname = 'upgrade_prereq' AND class.relname = 'upgrade_prereq_journal'
),
published AS (
    SELECT publication.pubname,
           publication.pubupdate OR publication.pubdelete AS with_changes,
           class.oid, class.relname,
           class.relreplident,
           EXISTS (SELECT FROM pg_catalog.pg_index AS index
                   WHERE index.indrelid = class.oid AND index.indisvalid
                     AND CASE class.relreplident WHEN 'd' THEN index.indisprimary WHEN 'i' THEN index.indisreplident END) AS has_index,
           -- lists of columns came with 15
           (SELECT to_jsonb(relation) ->> 'prattrs'
            FROM pg_catalog.pg_publication_rel AS relation
            WHERE relation.prpubid = publication.oid AND relation.prrelid = class.oid) AS column_list
    FROM fact
    CROSS JOIN openmetadata_table AS class
    JOIN pg_catalog.pg_publication_tables AS listed ON listed.schemaname = fact.schema_name AND listed.tablename = class.relname
    JOIN pg_catalog.pg_publication AS publication ON publication.pubname = listed.pubname
),
reaching AS (
    SELECT EXISTS (SELECT FROM fact WHERE installed_version < '{1,13,0}'
                                      AND (target_version IS NULL OR target_version >= '{1,13,0}')) AS new_key
),
without_identity AS (
    SELECT pubname,
           count(*) AS tables,
           (array_agg(relname::text ORDER BY relname))[1:10] AS examples
    FROM published
    WHERE with_changes
      AND (relreplident = 'n' OR relreplident IN ('d', 'i') AND NOT has_index)
    GROUP BY pubname
)
SELECT 'error' AS level,
       'publication' AS object_type,
       format('%I, replica identity', pubname) AS object_identity,
       format('tables of publication "%s" can be neither updated nor deleted from: they have no replica identity', pubname) AS message,
       format('Tables (%s): %s%s.', tables, array_to_string(examples, ', '), CASE WHEN tables > 10 THEN ', ...' END) AS detail,
       'The migration would fail. Take the tables out of the publication.' AS hint,
       NULL AS fix_sql,
       NULL AS undo_sql,
       jsonb_build_object('objects', tables) AS data
FROM without_identity
UNION ALL
SELECT 'error', 'table', format('%I.entity_relationship', fact.schema_name),
       'the replica identity of table "entity_relationship" is an index that the migration to 1.13.0 drops',
       format('The table is in publication %s.', string_agg(format('"%s"', pubname), ', ' ORDER BY pubname)),
       'After it, the migration could neither update the table nor delete from it. The primary key, whichever it is, will do as replica identity.',
       format('ALTER TABLE %I.entity_relationship REPLICA IDENTITY DEFAULT;', fact.schema_name),
       format('ALTER TABLE %I.entity_relationship REPLICA IDENTITY USING INDEX %I;', fact.schema_name, index.relname),
       NULL
FROM fact
JOIN reaching ON reaching.new_key
JOIN published ON published.relname = 'entity_relationship' AND published.with_changes AND published.relreplident = 'i'
JOIN pg_catalog.pg_index AS identity ON identity.indrelid = published.oid AND identity.indisreplident AND identity.indisprimary
JOIN pg_catalog.pg_class AS index ON index.oid = identity.indexrelid
GROUP BY fact.schema_name, index.relname
UNION ALL
SELECT 'error', 'publication', format('%I, columns', pubname),
       format('publication "%s" lists columns of table "entity_relationship", and not the one that comes with 1.13.0', pubname),
       'The new primary key has the column relationtype, too. A publication that lists columns has to name all of the replica identity.',
       'After it, the migration could neither update the table nor delete from it. Publish all columns of the table.',
       NULL, NULL, NULL
FROM published
JOIN reaching ON reaching.new_key
WHERE relname = 'entity_relationship' AND with_changes AND column_list IS NOT NULL
UNION ALL
SELECT 'warning', 'publication', quote_ident(pubname),
       format('publication "%s" publishes tables of OpenMetadata, whose shape the migration changes', pubname),
       format('Tables (%s): %s%s.', count(*), array_to_string((array_agg(relname::text ORDER BY relname))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' END),
       'The changes of the shape are not replicated: a subscriber stops, and keeps the WAL of the migration on this server. Stop the replication before.',
       NULL, NULL,
       jsonb_build_object('objects', count(*))
FROM published
GROUP BY pubname
UNION ALL
SELECT 'warning', 'table', format('%I.%I', journal.nspname, journal.relname),
       'the journal of upgrade_prereq is published: nothing can be written there',
       format('It is in publication %s. A subscriber that has no such table would stop at the first entry, and keep the WAL of this server.',
              string_agg(format('"%s"', publication.pubname), ', ' ORDER BY publication.pubname)),
       'Leave the table out of the publication; or create the extension on every subscriber and set upgrade_prereq.journal_on_subscribers.',
       NULL, NULL, NULL
FROM journal
JOIN pg_catalog.pg_publication_tables AS listed ON listed.schemaname = journal.nspname AND listed.tablename = journal.relname
JOIN pg_catalog.pg_publication AS publication ON publication.pubname = listed.pubname
WHERE (publication.pubinsert OR publication.pubupdate)
  AND current_setting('wal_level') = 'logical'
  AND NOT COALESCE(current_setting('upgrade_prereq.journal_on_subscribers', true)::boolean, false)
GROUP BY journal.nspname, journal.relname
