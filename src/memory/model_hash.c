/*-------------------------------------------------------------------------
 *
 * model_hash.c
 *	  How much memory hash joins and hash aggregates need, and what they write.
 *
 * They may use work_mem x hash_mem_multiplier (get_hash_memory_limit() in
 * executor/nodeHash.c), which is called the limit here.
 *
 * src/memory/model_hash.c
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

#define TUPLE_HEADER 16.0		/* MAXALIGN(SizeofMinimalTupleHeader) */
#define BLOCK_BYTES 8192.0		/* BLCKSZ */

/* ----- hash joins ----- */

#define JOIN_TUPLE_OVERHEAD 16.0	/* HJTUPLE_OVERHEAD */
#define JOIN_POINTER 8.0		/* sizeof(HashJoinTuple) */
#define LEAST_BUCKETS 1024.0
#define SKEW_PERCENT 2			/* SKEW_HASH_MEM_PERCENT */
#define LEAST_COMMON_SHARE 0.01 /* SKEW_MIN_OUTER_FRACTION */
#define SKEW_BYTES (8 * 8 + 4 + 16) /* of a most common value, and its tuple */
#define CHUNK_BYTES (32.0 * 1024)	/* HASH_CHUNK_SIZE */
#define CHUNK_PAYLOAD_BYTES (CHUNK_BYTES - 32)	/* HASH_CHUNK_HEADER_SIZE */
#define CHUNK_THRESHOLD (CHUNK_BYTES / 4)	/* larger tuples have their own */
#define STORE_PAYLOAD_BYTES (CHUNK_BYTES - 8)	/* STS_CHUNK_DATA_SIZE */
#define MOST_BATCHES 1e6

typedef struct JoinSize
{
	const ModelServer *server;
	const ModelHashJoin *join;
} JoinSize;

static double
planned_tuple_bytes(const ModelHashJoin *join)
{
	return JOIN_TUPLE_OVERHEAD + TUPLE_HEADER + ceil(join->planned_width / 8) * 8;
}

static double
planned_buckets(const ModelHashJoin *join)
{
	return Max(model_power_of_two(join->planned_rows), LEAST_BUCKETS);
}

/*
 * How many of the most common values of the outer key have their inner rows
 * kept apart, so that the outer rows with these values are never written
 * (ExecChooseHashTableSize(), ExecHashBuildSkewHash()).
 */
double
model_skew_values(const ModelServer *server, const ModelHashJoin *join)
{
	double		limit = server->setting_bytes * server->hash_mem_multiplier;

	if (!join->skew)
		return 0;
	return floor(floor(limit / (planned_tuple_bytes(join) + SKEW_BYTES)) * SKEW_PERCENT / 100);
}

/* The limit, less what is set aside for the most common values. */
static double
join_limit(const ModelHashJoin *join, double limit)
{
	ModelServer server = {.hash_mem_multiplier = 1,.setting_bytes = limit};

	return limit - model_skew_values(&server, join) * (planned_tuple_bytes(join) + SKEW_BYTES);
}

/*
 * Does the planner's estimate fit, so that the join begins with one batch
 * (ExecChooseHashTableSize())?
 */
static bool
join_starts_with_one_batch(const JoinSize *size, double limit)
{
	const ModelHashJoin *join = size->join;

	limit *= join->processes;
	return join->planned_rows * planned_tuple_bytes(join) +
		planned_buckets(join) * JOIN_POINTER <= join_limit(join, limit);
}

/* The chunks of 32 kB for tuples of a length, none of which is cut in two. */
static double
chunk_count(double tuples, double bytes, double payload)
{
	return bytes > payload ? tuples * ceil(bytes / payload) :
		tuples / floor(payload / bytes);
}

/*
 * The memory charged for the rows of one of so many batches: of a plain hash
 * table the tuples as they are and the buckets, which double with them
 * (ExecHashTableInsert()); of a Parallel Hash the chunks that they are packed
 * into, of which each process has one that is not full, and is charged for
 * (ExecParallelHashTupleAlloc(), ExecParallelHashTuplePrealloc()).
 */
