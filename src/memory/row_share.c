/*-------------------------------------------------------------------------
 *
 * row_share.c
 *	  How many rows of a table satisfy a condition, and how many groups they
 *	  form.
 *
 * Rows of one block are often alike, so that a sample of blocks says less than
 * as many rows drawn one by one would.  What follows counts with that.
 *
 * src/memory/row_share.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "common/hashfn.h"
#include "compat.h"
#include "nodes/makefuncs.h"
#include "row_share.h"
#include "row_source.h"

/* Rows to evaluate a condition for, at most. */
#define SHARE_ROWS 4096

/* What is counted of a condition, by block. */
typedef struct ShareCounts
{
	const TableSample *sample;
	double	   *rows;			/* by block read */
	double	   *satisfied;
	int		   *positions;		/* of the tuples that satisfy it */
	int			count;
} ShareCounts;

/* Count a row.  (RowFunction) */
static void
count_row(const SourceRow *row, void *argument)
{
	ShareCounts *counts = argument;
	const TableSample *sample = counts->sample;
	int			block = sample->tuple_blocks[row->position];

	if (row->number == 0)
	{
		memset(counts->rows, 0, sample->blocks_read * sizeof(double));
		memset(counts->satisfied, 0, sample->blocks_read * sizeof(double));
		counts->count = 0;
	}
	counts->rows[block]++;
	if (DatumGetBool(row->values[0]) && !row->isnull[0])
	{
		counts->satisfied[block]++;
		counts->positions[counts->count++] = row->position;
	}
}

/*
 * The share and its standard error: that of a ratio of two sums over blocks
 * drawn at random (W. G. Cochran, Sampling Techniques, chapter 6), but not
 * less than if the rows had been drawn one by one, since a sample in which
 * all rows are alike does not prove that the others are.
 */
static void
estimate_share(const ShareCounts *counts, int row_count, bool complete,
			   double *share, double *error)
{
	int			blocks = counts->sample->blocks_read;
	double		satisfied = 0;
	double		squares = 0;
	double		likely;

	for (int i = 0; i < blocks; i++)
		satisfied += counts->satisfied[i];
	*share = satisfied / row_count;
	*error = 0;
	if (complete)
		return;

	for (int i = 0; i < blocks; i++)
	{
		double		excess = counts->satisfied[i] - *share * counts->rows[i];

		squares += excess * excess;
	}
	if (blocks > 1)
		*error = sqrt(squares * blocks / (blocks - 1)) / row_count;
	likely = (satisfied + 1) / (row_count + 2);
	*error = Max(*error, sqrt(likely * (1 - likely) / row_count));
}

/* The sample of those rows that were found to satisfy a condition. */
static TableSample *
satisfying_sample(const ShareCounts *counts, double share, double error)
{
	const TableSample *sample = counts->sample;
	TableSample *result = palloc(sizeof(TableSample));

	*result = *sample;
	result->rows = sample->rows * share;
	result->rows_error = hypot(sample->rows * error,
							   sample->rows_error * share);
	result->tuple_count = counts->count;
	result->tuples = palloc(sizeof(HeapTuple) * (counts->count + 1));
	result->tuple_blocks = palloc(sizeof(int) * (counts->count + 1));
	for (int i = 0; i < counts->count; i++)
	{
		result->tuples[i] = sample->tuples[counts->positions[i]];
		result->tuple_blocks[i] = sample->tuple_blocks[counts->positions[i]];
	}
	return result;
}

/*
 * What a sample would be of only those rows that satisfy all of a list of
 * conditions; it shares its tuples with the one given.  NULL if that is not
 * known: without tuples, or with a condition that cannot be evaluated.
 *
 * To be called under guard_run(), with the rights of the table's owner only.
 */
