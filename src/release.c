/*-------------------------------------------------------------------------
 *
 * release.c
 *	  OpenMetadata's versions, and which of them this database holds.
 *
 * OpenMetadata keeps one row per version that it migrated to, in
 * server_change_log since 1.1.0 and in Flyway's "DATABASE_CHANGE_LOG" before.
 * Neither the time nor the rank of a row tells which version is current, as
 * both change when a migration is run again: the highest version is, compared
 * number by number, without a suffix such as "-collate".  That is how
 * OpenMetadata itself reads the table since 2.0 (class MigrationWorkflow);
 * earlier releases took the text maximum, which puts 1.9.0 above 1.10.0.
 *
 * src/release.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "compat.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "release.h"
#include "table.h"
#include "table_names.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#define NATIVE_HISTORY	"server_change_log"
#define FLYWAY_HISTORY	"DATABASE_CHANGE_LOG"

/*
 * Tables that OpenMetadata has had in every release: a schema with at least
 * two of them is taken for an installation, be it a half-built one.
 */
static const char candidates_query[] =
"SELECT n.nspname, n.oid "
"FROM pg_catalog.pg_class AS c "
"JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
"WHERE c.relname = ANY ('{server_change_log,DATABASE_CHANGE_LOG,"
"entity_relationship,entity_extension,entity_extension_time_series,"
"tag_usage,table_entity,user_entity,ingestion_pipeline_entity}') "
"AND c.relkind = ANY ('{r,p}') "
"AND c.relpersistence <> 't' "
"GROUP BY n.nspname, n.oid "
"HAVING count(*) >= 2 "
"ORDER BY n.nspname";

/*
 * Who owns most of OpenMetadata's tables; of two who own as many, the one with
 * the migration history.
 */
static const char owner_query[] =
"SELECT pg_get_userbyid(class.relowner) "
"FROM pg_catalog.pg_class AS class "
"WHERE class.relnamespace = quote_ident($1)::regnamespace "
"AND class.relkind IN ('r', 'p') "
"AND "
IS_OPENMETADATA_TABLE
" GROUP BY class.relowner "
"ORDER BY count(*) DESC, "
"bool_or(class.relname IN ('server_change_log', 'DATABASE_CHANGE_LOG')) DESC, "
"class.relowner LIMIT 1";

/*
 * Whom the migration may log in as: owners of OpenMetadata's tables, and roles
 * that applications are connected as; first those that can log in.
 */
static const char role_candidates_query[] =
"SELECT r.rolname, r.rolcanlogin "
"FROM pg_catalog.pg_roles AS r "
"WHERE r.oid IN (SELECT c.relowner FROM pg_catalog.pg_class AS c "
"WHERE c.relnamespace = quote_ident($1)::regnamespace "
"AND c.relkind = ANY ('{r,p}') "
"AND c.relname = ANY ('{server_change_log,DATABASE_CHANGE_LOG,"
"entity_relationship,entity_extension,entity_extension_time_series,"
"tag_usage,table_entity,user_entity,ingestion_pipeline_entity}') "
"UNION ALL "
"SELECT a.usesysid FROM pg_catalog.pg_stat_activity AS a "
"WHERE a.datname = current_database() "
"AND a.application_name = ANY ('{OpenMetadata,PostgreSQL JDBC Driver}')) "
"ORDER BY r.rolcanlogin DESC, r.rolname";

/*
 * Read one number of a version and step over it; false if there is none or if
 * it is beyond any version number.
 */
static bool
read_number(const char **text, int *number)
{
	const char *start = *text;

	*number = 0;
	while (isdigit((unsigned char) **text))
	{
		if (*text - start >= 6)
			return false;
		*number = *number * 10 + (*(*text)++ - '0');
	}
	return *text > start;
}

/*
 * Read a version such as "1.13.4", "1.13" or "1.12.1-collate".  A fourth
 * number, which OpenMetadata's ingestion packages carry, is read over.  False
 * if the text is not a version.
 */
