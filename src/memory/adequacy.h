/*-------------------------------------------------------------------------
 *
 * adequacy.h
 *	  What the migration needs of memory, against what it will get.
 *
 * src/memory/adequacy.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ADEQUACY_H
#define UPGRADE_PREREQ_ADEQUACY_H

#include "operation.h"
#include "release.h"

/* One operation on one table of this database; -1 for what is not known. */
typedef struct Adequacy
{
	const Operation *operation;
	double		row_count;
	double		heap_bytes;
	double		toast_bytes;
	double		index_bytes;
	double		needed_bytes;	/* for no temporary file */
	double		available_bytes;	/* for a new session of the role */
	double		one_pass_bytes; /* to write the data only once */
	double		spill_bytes;	/* temporary file, 0 if there is none */
	const char *note;			/* why something is not known, or NULL */
} Adequacy;

/* What to set one of the two settings to. */
typedef struct Recommendation
{
	const char *setting_name;
	int			kb;
	const char *reason;
} Recommendation;

extern List *adequacy_list(const Installation *installation);
extern Recommendation adequacy_recommend(List *adequacies,
										 const char *setting_name);

#endif							/* UPGRADE_PREREQ_ADEQUACY_H */
