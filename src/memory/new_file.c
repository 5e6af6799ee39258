/*-------------------------------------------------------------------------
 *
 * new_file.c
 *	  How large a table, its TOAST table and its rows are when the table is
 *	  written anew.
 *
 * src/memory/new_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "compat.h"
#include "index_build.h"
#include "model.h"
#include "new_file.h"
#include "nodes/nodeFuncs.h"
#include "row_length.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Entries of a TOAST table's index take 20 bytes for each chunk of 2 kB. */
#define TOAST_INDEX_SHARE 0.015

/*
 * The blocks of a relation as VACUUM, ANALYZE or CREATE INDEX saw it last.  No
 * relation has as many as InvalidBlockNumber says: from 14 on ANALYZE writes
 * that for one in partitions, which has no blocks of its own.
 */
static double
catalog_bytes(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	BlockNumber blocks;

	if (!HeapTupleIsValid(tuple))
		return 0;				/* dropped just now */
	blocks = (BlockNumber) ((Form_pg_class) GETSTRUCT(tuple))->relpages;
	ReleaseSysCache(tuple);
	return blocks == InvalidBlockNumber ? 0 : (double) blocks * BLCKSZ;
}

/*
 * The size of a relation, in bytes, without waiting for anybody: the larger of
 * what the catalog says and, unless somebody has it locked, of what its file
 * has now.  0 if it has no file.
 */
double
relation_file_bytes(Oid relid)
{
	double		bytes = catalog_bytes(relid);
	Relation	relation;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return bytes;
	relation = try_relation_open(relid, NoLock);
	if (relation == NULL)
		return 0;
	if (RELKIND_HAS_STORAGE(relation->rd_rel->relkind))
		bytes = Max(bytes, (double) RelationGetNumberOfBlocks(relation) * BLCKSZ);
	relation_close(relation, NoLock);
	return bytes;
}

/* The bytes that the added columns take in a row, in the mean. */
static double
added_bytes(const TableFacts *facts, List *added_columns)
{
	double		bytes = 0;
	ListCell   *lc;

	foreach(lc, added_columns)
	{
		Expr	   *expression = ((const AddedColumn *) lfirst(lc))->expression;
		Oid			type = exprType((Node *) expression);
		bool		guessed;

		/* a column that is filled from a sequence stands here as a null */
		bytes += get_typbyval(type) ? get_typlen(type) :
			row_lengths(ROW_DATUM, list_make1(expression), &facts->sample, 1,
						&guessed).length;
	}
	return bytes;
}

/*
 * The heap with so many rows like those of the sample, each longer by some
 * bytes, in bytes: laid into pages one after the other, as
 * RelationGetBufferForTuple() in access/heap/hio.c does for a bulk insert.
 */
static double
heap_bytes(Relation table, const TableFacts *facts, double longer)
{
	const TableSample *sample = facts->sample;
	double		room = BLCKSZ - SizeOfPageHeaderData -
		RelationGetTargetPageFreeSpace(table, HEAP_DEFAULT_FILLFACTOR);
	double		left = 0;
	double		pages = 0;

	for (int i = 0; i < sample->tuple_count; i++)
	{
		double		length = sizeof(ItemIdData) +
			MAXALIGN((Size) (sample->tuples[i]->t_len + longer));

		if (length > left)
		{
			pages++;
			left = room;
		}
		left -= length;
	}
	/* of the last page only what is used */
	if (pages > 0)
		pages -= Max(left, 0) / room;
	pages = ceil(pages / sample->tuple_count * facts->rows);
	return (pages + Min(pages, BULK_EXTEND_BLOCKS) - 1) * BLCKSZ;
}

/* What the rows of a table take, packed, in bytes; -1 if that is not known. */
double
table_live_bytes(Relation table, const TableFacts *facts)
{
	if (facts->rows > 0 && facts->sample->tuple_count > 0)
		return heap_bytes(table, facts, 0);
	return facts->rows == 0 ? 0 : -1;
}

/*
 * What an UPDATE adds to a table: new versions of the rows that changed says,
 * each longer by some bytes, and of as large a share of the TOAST values
 * (List of NewFile *).
 */
List *
changed_files(Relation table, const TableFacts *changed, double longer)
{
	Oid			toast_oid = table->rd_rel->reltoastrelid;
	NewFile    *heap = palloc0(sizeof(NewFile));
	NewFile    *toast = palloc0(sizeof(NewFile));

	heap->kind = FILE_HEAP;
	heap->table = heap->relation = RelationGetRelid(table);
	heap->rows = changed->rows;
	heap->certainty = changed->certainty;
	if (changed->rows > 0)
		heap->bytes = heap_bytes(table, changed, longer);
	if (!OidIsValid(toast_oid))
		return list_make1(heap);

	toast->kind = FILE_TOAST;
	toast->table = heap->table;
	toast->relation = toast_oid;
	toast->bytes = relation_file_bytes(toast_oid) *
		Min(changed->rows / Max(changed->sample->rows, 1), 1);
	toast->certainty = toast->bytes > 0 ? CERTAINTY_ROUGH : heap->certainty;
	return list_make2(heap, toast);
}

/*
 * A table that is written anew with all its rows, which then have the columns
 * that are added (List of AddedColumn *), too: its heap and its TOAST table
 * (List of NewFile *).  Of the TOAST table all values are copied
 * (detoast_external_attr() in toast_tuple_init(), access/table/
 * toast_helper.c); how much of it is dead is not known.
 */
List *
table_files(TableFactsCache *cache, Relation table, List *added_columns)
{
	TableFacts *facts = table_facts_find(cache, RelationGetRelid(table));
	Oid			toast_oid = table->rd_rel->reltoastrelid;
	NewFile    *heap = palloc0(sizeof(NewFile));
	NewFile    *toast = palloc0(sizeof(NewFile));

	heap->kind = FILE_HEAP;
	heap->table = heap->relation = RelationGetRelid(table);
	heap->rows = facts->rows;
	heap->unseen_blocks = facts->sample->unseen_blocks;
	heap->dead_rows = facts->sample->dead_rows;
	heap->live_bytes = table_live_bytes(table, facts);
	heap->certainty = facts->certainty;
	if (facts->rows == 0)
		heap->bytes = 0;
	else if (facts->rows > 0 && facts->sample->tuple_count > 0)
		heap->bytes = heap_bytes(table, facts, added_bytes(facts, added_columns));
	else
	{
		heap->bytes = relation_file_bytes(heap->table);
		heap->certainty = CERTAINTY_ROUGH;
	}
	if (!OidIsValid(toast_oid))
		return list_make1(heap);

	toast->kind = FILE_TOAST;
	toast->table = heap->table;
	toast->relation = toast_oid;
	toast->bytes = relation_file_bytes(toast_oid) * (1 + TOAST_INDEX_SHARE);
	toast->certainty = CERTAINTY_AT_MOST;
	return list_make2(heap, toast);
}
