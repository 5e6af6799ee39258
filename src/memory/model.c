/*-------------------------------------------------------------------------
 *
 * model.c
 *	  How much memory an operation needs, and what it writes without it.
 *
 * src/memory/model.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "model.h"

/*
 * What merging one more run costs: a read buffer of 32 blocks and two blocks
 * for the tape (tuplesort_merge_order() in utils/sort/tuplesort.c).
 */
#define MERGE_BYTES_PER_RUN (272.0 * 1024)

/*
 * The memory, in bytes, with which an operation on so many rows writes no
 * temporary file.
 */
double
model_needed_bytes(const Operation *operation, double rows)
{
	return (rows + 1) * operation->need_bytes_per_row;
}

/* The temporary file, in bytes, that it writes with less; -1 if not known. */
double
model_spill_bytes(const Operation *operation, double rows)
{
	return operation->temp_bytes_per_row < 0 ? -1 :
		rows * operation->temp_bytes_per_row;
}

/*
 * The memory, in bytes, with which it writes its data only once: enough to
 * merge all runs of a sort in one pass.  With memory M there are need / M
 * runs, and M / MERGE_BYTES_PER_RUN of them can be merged at a time.  A hash
 * writes each of its batches once, however many there are.
 */
double
model_one_pass_bytes(const Operation *operation, double rows)
{
	double		needed = model_needed_bytes(operation, rows);

	if (operation->setting == MEMORY_HASH)
		return 0;
	return Min(needed, sqrt(needed * MERGE_BYTES_PER_RUN));
}
