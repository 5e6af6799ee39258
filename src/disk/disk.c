/*-------------------------------------------------------------------------
 *
 * disk.c
 *	  The disk and the time that the heavy statements of the migration take,
 *	  for SQL.
 *
 * src/disk/disk.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "disk.h"
#include "json_value.h"
#include "lib/stringinfo.h"
#include "step.h"
#include "table.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_disk);
PG_FUNCTION_INFO_V1(upgrade_prereq_file_systems);

/* Columns of upgrade_prereq_disk(), in order; those of a peak come last. */
static const char *const step_columns[] = {
	"version", "table_name", "operation", "tablespace", "times", "row_count",
	"heap_bytes", "toast_bytes", "index_bytes", "catalog_bytes", "wal_bytes", "temp_bytes",
	"kept_bytes", "time_ms", "time_low_ms", "time_high_ms", "certainty",
	"sqlstate", "basis", "peak_bytes", "free_bytes", "places",
	"file_system", "total_bytes", "wal_reason", "hint", "fix_sql"
};

#define STEP_VALUES		lengthof(step_columns)

/* The rest is for checks only. */
#define DISK_COLUMNS	22

/* Columns of upgrade_prereq_file_systems(). */
#define FILE_SYSTEM_COLUMNS 5

/* The names of the places of a peak. */
static const char *
place_names(const StepPeak *peak)
{
	StringInfoData names;
	ListCell   *lc;

	initStringInfo(&names);
	foreach(lc, peak->places)
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 ((const DiskPlace *) lfirst(lc))->name);
	return names.data;
}

/* The values of a row: a step on one of its file systems, or none. */
static void
row_values(const DiskPlan *plan, const DiskStep *step, const StepPeak *peak,
		   const char **values)
{
	const Operation *operation = step->adequacy->operation;

	memset(values, 0, sizeof(char *) * STEP_VALUES);
	values[0] = operation->version;
	values[1] = operation->table;
	values[2] = operation->description;
	values[3] = step->tablespace;
	values[4] = psprintf("%d", Max(operation->times, 1));
	values[5] = figure_text(step->rows);
	values[6] = figure_text(step->heap_bytes);
	values[7] = figure_text(step->toast_bytes);
	values[8] = figure_text(step->index_bytes);
	values[9] = figure_text(step->catalog_bytes);
	values[10] = figure_text(step->wal_bytes);
	values[11] = figure_text(step->temp_bytes);
	values[12] = figure_text(step->heap_bytes < 0 ? -1 : step->kept_bytes);
	if (step->duration != NULL)
	{
		values[13] = figure_text(ceil(step->duration->ms));
		values[14] = figure_text(floor(step->duration->low_ms));
		values[15] = figure_text(ceil(step->duration->high_ms));
	}
	if (step->heap_bytes >= 0)
		values[16] = certainty_name(step->certainty);
	if (step->obstacle != NULL)
	{
		values[17] = pstrdup(unpack_sql_state(step->obstacle->sqlerrcode));
		values[25] = step->obstacle->hint;
		values[26] = step->obstacle->fix_sql;
	}
	values[18] = step->basis;
	if (peak != NULL)
	{
		values[19] = figure_text(peak->peak_bytes);
		values[20] = figure_text(peak->free_bytes);
		values[21] = place_names(peak);
		values[22] = psprintf("%d", peak->file_system);
		values[23] = figure_text(peak->total_bytes);
	}
	values[24] = plan->wal->reason;
}

/*
 * The rows of upgrade_prereq_disk() as a JSON array of objects, for checks, one
 * for each file system that a statement writes to; all values are strings or
 * null.  adequacies is what adequacy_list() gives.  To be called under
 * guard_run().
 */
