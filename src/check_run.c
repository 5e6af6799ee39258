/*-------------------------------------------------------------------------
 *
 * check_run.c
 *	  Runs one check and turns what it returns into findings.
 *
 * A query of a check sees one row named "fact" with what is known of the
 * installation and of the upgrade; @schema@ stands for the schema of
 * OpenMetadata's tables, @extschema@ for that of the extension, @column@ for
 * the name that a column has in this era.  It returns any of the columns
 * level, status, object_type, object_identity, message, detail, hint,
 * fix_sql, undo_sql and data, by name; no row at all means that the check
 * passed.
 *
 * src/check_run.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check.h"
#include "compat.h"
#include "extension.h"
#include "lib/stringinfo.h"
#include "memory/adequacy.h"
#include "query.h"
#include "table.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* The facts that a query of a check may use, bound to $1, $2, ... as text. */
#define FACT_COUNT 14

static const char fact_query[] =
"WITH fact AS (SELECT "
"$1::text AS installation, "		/* none, several, no_history, found */
"$2::name AS schema_name, "
"$3::text[] AS schema_names, "		/* all that hold OpenMetadata's tables */
"$4::text AS history_table, "
"$5::jsonb AS history, "		/* [{version, status, valid}, ...] */
"$6::int[] AS installed_version, "
"$7::text AS installed, "
"$8::int[] AS target_version, "		/* null: the next releases */
"$9::text AS target, "
"$10::name AS role_name, "		/* whom the migration logs in as */
"$11::interval AS queued_after, "
"$12::interval AS running_after, "
"$13::text AS check_id, "
"$14::jsonb AS memory"			/* with "facts: memory": rows of
									 * upgrade_prereq_memory() */
") SELECT * FROM (";

/* What is handed to the function that runs under guard_run(). */
typedef struct CheckRun
{
	const Check *check;
	const Installation *installation;
	const char *memory;			/* the fact of that name, or NULL */
	MemoryContext context;		/* where the findings go */
	List	   *findings;
} CheckRun;

/* Which versions a check is for, in words. */
const char *
check_applies_to(const Check *check)
{
	if (check->reaching == NULL)
		return "all versions";
	return psprintf("upgrades that reach %s", check->reaching);
}

/* A list of strings as an SQL array. */
static const char *
text_array(List *strings)
{
	StringInfoData array;
	ListCell   *lc;

	initStringInfo(&array);
	appendStringInfoChar(&array, '{');
	foreach(lc, strings)
	{
		if (array.len > 1)
			appendStringInfoChar(&array, ',');
		appendStringInfoChar(&array, '"');
		for (const char *p = lfirst(lc); *p != '\0'; p++)
		{
			if (*p == '"' || *p == '\\')
				appendStringInfoChar(&array, '\\');
			appendStringInfoChar(&array, *p);
		}
		appendStringInfoChar(&array, '"');
	}
	appendStringInfoChar(&array, '}');
	return array.data;
}

/* The tables that a check reads, as an SQL array. */
const char *
check_tables(const Check *check)
{
	List	   *tables = NIL;

	for (const CheckNeed *need = check->needs;
		 need != NULL && need->table != NULL; need++)
		tables = lappend(tables, unconstify(char *, need->table));
	return text_array(tables);
}

/* Where the documentation of a check is. */
const char *
check_doc_ref(const Check *check)
{
	return psprintf("doc/checks.md#%s", check->id);
}

/* A finding about nothing in particular, filled from the check's header. */
Finding *
check_finding(const Check *check, FindingStatus status, const char *message)
{
	Finding    *finding = palloc0(sizeof(Finding));

	finding->check_id = check->id;
	finding->level = status == FINDING_PASSED ? FINDING_INFO : check->level;
	finding->status = status;
	finding->category = check->category;
	finding->message = message;
	finding->applies_to = check_applies_to(check);
	finding->doc_ref = check_doc_ref(check);
	finding->finding_key = check->id;
	return finding;
}

