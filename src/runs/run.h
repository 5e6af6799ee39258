/*-------------------------------------------------------------------------
 *
 * run.h
 *	  Runs that are not finished: what is known of each, and what it means.
 *
 * src/runs/run.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_RUN_H
#define UPGRADE_PREREQ_RUN_H

#include "need.h"

/* What the evidence says of a run; labels of upgrade_prereq_verdict. */
typedef enum RunVerdict
{
	RUN_RUNNING,				/* at work, or may be */
	RUN_UNKNOWN,				/* not to be told */
	RUN_FINISHED_ELSEWHERE,		/* the scheduler knows how it ended */
	RUN_SUPERSEDED,				/* a later run of the same took its place */
	RUN_ORPHANED,				/* what it is a run of is gone */
	RUN_STUCK					/* dead, and nothing will end it */
} RunVerdict;

/* How sure a verdict is; labels of upgrade_prereq_confidence. */
typedef enum RunConfidence
{
	CONFIDENCE_NONE = -1,		/* null: nothing could be read */
	CONFIDENCE_LOW,
	CONFIDENCE_MEDIUM,
	CONFIDENCE_HIGH
} RunConfidence;

/*
 * A kind of runs: the header of its file under src/runs/kinds/, and the query
 * that lists those that are not finished.
 */
typedef struct RunKind
{
	const char *name;
	bool		heavy;			/* reads a time series from end to end */
	bool		is_judged;		/* returns verdicts; else run_judge_query does */
	const char *table;			/* whose rows the runs are, or NULL */
	const char *parent;			/* of what these are parts, or NULL */
	const char *run_id;			/* expression over that table where the key
								 * does not tell runs apart, or NULL */
	const char *state;			/* the same, for the state */
	const Need *needs;			/* ends with an empty one */
	const char *query;
} RunKind;

/* Made from the files under src/runs/ by tools/kind_list.awk. */
extern const char run_judge_query[];
extern const RunKind run_kinds[];
extern const int run_kind_count;

/*
 * A run.  Texts may be NULL, where something is not known or does not exist.
 */
typedef struct Run
{
	const char *kind;
	const char *name;			/* of what it is a run of */
	const char *run_id;
	const char *state;			/* as the row has it */
	const char *started_at;		/* timestamptz as text */
	const char *age;			/* interval as text */
	const char *typical_duration;	/* the same: median of finished runs */
	RunVerdict	verdict;
	RunConfidence confidence;
	const char *evidence;		/* sentences: what decided */
	const char *corrected_state;	/* NULL: not to be corrected */
	const char *fix_sql;
	const char *undo_sql;
	const char *data;			/* JSON object */

	/* To settle it. */
	const char *table_name;		/* in the schema of OpenMetadata's tables */
	const char *key;			/* JSON object: column -> value as text */
	const char *run_id_expression;	/* over the columns of that table */
	const char *state_expression;
	const char *patch;			/* JSON object: column -> new value; an object
								 * is merged, key by key, into the column's
								 * JSON document */
	const char *old_values;		/* JSON object: column -> what the patch takes
								 * away: an object of the old keys, or the
								 * whole document as text where the column is
								 * of type json */
	const char *row_text;		/* the whole row, at the time of the look */
	int			number;			/* place in the answer of its kind */
} Run;

/* What a call asks for. */
typedef struct RunRequest
{
	const Installation *installation;	/* has to be found */
	List	   *kinds;			/* of char *: names of kinds; NIL for all */
	bool		light_only;		/* no heavy kinds */
	const char *older_than;		/* interval as text, or NULL */
	bool		include_history;	/* every run, not of each pipeline the
									 * newest */
	const char *airflow_server; /* NULL: Airflow is not asked */
} RunRequest;

/* run_list.c */
extern List *run_list(const RunRequest *request);
extern const char *run_verdict_name(RunVerdict verdict);
extern const char *run_confidence_name(RunConfidence confidence);
extern RunVerdict run_verdict_find(const char *name);
extern RunConfidence run_confidence_find(const char *name);
extern Run *run_obstacle(const char *kind, const char *name,
						 const Obstacle *obstacle);
extern const char *run_airflow_server(const char *argument);

/* run_fix.c */
extern Obstacle *run_add_fixes(List *runs, const char *schema_name);

/* runs.c */
extern const Installation *run_installation(void);
extern const char *run_list_json(List *runs);

#endif							/* UPGRADE_PREREQ_RUN_H */