bool
version_parse(const char *text, Version *version)
{
	int			parts = 0;
	int			number;

	memset(version, 0, sizeof(*version));
	for (;;)
	{
		if (parts == 4 || !read_number(&text, &number))
			return false;
		if (parts < (int) lengthof(version->part))
			version->part[parts] = number;
		parts++;
		if (*text != '.')
			break;
		text++;
	}
	if (parts < 2)
		return false;

	if (*text == '\0')
		return true;
	if (*text != '-' || text[1] == '\0')
		return false;
	while (*++text != '\0')
	{
		if (!isalnum((unsigned char) *text) && strchr(".-_", *text) == NULL)
			return false;
	}
	return true;
}

/* Negative, zero or positive, as a is below, equal to or above b. */
int
version_compare(const Version *a, const Version *b)
{
	for (size_t i = 0; i < lengthof(a->part); i++)
	{
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i] ? -1 : 1;
	}
	return 0;
}

/* A version as an SQL integer array, which compares in the same way. */
const char *
version_array(const Version *version)
{
	return psprintf("{%d,%d,%d}", version->part[0], version->part[1],
					version->part[2]);
}

/*
 * Read an argument that is a version; anything else is an error (22023), which
 * says what null would stand for.
 */
void
version_argument_parse(const char *argument, const char *text,
					   const char *null_meaning, Version *version)
{
	if (!version_parse(text, version))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"",
						argument, text),
				 errhint("A release of OpenMetadata is accepted, such as \"1.13.4\", or null for %s.",
						 null_meaning)));
}

/* Read the argument target_version; anything but a version is an error. */
void
target_version_parse(const char *text, Version *version)
{
	version_argument_parse("target_version", text, "the next releases",
						   version);
}

/* Find the schemas with OpenMetadata's tables, and choose one. */
static void
find_schema(Installation *installation, MemoryContext context)
{
	MemoryContext previous;
	StringInfoData names;

	(void) query_run(candidates_query, 0, NULL);
	initStringInfo(&names);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *name = query_text(i, 1, context);
		bool		isnull;

		previous = MemoryContextSwitchTo(context);
		installation->schema_names = lappend(installation->schema_names,
											 unconstify(char *, name));
		MemoryContextSwitchTo(previous);

		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", name);
		if (setting_schema[0] != '\0' && strcmp(setting_schema, name) != 0)
			continue;
		installation->schema_name = name;
		installation->schema_oid =
			DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
										   SPI_tuptable->tupdesc, 2, &isnull));
	}

	if (setting_schema[0] != '\0' && installation->schema_name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"",
						"upgrade_prereq.schema", setting_schema),
				 errdetail("That schema does not hold OpenMetadata's tables."),
				 SPI_processed > 0 ?
				 errhint("Schemas that hold them: %s.", names.data) :
				 errhint("No schema of this database holds them.")));

	if (installation->schema_names == NIL)
		installation->state = INSTALLATION_NONE;
	else if (setting_schema[0] == '\0' && SPI_processed > 1)
		installation->state = INSTALLATION_SEVERAL;
	else
		installation->state = INSTALLATION_NO_HISTORY;
}

/*
 * Flyway numbered its scripts: 000, 001, ...  Script 009 came with 1.0; the
 * releases before have no other version that could be told from the table.
 */
static bool
flyway_version_parse(const char *text, Version *version)
{
	int			number;

	memset(version, 0, sizeof(*version));
	if (!read_number(&text, &number) || *text != '\0')
		return false;
	if (number >= 9)
		version->part[0] = 1;
	else
		version->part[2] = number;
	return true;
}

/*
 * Take over the rows of the current SPI result (version, status) as the
 * history; false if there are none.
 */
