/*-------------------------------------------------------------------------
 *
 * row_length.h
 *	  How long the rows are that a list of expressions makes.
 *
 * Expressions are about samples (sample.h): a Var's varno is the position of
 * its table's sample, from 1, its varattno the attribute number there; system
 * columns and whole rows included.  A sample may be NULL for what is not a
 * table, and may be one without tuples (sample_from_statistics()).
 *
 * src/memory/row_length.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ROW_LENGTH_H
#define UPGRADE_PREREQ_ROW_LENGTH_H

#include "model.h"
#include "nodes/pg_list.h"
#include "sample.h"

/* What a node keeps of a row. */
typedef enum RowForm
{
	ROW_MINIMAL_TUPLE,			/* length is MinimalTupleData's t_len */
	ROW_INDEX_TUPLE,			/* keys, then INCLUDE columns; length is
								 * IndexTupleSize() */
	ROW_DATUM,					/* a sort of one expression that keeps the
								 * datum: its size; 0 if passed by value */
	ROW_FETCHED_TUPLE,			/* a minimal tuple with what is in the TOAST
								 * table in it, compressed if it is there */
} RowForm;

extern ModelRows row_lengths(RowForm form, List *expressions,
							 TableSample *const *samples, int sample_count,
							 bool *guessed);

#endif							/* UPGRADE_PREREQ_ROW_LENGTH_H */
