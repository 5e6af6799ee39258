/*-------------------------------------------------------------------------
 *
 * run_list.c
 *	  Every run that is not finished, of every kind.
 *
 * A kind is a query in a file of its own.  It sees the row "fact" and the
 * names of need.c, and also @table@ and @parent@, so that kinds whose tables
 * are alike can share a query.  It returns by name the columns name, run_id,
 * state, started_at, typical_duration, verdict, confidence, evidence,
 * corrected_state, data, and to settle the run key, patch, old_values and
 * row_text.  See struct Run for their meaning.
 *
 * src/runs/run_list.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "pgstat.h"
#include "query.h"
#include "runs/airflow.h"
#include "runs/run.h"
#include "table.h"
#include "table_names.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

/* What is handed to the function that runs under guard_run(). */
typedef struct KindRun
{
	const RunKind *kind;
	const RunRequest *request;
	const char *live_sessions;
	MemoryContext context;		/* where the runs go */
	List	   *runs;
} KindRun;

/*
 * How many sessions of OpenMetadata's servers are connected: by the name that
 * their pool has, or had, or by their role ($1).  A server can be given another
 * name (DB_PG_APPLICATION_NAME) and another role: where none is known, but
 * there are sessions of roles that may write OpenMetadata's tables (schema $2),
 * or of roles that were dropped, it is null.  Null on a standby, too: they are
 * connected to its primary.
 */
static const char session_query[] =
"WITH session AS MATERIALIZED ("
"SELECT session.usesysid, COALESCE("
"session.application_name IN ('OpenMetadata', 'PostgreSQL JDBC Driver') "
"OR session.usename = $1::name, false) AS is_known "
"FROM pg_stat_activity AS session "
"WHERE session.datname = current_database() "
"AND session.pid <> pg_backend_pid() "
"AND session.usesysid IS NOT NULL "
"AND COALESCE(session.backend_type, 'client backend') = 'client backend') "
"SELECT CASE WHEN pg_is_in_recovery() THEN NULL "
"WHEN EXISTS (SELECT FROM session WHERE is_known) "
"THEN (SELECT count(*) FROM session WHERE is_known) "
"WHEN EXISTS (SELECT FROM "
"(SELECT DISTINCT usesysid FROM session) AS connected "
"LEFT JOIN pg_roles AS role ON role.oid = connected.usesysid "
"WHERE role.oid IS NULL OR NOT role.rolsuper AND EXISTS ("
"SELECT FROM pg_class AS class "
"WHERE class.relnamespace = $2::oid AND class.relkind IN ('r', 'p') "
"AND has_table_privilege(role.oid, class.oid, 'UPDATE') "
"AND "
IS_OPENMETADATA_TABLE
")) THEN NULL "
"ELSE 0 END";

static const char *const verdict_names[] = {
	"running", "unknown", "finished_elsewhere", "superseded", "orphaned",
	"stuck"
};

static const char *const confidence_names[] = {"low", "medium", "high"};

/* A label of the SQL enum upgrade_prereq_verdict. */
const char *
run_verdict_name(RunVerdict verdict)
{
	return verdict_names[verdict];
}

/* A label of the SQL enum upgrade_prereq_confidence, or NULL. */
const char *
run_confidence_name(RunConfidence confidence)
{
	return confidence == CONFIDENCE_NONE ? NULL : confidence_names[confidence];
}

/* The position of a label; kinds are ours and return no other. */
static int
label_position(const char *const *names, int count, const char *label)
{
	for (int i = 0; label != NULL && i < count; i++)
	{
		if (strcmp(names[i], label) == 0)
			return i;
	}
	elog(ERROR, "unexpected label \"%s\"", label ? label : "(null)");
	return -1;					/* keep the compiler quiet */
}

/* The verdict of that name, which has to be one. */
RunVerdict
run_verdict_find(const char *name)
{
	return label_position(verdict_names, lengthof(verdict_names), name);
}

/* The same for a confidence. */
RunConfidence
run_confidence_find(const char *name)
{
	return label_position(confidence_names, lengthof(confidence_names), name);
}

/*
 * The row that says why the runs of a kind, or Airflow's record of them, could
 * not be read.
 */
