/*-------------------------------------------------------------------------
 *
 * check.h
 *	  The registry of checks, and running them.
 *
 * src/check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_CHECK_H
#define UPGRADE_PREREQ_CHECK_H

#include "finding.h"
#include "need.h"

typedef struct Check Check;

/* A check that SQL cannot do: appends findings to the list. */
typedef List *(*CheckFunction) (const Check *check,
								const Installation *installation);

/* A check: the header of its file under src/checks/, and what to run. */
struct Check
{
	const char *id;
	const char *title;
	const char *category;
	FindingLevel level;			/* the worst it reports */
	bool		heavy;			/* only runs when asked for */
	const char *reaching;		/* only for upgrades that run the migration of
								 * this release; NULL for all */
	bool		any_installation;	/* has something to say where there is no
									 * installation, too */
	bool		memory;			/* wants the fact memory */
	bool		disk;			/* wants the fact disk */
	bool		runs;			/* wants the fact runs */
	bool		guards_itself;	/* the function runs what it reads under
								 * guard_run(), piece by piece */
	const Need *needs;			/* ends with an empty one; may be NULL */
	const char *passed;			/* message if there is nothing to report */
	const char *query;			/* either this, ... */
	const char *query_of;		/* the query of another check, ... */
	CheckFunction function;		/* or this */
};

/* Made from the files under src/checks/ by tools/check_list.awk. */
extern const Check check_list[];
extern const int check_count;

/*
 * The pages of doc/checks/, in the order of check_list; each line ends with a
 * line feed.  Made from the same files by tools/check_doc.awk.
 */
extern const char *const check_pages[];

/*
 * What the checks of one call have in common.  What the migration needs of
 * memory, and which runs are not finished, is only found out when the first
 * check asks for it.
 */
typedef struct CheckFacts
{
	const Installation *installation;
	bool		deep;			/* heavy checks are run, too */
	bool		memory_is_read;
	const char *memory;			/* JSON array of the rows of
								 * upgrade_prereq_memory() */
	const char *disk;			/* JSON array of the rows of
								 * upgrade_prereq_disk() */
	const Obstacle *memory_obstacle;	/* why there is none, or NULL */
	const char *runs;			/* JSON array of the rows of
								 * upgrade_prereq_runs(), those of heavy kinds
								 * only if deep; NULL: not read */
} CheckFacts;

/* What a call asks for. */
typedef struct CheckRequest
{
	const char *target_text;	/* NULL: the next releases */
	bool	   *selected;		/* by position in check_list */
	bool		deep;
	bool		progress;
} CheckRequest;

/* What comes of it. */
typedef struct CheckResult
{
	Installation *installation; /* never NULL */
	List	   *findings;		/* of Finding *, in the order of the report */
	List	   *excluded;		/* of Check *, those that were not selected */
} CheckResult;

/* check.c */
extern const Check *check_find(const char *id);
extern CheckResult *check_run_all(const CheckRequest *request);
extern List *check_run_single(const Check *check, const char *target_text);

/* check_run.c */
extern List *check_run(const Check *check, CheckFacts *facts);
extern Finding *check_finding(const Check *check, FindingStatus status,
							  const char *message);
extern Finding *check_obstacle_finding(const Check *check,
									   const Obstacle *obstacle);
extern const char *check_applies_to(const Check *check);
extern const char *check_doc_ref(const Check *check);
extern const char *check_tables(const Check *check);

/* src/checks/ */
extern List *check_acknowledgements(const Check *check,
									const Installation *installation);
extern List *check_backup(const Check *check,
						  const Installation *installation);
extern List *check_breaking_changes(const Check *check,
									const Installation *installation);
extern List *check_breaking_changes_deep(const Check *check,
										 const Installation *installation);
extern List *check_collation_version(const Check *check,
									 const Installation *installation);
extern List *check_extension_version(const Check *check,
									 const Installation *installation);
extern List *check_md5_refused(const Check *check,
							   const Installation *installation);
extern List *check_setting_has_no_effect(const Check *check,
										 const Installation *installation);
extern List *check_raise_left_behind(const Check *check,
									 const Installation *installation);
extern List *check_relationship_orphans(const Check *check,
										const Installation *installation);

#endif							/* UPGRADE_PREREQ_CHECK_H */
