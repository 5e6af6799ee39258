/*-------------------------------------------------------------------------
 *
 * table_facts.c
 *	  What is known of the tables that statements use: how many rows they
 *	  have, and what the rows look like.
 *
 * src/memory/table_facts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "table_facts.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* The number of rows counts as exact if it is no farther off than this. */
#define EXACT_ERROR		0.03

/*
 * May rows of this relation be read?  Not those of a catalog: who plans a query
 * of it may perhaps read some of its columns only.
 */
static bool
has_rows_to_read(Relation relation)
{
	return RelationGetRelid(relation) >= FirstNormalObjectId &&
		(relation->rd_rel->relkind == RELKIND_RELATION ||
		 relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
		 relation->rd_rel->relkind == RELKIND_MATVIEW ||
		 relation->rd_rel->relkind == RELKIND_TOASTVALUE);
}

/* Look at a table. */
static TableFacts *
read_table(const TableFactsCache *cache, Relation relation)
{
	TableFacts *facts = palloc0(sizeof(TableFacts));
	TableSample *planned = sample_from_statistics(relation);
	Obstacle   *obstacle;

	facts->relid = RelationGetRelid(relation);
	facts->sample = planned;
	facts->planned_rows = facts->rows = planned->rows;
	facts->certainty = CERTAINTY_ROUGH;
	facts->source = SOURCE_STATISTICS;
	if (!cache->may_sample || !has_rows_to_read(relation))
		return facts;

	obstacle = sample_table(relation, &facts->sample);
	if (obstacle != NULL)
		obstacle_raise(obstacle);

	/*
	 * Two standard errors more than the sample says: one table in forty has
	 * more rows than that, by a few per cent at worst.
	 */
	facts->rows = facts->sample->rows + 2 * facts->sample->rows_error;
	facts->certainty =
		facts->rows > facts->sample->rows * (1 + EXACT_ERROR) ?
		CERTAINTY_AT_MOST : CERTAINTY_EXACT;
	facts->source = SOURCE_SAMPLE;
	return facts;
}

/*
 * The facts of a table that the caller has locked and may read, read once in
 * each call.  Rows are visible to the active snapshot.
 */
TableFacts *
table_facts_find(TableFactsCache *cache, Oid relid)
{
	MemoryContext previous;
	TableFacts *facts;
	Relation	relation;
	ListCell   *lc;

	foreach(lc, cache->tables)
	{
		facts = lfirst(lc);
		if (facts->relid == relid)
			return facts;
	}

	previous = MemoryContextSwitchTo(cache->context);
	relation = relation_open(relid, NoLock);
	facts = read_table(cache, relation);
	relation_close(relation, NoLock);
	cache->tables = lappend(cache->tables, facts);
	MemoryContextSwitchTo(previous);
	return facts;
}
