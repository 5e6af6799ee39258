/*-------------------------------------------------------------------------
 *
 * adequacy.h
 *	  What the heavy statements of the migration need of memory, against what
 *	  they will get.
 *
 * src/memory/adequacy.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ADEQUACY_H
#define UPGRADE_PREREQ_ADEQUACY_H

#include "operation.h"
#include "statement.h"

/* One operation on this database; sizes are -1 where they are not known. */
typedef struct Adequacy
{
	const Operation *operation;
	double		heap_bytes;		/* of the operation's table */
	double		toast_bytes;
	double		index_bytes;
	const StatementSettings *settings;	/* of the session that migrates */
	const StatementEstimate *estimate;
} Adequacy;

/* What to set one of the two settings to. */
typedef struct Recommendation
{
	const char *setting_name;
	int			kb;
	const char *reason;
} Recommendation;

extern List *adequacy_list(const Installation *installation);
extern const char *adequacy_json(List *adequacies);
extern Recommendation adequacy_recommend(List *adequacies,
										 const char *setting_name);

#endif							/* UPGRADE_PREREQ_ADEQUACY_H */
