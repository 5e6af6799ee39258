/*-------------------------------------------------------------------------
 *
 * operation.c
 *	  The statements of OpenMetadata's migrations whose need of memory, disk or
 *	  time grows with a table.
 *
 * What the migrations do stands in OpenMetadata's repository, in
 * bootstrap/sql/migrations/native/<release>/postgres and, where so noted, in
 * the Java classes of org.openmetadata.service.migration.  The statements
 * here are our own, and keep the same columns of the same rows in memory:
 *
 * - They are planned before the migration, so a column that it adds is
 *   written as what it is computed from.  Where that is not stored yet either,
 *   another value of the same length stands for it.
 * - Of a statement that finds duplicates there is only the part that sorts
 *   or groups the table: what it does with them keeps nothing else.
 * - A table that is written anew has all its indexes built again, one after
 *   the other; so the figures of a rewrite depend on the indexes at hand.
 * - An update of all documents of a table keeps no rows in memory, but writes
 *   every row, its TOAST values and its index entries once more.
 *
 * Left out are tables that stay small, updates of the few documents that have
 * a certain key, the batches of a fixed size, and for want of a statement to
 * plan the services that 1.7.0 counts pair by pair.  The last update of 1.9.9
 * joins the profiles to a table that the same script makes: only what it
 * writes is listed, not the join.  2.1.0 is in development, and not listed.
 *
 * src/memory/operation.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "operation.h"

/* As long as an id that is not there yet. */
#define NEW_ID "'00000000-0000-0000-0000-000000000000'::text"

/* The hash of a full name: the md5 of each part, with dots. */
#define NEW_HASH(full_name) \
	"concat_ws('.', md5(split_part(" full_name ", '.', 1))," \
	" md5(nullif(split_part(" full_name ", '.', 2), ''))," \
	" md5(nullif(split_part(" full_name ", '.', 3), ''))," \
	" md5(nullif(split_part(" full_name ", '.', 4), ''))," \
	" md5(nullif(split_part(" full_name ", '.', 5), ''))," \
	" md5(nullif(split_part(" full_name ", '.', 6), '')))"

/* The entity that a thread is about, before and after 1.5.0. */
#define THREAD_ENTITY_ID "coalesce(json -> 'entityRef' ->> 'id', json ->> 'entityId')"

/* All queries but the first of each checksum. */
#define DUPLICATE_QUERIES \
	"SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY json ->> 'checksum' ORDER BY id) AS n" \
	" FROM query_entity) AS numbered WHERE n > 1"

