/*-------------------------------------------------------------------------
 *
 * model_sort.c
 *	  How much memory sorts and B-tree builds need, and what they write.
 *
 * A sort keeps an array of SortTuples, which grows in steps, and the tuples
 * (utils/sort/tuplesort.c, from 16 also tuplesortvariants.c).
 *
 * src/memory/model_sort.c
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
#include "model_search.h"

#define SORT_TUPLE_BYTES 24.0	/* sizeof(SortTuple) */
#define FIRST_SLOTS 1024		/* INITIAL_MEMTUPSIZE */

#define BLOCK_BYTES 8192.0		/* BLCKSZ */
#define BLOCK_PAYLOAD_BYTES 8176.0	/* less TapeBlockTrailer, in logtape.c */
#define LEAST_MERGE_ORDER 6		/* MINORDER */
#define GREATEST_MERGE_ORDER 500	/* MAXORDER */

/* Groups are collected by at least so many rows: DEFAULT_MIN_GROUP_SIZE. */
#define LEAST_GROUP_ROWS 32

/*
 * The largest part of the rows that one process may get, as a multiple of an
 * even part: workers begin late, and take blocks as they come.
 */
#define UNEVEN_PARTS 1.8

/*
 * If the first half of the rows is longer or shorter than all by more than
 * this part, the order of the rows matters and is not known well enough.
 */
#define UNEVEN_LENGTHS 0.03

/* What a sort is made of. */
typedef struct Sort
{
	int			major;
	double		rows;			/* that have to fit */
	double		charge;			/* memory charged for each tuple */
	double		first_charge;	/* the same over the first half of them */
} Sort;

/*
 * The context of the tuples of an unbounded sort: which context, and its
 * chunk header (tuplesort_begin_common() in 13, tuplesort_begin_batch()).
 * Bounded ones, that is with LIMIT, have an AllocSet everywhere.  Bump
 * contexts have no header; tuplesort_puttupleslot() charges the aligned
 * length.
 */
typedef struct TupleContext
{
	bool		power;			/* chunks are powers of two */
	double		header;
} TupleContext;

static TupleContext
tuple_context(int major, bool bounded)
{
	TupleContext context;

	context.power = bounded || major < 15;
	if (context.power)
		context.header = model_chunk_header(major);
	else
		context.header = major == 15 ? 24 : major == 16 ? 8 : 0;
	return context;
}

/*
 * Whether the sort within an aggregate, as of count(DISTINCT x), keeps tuples or
 * datums: those of a single column (initialize_aggregate() in
 * executor/nodeAgg.c).
 */
ModelSortKind
model_aggregate_sort_kind(int columns, bool by_value)
{
	if (columns != 1)
		return MODEL_SORT_TUPLES;
	return by_value ? MODEL_SORT_BY_VALUE : MODEL_SORT_BY_REFERENCE;
}

/*
 * The same for a Sort node: by-value datums from 15, others from 16
 * (ExecInitSort() in executor/nodeSort.c).
 */
ModelSortKind
model_sort_kind(int major, int columns, bool by_value)
{
	if (major < (by_value ? 15 : 16))
		return MODEL_SORT_TUPLES;
	return model_aggregate_sort_kind(columns, by_value);
}

/*
 * The sort of these rows.  By-value datums stand in the array itself; those
 * by reference are copied, which 17 and 18 did not charge at first
 * (tuplesort_putdatum()).
 */
static Sort
describe_sort(const ModelServer *server, const ModelRows *rows,
			  ModelSortKind kind, bool bounded)
{
	Sort		sort = {.major = server->major,.rows = rows->count};
	TupleContext context = tuple_context(server->major, bounded);

	if (kind == MODEL_SORT_BY_VALUE ||
		(kind == MODEL_SORT_BY_REFERENCE && server->major >= 17 &&
		 !server->charges_datums))
		return sort;
	sort.charge = context.header +
		(context.power ? rows->power : rows->aligned);
	sort.first_charge = context.header +
		(context.power ? rows->first_power : rows->first_aligned);
	return sort;
}

/*
 * What the first tuples are charged in all.  If the first half is wider than
 * the second the rows in between may be as wide, as far as is known.
 */
static double
charge_of_first(const Sort *sort, double tuples)
{
	double		half = sort->rows / 2;

	if (tuples <= half || sort->first_charge > sort->charge)
		return Min(tuples * sort->first_charge, sort->rows * sort->charge);
	return half * sort->first_charge +
		(tuples - half) * (2 * sort->charge - sort->first_charge);
}

/*
 * The slots of the array once it does not grow any more, with which the sort
 * runs out of memory or of rows: it doubles until more than half of the memory
 * is used and then grows once more, by as much as the tuples so far suggest
 * (grow_memtuples()).  0 if the memory is exceeded before that.
 */