TableSample *
sample_filter(TableSample *sample, List *quals)
{
	RowSource  *source;
	ShareCounts counts = {.sample = sample};
	double		share;
	double		error;

	if (sample->tuple_count == 0)
		return NULL;
	source = row_source(list_make1(make_ands_explicit(quals)), &sample, 1,
						false, SHARE_ROWS);
	if (source->invented)
		return NULL;

	counts.rows = palloc(sample->blocks_read * sizeof(double));
	counts.satisfied = palloc(sample->blocks_read * sizeof(double));
	counts.positions = palloc(sizeof(int) * (sample->tuple_count + 1));
	row_source_read(source, count_row, &counts);
	if (source->invented)
		return NULL;			/* it failed on the way */

	estimate_share(&counts, source->row_count,
				   sample->complete && source->row_count == sample->tuple_count,
				   &share, &error);
	return satisfying_sample(&counts, share, error);
}

/* A row of the sample by its values, and the block it is in. */
typedef struct GroupRow
{
	uint64		hash;
	int			block;
} GroupRow;

typedef struct GroupRows
{
	const TableSample *sample;
	TupleDesc	tupdesc;
	GroupRow   *rows;
} GroupRows;

/* Go on with a hash over the bytes of a value. */
static uint64
hash_value(const FormData_pg_attribute *attribute, Datum value, uint64 seed)
{
	struct varlena *detoasted;

	if (attribute->attbyval)
		return hash_bytes_extended((unsigned char *) &value, sizeof(value), seed);
	if (attribute->attlen > 0)
		return hash_bytes_extended((unsigned char *) DatumGetPointer(value),
								   attribute->attlen, seed);
	if (attribute->attlen == -2)
		return hash_bytes_extended((unsigned char *) DatumGetCString(value),
								   (int) strlen(DatumGetCString(value)), seed);
	detoasted = detoast_attr((struct varlena *) DatumGetPointer(value));
	return hash_bytes_extended((unsigned char *) VARDATA_ANY(detoasted),
							   VARSIZE_ANY_EXHDR(detoasted), seed);
}

/* Note a row.  (RowFunction) */
static void
note_row(const SourceRow *row, void *argument)
{
	GroupRows  *rows = argument;
	uint64		hash = 0;

	for (int i = 0; i < rows->tupdesc->natts; i++)
	{
		if (row->isnull[i])
			hash = hash_bytes_extended(NULL, 0, ~hash);
		else
			hash = hash_value(TupleDescAttr(rows->tupdesc, i), row->values[i],
							  hash);
	}
	rows->rows[row->number].hash = hash;
	rows->rows[row->number].block = rows->sample->tuple_blocks[row->position];
}

/* For qsort(): by value, then by block. */
static int
compare_group_rows(const void *a, const void *b)
{
	const GroupRow *left = a;
	const GroupRow *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (left->block > right->block) - (left->block < right->block);
}

/* What is counted of groups. */
typedef struct GroupCounts
{
	double		groups;			/* seen in the sample */
	double		places;			/* pairs of a group and a block it is in */
	double		squares;		/* of the blocks of each group, their sum */
	double		in[4];			/* groups that are in one block, two, three;
								 * [0]: in more */
	int			largest;		/* rows of the largest */
} GroupCounts;

/* Note in how many blocks a group is that has been gone through. */
static void
close_group(GroupCounts *counts, int places)
{
	if (places == 0)
		return;					/* there was none before the first */
	counts->in[places > 3 ? 0 : places]++;
	counts->squares += (double) places * places;
}

static GroupCounts
count_groups(GroupRow *rows, int row_count)
{
	GroupCounts counts = {0};
	int			places = 0;		/* of the present group */
	int			first = 0;		/* its first row */

	qsort(rows, row_count, sizeof(GroupRow), compare_group_rows);
	for (int i = 0; i < row_count; i++)
	{
		bool		new_group = i == 0 || rows[i].hash != rows[i - 1].hash;

		if (new_group)
			first = i;
		counts.largest = Max(counts.largest, i - first + 1);
		if (!new_group && rows[i].block == rows[i - 1].block)
			continue;
		if (new_group)
		{
			close_group(&counts, places);
			counts.groups++;
			places = 0;
		}
		counts.places++;
		places++;
	}
	close_group(&counts, places);
	return counts;
}

