/*-------------------------------------------------------------------------
 *
 * operation.c
 *	  The statements of OpenMetadata's migrations whose need of memory grows
 *	  with a table.
 *
 * The statements stand in OpenMetadata's bootstrap/sql/migrations.  The bytes
 * per row were measured on PostgreSQL 15 with the table shapes of release
 * 1.13.4 and keys of realistic length.  Memory is what a sort or hash is
 * charged for a row (tuplesort.c, nodeHash.c, nodeAgg.c); the temporary file
 * of an index build is the index tuple and its length word, that is 44 bytes
 * less than the memory (24 for the sort's slot, 24 for the chunk header, 4
 * for the length word).  What a hash writes has not been measured.
 *
 * Left out, for want of a figure: the paging over lineage by Java code in
 * 1.12.6, whose sort grows with every page, and the one over the whole feed in
 * 2.0.0, which carries documents of any length.
 *
 * src/memory/operation.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "operation.h"

#define SORT(need, temp) MEMORY_SORT, (need), (temp)
#define INDEX_BUILD(need) MEMORY_INDEX, (need), (need) - 44

/* In the order of the releases. */
const Operation operations[] = {
	{"1.2.0", "entity_extension_time_series",
		"sort by (entityfqnhash, extension, timestamp) to delete duplicates",
	SORT(258, 183)},
	{"1.4.0", "query_entity",
		"sort by (checksum, id) to delete duplicates, twice",
	SORT(143, 80)},
	{"1.4.0", "query_entity",
		"unique index on (checksum)",
	INDEX_BUILD(103)},
	{"1.6.0", "test_case",
		"hash of all test cases to update data_quality_data_time_series",
	MEMORY_HASH, 524, -1},
	{"1.6.0", "data_quality_data_time_series",
		"unique index on (id)",
	INDEX_BUILD(114)},
	{"1.9.0", "entity_relationship",
		"index on five columns, twice",
	INDEX_BUILD(155)},
	{"1.9.5", "entity_relationship",
		"index on (fromid, relation) and three of its kind",
	INDEX_BUILD(103)},
	{"1.9.5", "tag_usage",
		"index on (targetfqnhash, source, tagfqn) and three of its kind",
	INDEX_BUILD(255)},
	{"1.9.9", "profiler_data_time_series",
		"hash of the profiled columns, to tell them apart (at most one a row)",
	MEMORY_HASH, 700, -1},
	{"1.11.0", "tag_usage",
		"rewrite, and four covering indexes",
	INDEX_BUILD(262)},
	{"1.12.2", "data_quality_data_time_series",
		"index on (entityfqnhash, timestamp)",
	INDEX_BUILD(250)},
	{"1.12.9", "profiler_data_time_series",
		"grouping by (entityfqnhash, extension, operation, timestamp) to delete duplicates",
	SORT(280, 217)},
	{"1.12.9", "profiler_data_time_series",
		"unique index on (entityfqnhash, extension, operation, timestamp)",
	INDEX_BUILD(271)},
	{"1.13.0", "entity_relationship",
		"primary key on (fromid, toid, relation, relationtype)",
	INDEX_BUILD(143)},
	{"1.13.0", "query_entity",
		"index on (fqnhash)",
	INDEX_BUILD(103)},
};

const int	operation_count = lengthof(operations);

/* The setting that limits an operation, by its name. */
const char *
memory_setting_name(MemorySetting setting)
{
	return setting == MEMORY_INDEX ? "maintenance_work_mem" : "work_mem";
}
