/*-------------------------------------------------------------------------
 *
 * model_file.c
 *	  How large an index is that has just been built, and how much WAL is
 *	  written.
 *
 * src/memory/model_file.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "model.h"

#define BLOCK_BYTES		8192.0	/* BLCKSZ */
#define LINE_POINTER	4.0		/* sizeof(ItemIdData) */
#define HEAP_POINTER	6.0		/* sizeof(ItemPointerData) */

/* A page of a B-tree without its header and its special space. */
#define BTREE_ROOM		(BLOCK_BYTES - 24 - 16)

/* What fillfactor leaves free in leaves and above (nbtree.h). */
#define BTREE_LEAF_FREE		(BLOCK_BYTES * (100 - 90) / 100)
#define BTREE_ABOVE_FREE	(BLOCK_BYTES * (100 - 70) / 100)

/* The longest list of row pointers (_bt_load() in nbtsort.c). */
#define BTREE_LIST_BYTES	812.0

/*
 * One row pointer in a compressed list (ginpostinglist.c): one to two bytes, in
 * pages that are not full (measured by bench/disk).
 */
#define GIN_POINTER_BYTES	3.0

/*
 * How many entries a page gets: the one that leaves less free than it should
 * is still added, then moved to the next page, and stays as high key
 * (_bt_buildadd() in access/nbtree/nbtsort.c).
 */
static double
entries_per_page(double entry_bytes, double free_bytes)
{
	return Max(ceil((BTREE_ROOM - free_bytes - 2 * LINE_POINTER) / entry_bytes) - 1,
			   1);
}

/*
 * What the entries of a group of equal keys take, with their line pointers:
 * one key and a list of row pointers (_bt_form_posting() in nbtdedup.c).
 */
static double
group_bytes(double key_bytes, double rows)
{
	double		most = floor((BTREE_LIST_BYTES - key_bytes) / HEAP_POINTER);
	double		single = key_bytes + LINE_POINTER;
	double		lists;

	if (most < 2)
		return rows * single;
	if (rows < 2)				/* some groups have two rows, some one */
		return (2 - rows) * single +
			(rows - 1) * (ceil((key_bytes + 2 * HEAP_POINTER) / 8) * 8 + LINE_POINTER);
	lists = ceil(rows / most);
	return lists * (key_bytes + LINE_POINTER + 4) + rows * HEAP_POINTER;
}

/*
 * A B-tree that was just built, in bytes.  groups is how many different keys
 * there are, or negative if equal keys are not stored together
 * (_bt_allequalimage(): a unique index has none, one with INCLUDE columns
 * does not).
 */
double
model_btree_file(const ModelRows *tuples, double groups)
{
	double		entry_bytes = tuples->aligned + LINE_POINTER;
	double		entries = tuples->count;
	double		pages;
	double		level;
	double		above;

	if (entries <= 0)
		return BLOCK_BYTES;
	if (groups > 0 && groups < entries)
		entry_bytes = Min(entry_bytes,
						  group_bytes(tuples->aligned, entries / groups) * groups / entries);
	level = ceil(entries / entries_per_page(entry_bytes, BTREE_LEAF_FREE));
	above = entries_per_page(tuples->aligned + LINE_POINTER, BTREE_ABOVE_FREE);
	pages = 1 + level;			/* and the metapage */
	while (level > 1)
	{
		level = ceil(level / Max(above, 2));
		pages += level;
	}
	return pages * BLOCK_BYTES;
}

/*
 * A GIN index that was just built, in bytes, of so many pointers to rows:
 * lists of them, compressed.
 */
double
model_gin_file(double pointers)
{
	return ceil(pointers * GIN_POINTER_BYTES / BLOCK_BYTES + 2) * BLOCK_BYTES;
}
