/*-------------------------------------------------------------------------
 *
 * plan_use.c
 *	  What the nodes of a plan that keep rows need for it.
 *
 * Each adds a use of memory to those that the reader has found (plan.c), by
 * what is known of the rows (plan_rows.c) and the arithmetic of model.h.
 * Aggregates are in plan_aggregate.c, windows in plan_window.c.
 *
 * src/memory/plan_use.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "plan_use.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* The note about hash tables that are never written to files. */
static const char *const no_limit =
"the planner decides by its estimate; once chosen, the hash table has no limit";

/* The note about a subquery that is no hash table. */
static const char *const not_hashed =
"its rows are read again for each outer row; with needed_bytes they are hashed";

/* The note about rows that are not shared out. */
static const char *const in_each_note = "each process keeps all of the rows";

/* The server as the model wants it, for a node that is limited by work_mem. */
ModelServer
plan_use_server(void)
{
	ModelServer server = {PG_VERSION_NUM / 10000, hash_mem_multiplier,
	work_mem * 1024.0, sorts_charge_datums()};

	return server;
}

/*
 * What a node needs that keeps all of these rows, in each process that runs it
 * if they are not shared out: temp_file_limit is for one process (FileWrite()
 * in storage/file/fd.c), the disk for all.
 */
ModelNeed
plan_use_in_each(const PlanReader *reader, const PlanRows *rows,
				 MemoryUse *use, ModelNeed need)
{
	if (reader->processes < 2 || rows->is_partial)
		return need;
	use->note = in_each_note;
	use->others_temp_bytes = (reader->processes - 1) * need.temp_bytes;
	need.temp_bytes += use->others_temp_bytes;
	return need;
}

/*
 * Note that a node keeps rows, in each process that runs it, unless it never
 * needs more than the smallest value of the setting.
 */
void
plan_use_add(PlanReader *reader, MemoryUse *use, const char *operation,
			 ModelNeed need, bool is_hash)
{
	if (need.needed_bytes <= SMALLEST_SETTING_BYTES)
		return;
	use->operation = operation;
	use->setting_name = "work_mem";
	use->need = need;
	use->multiplier = is_hash ? hash_mem_multiplier : 1;
	use->processes = reader->processes;
	if (need.at_most)
		use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
	reader->uses = lappend(reader->uses, use);
}

/* Rows that a node keeps whole in a tuplestore. */
void
plan_use_tuplestore(PlanReader *reader, const PlanRows *rows,
					const char *operation)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();
	ModelRows	kept = plan_rows_kept(reader, rows, ROW_MINIMAL_TUPLE,
									  rows->columns, use);

	plan_use_add(reader, use, operation,
				 plan_use_in_each(reader, rows, use,
								  model_tuplestore(&server, &kept)), false);
}

/* Is the first of the columns, if there are any, passed by value? */
bool
plan_use_is_by_value(List *columns)
{
	return columns != NIL && get_typbyval(exprType(linitial(columns)));
}

/*
 * A sort of the rows of a node, of which bound are wanted (0: all).
 */
void
plan_use_sort(PlanReader *reader, const PlanRows *rows, List *columns,
			  ModelSortKind kind, const char *operation, double bound)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();
	PlanRows	one = plan_rows_in_one(rows);
	ModelRows	kept;
	ModelNeed	need;

	kept = plan_rows_kept(reader, &one,
						  kind == MODEL_SORT_TUPLES ? ROW_MINIMAL_TUPLE : ROW_DATUM,
						  columns, use);
	if (one.is_partial)
		need = model_parallel_sort(&server, &kept, kind, bound,
								   reader->processes);
	else
		need = plan_use_in_each(reader, &one, use,
								model_sort(&server, &kept, kind, bound));
	if (bound > 0 && bound < kept.count)
		use->certainty = Max(use->certainty, CERTAINTY_AT_MOST);
	plan_use_add(reader, use, operation, need, false);
}

/*
 * An incremental sort: it keeps the rows of one group at a time that agree in
 * the columns by which the input is sorted already.
 */
void
plan_use_incremental_sort(PlanReader *reader, IncrementalSort *sort,
						  const PlanRows *input)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();
	PlanRows   *groups = plan_rows_groups(reader, &sort->sort.plan, input,
										  sort->nPresortedCols,
										  sort->sort.sortColIdx);
	ModelRows	kept = plan_rows_kept(reader, input, ROW_MINIMAL_TUPLE,
									  input->columns, use);

	use->certainty = CERTAINTY_ROUGH;
	plan_use_add(reader, use, "Incremental Sort",
				 plan_use_in_each(reader, input, use,
								  model_incremental_sort(&server, &kept,
														 plan_rows_of_group(groups), 0)),
				 false);
}

