/*-------------------------------------------------------------------------
 *
 * breaking.h
 *	  The breaking changes of OpenMetadata, and what this database says of
 *	  them.
 *
 * src/breaking.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_BREAKING_H
#define UPGRADE_PREREQ_BREAKING_H

#include "check.h"

/* How it is told whether a change affects this database. */
typedef enum BreakingProbe
{
	PROBE_BY_HAND,				/* it cannot be told */
	PROBE_LIGHT,				/* a query */
	PROBE_HEAVY,				/* a query that may read a big table */
	PROBE_CHECK,				/* a check tells */
} BreakingProbe;

/* An entry of src/breaking_changes.sql, which explains the members. */
typedef struct BreakingChange
{
	const char *id;
	const char *release;
	bool		development;	/* of a release that is not out */
	const char *area;
	const char *change;
	const char *affects;
	const char *action;
	const char *source;
	BreakingProbe probe;
	const char *check_id;		/* of PROBE_CHECK */
	FindingLevel level;			/* of what a probe finds */
	const Need *needs;			/* ends with an empty one; may be NULL */
	const char *const *each;	/* tables, ends with NULL; may be NULL */
	const char *doubt;			/* or NULL */
	const char *note;			/* or NULL */
	const char *query;			/* of PROBE_LIGHT and PROBE_HEAVY */
} BreakingChange;

/* Made from src/breaking_changes.sql by tools/breaking_list.awk. */
extern const BreakingChange breaking_list[];
extern const int breaking_count;

/* Does a change affect this database?  The order is that of the SQL enum. */
typedef enum BreakingAnswer
{
	BREAKING_AFFECTED,
	BREAKING_NOT_AFFECTED,
	BREAKING_BY_HAND,			/* the database cannot tell */
	BREAKING_NOT_RUN,			/* the probe is heavy, and not asked for */
	BREAKING_NOT_APPLICABLE,	/* the installed version has the change */
	BREAKING_UNKNOWN,			/* could not look */
} BreakingAnswer;

/* How many objects a result names; it counts all of them. */
#define BREAKING_OBJECTS_MAX 20

/* What a probe says. */
typedef struct BreakingResult
{
	const BreakingChange *change;
	BreakingAnswer answer;
	const char *reason;			/* may be NULL if (not) affected */
	List	   *objects;		/* names (char *), no more than the maximum */
	int64		object_count;
	const Obstacle *obstacle;	/* why something could not be looked at */
} BreakingResult;

/* breaking.c */
extern bool breaking_applies(const BreakingChange *change,
							 const Version *source, const Version *target);

/* breaking_probe.c */
extern BreakingResult *breaking_probe(const BreakingChange *change,
									  const Installation *installation,
									  bool deep);
extern const char *breaking_answer_name(BreakingAnswer answer);

/* src/checks/breaking_changes.c */
extern List *breaking_findings(const Check *check,
							   const Installation *installation, bool heavy);

#endif							/* UPGRADE_PREREQ_BREAKING_H */
