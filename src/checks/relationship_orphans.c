/*
 * id: relationship_orphans
 * title: both ends of every relationship exist
 * category: data
 * level: warning
 * cost: heavy
 * versions: all
 * guard: own
 * passed: both ends of every relationship exist
 * do: Run the clean-up of relationships of OpenMetadata's own tool with the
 *     servers stopped, first without --delete, which only lists them:
 *     `openmetadata-ops.sh relationshipCleanup`.
 *
 * A row of entity_relationship whose entity is in no table: what reads it ends
 * with "instance for ... not found".  A user who belongs to such a team can
 * neither be read nor deleted (OM#24046), whole batches of a re-index fail
 * (OM#21775, OM#24266, OM#24385), data products come back as ghosts (OM#33742).
 *
 * Entities that are marked as deleted still exist.  Rows whose entity is of a
 * type that this check does not know count as whole, as they do for
 * OpenMetadata's clean-up (class BatchEntityExistenceResolver), and the types
 * are named.  Ingestion pipelines without a service are left to
 * pipelines_without_service.
 *
 * There is no fix: rows that are deleted could only be brought back from a copy
 * of them, and users ask for another way than SQL (OM#33742).  The clean-up came
 * with OM#21533; before OM#22400 it took rows for orphans whose type it did not
 * know, so look at its list first.
 */
#include "postgres.h"

#include "check.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* How many kinds of relationships a finding names. */
#define KINDS_SHOWN 10

/*
 * Where the entities of a type are: the first of these tables that is there,
 * if any is.  The names of the types are those of class Entity.
 */
typedef struct EntityTable
{
	const char *type;
	const char *tables[3];
} EntityTable;

static const EntityTable entity_tables[] = {
	{"THREAD", {"thread_entity", "thread_entity_legacy", "thread_entity_archived"}},
	{"aiApplication", {"ai_application_entity"}},
	{"aiGovernancePolicy", {"ai_governance_policy_entity"}},
	{"apiCollection", {"api_collection_entity"}},
	{"apiEndpoint", {"api_endpoint_entity"}},
	{"apiService", {"api_service_entity"}},
	{"app", {"installed_apps"}},
	{"appMarketPlaceDefinition", {"apps_marketplace"}},
	{"bot", {"bot_entity"}},
	{"chart", {"chart_entity"}},
	{"classification", {"classification"}},
	{"container", {"storage_container_entity"}},
	{"dashboard", {"dashboard_entity"}},
	{"dashboardDataModel", {"dashboard_data_model_entity"}},
	{"dashboardService", {"dashboard_service_entity"}},
	{"dataContract", {"data_contract_entity"}},
	{"dataInsightChart", {"data_insight_chart"}},
	{"dataInsightCustomChart", {"di_chart_entity"}},
	{"dataProduct", {"data_product_entity"}},
	{"database", {"database_entity"}},
	{"databaseSchema", {"database_schema_entity"}},
	{"databaseService", {"dbservice_entity"}},
	{"directory", {"directory_entity"}},
	{"domain", {"domain_entity"}},
	{"driveService", {"drive_service_entity"}},
	{"eventsubscription", {"event_subscription_entity"}},
	{"file", {"file_entity"}},
	{"glossary", {"glossary_entity"}},
	{"glossaryTerm", {"glossary_term_entity"}},
	{"ingestionPipeline", {"ingestion_pipeline_entity"}},
	{"kpi", {"kpi_entity"}},
	{"llmModel", {"llm_model_entity"}},
	{"llmService", {"llm_service_entity"}},
	{"messagingService", {"messaging_service_entity"}},
	{"metadataService", {"metadata_service_entity"}},
	{"metric", {"metric_entity"}},
	{"mlmodel", {"ml_model_entity"}},
	{"mlmodelService", {"mlmodel_service_entity"}},
	{"notificationTemplate", {"notification_template_entity"}},
	{"persona", {"persona_entity"}},
	{"pipeline", {"pipeline_entity"}},
	{"pipelineService", {"pipeline_service_entity"}},
	{"policy", {"policy_entity"}},
	{"promptTemplate", {"prompt_template_entity"}},
	{"query", {"query_entity"}},
	{"report", {"report_entity"}},
	{"role", {"role_entity"}},
	{"searchIndex", {"search_index_entity"}},
	{"searchService", {"search_service_entity"}},
	{"securityService", {"security_service_entity"}},
	{"spreadsheet", {"spreadsheet_entity"}},
	{"storageService", {"storage_service_entity"}},
	{"storedProcedure", {"stored_procedure_entity"}},
	{"table", {"table_entity"}},
	{"tag", {"tag"}},
	{"task", {"task_entity"}},
	{"team", {"team_entity"}},
	{"testCase", {"test_case"}},
	{"testCaseResolutionStatus", {"test_case_resolution_status_time_series"}},
	{"testConnectionDefinition", {"test_connection_definition"}},
	{"testDefinition", {"test_definition"}},
	{"testSuite", {"test_suite"}},
	{"topic", {"topic_entity"}},
	{"type", {"type_entity"}},
	{"user", {"user_entity"}},
	{"webAnalyticEvent", {"web_analytic_event"}},
	{"workflow", {"automations_workflow"}},
	{"workflowDefinition", {"workflow_definition_entity"}},
	{"worksheet", {"worksheet_entity"}},
};

