/*-------------------------------------------------------------------------
 *
 * operation.h
 *	  The statements of OpenMetadata's migrations whose need of memory grows
 *	  with a table.
 *
 * src/memory/operation.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_OPERATION_H
#define UPGRADE_PREREQ_OPERATION_H

/* One operation of the migration to one release. */
typedef struct Operation
{
	const char *version;		/* the release whose migration does it */
	const char *table;			/* whose rows it keeps; left out without it */
	const char *description;
	const char *statement;		/* of the same shape; planned, never run */
} Operation;

extern const Operation operations[];
extern const int operation_count;

#endif							/* UPGRADE_PREREQ_OPERATION_H */