static double
join_bytes(const ModelHashJoin *join, double batches)
{
	double		rows = join->inner.count / batches;
	double		tuple_bytes = JOIN_TUPLE_OVERHEAD + join->inner.length;
	double		aligned_bytes = JOIN_TUPLE_OVERHEAD + join->inner.aligned;

	if (join->processes > 1 && aligned_bytes > CHUNK_THRESHOLD)
		return rows * (aligned_bytes + CHUNK_BYTES - CHUNK_PAYLOAD_BYTES);
	if (join->processes > 1)
		return ceil(chunk_count(rows, aligned_bytes, CHUNK_PAYLOAD_BYTES) +
					join->processes) * CHUNK_BYTES;
	return rows * tuple_bytes +
		Max(batches > 1 ? LEAST_BUCKETS : planned_buckets(join),
			model_power_of_two(rows)) * JOIN_POINTER;
}

static bool
join_fits(const void *what, double setting_bytes)
{
	const JoinSize *size = what;
	double		limit = setting_bytes * size->server->hash_mem_multiplier;

	return join_starts_with_one_batch(size, limit) &&
		join_bytes(size->join, 1) <= limit * size->join->processes;
}

/* How many batches the plan begins with (ExecChooseHashTableSize()). */
static double
join_first_batches(const JoinSize *size, double limit)
{
	const ModelHashJoin *join = size->join;
	double		free_bytes = join_limit(join, limit);
	double		tuple_bytes = planned_tuple_bytes(join);
	double		buckets = model_power_of_two(free_bytes / (tuple_bytes + JOIN_POINTER));

	if (join_starts_with_one_batch(size, limit))
		return 1;
	return Max(model_power_of_two(ceil(join->planned_rows * tuple_bytes /
									   (free_bytes - buckets * JOIN_POINTER))), 2);
}

/*
 * How many batches there will be: as many as the plan makes or as the rows
 * come to need, a power of two.
 */
static double
join_batches(const JoinSize *size, double limit)
{
	double		batches = join_first_batches(size, limit);

	while (batches < MOST_BATCHES && join_bytes(size->join, batches) > limit)
		batches *= 2;
	return batches;
}

/*
 * The most that a shared tuple store takes for so many rows in so many files:
 * chunks of 32 kB, of which the last of each file is written whole, however
 * full it is (sts_puttuple(), sts_end_write() in utils/sort/sharedtuplestore.c).
 */
static double
shared_store_bytes(const ModelRows *rows, double share, double files)
{
	return (chunk_count(rows->count * share, rows->length + sizeof(uint32),
						STORE_PAYLOAD_BYTES) + files) * CHUNK_BYTES;
}

/*
 * The most that a Parallel Hash that does not fit writes.  Each process writes
 * a file of inner and one of outer rows for each batch, of the outer rows all
 * (ExecParallelHashJoinPartitionOuter() in executor/nodeHashjoin.c).
 *
 * With batches, the processes together have to do with the limit of one, and
 * where the fullest batch does not, all begin anew with more batches: two for
 * each process the first time, then twice as many
 * (ExecParallelHashIncreaseNumBatches()).  The files of the batches before stay
 * until the join ends: they have the inner rows that had been read by then, as
 * many as fitted.  Which batch is the fullest, and so whether there is one
 * doubling more, is up to chance: rows fall to batches by their hash values, so
 * that their number spreads by its square root.
 */
