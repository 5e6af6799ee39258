/*-------------------------------------------------------------------------
 *
 * run_fix.c
 *	  The statements that settle a run, and that take it back.
 *
 * A run says which columns, or keys of its JSON documents, get a new value.
 * The fix changes the row that has the key, the run id and the state that
 * were seen, and no other; taking it back asks for what the fix wrote, and
 * brings back each key as it was, or as missing.  A document of type json,
 * whose text would change, is brought back whole.  Where there is no unique
 * key, several runs can have the same: then there is no statement.
 *
 * src/runs/run_fix.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "query.h"
#include "runs/run.h"
#include "utils/json.h"

/*
 * $1 holds the runs, $2 is the name of the schema.  Values with control
 * characters cannot be pasted everywhere, and null is equal to nothing: then
 * there is no statement, rather than one that does nothing.  From 16 on, json
 * is a keyword that quote_ident() quotes, though it need not: the statements
 * are the same everywhere.
 */
static const char fix_query[] =
"SELECT place - 1, "
"       CASE WHEN namesakes = 1 AND fix_sql || undo_sql !~ '[[:cntrl:]]' THEN fix_sql END, "
"       CASE WHEN namesakes = 1 AND fix_sql || undo_sql !~ '[[:cntrl:]]' THEN undo_sql END, "
"       CASE WHEN namesakes > 1 THEN "
"           'Another run has the same key, so that no statement tells them apart; upgrade_prereq_resolve() does.' END "
"FROM ( "
"    SELECT run, place, namesakes "
"    FROM (SELECT run, place, count(*) OVER (PARTITION BY run -> 'key', run -> 'run_id') AS namesakes "
"          FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS element (run, place)) AS every "
"    WHERE (run -> 'wants_fix')::boolean "
"    OFFSET 0 "
") AS element "
"CROSS JOIN LATERAL ( "
"    SELECT CASE WHEN bool_and(value IS NOT NULL) "
"           THEN string_agg(format('%I = %L', name, value), ' AND ' ORDER BY name) END AS row_is "
"    FROM jsonb_each_text(run -> 'key') AS k (name, value) "
") AS key "
"CROSS JOIN LATERAL ( "
"    SELECT key.row_is "
"           || CASE WHEN run ->> 'run_id_expression' IS NULL THEN '' "
"              ELSE format(' AND %s = %L', run ->> 'run_id_expression', run ->> 'run_id') END AS run_is, "
"           format(' AND %s = %L', run ->> 'state_expression', run ->> 'state') AS state_is "
") AS guard "
"CROSS JOIN LATERAL ( "
"    SELECT string_agg(CASE "
"               WHEN jsonb_typeof(new) <> 'object' THEN format('%s = %L', name, new #>> '{}') "
"               WHEN jsonb_typeof(old) = 'object' THEN format('%1$s = %1$s || %2$L::jsonb', name, new) "
"               ELSE format('%1$s = (%1$s::jsonb || %2$L::jsonb)::json', name, new) "
"           END, ', ' ORDER BY name) AS fix, "
"           string_agg(CASE "
"               WHEN jsonb_typeof(new) <> 'object' THEN format('%s = %L', name, old #>> '{}') "
"               WHEN jsonb_typeof(old) = 'object' THEN "
"                   format('%1$s = (%1$s - %2$L::text[]) || %3$L::jsonb', name, "
"                          (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(new) AS k)::text, old) "
"               ELSE format('%s = %L::json', name, old #>> '{}') "
"           END, ', ' ORDER BY name) AS undo, "
"           string_agg(CASE "
"               WHEN jsonb_typeof(new) <> 'object' THEN format('%s = %L', name, new #>> '{}') "
"               ELSE (SELECT string_agg(format('%s ->> %L = %L', name, k, v), ' AND ' ORDER BY k DESC) "
"                     FROM jsonb_each_text(new) AS each (k, v)) "
"           END, ' AND ' ORDER BY name) AS is_fixed "
"    FROM (SELECT CASE WHEN col = 'json' THEN col ELSE quote_ident(col) END AS name, "
"                 new, run -> 'old_values' -> col AS old "
"          FROM jsonb_each(run -> 'patch') AS p (col, new)) AS change "
") AS part "
"CROSS JOIN LATERAL ( "
"    SELECT format('UPDATE %I.%I SET %s WHERE %s;', $2, run ->> 'table', part.fix, run_is || state_is), "
"           format('UPDATE %I.%I SET %s WHERE %s AND %s;', $2, run ->> 'table', part.undo, run_is, is_fixed) "
"    WHERE run_is || state_is IS NOT NULL "
") AS statement (fix_sql, undo_sql)";

