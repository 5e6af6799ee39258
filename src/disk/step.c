/*-------------------------------------------------------------------------
 *
 * step.c
 *	  The disk that each heavy statement of the migration takes.
 *
 * ALTER TABLE that writes a table anew has the old and the new heap, TOAST
 * table and indexes at the same time, until it commits (ATRewriteTables() in
 * src/backend/commands/tablecmds.c, finish_heap_swap() in cluster.c).  An index
 * build has the index, and the temporary files of its sort.  An UPDATE leaves
 * the old rows behind, with their index entries and TOAST values, until they
 * are vacuumed.  Each statement begins on a disk that has what the ones before
 * it left there.
 *
 * src/disk/step.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "compat.h"
#include "memory/new_file.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "step.h"
#include "table.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * WAL of a row that is inserted, beyond the row on its page: the headers of
 * the record, of its block reference and of the data, less what of the row's
 * header is not logged (log_heap_insert() in access/heap/heapam.c).
 */
#define WAL_ROW_BYTES 27

/* The same of an index entry that is put into a page (_bt_insertonpg()). */
#define WAL_ENTRY_BYTES 50

/* Chunks of TOAST tables are rows of 2 kB with an index entry each. */
#define WAL_TOAST_SHARE 1.06

/* Pages of an index are logged without the room that fillfactor leaves. */
#define WAL_INDEX_SHARE 0.92

/* Rows of the catalogs, and their pages in full once. */
#define WAL_CATALOG_BYTES (128 * 1024)

/* What a step writes to one tablespace. */
typedef struct TablespaceUse
{
	Oid			tablespace;
	double		bytes;
	double		kept_bytes;
} TablespaceUse;

/* What the steps so far have added to a table. */
typedef struct TableGrowth
{
	const char *table;
	double		heap_bytes;
	double		index_bytes;
	int			indexes;
} TableGrowth;

/* What the steps so far have left behind, and the call's facts. */
typedef struct Account
{
	const Installation *installation;
	DiskPlan   *plan;
	const Calibration *calibration;
	double		wal_written;
	List	   *kept;			/* of TablespaceUse *: of all steps so far */
	List	   *passing;		/* of TablespaceUse *: what goes with the end
								 * of the release */
	const char *version;		/* the release */
	List	   *growth;			/* of TableGrowth * */
} Account;

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

/* A field of a relation's row in pg_class; false if it was dropped just now. */
static bool
class_row(Oid relid, FormData_pg_class *row)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));

	if (!HeapTupleIsValid(tuple))
		return false;
	memcpy(row, GETSTRUCT(tuple), CLASS_TUPLE_SIZE);
	ReleaseSysCache(tuple);
	return true;
}

/* The entry of a tablespace in a list, which is added if it is not there. */
static TablespaceUse *
tablespace_use(List **uses, Oid tablespace)
{
	TablespaceUse *use;
	ListCell   *lc;

	if (!OidIsValid(tablespace))
		tablespace = MyDatabaseTableSpace;
	foreach(lc, *uses)
	{
		use = lfirst(lc);
		if (use->tablespace == tablespace)
			return use;
	}
	use = palloc0(sizeof(TablespaceUse));
	use->tablespace = tablespace;
	*uses = lappend(*uses, use);
	return use;
}

/* Add a file to what a step writes. */
static void
add_file(Account *account, DiskStep *step, List **uses, const NewFile *file)
{
	FormData_pg_class row;
	Oid			tablespace = account->plan->places->new_tablespace;
	double		old_bytes = 0;
	TablespaceUse *use;

	if (OidIsValid(file->replaced) && class_row(file->replaced, &row))
	{
		tablespace = row.reltablespace;
		old_bytes = relation_file_bytes(file->replaced);
	}
	use = tablespace_use(uses, tablespace);
	use->bytes += Max(file->bytes, 0);
	use->kept_bytes += Max(file->bytes - old_bytes, 0);

	switch (file->kind)
	{
		case FILE_HEAP:
			step->heap_bytes += file->bytes;
			step->rows += file->rows;
			step->wal_bytes += file->bytes + file->rows * WAL_ROW_BYTES;
			break;
		case FILE_TOAST:
			step->toast_bytes += file->bytes;
			step->wal_bytes += file->bytes * WAL_TOAST_SHARE;
			break;
		case FILE_INDEX:
			step->index_bytes += file->bytes;
			step->pointers += file->pointers;
			step->indexes++;
			step->wal_bytes += file->bytes * WAL_INDEX_SHARE;
			if (step->kind == STEP_INDEX)
				step->rows += file->rows;
			break;
	}
	step->certainty = Max(step->certainty, file->certainty);
}

/* The files of a table as they are, for want of a better estimate. */
static List *
present_files(Oid table_oid)
{
	List	   *files = NIL;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(table_oid, NoLock, NULL))
	{
		Oid			relid = lfirst_oid(lc);
		FormData_pg_class row;
		NewFile    *file;
		List	   *relids;
		ListCell   *cell;

		if (!class_row(relid, &row))
			continue;
		relids = list_make2_oid(relid, row.reltoastrelid);
		relids = list_concat(relids, table_index_oids(relid));
		foreach(cell, relids)
		{
			if (!OidIsValid(lfirst_oid(cell)))
				continue;
			file = palloc0(sizeof(NewFile));
			file->kind = foreach_current_index(cell) == 0 ? FILE_HEAP :
				foreach_current_index(cell) == 1 ? FILE_TOAST : FILE_INDEX;
			file->table = relid;
			file->replaced = lfirst_oid(cell);
			file->bytes = relation_file_bytes(file->replaced);
			file->rows = file->kind == FILE_HEAP ? Max(row.reltuples, 0) : 0;
			file->certainty = CERTAINTY_ROUGH;
			files = lappend(files, file);
		}
	}
	return files;
}

