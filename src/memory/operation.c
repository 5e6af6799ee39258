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

/* In the order of the releases. */
const Operation operations[] = {
	{"1.4.0", "query_entity",
		"sort by (checksum, id) to delete relations of duplicates",
		"SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY json ->> 'checksum' ORDER BY id) AS n FROM query_entity) AS q WHERE n > 1"},
	{"1.11.0", "tag_usage",
		"rewrite to add targetfqnhash_lower",
	"ALTER TABLE tag_usage ADD COLUMN targetfqnhash_lower text GENERATED ALWAYS AS (lower(targetfqnhash)) STORED"},
	{"1.12.9", "profiler_data_time_series",
		"unique index on (entityfqnhash, extension, operation, timestamp)",
	"CREATE UNIQUE INDEX ON profiler_data_time_series (entityfqnhash, extension, operation, timestamp)"},
	{"1.13.0", "entity_relationship",
		"primary key on (fromid, toid, relation, relationtype)",
	"CREATE UNIQUE INDEX ON entity_relationship (fromid, toid, relation)"},
};

const int	operation_count = lengthof(operations);