/* What is handed to the function that runs under guard_run(). */
typedef struct FixCall
{
	List	   *runs;
	const char *schema_name;
	MemoryContext context;
} FixCall;

/* Should there be statements for a run? */
static bool
wants_fix(const Run *run)
{
	return run->patch != NULL && run->key != NULL &&
		run->state != NULL && run->state_expression != NULL &&
		(run->run_id != NULL || run->run_id_expression == NULL) &&
		run->verdict >= RUN_FINISHED_ELSEWHERE;
}

/* Append "name": value; a text is quoted, a JSON document is not. */
static void
append_member(StringInfo json, const char *name, const char *value,
			  bool is_document)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	if (value == NULL)
		appendStringInfoString(json, "null");
	else if (is_document)
		appendStringInfoString(json, value);
	else
		escape_json(json, value);
}

/* The runs as a JSON array; not all of them want statements. */
static const char *
describe_runs(List *runs)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	foreach(lc, runs)
	{
		const Run  *run = lfirst(lc);

		appendStringInfoString(&json, json.len > 1 ? ", {" : "{");
		append_member(&json, "wants_fix", wants_fix(run) ? "true" : "false",
					  true);
		append_member(&json, "table", run->table_name, false);
		append_member(&json, "run_id", run->run_id, false);
		append_member(&json, "run_id_expression", run->run_id_expression, false);
		append_member(&json, "state", run->state, false);
		append_member(&json, "state_expression", run->state_expression, false);
		append_member(&json, "key", run->key, true);
		append_member(&json, "patch", run->patch, true);
		append_member(&json, "old_values", run->old_values, true);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* Evidence with one more sentence. */
static const char *
add_sentence(const char *evidence, const char *sentence, MemoryContext context)
{
	MemoryContext previous = MemoryContextSwitchTo(context);
	const char *result = psprintf("%s %s", evidence, sentence);

	MemoryContextSwitchTo(previous);
	return result;
}

/* Make the statements, for guard_run(). */
static void
add_fixes_guarded(void *argument)
{
	FixCall    *call = argument;
	const char *arguments[2] = {describe_runs(call->runs), call->schema_name};

	SPI_connect();
	query_run(fix_query, lengthof(arguments), arguments);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		int			place = atoi(query_text(row, 1, CurrentMemoryContext));
		Run		   *run = list_nth(call->runs, place);
		const char *note = query_text(row, 4, call->context);

		run->fix_sql = query_text(row, 2, call->context);
		run->undo_sql = query_text(row, 3, call->context);
		if (note != NULL)
			run->evidence = add_sentence(run->evidence, note, call->context);
	}
	SPI_finish();
}

/*
 * Fill in fix_sql and undo_sql of the runs that their verdict says can be
 * settled.  Returns what is in the way, or NULL.
 */
Obstacle *
run_add_fixes(List *runs, const char *schema_name)
{
	FixCall		call = {runs, schema_name, CurrentMemoryContext};
	ListCell   *lc;

	foreach(lc, runs)
	{
		if (wants_fix(lfirst(lc)))
			return guard_run(add_fixes_guarded, &call);
	}
	return NULL;
}
