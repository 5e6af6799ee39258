/*-------------------------------------------------------------------------
 *
 * airflow.c
 *	  Airflow's own record of the runs.
 *
 * Its database is asked four questions, each a query in a file of its own
 * under src/runs/airflow/ that answers with one JSON document: which tables
 * and columns there are (open, probe), whether it knows pipelines of this
 * OpenMetadata (known, of those of sample), and what it says of the runs
 * (record, in lots).  The answers are judged in this database (needs, gate,
 * decision), by queries that read nothing else.
 *
 * What differs between releases of Airflow is found by its columns, not by its
 * version, and put into the question from the table below.
 *
 * src/runs/airflow.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "extension.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "runs/airflow.h"
#include "runs/airflow_link.h"
#include "runs/airflow_texts.h"
#include "runs/run.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/json.h"

/*
 * So many runs are asked about at once.  A run is up to 600 bytes of the
 * message, the rest of it some 6 kB: without anybody who reads, a kernel takes
 * that much.
 */
#define RUNS_IN_A_LOT "20"

/* A part of record.sql that depends on what the database has. */
typedef struct Variant
{
	const char *name;			/* @name@ in the query */
	const char *column;			/* of the answer of needs.sql */
	const char *value;			/* that this column has to have */
	const char *text;
} Variant;

static const Variant variants[] = {
	{"is_active", "has_is_active", "t", "dag.is_active"},
	{"is_active", "has_is_stale", "t", "NOT dag.is_stale"},
	{"is_active", NULL, NULL, "NULL::boolean"},

	/* a pickle holds the text of the id as it is, whatever its protocol */
	{"conf_has_id", "conf_type", "bytea", "position(convert_to(run.run_id, 'UTF8') IN dag_run.conf) > 0"},
	{"conf_has_id", NULL, NULL, "dag_run.conf ->> 'pipelineRunId' = run.run_id"},

	/* Airflow 2, and 3 */
	{"heartbeats_of", "has_job_id", "t", "job"},
	{"heartbeats_of", NULL, NULL, "task_instance"},
	{"heartbeat", "has_job_id", "t", "job.latest_heartbeat"},
	{"heartbeat", NULL, NULL, "ti.last_heartbeat_at"},
	{"job_state", "has_job_id", "t", "job.state"},
	{"job_state", NULL, NULL, "NULL::text"},
	{"join_job", "has_job_id", "t", "LEFT JOIN @schema@.job ON job.id = ti.job_id AND job.job_type = 'LocalTaskJob'"},
	{"join_job", NULL, NULL, ""},

	/* earlier attempts, from 2.10 on */
	{"history", "has_history", "t",
		"SELECT false, tih.state, tih.try_number, tih.start_date, tih.end_date, tih.hostname, "
		"NULL::timestamptz, NULL::text "
		"FROM @schema@.task_instance_history AS tih "
		"WHERE tih.dag_id = picked.dag_id AND tih.run_id = picked.run_id "
		"ORDER BY tih.start_date DESC NULLS LAST "
	"LIMIT 10"},
	{"history", NULL, NULL,
		"SELECT false, NULL::text, NULL::integer, NULL::timestamptz, NULL::timestamptz, NULL::text, "
	"NULL::timestamptz, NULL::text WHERE false"},

	/* only ever asked whether it holds the id: there may be secrets in it */
	{"is_rendered", "has_rendered", "t",
		"EXISTS (SELECT FROM @schema@.rendered_task_instance_fields AS rendered "
		"WHERE rendered.dag_id = dag_run.dag_id AND rendered.run_id = dag_run.run_id "
	"AND position(run.run_id IN rendered.rendered_fields::text) > 0)"},
	{"is_rendered", NULL, NULL, "false"}
};

/* What is handed through the talk with Airflow's database, and the judging. */
typedef struct AirflowCall
{
	List	   *runs;			/* of Run * */
	const RunKind *kind;
	const RunRequest *request;
	const char *runs_json;
	List	   *lots;			/* of JSON arrays: the runs to ask about */
	const char *dag_ids;		/* JSON array: of some deployed pipelines */
	const char *schema_name;	/* of Airflow's tables, quoted */
	const char *known;			/* the answer to known.sql, or NULL */
	const char *answers;		/* JSON array */
	MemoryContext context;		/* where what is kept goes */
	Obstacle   *obstacle;
} AirflowCall;