static bool
take_history(Installation *installation, const char *table_name,
			 MemoryContext context)
{
	bool		flyway = strcmp(table_name, FLYWAY_HISTORY) == 0;
	MemoryContext previous = MemoryContextSwitchTo(context);
	StringInfoData json;

	if (SPI_processed == 0)
	{
		MemoryContextSwitchTo(previous);
		return false;
	}

	initStringInfo(&json);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		const char *text = query_text(i, 1, context);
		const char *status = query_text(i, 2, context);
		Version		version;
		bool		valid;
		int			comparison;

		if (text == NULL)
			text = "";
		valid = flyway ? flyway_version_parse(text, &version) :
			version_parse(text, &version);

		appendStringInfoString(&json, i > 0 ? ", {\"version\": " : "[{\"version\": ");
		escape_json(&json, text);
		appendStringInfoString(&json, ", \"status\": ");
		escape_json(&json, status);
		appendStringInfo(&json, ", \"valid\": %s}", valid ? "true" : "false");

		if (!valid || strcmp(status, "COMPLETED") != 0)
			continue;
		comparison = installation->state == INSTALLATION_FOUND ?
			version_compare(&version, &installation->installed) : 1;
		if (comparison < 0 || (comparison == 0 && !flyway))
			continue;			/* of "1.12.1" and "1.12.1-collate", the first */
		installation->state = INSTALLATION_FOUND;
		installation->installed = version;
		installation->installed_text = flyway ?
			psprintf("%s (Flyway script %s)",
					 version.part[0] > 0 ? "1.0" : "before 1.0", text) : text;
	}
	appendStringInfoChar(&json, ']');

	installation->history_table = table_name;
	installation->history = json.data;
	MemoryContextSwitchTo(previous);
	return true;
}

/*
 * The query for the history: version and status of each row.  The column
 * status came with 2.1; without it every row stands for a migration that was
 * completed.  Flyway says whether it was successful.
 */
static char *
history_query(const Installation *installation, const char *table_name,
			  Oid table_oid)
{
	const char *status = "'COMPLETED'";

	if (table_column(table_oid, "status") != NULL)
		status = "COALESCE(upper(h.status::text), 'COMPLETED')";
	else if (table_column(table_oid, "success") != NULL)
		status = "CASE WHEN h.success::text = 'false' THEN 'FAILED' ELSE 'COMPLETED' END";

	return psprintf("SELECT h.version::text, %s FROM %s AS h ORDER BY 1",
					status,
					quote_qualified_identifier(installation->schema_name,
											   table_name));
}

/*
 * What keeps a history table from being read, or NULL and its OID.
 */
static Obstacle *
history_obstacle(const Installation *installation, const char *table_name,
				 Oid *table_oid)
{
	static const char *const columns[] = {"version", "status", "success"};
	Obstacle   *obstacle;

	obstacle = table_obstacle(installation->schema_oid, table_name, table_oid);
	if (obstacle == NULL && table_column(*table_oid, "version") == NULL)
		obstacle = table_missing_column(table_name, "version");
	for (size_t i = 0; obstacle == NULL && i < lengthof(columns); i++)
	{
		if (table_column(*table_oid, columns[i]) != NULL)
			obstacle = table_column_obstacle(*table_oid, columns[i]);
	}
	return obstacle;
}

/*
 * Read one of the two history tables, if it is there; false if it is not, or
 * if it is empty or cannot be read.
 */
static bool
read_history(Installation *installation, const char *table_name,
			 MemoryContext context)
{
	MemoryContext previous;
	Oid			table_oid;
	char	   *query;
	Oid			user;
	int			security_context;

	if (!OidIsValid(table_lookup(installation->schema_oid, table_name)))
		return false;

	previous = MemoryContextSwitchTo(context);
	installation->obstacle = history_obstacle(installation, table_name,
											  &table_oid);
	MemoryContextSwitchTo(previous);
	if (installation->obstacle != NULL)
		return false;

	query = history_query(installation, table_name, table_oid);
	GetUserIdAndSecContext(&user, &security_context);
	table_act_as_owner(table_oid);
	(void) query_run(query, 0, NULL);
	SetUserIdAndSecContext(user, security_context);
	return take_history(installation, table_name, context);
}

/* See to it that the setting migration_role names a role. */
static void
check_migration_role(void)
{
	if (setting_migration_role[0] != '\0' &&
		!OidIsValid(get_role_oid(setting_migration_role, true)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for parameter \"%s\": \"%s\"",
						"upgrade_prereq.migration_role",
						setting_migration_role),
				 errdetail("There is no role of that name."),
				 errhint("An empty string stands for the owner of OpenMetadata's tables.")));
}

/* Who owns the tables, and whom the migration logs in as. */
static void
find_roles(Installation *installation, MemoryContext context)
{
	if (query_run(owner_query, 1, &installation->schema_name) > 0)
		installation->owner_name = query_text(0, 1, context);
	if (setting_migration_role[0] != '\0')
		installation->role_name = MemoryContextStrdup(context,
													  setting_migration_role);
	else
		installation->role_name = installation->owner_name;
}

