/*-------------------------------------------------------------------------
 *
 * moment.c
 *	  What OpenMetadata's tables are like at one moment, and what has changed
 *	  between two of them.
 *
 * A moment is a JSON object, to be kept in the journal.  The server counts the
 * rows that are inserted, updated and deleted in each table (also those of
 * transactions that were rolled back: what looks unchanged is); what it does
 * not count, TRUNCATE and the like, gives the table a new file.  The counters
 * start again after a crash and when somebody resets them.  From 15 on
 * pg_stat_database does not say that a crash did, pg_stat_archiver does
 * (pgstat_reset_after_failure() in src/backend/utils/activity/pgstat.c), and
 * before both do.
 *
 * src/backup/moment.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "backup/moment.h"
#include "compat.h"
#include "query.h"
#include "storage/bufmgr.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/rel.h"

/* A table without an index is only read if it has at most so many blocks. */
#define SMALL_TABLE_BLOCKS	128

static const char moment_query[] =
"SELECT jsonb_build_object("
"'at', statement_timestamp(), "
"'lsn', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() "
"ELSE pg_current_wal_insert_lsn() END, "
"'snapshot', pg_current_snapshot()::text, "
"'counts', NOT pg_is_in_recovery() AND current_setting('track_counts')::boolean, "
"'counted_since', (SELECT jsonb_build_array(extract(epoch FROM d.stats_reset), "
"extract(epoch FROM a.stats_reset)) "
"FROM pg_catalog.pg_stat_database AS d, pg_catalog.pg_stat_archiver AS a "
"WHERE d.datname = current_database()), "
"'history', $2::jsonb, "
"'migrated_at', $3::timestamp AT TIME ZONE 'UTC', "
"'newest_rows_ms', $4::jsonb, "
"'tables', (SELECT jsonb_object_agg(c.oid::text, jsonb_build_array("
"pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + "
"pg_stat_get_tuples_deleted(c.oid), pg_relation_filenode(c.oid)::bigint)) "
OPENMETADATA_TABLES ")"
")";

/* Tables with the column updatedat, as epoch milliseconds. */
static const char updated_tables_query[] =
"SELECT c.relname, c.oid "
OPENMETADATA_TABLES
"AND EXISTS (SELECT FROM pg_catalog.pg_attribute AS a "
"WHERE a.attrelid = c.oid AND a.attname = 'updatedat' "
"AND a.atttypid = 'bigint'::regtype AND NOT a.attisdropped) "
"ORDER BY c.relname";

/*
 * Two moments, $1 and $2, side by side.  Only tables that are in both are
 * compared by their counters; one that is in one of them only is a change of
 * its own.  Of the newest rows, those that were looked at in both are compared:
 * what one role may read another may not.
 */
static const char changes_query[] =
"WITH before AS (SELECT key, (value ->> 0)::bigint AS changes, value ->> 1 AS file "
"FROM jsonb_each($1::jsonb -> 'tables')), "
"after AS (SELECT key, (value ->> 0)::bigint AS changes, value ->> 1 AS file "
"FROM jsonb_each($2::jsonb -> 'tables')), "
"old_rows AS (SELECT key, value::bigint AS newest FROM jsonb_each_text($1::jsonb -> 'newest_rows_ms')), "
"new_rows AS (SELECT key, value::bigint AS newest FROM jsonb_each_text($2::jsonb -> 'newest_rows_ms')), "
"both_moments AS (SELECT b.changes AS changes_before, a.changes AS changes_after, "
"b.file IS DISTINCT FROM a.file AS is_rewritten, "
"b.key IS NULL OR a.key IS NULL AS is_other, "
"COALESCE(o.newest < n.newest OR (o.newest IS NULL AND o.key IS NOT NULL AND n.newest IS NOT NULL), false) AS is_newer, "
"COALESCE(c.relname, 'one that was dropped') AS name "
"FROM before AS b FULL JOIN after AS a USING (key) "
"LEFT JOIN old_rows AS o USING (key) LEFT JOIN new_rows AS n USING (key) "
"LEFT JOIN pg_catalog.pg_class AS c ON c.oid::text = key) "
"SELECT ($1::jsonb ->> 'counts')::boolean AND ($2::jsonb ->> 'counts')::boolean, "
"$1::jsonb -> 'counted_since' = $2::jsonb -> 'counted_since' "
"AND NOT COALESCE(bool_or(changes_after < changes_before), false), "
"COALESCE(sum(GREATEST(changes_after - changes_before, 0)), 0), "
"string_agg(name || CASE WHEN is_rewritten AND NOT is_other AND NOT is_newer "
"AND (changes_after > changes_before) IS NOT TRUE "
"THEN ' (written anew, as by VACUUM FULL or TRUNCATE)' ELSE '' END, ', ' ORDER BY name) "
"FILTER (WHERE changes_after > changes_before OR is_rewritten OR is_other OR is_newer), "
"$1::jsonb -> 'history' = $2::jsonb -> 'history', "
"pg_wal_lsn_diff(($2::jsonb ->> 'lsn')::pg_lsn, ($1::jsonb ->> 'lsn')::pg_lsn)::bigint, "
"COALESCE(bool_or(is_rewritten OR is_other OR is_newer), false) "
"FROM both_moments";