static double
parallel_join_bytes(const JoinSize *size, double limit)
{
	const ModelHashJoin *join = size->join;
	double		batches = join_first_batches(size, limit);
	double		bytes = 0;

	for (;;)
	{
		double		rows = join->inner.count / batches;
		ModelHashJoin fullest = *join;

		fullest.inner.count = rows + 4 * sqrt(rows);
		if (batches > 1 &&
			(batches >= MOST_BATCHES || join_bytes(&fullest, 1) <= limit))
			break;
		if (batches > 1)
			bytes += shared_store_bytes(&join->inner,
										(1 - 1 / batches) * Min(limit / join_bytes(join, batches), 1),
										join->processes * batches);
		batches = batches > 1 ? batches * 2 :
			model_power_of_two(join->processes * 2);
	}
	return bytes + shared_store_bytes(&join->inner, 1 - 1 / batches,
									  join->processes * batches) +
		shared_store_bytes(&join->outer, 1, join->processes * batches);
}

/*
 * A hash join, or a semi or anti join by hash.  Every batch but the first is
 * written, with the hash value, inner and outer rows
 * (ExecHashJoinSaveTuple()).  The figures of a Parallel Hash are upper bounds.
 */
ModelNeed
model_hash_join(const ModelServer *server, const ModelHashJoin *join)
{
	JoinSize	size = {.server = server,.join = join};
	ModelNeed	need = {.at_most = join->processes > 1};
	double		limit = server->setting_bytes * server->hash_mem_multiplier;
	double		enough = Max(join->planned_rows * planned_tuple_bytes(join) +
							 planned_buckets(join) * JOIN_POINTER,
							 join_bytes(join, 1)) * 1.1;
	double		inner_bytes = join->inner.count * (join->inner.length + sizeof(uint32));
	double		outer_bytes = join->outer.count * (join->outer.length + sizeof(uint32));

	if (join->skew && join->outer_common >= LEAST_COMMON_SHARE)
		outer_bytes *= 1 - join->outer_common;
	need.needed_bytes = model_smallest_setting(join_fits, &size,
											   enough / (server->hash_mem_multiplier * join->processes));
	if (server->setting_bytes >= need.needed_bytes)
		return need;
	if (join->processes > 1)
		need.temp_bytes = parallel_join_bytes(&size, limit);
	else
		need.temp_bytes = (inner_bytes * Max(join->copies, 1) + outer_bytes) *
			(1 - 1 / Max(join_batches(&size, limit), 2));
	return need;
}

/* ----- the bucket array of a hash aggregate ----- */

#define FILL_FACTOR 0.9			/* SH_FILLFACTOR in lib/simplehash.h */

/*
 * How full the array gets before it doubles because a probe is too long
 * (SH_GROW_MAX_DIB, SH_GROW_MAX_MOVE), by the binary logarithm of its size:
 * in 1 of 100 runs sooner than first, in 99 of 100 before last.  From a
 * simulation of SH_INSERT_HASH_INTERNAL() with random hash values, up to 2^22
 * buckets, 4000 runs of the small and 20 of the large sizes.
 */
typedef struct Fullness
{
	double		first;
	double		last;
} Fullness;

static const Fullness fullness[] = {
	[8] = {0.898, 0.9}, {0.844, 0.9}, {0.807, 0.9}, {0.792, 0.9},
	[12] = {0.776, 0.9}, {0.765, 0.895}, {0.750, 0.875}, {0.739, 0.854},
	[16] = {0.728, 0.837}, {0.717, 0.821}, {0.706, 0.813}, {0.685, 0.793},
	[20] = {0.680, 0.775}, {0.675, 0.755}, {0.670, 0.746},
};

static Fullness
fullness_of(double buckets)
{
	int			log = (int) log2(buckets);
	Fullness	full = {FILL_FACTOR, FILL_FACTOR};

	return log < 8 ? full : fullness[Min(log, (int) lengthof(fullness) - 1)];
}

/*
 * The buckets for so many groups, if the array begins with some.  Where
 * chance decides it is taken to double, and *chance is set.
 */
static double
bucket_count(double buckets, double groups, bool *chance)
{
	*chance = false;
	while (groups >= buckets * fullness_of(buckets).first)
	{
		*chance = groups < buckets * fullness_of(buckets).last;
		buckets *= 2;
	}
	return buckets;
}

/* ----- hash aggregates ----- */

