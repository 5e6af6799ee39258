/*-------------------------------------------------------------------------
 *
 * operation.h
 *	  The statements of OpenMetadata's migrations whose need of memory, disk or
 *	  time grows with a table.
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
	const char *table;			/* whose rows it keeps; the operation is left
								 * out where this table is missing */
	const char *description;	/* for people: what it is, on which key */
	const char *statement;		/* one of the same shape, with OpenMetadata's
								 * schema in search_path: planned, never run */
	int			times;			/* it is done; 0 for once */
	bool		is_update;		/* keeps no rows in memory, but writes many:
								 * of interest for disk and time only */
	bool		leaves_nothing; /* the index takes the place of one like it,
								 * or is dropped again */
} Operation;

extern const Operation operations[];
extern const int operation_count;

#endif							/* UPGRADE_PREREQ_OPERATION_H */
