/*-------------------------------------------------------------------------
 *
 * sample.c
 *	  A bounded sample of a table: how many rows it has, and some of them.
 *
 * Some hundred blocks, chosen at random, are read as TABLESAMPLE would read
 * them: through the table access method, with the active snapshot.  Blocks
 * without a visible row count as such, so that the number of rows needs no
 * statistics at all.  The choice only depends on the number of blocks: the
 * same table gives the same answer.
 *
 * src/memory/sample.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/tableam.h"
#include "access/tsmapi.h"
#include "access/tupconvert.h"
#include "access/visibilitymap.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "common/hashfn.h"
#include "compat.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "sample.h"
#include "storage/bufmgr.h"
#include "table.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/sampling.h"
#include "utils/snapmgr.h"

/*
 * Blocks to read, and how many more if the standard error of the number of
 * rows is above this share of it.
 */
#define SAMPLE_BLOCKS		300
#define SAMPLE_MORE_BLOCKS	1000
#define SAMPLE_ROWS_ERROR	0.03

/*
 * Tuples to keep at most; even.  Mostly enough for all rows of SAMPLE_BLOCKS
 * blocks, so that it is seen which lie together.  They take no more memory than
 * the blocks, but for the overhead of each.
 */
#define SAMPLE_TUPLES		65536

#define SAMPLE_SEED			20

/* A table with storage: the one asked about, or one of its partitions. */
typedef struct SamplePart
{
	Relation	relation;
	BlockNumber blocks;
	TupleConversionMap *map;	/* to the rows of the table asked about; NULL
								 * if they look the same */
} SamplePart;

/*
 * Reading the blocks.  The blocks of all parts count as one range, part after
 * part.
 */
typedef struct SampleReader
{
	TableSample *sample;
	BlockSamplerData chosen;
	BlockNumber next;			/* the next block to read, or
								 * InvalidBlockNumber */
	uint64		part_first;		/* range of the part that is being read */
	uint64		part_end;
	OffsetNumber offset;		/* last looked at in the present block */
	uint64		rows;			/* seen so far */
	double		rows_squared;	/* sum over blocks of squares */
	uint64		step;			/* one row of so many is kept */
} SampleReader;

/* Make an obstacle of a part that cannot be read. */
static Obstacle *
unreadable_part(Relation relation, const char *reason, const char *hint)
{
	return obstacle_make(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
						 psprintf("table \"%s\" %s",
								  RelationGetRelationName(relation), reason),
						 hint, NULL);
}

/* Add a table with storage to the parts; what is in the way, or NULL. */
static Obstacle *
add_part(List **parts, Relation relation, TupleDesc tupdesc)
{
	SamplePart *part;

	if (relation->rd_tableam == NULL)
		return unreadable_part(relation, "is not a table", NULL);
	if (RELATION_IS_OTHER_TEMP(relation))
		return unreadable_part(relation,
							   "is a temporary table of another session",
							   NULL);
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED &&
		RecoveryInProgress())
		return unreadable_part(relation,
							   "is unlogged and has no rows on a standby",
							   "Run the check on the primary server.");

	part = palloc0(sizeof(SamplePart));
	part->relation = relation;
	part->blocks = RelationGetNumberOfBlocks(relation);
	if (RelationGetDescr(relation) != tupdesc)
		part->map = convert_tuples_by_name(RelationGetDescr(relation), tupdesc);
	*parts = lappend(*parts, part);
	return NULL;
}

/*
 * The tables with storage that hold the rows of a table: itself, or its
 * partitions (of all levels), which are locked without waiting.  Returns what
 * is in the way, or NULL.
 */