/* Which types the rows are of, at which end, and how many rows. */
static const char types_query[] =
"SELECT edge.fromentity::text, count(*), 'from' "
"FROM @schema@.entity_relationship AS edge GROUP BY edge.fromentity "
"UNION ALL "
"SELECT edge.toentity::text, count(*), 'to' "
"FROM @schema@.entity_relationship AS edge GROUP BY edge.toentity "
"ORDER BY 1";

/*
 * The rows of which one end is of a type and not in its table, by kind, with
 * an id that is not there.  Who looks at the service of ingestion pipelines,
 * see above.
 */
static const char orphans_query[] =
"SELECT format('%s -> %s (relation %s), @end@id leads nowhere', "
"              left(edge.fromentity, 100), left(edge.toentity, 100), "
"              edge.relation), "
"       count(*), min(edge.@end@id::text) "
"FROM @schema@.entity_relationship AS edge "
"WHERE edge.@end@entity = '@type@' "
"  AND NOT EXISTS (SELECT FROM @schema@.@table@ AS entity "
"                  WHERE entity.id = edge.@end@id) "
"  AND NOT ('@end@' = 'from' AND edge.relation = 0 "
"           AND edge.toentity = 'ingestionPipeline') "
"GROUP BY edge.fromentity, edge.toentity, edge.relation";

static const char *const edge_columns[] = {
	"fromid", "toid", "fromentity", "toentity", "relation", NULL
};
static const char *const entity_columns[] = {"id", NULL};

/* A row of an answer. */
typedef struct Counted
{
	const char *name;
	int64		rows;
	const char *more;			/* the end, or an id */
} Counted;

/* A query, and its answer. */
typedef struct Question
{
	const Installation *installation;
	const Need *needs;
	List	   *substitutions;
	const char *query;
	List	   *answer;			/* of Counted * */
	const Obstacle *obstacle;	/* why there is none, or NULL */
	MemoryContext context;		/* where the answer goes */
} Question;

/* The part of ask() that may fail. */
static void
ask_guarded(void *argument)
{
	Question   *question = argument;
	Facts		facts = {.installation = question->installation};
	List	   *substitutions = list_copy(question->substitutions);

	question->obstacle = need_prepare(question->needs,
									  question->installation->schema_oid,
									  &substitutions);
	if (question->obstacle != NULL)
		return;

	SPI_connect();
	query_run_with_facts(question->query, substitutions, &facts);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		const char *rows = query_text(row, 2, question->context);
		MemoryContext previous = MemoryContextSwitchTo(question->context);
		Counted    *counted = palloc(sizeof(Counted));

		counted->name = query_text(row, 1, question->context);
		counted->rows = strtoll(rows, NULL, 10);
		counted->more = query_text(row, 3, question->context);
		question->answer = lappend(question->answer, counted);
		MemoryContextSwitchTo(previous);
	}
	SPI_finish();
}

/* Have a query answered; what is in the way is added to *obstacle. */
static List *
ask(Question *question, const Obstacle **obstacle)
{
	const Obstacle *raised = guard_run(ask_guarded, question);

	*obstacle = obstacle_add(*obstacle, raised ? raised : question->obstacle);
	return question->answer;
}

/* The types that occur, once for each end. */
static List *
read_types(const Installation *installation, const Obstacle **obstacle)
{
	static const Need needs[] = {
		{.table = "entity_relationship",.columns = edge_columns},
		{.table = NULL}
	};
	Question	question = {
		.installation = installation,
		.needs = needs,
		.query = types_query,
		.context = CurrentMemoryContext
	};

	return ask(&question, obstacle);
}

/* The rows whose end of this type does not exist, by kind. */
static List *
read_orphans(const Installation *installation, const Counted *type,
			 const char *table, const Obstacle **obstacle)
{
	const Need	needs[] = {
		{.table = "entity_relationship",.columns = edge_columns},
		{.table = table,.columns = entity_columns},
		{.table = NULL}
	};
	Question	question = {
		.installation = installation,
		.needs = needs,
		.query = orphans_query,
		.context = CurrentMemoryContext
	};

	question.substitutions = substitution_add(NIL, "table", table);
	question.substitutions = substitution_add_text(question.substitutions,
												   "type", type->name);
	question.substitutions = substitution_add_text(question.substitutions,
												   "end", type->more);
	return ask(&question, obstacle);
}

/* The table that the entities of a type are in, or NULL. */
static const char *
find_table(const Installation *installation, const char *type)
{
	for (size_t i = 0; i < lengthof(entity_tables); i++)
	{
		const EntityTable *entity = &entity_tables[i];

		if (strcmp(entity->type, type) != 0)
			continue;
		for (size_t j = 0; j < lengthof(entity->tables); j++)
		{
			if (entity->tables[j] != NULL &&
				OidIsValid(table_lookup(installation->schema_oid,
										entity->tables[j])))
				return entity->tables[j];
		}
	}
	return NULL;
}