#define GROUP_STATE_BYTES 16.0	/* sizeof(AggStatePerGroupData) */
#define BUCKET_BYTES(major) ((major) < 18 ? 24.0 : 16.0)	/* TupleHashEntryData */
#define ASSUMED_CHUNK_HEADER 16.0	/* CHUNKHDRSZ up to 17, whatever it is */
#define META_BYTES 16384.0		/* the context of the array, without it, and
								 * one for expressions below it */
#define CONTEXT_HEADER 240.0	/* of the first block of a context */
#define BLOCK_HEADER 40.0		/* ALLOC_BLOCKHDRSZ */
#define GREATEST_CONTEXT_BLOCK (8.0 * 1024 * 1024)

#define READ_BUFFER_BYTES BLOCK_BYTES	/* HASHAGG_READ_BUFFER_SIZE */
#define WRITE_BUFFER_BYTES BLOCK_BYTES	/* HASHAGG_WRITE_BUFFER_SIZE */
#define LEAST_PARTITIONS 4		/* HASHAGG_MIN_PARTITIONS */
#define GREATEST_PARTITIONS 1024	/* HASHAGG_MAX_PARTITIONS */
#define PARTITION_FACTOR 1.5	/* HASHAGG_PARTITION_FACTOR */

typedef struct AggregateSize
{
	const ModelServer *server;
	const ModelHashAggregate *aggregate;
} AggregateSize;

/*
 * What the executor thinks that a group takes, before it has seen one
 * (hash_agg_entry_size() in executor/nodeAgg.c).  Up to 17 ExecInitAgg() asks
 * before it has counted the transition functions, so that they do not count.
 */
static double
entry_bytes(const AggregateSize *size)
{
	const ModelHashAggregate *aggregate = size->aggregate;
	int			major = size->server->major;
	double		tuple = TUPLE_HEADER + aggregate->planned_width;
	double		space = aggregate->transition_space;

	if (major >= 18)
		return BUCKET_BYTES(major) + ceil(tuple / 8) * 8 +
			aggregate->transitions * GROUP_STATE_BYTES +
			(space > 0 ? model_chunk_header(major) + model_power_of_two(space) : 0);
	return BUCKET_BYTES(major) + ASSUMED_CHUNK_HEADER + tuple +
		(space > 0 ? ASSUMED_CHUNK_HEADER + space : 0);
}

/*
 * The partitions that it writes to, a power of two
 * (hash_choose_num_partitions()).
 */
static double
partition_count(const AggregateSize *size, double limit)
{
	double		wanted = 1 + PARTITION_FACTOR * size->aggregate->planned_groups *
		entry_bytes(size) / limit;
	double		possible = (limit / 4 - READ_BUFFER_BYTES) / WRITE_BUFFER_BYTES;

	wanted = Max(Min(wanted, possible), LEAST_PARTITIONS);
	return model_power_of_two(floor(Min(wanted, GREATEST_PARTITIONS)));
}

/*
 * What is left for the groups: if the planner expects to write, not the
 * buffers of the partitions (hash_agg_set_limits()).
 */
static double
memory_for_groups(const AggregateSize *size, double limit)
{
	double		partitions;
	double		buffers;

	if (size->aggregate->planned_groups * entry_bytes(size) <= limit)
		return limit;
	partitions = partition_count(size, limit);
	buffers = READ_BUFFER_BYTES + WRITE_BUFFER_BYTES * partitions;
	return limit > 4 * buffers ? limit - buffers : limit * 0.75;
}

/*
 * The bytes that one group takes in the context of the groups: its tuple and
 * its transition states, in chunks of their own up to 17
 * (LookupTupleHashEntry(), initialize_hash_entry()).
 */