static double
final_slots(const Sort *sort, double setting_bytes)
{
	double		slots = FIRST_SLOTS;

	while (slots <= sort->rows)
	{
		double		used = slots * SORT_TUPLE_BYTES + charge_of_first(sort, slots);

		if (used > setting_bytes)
			return 0;
		if (used * 2 > setting_bytes)
			return floor(slots * setting_bytes / used);
		slots *= 2;
	}
	return slots;
}

/* Does the sort stay in memory (puttuple_common())? */
static bool
sort_fits(const void *what, double setting_bytes)
{
	const Sort *sort = what;
	double		slots = final_slots(sort, setting_bytes);

	return sort->rows < slots &&
		slots * SORT_TUPLE_BYTES + sort->rows * sort->charge <= setting_bytes;
}

static double
sort_needed_bytes(const Sort *sort)
{
	return model_smallest_setting(sort_fits, sort,
								  Max(sort->rows, FIRST_SLOTS) * 1.2 *
								  (SORT_TUPLE_BYTES + Max(sort->charge, sort->first_charge)));
}

/* ----- on disk ----- */

/*
 * How many runs are merged at a time, and how many tapes have a buffer while
 * they are made (tuplesort_merge_order(), inittapes(); balanced merge from 15,
 * polyphase before).
 */
static double
merge_order(int major, double setting_bytes, double *tapes)
{
	double		order;

	if (major >= 15)
		order = floor(setting_bytes / (2 * BLOCK_BYTES + 32 * BLOCK_BYTES));
	else
		order = floor((setting_bytes - BLOCK_BYTES) / (BLOCK_BYTES + 32 * BLOCK_BYTES));
	order = Min(Max(order, LEAST_MERGE_ORDER), GREATEST_MERGE_ORDER);
	*tapes = major >= 15 ? order : order + 1;
	return order;
}

/* The tuples of a run: what the memory holds, but no more than the array. */
static double
run_tuples(double slots, double tuple_bytes, double charge)
{
	return charge > 0 ? Max(Min(slots, tuple_bytes / charge), 1) : slots;
}

/*
 * The runs of a sort that does not fit.  The first fills the memory and fixes
 * the length of the array; for the others the buffers of the tapes are taken
 * off what is left for tuples (inittapestate()).
 */
static double
sort_runs(const Sort *sort, double setting_bytes, double tapes)
{
	double		slots = setting_bytes / (SORT_TUPLE_BYTES + sort->first_charge);
	double		left = setting_bytes - slots * SORT_TUPLE_BYTES;
	double		half = sort->rows / 2;
	double		last_charge = 2 * sort->charge - sort->first_charge;

	if (sort->rows <= slots)
		return 1;
	if (left > tapes * BLOCK_BYTES)
		left -= tapes * BLOCK_BYTES;
	return 1 + ceil(Max(half - slots, 0) / run_tuples(slots, left, sort->first_charge) +
					Min(half, sort->rows - slots) / run_tuples(slots, left, last_charge));
}

/* Are all runs merged at once, so that the data is written once? */
static bool
sort_writes_once(const void *what, double setting_bytes)
{
	const Sort *sort = what;
	double		tapes;
	double		order = merge_order(sort->major, setting_bytes, &tapes);

	return sort_runs(sort, setting_bytes, tapes) <= order;
}

/*
 * The disk that tapes take: blocks with a trailer, the last of each tape not
 * full (utils/sort/logtape.c).  Also with several passes, because what has
 * been read is used again.
 */
static double
tape_bytes(const Sort *sort, double setting_bytes, double rows,
		   double bytes_per_row)
{
	double		tapes;
	double		order = merge_order(sort->major, setting_bytes, &tapes);
	double		runs = sort_runs(sort, setting_bytes, tapes);
	double		blocks = rows * bytes_per_row / BLOCK_PAYLOAD_BYTES;

	return (ceil(blocks) + Min(runs, order) / 2) * BLOCK_BYTES;
}

/*
 * What comes of a sort of which each row takes so many bytes on a tape.  rows
 * is how many there are, of which sort->rows have to fit.
 */
static ModelNeed
sort_need(const ModelServer *server, const Sort *sort, double rows,
		  double bytes_per_row)
{
	ModelNeed	need = {0};

	need.needed_bytes = sort_needed_bytes(sort);
	need.one_pass_bytes = model_smallest_setting(sort_writes_once, sort,
												 need.needed_bytes);
	if (need.one_pass_bytes <= MODEL_LEAST_BYTES)
		need.one_pass_bytes = 0;
	need.at_most = fabs(sort->first_charge - sort->charge) > UNEVEN_LENGTHS * sort->charge;
	if (server->setting_bytes < need.needed_bytes)
		need.temp_bytes = tape_bytes(sort, server->setting_bytes, rows, bytes_per_row);
	return need;
}

/*
 * The bytes of a row on a tape: a length word and the tuple without the first
 * ten bytes of its header, or the datum (writetup_heap(), writetup_datum()).
 */
