/*-------------------------------------------------------------------------
 *
 * index_build.c
 *	  How much memory the build of an index needs.
 *
 * src/memory/index_build.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "compat.h"
#include "index_build.h"
#include "miscadmin.h"
#include "new_file.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parse_coerce.h"
#include "parser/parse_utilcmd.h"
#include "row_length.h"
#include "row_share.h"
#include "row_source.h"
#include "storage/bufmgr.h"
#include "table.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/*
 * A participant in a parallel build takes no less than this
 * (plan_create_index_workers() in optimizer/plan/planner.c).
 */
#define SMALLEST_SHARE_KB	32768

/* At most so many rows are looked at for their trigrams. */
#define TRIGRAM_ROWS 1024

/* The Var of a column, for a table with varno 1. */
static Expr *
column_var(Relation table, AttrNumber attnum)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table),
												attnum - 1);

	return (Expr *) makeVar(1, attnum, attribute->atttypid,
							attribute->atttypmod, attribute->attcollation, 0);
}

/* The column of that name, which the statement itself may add. */
static Expr *
named_column(Relation table, const char *name, List *added_columns)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(table), name);
	ListCell   *lc;

	if (attnum > 0)
		return column_var(table, attnum);
	foreach(lc, added_columns)
	{
		const AddedColumn *column = lfirst(lc);

		if (strcmp(column->name, name) == 0)
			return column->expression;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of table \"%s\" does not exist", name,
					RelationGetRelationName(table))));
}

/* An index that is there, as it would be built again. */
IndexBuild *
index_build_again(Relation table, Relation index)
{
	IndexBuild *build = palloc0(sizeof(IndexBuild));
	List	   *expressions = RelationGetIndexExpressions(index);
	ListCell   *next = list_head(expressions);

	build->name = pstrdup(RelationGetRelationName(index));
	build->access_method = index->rd_rel->relam;
	build->is_unique = index->rd_index->indisunique;
	build->key_count = index->rd_index->indnkeyatts;
	build->old_index = RelationGetRelid(index);
	build->predicate = RelationGetIndexPredicate(index);
	for (int i = 0; i < index->rd_index->indnatts; i++)
	{
		AttrNumber	attnum = index->rd_index->indkey.values[i];

		if (attnum > 0)
			build->columns = lappend(build->columns, column_var(table, attnum));
		else if (next != NULL)
		{
			build->columns = lappend(build->columns, lfirst(next));
			next = lnext(expressions, next);
		}
	}
	return build;
}

/* What to call an index without a name: its table and columns. */
static const char *
describe_index(Relation table, List *names)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	appendStringInfo(&text, "%s (", RelationGetRelationName(table));
	foreach(lc, names)
		appendStringInfo(&text, "%s%s", lc == list_head(names) ? "" : ", ",
						 (const char *) lfirst(lc));
	appendStringInfoChar(&text, ')');
	return text.data;
}

/*
 * The index that CREATE INDEX makes.  statement is as the parser left it, and
 * is changed; parse analysis of its expressions raises errors.
 */
IndexBuild *
index_build_of_statement(Relation table, IndexStmt *statement,
						 const char *text)
{
	IndexBuild *build = palloc0(sizeof(IndexBuild));
	List	   *names = NIL;
	ListCell   *lc;

	statement = transformIndexStmt(RelationGetRelid(table), statement, text);
	build->access_method = get_index_am_oid(statement->accessMethod, false);
	build->is_unique = statement->unique;
	build->is_concurrent = statement->concurrent;
	build->key_count = list_length(statement->indexParams);
	build->predicate = make_ands_implicit((Expr *) statement->whereClause);

	foreach(lc, list_concat_copy(statement->indexParams,
								 statement->indexIncludingParams))
	{
		IndexElem  *element = lfirst_node(IndexElem, lc);

		names = lappend(names, element->name ? element->name : "expression");
		build->columns = lappend(build->columns,
								 element->name ?
								 named_column(table, element->name, NIL) :
								 (Expr *) element->expr);
	}
	build->name = statement->idxname ? statement->idxname :
		describe_index(table, names);
	return build;
}

