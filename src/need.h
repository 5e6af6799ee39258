/*-------------------------------------------------------------------------
 *
 * need.h
 *	  The tables that a query of ours reads, and the names in its text.
 *
 * src/need.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_NEED_H
#define UPGRADE_PREREQ_NEED_H

#include "release.h"

/*
 * A table that a query reads.  A column may have had another name in another
 * era: "a|b" is the first of the two that is there, and stands in the query
 * as @a@.
 */
typedef struct Need
{
	const char *table;
	const char *const *columns; /* ends with NULL */
	const char *since;			/* release that brought the table, or NULL */
	const char *index;			/* column that a valid index has to begin
								 * with, or NULL */
} Need;

/*
 * What may be known to a query, which sees it as the row "fact"; texts, NULL
 * is null.
 */
typedef struct Facts
{
	const Installation *installation;
	const char *check_id;		/* of a check: which one runs */
	const char *disk;			/* JSON array of objects, or NULL */
	const char *memory;			/* JSON array, see upgrade_prereq_memory() */
	const char *runs;			/* JSON array, see upgrade_prereq_runs() */
	const char *kind;			/* of a kind of runs: which one is read */
	const char *include_history;	/* "true" or "false" */
	const char *older_than;		/* interval */
	const char *live_sessions;	/* integer */
} Facts;

extern const Need *need_not_yet(const Need *needs,
								const Installation *installation);
extern Obstacle *need_prepare(const Need *needs, Oid schema_oid,
							  List **substitutions);
extern List *substitution_add(List *substitutions, const char *name,
							  const char *value);
extern List *substitution_add_text(List *substitutions, const char *name,
								   const char *text);
extern const char *substitution_apply(const char *query, List *substitutions);
extern uint64 query_run_with_facts(const char *query, List *substitutions,
								   const Facts *facts);

#endif							/* UPGRADE_PREREQ_NEED_H */