static double
written_length(const ModelRows *rows, ModelSortKind kind)
{
	switch (kind)
	{
		case MODEL_SORT_BY_VALUE:
			return sizeof(int) + 8;
		case MODEL_SORT_BY_REFERENCE:
			return sizeof(int) + rows->length;
		default:
			return rows->length - 6;
	}
}

static bool
is_power_of_two(double number)
{
	return model_power_of_two(number) == number;
}

/*
 * A Sort.  bound is the number of rows that a LIMIT above wants, 0 for none.
 *
 * With a bound N the rows have to fit until 2 N + 1 have come; then, or when
 * memory runs out after more than N of them, only the best N are kept
 * (puttuple_common()).  Whether memory or the array runs out first depends, if
 * rows differ in length, on chance: then the need may be half of this.
 */
ModelNeed
model_sort(const ModelServer *server, const ModelRows *rows,
		   ModelSortKind kind, double bound)
{
	Sort		sort = describe_sort(server, rows, kind, bound > 0);
	ModelNeed	need;

	if (bound > 0)
		sort.rows = Min(sort.rows, 2 * bound);
	need = sort_need(server, &sort, rows->count, written_length(rows, kind));
	if (bound > 0 && rows->count > bound && !is_power_of_two(rows->power))
		need.at_most = true;
	return need;
}

/* The largest share of the rows that one of so many processes may get. */
double
model_largest_part(int processes)
{
	return Min(UNEVEN_PARTS / processes, 1);
}

/*
 * A Sort of which each of some processes sorts its part, in a setting of its
 * own.  How the rows are parted depends on how fast the processes are.
 */
ModelNeed
model_parallel_sort(const ModelServer *server, const ModelRows *rows,
					ModelSortKind kind, double bound, int processes)
{
	ModelRows	part = *rows;
	ModelNeed	need;
	double		disk;

	if (processes < 2)
		return model_sort(server, rows, kind, bound);
	part.count *= model_largest_part(processes);
	need = model_sort(server, &part, kind, bound);
	disk = rows->count * written_length(rows, kind);
	if (need.temp_bytes > 0)
		need.temp_bytes = disk * BLOCK_BYTES / BLOCK_PAYLOAD_BYTES;
	need.at_most = true;
	return need;
}

/*
 * An Incremental Sort, which sorts the rows with equal first keys one group
 * after the other (executor/nodeIncrementalSort.c).
 */
ModelNeed
model_incremental_sort(const ModelServer *server, const ModelRows *rows,
					   double largest_group, double bound)
{
	ModelRows	group = *rows;

	group.count = Min(rows->count, Max(largest_group, LEAST_GROUP_ROWS));
	group.first_aligned = group.aligned;
	group.first_power = group.power;
	return model_sort(server, &group, MODEL_SORT_TUPLES, bound);
}

/* ----- B-tree builds ----- */

/*
 * Does each process merge the runs of its part at once?  A process that makes
 * more than one run has to merge them, and so writes its rows again
 * (mergeruns()); the memory that it takes to make a single one would be
 * several times the index, and was seen to make the build slower
 * (bench/RESULTS.md).
 */
typedef struct ParallelBuild
{
	Sort		part;
	int			processes;
} ParallelBuild;

static bool
build_merges_once(const void *what, double setting_bytes)
{
	const ParallelBuild *build = what;

	return sort_writes_once(&build->part, setting_bytes / build->processes);
}

/*
 * A B-tree build: a sort of index tuples under maintenance_work_mem
 * (access/nbtree/nbtsort.c; tuplesort_putindextuplevalues(),
 * writetup_index()).  tuples->length is that of the IndexTuple.
 *
 * In a parallel build every process always writes its run
 * (tuplesort_performsort()), and has its part of the memory
 * (_bt_parallel_build_main()).
 *
 * Of a unique index, rows that are dead but may still be seen by somebody go to
 * a second sort, under work_mem.  How many these are depends on who else is
 * there: they are not counted.
 */
ModelNeed
model_btree_build(const ModelServer *server, const ModelRows *tuples,
				  int processes)
{
	double		bytes_per_row = tuples->aligned + sizeof(int);
	Sort		sort = describe_sort(server, tuples, MODEL_SORT_TUPLES, false);
	ParallelBuild build;
	ModelNeed	need;

	if (processes < 2)
		return sort_need(server, &sort, tuples->count, bytes_per_row);
	build.part = sort;
	build.part.rows = ceil(sort.rows * model_largest_part(processes));
	build.processes = processes;
	need.needed_bytes = INFINITY;
	need.one_pass_bytes = model_smallest_setting(build_merges_once, &build,
												 processes * sort_needed_bytes(&build.part));
	need.temp_bytes = ceil(sort.rows * bytes_per_row / BLOCK_PAYLOAD_BYTES +
						   processes / 2.0) * BLOCK_BYTES;
	need.at_most = true;
	return need;
}