/* The runs as a JSON array of {n, run_id, state, data}. */
static const char *
describe_runs(List *runs)
{
	StringInfoData json;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(lc, runs)
	{
		const Run  *run = lfirst(lc);

		appendStringInfo(&json, "%s{\"n\": %d, \"run_id\": ",
						 n > 0 ? ", " : "", n);
		n++;
		if (run->run_id != NULL)
			escape_json(&json, run->run_id);
		else
			appendStringInfoString(&json, "null");
		appendStringInfoString(&json, ", \"state\": ");
		escape_json(&json, run->state ? run->state : "");
		appendStringInfo(&json, ", \"data\": %s}",
						 run->data ? run->data : "{}");
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/*
 * The obstacle that the last query found, if it returned a row that has one:
 * columns sqlstate, problem, hint, and perhaps grants.
 */
static Obstacle *
obstacle_from_row(MemoryContext context)
{
	const char *sqlstate;
	Obstacle   *obstacle;

	if (SPI_processed == 0)
		return NULL;
	sqlstate = query_text_of(0, "sqlstate", context);
	if (sqlstate == NULL)
		return NULL;

	obstacle = MemoryContextAllocZero(context, sizeof(Obstacle));
	obstacle->sqlerrcode = MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2],
										 sqlstate[3], sqlstate[4]);
	obstacle->message = query_text_of(0, "problem", context);
	obstacle->hint = query_text_of(0, "hint", context);
	obstacle->fix_sql = query_text_of(0, "grants", context);
	return obstacle;
}

/* Does a variant hold, by the row of needs.sql? */
static bool
variant_holds(const Variant *variant)
{
	const char *value;

	if (variant->column == NULL)
		return true;
	value = query_text_of(0, variant->column, CurrentMemoryContext);
	return value != NULL && strcmp(value, variant->value) == 0;
}

/* A question with the name of Airflow's schema in it. */
static const char *
apply_schema(const AirflowCall *call, const char *query)
{
	return substitution_apply(query,
							  substitution_add_text(NIL, "schema",
													call->schema_name));
}

/* record.sql for what the database has, by the row of needs.sql. */
static const char *
record_query(const AirflowCall *call)
{
	List	   *parts = NIL;
	const char *query;
	MemoryContext previous = MemoryContextSwitchTo(call->context);

	/* of variants of one name the first that holds */
	for (size_t i = 0; i < lengthof(variants); i++)
	{
		if (variant_holds(&variants[i]))
			parts = substitution_add_text(parts, variants[i].name,
										  variants[i].text);
	}
	query = apply_schema(call, substitution_apply(airflow_record, parts));
	MemoryContextSwitchTo(previous);
	return query;
}

/*
 * Find out what the database has.  Returns what is in the way, or NULL and
 * record.sql in *query.
 */
static Obstacle *
probe(AirflowLink *link, AirflowCall *call, const char **query)
{
	List	   *values = NIL;
	const char *answer;
	Obstacle   *obstacle;

	values = substitution_add_text(values, "path",
								   quote_literal_cstr(airflow_link_ask(link, airflow_open)));
	values = substitution_add_text(values, "timeout_ms",
								   psprintf("%d", setting_airflow_timeout));
	answer = airflow_link_ask(link,
							  substitution_apply(psprintf("%s%s", airflow_settings,
														  airflow_probe), values));

	SPI_connect();
	(void) query_run(airflow_needs, 1, &answer);
	obstacle = obstacle_from_row(call->context);
	if (obstacle == NULL)
	{
		call->schema_name = query_text_of(0, "schema_name", call->context);
		*query = record_query(call);
	}
	SPI_finish();
	return obstacle;
}

/* Draw the pipelines whose DAGs its Airflow has to know, for guard_run(). */
static void
sample_guarded(void *argument)
{
	AirflowCall *call = argument;
	const Installation *installation = call->request->installation;
	Facts		facts = {.installation = installation};
	List	   *names = NIL;

	call->obstacle = need_prepare(call->kind->needs, installation->schema_oid,
								  &names);
	if (call->obstacle != NULL)
		return;
	SPI_connect();
	(void) query_run_with_facts(airflow_sample, names, &facts);
	call->dag_ids = query_text(0, 1, call->context);
	SPI_finish();
}