/* What is most comes first. */
static int
compare_counted(const ListCell *a, const ListCell *b)
{
	const Counted *first = lfirst(a);
	const Counted *second = lfirst(b);

	if (first->rows != second->rows)
		return first->rows > second->rows ? -1 : 1;
	return strcmp(first->name, second->name);
}

/* The first rows of an answer in words, such as "user -> team: 3; ...". */
static const char *
counted_text(List *answer)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < Min(list_length(answer), KINDS_SHOWN); i++)
	{
		const Counted *counted = list_nth(answer, i);

		appendStringInfo(&buf, "%s%s: " INT64_FORMAT, i > 0 ? "; " : "",
						 counted->name, counted->rows);
	}
	if (list_length(answer) > KINDS_SHOWN)
		appendStringInfo(&buf, "; and %d more kinds",
						 list_length(answer) - KINDS_SHOWN);
	return buf.data;
}

/* Append an answer to a JSON object, as an array of objects. */
static void
append_counted(StringInfo buf, const char *key, const char *more_key,
			   List *answer)
{
	ListCell   *lc;

	appendStringInfo(buf, ", \"%s\": [", key);
	foreach(lc, answer)
	{
		const Counted *counted = lfirst(lc);

		appendStringInfo(buf, "%s{\"name\": ",
						 lc == list_head(answer) ? "" : ", ");
		escape_json(buf, counted->name);
		appendStringInfo(buf, ", \"rows\": " INT64_FORMAT ", \"%s\": ",
						 counted->rows, more_key);
		escape_json(buf, counted->more);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ']');
}

/* What was found: rows that lead nowhere, or types that nobody knows. */
static Finding *
make_finding(const Check *check, const Installation *installation,
			 List *orphans, List *unknown_types)
{
	Finding    *finding;
	StringInfoData buf;
	int64		rows = 0;
	ListCell   *lc;

	foreach(lc, orphans)
		rows += ((const Counted *) lfirst(lc))->rows;
	finding = check_finding(check, rows > 0 ? FINDING_FOUND : FINDING_PASSED,
							rows > 0 ?
							"there are relationships to entities that do not exist" :
							"both ends of every relationship exist, of the types that are known");
	finding->object_type = "table";
	finding->object_identity =
		quote_qualified_identifier(installation->schema_name,
								   "entity_relationship");
	finding->finding_key = psprintf("%s:%s", check->id,
									finding->object_identity);

	initStringInfo(&buf);
	if (rows > 0)
	{
		appendStringInfo(&buf, "Rows: %s.", counted_text(orphans));
		finding->hint = "Have OpenMetadata clean up, with its servers stopped: openmetadata-ops.sh relationshipCleanup lists these rows, and deletes them with --delete. Make a backup first.";
	}
	if (unknown_types != NIL)
		appendStringInfo(&buf, "%sNot looked at, as their types are not known: %s.",
						 rows > 0 ? " " : "", counted_text(unknown_types));
	finding->detail = buf.data;

	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"objects\": " INT64_FORMAT, rows);
	append_counted(&buf, "kinds", "example_id", orphans);
	append_counted(&buf, "unknown_types", "end", unknown_types);
	appendStringInfoChar(&buf, '}');
	finding->data = buf.data;
	return finding;
}

/* What is looked for, and what was found so far. */
typedef struct Search
{
	const Installation *installation;
	List	   *orphans;		/* of Counted * */
	List	   *unknown_types;	/* of Counted * */
	const Obstacle *obstacle;	/* what was in the way, or NULL */
} Search;

/* Look at one type after the other, for guard_run(). */
static void
search_guarded(void *argument)
{
	Search	   *search = argument;
	const Installation *installation = search->installation;
	List	   *types = read_types(installation, &search->obstacle);
	ListCell   *lc;

	foreach(lc, types)
	{
		Counted    *type = lfirst(lc);
		const char *table = find_table(installation, type->name);

		if (table == NULL)
			search->unknown_types = lappend(search->unknown_types, type);
		else
			search->orphans = list_concat(search->orphans,
										  read_orphans(installation, type, table,
													   &search->obstacle));
	}
}

/*
 * Each query is guarded, so that a table that cannot be read does not keep the
 * others from being looked at; and all of them together, as the time limit is
 * that of the check.
 */
List *
check_relationship_orphans(const Check *check,
						   const Installation *installation)
{
	Search		search = {.installation = installation};
	const Obstacle *obstacle = guard_run(search_guarded, &search);
	List	   *findings = NIL;

	obstacle = obstacle_add(search.obstacle, obstacle);
	list_sort(search.orphans, compare_counted);

	if (search.orphans != NIL ||
		(search.unknown_types != NIL && obstacle == NULL))
		findings = list_make1(make_finding(check, installation, search.orphans,
										   search.unknown_types));
	if (obstacle != NULL)
		findings = lappend(findings, check_obstacle_finding(check, obstacle));
	return findings;
}
