/*-------------------------------------------------------------------------
 *
 * adequacy.c
 *	  What the heavy statements of the migration need of memory, against what
 *	  they will get.
 *
 * src/memory/adequacy.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "adequacy.h"
#include "compat.h"
#include "json_value.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_memory);
PG_FUNCTION_INFO_V1(upgrade_prereq_recommended_settings);

/* Columns of upgrade_prereq_recommended_settings(). */
#define RECOMMENDED_COLUMNS 3

/*
 * What upgrade_prereq_raise() sets at least: the 20 MB of OpenMetadata's
 * upgrade page, and PostgreSQL's own default for index builds.
 */
#define RECOMMENDED_WORK_MEM_KB				(20 * 1024)
#define RECOMMENDED_MAINTENANCE_WORK_MEM_KB	(64 * 1024)

/* Size of a relation, in bytes; -1 if it is locked by somebody. */
static double
relation_bytes(Oid relid)
{
	Relation	relation;
	double		bytes;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return -1;
	relation = try_relation_open(relid, NoLock);
	if (relation == NULL)
		return 0;				/* dropped just now */
	bytes = RELKIND_HAS_STORAGE(relation->rd_rel->relkind) ?
		(double) RelationGetNumberOfBlocks(relation) * BLCKSZ : 0;
	relation_close(relation, NoLock);
	return bytes;
}

/* Size of all indexes of a table, in bytes; -1 if one of them is locked. */
static double
index_bytes(Relation table)
{
	double		total = 0;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(table))
	{
		double		bytes = relation_bytes(lfirst_oid(lc));

		if (bytes < 0)
			return -1;
		total += bytes;
	}
	return total;
}

/* The sizes of the table of an operation. */
static void
measure_table(Adequacy *adequacy, Oid table_oid)
{
	Relation	table = relation_open(table_oid, NoLock);
	Oid			toast_oid = table->rd_rel->reltoastrelid;

	if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
	{
		adequacy->heap_bytes = relation_bytes(table_oid);
		adequacy->toast_bytes = OidIsValid(toast_oid) ? relation_bytes(toast_oid) : 0;
		adequacy->index_bytes = index_bytes(table);
	}
	relation_close(table, NoLock);
}

/* Look at one operation; NULL if its table is not in this database. */
static Adequacy *
find_adequacy(const Operation *operation, const Installation *installation,
			  const StatementSettings *settings, TableFactsCache *cache)
{
	Adequacy   *adequacy = palloc0(sizeof(Adequacy));
	Obstacle   *obstacle;
	Oid			table_oid;

	if (!OidIsValid(table_lookup(installation->schema_oid, operation->table)))
		return NULL;

	adequacy->operation = operation;
	adequacy->heap_bytes = adequacy->toast_bytes = adequacy->index_bytes = -1;
	if (table_lock(installation->schema_oid, operation->table,
				   &table_oid) == NULL)
		measure_table(adequacy, table_oid);
	adequacy->settings = settings;

	/* asked here, since an obstacle that is raised loses its fix */
	obstacle = table_obstacle(installation->schema_oid, operation->table,
							  &table_oid);
	adequacy->estimate = obstacle != NULL ?
		statement_unknown(obstacle) :
		statement_estimate(operation->statement, settings, cache);
	return adequacy;
}

/*
 * The operations that the upgrade asked about runs on tables of this database
 * (List of Adequacy *), in the order of the releases.  To be called under
 * guard_run(); takes AccessShareLock on the tables.
 */
List *
adequacy_list(const Installation *installation)
{
	StatementSettings *settings = statement_settings_of_session();
	TableFactsCache cache = {.context = CurrentMemoryContext,.may_sample = true,.wants_files = true};
	List	   *result = NIL;

	statement_settings_of_migration(settings, installation);
	for (int i = 0; i < operation_count; i++)
	{
		Adequacy   *adequacy;

		CHECK_FOR_INTERRUPTS();
		if (!installation_reaches(installation, operations[i].version))
			continue;
		adequacy = find_adequacy(&operations[i], installation, settings, &cache);
		if (adequacy != NULL)
			result = lappend(result, adequacy);
	}
	return result;
}