/*
 * An UPDATE of some rows: new versions of them with their TOAST values beside
 * the old ones, and an entry in each index, since the pages have no room for
 * both versions (heap_update() in access/heap/heapam.c).  WAL has each of
 * these, and the old pages once in full.
 */
static void
add_change(Account *account, DiskStep *step, List **uses, Oid table_oid)
{
	List	   *files = present_files(table_oid);
	double		share = step->adequacy->estimate->changed_share;
	ListCell   *lc;

	step->rows = step->adequacy->estimate->changed_rows;

	foreach(lc, files)
	{
		NewFile    *file = lfirst(lc);
		NewFile		added = *file;

		added.replaced = InvalidOid;
		added.rows = added.kind == FILE_HEAP ? file->rows * share : 0;
		added.bytes = file->bytes * share;
		add_file(account, step, uses, &added);
		if (added.kind == FILE_INDEX)
			step->wal_bytes += step->rows * WAL_ENTRY_BYTES;
		if (account->plan->wal->full_pages)
			step->wal_bytes += file->bytes;
	}
	/* add_file() has counted those of the catalog as well */
	step->rows = step->adequacy->estimate->changed_rows;
	step->certainty = CERTAINTY_ROUGH;
}

/* The growth of a table, which is none at first. */
static TableGrowth *
table_growth(Account *account, const char *table)
{
	TableGrowth *growth;
	ListCell   *lc;

	foreach(lc, account->growth)
	{
		growth = lfirst(lc);
		if (strcmp(growth->table, table) == 0)
			return growth;
	}
	growth = palloc0(sizeof(TableGrowth));
	growth->table = table;
	account->growth = lappend(account->growth, growth);
	return growth;
}

/*
 * A rewrite also writes the columns that earlier steps of the same upgrade add,
 * and builds the indexes that they create; and adds to both itself.
 */
static void
follow_growth(Account *account, DiskStep *step, const char *table, List **uses)
{
	TableGrowth *growth = table_growth(account, table);
	TablespaceUse *use;
	double		heap = step->heap_bytes;
	double		old = Max(step->adequacy->heap_bytes, 0);
	double		added_heap = growth->heap_bytes;

	if (step->kind == STEP_INDEX && !step->adequacy->operation->leaves_nothing)
	{
		growth->index_bytes += step->index_bytes;
		growth->indexes += step->indexes;
	}
	if (step->kind != STEP_REWRITE)
		return;
	growth->heap_bytes += Max(heap - old, 0);
	if (added_heap + growth->index_bytes == 0)
		return;
	use = tablespace_use(uses, account->plan->places->new_tablespace);
	use->bytes += added_heap + growth->index_bytes;
	step->heap_bytes += added_heap;
	step->index_bytes += growth->index_bytes;
	step->indexes += growth->indexes;
	step->wal_bytes += added_heap + growth->index_bytes * WAL_INDEX_SHARE;
}

/* Is it a table, with partitions or without? */
static bool
is_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE;
}

/* The rows that the largest node of a plan keeps; -1 if none keeps any. */
static double
kept_rows(const StatementEstimate *estimate)
{
	double		rows = -1;
	ListCell   *lc;

	foreach(lc, estimate->uses)
		rows = Max(rows, ((const MemoryUse *) lfirst(lc))->rows);
	return rows;
}

/* Find out what a step writes; uses is by tablespace. */
static void
measure_step(Account *account, DiskStep *step, const char *table, List **uses)
{
	const StatementEstimate *estimate = step->adequacy->estimate;
	Oid			table_oid = table_lookup(account->installation->schema_oid, table);
	List	   *files = estimate->files;
	ListCell   *lc;

	step->temp_bytes = estimate->temp_bytes;
	if (estimate->obstacle != NULL)
	{
		step->obstacle = estimate->obstacle;
		if (step->kind == STEP_REWRITE && is_table(table_oid))
			files = present_files(table_oid);
	}
	if (step->kind == STEP_CHANGE && estimate->obstacle == NULL)
		add_change(account, step, uses, table_oid);
	foreach(lc, files)
		add_file(account, step, uses, lfirst(lc));
	follow_growth(account, step, table, uses);

	if (step->kind != STEP_QUERY && step->wal_bytes > 0)
		step->wal_bytes += WAL_CATALOG_BYTES;

	/* minimal: wal_skip_threshold and RelationNeedsWAL() in utils/rel.h */
	if (account->plan->wal->is_minimal && !step->is_concurrent &&
		(step->kind == STEP_REWRITE || step->kind == STEP_INDEX))
		step->wal_bytes = 0;
	if (step->kind == STEP_QUERY)
		step->rows = kept_rows(estimate);
	if (estimate->obstacle != NULL && files == NIL)
		step->heap_bytes = step->toast_bytes = step->index_bytes =
			step->wal_bytes = step->rows = -1;
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

	measure_step(account, step, table, &uses);
	find_peaks(account, step, uses);
	keep_rest(account, step, uses);
	step->tablespace = tablespace_names(account->plan->places, uses);
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