/* The finding that says why a check could not look. */
Finding *
check_obstacle_finding(const Check *check, const Obstacle *obstacle)
{
	Finding    *finding;
	const char *sqlstate = unpack_sql_state(obstacle->sqlerrcode);

	finding = check_finding(check, FINDING_UNKNOWN,
							psprintf("could not check: %s", obstacle->message));
	finding->detail = obstacle->detail ?
		psprintf("%s (SQLSTATE %s)", obstacle->detail, sqlstate) :
		psprintf("SQLSTATE %s.", sqlstate);
	if (obstacle->hint != NULL)
		finding->hint = pstrdup(obstacle->hint);
	if (obstacle->fix_sql != NULL)
		finding->fix_sql = pstrdup(obstacle->fix_sql);
	finding->data = psprintf("{\"sqlstate\": \"%s\"}", sqlstate);
	return finding;
}

/* A name that stands for another one in the text of a query. */
typedef struct Substitution
{
	const char *name;
	const char *value;			/* a quoted identifier */
} Substitution;

/* Have @name@ replaced by value, which is quoted if it has to be. */
static List *
add_substitution(List *substitutions, const char *name, const char *value)
{
	Substitution *substitution = palloc(sizeof(Substitution));

	substitution->name = name;
	substitution->value = quote_identifier(value);
	return lappend(substitutions, substitution);
}

/*
 * The substitution whose @name@ a text begins with, or NULL.
 */
static const Substitution *
find_substitution(List *substitutions, const char *text)
{
	ListCell   *lc;

	foreach(lc, substitutions)
	{
		const Substitution *substitution = lfirst(lc);
		size_t		length = strlen(substitution->name);

		if (strncmp(text + 1, substitution->name, length) == 0 &&
			text[length + 1] == '@')
			return substitution;
	}
	return NULL;
}

/*
 * Put the names into a query, in one pass: what was put in is not looked at
 * again, whatever a schema may be called.
 */
static char *
substitute(const char *query, List *substitutions)
{
	StringInfoData result;

	initStringInfo(&result);
	while (*query != '\0')
	{
		const Substitution *found = NULL;

		if (*query == '@')
			found = find_substitution(substitutions, query);
		if (found != NULL)
		{
			appendStringInfoString(&result, found->value);
			query += strlen(found->name) + 2;
		}
		else
			appendStringInfoChar(&result, *query++);
	}
	return result.data;
}

/*
 * See to it that one column can be read, and note its name.  Returns what is
 * in the way, or NULL.
 */
static Obstacle *
prepare_column(const CheckNeed *need, Oid table_oid, const char *alternatives,
			   List **substitutions)
{
	const char *name = table_column(table_oid, alternatives);

	if (name == NULL)
		return table_missing_column(need->table, alternatives);
	*substitutions = add_substitution(*substitutions,
									  strtok(pstrdup(alternatives), "|"),
									  name);
	return table_column_obstacle(table_oid, name);
}

/*
 * See to it that one table can be read as the check wants, and note the names
 * of its columns.  Returns what is in the way, or NULL and the table's OID.
 */
static Obstacle *
prepare_need(const CheckNeed *need, const Installation *installation,
			 List **substitutions, Oid *table_oid)
{
	Obstacle   *obstacle;

	obstacle = table_obstacle(installation->schema_oid, need->table,
							  table_oid);
	for (const char *const *column = need->columns;
		 obstacle == NULL && *column != NULL; column++)
		obstacle = prepare_column(need, *table_oid, *column, substitutions);
	if (obstacle != NULL)
		return obstacle;

	if (need->index != NULL)
	{
		const char *column = table_column(*table_oid, need->index);

		if (column == NULL || !table_has_index(*table_oid, column))
			return table_missing_index(need->table,
									   column ? column : need->index);
		guard_pin_index_scans();
	}
	return NULL;
}

/* The words for the states of an installation. */
static const char *
installation_word(const Installation *installation)
{
	switch (installation->state)
	{
		case INSTALLATION_NONE:
			return "none";
		case INSTALLATION_SEVERAL:
			return "several";
		case INSTALLATION_NO_HISTORY:
			return "no_history";
		case INSTALLATION_FOUND:
			return "found";
	}
	return NULL;				/* keep the compiler quiet */
}

