/*-------------------------------------------------------------------------
 *
 * breaking_probe.c
 *	  Asks this database whether a breaking change affects it.
 *
 * Each probe runs alone under guard_run(), with a time limit of its own: what
 * goes wrong in one of them is the answer of that one.
 *
 * src/breaking_probe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "breaking.h"
#include "query.h"
#include "table.h"

/*
 * The first objects by name, and the number of all.  Whatever a name is, it is
 * shown in part only.
 */
static const char objects_query[] =
"SELECT COALESCE(left(probe.object::text, 200), 'without a name'), "
"count(*) OVER () "
"FROM (%s) AS probe "
"ORDER BY probe.object::text COLLATE \"C\" LIMIT %d";

static const char *const answer_names[] = {
	[BREAKING_AFFECTED] = "affected",
	[BREAKING_NOT_AFFECTED] = "not affected",
	[BREAKING_BY_HAND] = "check by hand",
	[BREAKING_NOT_RUN] = "not run",
	[BREAKING_NOT_APPLICABLE] = "not applicable",
	[BREAKING_UNKNOWN] = "unknown",
};

/* What is handed to the function that runs under guard_run(). */
typedef struct ProbeRun
{
	const Installation *installation;
	const char *table;			/* stands for @table@, or NULL */
	const Need *needs;
	BreakingResult *result;
	MemoryContext context;		/* where the names go */
} ProbeRun;

/* The label of an answer in the SQL type upgrade_prereq_affected. */
const char *
breaking_answer_name(BreakingAnswer answer)
{
	return answer_names[answer];
}

/* Add the rows of the current SPI result to the objects of a probe. */
static void
take_objects(ProbeRun *run)
{
	BreakingResult *result = run->result;

	for (uint64 row = 0; row < SPI_processed; row++)
	{
		const char *name = query_text(row, 1, run->context);
		MemoryContext previous = MemoryContextSwitchTo(run->context);

		if (row == 0)
			result->object_count +=
				strtoll(query_text(row, 2, run->context), NULL, 10);
		if (list_length(result->objects) < BREAKING_OBJECTS_MAX)
			result->objects = lappend(result->objects,
									  unconstify(char *, name));
		MemoryContextSwitchTo(previous);
	}
}

/* The part of a probe that may fail. */
static void
probe_guarded(void *argument)
{
	ProbeRun   *run = argument;
	BreakingResult *result = run->result;
	Facts		facts = {.installation = run->installation};
	List	   *substitutions = NIL;

	result->obstacle = need_prepare(run->needs, run->installation->schema_oid,
									&substitutions);
	if (result->obstacle != NULL)
		return;
	if (run->table != NULL)
		substitutions = substitution_add(substitutions, "table", run->table);

	SPI_connect();
	query_run_with_facts(psprintf(objects_query, result->change->query,
								  BREAKING_OBJECTS_MAX),
						 substitutions, &facts);
	take_objects(run);
	SPI_finish();
}

/* Run the query of a change once. */
static void
run_query(ProbeRun *run)
{
	Obstacle   *obstacle = guard_run(probe_guarded, run);

	if (obstacle != NULL)
		run->result->obstacle = obstacle;
}

/*
 * Run the query of a change for each of its tables that is there.  What cannot
 * be looked at in one of them does not keep from looking at the others.
 */
static void
run_each(ProbeRun *run)
{
	static const char *const columns[] = {"json", NULL};
	const Obstacle *obstacle = NULL;

	for (const char *const *table = run->result->change->each;
		 *table != NULL; table++)
	{
		Need		needs[] = {
			{.table = *table,.columns = columns},
			{.table = NULL}
		};

		if (!OidIsValid(table_lookup(run->installation->schema_oid, *table)))
			continue;
		run->table = *table;
		run->needs = needs;
		run_query(run);
		obstacle = obstacle_add(obstacle, run->result->obstacle);
	}
	run->result->obstacle = obstacle;
}