/*
 * Do the groups look as if all were about as large?  Then how many are in
 * one, two, three blocks of the sample is a Poisson distribution, or narrower.
 * With large groups beside many small ones many more are in three blocks than
 * those in one and two let expect, and the estimate would be too low.
 */
static bool
are_alike(const GroupCounts *counts)
{
	double		expected = counts->in[2] * 2 * counts->in[2] / Max(counts->in[1], 1) / 3;

	return counts->in[2] >= 30 &&
		counts->in[3] <= expected * 1.3 + 3 * sqrt(expected + 1);
}

/*
 * The same of groups that are in several blocks of the sample each: in how many
 * blocks spreads no more than chance has it.
 */
static bool
are_large_and_alike(const GroupCounts *counts)
{
	double		mean = counts->places / counts->groups;
	double		variance = counts->squares / counts->groups - mean * mean;

	return counts->groups >= 10 && mean >= 3 && variance <= 1.5 * mean;
}

/*
 * How many distinct combinations of these expressions there are in all rows
 * of a table: an estimate, and what it is at most (by two standard errors).
 * Returns false if that is not known: without tuples, or with an expression
 * that cannot be evaluated.
 *
 * The estimate is that of P. J. Haas and L. Stokes (IBM Research Report RJ
 * 10025), which ANALYZE uses too (compute_distinct_stats() in
 * src/backend/commands/analyze.c), but of the blocks that a group is in, in
 * place of its rows: it holds for equal rows that lie together, too.
 *
 * The upper bound counts on the groups seen in one place only.  Be p the share
 * of the rows that were looked at; a group in k places is missed with a
 * probability of (1 - p)^k, and seen once with k p (1 - p)^(k - 1): at most
 * (1 - p) / p times as many are missed as are seen once.  If the groups are of
 * about the same size it is much less: the estimate and two standard errors,
 * which come from the number of repetitions.
 *
 * *largest is the share (0 to 1) of the rows that the largest group has at most,
 * by two standard errors, as long as equal rows do not lie together; 0 if all
 * are about as large.
 *
 * If not all rows of the blocks were kept, equal rows that lie together are
 * not known to, and the estimate is too high, up to the upper bound.
 *
 * Values are the same if their bytes are: where a type has equal values of
 * different bytes, such as numeric, there are fewer groups than said.
 *
 * To be called under guard_run(), with the rights of the table's owner only.
 */
bool
sample_groups(List *expressions, TableSample *sample, double *groups,
			  double *at_most, double *largest)
{
	RowSource  *source;
	GroupRows	rows = {.sample = sample};
	GroupCounts counts;
	double		most_rows = sample->rows + 2 * Max(sample->rows_error, 0);
	double		ratio;
	double		most_single;

	if (sample->tuple_count == 0)
		return false;
	source = row_source(expressions, &sample, 1, true, sample->tuple_count);
	if (source->invented)
		return false;

	rows.tupdesc = source->tupdesc;
	rows.rows = palloc(source->row_count * sizeof(GroupRow));
	row_source_read(source, note_row, &rows);
	if (source->invented)
		return false;			/* one failed on the way */

	counts = count_groups(rows.rows, source->row_count);
	*groups = *at_most = counts.groups;
	*largest = (double) counts.largest / source->row_count;
	if (sample->complete && source->row_count == sample->tuple_count)
		return true;

	ratio = Max(1, sample->rows / source->row_count);
	*groups = counts.places * counts.groups /
		(counts.places - counts.in[1] + counts.in[1] / ratio);
	most_single = counts.in[1] + 2 * sqrt(counts.in[1]) + 3;
	*at_most = Min(most_rows, counts.groups +
				   (Max(1, most_rows / source->row_count) - 1) * most_single);
	*largest = Min(1, *largest + 2 * sqrt(counts.largest) / source->row_count);
	if (are_alike(&counts))
	{
		*at_most = Min(*at_most, *groups *
					   (1.05 + 2 / sqrt(counts.places - counts.groups)));
		*largest = 0;
	}
	if (are_large_and_alike(&counts))
		*largest = 0;
	*groups = Min(*groups, *at_most);
	return true;
}
