/*-------------------------------------------------------------------------
 *
 * step_files.c
 *	  What a heavy statement of the migration writes: files, and WAL.
 *
 * ALTER TABLE that writes a table anew has the old and the new heap, TOAST
 * table and indexes at the same time, until it commits (ATRewriteTables() in
 * src/backend/commands/tablecmds.c, finish_heap_swap() in cluster.c).  An index
 * build has the index, and the temporary files of its sort.  An UPDATE leaves
 * the old rows behind, with their index entries and TOAST values, until they
 * are vacuumed.
 *
 * src/disk/step_files.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "compat.h"
#include "memory/new_file.h"
#include "step_files.h"
#include "table.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * WAL of a row that is inserted, beyond the row on its page: the headers of
 * the record, of its block reference and of the data, less what of the row's
 * header is not logged (log_heap_insert() in access/heap/heapam.c).
 */
#define WAL_ROW_BYTES 27

/*
 * The same of the new version of a row that goes to another page, and of the
 * lock on the old one that comes before it (heap_update(), log_heap_update()).
 */
#define WAL_UPDATE_BYTES 50
#define WAL_LOCK_BYTES 56

/*
 * The same of an index entry that is put into a page (_bt_insertonpg()), of the
 * attempt to make room for it in a full one by putting equal entries together
 * (_bt_dedup_pass()), and of a split, which has the right page, half full
 * (_bt_split()).
 */
#define WAL_ENTRY_BYTES 50
#define WAL_DEDUP_BYTES 60
#define WAL_SPLIT_SHARE 0.6

/*
 * An index that was just built has a tenth of its leaves free: a page does not
 * split before a ninth of its entries has come anew (BTREE_DEFAULT_FILLFACTOR).
 */
#define SPLIT_SHARE (1.0 / 9)

/* Of a page that is pruned, and of each row there (log_heap_prune_and_freeze()). */
#define WAL_PRUNE_BYTES 60
#define WAL_DEAD_ROW_BYTES 4

/*
 * Chunks of TOAST tables are rows of 2 kB with an index entry each; of those
 * that are deleted, there is a record.
 */
#define WAL_TOAST_SHARE 1.06
#define WAL_TOAST_DELETED_SHARE 0.03

/* Pages of an index are logged without the room that fillfactor leaves. */
#define WAL_INDEX_SHARE 0.92

/* Rows of the catalogs, and their pages in full once. */
#define WAL_CATALOG_BYTES (128 * 1024)

/*
 * What a statement that makes relations may add to the files of the catalogs:
 * a page to each of pg_class, pg_attribute, pg_index, pg_depend, pg_attrdef and
 * pg_type and to each of their 13 indexes, and the first three pages of the free
 * space map of each (fsm_extend() in storage/freespace/freespace.c); and the
 * rows of each relation with their index entries, which are all that stays: the
 * next statement finds room in the pages.
 */
#define CATALOG_PAGES (6 * (1 + 3) + 13)
#define CATALOG_RELATION_BYTES 4096

/* Heap pages that have one page of the free space map (fsm_internals.h). */
#define PAGES_OF_FSM_PAGE 4000

/* What the steps so far have added to a table. */
typedef struct TableGrowth
{
	const char *table;
	double		heap_bytes;
	double		index_bytes;
	int			indexes;
	List	   *built;			/* of const NewFile *: the indexes */
	double		dead_rows;		/* and the pages that they are in, at most */
	double		dead_blocks;
} TableGrowth;

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
TablespaceUse *
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

/* The tablespace of a relation, or that of new ones if it is not there yet. */
static Oid
relation_tablespace(const Account *account, Oid relid)
{
	FormData_pg_class row;

	return class_row(relid, &row) ? row.reltablespace :
		account->plan->places->new_tablespace;
}

/*
 * Add a file to what a step writes; old_bytes of its relation go when the step
 * ends.
 */
static void
add_file(Account *account, DiskStep *step, List **uses, const NewFile *file,
		 double old_bytes)
{
	TablespaceUse *use = tablespace_use(uses, relation_tablespace(account, file->relation));

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
			file->relation = lfirst_oid(cell);
			file->bytes = relation_file_bytes(file->relation);
			file->rows = file->kind == FILE_HEAP ? Max(row.reltuples, 0) : 0;
			file->certainty = CERTAINTY_ROUGH;
			files = lappend(files, file);
		}
	}
	return files;
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

/* The indexes that an UPDATE puts entries into. */
typedef struct ChangedIndexes
{
	List	   *sizes;			/* of double *: of each */
	double		entries;		/* in each, at most */
} ChangedIndexes;

/*
 * The index pages that are logged in full, by an UPDATE that goes through so
 * many checkpoints: after each of them, every page once that is changed
 * (XLogRecordAssemble() in access/transam/xloginsert.c).  Keys come in no order,
 * so that these can be all pages, or one for each entry.
 */
