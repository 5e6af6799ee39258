/*-------------------------------------------------------------------------
 *
 * plan_window.c
 *	  The rows that a WindowAgg keeps.
 *
 * It keeps the rows from the first that is still wanted to the last that it
 * has looked at, and gives back those before (tuplestore_trim() in
 * ExecWindowAgg(), executor/nodeWindowAgg.c).  Once they are in a file none
 * are given back, and it goes from row to row there to move between the
 * current row and the ends of the frame (window_gettupleslot()).
 *
 * src/memory/plan_window.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "nodes/nodeFuncs.h"
#include "plan_use.h"
#include "utils/fmgroids.h"

/*
 * Rows that are no longer wanted are kept until they are an eighth of all
 * (tuplestore_trim() in utils/sort/tuplestore.c).
 */
#define TRIM_FACTOR (8.0 / 7)

/* The note about frames that are read from a file. */
static const char *const moving_frame =
"the frame moves from row to row, and what is in a temporary file is read again each time";

/* What the functions of a window look at, from less to more. */
typedef enum WindowSpan
{
	SPAN_ROW,					/* the current row, and those before once */
	SPAN_PEERS,					/* its peers, too */
	SPAN_OFFSETS,				/* a known number of rows around it */
	SPAN_PARTITION,
} WindowSpan;

typedef struct WindowScan
{
	const WindowAgg *window;
	WindowSpan	span;
	bool		is_moving;		/* the frame of an aggregate does */
	bool		is_backward;	/* some read their rows backward, too */
} WindowScan;

/* Is the offset of a frame one that is known? */
static bool
is_known_offset(Node *offset)
{
	return offset == NULL || (IsA(offset, Const) &&
							  ((Const *) offset)->consttype == INT8OID &&
							  !((Const *) offset)->constisnull);
}

/* Is the frame of one row another than that of the next? */
static bool
frame_moves(const WindowAgg *window)
{
	int			options = window->frameOptions;

	if ((options & (FRAMEOPTION_START_OFFSET | FRAMEOPTION_END_OFFSET |
					FRAMEOPTION_EXCLUSION)) != 0)
		return true;
	/* without ORDER BY all rows are peers */
	return (options & (FRAMEOPTION_START_CURRENT_ROW |
					   FRAMEOPTION_END_CURRENT_ROW)) != 0 &&
		((options & FRAMEOPTION_ROWS) != 0 || window->ordNumCols > 0);
}

/*
 * What an aggregate looks at.  With an exclusion clause it starts anew from the
 * frame's first row for each.
 */
static WindowSpan
aggregate_span(const WindowAgg *window)
{
	int			options = window->frameOptions;

	if (!frame_moves(window) ||
		(options & (FRAMEOPTION_END_UNBOUNDED_FOLLOWING |
					FRAMEOPTION_EXCLUSION)) != 0)
		return SPAN_PARTITION;
	if ((options & (FRAMEOPTION_START_OFFSET | FRAMEOPTION_END_OFFSET)) != 0)
		return (options & FRAMEOPTION_ROWS) != 0 &&
			is_known_offset(window->startOffset) &&
			is_known_offset(window->endOffset) ?
			SPAN_OFFSETS : SPAN_PARTITION;
	return (options & FRAMEOPTION_ROWS) != 0 ? SPAN_ROW : SPAN_PEERS;
}

/* Look at the functions of a window. */
static bool
scan_functions(Node *node, WindowScan *scan)
{
	WindowFunc *function = (WindowFunc *) node;

	if (node == NULL)
		return false;
	if (!IsA(node, WindowFunc))
		return expression_tree_walker(node, scan_functions, scan);
	if (function->winagg)
	{
		scan->span = Max(scan->span, aggregate_span(scan->window));
		scan->is_moving = frame_moves(scan->window);
		scan->is_backward |=
			(scan->window->frameOptions & FRAMEOPTION_EXCLUSION) != 0 ||
			(scan->window->frameOptions & FRAMEOPTION_START_UNBOUNDED_PRECEDING) == 0;
		return false;
	}
	scan->is_backward = true;
	/* these look at no rows but the current one and the one before */
	if (function->winfnoid != F_ROW_NUMBER &&
		function->winfnoid != F_RANK_ && function->winfnoid != F_DENSE_RANK_)
		scan->span = SPAN_PARTITION;
	return false;
}