/*
 * What to set one of the two settings to: enough for every operation to write
 * its data only once, and for no subquery to lose its hash table; in whole MB,
 * and at least what is commonly asked for.  Not what would keep a big table in
 * memory: every session could take that much, and it saves little.
 */
Recommendation
adequacy_recommend(List *adequacies, const char *setting_name)
{
	Recommendation result = {setting_name, RECOMMENDED_WORK_MEM_KB,
	"OpenMetadata's upgrade page asks for it, as a rule of thumb."};
	ListCell   *lc;

	if (strcmp(setting_name, "maintenance_work_mem") == 0)
	{
		result.kb = RECOMMENDED_MAINTENANCE_WORK_MEM_KB;
		result.reason = "It is PostgreSQL's own default.";
	}

	foreach(lc, adequacies)
	{
		const Adequacy *adequacy = lfirst(lc);
		ListCell   *cell;

		foreach(cell, adequacy->estimate->uses)
		{
			const MemoryUse *use = lfirst(cell);
			double		kb = ceil(use->need.one_pass_bytes / 1024 / 1024) * 1024;

			if (strcmp(use->setting_name, setting_name) != 0 || kb <= result.kb)
				continue;
			result.kb = (int) Min(kb, MAX_KILOBYTES);
			result.reason = psprintf("With it, the migration to %s writes its data no more than once: %s of %s.",
									 adequacy->operation->version,
									 adequacy->operation->description,
									 adequacy->operation->table);
		}
	}
	return result;
}

/* The part of the SQL functions that reads the database. */
typedef struct MemoryCall
{
	const char *target_text;
	List	   *adequacies;
} MemoryCall;

static void
read_adequacies(void *argument)
{
	MemoryCall *call = argument;
	Installation *installation = installation_find(call->target_text);

	installation_require(installation);
	call->adequacies = adequacy_list(installation);
}

/* The adequacies that a call with the argument target_version is about. */
static List *
adequacies_of_call(FunctionCallInfo fcinfo)
{
	MemoryCall	call = {NULL, NIL};

	if (!PG_ARGISNULL(0))
		call.target_text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	guard_run_or_raise(read_adequacies, &call);
	return call.adequacies;
}

/*
 * Columns of upgrade_prereq_memory(), in order; the last two are only in the
 * JSON document.
 */
static const char *const memory_columns[] = {
	"version", "table_name", "operation", "outcome", "node", "object",
	"setting", "needed_bytes", "available_bytes", "one_pass_bytes",
	"temp_bytes", "row_count", "heap_bytes", "toast_bytes", "index_bytes",
	"certainty", "source", "sqlstate", "note", "hint", "fix_sql"
};

#define MEMORY_VALUES lengthof(memory_columns)
#define MEMORY_COLUMNS (MEMORY_VALUES - 2)

/* The values of one row; use is NULL where there is none. */
static void
row_values(const Adequacy *adequacy, const MemoryUse *use,
		   const char **values)
{
	const Operation *operation = adequacy->operation;
	const StatementEstimate *estimate = adequacy->estimate;

	memset(values, 0, sizeof(char *) * MEMORY_VALUES);
	values[0] = operation->version;
	values[1] = operation->table;
	values[2] = operation->description;
	values[3] = outcome_name(use ? use->outcome : estimate->outcome);
	if (use != NULL)
	{
		values[4] = use->operation;
		values[5] = use->object;
		values[6] = use->setting_name;
		values[7] = figure_text(use->need.needed_bytes);
		values[8] = figure_text(statement_available_bytes(adequacy->settings, use));
		values[9] = figure_text(use->need.one_pass_bytes);
		values[10] = figure_text(use->need.temp_bytes);
		values[11] = figure_text(use->rows);
		values[15] = certainty_name(use->certainty);
		values[16] = figure_source_name(use->source);
	}
	values[12] = figure_text(adequacy->heap_bytes);
	values[13] = figure_text(adequacy->toast_bytes);
	values[14] = figure_text(adequacy->index_bytes);
	if (use != NULL)
		values[18] = use->note;
	if (estimate->obstacle != NULL)
	{
		values[17] = pstrdup(unpack_sql_state(estimate->obstacle->sqlerrcode));
		values[18] = estimate->obstacle->message;
		values[19] = estimate->obstacle->hint;
		values[20] = estimate->obstacle->fix_sql;
	}
}

