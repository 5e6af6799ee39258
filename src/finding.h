/*-------------------------------------------------------------------------
 *
 * finding.h
 *	  What a check has to say: one finding is one row of the report.
 *
 * A finding is plain data; it neither knows the check that made it nor the
 * report that shows it.
 *
 * src/finding.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_FINDING_H
#define UPGRADE_PREREQ_FINDING_H

#include "nodes/pg_list.h"

/* How much a finding weighs; the order is that of the SQL enum. */
typedef enum FindingLevel
{
	FINDING_INFO,				/* a fact */
	FINDING_NOTICE,				/* a change that could not be tied to this
								 * database */
	FINDING_WARNING,			/* it will work, but slowly, or state will be
								 * wrong afterwards */
	FINDING_ERROR,				/* the migration would fail or lose data, or a
								 * stated precondition is absent */
} FindingLevel;

/* What came of looking. */
typedef enum FindingStatus
{
	FINDING_PASSED,				/* looked, and all is well */
	FINDING_FOUND,				/* looked, and found this */
	FINDING_UNKNOWN,			/* could not look */
	FINDING_NOT_RUN,			/* did not look: heavy, and not asked for */
	FINDING_NOT_APPLICABLE,		/* nothing to look at in these versions */
	FINDING_ACKNOWLEDGED,		/* found, known and accepted */
} FindingStatus;

#define FINDING_STATUS_COUNT	(FINDING_ACKNOWLEDGED + 1)
#define FINDING_LEVEL_COUNT		(FINDING_ERROR + 1)

/*
 * One finding.  Strings are null-terminated and may be NULL unless said
 * otherwise.  Object ids, times and process ids are only found in data, and in
 * statements whose row has a time for a key, so that the rest is the same from
 * one run to the next.
 */
typedef struct Finding
{
	const char *check_id;		/* never NULL */
	FindingLevel level;
	FindingStatus status;
	const char *category;		/* never NULL */
	const char *object_type;	/* as pg_identify_object() names it, or
								 * "setting", "session", ... */
	const char *object_identity;
	const char *message;		/* never NULL; style of errmsg() */
	const char *detail;			/* style of errdetail() */
	const char *hint;			/* style of errhint() */
	const char *fix_sql;		/* can be pasted as it stands */
	const char *undo_sql;		/* takes fix_sql back */
	const char *applies_to;		/* OpenMetadata versions; never NULL */
	const char *doc_ref;		/* never NULL */
	const char *finding_key;	/* the same in every run; never NULL */
	const char *data;			/* text of a JSON object */
	const char *note;			/* who acknowledged it and why, a sentence; no
								 * column: data has the same */
} Finding;

/* Columns of upgrade_prereq_findings(), in order. */
#define FINDING_COLUMNS 15

/* How many findings there are of each kind. */
typedef struct FindingCounts
{
	int			found[FINDING_LEVEL_COUNT]; /* status found, by level */
	int			status[FINDING_STATUS_COUNT];	/* all, by status */
} FindingCounts;

extern const char *finding_level_name(FindingLevel level);
extern const char *finding_status_name(FindingStatus status);
extern FindingLevel finding_level_parse(const char *argument, const char *text);
extern bool finding_level_lookup(const char *text, FindingLevel *level);
extern bool finding_status_lookup(const char *text, FindingStatus *status);
extern void finding_sort(List *findings);
extern FindingCounts finding_count(List *findings);
extern void finding_values(const Finding *finding, char **values);

/* Names of the columns, in the order of finding_values(). */
extern const char *const finding_column_names[FINDING_COLUMNS];

#endif							/* UPGRADE_PREREQ_FINDING_H */
