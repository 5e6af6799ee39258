/*-------------------------------------------------------------------------
 *
 * memory_use.c
 *	  What is known of a use of memory, as text.
 *
 * src/memory/memory_use.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "memory_use.h"

/* A label of the SQL enum upgrade_prereq_certainty. */
const char *
certainty_name(Certainty certainty)
{
	static const char *const names[] = {"exact", "at most", "rough"};

	return names[certainty];
}

/* Where a figure comes from, for people. */
const char *
figure_source_name(FigureSource source)
{
	static const char *const names[] = {"sample", "statistics", "planner"};

	return names[source];
}

/* A label of the SQL enum upgrade_prereq_outcome. */
const char *
outcome_name(Outcome outcome)
{
	static const char *const names[] = {
		"light", "in_memory", "spills_once", "slow", "plan_cliff", "fails",
		"unknown"
	};

	return names[outcome];
}

/*
 * A figure as text: NULL if it is not known (-1), or without end; what no
 * bigint holds counts as that.
 */
char *
figure_text(double figure)
{
	return figure < 0 || isnan(figure) || figure >= -(double) PG_INT64_MIN ?
		NULL : psprintf("%.0f", figure);
}
