/*-------------------------------------------------------------------------
 *
 * plan_use.h
 *	  What the nodes of a plan that keep rows need for it.
 *
 * src/memory/plan_use.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_PLAN_USE_H
#define UPGRADE_PREREQ_PLAN_USE_H

#include "plan_rows.h"

/*
 * What a tuplestore writes besides of each row if it may be read backward
 * (writetup_heap() in utils/sort/tuplestore.c).
 */
#define BACKWARD_BYTES 4

extern ModelServer plan_use_server(void);
extern bool plan_use_is_by_value(List *columns);
extern ModelNeed plan_use_in_each(const PlanReader *reader,
								  const PlanRows *rows, MemoryUse *use,
								  ModelNeed need);
extern void plan_use_add(PlanReader *reader, MemoryUse *use,
						 const char *operation, ModelNeed need, bool is_hash);
extern void plan_use_tuplestore(PlanReader *reader, const PlanRows *rows,
								const char *operation);
extern void plan_use_sort(PlanReader *reader, const PlanRows *rows,
						  List *columns, ModelSortKind kind,
						  const char *operation, double bound);
extern void plan_use_incremental_sort(PlanReader *reader,
									  IncrementalSort *sort,
									  const PlanRows *input);
extern void plan_use_hash_join(PlanReader *reader, Hash *hash,
							   const PlanRows *outer, const PlanRows *inner);
extern void plan_use_hashed_subplan(PlanReader *reader,
									const SubPlan *subplan);
extern void plan_use_hashed_groups(PlanReader *reader, Plan *plan,
								   const PlanRows *input,
								   const char *operation, double groups);
extern PlanRows *plan_use_aggregate(PlanReader *reader, Agg *agg,
									const PlanRows *input);
extern void plan_use_window(PlanReader *reader, const WindowAgg *window,
							const PlanRows *input);

#endif							/* UPGRADE_PREREQ_PLAN_USE_H */
