/*-------------------------------------------------------------------------
 *
 * adequacy.c
 *	  What the migration needs of memory, against what it will get.
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
#include "guard.h"
#include "model.h"
#include "role_setting.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_memory);
PG_FUNCTION_INFO_V1(upgrade_prereq_recommended_settings);

/* Columns of upgrade_prereq_memory(). */
#define MEMORY_COLUMNS 14

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

/*
 * Number of rows, as the planner counts them: the density that ANALYZE or
 * VACUUM saw, times the present number of blocks (estimate_rel_size()).  For
 * a table that neither has seen, or that was empty then, the counter of live
 * rows; -1 if that is empty too, since the planner's guess can be far too low
 * then.  A partitioned table has no blocks, only what ANALYZE counted.
 */
static double
estimate_rows(Relation table, double heap_bytes)
{
	double		reltuples = table->rd_rel->reltuples;
	double		relpages = (double) (BlockNumber) table->rd_rel->relpages;
	double		blocks = heap_bytes / BLCKSZ;

	if (table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return reltuples > 0 ? reltuples : -1;
	if (blocks == 0)
		return 0;
	if (relpages > 0 && reltuples > 0)
		return rint(reltuples / relpages * blocks);

	reltuples = (double)
		DatumGetInt64(DirectFunctionCall1(pg_stat_get_live_tuples,
										  ObjectIdGetDatum(RelationGetRelid(table))));
	return reltuples > 0 ? reltuples : -1;
}

/* Fill in what the table of an operation looks like. */
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
	adequacy->row_count = estimate_rows(table, adequacy->heap_bytes);
	if (adequacy->row_count < 0)
		adequacy->note = "the table was never analyzed, or when it was empty";
	relation_close(table, NoLock);
}

/* What a new session of the migrating role gets for an operation, or -1. */
static double
find_available(const Installation *installation, MemorySetting setting)
{
	RoleSetting *memory = role_setting_find(installation->role_name,
											memory_setting_name(setting));
	RoleSetting *multiplier;

	if (memory->setting == NULL)
		return -1;
	if (setting != MEMORY_HASH)
		return memory->number * 1024;

	multiplier = role_setting_find(installation->role_name,
								   "hash_mem_multiplier");
	return multiplier->setting == NULL ? -1 :
		memory->number * 1024 * multiplier->number;
}

/* Look at one operation; NULL if its table is not in this database. */
static Adequacy *
find_adequacy(const Operation *operation, const Installation *installation,
			  double available_bytes)
{
	Adequacy   *adequacy = palloc0(sizeof(Adequacy));
	Oid			table_oid;
	Obstacle   *obstacle;

	if (!OidIsValid(table_lookup(installation->schema_oid, operation->table)))
		return NULL;

	adequacy->operation = operation;
	adequacy->row_count = adequacy->heap_bytes = -1;
	adequacy->toast_bytes = adequacy->index_bytes = -1;
	adequacy->needed_bytes = adequacy->one_pass_bytes = -1;
	adequacy->spill_bytes = -1;
	adequacy->available_bytes = available_bytes;

	obstacle = table_lock(installation->schema_oid, operation->table,
						  &table_oid);
	if (obstacle != NULL)
	{
		adequacy->note = obstacle->message;
		return adequacy;
	}

	measure_table(adequacy, table_oid);
	if (adequacy->row_count < 0)
		return adequacy;

	adequacy->needed_bytes = model_needed_bytes(operation,
												adequacy->row_count);
	adequacy->one_pass_bytes = model_one_pass_bytes(operation,
													adequacy->row_count);
	if (adequacy->available_bytes < 0)
		adequacy->note = "what the migrating role will get is not known";
	if (adequacy->available_bytes >= adequacy->needed_bytes)
		adequacy->spill_bytes = 0;
	else if (adequacy->available_bytes >= 0)
	{
		adequacy->spill_bytes = model_spill_bytes(operation,
												  adequacy->row_count);
		if (adequacy->spill_bytes < 0)
			adequacy->note = "how much it writes has not been measured";
	}
	return adequacy;
}

/*
 * The operations that the upgrade asked about runs on tables of this
 * database (List of Adequacy *), in the order of the releases.  To be called
 * under guard_run(); takes AccessShareLock on the tables.
 */
List *
adequacy_list(const Installation *installation)
{
	List	   *result = NIL;
	double		available_bytes[MEMORY_SETTING_COUNT];

	for (int setting = 0; setting < MEMORY_SETTING_COUNT; setting++)
		available_bytes[setting] = find_available(installation,
												  (MemorySetting) setting);

	for (int i = 0; i < operation_count; i++)
	{
		Adequacy   *adequacy;

		CHECK_FOR_INTERRUPTS();
		if (!installation_reaches(installation, operations[i].version))
			continue;
		adequacy = find_adequacy(&operations[i], installation,
								 available_bytes[operations[i].setting]);
		if (adequacy != NULL)
			result = lappend(result, adequacy);
	}
	return result;
}

/*
 * What to set one of the two settings to: enough for every operation to write
 * its data only once, in whole MB, and at least what is commonly asked for.
 * Not what would keep a big table in memory: every session could take that
 * much, and it saves little.
 */
Recommendation
adequacy_recommend(List *adequacies, const char *setting_name)
{
	Recommendation result = {setting_name, RECOMMENDED_WORK_MEM_KB,
	"OpenMetadata's upgrade page asks for it."};
	ListCell   *lc;

	if (strcmp(setting_name, "maintenance_work_mem") == 0)
	{
		result.kb = RECOMMENDED_MAINTENANCE_WORK_MEM_KB;
		result.reason = "It is PostgreSQL's own default.";
	}

	foreach(lc, adequacies)
	{
		const Adequacy *adequacy = lfirst(lc);
		const Operation *operation = adequacy->operation;
		double		kb = ceil(adequacy->one_pass_bytes / 1024 / 1024) * 1024;

		if (strcmp(memory_setting_name(operation->setting), setting_name) != 0 ||
			kb <= result.kb)
			continue;
		result.kb = (int) Min(kb, MAX_KILOBYTES);
		result.reason = psprintf("With it, the migration to %s writes its data only once: %s of %s.",
								 operation->version, operation->description,
								 operation->table);
	}
	return result;
}

/* A number of an SQL result, null for what is not known. */
static char *
number_text(double number)
{
	return number < 0 ? NULL : psprintf("%.0f", number);
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
 * upgrade_prereq_memory(target_version text)
 *
 * One row for each heavy operation between the installed and the target
 * version: what it needs, and what the migrating role will get, in bytes.
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
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == MEMORY_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	foreach(lc, adequacies_of_call(fcinfo))
	{
		const Adequacy *adequacy = lfirst(lc);
		const Operation *operation = adequacy->operation;
		bool		known = adequacy->needed_bytes >= 0 &&
			adequacy->available_bytes >= 0;
		const char *values[MEMORY_COLUMNS] = {
			operation->table,
			number_text(adequacy->row_count),
			number_text(adequacy->heap_bytes),
			number_text(adequacy->toast_bytes),
			number_text(adequacy->index_bytes),
			operation->version,
			operation->description,
			memory_setting_name(operation->setting),
			number_text(adequacy->needed_bytes),
			number_text(adequacy->available_bytes),
			!known ? NULL :
			adequacy->needed_bytes <= adequacy->available_bytes ? "t" : "f",
			number_text(adequacy->spill_bytes),
			number_text(adequacy->one_pass_bytes),
			adequacy->note
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
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
			number_text(recommendation.kb * 1024.0),
			recommendation.reason
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
