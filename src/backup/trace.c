/*-------------------------------------------------------------------------
 *
 * trace.c
 *	  Traces that a backup leaves in the server.
 *
 * They say at best that somebody read the tables, never that what he wrote is
 * still there, or whole.
 *
 * src/backup/trace.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "backup/evidence.h"
#include "compat.h"
#include "query.h"
#include "utils/builtins.h"

/*
 * A place to look at: a query that gives one row, or none if there is nothing
 * to see: is it a backup, what is there to say, as a sentence, and when was it?
 */
typedef struct TraceSource
{
	const char *name;
	const char *right;			/* condition without which the query cannot be
								 * run; NULL for none */
	const char *grant;			/* whose lack that is; NULL if no right helps */
	const char *query;
} TraceSource;

/* The schema of the functions of pg_stat_statements is put in for %s. */
static const TraceSource sources[] = {
	{"archiver", NULL, NULL,
		"SELECT last_archived_wal ~ '\\.backup$', CASE WHEN last_archived_wal ~ '\\.backup$' "
		"THEN 'A base backup was the last thing archived.' "
		"ELSE 'WAL is archived, which is no backup by itself.' END, last_archived_time "
	"FROM pg_catalog.pg_stat_archiver WHERE last_archived_wal IS NOT NULL"},
	{"backup history", "has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE')",
		"pg_monitor",
		"SELECT true, 'A base backup has ended.', max(modification) "
	"FROM pg_ls_archive_statusdir() WHERE name ~ '\\.backup\\.(done|ready)$' HAVING count(*) > 0"},
	{"pg_stat_statements", "pg_has_role('pg_read_all_stats', 'USAGE')",
		"pg_read_all_stats",
		"SELECT true, format('pg_stat_statements has COPY ... TO statements of %%s of OpenMetadata''s %%s tables.', "
		"count(*) FILTER (WHERE is_copied), count(*)), NULL FROM (SELECT EXISTS (SELECT FROM %s.pg_stat_statements(true) AS s "
		"WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()) "
		"AND s.query ~ '^COPY .* TO stdout;?$' "
		"AND starts_with(s.query, format('COPY %%I.%%I ', $1, c.relname))) AS is_copied "
		OPENMETADATA_TABLES ") AS looked_at "
	"HAVING count(*) FILTER (WHERE is_copied) * 2 > count(*)"},
#ifdef HAVE_LAST_SCAN
	{"sequential scans", NULL, NULL,

		/*
		 * A dump reads the empty tables, too, as nobody else does but who
		 * made the tables and their indexes; and that was before each was
		 * analyzed.
		 */
		"SELECT true, format('%%s of OpenMetadata''s %%s tables were read by one transaction.', same, total), at "
		"FROM (SELECT pg_stat_get_lastscan(c.oid) AS at, sum(count(*)) OVER () AS total, "
		"count(*) FILTER (WHERE pg_stat_get_lastscan(c.oid) > "
		"GREATEST(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid))) AS same "
		OPENMETADATA_TABLES "GROUP BY 1) AS scans "
	"WHERE same > 4 AND same * 10 > total * 9 ORDER BY same DESC LIMIT 1"},
#endif
};

/* The schema of pg_stat_statements, if its function is its own. */
static const char schema_query[] =
"SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e "
"JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace "
"JOIN pg_catalog.pg_proc AS p ON p.pronamespace = n.oid AND p.proname = 'pg_stat_statements' "
"JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid "
"AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e' "
"WHERE e.extname = 'pg_stat_statements' AND p.pronargs = 1";

/* One look at one place. */
typedef struct TraceSearch
{
	const TraceSource *source;
	const Installation *installation;
	BackupTrace *trace;			/* NULL if there is nothing to see */
} TraceSearch;

/* Look at one place; runs under guard_run(). */
static void
look(void *argument)
{
	TraceSearch *search = argument;
	const TraceSource *source = search->source;
	MemoryContext context = CurrentMemoryContext;
	const char *schema = "pg_catalog";
	BackupTrace *trace = palloc0(sizeof(BackupTrace));

	trace->source = source->name;
	SPI_connect();
	if (strcmp(source->name, "pg_stat_statements") == 0)
	{
		if (query_run(schema_query, 0, NULL) == 0)
		{
			SPI_finish();
			return;
		}
		schema = query_text(0, 1, CurrentMemoryContext);
	}
	if (source->right != NULL &&
		(query_run(psprintf("SELECT 1 WHERE %s", source->right), 0, NULL) == 0))
	{
		trace->note = MemoryContextStrdup(context,
										  psprintf("Hidden from this role, which is no member of %s: %s.",
												   source->grant, source->name));
		search->trace = trace;
	}
	else if (query_run(psprintf(source->query, schema), 1,
					   &search->installation->schema_name) > 0)
	{
		trace->is_seen = strcmp(query_text(0, 1, CurrentMemoryContext), "t") == 0;
		trace->note = query_text(0, 2, context);
		trace->at = query_text(0, 3, context);
		search->trace = trace;
	}
	SPI_finish();
}

/*
 * What is said of a place that could not be looked at; NULL for one that is
 * not there, such as a library that is not loaded.
 */
static BackupTrace *
trace_of_obstacle(const TraceSource *source, const Obstacle *obstacle)
{
	BackupTrace *trace;

	if (obstacle->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		return NULL;
	trace = palloc0(sizeof(BackupTrace));
	trace->source = source->name;
	trace->note = psprintf("Could not be looked at: %s: %s.", source->name,
						   obstacle->message);
	return trace;
}

/*
 * The traces of backups (List of BackupTrace *), and why others could not be
 * looked for.
 */
List *
backup_traces(const Installation *installation)
{
	List	   *result = NIL;

	for (size_t i = 0; i < lengthof(sources); i++)
	{
		TraceSearch search = {&sources[i], installation, NULL};
		Obstacle   *obstacle = guard_run(look, &search);

		if (obstacle != NULL)
			search.trace = trace_of_obstacle(&sources[i], obstacle);
		if (search.trace != NULL)
			result = lappend(result, search.trace);
	}
	return result;
}
