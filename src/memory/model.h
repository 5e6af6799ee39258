/*-------------------------------------------------------------------------
 *
 * model.h
 *	  How much memory a node of a plan, or an index build, needs, and what it
 *	  writes with less.
 *
 * Arithmetic only: nothing here looks at the server, so that the formulas can
 * be tested without one, for any server version.  All memory is in bytes, all
 * counts are doubles as the planner's are, and all results are of the setting
 * that an administrator sets: work_mem (not work_mem x hash_mem_multiplier),
 * or maintenance_work_mem.  Nothing raises an error.
 *
 * src/memory/model.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_MODEL_H
#define UPGRADE_PREREQ_MODEL_H

/* The server, and the settings that a node runs under. */
typedef struct ModelServer
{
	int			major;			/* 13 to 18 */
	double		hash_mem_multiplier;
	double		setting_bytes;	/* work_mem or maintenance_work_mem */
	bool		charges_datums; /* sorts by reference count their copies; the
								 * minor release decides in 17 and 18 */
} ModelServer;

/*
 * The rows that a node keeps.  The lengths are means over the rows, in bytes,
 * of the MinimalTuple (t_len of a heap tuple less MINIMAL_TUPLE_OFFSET, that
 * is less 8), of the datum with its varlena header for a sort of single
 * datums, or of the IndexTuple.
 */
typedef struct ModelRows
{
	double		count;
	double		length;
	double		aligned;		/* of each length rounded up to MAXALIGN */
	double		power;			/* of model_power_length(length) */
	double		first_aligned;	/* the same over the first half of the rows, */
	double		first_power;	/* in the order in which they come */
} ModelRows;

/* What comes of it. */
typedef struct ModelNeed
{
	double		needed_bytes;	/* smallest setting without temporary file;
								 * INFINITY if there is none */
	double		one_pass_bytes; /* smallest with which the data is written
								 * once, by a parallel index build twice; 0 if
								 * any will do */
	double		temp_bytes;		/* temporary disk in use at once under
								 * setting_bytes; 0 if that is enough, -1 if
								 * not known */
	bool		at_most;		/* the figures are upper bounds: the true need
								 * depends on chance */
} ModelNeed;

/* What is sorted; see model_sort_kind(). */
typedef enum ModelSortKind
{
	MODEL_SORT_TUPLES,
	MODEL_SORT_BY_VALUE,		/* single datums that are passed by value */
	MODEL_SORT_BY_REFERENCE,
} ModelSortKind;

typedef struct ModelHashJoin
{
	ModelRows	inner;			/* the rows that are hashed, of all processes */
	ModelRows	outer;
	double		planned_rows;	/* of the Hash node's child: plan_rows, for a
								 * Parallel Hash times its parallel divisor
								 * (rows_total) */
	double		planned_width;	/* plan_width of the Hash node's child */
	bool		skew;			/* Hash.skewTable is set */
	double		outer_common;	/* share of the outer rows whose key is one of
								 * the first model_skew_values() most common
								 * values that the statistics know; or 0 */
	int			processes;		/* that share a Parallel Hash, with the
								 * leader; else 1 */
	int			copies;			/* of a plain hash table, each in a process
								 * that joins its part of the outer rows */
} ModelHashJoin;

typedef struct ModelHashAggregate
{
	ModelRows	groups;			/* count: groups; lengths: of the columns that
								 * are kept for each */
	ModelRows	input;			/* lengths: of the columns that are needed, as
								 * written when it spills */
	double		planned_groups; /* Agg.numGroups */
	double		planned_width;	/* plan_width of the child */
	int			transitions;	/* distinct transition functions */
	double		transition_space;	/* Agg.transitionSpace */
	double		state_bytes;	/* that the transition values of one group
								 * really take, in their chunks; 0 if they are
								 * all passed by value */
} ModelHashAggregate;

extern double model_power_length(double length);
extern ModelRows model_even_rows(double count, double length);

extern ModelSortKind model_aggregate_sort_kind(int columns, bool by_value);
extern ModelSortKind model_sort_kind(int major, int columns, bool by_value);
extern ModelNeed model_sort(const ModelServer *server, const ModelRows *rows,
							ModelSortKind kind, double bound);
extern double model_largest_part(int processes);
extern ModelNeed model_parallel_sort(const ModelServer *server,
									 const ModelRows *rows, ModelSortKind kind,
									 double bound, int processes);
extern ModelNeed model_incremental_sort(const ModelServer *server,
										const ModelRows *rows,
										double largest_group, double bound);
extern ModelNeed model_btree_build(const ModelServer *server,
								   const ModelRows *tuples, int processes);

extern double model_skew_values(const ModelServer *server,
								const ModelHashJoin *join);
extern ModelNeed model_hash_join(const ModelServer *server,
								 const ModelHashJoin *join);
extern ModelNeed model_hash_aggregate(const ModelServer *server,
									  const ModelHashAggregate *aggregate);
extern ModelNeed model_hashed_subplan(const ModelServer *server,
									  double planned_rows,
									  double planned_width);
extern ModelNeed model_hashed_setop(const ModelServer *server,
									double planned_groups,
									double planned_width);

extern ModelNeed model_tuplestore(const ModelServer *server,
								  const ModelRows *rows);

/* model_file.c */
extern double model_btree_file(const ModelRows *tuples, double groups);
extern double model_gin_file(double pointers);

extern ModelNeed model_gin_build(const ModelServer *server, double keys,
								 double distinct_keys, double key_length);

#endif							/* UPGRADE_PREREQ_MODEL_H */