/*
 * The share of the rows whose key is among the most common values of the
 * column by which a hash join handles skew, so many of them.
 */
static double
common_share(const Hash *hash, double values)
{
	double		share = 0;
	AttStatsSlot slot;
	HeapTuple	tuple;

	if (!OidIsValid(hash->skewTable))
		return 0;
	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(hash->skewTable),
							Int16GetDatum(hash->skewColumn),
							BoolGetDatum(hash->skewInherit));
	if (!HeapTupleIsValid(tuple))
		return 0;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_MCV, InvalidOid,
						 ATTSTATSSLOT_NUMBERS))
	{
		for (int i = 0; i < slot.nnumbers && i < values; i++)
			share += slot.numbers[i];
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return share;
}

/*
 * What a plain hash table needs.  If several processes run the join each has a
 * table of its own, but they may share out the outer rows.
 */
static ModelNeed
plain_hash_join(const PlanReader *reader, const PlanRows *outer,
				const ModelServer *server, ModelHashJoin *join, MemoryUse *use)
{
	ModelNeed	one = model_hash_join(server, join);
	ModelNeed	need = plan_use_in_each(reader, outer, use, one);

	if (!outer->is_partial || reader->processes < 2)
		return need;
	join->copies = reader->processes;
	need = model_hash_join(server, join);
	use->others_temp_bytes = need.temp_bytes - one.temp_bytes;
	use->note = in_each_note;
	return need;
}

/* The hash table of a hash join. */
void
plan_use_hash_join(PlanReader *reader, Hash *hash, const PlanRows *outer,
				   const PlanRows *inner)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	MemoryUse	outer_use;
	ModelServer server = plan_use_server();
	Plan	   *input = outerPlan(hash);
	ModelHashJoin join = {
		.inner = plan_rows_kept(reader, inner, ROW_MINIMAL_TUPLE,
								inner->columns, use),
		.outer = plan_rows_kept(reader, outer, ROW_MINIMAL_TUPLE,
								outer->columns, &outer_use),
		.planned_rows = plan_rows_countable(hash->plan.parallel_aware ?
											hash->rows_total : input->plan_rows),
		.planned_width = input->plan_width,
		.skew = OidIsValid(hash->skewTable),
		.processes = hash->plan.parallel_aware ? reader->processes : 1,
	};

	ModelNeed	need;

	join.outer_common = common_share(hash, model_skew_values(&server, &join));
	if (hash->plan.parallel_aware)
	{
		use->note = "all processes share the hash table";
		need = model_hash_join(&server, &join);
	}
	else
		need = plain_hash_join(reader, outer, &server, &join, use);
	plan_use_add(reader, use, "Hash", need, true);
}

/*
 * NOT IN and its kind: a subquery whose rows the planner would hash if it
 * thinks that they fit.  Otherwise they are read again for each outer row.
 */
void
plan_use_hashed_subplan(PlanReader *reader, const SubPlan *subplan)
{
	Plan	   *plan = list_nth(reader->stmt->subplans, subplan->plan_id - 1);
	const PlanRows *rows = reader->subplans[subplan->plan_id - 1];
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();
	ModelNeed	need;

	if (subplan->subLinkType != ANY_SUBLINK || subplan->parParam != NIL)
		return;
	(void) plan_rows_kept(reader, rows, ROW_MINIMAL_TUPLE, rows->columns, use);
	use->rows = plan_rows_countable(plan->plan_rows);
	use->row_bytes = plan->plan_width;
	use->certainty = CERTAINTY_EXACT;
	use->source = SOURCE_STATISTICS;
	use->note = subplan->useHashTable ? no_limit : not_hashed;
	need = model_hashed_subplan(&server, use->rows, plan->plan_width);
	need.one_pass_bytes = need.needed_bytes;	/* with less it is no hash */
	plan_use_add(reader, use,
				 subplan->useHashTable ? "hashed SubPlan" : "SubPlan (not hashed)",
				 need, true);
}

/* A set operation, or the recursive part of a query, that hashes rows. */
void
plan_use_hashed_groups(PlanReader *reader, Plan *plan, const PlanRows *input,
					   const char *operation, double groups)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();

	(void) plan_rows_kept(reader, input, ROW_MINIMAL_TUPLE, input->columns,
						  use);
	use->rows = groups;
	use->certainty = CERTAINTY_ROUGH;
	use->note = no_limit;
	plan_use_add(reader, use, operation,
				 model_hashed_setop(&server, groups, outerPlan(plan)->plan_width), true);
}