/* What to do with one row. */
typedef void (*RowFunction) (const char **values, void *argument);

/* Go through all rows: one for each use, or for what has none. */
static void
for_each_row(List *adequacies, RowFunction function, void *argument)
{
	const char *values[MEMORY_VALUES];
	ListCell   *lc;

	foreach(lc, adequacies)
	{
		const Adequacy *adequacy = lfirst(lc);
		ListCell   *cell;

		if (adequacy->operation->is_update)
			continue;
		if (adequacy->estimate->uses == NIL)
		{
			row_values(adequacy, NULL, values);
			function(values, argument);
		}
		foreach(cell, adequacy->estimate->uses)
		{
			row_values(adequacy, lfirst(cell), values);
			function(values, argument);
		}
	}
}

/* Append a row as a JSON object.  (RowFunction) */
static void
append_object(const char **values, void *argument)
{
	json_append_row(argument, memory_columns, values, MEMORY_VALUES);
}

/*
 * The rows of upgrade_prereq_memory() as a JSON array of objects, for checks;
 * all values are strings or null.
 */
const char *
adequacy_json(List *adequacies)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for_each_row(adequacies, append_object, &json);
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* The result of the SQL function. */
typedef struct RowSink
{
	ReturnSetInfo *rsinfo;
	AttInMetadata *input;
} RowSink;

/* Add a row to the result.  (RowFunction) */
static void
put_row(const char **values, void *argument)
{
	RowSink    *sink = argument;

	tuplestore_puttuple(sink->rsinfo->setResult,
						BuildTupleFromCStrings(sink->input, (char **) values));
}

/*
 * upgrade_prereq_memory(target_version text)
 *
 * What the heavy operations between the installed and the target version need,
 * and what the migrating role will get, in bytes: one row for each node of a
 * plan, and each index build, that keeps more than the smallest setting; one
 * row for an operation that has none.
 *
 * target_version may be null, for the next releases.  What is not known is
 * null in the result, and note says why.  Errors: 22023 for an argument or
 * setting that is not accepted; 55000 where the installation is not known, or
 * what kept its history from being read; 57014 at the time limit.
 */
Datum
upgrade_prereq_memory(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	RowSink		sink = {rsinfo, NULL};

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == MEMORY_COLUMNS);
	sink.input = TupleDescGetAttInMetadata(rsinfo->setDesc);
	for_each_row(adequacies_of_call(fcinfo), put_row, &sink);
	return (Datum) 0;
}

/*
 * upgrade_prereq_recommended_settings(target_version text)
 *
 * What to set the two settings to for the migration, in bytes, and why.  Nulls
 * and errors as in upgrade_prereq_memory().
 */
Datum
upgrade_prereq_recommended_settings(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"work_mem", "maintenance_work_mem"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	AttInMetadata *input;
	List	   *adequacies;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == RECOMMENDED_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	adequacies = adequacies_of_call(fcinfo);
	for (size_t i = 0; i < lengthof(names); i++)
	{
		Recommendation recommendation = adequacy_recommend(adequacies,
														   names[i]);
		const char *values[RECOMMENDED_COLUMNS] = {
			recommendation.setting_name,
			figure_text(recommendation.kb * 1024.0),
			recommendation.reason
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
