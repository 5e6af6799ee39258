/*-------------------------------------------------------------------------
 *
 * sample.h
 *	  A bounded sample of a table: how many rows it has, and some of them.
 *
 * src/memory/sample.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SAMPLE_H
#define UPGRADE_PREREQ_SAMPLE_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "guard.h"
#include "utils/relcache.h"

/*
 * What is known of the rows of a table.  Either some of its blocks were read,
 * or (blocks_read is 0 and there are no tuples) only statistics.
 */
typedef struct TableSample
{
	Oid			relid;
	TupleDesc	tupdesc;		/* a copy of the table's */
	double		blocks;			/* of the table, with its partitions, now */
	int			blocks_read;
	double		rows;			/* of the table; -1 if not known */
	double		rows_error;		/* standard error of rows; 0 if all blocks
								 * were read, -1 if not known */
	double		dead_rows;		/* as the statistics counters have it */
	double		unseen_blocks;	/* of the table, that the visibility map does
								 * not call all visible */
	bool		complete;		/* the tuples are all rows of the table */
	int			tuple_count;
	HeapTuple  *tuples;			/* in block order, spread evenly over the
								 * blocks read; copies, in which toasted
								 * values stay toasted */
	int		   *tuple_blocks;	/* of each tuple, which of the blocks read it
								 * is from, from 0 */
} TableSample;

extern Obstacle *sample_table(Relation relation, TableSample **sample);
extern TableSample *sample_from_statistics(Relation relation);

#endif							/* UPGRADE_PREREQ_SAMPLE_H */