static Obstacle *
find_parts(Relation relation, List **parts)
{
	Oid			relid = RelationGetRelid(relation);
	ListCell   *lc;

	*parts = NIL;
	if (relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		return add_part(parts, relation, RelationGetDescr(relation));

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Obstacle   *obstacle;
		Relation	partition;

		if (lfirst_oid(lc) == relid)
			continue;
		obstacle = table_lock_partition(lfirst_oid(lc));
		if (obstacle != NULL)
			return obstacle;
		partition = relation_open(lfirst_oid(lc), NoLock);
		if (partition->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
			relation_close(partition, NoLock);
		else
			obstacle = add_part(parts, partition, RelationGetDescr(relation));
		if (obstacle != NULL)
			return obstacle;
	}
	return NULL;
}

/* Close the partitions again; they stay locked. */
static void
close_parts(Relation relation, List *parts)
{
	ListCell   *lc;

	foreach(lc, parts)
	{
		const SamplePart *part = lfirst(lc);

		if (part->relation != relation)
			relation_close(part->relation, NoLock);
	}
}

/* Number of blocks of all parts. */
static double
total_blocks(List *parts)
{
	double		total = 0;
	ListCell   *lc;

	foreach(lc, parts)
		total += ((const SamplePart *) lfirst(lc))->blocks;
	return total;
}

/* Dead rows, as the statistics counters have them. */
static double
total_dead_rows(List *parts)
{
	double		total = 0;
	ListCell   *lc;

	foreach(lc, parts)
	{
		const SamplePart *part = lfirst(lc);
		Datum		relid = ObjectIdGetDatum(RelationGetRelid(part->relation));

		total += (double)
			DatumGetInt64(DirectFunctionCall1(pg_stat_get_dead_tuples, relid));
	}
	return total;
}

/* The blocks that the visibility map does not call all visible. */
static double
total_unseen_blocks(List *parts)
{
	double		total = 0;
	ListCell   *lc;

	foreach(lc, parts)
	{
		const SamplePart *part = lfirst(lc);
		BlockNumber all_visible;

		if (part->blocks == 0)
			continue;
		visibilitymap_count(part->relation, &all_visible, NULL);
		total += Max((double) part->blocks - all_visible, 0);
	}
	return total;
}

/* TsmRoutine's NextSampleBlock: the next chosen block of the present part. */
static BlockNumber
next_sample_block(SampleScanState *node,
				  BlockNumber nblocks pg_attribute_unused())
{
	SampleReader *reader = node->tsm_state;
	BlockNumber block = reader->next;

	if (block >= reader->part_end)	/* InvalidBlockNumber is, too */
		return InvalidBlockNumber;
	reader->next = BlockSampler_HasMore(&reader->chosen) ?
		BlockSampler_Next(&reader->chosen) : InvalidBlockNumber;
	reader->offset = InvalidOffsetNumber;
	return (BlockNumber) (block - reader->part_first);
}

/* TsmRoutine's NextSampleTuple: each in turn. */
static OffsetNumber
next_sample_tuple(SampleScanState *node,
				  BlockNumber blockno pg_attribute_unused(),
				  OffsetNumber maxoffset)
{
	SampleReader *reader = node->tsm_state;

	if (reader->offset >= maxoffset)
		return InvalidOffsetNumber;
	return ++reader->offset;
}

/* A number that is random, but always the same. */
static uint32
fixed_random(uint64 seed)
{
	return murmurhash32((uint32) seed);
}

/* Keep one of every two tuples, at random. */
static void
thin_out(SampleReader *reader)
{
	TableSample *sample = reader->sample;

	for (int i = 0; i < sample->tuple_count; i += 2)
	{
		int			kept = i + (fixed_random(i + reader->step) & 1);

		heap_freetuple(sample->tuples[kept ^ 1]);
		sample->tuples[i / 2] = sample->tuples[kept];
		sample->tuple_blocks[i / 2] = sample->tuple_blocks[kept];
	}
	sample->tuple_count /= 2;
	reader->step *= 2;
}

/*
 * Is the row that was found next to be kept?  Of every "step" rows one is, at
 * random: a fixed distance would be fooled by rows that alternate.  The step
 * is doubled when there is no more room.
 */
static bool
keeps_next_row(SampleReader *reader)
{
	if (reader->rows == SAMPLE_TUPLES * reader->step)
		thin_out(reader);
	return reader->rows % reader->step ==
		fixed_random(reader->rows / reader->step) % reader->step;
}

/* Keep a copy of a row. */
static void
keep_row(SampleReader *reader, TupleTableSlot *slot, TupleConversionMap *map)
{
	TableSample *sample = reader->sample;
	HeapTuple	tuple = ExecCopySlotHeapTuple(slot);

	if (map != NULL)
	{
		HeapTuple	converted = execute_attr_map_tuple(tuple, map);

		heap_freetuple(tuple);
		tuple = converted;
	}
	sample->tuples[sample->tuple_count] = tuple;
	sample->tuple_blocks[sample->tuple_count] = sample->blocks_read;
	sample->tuple_count++;
}

/* Read the chosen blocks of a part. */
static void
read_part(SampleReader *reader, const SamplePart *part)
{
	TsmRoutine *routine = makeNode(TsmRoutine);
	SampleScanState *state = makeNode(SampleScanState);
	TupleTableSlot *slot = table_slot_create(part->relation, NULL);
	TableScanDesc scan;

	routine->NextSampleBlock = next_sample_block;
	routine->NextSampleTuple = next_sample_tuple;
	state->tsmroutine = routine;
	state->tsm_state = reader;

	scan = table_beginscan_sampling(part->relation, GetActiveSnapshot(),
									0, NULL, true, false, true);
	while (table_scan_sample_next_block(scan, state))
	{
		uint64		rows_before = reader->rows;
		double		rows;

		CHECK_FOR_INTERRUPTS();
		while (table_scan_sample_next_tuple(scan, state, slot))
		{
			if (keeps_next_row(reader))
				keep_row(reader, slot, part->map);
			reader->rows++;
		}
		rows = reader->rows - rows_before;
		reader->rows_squared += rows * rows;
		reader->sample->blocks_read++;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	pfree(state);
	pfree(routine);
}

/*
 * The number of rows is that of a block in the mean, times the blocks; its
 * standard error that of a mean of values drawn without putting back.
 */
static void
extrapolate_rows(SampleReader *reader)
{
	TableSample *sample = reader->sample;
	double		count = sample->blocks_read;
	double		mean = reader->rows / count;
	double		variance;

	sample->rows = (double) reader->rows;
	sample->rows_error = 0;
	if (count == sample->blocks)
		return;
	if (reader->rows == 0)		/* says little of the other blocks */
	{
		sample->rows = sample->rows_error = -1;
		return;
	}

	sample->rows = mean * sample->blocks;
	variance = Max(0, reader->rows_squared - count * mean * mean) / (count - 1);
	sample->rows_error = sample->blocks *
		sqrt(variance / count * (1 - count / sample->blocks));
}

/* Read so many blocks of the parts, in place of what was read before. */
static void
read_blocks(TableSample *sample, List *parts, int count)
{
	SampleReader reader = {.sample = sample,.step = 1};
	ListCell   *lc;

	for (int i = 0; i < sample->tuple_count; i++)
		heap_freetuple(sample->tuples[i]);
	sample->tuple_count = sample->blocks_read = 0;

	BlockSampler_Init(&reader.chosen, (BlockNumber) sample->blocks, count,
					  SAMPLE_SEED);
	reader.next = BlockSampler_Next(&reader.chosen);
	foreach(lc, parts)
	{
		const SamplePart *part = lfirst(lc);

		reader.part_end = reader.part_first + part->blocks;
		if (reader.next < reader.part_end)
			read_part(&reader, part);
		reader.part_first = reader.part_end;
	}

	extrapolate_rows(&reader);
	sample->complete = reader.step == 1 &&
		sample->blocks_read == sample->blocks;
}

/* What is known of a table before it is looked at. */
static TableSample *
make_sample(Relation relation)
{
	TableSample *sample = palloc0(sizeof(TableSample));

	sample->relid = RelationGetRelid(relation);
	sample->tupdesc = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	return sample;
}

/*
 * Read a bounded number of random blocks of a table, on which the caller
 * holds a lock, or of its partitions, and estimate from them how many rows
 * the active snapshot sees: not known if none was found in some of the blocks
 * only.  Returns what is in the way, or NULL with the
 * sample, in the current memory context, in *sample.
 *
 * The caller has seen to it that the rows may be read.  To be called under
 * guard_run(): locks on partitions are released with its subtransaction, and
 * what goes wrong in reading is raised as the error it is.
 */
Obstacle *
sample_table(Relation relation, TableSample **sample)
{
	TableSample *result;
	Obstacle   *obstacle;
	List	   *parts;

	*sample = NULL;
	obstacle = find_parts(relation, &parts);
	if (obstacle != NULL)
	{
		close_parts(relation, parts);
		return obstacle;
	}

	result = make_sample(relation);
	result->dead_rows = total_dead_rows(parts);
	result->unseen_blocks = total_unseen_blocks(parts);
	result->blocks = Min(total_blocks(parts), MaxBlockNumber);
	result->tuples = palloc(SAMPLE_TUPLES * sizeof(HeapTuple));
	result->tuple_blocks = palloc(SAMPLE_TUPLES * sizeof(int));
	result->complete = result->blocks == 0;

	if (result->blocks > 0)
		read_blocks(result, parts, SAMPLE_BLOCKS);
	if (result->rows < 0 ||
		result->rows_error > SAMPLE_ROWS_ERROR * result->rows)
		read_blocks(result, parts, SAMPLE_MORE_BLOCKS);

	close_parts(relation, parts);
	*sample = result;
	return NULL;
}

/*
 * Number of rows of a part as the planner counts them: the density that ANALYZE
 * or VACUUM saw, times the present number of blocks (estimate_rel_size() in
 * src/backend/optimizer/util/plancat.c).  For a table that neither has seen,
 * or that was empty then, the counter of live rows; -1 if that is empty too,
 * since the planner's guess can be far too low then.
 */
static double
counted_rows(const SamplePart *part)
{
	Form_pg_class class = part->relation->rd_rel;
	Datum		relid = ObjectIdGetDatum(RelationGetRelid(part->relation));
	double		live_rows;

	if (part->blocks == 0)
		return 0;
	if (class->relpages > 0 && class->reltuples > 0)
		return rint(class->reltuples / (BlockNumber) class->relpages *
					part->blocks);
	live_rows = (double)
		DatumGetInt64(DirectFunctionCall1(pg_stat_get_live_tuples, relid));
	return live_rows > 0 ? live_rows : -1;
}

/*
 * What the statistics say of a table, on which the caller holds a lock: a
 * sample without tuples.  Reads no block of it, and does not fail; what is
 * not known is -1.
 */
TableSample *
sample_from_statistics(Relation relation)
{
	TableSample *sample = make_sample(relation);
	List	   *parts;
	ListCell   *lc;

	sample->rows = sample->rows_error = -1;
	if (find_parts(relation, &parts) != NULL)
	{
		close_parts(relation, parts);
		return sample;
	}

	sample->blocks = total_blocks(parts);
	sample->dead_rows = total_dead_rows(parts);
	sample->rows = 0;
	foreach(lc, parts)
	{
		const SamplePart *part = lfirst(lc);
		double		rows = counted_rows(part);

		/* by the catalog, as the visibility map would have to be read */
		sample->unseen_blocks += Max((double) part->blocks -
									 part->relation->rd_rel->relallvisible, 0);
		if (rows < 0 || sample->rows < 0)
			sample->rows = -1;
		else
			sample->rows += rows;
	}
	close_parts(relation, parts);
	return sample;
}
