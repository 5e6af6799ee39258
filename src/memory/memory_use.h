/*-------------------------------------------------------------------------
 *
 * memory_use.h
 *	  One node of a plan, or one index build, that keeps rows in memory.
 *
 * src/memory/memory_use.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_MEMORY_USE_H
#define UPGRADE_PREREQ_MEMORY_USE_H

#include "model.h"

/* How sure a figure is, from best to worst; named as in the SQL enum. */
typedef enum Certainty
{
	CERTAINTY_EXACT,			/* to a few per cent */
	CERTAINTY_AT_MOST,			/* never more, perhaps much less */
	CERTAINTY_ROUGH,			/* as good as a guess of the planner */
} Certainty;

/* Where a figure comes from, from best to worst. */
typedef enum FigureSource
{
	SOURCE_SAMPLE,				/* rows of the table that were read */
	SOURCE_STATISTICS,			/* the catalog */
	SOURCE_PLANNER,				/* a guess of the planner */
} FigureSource;

/* What will come of running it, from good to bad; as in the SQL enum. */
typedef enum Outcome
{
	OUTCOME_LIGHT,				/* keeps no rows in memory to speak of */
	OUTCOME_IN_MEMORY,			/* writes no temporary file */
	OUTCOME_SPILLS_ONCE,		/* data goes through temporary files, once */
	OUTCOME_SLOW,				/* and more than once */
	OUTCOME_PLAN_CLIFF,			/* with more memory the planner would take a
								 * plan that is an order of magnitude cheaper */
	OUTCOME_FAILS,				/* the temporary files do not fit */
	OUTCOME_UNKNOWN,
} Outcome;

/*
 * Rows that are kept in memory until the statement ends, under one of the two
 * settings.
 */
typedef struct MemoryUse
{
	const char *operation;		/* as EXPLAIN names the node, or "Index Build" */
	const char *object;			/* the tables whose rows they are, or the
								 * index; may be NULL */
	const char *setting_name;	/* work_mem or maintenance_work_mem */
	double		rows;			/* in all processes */
	double		row_bytes;		/* mean length of one */
	int			processes;		/* that keep rows side by side */
	double		multiplier;		/* of the setting: hash_mem_multiplier or 1 */
	ModelNeed	need;
	double		others_temp_bytes;	/* part of need.temp_bytes that no single
									 * process writes: each has its own copy */
	Certainty	certainty;
	FigureSource source;
	const char *note;			/* what else there is to say, or NULL */
	Outcome		outcome;		/* filled in by statement.c */
} MemoryUse;

/* No value of the settings is smaller: what needs less does not count. */
#define SMALLEST_SETTING_BYTES	(64 * 1024.0)

extern const char *certainty_name(Certainty certainty);
extern const char *figure_source_name(FigureSource source);
extern const char *outcome_name(Outcome outcome);
extern char *figure_text(double figure);

#endif							/* UPGRADE_PREREQ_MEMORY_USE_H */
