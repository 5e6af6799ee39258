/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  What will come of one statement: the memory it needs, against what it
 *	  gets.
 *
 * src/memory/statement.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_STATEMENT_H
#define UPGRADE_PREREQ_STATEMENT_H

#include "release.h"
#include "table_facts.h"

/*
 * What the session gets that will run the statement; in bytes, -1 for no
 * limit.  A value that is not known is taken from this session.
 */
typedef struct StatementSettings
{
	bool		is_known;		/* else the outcome is not known either */
	int			work_mem_kb;
	int			maintenance_work_mem_kb;
	double		hash_mem_multiplier;
	int			parallel_workers;	/* max_parallel_workers_per_gather */
	int			maintenance_workers;	/* max_parallel_maintenance_workers */
	double		temp_limit_bytes;	/* temp_file_limit */
	double		free_bytes;		/* of the disk for temporary files */
	const char *search_path;
	List	   *planner;		/* of RoleSetting *: those of the planner that
								 * differ from this session's */
} StatementSettings;

typedef struct StatementEstimate
{
	List	   *uses;			/* of MemoryUse * */
	double		peak_bytes;		/* memory of all uses at the same time */
	Outcome		outcome;		/* the worst of the uses */
	Obstacle   *obstacle;		/* why it is not known, or NULL */
	List	   *parse_trees;	/* of RawStmt *; NIL if it does not parse */
	List	   *files;			/* of NewFile *: what it writes anew, or of an
								 * UPDATE see change.h */
	double		temp_bytes;		/* temporary disk in use at once; -1 if not
								 * known */
	double		changed_rows;	/* that it updates or deletes; 0 if none */
} StatementEstimate;

/* statement_settings.c */
extern StatementSettings *statement_settings_of_session(void);
extern void statement_settings_of_migration(StatementSettings *settings,
											const Installation *installation);

/* statement.c */
extern void statement_pin_settings(const StatementSettings *settings);
pg_noreturn extern void statement_obstacle_raise(Obstacle *obstacle);
extern double statement_available_bytes(const StatementSettings *settings,
										const MemoryUse *use);
extern StatementEstimate *statement_unknown(Obstacle *obstacle);
extern StatementEstimate *statement_estimate(const char *text,
											 const StatementSettings *settings,
											 TableFactsCache *cache);

#endif							/* UPGRADE_PREREQ_STATEMENT_H */