static double
index_images(const ChangedIndexes *indexes, double checkpoints)
{
	double		bytes = 0;
	ListCell   *lc;

	foreach(lc, indexes->sizes)
		bytes += Min(*(double *) lfirst(lc) * checkpoints,
					 indexes->entries * BLCKSZ);
	return bytes;
}

/*
 * The same with as many checkpoints as the WAL itself makes necessary.  Those
 * that come by time, checkpoint_timeout, are not known beforehand.
 */
static double
images_of_change(const Account *account, const DiskStep *step,
				 const ChangedIndexes *indexes)
{
	double		checkpoints = 1;
	double		images;

	if (!account->plan->wal->full_pages)
		return 0;
	for (;;)
	{
		double		needed;

		images = index_images(indexes, checkpoints);
		needed = 1 + floor((step->wal_bytes + images) / account->plan->wal->checkpoint_bytes);
		if (needed <= checkpoints || checkpoints > indexes->entries)
			return images;
		checkpoints = needed;
	}
}

/*
 * The entries that an UPDATE puts into an index.  The keys of the new versions
 * are those of the old ones, most of the time, so that no page gets more than
 * once again what it has, and it becomes two at most; it splits where it is full
 * (SPLIT_SHARE).  That equal entries are put together saves some of that, how
 * much depends on the order in which they come.
 */
static void
add_changed_index(Account *account, DiskStep *step, List **uses,
				  const NewFile *file, double rows, ChangedIndexes *indexes)
{
	NewFile		added = *file;
	double	   *size = palloc(sizeof(double));
	double		entries = Min(rows, Max(file->rows, 0));

	*size = OidIsValid(file->relation) ? relation_file_bytes(file->relation) : file->bytes;
	added.bytes = *size * Min(entries / Max(file->rows, 1) / SPLIT_SHARE, 1);
	added.bytes = Min(added.bytes, entries * BLCKSZ);
	/* beside the old entries, not in their place */
	add_file(account, step, uses, &added, 0);

	step->wal_bytes += entries * (WAL_ENTRY_BYTES + WAL_DEDUP_BYTES + file->entry_bytes) +
		added.bytes * (WAL_SPLIT_SHARE - WAL_INDEX_SHARE);
	indexes->sizes = lappend(indexes->sizes, size);
}

/*
 * The new versions of rows, and of their TOAST values, that an UPDATE writes;
 * each old page is logged in full, once, since the rows are changed in the order
 * in which they are.
 */
static void
add_changed_rows(Account *account, DiskStep *step, List **uses,
				 const NewFile *file)
{
	NewFile		added = *file;
	double		old_bytes = relation_file_bytes(file->relation);
	FormData_pg_class row;

	if (file->kind == FILE_HEAP)
	{
		old_bytes = Min(old_bytes, file->rows * BLCKSZ);
		added.bytes += (3 + ceil(file->bytes / BLCKSZ / PAGES_OF_FSM_PAGE)) * BLCKSZ;
		step->wal_bytes += file->rows * (WAL_UPDATE_BYTES - WAL_ROW_BYTES + WAL_LOCK_BYTES);
		/* log_heap_update(): the whole old row */
		if (XLogLogicalInfoActive() && class_row(file->relation, &row) &&
			row.relreplident == REPLICA_IDENTITY_FULL)
			step->wal_bytes += file->bytes;
	}
	else
		step->wal_bytes += file->bytes * WAL_TOAST_DELETED_SHARE;
	/* beside the old versions, as above */
	add_file(account, step, uses, &added, 0);
	if (account->plan->wal->full_pages)
		step->wal_bytes += old_bytes;
}

/*
 * An UPDATE of some rows: new versions of them with their TOAST values beside
 * the old ones, and an entry in each index, since the pages have no room for
 * both versions (heap_update() in access/heap/heapam.c).  The indexes are those
 * that there are, and those that earlier steps of the same upgrade create.
 */
static void
add_change(Account *account, DiskStep *step, List **uses, Oid table_oid,
		   TableGrowth *growth)
{
	const StatementEstimate *estimate = step->adequacy->estimate;
	ChangedIndexes indexes = {NIL, estimate->changed_rows};
	List	   *files = estimate->files != NIL ? estimate->files :
		present_files(table_oid);
	double		heap_blocks = 0;
	ListCell   *lc;

	foreach(lc, list_concat_copy(files, growth->built))
	{
		const NewFile *file = lfirst(lc);

		if (file->kind == FILE_INDEX)
			add_changed_index(account, step, uses, file,
							  estimate->changed_rows, &indexes);
		else
			add_changed_rows(account, step, uses, file);
		if (file->kind == FILE_HEAP)
			heap_blocks += relation_file_bytes(file->relation) / BLCKSZ;
	}
	step->wal_bytes += images_of_change(account, step, &indexes);
	step->rows = estimate->changed_rows;
	growth->dead_rows += estimate->changed_rows;
	growth->dead_blocks = Min(growth->dead_rows, heap_blocks);
}

