/*-------------------------------------------------------------------------
 *
 * need.c
 *	  The tables that a query of ours reads, and the names in its text.
 *
 * Checks, and kinds of runs, are queries in files of their own: the header of
 * a file says which tables the query needs.  Here these are looked at, and
 * their names of this era are put into the text.
 *
 * A query sees one row named "fact" with what is known of the installation
 * and of the upgrade, and OpenMetadata's tables as "openmetadata_table";
 * @schema@ stands for the schema of those tables, @extschema@ for that of the
 * extension, @column@ for the name that a column has in this era.
 *
 * src/need.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "extension.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "need.h"
#include "query.h"
#include "table.h"
#include "table_names.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* The facts, bound to $1, $2, ... as text. */
#define FACT_COUNT 27

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
"$13::text AS pipeline_service_client, "
"$14::text AS check_id, "
"$15::jsonb AS memory, "
"$16::jsonb AS runs, "
"$17::text AS kind, "
"$18::boolean AS include_history, "
"$19::interval AS older_than, "
"$20::text AS unreadable_json, "		/* pattern of documents of type json that
										 * raise an error when they are read */
"$21::int AS live_sessions, "		/* of OpenMetadata's servers */
"$22::interval AS maintenance_window, "
"$23::jsonb AS disk, "
"$24::name AS owner_name, "		/* who owns most of OpenMetadata's tables */
"$25::timestamptz AS now, "
"$26::bigint AS now_ms, "		/* the same, since the epoch */
"$27::bigint AS latest_ms"		/* what is later lies in the future */
"), "
"openmetadata_table AS (SELECT class.*, known.is_known "
"FROM fact "
"JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = fact.schema_name "
"JOIN pg_catalog.pg_class AS class ON class.relnamespace = namespace.oid "
"CROSS JOIN LATERAL (SELECT "
IS_OPENMETADATA_TABLE
" AS is_known) AS known WHERE class.relkind IN ('r', 'p') "
"AND (known.is_known OR pg_get_userbyid(class.relowner) = fact.owner_name) "
"AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS member WHERE "
"member.classid = 'pg_catalog.pg_class'::regclass "
"AND member.objid = class.oid "
"AND member.deptype = 'e')) ";

/* A name that stands for another one in the text of a query. */
typedef struct Substitution
{
	const char *name;
	const char *text;
} Substitution;

/* Have @name@ replaced by a text, as it is. */
List *
substitution_add_text(List *substitutions, const char *name, const char *text)
{
	Substitution *substitution = palloc(sizeof(Substitution));

	substitution->name = name;
	substitution->text = text;
	return lappend(substitutions, substitution);
}

