/*-------------------------------------------------------------------------
 *
 * step.c
 *	  The disk that each heavy statement of the migration takes.
 *
 * Each statement begins on a disk that has what the ones before it left there.
 *
 * src/disk/step.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "step_files.h"
#include "tcop/tcopprot.h"

/* The kind of a statement of ours, and the table that it writes. */
static StepKind
read_statement(const Operation *operation, const char **table,
			   bool *is_concurrent)
{
	RawStmt    *raw = linitial_node(RawStmt, pg_parse_query(operation->statement));

	*table = operation->table;
	*is_concurrent = false;
	switch (nodeTag(raw->stmt))
	{
		case T_AlterTableStmt:
			return STEP_REWRITE;
		case T_IndexStmt:
			*is_concurrent = ((IndexStmt *) raw->stmt)->concurrent;
			return STEP_INDEX;
		case T_UpdateStmt:
			*table = ((UpdateStmt *) raw->stmt)->relation->relname;
			return STEP_CHANGE;
		default:
			return STEP_QUERY;
	}
}

/* The peak on a file system, which is added if it is not there. */
static StepPeak *
peak_on(DiskStep *step, const DiskPlace *place)
{
	StepPeak   *peak;
	ListCell   *lc;

	foreach(lc, step->peaks)
	{
		peak = lfirst(lc);
		if (peak->file_system == place->file_system)
		{
			peak->places = list_append_unique_ptr(peak->places,
												  unconstify(DiskPlace *, place));
			return peak;
		}
	}
	peak = palloc0(sizeof(StepPeak));
	peak->file_system = place->file_system;
	peak->free_bytes = place->free_bytes;
	peak->total_bytes = place->total_bytes;
	peak->places = list_make1(unconstify(DiskPlace *, place));
	step->peaks = lappend(step->peaks, peak);
	return peak;
}

/* The tightest first.  (list_sort_comparator) */
static int
compare_peaks(const ListCell *a, const ListCell *b)
{
	const StepPeak *first = lfirst(a);
	const StepPeak *second = lfirst(b);
	double		left = first->free_bytes - first->peak_bytes;
	double		other = second->free_bytes - second->peak_bytes;

	return left < other ? -1 : left > other ? 1 :
		first->file_system - second->file_system;
}

/* Add what earlier steps left, on the file systems that this one writes to. */
static void
add_kept(Account *account, DiskStep *step, List *kept)
{
	ListCell   *lc;

	foreach(lc, kept)
	{
		const TablespaceUse *use = lfirst(lc);
		const DiskPlace *place = place_of_tablespace(account->plan->places,
													 use->tablespace);
		ListCell   *cell;

		foreach(cell, step->peaks)
		{
			StepPeak   *peak = lfirst(cell);

			if (peak->file_system == place->file_system)
				peak->peak_bytes += use->kept_bytes;
		}
	}
}

/* The peak of a step on each file system that it writes to. */
static void
find_peaks(Account *account, DiskStep *step, List *uses)
{
	DiskPlaces *places = account->plan->places;
	double		wal_bytes = Max(step->wal_bytes, 0);
	double		grown = wal_growth(account->plan->wal,
								   account->wal_written + wal_bytes, wal_bytes);
	ListCell   *lc;

	foreach(lc, uses)
	{
		const TablespaceUse *use = lfirst(lc);

		peak_on(step, place_of_tablespace(places, use->tablespace))->peak_bytes += use->bytes;
	}
	if (step->wal_bytes > 0)
		peak_on(step, places->wal)->peak_bytes += grown;
	/* any of the tablespaces may take all of the temporary files */
	if (step->temp_bytes > 0)
	{
		List	   *seen = NIL;

		foreach(lc, places->temporary)
		{
			StepPeak   *peak = peak_on(step, lfirst(lc));

			if (!list_member_ptr(seen, peak))
				peak->peak_bytes += step->temp_bytes;
			seen = lappend(seen, peak);
		}
	}
	add_kept(account, step, account->kept);
	add_kept(account, step, account->passing);
	if (step->wal_bytes <= 0)
	{
		/* the WAL of the steps before is still there */
		foreach(lc, step->peaks)
		{
			StepPeak   *peak = lfirst(lc);

			if (peak->file_system == places->wal->file_system)
				peak->peak_bytes += grown;
		}
	}
	list_sort(step->peaks, compare_peaks);
}

/* Note what a step leaves for the ones after it. */
static void
keep_rest(Account *account, DiskStep *step, List *uses)
{
	const Operation *operation = step->adequacy->operation;
	List	  **kept = operation->leaves_nothing ? &account->passing : &account->kept;
	int			times = Max(operation->times, 1);
	ListCell   *lc;

	account->wal_written += Max(step->wal_bytes, 0) * times;
	foreach(lc, uses)
	{
		const TablespaceUse *use = lfirst(lc);

		/* a change that is made again finds the room that the first one left */
		tablespace_use(kept, use->tablespace)->kept_bytes += use->kept_bytes;
		if (!operation->leaves_nothing)
			step->kept_bytes += use->kept_bytes;
	}
}

