/*-------------------------------------------------------------------------
 *
 * check_run.c
 *	  Runs one check and turns what it returns into findings.
 *
 * The query of a check sees the row "fact" and the names of need.c.  It
 * returns any of the columns level, status, object_type, object_identity,
 * message, detail, hint, fix_sql, undo_sql and data, by name; no row at all
 * means that the check passed.
 *
 * src/check_run.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check.h"
#include "compat.h"
#include "disk/disk.h"
#include "memory/adequacy.h"
#include "query.h"
#include "runs/run.h"
#include "table.h"
#include "utils/memutils.h"

/* What is handed to the function that runs under guard_run(). */
typedef struct CheckRun
{
	const Check *check;
	Facts		facts;			/* what its query may know */
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

/* The tables that a check reads, as an SQL array. */
const char *
check_tables(const Check *check)
{
	List	   *tables = NIL;

	for (const Need *need = check->needs;
		 need != NULL && need->table != NULL; need++)
		tables = lappend(tables, unconstify(char *, need->table));
	return query_text_array(tables);
}

/* Where the documentation of a check is. */
const char *
check_doc_ref(const Check *check)
{
	return psprintf("doc/checks/%s.md", check->id);
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

/* Turn one row of a check's result into a finding. */
static Finding *
finding_from_row(const Check *check, uint64 row, MemoryContext context)
{
	const char *message = query_text_of(row, "message", context);
	const char *level = query_text_of(row, "level", context);
	const char *status = query_text_of(row, "status", context);
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

	finding->object_type = query_text_of(row, "object_type", context);
	finding->object_identity = query_text_of(row, "object_identity", context);
	finding->detail = query_text_of(row, "detail", context);
	finding->hint = query_text_of(row, "hint", context);
	finding->fix_sql = query_text_of(row, "fix_sql", context);
	finding->undo_sql = query_text_of(row, "undo_sql", context);
	finding->data = query_text_of(row, "data", context);
	if (finding->object_identity != NULL)
		finding->finding_key = psprintf("%s:%s", check->id,
										finding->object_identity);
	MemoryContextSwitchTo(previous);
	return finding;
}

/* Run the query of a check; what it returns goes to run->findings. */
static void
run_query(CheckRun *run, List *substitutions)
{
	const Check *check = run->check;
	const char *query = check->query_of ? check_find(check->query_of)->query :
		check->query;
	MemoryContext previous;

	SPI_connect();
	query_run_with_facts(psprintf("SELECT * FROM (%s) AS finding", query),
						 substitutions, &run->facts);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Finding    *finding = finding_from_row(check, row, run->context);

		previous = MemoryContextSwitchTo(run->context);
		run->findings = lappend(run->findings, finding);
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();
}

/* The part of check_run() that may fail. */
static void
run_guarded(void *argument)
{
	CheckRun   *run = argument;
	const Check *check = run->check;
	const Installation *installation = run->facts.installation;
	List	   *substitutions = NIL;
	Obstacle   *obstacle;
	MemoryContext previous;

	obstacle = need_prepare(check->needs, installation->schema_oid,
							&substitutions);
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
		run->findings = check->function(check, installation);
		MemoryContextSwitchTo(previous);
		return;
	}

	run_query(run, substitutions);
}

/*
 * A finding that makes running a check pointless, or NULL: the upgrade does
 * not touch the release that the check is about, or the check is about a
 * table that the installed release did not have yet.
 */
static Finding *
find_not_applicable(const Check *check, const Installation *installation)
{
	const Need *need;

	if (check->reaching != NULL &&
		!installation_reaches(installation, check->reaching))
		return check_finding(check, FINDING_NOT_APPLICABLE,
							 psprintf("this upgrade does not run the migration of OpenMetadata %s",
									  check->reaching));

	need = need_not_yet(check->needs, installation);
	if (need != NULL)
		return check_finding(check, FINDING_NOT_APPLICABLE,
							 psprintf("table \"%s\" came with OpenMetadata %s",
									  need->table, need->since));
	return NULL;
}

/* The facts memory and disk, for guard_run(). */
static void
read_memory_guarded(void *argument)
{
	CheckFacts *facts = argument;

	List	   *adequacies = adequacy_list(facts->installation);

	facts->memory = adequacy_json(adequacies);
	facts->disk = disk_json(facts->installation, adequacies);
}

/*
 * See to it that the facts memory and disk are there; returns what is in the
 * way.
 */
static const Obstacle *
read_memory(CheckFacts *facts)
{
	if (!facts->memory_is_read)
		facts->memory_obstacle = guard_run(read_memory_guarded, facts);
	facts->memory_is_read = true;
	return facts->memory_obstacle;
}

/* The fact runs. */
static const char *
read_runs(CheckFacts *facts)
{
	if (facts->runs == NULL)
	{
		RunRequest	request = {
			.installation = facts->installation,
			.light_only = !facts->deep,
			.airflow_server = run_airflow_server(NULL)
		};

		facts->runs = run_list_json(run_list(&request));
	}
	return facts->runs;
}

/*
 * Run one check and return its findings, at least one, in the current memory
 * context.  Nothing that goes wrong in the check itself raises an error.
 */
List *
check_run(const Check *check, CheckFacts *facts)
{
	const Installation *installation = facts->installation;
	CheckRun	run = {
		.check = check,
		.facts = {.installation = installation,.check_id = check->id},
		.context = CurrentMemoryContext
	};
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
	if (check->memory || check->disk)
	{
		obstacle = read_memory(facts);
		if (obstacle != NULL)
			return list_make1(check_obstacle_finding(check, obstacle));
		run.facts.memory = facts->memory;
		run.facts.disk = facts->disk;
	}
	if (check->runs && installation->state == INSTALLATION_FOUND)
		run.facts.runs = read_runs(facts);

	work = AllocSetContextCreate(run.context, "upgrade_prereq check",
								 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	if (check->guards_itself)
	{
		MemoryContextSwitchTo(run.context);
		run.findings = check->function(check, installation);
	}
	else
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