Run *
run_obstacle(const char *kind, const char *name, const Obstacle *obstacle)
{
	const char *sqlstate = pstrdup(unpack_sql_state(obstacle->sqlerrcode));
	Run		   *run = palloc0(sizeof(Run));
	StringInfoData data;

	initStringInfo(&data);
	appendStringInfo(&data, "{\"sqlstate\": \"%s\"", sqlstate);
	if (obstacle->hint != NULL)
	{
		appendStringInfoString(&data, ", \"hint\": ");
		escape_json(&data, obstacle->hint);
	}
	if (obstacle->fix_sql != NULL)
	{
		appendStringInfoString(&data, ", \"fix_sql\": ");
		escape_json(&data, obstacle->fix_sql);
	}
	appendStringInfoChar(&data, '}');

	run->kind = kind;
	run->name = name;
	run->verdict = RUN_UNKNOWN;
	run->confidence = CONFIDENCE_NONE;
	run->evidence = psprintf("could not look: %s%s%s (SQLSTATE %s)",
							 obstacle->message,
							 obstacle->detail ? ": " : "",
							 obstacle->detail ? obstacle->detail : "",
							 sqlstate);
	run->data = data.data;
	return run;
}

/* Turn one row of a kind's answer into a run. */
static Run *
run_from_row(const RunKind *kind, uint64 row, MemoryContext context)
{
	Run		   *run = MemoryContextAllocZero(context, sizeof(Run));

	run->kind = kind->name;
	run->name = query_text_of(row, "name", context);
	run->run_id = query_text_of(row, "run_id", context);
	run->state = query_text_of(row, "state", context);
	run->started_at = query_text_of(row, "started_at", context);
	run->age = query_text_of(row, "age", context);
	run->typical_duration = query_text_of(row, "typical_duration", context);
	run->verdict = run_verdict_find(query_text_of(row, "verdict", context));
	run->confidence =
		run_confidence_find(query_text_of(row, "confidence", context));
	run->evidence = query_text_of(row, "evidence", context);
	run->corrected_state = query_text_of(row, "corrected_state", context);
	run->data = query_text_of(row, "data", context);

	run->table_name = kind->table;
	run->key = query_text_of(row, "key", context);
	run->run_id_expression = kind->run_id;
	run->state_expression = kind->state;
	run->patch = query_text_of(row, "patch", context);
	run->old_values = query_text_of(row, "old_values", context);
	run->row_text = query_text_of(row, "row_text", context);
	run->number = (int) row;
	return run;
}

/* Run the query of a kind; the runs go to call->runs. */
static void
run_query(KindRun *call, List *substitutions)
{
	const RunKind *kind = call->kind;
	const RunRequest *request = call->request;
	const char *query = kind->query;
	Facts		facts = {
		.installation = request->installation,
		.kind = kind->name,
		.include_history = request->include_history ? "true" : "false",
		.older_than = request->older_than,
		.live_sessions = call->live_sessions
	};

	if (kind->table != NULL)
		substitutions = substitution_add(substitutions, "table", kind->table);
	if (kind->parent != NULL)
		substitutions = substitution_add(substitutions, "parent",
										 kind->parent);

	/* The whole history is read faster from the table than along an index. */
	if (request->include_history)
		guard_pin_setting("enable_seqscan", "on");
	if (!kind->is_judged)
		query = psprintf("WITH run AS (%s) %s", query, run_judge_query);

	SPI_connect();
	query_run_with_facts(psprintf("SELECT run.*, "
								  "date_trunc('second', fact.now - run.started_at) AS age "
								  "FROM (%s) AS run, fact "
								  "WHERE fact.older_than IS NULL OR run.started_at IS NULL "
								  "OR fact.now - run.started_at >= fact.older_than "
								  "ORDER BY run.started_at, run.run_id COLLATE \"C\"",
								  query),
						 substitutions, &facts);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Run		   *run = run_from_row(kind, row, call->context);
		MemoryContext previous = MemoryContextSwitchTo(call->context);

		call->runs = lappend(call->runs, run);
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();
}

/* Read the runs of one kind, for guard_run(). */
static void
read_kind_guarded(void *argument)
{
	KindRun    *call = argument;
	List	   *substitutions = NIL;
	Obstacle   *obstacle;
	MemoryContext previous;

	obstacle = need_prepare(call->kind->needs,
							call->request->installation->schema_oid,
							&substitutions);
	if (obstacle == NULL)
	{
		run_query(call, substitutions);
		return;
	}
	previous = MemoryContextSwitchTo(call->context);
	call->runs = list_make1(run_obstacle(call->kind->name, NULL, obstacle));
	MemoryContextSwitchTo(previous);
}

/*
 * Does the installed release lack what this kind is made of?  Then there are
 * no such runs.  Where the header says since when a table has been as it
 * should be, a missing one is left to need_prepare() to complain of.
 */
static bool
kind_is_absent(const RunKind *kind, const Installation *installation)
{
	for (const Need *need = kind->needs;
		 need != NULL && need->table != NULL; need++)
	{
		if (need->since != NULL ?
			installation_is_below(installation, need->since) :
			!OidIsValid(table_lookup(installation->schema_oid, need->table)))
			return true;
	}
	return false;
}