static double
group_bytes(const AggregateSize *size)
{
	const ModelHashAggregate *aggregate = size->aggregate;
	double		states = aggregate->transitions * GROUP_STATE_BYTES;
	double		header = model_chunk_header(size->server->major);

	if (size->server->major >= 18)
		return aggregate->groups.aligned + states + aggregate->state_bytes;
	return aggregate->groups.power + header +
		(states > 0 ? model_power_length(states) + header : 0) +
		aggregate->state_bytes;
}

/*
 * What a context has allocated when it holds so many groups of the same
 * length: blocks of 8 kB twice, then doubling up to a sixteenth of work_mem,
 * rounded down to a power of two (CreateWorkExprContext() in
 * executor/execUtils.c); of each, what is left at its end is lost.
 */
static double
context_bytes(double groups, double bytes, double setting_bytes)
{
	double		greatest = Max(exp2(floor(log2(setting_bytes / 16))), BLOCK_BYTES);
	double		block = BLOCK_BYTES;
	double		allocated = BLOCK_BYTES;

	greatest = Min(greatest, GREATEST_CONTEXT_BLOCK);
	groups -= floor((block - CONTEXT_HEADER) / bytes);
	while (groups > 0 && block < greatest)
	{
		allocated += block;
		groups -= Max(floor((block - BLOCK_HEADER) / bytes), 1);
		block *= 2;
	}
	if (groups > 0)
		allocated += ceil(groups / Max(floor((block - BLOCK_HEADER) / bytes), 1)) * block;
	return allocated;
}

/*
 * The buckets for so many groups: the array begins with as many as the plan
 * expects, but no more than half the memory would hold
 * (hash_choose_num_buckets(), BuildTupleHashTable(), SH_CREATE()).
 */
static double
aggregate_buckets(const AggregateSize *size, double memory, double groups,
				  bool *chance)
{
	double		expected = Min(size->aggregate->planned_groups,
							   floor(memory / entry_bytes(size) / 2));

	return bucket_count(model_power_of_two(Max(expected / FILL_FACTOR, 2)),
						groups, chance);
}

/*
 * Are so many groups kept in memory (hash_agg_check_limits())?  Neither must
 * there be more of them than by the planner's idea of a group, nor must the
 * memory be exceeded.
 */
static bool
groups_fit(const AggregateSize *size, double setting_bytes, double groups)
{
	double		limit = setting_bytes * size->server->hash_mem_multiplier;
	double		memory = memory_for_groups(size, limit);
	bool		chance;
	double		buckets = aggregate_buckets(size, memory, groups, &chance);

	return groups <= floor(memory / entry_bytes(size)) &&
		META_BYTES + buckets * BUCKET_BYTES(size->server->major) +
		context_bytes(groups, group_bytes(size), setting_bytes) +
		(size->server->major >= 18 ? BLOCK_BYTES : 0) <= memory;
}

static bool
aggregate_fits(const void *what, double setting_bytes)
{
	const AggregateSize *size = what;

	return groups_fit(size, setting_bytes, size->aggregate->groups.count);
}