/* What the result of a query, or of several, means. */
static void
judge(BreakingResult *result)
{
	const char *doubt = result->change->doubt;

	if (result->obstacle != NULL)
		result->reason = psprintf("could not look: %s (SQLSTATE %s)",
								  result->obstacle->message,
								  unpack_sql_state(result->obstacle->sqlerrcode));

	if (result->object_count > 0)
		result->answer = BREAKING_AFFECTED;
	else if (result->obstacle != NULL)
		result->answer = BREAKING_UNKNOWN;
	else if (doubt != NULL)
	{
		result->answer = BREAKING_BY_HAND;
		result->reason = psprintf("nothing was found, but %s", doubt);
	}
	else
		result->answer = BREAKING_NOT_AFFECTED;
}

/* A table that the installed release did not have yet holds nothing. */
static bool
is_before_table(const BreakingChange *change, const Installation *installation,
				BreakingResult *result)
{
	const Need *missing = need_not_yet(change->needs, installation);

	if (missing == NULL)
		return false;
	result->answer = BREAKING_NOT_AFFECTED;
	result->reason = psprintf("table \"%s\" came with OpenMetadata %s",
							  missing->table, missing->since);
	return true;
}

/*
 * Have a check tell: what it warns of is what is affected.  The reason is the
 * first finding that says so.
 */
static void
ask_check(const Installation *installation, BreakingResult *result)
{
	CheckFacts	facts = {.installation = installation};
	const Check *check = check_find(result->change->check_id);
	ListCell   *lc;

	result->answer = BREAKING_NOT_AFFECTED;
	foreach(lc, check_run(check, &facts))
	{
		const Finding *finding = lfirst(lc);
		const char *object = finding->object_identity ?
			finding->object_identity : check->id;

		if (finding->status == FINDING_FOUND &&
			finding->level >= FINDING_WARNING)
		{
			if (result->answer != BREAKING_AFFECTED)
				result->reason = NULL;
			result->answer = BREAKING_AFFECTED;
			result->object_count++;
			if (list_length(result->objects) < BREAKING_OBJECTS_MAX)
				result->objects = lappend(result->objects,
										  unconstify(char *, object));
		}
		else if (finding->status == FINDING_UNKNOWN &&
				 result->answer == BREAKING_NOT_AFFECTED)
		{
			result->answer = BREAKING_UNKNOWN;
			result->reason = NULL;
		}
		if (result->reason == NULL)
			result->reason = finding->message;
	}
}

/*
 * Does a change affect this database?  The result is allocated in the current
 * memory context; nothing that goes wrong raises an error.  A heavy probe only
 * runs if "deep" is true.
 */
BreakingResult *
breaking_probe(const BreakingChange *change, const Installation *installation,
			   bool deep)
{
	BreakingResult *result = palloc0(sizeof(BreakingResult));
	const Obstacle *obstacle = installation_obstacle(installation);
	ProbeRun	run = {
		.installation = installation,
		.needs = change->needs,
		.result = result,
		.context = CurrentMemoryContext
	};

	result->change = change;
	if (obstacle == NULL &&
		!installation_is_below(installation, change->release))
	{
		result->answer = BREAKING_NOT_APPLICABLE;
		result->reason = psprintf("OpenMetadata %s, which is installed, has this change already",
								  installation->installed_text);
	}
	else if (change->probe == PROBE_BY_HAND)
	{
		result->answer = BREAKING_BY_HAND;
		result->reason = "the database cannot tell";
	}
	else if (obstacle != NULL)
	{
		result->obstacle = obstacle;
		judge(result);
	}
	else if (change->probe == PROBE_CHECK)
		ask_check(installation, result);
	else if (change->probe == PROBE_HEAVY && !deep)
	{
		result->answer = BREAKING_NOT_RUN;
		result->reason = "the probe may read big tables, deep => true runs it";
	}
	else if (!is_before_table(change, installation, result))
	{
		if (change->each != NULL)
			run_each(&run);
		else
			run_query(&run);
		judge(result);
	}
	return result;
}
