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
	const char *table;			/* whose rows it keeps; the operation is left
								 * out where this table is missing */
	const char *description;	/* for people: what it is, on which key */
	const char *statement;		/* one of the same shape, with OpenMetadata's
								 * schema in search_path: planned, never run */
} Operation;

extern const Operation operations[];
extern const int operation_count;

#endif							/* UPGRADE_PREREQ_OPERATION_H */