/* The index that a PRIMARY KEY or UNIQUE constraint makes. */
IndexBuild *
index_build_of_constraint(Relation table, const Constraint *constraint,
						  List *added_columns)
{
	IndexBuild *build = palloc0(sizeof(IndexBuild));
	List	   *names = NIL;
	ListCell   *lc;

	build->access_method = BTREE_AM_OID;
	build->is_unique = true;
	build->key_count = list_length(constraint->keys);
	foreach(lc, list_concat_copy(constraint->keys, constraint->including))
	{
		const char *name = strVal(lfirst(lc));

		names = lappend(names, (char *) name);
		build->columns = lappend(build->columns,
								 named_column(table, name, added_columns));
	}
	build->name = constraint->conname ? constraint->conname :
		describe_index(table, names);
	return build;
}

/*
 * How many processes build an index of one table, as
 * plan_create_index_workers() in optimizer/plan/planner.c has it: as many as
 * are asked for there, whatever the memory; or one more for each time that the
 * table is three times as large, as far as each gets its share of memory.
 */
static int
table_build_processes(Relation table, const IndexBuild *build)
{
	double		blocks = RelationGetNumberOfBlocks(table);
	int			workers = RelationGetParallelWorkers(table, -1);

	if (!builds_in_parallel(build->access_method) ||
		max_parallel_maintenance_workers == 0 ||
		table->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return 1;
	if (workers >= 0)
		return Min(workers, max_parallel_maintenance_workers) + 1;
	workers = 0;
	for (double threshold = Max(min_parallel_table_scan_size, 1);
		 blocks >= threshold; threshold *= 3)
		workers++;
	workers = Min(workers, max_parallel_maintenance_workers);
	while (workers > 0 &&
		   maintenance_work_mem / (workers + 1) < SMALLEST_SHARE_KB)
		workers--;
	return workers + 1;
}

/*
 * The same for any table: of the indexes of partitions, which are built one
 * after the other, that with the most.
 */
static int
build_processes(Relation table, const IndexBuild *build)
{
	int			processes = 1;
	ListCell   *lc;

	if (table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return table_build_processes(table, build);
	foreach(lc, find_all_inheritors(RelationGetRelid(table), NoLock, NULL))
	{
		Relation	part = table_open_partition(lfirst_oid(lc));

		if (RELKIND_HAS_STORAGE(part->rd_rel->relkind))
			processes = Max(processes, table_build_processes(part, build));
		table_close(part, NoLock);
	}
	return processes;
}

/* What a GIN index is built of. */
typedef struct GinEntries
{
	double		pointers;		/* to rows, of all keys */
	double		bytes;			/* of memory that all of them take */
} GinEntries;

/* How often a trigram was found in the sampled values. */
typedef struct TrigramCount
{
	int			trigram;		/* its three bytes; key of a hash table */
	int			count;
} TrigramCount;

static HTAB *
create_trigram_table(void)
{
	HASHCTL		control = {
		.keysize = sizeof(int),
		.entrysize = sizeof(TrigramCount),
		.hcxt = CurrentMemoryContext
	};

	return hash_create("trigrams", 4096, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* For qsort() */
static int
compare_trigrams(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/*
 * Count the trigrams of a value, each once, by its bytes: about as many as
 * pg_trgm makes, which pads words instead of crossing their ends.
 * (RowFunction)
 */
static void
count_trigrams(const SourceRow *row, void *argument)
{
	HTAB	   *table = argument;
	const unsigned char *bytes;
	int			length;
	int		   *trigrams;

	if (row->isnull[0])
		return;
	bytes = (unsigned char *) VARDATA_ANY(DatumGetPointer(row->values[0]));
	length = VARSIZE_ANY_EXHDR(DatumGetPointer(row->values[0])) - 2;
	if (length < 1)
		return;

	trigrams = palloc(length * sizeof(int));
	for (int i = 0; i < length; i++)
		trigrams[i] = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];
	qsort(trigrams, length, sizeof(int), compare_trigrams);
	for (int i = 0; i < length; i++)
	{
		TrigramCount *entry;
		bool		found;

		if (i > 0 && trigrams[i] == trigrams[i - 1])
			continue;
		entry = hash_search(table, &trigrams[i], HASH_ENTER, &found);
		entry->count = found ? entry->count + 1 : 1;
	}
}

/*
 * The entries that text makes, which is taken for trigrams; false if there are
 * no values to look at.
 */
static bool
trigram_entries(const ModelServer *server, Expr *column,
				TableSample *const *samples, double rows, GinEntries *entries)
{
	RowSource  *source = row_source(list_make1(column), samples, 1, true,
									TRIGRAM_ROWS);
	HTAB	   *table;
	HASH_SEQ_STATUS status;
	TrigramCount *entry;

	if (source->invented)
		return false;
	table = create_trigram_table();
	row_source_read(source, count_trigrams, table);
	hash_seq_init(&status, table);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		double		pointers = entry->count * rows / source->row_count;

		entries->pointers += pointers;
		entries->bytes += model_gin_build(server, pointers, 1, 0).needed_bytes;
	}
	hash_destroy(table);
	return !source->invented;
}

/*
 * The entries of a GIN index.  Those of a document, a text search vector or an
 * array are guessed by their length, and taken to be different.
 */
static GinEntries
gin_entries(const ModelServer *server, const IndexBuild *build,
			TableSample *const *samples, double rows)
{
	GinEntries	entries = {0, 0};
	ListCell   *lc;

	foreach(lc, build->columns)
	{
		Expr	   *column = lfirst(lc);
		GinEntries	added = {0, 0};
		bool		guessed;

		if (TypeCategory(getBaseType(exprType((Node *) column))) != TYPCATEGORY_STRING ||
			!trigram_entries(server, column, samples, rows, &added))
		{
			added.pointers = rows *
				Max(row_lengths(ROW_DATUM, list_make1(column), samples, 1,
								&guessed).length / 16, 1);
			added.bytes = model_gin_build(server, added.pointers, added.pointers,
										  sizeof(int64)).needed_bytes;
		}
		entries.pointers += added.pointers;
		entries.bytes += added.bytes;
	}
	return entries;
}

/*
 * What the build of a GIN index takes.  In a parallel build each process
 * collects entries in its half of its share of the memory, sorts them by itself
 * and hands them on in a run for the leader, which is always written: for a
 * moment they are on disk twice (_gin_parallel_scan_and_build() in
 * access/gin/gininsert.c), packed to less than half of what they take in
 * memory.  The least share is enough to merge them at once.
 */
static ModelNeed
gin_need(const GinEntries *entries, int processes)
{
	ModelNeed	need = {.needed_bytes = entries->bytes};

	if (processes > 1)
	{
		need.needed_bytes = INFINITY;
		need.temp_bytes = entries->bytes;
	}
	return need;
}

/*
 * The rows that an index is of; its predicate thins out the sample.
 */
static double
indexed_rows(const TableFacts *facts, const IndexBuild *build,
			 TableSample **sample, MemoryUse *use)
{
	TableSample *filtered;

	use->certainty = facts->certainty;
	use->source = facts->source;
	*sample = facts->sample;
	if (build->predicate == NIL || facts->rows < 0)
		return facts->rows;

	filtered = sample_filter(facts->sample, build->predicate);
	if (filtered == NULL)
	{
		use->certainty = CERTAINTY_AT_MOST;
		return facts->rows;
	}
	use->certainty = CERTAINTY_ROUGH;
	if (filtered->tuple_count > 0)
		*sample = filtered;
	return Min(filtered->rows + 2 * filtered->rows_error, facts->rows);
}

/*
 * After a concurrent build, a pointer for each entry of the index is sorted
 * (validate_index() in catalog/index.c).  Of a B-tree that is less than its
 * keys have taken; a GIN index has many entries for a row.
 */
static List *
validation_uses(const ModelServer *server, const MemoryUse *use,
				const GinEntries *entries)
{
	MemoryUse  *validation = palloc(sizeof(MemoryUse));
	ModelRows	pointers = {.count = ceil(entries->pointers)};

	*validation = *use;
	validation->operation = "Index Validation";
	validation->processes = 1;
	validation->rows = pointers.count;
	validation->row_bytes = sizeof(int64);
	validation->need = model_sort(server, &pointers, MODEL_SORT_BY_VALUE, 0);
	validation->note = NULL;
	return validation->need.needed_bytes <= SMALLEST_SETTING_BYTES ? NIL :
		list_make1(validation);
}

/* What an index keeps of its columns: a hash index, the hash value. */
static List *
stored_columns(const IndexBuild *build)
{
	if (build->access_method != HASH_AM_OID)
		return build->columns;
	return list_make1(makeConst(INT4OID, -1, InvalidOid, sizeof(int32),
								Int32GetDatum(0), false, true));
}

/*
 * The file of an index: rows are those that it is of, tuples what is known of
 * its entries; of a GIN index, pointers is how many of them it has.
 */
static NewFile *
index_file(Relation table, const IndexBuild *build, TableSample *sample,
		   const ModelRows *tuples, double pointers)
{
	NewFile    *file = palloc0(sizeof(NewFile));
	double		groups = -1;
	double		most;
	double		largest;

	file->kind = FILE_INDEX;
	file->table = RelationGetRelid(table);
	file->relation = build->old_index;
	file->is_concurrent = build->is_concurrent;
	file->rows = tuples->count;
	file->entry_bytes = tuples->aligned;
	file->certainty = CERTAINTY_AT_MOST;
	if (build->access_method == GIN_AM_OID)
	{
		file->pointers = pointers;
		file->bytes = model_gin_file(pointers);
		file->certainty = CERTAINTY_ROUGH;
		return file;
	}

	/* equal keys are stored once, where there are no other columns */
	if (build->access_method == BTREE_AM_OID && !build->is_unique &&
		build->key_count == list_length(build->columns) &&
		sample_groups(build->columns, sample, &groups, &most, &largest))
		groups = most;
	file->bytes = model_btree_file(tuples, groups);
	return file;
}

/*
 * The memory that the build of an index takes (List of MemoryUse *, empty if
 * next to none), under the settings that are in force now.  The index itself
 * is appended to *files (List of NewFile *).  Errors: 55000 if the number of
 * rows is not known.
 */
List *
index_build_uses(TableFactsCache *cache, Relation table,
				 const IndexBuild *build, List **files)
{
	TableFacts *facts = table_facts_find(cache, RelationGetRelid(table));
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = {PG_VERSION_NUM / 10000, hash_mem_multiplier,
	maintenance_work_mem * 1024.0, sorts_charge_datums()};
	TableSample *sample;
	ModelRows	tuples;
	GinEntries	entries = {0, 0};
	NewFile    *file;
	List	   *more_uses = NIL;
	bool		guessed = false;
	double		rows = indexed_rows(facts, build, &sample, use);

	if (rows < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the number of rows of table \"%s\" is not known",
						RelationGetRelationName(table)),
				 errhint("Analyze the table.")));

	tuples = row_lengths(ROW_INDEX_TUPLE, stored_columns(build), &sample, 1,
						 &guessed);
	tuples.count = ceil(rows);
	if (guessed)
	{
		use->certainty = CERTAINTY_ROUGH;
		use->source = SOURCE_PLANNER;
	}
	use->operation = "Index Build";
	use->object = build->name;
	use->setting_name = "maintenance_work_mem";
	use->rows = rows;
	use->row_bytes = tuples.length;
	use->processes = build_processes(table, build);
	use->multiplier = 1;

	switch (build->access_method)
	{
		case BTREE_AM_OID:
		case HASH_AM_OID:
			use->need = model_btree_build(&server, &tuples, use->processes);
			/* of a small table nothing is sorted (hashbuild() in hash.c) */
			if (build->access_method == HASH_AM_OID)
				use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
			break;
		case GIN_AM_OID:
			entries = gin_entries(&server, build, &sample, rows);
			use->need = gin_need(&entries, use->processes);
			use->certainty = CERTAINTY_ROUGH;
			if (build->is_concurrent)
				more_uses = validation_uses(&server, use, &entries);
			use->note = "a GIN build writes no temporary file; with less memory it works in more rounds";
			break;
		case GIST_AM_OID:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the memory for a GiST index is not estimated")));
			break;
		default:
			return NIL;
	}

	file = index_file(table, build, sample, &tuples, entries.pointers);
	file->unseen_blocks = facts->sample->unseen_blocks;
	file->dead_rows = facts->sample->dead_rows;
	file->live_bytes = table_live_bytes(table, facts);
	*files = lappend(*files, file);

	/* the partitions' indexes are built one after the other */
	if (table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
	if (use->processes > 1)
		use->note = "each process of a parallel build writes its share to a temporary file, whatever the memory";
	if (use->need.needed_bytes > SMALLEST_SETTING_BYTES)
		more_uses = lcons(use, more_uses);
	return more_uses;
}
