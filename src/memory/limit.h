/*-------------------------------------------------------------------------
 *
 * limit.h
 *	  How far work_mem and maintenance_work_mem of a role can be raised on
 *	  this machine.
 *
 * src/memory/limit.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_LIMIT_H
#define UPGRADE_PREREQ_LIMIT_H

#include "nodes/pg_list.h"

/* One line of the account. */
typedef struct LimitFactor
{
	const char *name;
	bool		known;
	bool		unlimited;		/* known that there is no such limit */
	double		value;			/* if known and not unlimited */
	const char *source;			/* file, setting or formula */
	const char *note;			/* why it is not known, or NULL */
} LimitFactor;

/* The account, and what comes of it; -1 for what is not known. */
typedef struct MemoryLimit
{
	double		headroom_bytes; /* left to all sessions together */
	double		work_mem_bytes;
	double		maintenance_work_mem_bytes;
	const char *unknown_reason; /* style of errdetail(); NULL if all is known */
	const char *hint;			/* how to get to know it, or NULL */
	const char *fix_sql;		/* the GRANT that would help, or NULL */
	List	   *factors;		/* of LimitFactor *, in the order in which
								 * they are used */
} MemoryLimit;

extern MemoryLimit *memory_limit_find(const char *role_name, int sessions);

#endif							/* UPGRADE_PREREQ_LIMIT_H */