/* How long a step takes, once. */
static Duration *
step_duration(const Calibration *calibration, const DiskStep *step)
{
	const Adequacy *adequacy = step->adequacy;
	double		heap = Max(adequacy->heap_bytes, 0);
	DurationWork work = {0};

	if (step->obstacle != NULL || !calibration->reads_known)
		return NULL;
	work.rows = Max(step->rows, 0);
	work.scanned = heap * (1 + (step->kind == STEP_REWRITE ? step->indexes : 0)) *
		(step->is_concurrent ? 2 : 1);
	work.rows_taken = step->kind == STEP_REWRITE ? 2 * heap :
		step->kind == STEP_CHANGE ? 12 * step->heap_bytes :
		step->kind == STEP_QUERY ? heap : heap / 4;
	/* fetched, taken apart, and stored again with an entry for each chunk */
	work.toast_fetched = 1.5 * step->toast_bytes;
	if (step->kind == STEP_REWRITE || step->kind == STEP_INDEX)
	{
		work.entries = step->rows * Max(step->indexes, 1);
		work.pointers = step->pointers;
	}
	if (step->kind == STEP_QUERY)
		work.entries = work.rows;
	if (step->kind == STEP_CHANGE)
		work.inserts = step->rows * step->indexes;
	work.written = step->heap_bytes + step->toast_bytes + step->index_bytes +
		step->wal_bytes + 2 * Max(step->temp_bytes, 0);

	return duration_estimate(calibration, &work);
}

/* The names of the tablespaces that a step writes to, or NULL. */
static const char *
tablespace_names(DiskPlaces *places, List *uses)
{
	StringInfoData names;
	ListCell   *lc;

	if (uses == NIL)
		return NULL;
	initStringInfo(&names);
	foreach(lc, uses)
	{
		const TablespaceUse *use = lfirst(lc);
		const char *name = place_of_tablespace(places, use->tablespace)->name;

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 name + strlen("tablespace "));
	}
	return names.data;
}

/* What the figures of a step rest on, in words. */
static const char *
step_basis(const Account *account, const DiskStep *step)
{
	StringInfoData basis;
	const WalState *wal = account->plan->wal;
	int			times = step->adequacy->operation->times;

	if (step->obstacle != NULL && step->heap_bytes < 0)
		return step->obstacle->message;
	initStringInfo(&basis);
	switch (step->kind)
	{
		case STEP_REWRITE:
			appendStringInfo(&basis, "new heap, TOAST table and %d indexes beside the old ones", step->indexes);
			break;
		case STEP_INDEX:
			appendStringInfoString(&basis, "the index, and what its sort spills");
			break;
		case STEP_CHANGE:
			appendStringInfo(&basis, "new rows, TOAST values and entries of %d indexes beside the old ones", step->indexes);
			break;
		case STEP_QUERY:
			appendStringInfoString(&basis, "temporary files only");
			break;
	}
	if (step->obstacle != NULL)
		appendStringInfo(&basis, "; sizes are those that the catalog has now, for %s",
						 step->obstacle->message);
	if (step->is_concurrent)
		appendStringInfoString(&basis, "; reads the table twice, and waits for other transactions");
	if (times > 1)
		appendStringInfo(&basis, "; done %d times, one after the other", times);
	if (step->wal_bytes > 0 && wal->holding != WAL_RECYCLED)
		appendStringInfo(&basis, "; its WAL stays on disk%s",
						 wal->holding == WAL_HELD_BY_STATEMENT ? " until it has ended" : "");
	return basis.data;
}

/* Work out one step, and what it leaves. */
static DiskStep *
make_step(Account *account, const Adequacy *adequacy)
{
	DiskStep   *step = palloc0(sizeof(DiskStep));
	const char *table;
	List	   *uses = NIL;

	step->adequacy = adequacy;
	step->kind = read_statement(adequacy->operation, &table,
								&step->is_concurrent);
	if (account->version != NULL &&
		strcmp(account->version, adequacy->operation->version) != 0)
		account->passing = NIL;
	account->version = adequacy->operation->version;

	step_measure(account, step, table, &uses);
	step->tablespace = tablespace_names(account->plan->places, uses);
	if (step->catalog_bytes > 0)
		step_add_catalogs(step, &uses);
	find_peaks(account, step, uses);
	keep_rest(account, step, uses);
	if (account->calibration != NULL)
		step->duration = step_duration(account->calibration, step);
	step->basis = step_basis(account, step);
	return step;
}

/*
 * The disk that the operations (List of Adequacy *, as adequacy_list() gives
 * them) take one after the other, and if calibration is not NULL how long they
 * take.  To be called under guard_run(); waits for nobody.
 */
DiskPlan *
disk_plan(const Installation *installation, List *adequacies,
		  const Calibration *calibration)
{
	Account		account = {.installation = installation,.calibration = calibration};
	ListCell   *lc;

	account.plan = palloc0(sizeof(DiskPlan));
	account.plan->places = places_find(installation->role_name);
	account.plan->wal = wal_state(account.plan->places->may_see);
	foreach(lc, adequacies)
	{
		CHECK_FOR_INTERRUPTS();
		account.plan->steps = lappend(account.plan->steps,
									  make_step(&account, lfirst(lc)));
	}
	return account.plan;
}