/* Divide the runs into the lots to ask about, for guard_run(). */
static void
divide_guarded(void *argument)
{
	AirflowCall *call = argument;
	const char *arguments[] = {call->runs_json, RUNS_IN_A_LOT};
	uint64		rows;

	SPI_connect();
	rows = query_run(airflow_batches, lengthof(arguments), arguments);
	for (uint64 row = 0; row < rows; row++)
	{
		const char *lot = query_text(row, 1, call->context);
		MemoryContext previous = MemoryContextSwitchTo(call->context);

		call->lots = lappend(call->lots, unconstify(char *, lot));
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();
}

/* Ask everything there is to ask: an AirflowTalk. */
static Obstacle *
talk(AirflowLink *link, void *argument)
{
	AirflowCall *call = argument;
	const char *query;
	StringInfoData answers;
	Obstacle   *obstacle = probe(link, call, &query);
	ListCell   *lc;

	if (obstacle != NULL)
		return obstacle;

	if (call->dag_ids != NULL)
	{
		List	   *values = substitution_add_text(NIL, "dag_ids",
												   quote_literal_cstr(call->dag_ids));

		call->known = airflow_link_ask(link,
									   substitution_apply(apply_schema(call, airflow_known),
														  values));
	}

	initStringInfo(&answers);
	foreach(lc, call->lots)
	{
		List	   *values = substitution_add_text(NIL, "runs",
												   quote_literal_cstr(lfirst(lc)));

		appendStringInfoChar(&answers, answers.len > 0 ? ',' : '[');
		appendStringInfoString(&answers,
							   airflow_link_ask(link, substitution_apply(query, values)));
	}
	appendStringInfoChar(&answers, ']');
	call->answers = answers.data;
	return NULL;
}

/* Does a verdict say that nothing works on the run any more? */
static bool
is_dead(RunVerdict verdict)
{
	return verdict == RUN_SUPERSEDED || verdict == RUN_ORPHANED ||
		verdict == RUN_STUCK;
}

/*
 * Change a run as a row of decision.sql says.  Where Airflow says nothing, or
 * is less sure that a run is dead than the other evidence, it only adds to
 * that.
 */
static void
apply_row(const AirflowCall *call, uint64 row)
{
	MemoryContext context = call->context;
	Run		   *run = list_nth(call->runs,
							   pg_strtoint32(query_text_of(row, "n", context)));
	const char *verdict = query_text_of(row, "verdict", context);
	const char *confidence = query_text_of(row, "confidence", context);
	const char *evidence = query_text_of(row, "evidence", context);
	const char *patch = query_text_of(row, "patch", context);

	run->data = query_text_of(row, "data", context);
	if (verdict == NULL ||
		(is_dead(run->verdict) && is_dead(run_verdict_find(verdict)) &&
		 run->confidence > run_confidence_find(confidence)))
	{
		MemoryContext previous = MemoryContextSwitchTo(context);

		run->evidence = psprintf("%s %s", run->evidence, evidence);
		MemoryContextSwitchTo(previous);
		return;
	}

	run->verdict = run_verdict_find(verdict);
	run->confidence = run_confidence_find(confidence);
	run->evidence = evidence;
	if (patch != NULL && run->patch != NULL)
	{
		run->patch = patch;
		run->corrected_state = query_text_of(row, "corrected_state", context);
	}
}

/* Judge the runs by the answers, for guard_run(). */
static void
judge_guarded(void *argument)
{
	AirflowCall *call = argument;
	const char *arguments[] = {
		call->runs_json, call->answers,
		psprintf("%d", setting_airflow_heartbeat_timeout * 1000),
		pipeline_service_client_name(),
		psprintf(INT64_FORMAT, (int64) setting_running_after * 1000)
	};
	const char *to_gate[] = {call->answers, call->known};
	List	   *names = substitution_add(NIL, "extschema", extension_schema());
	const char *query = substitution_apply(airflow_decision, names);

	SPI_connect();
	(void) query_run(airflow_gate, lengthof(to_gate), to_gate);
	call->obstacle = obstacle_from_row(call->context);
	if (call->obstacle == NULL)
	{
		uint64		rows = query_run(query, lengthof(arguments), arguments);

		for (uint64 row = 0; row < rows; row++)
			apply_row(call, row);
	}
	SPI_finish();
}

/*
 * Change the verdicts on runs of ingestion pipelines (List of Run *) by what
 * the database of Airflow that the foreign server of the request leads to says
 * of them.  Returns what is in the way, or NULL; then the verdicts are what
 * they were: see airflow_link_run(), and 42P01, 42703, 42804, 42809 for tables that are not
 * Airflow's, 42501 with the GRANTs that would help there, 55000 for a database
 * that is not of this OpenMetadata's Airflow.  Raises an error only if the
 * caller is cancelled.  Without a run to ask about, nobody is asked.
 */
Obstacle *
airflow_judge(List *runs, const RunKind *kind, const RunRequest *request)
{
	AirflowCall call = {
		.runs = runs,
		.kind = kind,
		.request = request,
		.runs_json = describe_runs(runs),
		.context = CurrentMemoryContext
	};
	Obstacle   *obstacle;

	obstacle = guard_run(divide_guarded, &call);
	if (obstacle == NULL && call.lots != NIL)
	{
		obstacle = guard_run(sample_guarded, &call);
		if (obstacle == NULL)
			obstacle = call.obstacle;
		if (obstacle == NULL)
			obstacle = airflow_link_run(request->airflow_server, talk, &call);
		if (obstacle == NULL)
			obstacle = guard_run(judge_guarded, &call);
		if (obstacle == NULL)
			obstacle = call.obstacle;
	}
	return obstacle;
}