/* Run the query of a check with the facts bound to it. */
static void
execute_query(const CheckRun *run, const char *query)
{
	const Check *check = run->check;
	const Installation *installation = run->installation;
	bool		found = installation->state == INSTALLATION_FOUND;
	const char *facts[FACT_COUNT] = {
		installation_word(installation),
		installation->schema_name,
		text_array(installation->schema_names),
		installation->history_table,
		installation->history,
		found ? version_array(&installation->installed) : NULL,
		installation->installed_text,
		installation->target_text ? version_array(&installation->target) : NULL,
		installation->target_text,
		installation->role_name,
		psprintf("%d seconds", setting_queued_after),
		psprintf("%d seconds", setting_running_after),
		check->id,
		run->memory
	};

	query = psprintf("%s%s) AS finding", fact_query, query);
	(void) query_run(query, FACT_COUNT, facts);
}

/* Copy of the named column of a result row, or NULL if there is none. */
static const char *
result_text(uint64 row, const char *name, MemoryContext context)
{
	int			column = SPI_fnumber(SPI_tuptable->tupdesc, name);

	return column == SPI_ERROR_NOATTRIBUTE ? NULL :
		query_text(row, column, context);
}

/* Turn one row of a check's result into a finding. */
static Finding *
finding_from_row(const Check *check, uint64 row, MemoryContext context)
{
	const char *message = result_text(row, "message", context);
	const char *level = result_text(row, "level", context);
	const char *status = result_text(row, "status", context);
	MemoryContext previous = MemoryContextSwitchTo(context);
	Finding    *finding = check_finding(check, FINDING_FOUND, message);

	if (message == NULL)
		elog(ERROR, "check \"%s\" returned a finding without a message",
			 check->id);
	if (status != NULL && !finding_status_lookup(status, &finding->status))
		elog(ERROR, "check \"%s\" returned the status \"%s\"",
			 check->id, status);
	if (finding->status == FINDING_PASSED)
		finding->level = FINDING_INFO;
	else if (level != NULL && !finding_level_lookup(level, &finding->level))
		elog(ERROR, "check \"%s\" returned the level \"%s\"",
			 check->id, level);

	finding->object_type = result_text(row, "object_type", context);
	finding->object_identity = result_text(row, "object_identity", context);
	finding->detail = result_text(row, "detail", context);
	finding->hint = result_text(row, "hint", context);
	finding->fix_sql = result_text(row, "fix_sql", context);
	finding->undo_sql = result_text(row, "undo_sql", context);
	finding->data = result_text(row, "data", context);
	if (finding->object_identity != NULL)
		finding->finding_key = psprintf("%s:%s", check->id,
										finding->object_identity);
	MemoryContextSwitchTo(previous);
	return finding;
}

/* Run the query of a check; what it returns goes to run->findings. */
static void
run_query(CheckRun *run, const char *query)
{
	MemoryContext previous;

	SPI_connect();
	execute_query(run, query);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Finding    *finding = finding_from_row(run->check, row, run->context);

		previous = MemoryContextSwitchTo(run->context);
		run->findings = lappend(run->findings, finding);
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();
}

/*
 * Prepare all tables that a check needs, and go on as their owner.  Returns
 * what is in the way, or NULL.
 */
static Obstacle *
prepare_needs(const CheckRun *run, List **substitutions)
{
	Oid			first_oid = InvalidOid;

	for (const CheckNeed *need = run->check->needs;
		 need != NULL && need->table != NULL; need++)
	{
		Oid			table_oid;
		Obstacle   *obstacle = prepare_need(need, run->installation,
											substitutions, &table_oid);

		if (obstacle != NULL)
			return obstacle;
		if (!OidIsValid(first_oid))
			first_oid = table_oid;
		else if (table_owner(table_oid) != table_owner(first_oid))
			return table_other_owner(need->table, run->check->needs->table);
	}

	if (OidIsValid(first_oid))
		table_act_as_owner(first_oid);
	return NULL;
}

