/*-------------------------------------------------------------------------
 *
 * model.c
 *	  How much memory a node of a plan, or an index build, needs, and what it
 *	  writes with less.
 *
 * Here is what all kinds of nodes share, and the kinds that neither sort nor
 * hash: tuple stores, hashed subplans (which only the planner limits) and GIN
 * builds.  Sorts are in model_sort.c, hash tables in model_hash.c.
 *
 * Where a formula would hide what the server does, the server's own decisions
 * are followed with a given setting, and the smallest setting that is enough
 * is searched for.
 *
 * src/memory/model.c
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

/* Above this an AllocSet takes a chunk as long as asked for. */
#define CHUNK_LIMIT 8192.0

/* The part of a MinimalTuple that is not written, less the length word. */
#define MINIMAL_TUPLE_UNWRITTEN 6

/* The first array of a tuplestore: 16 kB of pointers. */
#define FIRST_STORE_SLOTS 2048

/* What merging one more run costs; see model_one_pass_bytes(). */
#define MERGE_BYTES_PER_RUN (272.0 * 1024)

/* ----- chunks of memory ----- */

/* The smallest power of two that is not less. */
double
model_power_of_two(double number)
{
	return number <= 1 ? 1 : exp2(ceil(log2(number)));
}

/*
 * What an AllocSet takes for a request of so many bytes, without its chunk
 * header: the next power of two, at least 8, up to ALLOC_CHUNK_LIMIT
 * (AllocSetAlloc() in utils/mmgr/aset.c).
 */
double
model_power_length(double length)
{
	if (length > CHUNK_LIMIT)
		return ceil(length / 8) * 8;
	return Max(model_power_of_two(length), 8);
}

/*
 * The chunk header of an AllocSet: size and context up to 15, 8 bytes from 16
 * (utils/mmgr/aset.c, utils/memutils_memorychunk.h).
 */
double
model_chunk_header(int major)
{
	return major < 16 ? 16 : 8;
}

/* Rows of which each has the same length. */
ModelRows
model_even_rows(double count, double length)
{
	ModelRows	rows = {.count = count,.length = length};

	rows.aligned = rows.first_aligned = ceil(length / 8) * 8;
	rows.power = rows.first_power = model_power_length(length);
	return rows;
}

/* ----- the search ----- */

/*
 * The smallest setting from which on something fits: from one that is enough
 * downwards in steps of a fifth of a percent, then by bisection of the last
 * step.  In steps because it may not fit with a little more than with which it
 * does.
 */
double
model_smallest_setting(ModelFits fits, const void *what, double enough_bytes)
{
	double		high = Max(enough_bytes, MODEL_LEAST_BYTES);
	double		low;

	while (!fits(what, high) && high < 1e15)
		high *= 1.25;
	for (low = high; low >= MODEL_LEAST_BYTES / 2 && fits(what, low); low *= 0.998)
		high = low;
	while (high - low > Max(high / 10000, 1))
	{
		double		middle = (low + high) / 2;

		if (fits(what, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* ----- tuple stores ----- */

typedef struct Store
{
	double		rows;
	double		first_charge;	/* for each of the first half of the rows */
	double		charge;			/* for each of all rows */
} Store;

/*
 * Whether a tuplestore keeps its rows in memory (utils/sort/tuplestore.c:
 * tuplestore_puttuple_common(), grow_memtuples()).  Its array doubles until
 * more than half of the memory is used and then grows once more, by as much
 * as the rows so far suggest.
 */
static bool
store_fits(const void *what, double setting_bytes)
{
	const Store *store = what;
	double		slots = FIRST_STORE_SLOTS;
	double		used;

	for (;;)
	{
		if (store->rows < slots)
			break;
		used = slots * sizeof(void *) + slots * store->first_charge;
		if (used > setting_bytes)
			return false;
		if (used * 2 > setting_bytes)
		{
			slots = floor(slots * setting_bytes / used);
			break;
		}
		slots *= 2;
	}
	return store->rows < slots && slots * sizeof(void *) + store->rows * store->charge <= setting_bytes;
}

/*
 * A tuplestore that keeps all of its rows: a materialised CTE (also with a
 * single reader), Materialize, the frame of a WindowAgg that looks at the
 * whole partition, a working table (executor/nodeCtescan.c, nodeMaterial.c,
 * nodeWindowAgg.c, nodeRecursiveunion.c).  Of each row it charges the chunk:
 * of an AllocSet, from 18 of a Generation context (tuplestore_begin_common()).
 * It writes each row once (writetup_heap()), to a file without blocks of its
 * own.
 */
ModelNeed
model_tuplestore(const ModelServer *server, const ModelRows *rows)
{
	ModelNeed	need = {0};
	double		header = model_chunk_header(server->major);
	bool		power = server->major < 18;
	Store		store = {.rows = rows->count};

	store.charge = header + (power ? rows->power : rows->aligned);
	store.first_charge = header + (power ? rows->first_power : rows->first_aligned);
	need.needed_bytes = model_smallest_setting(store_fits, &store,
											   (rows->count + FIRST_STORE_SLOTS) *
											   (sizeof(void *) + store.charge) * 1.1);
	if (server->setting_bytes < need.needed_bytes)
		need.temp_bytes = rows->count * (rows->length - MINIMAL_TUPLE_UNWRITTEN);
	return need;
}

/* ----- what only the planner limits ----- */

/*
 * The edge below which NOT IN (SELECT ...) is not hashed any more, and the
 * subquery's result is read for every row: subplan_is_hashable() and
 * subpath_is_hashable() in optimizer/plan/subselect.c, with the planner's
 * rows and width of the subquery.  Once it is hashed nothing limits it.
 */
ModelNeed
model_hashed_subplan(const ModelServer *server, double planned_rows,
					 double planned_width)
{
	ModelNeed	need = {0};

	need.needed_bytes = planned_rows * (ceil(planned_width / 8) * 8 + 24) /
		server->hash_mem_multiplier;
	return need;
}

/* ----- GIN ----- */

/*
 * A GIN build, which collects keys in a tree until it is full and then adds
 * all of them to the index (access/gin/gininsert.c: ginBuildCallback();
 * ginbulk.c: ginInsertBAEntry(), ginCombineData()).  needed_bytes is what
 * collects the whole table at once; with less nothing is written to temporary
 * files, only the index is passed over more often.  Of each distinct key: an
 * entry of 64 bytes, a list of row pointers of 6 bytes, which begins with 5
 * and doubles, and a copy of the key unless it is passed by value (key_length
 * 0).  From the sources: no temporary file shows whether it is true.
 */
ModelNeed
model_gin_build(const ModelServer *server, double keys, double distinct_keys,
				double key_length)
{
	ModelNeed	need = {0};
	double		header = model_chunk_header(server->major);
	double		pointers = 5 * model_power_of_two(keys / Max(distinct_keys, 1) / 5);

	double		copy = key_length > 0 ? header + model_power_length(key_length) : 0;

	need.needed_bytes = distinct_keys *
		(64 + header + model_power_length(6 * pointers) + copy);
	return need;
}