/* In the order of the releases. */
const Operation operations[] = {
	{.version = "1.1.0", "table_entity",
		"rewrite for a generated name",
	"ALTER TABLE table_entity ADD added varchar GENERATED ALWAYS AS (json ->> 'name') STORED"},
	{.version = "1.1.0", "table_entity",
		"unique index on (fqnhash)",
	"CREATE UNIQUE INDEX ON table_entity ((" NEW_HASH("json ->> 'fullyQualifiedName'") "))"},
	{.version = "1.1.0", "test_case",
		"unique index on (fqnhash)",
	"CREATE UNIQUE INDEX ON test_case ((" NEW_HASH("json ->> 'fullyQualifiedName'") "))"},
	{.version = "1.1.0", "query_entity",
		"unique index on (namehash)",
	"CREATE UNIQUE INDEX ON query_entity (md5(name))"},
	{.version = "1.1.0", "field_relationship",
		"primary key on (fromfqnhash, tofqnhash, relation)",
		"CREATE UNIQUE INDEX ON field_relationship ((" NEW_HASH("fromfqn") "), (" NEW_HASH("tofqn")
	"), relation)"},
	{.version = "1.1.0", "tag_usage",
		"unique index on (source, tagfqnhash, targetfqnhash)",
		"CREATE UNIQUE INDEX ON tag_usage (source, (" NEW_HASH("tagfqn") "), (" NEW_HASH("targetfqn")
	"))"},
	/* in Java; the pages of names without a hash begin with all names */
	{.version = "1.1.0", "entity_extension_time_series",
		"sort of all entityfqn to count them",
	"SELECT count(DISTINCT entityfqn) FROM entity_extension_time_series"},
	{.version = "1.1.0", "entity_extension_time_series",
		"distinct entityfqn, for a page of them",
	"SELECT DISTINCT entityfqn FROM entity_extension_time_series LIMIT 1000"},
	{.version = "1.1.0", "field_relationship",
		"distinct (fromfqn, tofqn), for a page of them",
	"SELECT DISTINCT fromfqn, tofqn FROM field_relationship LIMIT 1000"},

	/* after profiles and test results have moved to tables of their own */
	{.version = "1.1.5", "entity_extension_time_series",
		"unique index on (entityfqnhash, extension, timestamp)",
		"CREATE UNIQUE INDEX ON entity_extension_time_series (entityfqnhash, extension, timestamp)"
		" WHERE extension NOT IN ('table.tableProfile', 'table.columnProfile', 'table.systemProfile',"
	" 'testCase.testCaseResult', 'reportData.reportDataResult')"},

	{.version = "1.2.0", "entity_relationship",
		"index on (fromid, fromentity)",
	"CREATE INDEX ON entity_relationship (fromid, fromentity)"},
	{.version = "1.2.0", "entity_relationship",
		"index on (toid, toentity)",
	"CREATE INDEX ON entity_relationship (toid, toentity)"},
	{.version = "1.2.0", "table_entity",
		"index on (name)",
	"CREATE INDEX ON table_entity ((json ->> 'name'))"},
	{.version = "1.2.0", "test_case",
		"index on (name)",
	"CREATE INDEX ON test_case ((json ->> 'name'))"},
	{.version = "1.2.0", "query_entity",
		"index on (name)",
	"CREATE INDEX ON query_entity (name)"},
	{.version = "1.2.0", "entity_extension_time_series",
		"rewrite for a serial column",
	"ALTER TABLE entity_extension_time_series ADD added serial"},
	{.version = "1.2.0", "entity_extension_time_series",
		"sort by (entityfqnhash, extension, timestamp) to delete duplicates",
		"SELECT ctid FROM (SELECT ctid, row_number() OVER"
		" (PARTITION BY entityfqnhash, extension, timestamp ORDER BY entityfqnhash) AS n"
	" FROM entity_extension_time_series) AS numbered WHERE n > 1"},
	{.version = "1.2.0", "entity_extension_time_series",
		"unique index on (entityfqnhash, extension, timestamp)",
	"CREATE UNIQUE INDEX ON entity_extension_time_series (entityfqnhash, extension, timestamp)",.leaves_nothing = true},

	{.version = "1.3.0", "change_event",
		"rewrite for a serial primary key",
	"ALTER TABLE change_event ADD added serial PRIMARY KEY"},
	{.version = "1.3.0", "data_quality_data_time_series",
		"index on (incidentid), which is null in all rows",
	"CREATE INDEX ON data_quality_data_time_series ((NULL::varchar))"},
	{.version = "1.3.0", "profiler_data_time_series",
		"update of all documents",
		"UPDATE profiler_data_time_series SET json = replace(json::text, '\"customMetricsProfile\"', '\"customMetrics\"')::jsonb",
	.is_update = true},
	{.version = "1.3.0", "test_case",
		"update of all documents",
		"UPDATE test_case SET json = json::jsonb #- '{testCaseResult,testCaseFailureStatus}'",
	.is_update = true},
	{.version = "1.3.0", "data_quality_data_time_series",
		"update of all documents",
		"UPDATE data_quality_data_time_series SET json = json::jsonb #- '{testCaseFailureStatus}'",
	.is_update = true},

	{.version = "1.4.0", "query_entity",
		"rewrite for a generated checksum",
	"ALTER TABLE query_entity ADD added varchar GENERATED ALWAYS AS (json ->> 'checksum') STORED"},
	{.version = "1.4.0", "query_entity",
		"sort by (checksum, id) to delete the relations of duplicates",
	DUPLICATE_QUERIES},
	{.version = "1.4.0", "query_entity",
		"sort by (checksum, id) to delete duplicates",
	DUPLICATE_QUERIES},
	{.version = "1.4.0", "query_entity",
		"unique index on (checksum)",
	"CREATE UNIQUE INDEX ON query_entity ((json ->> 'checksum'))"},
	{.version = "1.4.0", "query_entity",
		"update of all documents for the checksum",
		"UPDATE query_entity SET json = jsonb_set(json::jsonb, '{checksum}', to_jsonb(md5(json ->> 'checksum')))",
	.is_update = true},
	{.version = "1.4.0", "table_entity",
		"update of all documents",
		"UPDATE table_entity SET json = json::jsonb #- '{viewDefinition}'",
	.is_update = true},
	{.version = "1.4.0", "table_entity",
		"index on (fqnhash, deleted)",
	"CREATE INDEX ON table_entity (fqnhash, deleted)"},
	{.version = "1.4.0", "test_case",
		"index on (fqnhash, deleted)",
	"CREATE INDEX ON test_case (fqnhash, deleted)"},

	{.version = "1.5.0", "table_entity",
		"update of the documents with an owner",
		"UPDATE table_entity SET json = json::jsonb #- '{owner}' WHERE json #>> '{owner}' IS NOT NULL",
	.is_update = true},
	{.version = "1.5.0", "query_entity",
		"update of the documents with an owner",
		"UPDATE query_entity SET json = json::jsonb #- '{owner}' WHERE json #>> '{owner}' IS NOT NULL",
	.is_update = true},
	{.version = "1.5.0", "entity_extension",
		"index on (extension)",
	"CREATE INDEX ON entity_extension (extension)"},
	{.version = "1.5.0", "entity_relationship",
		"index on (fromentity, fromid, toentity, relation)",
	"CREATE INDEX ON entity_relationship (fromentity, fromid, toentity, relation)"},
	{.version = "1.5.0", "thread_entity",
		"rewrite for a generated column, four times",
	"ALTER TABLE thread_entity ADD added varchar GENERATED ALWAYS AS (json -> 'entityRef' ->> 'id') STORED",.times = 4},
	{.version = "1.5.0", "thread_entity",
		"text search index on (taskassigneesids)",
		"CREATE INDEX ON thread_entity USING gin (to_tsvector('simple',"
	" jsonb_path_query_array(json, '$.task.assignees[*].id')::text))"},
	{.version = "1.5.0", "thread_entity",
		"index on (entityid, createdat)",
	"CREATE INDEX ON thread_entity ((" THREAD_ENTITY_ID "), createdat)"},
	{.version = "1.5.0", "thread_entity",
		"index on (id, type, taskstatus)",
	"CREATE INDEX ON thread_entity (id, type, taskstatus)"},

	{.version = "1.6.0", "test_case",
		"hash of all test cases to find results without one",
		"DELETE FROM data_quality_data_time_series AS r"
	" WHERE NOT EXISTS (SELECT FROM test_case AS t WHERE t.fqnhash = r.entityfqnhash)"},
	{.version = "1.6.0", "test_case",
		"hash of all test cases with their documents to update their results",
		"UPDATE data_quality_data_time_series AS r SET json = r.json::jsonb ||"
		" jsonb_build_object('testCaseFQN', t.json -> 'fullyQualifiedName')"
	" FROM test_case AS t WHERE t.fqnhash = r.entityfqnhash"},
	{.version = "1.6.0", "data_quality_data_time_series",
		"rewrite for a generated id, and unique index on it",
		"ALTER TABLE data_quality_data_time_series"
	" ADD added varchar GENERATED ALWAYS AS (" NEW_ID ") STORED UNIQUE"},
	{.version = "1.6.0", "data_quality_data_time_series",
		"index on (id)",
	"CREATE INDEX ON data_quality_data_time_series ((" NEW_ID "))"},
	{.version = "1.6.0", "test_case",
		"rewrite for a generated status",
	"ALTER TABLE test_case ADD added varchar GENERATED ALWAYS AS (json ->> 'testCaseStatus') STORED"},
	{.version = "1.6.0", "test_case",
		"update of all documents",
		"UPDATE test_case SET json = json::jsonb - 'testCaseResult'",
	.is_update = true},
	{.version = "1.6.0", "change_event",
		"index on (offset, eventtime)",
	"CREATE INDEX ON change_event (\"offset\", eventtime)"},
	{.version = "1.6.2", "data_quality_data_time_series",
		"index on (timestamp)",
	"CREATE INDEX ON data_quality_data_time_series (timestamp DESC)"},

	{.version = "1.7.0", "test_case_resolution_status_time_series",
		"index on (id, timestamp)",
	"CREATE INDEX ON test_case_resolution_status_time_series (id, timestamp)"},

	{.version = "1.8.1", "entity_relationship",
		"index on (toentity, toid, relation)",
	"CREATE INDEX ON entity_relationship (toentity, toid, relation)"},
	{.version = "1.8.1", "entity_relationship",
		"index on (fromentity, toentity)",
	"CREATE INDEX ON entity_relationship (fromentity, toentity)"},
	{.version = "1.8.1", "entity_relationship",
		"index on (relation, fromentity, toid)",
	"CREATE INDEX ON entity_relationship (relation, fromentity, toid)"},
	{.version = "1.8.2", "thread_entity",
		"index on (type, resolved, createdat)",
	"CREATE INDEX ON thread_entity (type, resolved, createdat DESC)"},
	{.version = "1.8.2", "thread_entity",
		"index on (entityid)",
	"CREATE INDEX ON thread_entity ((" THREAD_ENTITY_ID "))"},
	{.version = "1.8.2", "thread_entity",
		"rewrite for two generated columns",
		"ALTER TABLE thread_entity ADD added bigint GENERATED ALWAYS AS"
	" ((json #>> '{announcement,startTime}')::bigint) STORED"},
	{.version = "1.8.2", "thread_entity",
		"index on (type, announcementstart, announcementend)",
		"CREATE INDEX ON thread_entity (type, ((json #>> '{announcement,startTime}')::bigint),"
	" ((json #>> '{announcement,endTime}')::bigint))"},
	{.version = "1.8.2", "thread_entity",
		"index on (createdby, type)",
	"CREATE INDEX ON thread_entity (createdby, type)"},
	{.version = "1.8.2", "thread_entity",
		"index on (type, taskstatus, createdat)",
	"CREATE INDEX ON thread_entity (type, taskstatus, createdat DESC)"},
	{.version = "1.8.2", "table_entity",
		"index on (deleted, fqnhash)",
	"CREATE INDEX ON table_entity (deleted, fqnhash)"},
	{.version = "1.8.2", "table_entity",
		"index on (name, id)",
	"CREATE INDEX ON table_entity ((json ->> 'name'), id)"},

	{.version = "1.9.0", "entity_relationship",
		"index on (fromid, fromentity, toid, toentity, relation)",
	"CREATE INDEX ON entity_relationship (fromid, fromentity, toid, toentity, relation)"},
	{.version = "1.9.0", "entity_relationship",
		"index on (toid, toentity, fromid, fromentity, relation)",
	"CREATE INDEX ON entity_relationship (toid, toentity, fromid, fromentity, relation)"},
	{.version = "1.9.0", "entity_relationship",
		"partial index on (fromid, relation, toentity, toid)",
		"CREATE INDEX ON entity_relationship (fromid, relation, toentity, toid)"
	" WHERE relation IN (0, 8)"},
	{.version = "1.9.0", "thread_entity",
		"rewrite for generated domains",
	"ALTER TABLE thread_entity ADD added text GENERATED ALWAYS AS (json ->> 'domains') STORED"},
	{.version = "1.9.5", "tag_usage",
		"index on (targetfqnhash)",
	"CREATE INDEX ON tag_usage (targetfqnhash)"},
	{.version = "1.9.5", "tag_usage",
		"index on (tagfqnhash)",
	"CREATE INDEX ON tag_usage (tagfqnhash)"},
	{.version = "1.9.5", "tag_usage",
		"index on (source, targetfqnhash)",
	"CREATE INDEX ON tag_usage (source, targetfqnhash)"},
	{.version = "1.9.5", "tag_usage",
		"index on (targetfqnhash, source, tagfqn)",
	"CREATE INDEX ON tag_usage (targetfqnhash, source, tagfqn)"},
	{.version = "1.9.5", "entity_relationship",
		"index on (fromid, relation)",
	"CREATE INDEX ON entity_relationship (fromid, relation)"},
	{.version = "1.9.5", "entity_relationship",
		"index on (toid, relation)",
	"CREATE INDEX ON entity_relationship (toid, relation)"},
	{.version = "1.9.5", "entity_relationship",
		"index on (fromid, fromentity, relation)",
	"CREATE INDEX ON entity_relationship (fromid, fromentity, relation)"},
	{.version = "1.9.5", "entity_relationship",
		"index on (toid, toentity, relation)",
	"CREATE INDEX ON entity_relationship (toid, toentity, relation)"},
	{.version = "1.9.5", "table_entity",
		"index on (deleted)",
	"CREATE INDEX ON table_entity (deleted)"},

	/* the script's own SET LOCAL work_mem ends with that statement */
	{.version = "1.9.9", "profiler_data_time_series",
		"rewrite for a generated operation",
		"ALTER TABLE profiler_data_time_series"
	" ADD added varchar GENERATED ALWAYS AS (json -> 'profileData' ->> 'operation') STORED"},
	{.version = "1.9.9", "profiler_data_time_series",
		"index on (entityfqnhash)",
	"CREATE INDEX ON profiler_data_time_series (entityfqnhash)",.leaves_nothing = true},
	{.version = "1.9.9", "profiler_data_time_series",
		"index on (extension)",
	"CREATE INDEX ON profiler_data_time_series (extension)",.leaves_nothing = true},
	{.version = "1.9.9", "table_entity",
		"index on (fqnhash)",
	"CREATE INDEX ON table_entity (fqnhash)",.leaves_nothing = true},
	{.version = "1.9.9", "profiler_data_time_series",
		"index on the first 131 characters of entityfqnhash",
	"CREATE INDEX ON profiler_data_time_series (substring(entityfqnhash, 1, 131))",.leaves_nothing = true},
	{.version = "1.9.9", "profiler_data_time_series",
		"index on (extension, entityfqnhash)",
	"CREATE INDEX ON profiler_data_time_series (extension, entityfqnhash)",.leaves_nothing = true},
	{.version = "1.9.9", "table_entity",
		"hash of all tables with their documents to update their profiles, twice",
		"UPDATE profiler_data_time_series AS p SET json = jsonb_build_object('profileData', p.json,"
		" 'timestamp', p.timestamp, 'id', t.json ->> 'id', 'name', t.name)"
		" FROM table_entity AS t"
	" WHERE t.fqnhash = p.entityfqnhash AND p.extension = 'table.tableProfile'",.times = 2},
	{.version = "1.9.9", "profiler_data_time_series",
		"hash of the profiled columns, to tell them apart",
		"SELECT DISTINCT entityfqnhash, left(entityfqnhash, 131) FROM profiler_data_time_series"
	" WHERE extension = 'table.columnProfile'"},
	{.version = "1.9.9", "profiler_data_time_series",
		"update of the documents of column profiles",
		"UPDATE profiler_data_time_series SET json = jsonb_build_object('profileData', json, 'timestamp', timestamp)"
		" WHERE extension = 'table.columnProfile'",
	.is_update = true},

	{.version = "1.10.0", "table_entity",
		"rewrite for a generated databaseschemahash",
		"ALTER TABLE table_entity"
	" ADD added varchar GENERATED ALWAYS AS (left(fqnhash, 98)) STORED"},
	{.version = "1.10.0", "table_entity",
		"index on (deleted, databaseschemahash, name, id)",
	"CREATE INDEX ON table_entity (deleted, left(fqnhash, 98), (json ->> 'name'), id)"},

	{.version = "1.11.0", "table_entity",
		"rewrite for a generated impersonatedby",
	"ALTER TABLE table_entity ADD added varchar GENERATED ALWAYS AS (json ->> 'impersonatedBy') STORED"},
	{.version = "1.11.0", "query_entity",
		"rewrite for a generated impersonatedby",
	"ALTER TABLE query_entity ADD added varchar GENERATED ALWAYS AS (json ->> 'impersonatedBy') STORED"},
	{.version = "1.11.0", "thread_entity",
		"rewrite for a generated impersonatedby",
	"ALTER TABLE thread_entity ADD added varchar GENERATED ALWAYS AS (json ->> 'impersonatedBy') STORED"},
	{.version = "1.11.0", "tag_usage",
		"rewrite for a generated targetfqnhash_lower",
	"ALTER TABLE tag_usage ADD added text GENERATED ALWAYS AS (lower(targetfqnhash)) STORED"},
	{.version = "1.11.0", "tag_usage",
		"rewrite for a generated tagfqn_lower",
	"ALTER TABLE tag_usage ADD added text GENERATED ALWAYS AS (lower(tagfqn)) STORED"},
	{.version = "1.11.0", "tag_usage",
		"partial index on (source, targetfqnhash_lower), covering",
		"CREATE INDEX CONCURRENTLY ON tag_usage (source, lower(targetfqnhash)) INCLUDE (tagfqn, labeltype, state)"
	" WHERE state = 1"},
	{.version = "1.11.0", "tag_usage",
		"index on (source, targetfqnhash, state), covering",
	"CREATE INDEX CONCURRENTLY ON tag_usage (source, targetfqnhash, state) INCLUDE (tagfqn, labeltype)"},
	{.version = "1.11.0", "tag_usage",
		"partial index on (source, tagfqn_lower), covering",
		"CREATE INDEX CONCURRENTLY ON tag_usage (source, lower(tagfqn)) INCLUDE (targetfqnhash, labeltype, state)"
	" WHERE state = 1"},
	{.version = "1.11.0", "tag_usage",
		"partial index on (tagfqnhash, source), covering",
		"CREATE INDEX CONCURRENTLY ON tag_usage (tagfqnhash, source) INCLUDE (targetfqnhash, tagfqn, labeltype, state)"
	" WHERE state = 1"},
	{.version = "1.11.0", "tag_usage",
		"partial trigram index on (targetfqnhash)",
	"CREATE INDEX CONCURRENTLY ON tag_usage USING gin (targetfqnhash gin_trgm_ops) WHERE state = 1"},
	{.version = "1.11.0", "entity_relationship",
		"partial index on (fromid, fromentity, relation), covering",
		"CREATE INDEX ON entity_relationship (fromid, fromentity, relation)"
	" INCLUDE (toid, toentity, relation) WHERE NOT deleted"},
	{.version = "1.11.0", "entity_relationship",
		"partial index on (toid, toentity, relation), covering",
		"CREATE INDEX ON entity_relationship (toid, toentity, relation)"
	" INCLUDE (fromid, fromentity, relation) WHERE NOT deleted"},
	{.version = "1.11.0", "entity_relationship",
		"partial index on (toid, toentity, relation, fromentity), covering",
		"CREATE INDEX ON entity_relationship (toid, toentity, relation, fromentity)"
	" INCLUDE (fromentity, toentity) WHERE NOT deleted"},
	{.version = "1.11.0", "entity_relationship",
		"partial index on (fromid, toid, relation)",
	"CREATE INDEX ON entity_relationship (fromid, toid, relation) WHERE NOT deleted"},

	{.version = "1.12.0", "entity_extension",
		"rewrite for a generated updatedat",
		"ALTER TABLE entity_extension"
	" ADD added bigint GENERATED ALWAYS AS ((json ->> 'updatedAt')::bigint) STORED"},
	{.version = "1.12.0", "entity_extension",
		"index on (updatedat, id)",
	"CREATE INDEX ON entity_extension (((json ->> 'updatedAt')::bigint) DESC, id DESC)"},
	{.version = "1.12.0", "table_entity",
		"index on (updatedat, id)",
	"CREATE INDEX ON table_entity (updatedat DESC, id DESC)"},
	{.version = "1.12.0", "test_case",
		"index on (updatedat, id)",
	"CREATE INDEX ON test_case (updatedat DESC, id DESC)"},
	{.version = "1.12.2", "entity_extension_time_series",
		"index on (timestamp, entityfqnhash)",
	"CREATE INDEX ON entity_extension_time_series (timestamp, entityfqnhash)"},
	{.version = "1.12.2", "data_quality_data_time_series",
		"index on (timestamp, entityfqnhash)",
	"CREATE INDEX ON data_quality_data_time_series (timestamp, entityfqnhash)"},
	{.version = "1.12.2", "test_case_resolution_status_time_series",
		"index on (timestamp, entityfqnhash)",
	"CREATE INDEX ON test_case_resolution_status_time_series (timestamp, entityfqnhash)"},

	/*
	 * Java code (v1126) reads the lineage in pages of 500, each of which
	 * sorts all rows up to its end: this is the last page.
	 */
	{.version = "1.12.6", "entity_relationship",
		"sort of the lineage by (fromid, toid), for every 500 rows of it",
		"SELECT toid, toentity, fromid, fromentity, relation, json, jsonschema"
	" FROM entity_relationship WHERE relation = 13 ORDER BY fromid, toid"},
	{.version = "1.12.8", "tag_usage",
		"index on (targetfqnhash_lower)",
	"CREATE INDEX CONCURRENTLY ON tag_usage (lower(targetfqnhash))"},
	{.version = "1.12.8", "tag_usage",
		"index on (source, targetfqnhash_lower), covering",
	"CREATE INDEX CONCURRENTLY ON tag_usage (source, lower(targetfqnhash)) INCLUDE (tagfqn, labeltype, state)",.leaves_nothing = true},
	{.version = "1.12.8", "tag_usage",
		"index on (source, tagfqn_lower), covering",
	"CREATE INDEX CONCURRENTLY ON tag_usage (source, lower(tagfqn)) INCLUDE (targetfqnhash, labeltype, state)",.leaves_nothing = true},
	{.version = "1.12.8", "tag_usage",
		"index on (tagfqnhash, source), covering",
	"CREATE INDEX CONCURRENTLY ON tag_usage (tagfqnhash, source) INCLUDE (targetfqnhash, tagfqn, labeltype, state)",.leaves_nothing = true},
	{.version = "1.12.8", "tag_usage",
		"trigram index on (targetfqnhash)",
	"CREATE INDEX CONCURRENTLY ON tag_usage USING gin (targetfqnhash gin_trgm_ops)",.leaves_nothing = true},

	/*
	 * The script sets work_mem to 256 MB and maintenance_work_mem to 512 MB
	 * for itself, since pull request 28238; before, it grouped all rows.
	 */
	{.version = "1.12.9", "profiler_data_time_series",
		"grouping by (entityfqnhash, extension, operation, timestamp) to delete duplicates",
		"SELECT max(ctid) FROM profiler_data_time_series"
		" WHERE operation IS NOT NULL AND entityfqnhash IS NOT NULL"
	" GROUP BY entityfqnhash, extension, operation, timestamp HAVING count(*) > 1"},
	{.version = "1.12.9", "profiler_data_time_series",
		"unique index on (entityfqnhash, extension, operation, timestamp)",
		"CREATE UNIQUE INDEX CONCURRENTLY ON profiler_data_time_series"
	" (entityfqnhash, extension, operation, timestamp)"},
	{.version = "1.12.12", "tag_usage",
		"rewrite for a generated tagfqn_lower",
	"ALTER TABLE tag_usage ADD added text GENERATED ALWAYS AS (lower(tagfqn)) STORED"},
	{.version = "1.12.12", "tag_usage",
		"index on (tagfqn_lower)",
	"CREATE INDEX ON tag_usage (lower(tagfqn))"},
	{.version = "1.12.12", "tag_usage",
		"index on (source, tagfqn_lower), covering",
	"CREATE INDEX ON tag_usage (source, lower(tagfqn)) INCLUDE (targetfqnhash, labeltype, state)"},

	{.version = "1.13.0", "entity_relationship",
		"index on (fromentity, toentity, relation, toid)",
	"CREATE INDEX ON entity_relationship (fromentity, toentity, relation, toid)"},
	{.version = "1.13.0", "entity_relationship",
		"primary key on (fromid, toid, relation, relationtype)",
	"CREATE UNIQUE INDEX ON entity_relationship (fromid, toid, relation, (''::varchar))",.leaves_nothing = true},
	{.version = "1.13.0", "entity_usage",
		"unique index on (id, usagedate)",
	"CREATE UNIQUE INDEX ON entity_usage (id, usagedate)",.leaves_nothing = true},
	{.version = "1.13.0", "query_entity",
		"index on (fqnhash)",
	"CREATE INDEX CONCURRENTLY ON query_entity (fqnhash)",.leaves_nothing = true},
	{.version = "1.13.0", "table_entity",
		"index on (fqnhash)",
	"CREATE INDEX CONCURRENTLY ON table_entity (fqnhash)",.leaves_nothing = true},
	{.version = "1.13.0", "test_case",
		"index on (fqnhash)",
	"CREATE INDEX CONCURRENTLY ON test_case (fqnhash)",.leaves_nothing = true},
	{.version = "1.13.4", "entity_usage",
		"index on (usagedate, entitytype)",
	"CREATE INDEX CONCURRENTLY ON entity_usage (usagedate, entitytype)"},

	/* Java code (v200), which keeps the result as well */
	{.version = "2.0.0", "thread_entity",
		"sort of the system's activities with their documents by (updatedat, createdat)",
		"SELECT json FROM thread_entity WHERE type = 'Conversation'"
	" AND json ->> 'generatedBy' = 'system' ORDER BY updatedat, createdat"},
	{.version = "2.0.0", "entity_usage",
		"index on (entitytype, usagedate)",
	"CREATE INDEX ON entity_usage (entitytype, usagedate)"},
};

const int	operation_count = lengthof(operations);
