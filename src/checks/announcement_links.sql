-- id: announcement_links
-- title: what an announcement is about fits into the column of OpenMetadata 2.0.0
-- category: data
-- level: error
-- cost: heavy
-- versions: reaching 2.0.0
-- needs: thread_entity (entitylink, type)
-- passed: what every announcement is about fits into its new column
-- do: Delete the announcements, in OpenMetadata, and make them anew after the
--     upgrade, about the table instead of its column, for instance.
-- undo: Make the announcements anew.
--
-- The migration to 2.0.0 copies announcements from thread_entity, where the link to
-- what they are about may have 3072 letters, to announcement_entity, where it may
-- have 512 (scripts of 1.1.5 and 2.0.0): a longer one is an error that ends it.  No
-- report of this is known.
SELECT 'table' AS object_type,
       format('%I.thread_entity', fact.schema_name) AS object_identity,
       'announcements have a link that is too long for OpenMetadata 2.0.0' AS message,
       format('Announcements (%s), the longest link has %s of 512 characters. They are about: %s%s.',
              count(*), max(length(thread.entitylink)),
              array_to_string((array_agg(left(thread.entitylink, 100) || '...' ORDER BY thread.entitylink COLLATE "C"))[1:10], ', '),
              CASE WHEN count(*) > 10 THEN ', ...' ELSE '' END) AS detail,
       'Delete them before the upgrade: the migration stops at them.' AS hint,
       jsonb_build_object('objects', count(*), 'length', max(length(thread.entitylink))) AS data
FROM fact, @schema@.thread_entity AS thread
WHERE thread.type = 'Announcement' AND length(thread.entitylink) > 512
GROUP BY fact.schema_name
