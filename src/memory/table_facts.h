/*-------------------------------------------------------------------------
 *
 * table_facts.h
 *	  What is known of the tables that statements use: how many rows they
 *	  have, and what the rows look like.
 *
 * src/memory/table_facts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_TABLE_FACTS_H
#define UPGRADE_PREREQ_TABLE_FACTS_H

#include "memory_use.h"
#include "nodes/pg_list.h"
#include "sample.h"

typedef struct TableFacts
{
	Oid			relid;
	TableSample *sample;		/* without tuples if it was not to be read */
	double		rows;			/* if sampled, on the safe side; -1 if not
								 * known */
	double		planned_rows;	/* as the statistics have it, or -1 */
	Certainty	certainty;		/* of rows */
	FigureSource source;		/* of rows */
} TableFacts;

/* What all statements of one call share. */
typedef struct TableFactsCache
{
	MemoryContext context;		/* lives as long as the call */
	bool		may_sample;
	bool		wants_files;	/* what an UPDATE writes is asked for, too */
	List	   *tables;			/* of TableFacts * */
} TableFactsCache;

extern TableFacts *table_facts_find(TableFactsCache *cache, Oid relid);

#endif							/* UPGRADE_PREREQ_TABLE_FACTS_H */