/*
 * What a step logs of the heap that it reads, for the first time since a
 * checkpoint.  Pages with dead rows are pruned by who reads them with a snapshot
 * (heap_page_prune_opt() in access/heap/pruneheap.c), as a rewrite and a
 * concurrent build do; the image of a page is taken afterwards, so that all of
 * them have no more than the live rows, and a line pointer for each dead one.
 * With checksums or wal_log_hints, pages are logged in full whose rows are marked
 * as committed for the first time (MarkBufferDirtyHint() in
 * storage/buffer/bufmgr.c).  Neither is needed on pages that are all visible.
 */
static void
add_scan(Account *account, DiskStep *step, TableGrowth *growth)
{
	const NewFile *file = linitial(step->adequacy->estimate->files);
	double		dead_rows = file->dead_rows + growth->dead_rows;
	double		pruned = Min(file->dead_rows, file->unseen_blocks) + growth->dead_blocks;
	double		unseen = file->unseen_blocks + growth->dead_blocks;

	if (step->kind != STEP_REWRITE && !step->is_concurrent)
		pruned = dead_rows = 0;
	step->wal_bytes += pruned * WAL_PRUNE_BYTES + dead_rows * WAL_DEAD_ROW_BYTES;
	if (XLogHintBitIsNeeded())
		step->wal_bytes += unseen * BLCKSZ;
	else if (account->plan->wal->full_pages)
		step->wal_bytes += file->live_bytes < 0 ? pruned * BLCKSZ :
			Min(pruned * BLCKSZ, file->live_bytes + dead_rows * sizeof(ItemIdData));
	if (step->kind == STEP_REWRITE)
		growth->dead_rows = growth->dead_blocks = 0;
}

/*
 * A rewrite also writes the columns that earlier steps of the same upgrade add,
 * and builds the indexes that they create; and adds to both itself.
 */
static void
follow_growth(Account *account, DiskStep *step, const char *table,
			  Oid table_oid, List **uses)
{
	TableGrowth *growth = table_growth(account, table);
	double		heap = step->heap_bytes;
	double		old = Max(step->adequacy->heap_bytes, 0);
	double		added_heap = growth->heap_bytes;

	if (step->kind == STEP_INDEX && !step->adequacy->operation->leaves_nothing)
	{
		growth->index_bytes += step->index_bytes;
		growth->indexes += step->indexes;
		growth->built = list_concat(growth->built, step->adequacy->estimate->files);
	}
	if (step->kind != STEP_REWRITE)
		return;
	growth->heap_bytes += Max(heap - old, 0);
	if (added_heap + growth->index_bytes == 0)
		return;
	if (added_heap > 0)
		tablespace_use(uses, relation_tablespace(account, table_oid))->bytes += added_heap;
	if (growth->index_bytes > 0)
		tablespace_use(uses, account->plan->places->new_tablespace)->bytes += growth->index_bytes;
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

/* What a step that makes relations adds to the catalogs. */
void
step_add_catalogs(DiskStep *step, List **uses)
{
	TablespaceUse *use = tablespace_use(uses, MyDatabaseTableSpace);

	use->bytes += step->catalog_bytes;
	use->kept_bytes += step->catalog_bytes - CATALOG_PAGES * BLCKSZ;
}

/* Find out what a step writes; uses is by tablespace. */
void
step_measure(Account *account, DiskStep *step, const char *table, List **uses)
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
		add_change(account, step, uses, table_oid, table_growth(account, table));
	else
	{
		foreach(lc, files)
		{
			const NewFile *file = lfirst(lc);

			add_file(account, step, uses, file,
					 OidIsValid(file->relation) ? relation_file_bytes(file->relation) : 0);
		}
	}
	follow_growth(account, step, table, table_oid, uses);

	if (step->kind != STEP_QUERY && step->wal_bytes > 0)
		step->wal_bytes += WAL_CATALOG_BYTES;
	if ((step->kind == STEP_REWRITE || step->kind == STEP_INDEX) && files != NIL)
		step->catalog_bytes = CATALOG_PAGES * BLCKSZ +
			(double) list_length(files) * CATALOG_RELATION_BYTES;

	/* minimal: wal_skip_threshold and RelationNeedsWAL() in utils/rel.h */
	if (account->plan->wal->is_minimal && !step->is_concurrent &&
		(step->kind == STEP_REWRITE || step->kind == STEP_INDEX))
		step->wal_bytes = 0;
	if ((step->kind == STEP_REWRITE || step->kind == STEP_INDEX) && estimate->files != NIL)
		add_scan(account, step, table_growth(account, table));
	if (step->kind == STEP_QUERY)
		step->rows = kept_rows(estimate);
	if (estimate->obstacle != NULL && files == NIL)
		step->heap_bytes = step->toast_bytes = step->index_bytes =
			step->catalog_bytes = step->wal_bytes = step->rows = -1;
}