/* Have @name@ replaced by an identifier, which is quoted if it has to be. */
List *
substitution_add(List *substitutions, const char *name, const char *value)
{
	return substitution_add_text(substitutions, name, quote_identifier(value));
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
const char *
substitution_apply(const char *query, List *substitutions)
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
			appendStringInfoString(&result, found->text);
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
prepare_column(const Need *need, Oid table_oid, const char *alternatives,
			   List **substitutions)
{
	const char *name = table_column(table_oid, alternatives);

	if (name == NULL)
		return table_missing_column(need->table, alternatives);
	*substitutions = substitution_add(*substitutions,
									  strtok(pstrdup(alternatives), "|"),
									  name);
	return table_column_obstacle(table_oid, name);
}

/*
 * See to it that one table can be read as the query wants, and note the names
 * of its columns.  Returns what is in the way, or NULL and the table's OID.
 */
static Obstacle *
prepare_table(const Need *need, Oid schema_oid, List **substitutions,
			  Oid *table_oid)
{
	Obstacle   *obstacle;

	obstacle = table_obstacle(schema_oid, need->table, table_oid);
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

/*
 * The first table that is not there as the installed release did not have it
 * yet, or NULL.
 */
const Need *
need_not_yet(const Need *needs, const Installation *installation)
{
	for (const Need *need = needs; need != NULL && need->table != NULL; need++)
	{
		if (need->since != NULL &&
			!OidIsValid(table_lookup(installation->schema_oid, need->table)) &&
			installation_is_below(installation, need->since))
			return need;
	}
	return NULL;
}

/*
 * Prepare all tables that a query needs, note the names of their columns, and
 * go on as their owner.  Returns what is in the way, or NULL.  To be called
 * under guard_run(), which also puts the user back.
 */
Obstacle *
need_prepare(const Need *needs, Oid schema_oid, List **substitutions)
{
	Oid			first_oid = InvalidOid;

	for (const Need *need = needs; need != NULL && need->table != NULL; need++)
	{
		Oid			table_oid;
		Obstacle   *obstacle = prepare_table(need, schema_oid, substitutions,
											 &table_oid);

		if (obstacle != NULL)
			return obstacle;
		if (!OidIsValid(first_oid))
			first_oid = table_oid;
		else if (table_owner(table_oid) != table_owner(first_oid))
			return table_other_owner(need->table, needs->table);
	}

	if (OidIsValid(first_oid))
		table_act_as_owner(first_oid);
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

/*
 * A pattern of those documents that the type json takes and that cannot be
 * read, or not be made jsonb: with the character zero, with half of a surrogate
 * pair, with a character that the encoding of the server may not have
 * (src/backend/utils/adt/jsonapi.c), or with a number that numeric may not hold
 * (apply_typmod() and make_result() in numeric.c: 131072 digits, 16383 of them
 * behind the point; here all from 255 on, and exponents of five).
 *
 * It reads a document from its beginning, escape by escape, so that it has to
 * look neither ahead nor behind, which makes a pattern ten times as slow.
 */
#define UNREADABLE_NUMBER \
	"|[:,[][[:space:]]*-?[0-9](?:[0-9.]*[eE][+-]?[0-9]{5}|[0-9.]{254})"

static const char unreadable_in_utf8[] =
"^(?:[^\\\\]|\\\\[^u]|"
"\\\\u(?:[0-9a-ce-fA-CE-F][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})|"
"\\\\u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2})*"
"\\\\u(?:0000|[dD][c-fC-F]|"
"[dD][89abAB][0-9a-fA-F]{2}(?:[^\\\\]|\\\\[^u]|\\\\u(?:[^dD]|[dD][0-9abAB])))"
UNREADABLE_NUMBER;

static const char unreadable_elsewhere[] =
"^(?:[^\\\\]|\\\\[^u]|\\\\u00[0-7][0-9a-fA-F])*"
"\\\\u(?:0000|[^0]|0[^0]|00[^0-7])"
UNREADABLE_NUMBER;

/* The pattern for the encoding of this database. */
static const char *
unreadable_json(void)
{
	return GetDatabaseEncoding() == PG_UTF8 ? unreadable_in_utf8 :
		unreadable_elsewhere;
}

/* Clocks of those who write the rows may be ahead of ours. */
#define CLOCKS_DIFFER_MS 300000

/* A moment in milliseconds since the epoch of Unix. */
static int64
epoch_ms(TimestampTz moment)
{
	int64		epochs_apart = (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	return (moment + epochs_apart) / 1000;
}

/*
 * Run a query that may use the row "fact" and the names in substitutions.  To
 * be called between SPI_connect() and SPI_finish().  Returns the number of
 * rows.
 */
uint64
query_run_with_facts(const char *query, List *substitutions,
					 const Facts *facts)
{
	const Installation *installation = facts->installation;
	bool		found = installation->state == INSTALLATION_FOUND;

	/* statement_timestamp() stands still in a function or a DO block */
	TimestampTz now = GetCurrentTimestamp();
	const char *values[FACT_COUNT] = {
		installation_word(installation),
		installation->schema_name,
		query_text_array(installation->schema_names),
		installation->history_table,
		installation->history,
		found ? version_array(&installation->installed) : NULL,
		installation->installed_text,
		installation->target_text ? version_array(&installation->target) : NULL,
		installation->target_text,
		installation->role_name,
		psprintf("%d seconds", setting_queued_after),
		psprintf("%d seconds", setting_running_after),
		pipeline_service_client_name(),
		facts->check_id,
		facts->memory,
		facts->runs,
		facts->kind,
		facts->include_history,
		facts->older_than,
		unreadable_json(),
		facts->live_sessions,
		psprintf("%d seconds", setting_maintenance_window),
		facts->disk,
		installation->owner_name,
		timestamptz_to_str(now),
		psprintf(INT64_FORMAT, epoch_ms(now)),
		psprintf(INT64_FORMAT, epoch_ms(now) + CLOCKS_DIFFER_MS)
	};

	if (installation->schema_name != NULL)
		substitutions = substitution_add(substitutions, "schema",
										 installation->schema_name);
	substitutions = substitution_add(substitutions, "extschema",
									 extension_schema());
	query = psprintf("%s%s", fact_query, substitution_apply(query, substitutions));
	return query_run(query, FACT_COUNT, values);
}