/* The part of check_run() that may fail. */
static void
run_guarded(void *argument)
{
	CheckRun   *run = argument;
	const Check *check = run->check;
	const char *query = check->query_of ? check_find(check->query_of)->query :
		check->query;
	const char *extension = extension_schema();
	List	   *substitutions = NIL;
	Obstacle   *obstacle;
	MemoryContext previous;

	obstacle = prepare_needs(run, &substitutions);
	if (obstacle != NULL)
	{
		previous = MemoryContextSwitchTo(run->context);
		run->findings = list_make1(check_obstacle_finding(check, obstacle));
		MemoryContextSwitchTo(previous);
		return;
	}

	if (check->function != NULL)
	{
		previous = MemoryContextSwitchTo(run->context);
		run->findings = check->function(check, run->installation);
		MemoryContextSwitchTo(previous);
		return;
	}

	if (run->installation->schema_name != NULL)
		substitutions = add_substitution(substitutions, "schema",
										 run->installation->schema_name);
	substitutions = add_substitution(substitutions, "extschema", extension);
	run_query(run, substitute(query, substitutions));
}

/*
 * A finding that makes running a check pointless, or NULL: the upgrade does
 * not touch the release that the check is about, or the check is about a
 * table that the installed release did not have yet.
 */
static Finding *
find_not_applicable(const Check *check, const Installation *installation)
{
	if (check->reaching != NULL &&
		!installation_reaches(installation, check->reaching))
		return check_finding(check, FINDING_NOT_APPLICABLE,
							 psprintf("this upgrade does not run the migration of OpenMetadata %s",
									  check->reaching));

	for (const CheckNeed *need = check->needs;
		 need != NULL && need->table != NULL; need++)
	{
		if (need->since != NULL &&
			!OidIsValid(table_lookup(installation->schema_oid, need->table)) &&
			installation_is_below(installation, need->since))
			return check_finding(check, FINDING_NOT_APPLICABLE,
								 psprintf("table \"%s\" came with OpenMetadata %s",
										  need->table, need->since));
	}
	return NULL;
}

/* The fact memory, for guard_run(). */
static void
read_memory_guarded(void *argument)
{
	CheckFacts *facts = argument;

	facts->memory = adequacy_json(adequacy_list(facts->installation));
}

/* See to it that the fact memory is there; returns what is in the way. */
static const Obstacle *
read_memory(CheckFacts *facts)
{
	if (!facts->memory_is_read)
		facts->memory_obstacle = guard_run(read_memory_guarded, facts);
	facts->memory_is_read = true;
	return facts->memory_obstacle;
}

/*
 * Run one check and return its findings, at least one, in the current memory
 * context.  Nothing that goes wrong in the check itself raises an error.
 */
List *
check_run(const Check *check, CheckFacts *facts)
{
	const Installation *installation = facts->installation;
	CheckRun	run = {check, installation, NULL, CurrentMemoryContext, NIL};
	const Obstacle *obstacle = installation_obstacle(installation);
	MemoryContext work;

	if (obstacle != NULL &&
		(installation->obstacle != NULL || !check->any_installation))
		return list_make1(check_obstacle_finding(check, obstacle));
	if (obstacle == NULL)
	{
		Finding    *finding = find_not_applicable(check, installation);

		if (finding != NULL)
			return list_make1(finding);
	}
	if (check->memory)
	{
		obstacle = read_memory(facts);
		if (obstacle != NULL)
			return list_make1(check_obstacle_finding(check, obstacle));
		run.memory = facts->memory;
	}

	work = AllocSetContextCreate(run.context, "upgrade_prereq check",
								 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	obstacle = guard_run(run_guarded, &run);
	MemoryContextSwitchTo(run.context);

	if (obstacle != NULL)
		run.findings = list_make1(check_obstacle_finding(check, obstacle));
	else if (run.findings == NIL)
		run.findings = list_make1(check_finding(check, FINDING_PASSED,
												check->passed));
	MemoryContextDelete(work);
	return run.findings;
}