/* By verdict, the worst first, then by name, then as the kind gave them. */
static int
compare_runs(const ListCell *a, const ListCell *b)
{
	const Run  *left = lfirst(a);
	const Run  *right = lfirst(b);
	int			result;

	if (left->verdict != right->verdict)
		return left->verdict < right->verdict ? 1 : -1;
	if (left->name == NULL || right->name == NULL)
		result = (left->name != NULL) - (right->name != NULL);
	else
		result = strcmp(left->name, right->name);
	if (result == 0)
		result = left->number < right->number ? -1 : 1;
	return result;
}

/* The runs of one kind, in the current memory context. */
static List *
read_kind(const RunKind *kind, const RunRequest *request,
		  const char *live_sessions)
{
	KindRun		call = {kind, request, live_sessions, CurrentMemoryContext, NIL};
	MemoryContext work;
	Obstacle   *obstacle;

	if (kind_is_absent(kind, request->installation))
		return NIL;

	work = AllocSetContextCreate(call.context, "upgrade_prereq runs",
								 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	obstacle = guard_run(read_kind_guarded, &call);
	MemoryContextSwitchTo(call.context);

	if (obstacle != NULL)
		call.runs = list_make1(run_obstacle(kind->name, NULL, obstacle));
	MemoryContextDelete(work);
	return call.runs;
}

/* What is handed to count_sessions(). */
typedef struct SessionCount
{
	const Installation *installation;
	MemoryContext context;
	const char *count;
} SessionCount;

/* Run session_query, for guard_run(). */
static void
count_sessions(void *argument)
{
	SessionCount *call = argument;
	const char *arguments[] = {
		call->installation->role_name,
		psprintf("%u", call->installation->schema_oid)
	};

	SPI_connect();
	query_run(session_query, lengthof(arguments), arguments);
	call->count = query_text(0, 1, call->context);
	SPI_finish();
}

/*
 * Which foreign server to ask for Airflow's record: that of the argument, or of
 * the setting where the argument is NULL; NULL for none.
 */
const char *
run_airflow_server(const char *argument)
{
	const char *server = argument ? argument : setting_airflow_server;

	return server[0] == '\0' ? NULL : server;
}

/* Are the runs of a kind asked for? */
static bool
is_asked_for(const RunRequest *request, const RunKind *kind)
{
	ListCell   *lc;

	if (kind->heavy && request->light_only)
		return false;
	foreach(lc, request->kinds)
	{
		if (strcmp(lfirst(lc), kind->name) == 0)
			return true;
	}
	return request->kinds == NIL;
}

/*
 * Have Airflow's record change the verdicts on runs of a kind that Airflow
 * knows.  Returns NULL, or the row that says why it could not be read.
 */
static Run *
ask_airflow(const RunKind *kind, List *runs, const RunRequest *request)
{
	Obstacle   *obstacle;

	if (request->airflow_server == NULL || runs == NIL ||
		strcmp(kind->name, "ingestion_pipeline") != 0)
		return NULL;
	obstacle = airflow_judge(runs, kind, request);
	return obstacle == NULL ? NULL :
		run_obstacle("airflow", request->airflow_server, obstacle);
}

/*
 * Every run that is not finished (List of Run *), in the current memory
 * context: by kind, in the order of run_kinds; then by verdict, the worst
 * first; then by name.  A kind that could not be read is one row that says
 * why.  Raises nothing but a cancel.
 */
List *
run_list(const RunRequest *request)
{
	List	   *result = NIL;
	SessionCount sessions = {
		request->installation, CurrentMemoryContext, NULL
	};

	/*
	 * The sessions of now, not those that this transaction saw first.  Where
	 * it is not known, nothing is dead because no session is there.
	 */
	pgstat_clear_snapshot();
	(void) guard_run(count_sessions, &sessions);

	for (int i = 0; i < run_kind_count; i++)
	{
		List	   *runs;
		Run		   *airflow;
		Obstacle   *obstacle;

		if (!is_asked_for(request, &run_kinds[i]))
			continue;
		runs = read_kind(&run_kinds[i], request, sessions.count);
		airflow = ask_airflow(&run_kinds[i], runs, request);
		obstacle = run_add_fixes(runs, request->installation->schema_name);
		if (obstacle != NULL)
			runs = lappend(runs, run_obstacle(run_kinds[i].name, NULL,
											  obstacle));
		list_sort(runs, compare_runs);
		result = list_concat(result, runs);
		if (airflow != NULL)
			result = lappend(result, airflow);
	}
	return result;
}
