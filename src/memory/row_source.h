/*-------------------------------------------------------------------------
 *
 * row_source.h
 *	  The rows that a list of expressions makes over samples of tables.
 *
 * src/memory/row_source.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ROW_SOURCE_H
#define UPGRADE_PREREQ_ROW_SOURCE_H

#include "nodes/pg_list.h"
#include "sample.h"

/* One of the rows. */
typedef struct SourceRow
{
	int			number;			/* from 0 */
	int			position;		/* of its tuple in the first sample */
	Datum	   *values;
	bool	   *isnull;
} SourceRow;

/* What has columns of any kind; see row_source.c. */
typedef struct SourceColumn SourceColumn;

typedef struct RowSource
{
	TableSample *const *samples;
	int			sample_count;
	TupleDesc	tupdesc;		/* of the rows */
	SourceColumn *columns;
	int			row_count;		/* at least 1 */
	bool		guessed;		/* some column of variable length is taken at
								 * the width that the planner guesses */
	bool		invented;		/* some column is not what the expression
								 * gives, but of the same length or a guess */
} RowSource;

/*
 * Called for each row, in a memory context that is reset after it.  If an
 * expression fails, all begins again, with row number 0.
 */
typedef void (*RowFunction) (const SourceRow *row, void *argument);

extern RowSource *row_source(List *expressions, TableSample *const *samples,
							 int sample_count, bool detoasts,
							 int row_limit);
extern void row_source_read(RowSource *source, RowFunction function,
							void *argument);

#endif							/* UPGRADE_PREREQ_ROW_SOURCE_H */