/* The groups that are kept before it begins to write. */
static double
groups_kept(const AggregateSize *size, double setting_bytes)
{
	double		low = 0;
	double		high = ceil(size->aggregate->groups.count);

	while (high - low > Max(1, high / 1000000))
	{
		double		middle = floor((low + high) / 2);

		if (groups_fit(size, setting_bytes, middle))
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * Are most of the rows that are written written only once?  That is so if at
 * least three quarters of the groups of a partition fit when it is read: of
 * one that is a little too large only what is too much is written again.
 */
static bool
aggregate_writes_once(const void *what, double setting_bytes)
{
	const AggregateSize *size = what;
	double		limit = setting_bytes * size->server->hash_mem_multiplier;
	double		groups = size->aggregate->groups.count - groups_kept(size, setting_bytes);

	return groups_fit(size, setting_bytes, groups / partition_count(size, limit) * 3 / 4);
}

/*
 * The blocks that a tape of some blocks takes from the file, to have them in
 * a row: 8, then twice as many each time, up to 128 (ltsGetPreallocBlock() in
 * utils/sort/logtape.c).
 */
static double
blocks_taken(double blocks)
{
	double		taken = 0;

	for (double step = 8; step < 128; step *= 2)
	{
		taken += step;
		if (blocks <= taken)
			return taken;
	}
	return taken + ceil((blocks - taken) / 128) * 128;
}

/*
 * The blocks of a file of so many tapes with so many groups each: as chance
 * has it, some more and some fewer (weights of a normal distribution).  The
 * last in the file takes no more than it fills.
 */
static double
file_blocks(double tapes, double blocks, double groups)
{
	double		spread = blocks * sqrt(3 / Max(groups, 1));
	double		taken = blocks_taken(blocks) * 2 / 3 +
		(blocks_taken(blocks - spread) + blocks_taken(blocks + spread)) / 6;

	return tapes * taken - (blocks_taken(blocks) - blocks);
}

/*
 * The disk in use at once: the rows whose group is not kept, with the hash
 * value (hashagg_spill_tuple()), on one tape for each partition.  As if the
 * rows of a group came together; if they are spread, some less.
 */
static double
aggregate_temp_bytes(const AggregateSize *size)
{
	const ModelHashAggregate *aggregate = size->aggregate;
	double		limit = size->server->setting_bytes * size->server->hash_mem_multiplier;
	double		kept = groups_kept(size, size->server->setting_bytes);
	double		rows = aggregate->input.count * (1 - kept / Max(aggregate->groups.count, 1));
	double		partitions = partition_count(size, limit);
	double		blocks = rows * (aggregate->input.length + sizeof(uint32)) / (BLOCK_BYTES - 16);

	return file_blocks(partitions, blocks / partitions,
					   (aggregate->groups.count - kept) / partitions) * BLOCK_BYTES;
}

/*
 * A hash aggregate, or DISTINCT or UNION by hash.  at_most is set when chance
 * decides whether the bucket array doubles.
 */
ModelNeed
model_hash_aggregate(const ModelServer *server,
					 const ModelHashAggregate *aggregate)
{
	AggregateSize size = {.server = server,.aggregate = aggregate};
	ModelNeed	need = {0};
	double		groups = aggregate->groups.count;
	double		enough = groups * (Max(group_bytes(&size), entry_bytes(&size)) + 4 * BUCKET_BYTES(0));
	double		limit;

	need.needed_bytes = model_smallest_setting(aggregate_fits, &size,
											   enough / server->hash_mem_multiplier);
	limit = need.needed_bytes * server->hash_mem_multiplier;
	aggregate_buckets(&size, memory_for_groups(&size, limit), groups, &need.at_most);
	need.one_pass_bytes = model_smallest_setting(aggregate_writes_once, &size,
												 need.needed_bytes);
	if (need.one_pass_bytes <= MODEL_LEAST_BYTES)
		need.one_pass_bytes = 0;
	if (server->setting_bytes < need.needed_bytes)
		need.temp_bytes = aggregate_temp_bytes(&size);
	return need;
}

/*
 * INTERSECT or EXCEPT by hash, with the width of the input of the SetOp, from
 * 18 of its first.  The planner hashes only what it expects to fit
 * (choose_hashed_setop() in optimizer/prep/prepunion.c, from 18
 * create_setop_path()); up to 17 it may also prefer to sort while it thinks
 * that a hash table of as many groups would be written (cost_agg()).  Once it
 * is hashed nothing limits it.
 */
ModelNeed
model_hashed_setop(const ModelServer *server, double planned_groups,
				   double planned_width)
{
	ModelHashAggregate table = {.planned_width = planned_width};
	AggregateSize size = {.server = server,.aggregate = &table};
	ModelNeed	need = {.at_most = true};
	double		bytes = ceil(planned_width / 8) * 8 + TUPLE_HEADER;

	if (server->major < 18)
		bytes = Max(bytes, entry_bytes(&size));
	need.needed_bytes = planned_groups * bytes / server->hash_mem_multiplier;
	return need;
}
