/*-------------------------------------------------------------------------
 *
 * index_build.h
 *	  How much memory the build of an index needs.
 *
 * src/memory/index_build.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_INDEX_BUILD_H
#define UPGRADE_PREREQ_INDEX_BUILD_H

#include "nodes/parsenodes.h"
#include "table_facts.h"
#include "utils/relcache.h"

/* An index that a statement builds, or builds again. */
typedef struct IndexBuild
{
	const char *name;			/* of the index, or what else to call it */
	Oid			access_method;
	List	   *columns;		/* of Expr *, over Vars of the table with
								 * varno 1; INCLUDE columns last */
	int			key_count;		/* the other columns are INCLUDEd */
	Oid			old_index;		/* that it takes the place of, or InvalidOid */
	List	   *predicate;		/* all of which a row has to satisfy */
	bool		is_unique;
	bool		is_concurrent;
} IndexBuild;

/* A column that the statement adds to the table, as an expression of others. */
typedef struct AddedColumn
{
	char	   *name;
	Expr	   *expression;
} AddedColumn;

extern IndexBuild *index_build_again(Relation table, Relation index);
extern IndexBuild *index_build_of_statement(Relation table,
											IndexStmt *statement,
											const char *text);
extern IndexBuild *index_build_of_constraint(Relation table,
											 const Constraint *constraint,
											 List *added_columns);
extern List *index_build_uses(TableFactsCache *cache, Relation table,
							  const IndexBuild *build, List **files);

#endif							/* UPGRADE_PREREQ_INDEX_BUILD_H */