/*
 * How far the frame reaches, on the side that is start's and end's: one or both
 * of its ends may lie there.
 */
static double
offset_rows(const WindowAgg *window, int start, int end)
{
	double		rows = 0;

	if ((window->frameOptions & start) != 0)
		rows = DatumGetInt64(((Const *) window->startOffset)->constvalue);
	if ((window->frameOptions & end) != 0)
		rows = Max(rows, DatumGetInt64(((Const *) window->endOffset)->constvalue));
	return rows;
}

/*
 * The rows of a partition, or, with order_columns, those of it that are peers.
 */
static PlanRows
rows_alike(PlanReader *reader, const WindowAgg *window, const PlanRows *input,
		   int order_columns)
{
	int			count = window->partNumCols + order_columns;
	AttrNumber *columns = palloc((count + 1) * sizeof(AttrNumber));
	PlanRows	alike = *input;

	alike.certainty = Max(input->certainty, CERTAINTY_AT_MOST);
	if (count == 0)
		return alike;
	for (int i = 0; i < count; i++)
		columns[i] = i < window->partNumCols ? window->partColIdx[i] :
			window->ordColIdx[i - window->partNumCols];
	alike.count = plan_rows_of_group(plan_rows_groups(reader,
													  (Plan *) &window->plan,
													  input, count, columns));
	alike.certainty = CERTAINTY_ROUGH;
	return alike;
}

/*
 * What a WindowAgg keeps of its input.  When that does not fit, the whole
 * partition is written (spool_tuples()).
 */
void
plan_use_window(PlanReader *reader, const WindowAgg *window,
				const PlanRows *input)
{
	MemoryUse  *use = palloc0(sizeof(MemoryUse));
	ModelServer server = plan_use_server();
	WindowScan	scan = {window, SPAN_ROW, false, false};
	PlanRows	partition;
	PlanRows	rows;
	ModelRows	kept;
	ModelNeed	need;

	(void) scan_functions((Node *) window->plan.targetlist, &scan);
	if (scan.span == SPAN_ROW)
		return;
	rows = partition = rows_alike(reader, window, input, 0);
	if (scan.span == SPAN_PEERS)
		rows = rows_alike(reader, window, input, window->ordNumCols);
	else if (scan.span == SPAN_OFFSETS)
		rows.count = 2 +
			offset_rows(window, FRAMEOPTION_START_OFFSET_PRECEDING,
						FRAMEOPTION_END_OFFSET_PRECEDING) +
			offset_rows(window, FRAMEOPTION_START_OFFSET_FOLLOWING,
						FRAMEOPTION_END_OFFSET_FOLLOWING);
	if (scan.span != SPAN_PARTITION)
		rows.count = Min(rows.count * TRIM_FACTOR, partition.count);

	kept = plan_rows_kept(reader, &rows, ROW_MINIMAL_TUPLE, rows.columns, use);
	need = model_tuplestore(&server, &kept);
	if (need.temp_bytes > 0)
	{
		kept.count = ceil(plan_rows_countable(partition.count));
		need.temp_bytes = model_tuplestore(&server, &kept).temp_bytes;
		if (scan.is_backward)
			need.temp_bytes += kept.count * BACKWARD_BYTES;
	}
	need = plan_use_in_each(reader, &rows, use, need);
	if (scan.is_moving)
	{
		need.one_pass_bytes = need.needed_bytes;
		use->note = moving_frame;
	}
	plan_use_add(reader, use, "WindowAgg", need, false);
}