const char *
disk_json(const Installation *installation, List *adequacies)
{
	DiskPlan   *plan = disk_plan(installation, adequacies, NULL);
	const char *values[STEP_VALUES];
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(lc, plan->steps)
	{
		const DiskStep *step = lfirst(lc);
		ListCell   *cell;

		if (step->peaks == NIL)
		{
			row_values(plan, step, NULL, values);
			json_append_row(&json, step_columns, values, STEP_VALUES);
		}
		foreach(cell, step->peaks)
		{
			row_values(plan, step, lfirst(cell), values);
			json_append_row(&json, step_columns, values, STEP_VALUES);
		}
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* The part of the SQL functions that reads the database. */
typedef struct DiskCall
{
	const char *target_text;
	bool		calibrates;
	DiskPlan   *plan;
} DiskCall;

/* The larger table first.  (list_sort_comparator) */
static int
compare_tables(const ListCell *a, const ListCell *b)
{
	const Adequacy *one = lfirst(a);
	const Adequacy *other = lfirst(b);
	double		first = one->heap_bytes + one->toast_bytes;
	double		second = other->heap_bytes + other->toast_bytes;

	return first > second ? -1 : first < second ? 1 : 0;
}

/* The tables of the operations, the largest first (List of OIDs). */
static List *
largest_tables(const Installation *installation, List *adequacies)
{
	List	   *sorted = list_copy(adequacies);
	List	   *tables = NIL;
	ListCell   *lc;

	list_sort(sorted, compare_tables);
	foreach(lc, sorted)
	{
		const Adequacy *adequacy = lfirst(lc);

		tables = list_append_unique_oid(tables,
										table_lookup(installation->schema_oid,
													 adequacy->operation->table));
	}
	return tables;
}

static void
read_plan(void *argument)
{
	DiskCall   *call = argument;
	Installation *installation = installation_find(call->target_text);
	Calibration *calibration = NULL;
	List	   *adequacies;

	installation_require(installation);
	adequacies = adequacy_list(installation);
	if (call->calibrates)
		calibration = calibration_measure(largest_tables(installation, adequacies));
	call->plan = disk_plan(installation, adequacies, calibration);
}

/*
 * upgrade_prereq_disk(target_version text, calibrate boolean)
 *
 * The disk that each heavy statement between the installed and the target
 * version takes, in bytes, against what is free, and if calibrate is true how
 * long it takes, in ms: estimates, one row for each statement.
 *
 * target_version may be null, for the next releases; calibrate must not be.
 * What is not known is null.  Errors: 22023 for an argument or setting that is
 * not accepted; 55000 where the installation is not known, or what kept its
 * history from being read; 57014 at the time limit; with calibrate 53100 and
 * 53400 where there is no room for a temporary file.
 */
Datum
upgrade_prereq_disk(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DiskCall	call = {NULL, false, NULL};
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == DISK_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "calibrate"),
				 errhint("Accepted values: true, false.")));
	if (!PG_ARGISNULL(0))
		call.target_text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	call.calibrates = PG_GETARG_BOOL(1);
	guard_run_or_raise(read_plan, &call);

	foreach(lc, call.plan->steps)
	{
		const DiskStep *step = lfirst(lc);
		const char *values[STEP_VALUES];

		row_values(call.plan, step, step->peaks ? linitial(step->peaks) : NULL,
				   values);
		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}

/* The places of the installation, for guard_run(). */
static void
read_places(void *argument)
{
	DiskPlaces **places = argument;
	Installation *installation = installation_find(NULL);

	installation_require(installation);
	*places = places_find(installation->role_name);
	places_add_relations(*places, installation->schema_oid);
}

/*
 * upgrade_prereq_file_systems()
 *
 * Where the migration writes, and how much room there is, in bytes: pg_wal, and
 * the tablespaces of the database, of new indexes, of temporary files, and of
 * OpenMetadata's tables and indexes.  Places with the same number share their
 * room.  What is not known is null, and note says why.  Errors as in
 * upgrade_prereq_disk().
 */
Datum
upgrade_prereq_file_systems(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DiskPlaces *places = NULL;
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == FILE_SYSTEM_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);
	guard_run_or_raise(read_places, &places);

	foreach(lc, places->places)
	{
		const DiskPlace *place = lfirst(lc);
		const char *values[FILE_SYSTEM_COLUMNS] = {
			place->name,
			place->file_system > 0 ? psprintf("%d", place->file_system) : NULL,
			figure_text(place->total_bytes),
			figure_text(place->free_bytes),
			place->note
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