/* Is a column of the last query's result true? */
static bool
query_bool(int column)
{
	const char *value = query_text(0, column, CurrentMemoryContext);

	return value != NULL && strcmp(value, "t") == 0;
}

/*
 * Read the largest value of a column of one of OpenMetadata's tables, as text,
 * NULL if it has none.  False if it is not to be had without reading a large
 * table or without a right that is missing.
 */
static bool
largest_value(const Installation *installation, const char *table_name,
			  const char *column, const char **value, MemoryContext context)
{
	bool		is_read = false;
	Oid			table_oid;
	Oid			user;
	int			security_context;
	Relation	table;
	BlockNumber blocks;

	if (table_obstacle(installation->schema_oid, table_name,
					   &table_oid) != NULL ||
		table_column(table_oid, column) == NULL ||
		table_column_obstacle(table_oid, column) != NULL)
		return false;

	table = table_open(table_oid, NoLock);
	blocks = table->rd_rel->relkind == RELKIND_RELATION ?
		RelationGetNumberOfBlocks(table) : InvalidBlockNumber;
	table_close(table, NoLock);
	if (blocks > SMALL_TABLE_BLOCKS && !table_has_index(table_oid, column))
		return false;

	GetUserIdAndSecContext(&user, &security_context);
	table_act_as_owner(table_oid);
	if (query_run(psprintf("SELECT max(t.%s) FROM %s AS t",
						   quote_identifier(column),
						   quote_qualified_identifier(installation->schema_name,
													  table_name)),
				  0, NULL) == 1)
	{
		*value = query_text(0, 1, context);
		is_read = true;
	}
	SetUserIdAndSecContext(user, security_context);
	return is_read;
}

/*
 * The newest updatedat of each table, epoch milliseconds, as a JSON object by
 * OID: null for a table without rows, nothing for one that was not looked at.
 */
static const char *
newest_rows(const Installation *installation, MemoryContext context)
{
	uint64		count = query_run(updated_tables_query, 1,
								  &installation->schema_name);
	const char **names = palloc(sizeof(char *) * (count + 1));
	const char **oids = palloc(sizeof(char *) * (count + 1));
	StringInfoData json;

	for (uint64 i = 0; i < count; i++)
	{
		names[i] = query_text(i, 1, CurrentMemoryContext);
		oids[i] = query_text(i, 2, CurrentMemoryContext);
	}
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (uint64 i = 0; i < count; i++)
	{
		const char *value;

		CHECK_FOR_INTERRUPTS();
		if (largest_value(installation, names[i], "updatedat", &value,
						  CurrentMemoryContext))
			appendStringInfo(&json, "%s\"%s\": %s", json.len > 1 ? ", " : "",
							 oids[i], value ? value : "null");
	}
	appendStringInfoChar(&json, '}');
	return MemoryContextStrdup(context, json.data);
}

/*
 * This moment, as a JSON object.  Needs an installation that was found, and is
 * to be called under guard_run().
 */
const char *
moment_now(const Installation *installation)
{
	MemoryContext context = CurrentMemoryContext;
	const char *arguments[4] = {installation->schema_name, installation->history};
	const char *result;

	guard_pin_index_scans();
	SPI_connect();
	(void) largest_value(installation, installation->history_table,
						 "installed_on", &arguments[2], CurrentMemoryContext);
	arguments[3] = newest_rows(installation, CurrentMemoryContext);
	(void) query_run(moment_query, lengthof(arguments), arguments);
	result = query_text(0, 1, context);
	SPI_finish();
	return result;
}

/*
 * What has changed between two moments.  To be called under guard_run(): they
 * may have been written by anybody.
 */
Changes *
moment_changes(const char *before, const char *after)
{
	MemoryContext context = CurrentMemoryContext;
	Changes    *result = palloc0(sizeof(Changes));
	const char *moments[] = {before, after};
	const char *wal_bytes;
	bool		is_counted;
	bool		is_continuous;
	bool		is_other;

	SPI_connect();
	(void) query_run(changes_query, lengthof(moments), moments);
	is_counted = query_bool(1);
	is_continuous = query_bool(2);
	result->rows = strtoll(query_text(0, 3, CurrentMemoryContext), NULL, 10);
	result->tables = query_text(0, 4, context);
	result->same_history = query_bool(5);
	wal_bytes = query_text(0, 6, CurrentMemoryContext);
	result->wal_bytes = wal_bytes ? strtoll(wal_bytes, NULL, 10) : -1;
	is_other = query_bool(7);
	SPI_finish();

	result->is_known = is_counted && is_continuous;
	if (!is_counted)
		result->unknown_reason = "this server does not count changes, or is a standby";
	else if (!is_continuous)
		result->unknown_reason = "the counters of the server were reset since, as a crash does";
	result->is_changed = is_other || (result->is_known && result->rows > 0);
	return result;
}