/*
 * Find out what is installed in this database.  To be called under
 * guard_run().
 *
 * target_text is the version asked about, NULL for the next releases.
 *
 * Errors: 22023 for a target or a setting that is not accepted.
 */
Installation *
installation_find(const char *target_text)
{
	Installation *installation = palloc0(sizeof(Installation));
	MemoryContext context = CurrentMemoryContext;

	if (target_text != NULL)
	{
		target_version_parse(target_text, &installation->target);
		installation->target_text = pstrdup(target_text);
	}
	check_migration_role();

	SPI_connect();
	find_schema(installation, context);
	if (installation->schema_name != NULL &&
		installation->state == INSTALLATION_NO_HISTORY)
	{
		find_roles(installation, context);
		if (!read_history(installation, NATIVE_HISTORY, context) &&
			installation->obstacle == NULL)
			(void) read_history(installation, FLYWAY_HISTORY, context);
	}
	SPI_finish();
	return installation;
}

/*
 * Does the upgrade asked about run the migration of a version: is what is
 * installed below it, and the target not?
 */
bool
installation_reaches(const Installation *installation, const char *version)
{
	Version		parsed;

	if (!version_parse(version, &parsed))
		elog(ERROR, "invalid version \"%s\"", version);
	return version_compare(&installation->installed, &parsed) < 0 &&
		(installation->target_text == NULL ||
		 version_compare(&parsed, &installation->target) <= 0);
}

/* Is what is installed below a version? */
bool
installation_is_below(const Installation *installation, const char *version)
{
	Version		parsed;

	if (!version_parse(version, &parsed))
		elog(ERROR, "invalid version \"%s\"", version);
	return version_compare(&installation->installed, &parsed) < 0;
}

/*
 * Names of the roles that the migration may log in as (List of char *): the
 * one of the setting migration_role, else every owner of OpenMetadata's tables
 * and every role that an application is connected as.  Roles that cannot log
 * in are left out if any can.  To be called under guard_run().
 */
List *
installation_role_candidates(const Installation *installation)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	bool		any_can_login = false;
	uint64		rows;

	if (setting_migration_role[0] != '\0')
		return list_make1(setting_migration_role);

	SPI_connect();
	rows = query_run(role_candidates_query, 1, &installation->schema_name);
	for (uint64 row = 0; row < rows; row++)
	{
		const char *name = query_text(row, 1, context);
		bool		can_login = strcmp(query_text(row, 2, context), "t") == 0;
		MemoryContext spi_context;

		/* those who can come first */
		if (!can_login && any_can_login)
			break;
		any_can_login |= can_login;
		spi_context = MemoryContextSwitchTo(context);
		result = lappend(result, (void *) name);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return result;
}

/*
 * What keeps an installation from being known: NULL if exactly one was found
 * and its version could be read.
 */
const Obstacle *
installation_obstacle(const Installation *installation)
{
	Obstacle   *obstacle;

	if (installation->obstacle != NULL)
		return installation->obstacle;
	if (installation->state == INSTALLATION_FOUND)
		return NULL;

	obstacle = palloc0(sizeof(Obstacle));
	obstacle->sqlerrcode = ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE;
	switch (installation->state)
	{
		case INSTALLATION_NONE:
			obstacle->message = "this database does not hold OpenMetadata's tables";
			obstacle->hint = "Connect to the database that OpenMetadata uses.";
			break;
		case INSTALLATION_SEVERAL:
			obstacle->message = "OpenMetadata's tables are in more than one schema";
			obstacle->hint = "Choose one with the setting upgrade_prereq.schema.";
			break;
		default:
			obstacle->message = "the installed version of OpenMetadata is not known";
			obstacle->detail = psprintf("Schema \"%s\" has no usable migration history.",
										installation->schema_name);
			break;
	}
	return obstacle;
}

/*
 * For functions that make no sense without an installation: raise what
 * installation_obstacle() says as an error.
 */
void
installation_require(const Installation *installation)
{
	const Obstacle *obstacle = installation_obstacle(installation);

	if (obstacle != NULL)
		obstacle_raise(obstacle);
}
