/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  How much a recorded backup proves, in view of the database as it is now.
 *
 * src/backup/judge.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xlog.h"
#include "backup/evidence.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "compat.h"
#include "extension.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

/* Names of so many tables or parts are told, not of more. */
#define TOLD_NAMES	"5"

/*
 * How to name some of the rows of a CTE, called t, that a condition holds for;
 * null if it holds for none, or there is no archive to compare with.
 */
#define NAMES_OF(rows, condition) \
	"CASE WHEN jsonb_typeof(a) = 'object' THEN (SELECT string_agg(name, ', ' ORDER BY name) FILTER (WHERE nr <= " TOLD_NAMES ") || " \
	"CASE WHEN count(*) > " TOLD_NAMES " THEN format(' and %s more', count(*) - " TOLD_NAMES ") ELSE '' END " \
	"FROM (SELECT t.name, row_number() OVER (ORDER BY t.name) AS nr FROM " rows " AS t " \
	"WHERE " condition ") AS listed) END"

/*
 * What pg_dump writes of OpenMetadata's relations besides their definitions
 * and rows, by the kind and the tag of the entry (src/bin/pg_dump/pg_dump.c:
 * getIndexes(), getConstraints(), getTriggers(), dumpSequenceData()).
 */
#define WANTED_PARTS \
	"SELECT CASE WHEN k.contype = 'f' THEN 'FK CONSTRAINT' ELSE 'CONSTRAINT' END AS kind, " \
	"format('%s %s', r.name, k.conname) AS tag, format('constraint %s of %s', k.conname, r.name) AS name " \
	"FROM relation AS r JOIN pg_catalog.pg_constraint AS k ON k.conrelid = r.oid " \
	"WHERE (k.contype = 'f' AND k.conparentid = 0) " \
	"OR (k.contype IN ('p', 'u', 'x') AND k.conindid IN (SELECT i.oid FROM dumped_index AS i)) " \
	"UNION ALL SELECT 'INDEX', i.name, format('index %s', i.name) FROM dumped_index AS i " \
	"WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k " \
	"WHERE k.conrelid = i.table_oid AND k.conindid = i.oid AND k.contype IN ('p', 'u', 'x')) " \
	"UNION ALL SELECT 'TRIGGER', format('%s %s', r.name, t.tgname), format('trigger %s of %s', t.tgname, r.name) " \
	"FROM relation AS r JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid " \
	"WHERE NOT t.tgisinternal AND t.tgparentid = 0 " \
	"UNION ALL SELECT 'SEQUENCE SET', r.name, format('value of sequence %s', r.name) " \
	"FROM relation AS r WHERE r.kind = 'S' "

/*
 * What these relations cannot be restored without, and a dump of some tables or
 * schemas lacks: the schema, and extensions, functions and types that they
 * depend on.  The schema public, and what initdb made, are in no dump.
 */
#define NEEDED_OBJECTS \
	"SELECT DISTINCT d.refclassid, d.refobjid FROM (" \
	"SELECT 'pg_class'::regclass AS classid, r.oid FROM relation AS r " \
	"UNION ALL SELECT 'pg_class'::regclass, i.oid FROM dumped_index AS i " \
	"UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM relation AS r " \
	"JOIN pg_catalog.pg_attrdef AS a ON a.adrelid = r.oid " \
	"UNION ALL SELECT 'pg_constraint'::regclass, k.oid FROM relation AS r " \
	"JOIN pg_catalog.pg_constraint AS k ON k.conrelid = r.oid " \
	"UNION ALL SELECT 'pg_trigger'::regclass, t.oid FROM relation AS r " \
	"JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid AND NOT t.tgisinternal) AS part " \
	"JOIN pg_catalog.pg_depend AS d ON d.classid = part.classid AND d.objid = part.oid"
#define WANTED_OBJECTS \
	"UNION ALL SELECT 'SCHEMA', n.nspname, format('schema %s', n.nspname) " \
	"FROM pg_catalog.pg_namespace AS n WHERE n.nspname = $1 AND n.nspname <> 'public' " \
	"UNION ALL SELECT DISTINCT 'EXTENSION', x.extname, format('extension %s', x.extname) " \
	"FROM needed AS o JOIN pg_catalog.pg_depend AS m ON m.classid = o.refclassid AND m.objid = o.refobjid " \
	"AND m.deptype = 'e' JOIN pg_catalog.pg_extension AS x ON x.oid = m.refobjid " \
	"WHERE x.oid >= " CppAsString2(FirstNormalObjectId) " " \
	"UNION ALL SELECT 'FUNCTION', f.signature, format('function %s', f.signature) " \
	"FROM own_object AS o JOIN pg_catalog.pg_proc AS p ON p.oid = o.refobjid AND p.prokind = 'f' " \
	"CROSS JOIN LATERAL (SELECT format('%s(%s)', p.proname, " \
	"array_to_string(ARRAY(SELECT format_type(a.type, NULL) " \
	"FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, place) ORDER BY a.place), ', '))) AS f (signature) " \
	"WHERE o.refclassid = 'pg_proc'::regclass " \
	"UNION ALL SELECT DISTINCT e.kind, t.typname, format('type %s', t.typname) " \
	"FROM own_object AS o JOIN pg_catalog.pg_type AS a ON a.oid = o.refobjid " \
	"JOIN pg_catalog.pg_type AS t ON t.oid = CASE WHEN a.typcategory = 'A' AND a.typelem <> 0 THEN a.typelem ELSE a.oid END " \
	"CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END) AS e (kind) " \
	"WHERE o.refclassid = 'pg_type'::regclass AND t.typtype IN ('b', 'd', 'e', 'r', 'c') " \
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid AND c.relkind <> 'c')"

/* Is a table t among those of an archive, by its name or as itself? */
#define IS_NAMED \
	"SELECT FROM defined AS d WHERE d.name = t.name"
#define IS_SAME(entries) \
	"SELECT FROM " entries " AS d WHERE d.name = t.name AND d.oid IN ('0', t.oid::text)"

/*
 * What evidence ($2) says, compared with the tables of a schema ($1), the
 * server ($3) and the present moment ($4).
 *
 * A dump was begun before it was recorded, before it was taken by what
 * somebody says, and before its own time, which is without a zone: no zone is
 * more than 12 hours behind, or 14 hours ahead.  It was begun after its own
 * time, or when it was taken by what somebody says.  The time of the last
 * migration is without a zone, too.
 */
static const char evidence_query[] =
"WITH evidence AS (SELECT $2::jsonb AS e, $2::jsonb -> 'archive' AS a), "
"own AS (SELECT d.oid::text AS oid, d.datname::text AS name FROM pg_catalog.pg_database AS d "
"WHERE d.datname = current_database()), "
"defined AS (SELECT value ->> 0 AS oid, value ->> 1 AS name "
"FROM evidence, jsonb_array_elements(a -> 'definitions')), "
"filled AS (SELECT value ->> 0 AS oid, value ->> 1 AS name "
"FROM evidence, jsonb_array_elements(a -> 'data')), "
"part AS (SELECT value ->> 0 AS kind, value ->> 1 AS tag "
"FROM evidence, jsonb_array_elements(a -> 'parts')), "
"relation AS (SELECT c.oid, c.relname::text AS name, c.relkind AS kind, c.relrowsecurity AS is_secured "
OPENMETADATA_RELATIONS("'r', 'p', 'S'") "), "
"expected AS (SELECT * FROM relation WHERE kind <> 'S'), "
"dumped_index AS (SELECT c.oid, c.relname::text AS name, r.oid AS table_oid "
"FROM expected AS r JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid "
"JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid "
"WHERE i.indisready AND (i.indisvalid OR r.kind = 'p')), "
"needed AS (" NEEDED_OBJECTS "), "
"own_object AS (SELECT o.* FROM needed AS o WHERE o.refobjid >= " CppAsString2(FirstNormalObjectId) " "
"AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS m WHERE m.classid = o.refclassid AND m.objid = o.refobjid "
"AND m.deptype = 'e')), "
"wanted AS (" WANTED_PARTS WANTED_OBJECTS "), "
"secured AS (SELECT tag AS name FROM part WHERE kind = 'ROW SECURITY' "
"UNION SELECT name FROM relation WHERE is_secured), "
"times AS (SELECT (e -> 'moment' ->> 'at')::timestamptz AS recorded, (e ->> 'taken_at')::timestamptz AS taken, "
"(a ->> 'created')::timestamp AT TIME ZONE 'UTC' AS created, "
"($4::jsonb ->> 'migrated_at')::timestamptz AS migrated FROM evidence), "
"begun AS (SELECT LEAST(recorded, taken, created + interval '12 hours') AS before, "
"CASE WHEN taken < created + interval '12 hours' THEN GREATEST(taken, created - interval '14 hours') "
"ELSE created - interval '14 hours' END AS after, "
"migrated - interval '14 hours' AS migrated_after, migrated + interval '12 hours' AS migrated_before "
"FROM times) "
"SELECT e ->> 'kind', e ->> 'system_identifier' = $3 AND e ->> 'database_oid' = own.oid, "
"jsonb_typeof(a) = 'object', "
"CASE WHEN a ->> 'database_oid' <> '0' THEN a ->> 'database_oid' = own.oid "
"ELSE a ->> 'database' = own.name END, "
"a ->> 'database_oid' = own.oid, "
"a ->> 'format', a ->> 'state', a ->> 'problem', a ->> 'database', "
"a ->> 'complete', a ->> 'complete_reason', (e ->> 'restore_status')::integer, "
NAMES_OF("expected", "NOT EXISTS (" IS_NAMED ")") ", "
NAMES_OF("expected", "EXISTS (" IS_NAMED ") AND NOT EXISTS (" IS_SAME("defined") ")") ", "
NAMES_OF("expected", "t.kind = 'r' AND NOT EXISTS (" IS_SAME("filled") ")") ", "
NAMES_OF("wanted", "NOT EXISTS (SELECT FROM part AS p WHERE p.kind = t.kind AND p.tag = t.tag)") ", "
"(a ->> 'row_security')::boolean, "
"CASE WHEN a ->> 'format' NOT IN ('plain', 'cluster') THEN " NAMES_OF("secured", "true") " END, "
"EXISTS (SELECT FROM defined), "
"e ->> 'moment', "
"begun.before < statement_timestamp() - interval '1 day', "
"begun.before < begun.migrated_after, "
"begun.after >= begun.migrated_before, "
"(a ->> 'extension')::boolean, "
"a ->> 'openmetadata_version', "
"jsonb_build_object('format', a -> 'format', 'created', a -> 'created', 'size_bytes', a -> 'size_bytes', "
"'server_version', a -> 'server_version', 'dump_version', a -> 'dump_version', "
"'taken_at', e -> 'taken_at', 'recorded_at', e -> 'moment' -> 'at', "
"'begun_before', begun.before, 'reference', e -> 'reference') "
"FROM evidence, own, begun";

/* Its columns. */
enum
{
	KIND = 1,
	IS_HERE,
	IS_READ,
	IS_SAME_DATABASE,			/* null: the archive does not say */
	IS_PROVEN_DATABASE,
	FORMAT,
	STATE,
	PROBLEM,
	DATABASE,
	COMPLETE,
	COMPLETE_REASON,
	RESTORE_STATUS,
	MISSING_TABLES,
	OTHER_TABLES,
	EMPTY_TABLES,
	MISSING_PARTS,
	HAS_ROW_SECURITY,
	SECURED_TABLES,				/* null: it would say so */
	HAS_DEFINITIONS,
	MOMENT,
	IS_DAY_OLD,
	IS_BEFORE_MIGRATION,		/* certainly, both */
	IS_AFTER_MIGRATION,
	HAS_EXTENSION,
	OPENMETADATA_VERSION,
	DATA,
	EVIDENCE_COLUMNS = DATA
};

/*
 * The moment of the newest mark of this database ($2) that evidence ($1) holds.
 * Marks that were taken away since count, too.
 */
static const char mark_query[] =
"WITH mark AS (SELECT j.id, CASE WHEN j.kind = '" MARK_KIND "' THEN j.state_after::jsonb END AS state "
"FROM %s AS j WHERE j.kind = '" MARK_KIND "' AND j.object ->> 'database_oid' = $2) "
"SELECT m.state ->> 'moment' "
"FROM mark AS m "
"WHERE m.state ->> 'nonce' IN (SELECT jsonb_array_elements_text($1::jsonb -> 'archive' -> 'markers')) "
"ORDER BY m.id DESC LIMIT 1";

/* The raised settings that an archive ($1) carries. */
static const char raised_query[] =
"SELECT string_agg(DISTINCT format('%%s = %%s', s.value ->> 0, s.value ->> 1), ', ') "
"FROM jsonb_array_elements($1::jsonb -> 'archive' -> 'settings') AS s "
"WHERE EXISTS (SELECT FROM %s AS j WHERE j.kind = 'setting' "
"AND j.object ->> 'setting' = s.value ->> 0 AND j.state_after = s.value ->> 1 "
"AND j.state_before IS DISTINCT FROM j.state_after)";

/* Is there any open record, for everybody to see? */
static const char recorded_query[] =
"SELECT 1 FROM %s AS j WHERE j.kind = '" BACKUP_KIND "' AND j.undone_at IS NULL LIMIT 1";

/* All open records, the newest first. */
static const char list_query[] =
"SELECT j.id, j.object_identity, j.state_after FROM %s AS j "
"WHERE j.kind = '" BACKUP_KIND "' AND j.undone_at IS NULL ORDER BY j.id DESC";

/* What a backup is judged by. */
typedef struct Facts
{
	const char *column[EVIDENCE_COLUMNS + 1];	/* of the query, from 1 */
} Facts;

/* The journal, as it is to be written in a query. */
static const char *
journal_name(void)
{
	return quote_qualified_identifier(extension_schema(),
									  "upgrade_prereq_journal");
}

/* Is a column true?  False for null, too. */
static bool
is_true(const Facts *facts, int column)
{
	return facts->column[column] != NULL &&
		strcmp(facts->column[column], "t") == 0;
}

static bool
is_false(const Facts *facts, int column)
{
	return facts->column[column] != NULL &&
		strcmp(facts->column[column], "f") == 0;
}

/* Has a column this value? */
static bool
is_value(const Facts *facts, int column, const char *value)
{
	return facts->column[column] != NULL &&
		strcmp(facts->column[column], value) == 0;
}

/* A column as text that is never NULL. */
static const char *
text_of(const Facts *facts, int column)
{
	return facts->column[column] ? facts->column[column] : "unknown";
}

/*
 * Read what the evidence says.  Returns the moment of its mark; NULL if it has
 * none of ours.
 */
static const char *
read_facts(const Backup *backup, const Installation *installation,
		   const char *now, Facts *facts, MemoryContext context)
{
	const char *arguments[] = {
		installation->schema_name, backup->evidence,
		psprintf(UINT64_FORMAT, GetSystemIdentifier()), now
	};
	const char *mark_arguments[] = {
		backup->evidence, psprintf("%u", MyDatabaseId)
	};
	const char *moment = NULL;

	(void) query_run(evidence_query, lengthof(arguments), arguments);
	for (int i = 1; i <= EVIDENCE_COLUMNS; i++)
		facts->column[i] = query_text(0, i, context);
	if (query_run(psprintf(mark_query, journal_name()),
				  lengthof(mark_arguments), mark_arguments) > 0)
		moment = query_text(0, 1, context);
	return moment;
}

/* Reach a level, and say why not the next. */
static void
reach(Backup *backup, BackupLevel level, const char *missing,
	  const char *next_step)
{
	backup->level = level;
	backup->missing = missing;
	backup->next_step = next_step;
}

/*
 * Is it of a version below the installed one?  OpenMetadata's own backup says
 * which release made it, and no release runs on a database that a later one
 * migrated.  A dump does not say it; but when it was made, or marked, does.
 */
static bool
is_of_older_version(const Backup *backup, const Facts *facts,
					const Installation *installation)
{
	const char *text = facts->column[OPENMETADATA_VERSION];
	Version		version;

	return !backup->changes->same_history ||
		(!backup->is_marked && is_true(facts, IS_BEFORE_MIGRATION)) ||
		(text != NULL && version_parse(text, &version) &&
		 version_compare(&version, &installation->installed) < 0);
}

/* Can its contents not be seen at all? */
static bool
is_closed(const Facts *facts)
{
	return is_value(facts, STATE, archive_state_name(ARCHIVE_CLOSED)) ||
		is_value(facts, FORMAT, archive_format_name(ARCHIVE_UNKNOWN));
}

/* Up to the level header: what is this file? */
static bool
judge_header(Backup *backup, const Facts *facts,
			 const Installation *installation)
{
	if (!is_true(facts, IS_HERE))
		reach(backup, BACKUP_NONE,
			  "It was recorded for another database, of which this one is a copy.",
			  NULL);
	else if (!is_true(facts, IS_READ))
		reach(backup, BACKUP_DECLARED,
			  "Somebody says that it is there; nothing of it was read.",
			  is_value(facts, KIND, "dump") ?
			  "Give the path of the file or its bytes to upgrade_prereq_record_backup()." :
			  "No more than that can be proven from within the database. If it is enough, set upgrade_prereq.required_backup_level to \"declared\"; else make a dump.");
	else if (is_false(facts, IS_SAME_DATABASE))
		reach(backup, BACKUP_NONE,
			  psprintf("It is of another database, called \"%s\".",
					   text_of(facts, DATABASE)),
			  "Back up this database.");
	else if (is_closed(facts) &&
			 is_value(facts, COMPLETE, archive_complete_name(ARCHIVE_COMPLETE_NO)))
		reach(backup, BACKUP_NONE,
			  psprintf("It is not whole: %s.", text_of(facts, COMPLETE_REASON)),
			  "Make the backup again.");
	else if (is_closed(facts))
		reach(backup, BACKUP_DECLARED,
			  psprintf("What is in the file cannot be seen: %s.",
					   text_of(facts, PROBLEM)),
			  "Send the contents to upgrade_prereq_record_backup() as they are before they are compressed as a whole.");
	else if (is_of_older_version(backup, facts, installation))
		reach(backup, BACKUP_SEEN,
			  "OpenMetadata was migrated since: the backup is of an older version.",
			  "Back up the database as it is now.");
	else
		return true;
	return false;
}

/* Up to the level listed: is it of this database, and does it hold all? */
static bool
judge_list(Backup *backup, const Facts *facts)
{
	if (!is_value(facts, STATE, archive_state_name(ARCHIVE_READ)))
		reach(backup, BACKUP_HEADER,
			  psprintf("Its table of contents could not be read to the end: %s.",
					   text_of(facts, PROBLEM)),
			  "Make the backup again.");
	else if (!is_true(facts, IS_PROVEN_DATABASE) && !backup->is_marked)
		reach(backup, BACKUP_HEADER,
			  "It does not say which database it is of.",
			  "Call upgrade_prereq_mark_backup(), then make the dump again: it will carry the mark. Or use pg_dump's custom, directory or tar format.");
	else if (!backup->is_marked && !is_true(facts, IS_AFTER_MIGRATION))
		reach(backup, BACKUP_HEADER,
			  "Whether it was made before or after the last migration of OpenMetadata is not known: their times are close, and without a time zone.",
			  "Call upgrade_prereq_mark_backup(), then make the dump again: it will carry the mark. If the migration was more than 12 hours before the dump, it is enough to give the dump's time as \"taken_at\".");
	else if (!is_true(facts, HAS_DEFINITIONS))
		reach(backup, BACKUP_HEADER,
			  "It does not hold the definitions of OpenMetadata's tables.",
			  "Dump the whole database, not only data.");
	else if (facts->column[MISSING_TABLES] != NULL)
		reach(backup, BACKUP_HEADER,
			  psprintf("Tables are missing in it: %s.",
					   facts->column[MISSING_TABLES]),
			  "Dump the whole database.");
	else if (facts->column[OTHER_TABLES] != NULL)
		reach(backup, BACKUP_HEADER,
			  psprintf("Its tables are others of the same name: %s.",
					   facts->column[OTHER_TABLES]),
			  "Back up the database as it is now.");
	else if (facts->column[EMPTY_TABLES] != NULL)
		reach(backup, BACKUP_HEADER,
			  psprintf("Tables are in it without their rows: %s.",
					   facts->column[EMPTY_TABLES]),
			  "Dump the whole database, with the data of every table.");
	else if (is_true(facts, HAS_ROW_SECURITY))
		reach(backup, BACKUP_HEADER,
			  "It was made with --enable-row-security: rows that its role may not see are missing in it.",
			  "Dump the whole database, without that option.");
	else if (facts->column[SECURED_TABLES] != NULL)
		reach(backup, BACKUP_HEADER,
			  psprintf("Whether it has all rows is not known: row-level security is enabled for %s, and only plain SQL says whether it was made with --enable-row-security.",
					   facts->column[SECURED_TABLES]),
			  "Call upgrade_prereq_mark_backup(), then make the dump in plain SQL.");
	else if (facts->column[MISSING_PARTS] != NULL)
		reach(backup, BACKUP_HEADER,
			  psprintf("Its tables are in it without: %s.",
					   facts->column[MISSING_PARTS]),
			  "Dump the whole database, with all sections, schemas and extensions.");
	else
		return true;
	return false;
}

/* How to prove that a backup is whole. */
static const char *
prove_whole_step(const Facts *facts)
{
	if (is_value(facts, FORMAT, archive_format_name(ARCHIVE_TAR)))
		return "Send more of its end, as tools/upgrade-prereq-backup does. Where that does not help it ends too early: make the backup again.";
	if (is_value(facts, FORMAT, archive_format_name(ARCHIVE_DIRECTORY)))
		return "Send which files are there to their ends, and the exit status of pg_restore: tools/upgrade-prereq-backup --verify does. Of a folder made with --inserts and without compression that cannot be seen.";
	return "Have pg_restore read it, and send its exit status: tools/upgrade-prereq-backup --verify does.";
}

/* Up to the level complete: is it whole? */
static bool
judge_whole(Backup *backup, const Facts *facts)
{
	bool		is_restored = is_value(facts, RESTORE_STATUS, "0");

	if (facts->column[RESTORE_STATUS] != NULL && !is_restored)
		reach(backup, BACKUP_LISTED,
			  psprintf("pg_restore could not read it to the end: its exit status was %s, as the client says.",
					   facts->column[RESTORE_STATUS]),
			  "Make the backup again.");
	else if (is_value(facts, COMPLETE,
					  archive_complete_name(ARCHIVE_COMPLETE_NO)))
		reach(backup, BACKUP_LISTED,
			  psprintf("It is not whole: %s.", text_of(facts, COMPLETE_REASON)),
			  "Make the backup again.");
	else if (!is_restored && !is_value(facts, COMPLETE,
									   archive_complete_name(ARCHIVE_COMPLETE_YES)))
		reach(backup, BACKUP_LISTED,
			  psprintf("Whether it is whole is not proven: %s.",
					   text_of(facts, COMPLETE_REASON)),
			  prove_whole_step(facts));
	else
		return true;
	return false;
}

/* Up to the level fresh: has anything changed since? */
static void
judge_changes(Backup *backup)
{
	const Changes *changes = backup->changes;
	const char *step = "Stop OpenMetadata, call upgrade_prereq_mark_backup(), and make the dump again.";

	if (!backup->is_marked)
		reach(backup, BACKUP_COMPLETE,
			  changes->is_changed ?
			  psprintf("Rows have changed since it was recorded, in: %s. It holds no mark that would tell what changed before that.",
					   changes->tables ? changes->tables : "tables that are not known") :
			  "It holds no mark of this database: what changed between the dump and its record is not known.",
			  step);
	else if (changes->is_changed)
		reach(backup, BACKUP_COMPLETE,
			  psprintf("Since the mark rows have changed, in: %s.",
					   changes->tables ? changes->tables : "tables that are not known"),
			  step);
	else if (!changes->is_known)
		reach(backup, BACKUP_COMPLETE,
			  psprintf("Whether rows have changed since the mark is not known: %s.",
					   changes->unknown_reason), step);
	else
		reach(backup, BACKUP_FRESH, NULL, NULL);
}

/* What is to be said in the data of a finding. */
static char *
format_data(const Backup *backup, const Facts *facts)
{
	const Changes *changes = backup->changes;
	const char *data = facts->column[DATA];
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"journal_id\": " INT64_FORMAT
					 ", \"level\": \"%s\", \"marked\": %s",
					 backup->journal_id, backup_level_name(backup->level),
					 backup->is_marked ? "true" : "false");
	appendStringInfo(&json, ", \"changed_rows\": %s",
					 changes->is_known ?
					 psprintf(INT64_FORMAT, changes->rows) : "null");
	appendStringInfo(&json, ", \"wal_bytes_since\": %s",
					 changes->wal_bytes < 0 ? "null" :
					 psprintf(INT64_FORMAT, changes->wal_bytes));
	/* the rest is an object that is not empty */
	appendStringInfo(&json, ", %s", data + 1);
	return json.data;
}

/*
 * Fill in what a recorded backup proves, in view of the present moment.  To be
 * called under guard_run(): evidence may have been written by anybody.
 */
void
backup_judge(Backup *backup, const Installation *installation,
			 const char *now)
{
	MemoryContext context = CurrentMemoryContext;
	Facts		facts = {{NULL}};
	const char *mark_moment;

	SPI_connect();
	mark_moment = read_facts(backup, installation, now, &facts, context);
	if (query_run(psprintf(raised_query, journal_name()), 1,
				  &backup->evidence) > 0)
		backup->raised_settings = query_text(0, 1, context);
	SPI_finish();

	backup->is_marked = mark_moment != NULL;
	backup->changes = moment_changes(backup->is_marked ? mark_moment :
									 facts.column[MOMENT], now);
	backup->is_day_old = is_true(&facts, IS_DAY_OLD);
	backup->has_extension = is_true(&facts, HAS_EXTENSION);
	if (judge_header(backup, &facts, installation) && judge_list(backup, &facts) &&
		judge_whole(backup, &facts))
		judge_changes(backup);
	backup->data = format_data(backup, &facts);
}

/* Is any backup recorded?  Everybody may know. */
bool
backup_is_recorded(void)
{
	bool		result;

	SPI_connect();
	result = query_run(psprintf(recorded_query, journal_name()), 0, NULL) > 0;
	SPI_finish();
	return result;
}

/* What keeps the caller from reading the records, or NULL. */
Obstacle *
backup_obstacle(void)
{
	Oid			schema_oid = get_namespace_oid(extension_schema(), false);
	Oid			table_oid = get_relname_relid("upgrade_prereq_journal",
											  schema_oid);
	Obstacle   *obstacle;

	if (pg_class_aclcheck(table_oid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return NULL;
	obstacle = obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
							 "permission denied for table upgrade_prereq_journal",
							 "Ask for the GRANT given as the fix.",
							 psprintf("GRANT SELECT ON TABLE %s TO %s;",
									  journal_name(),
									  quote_identifier(GetUserNameFromId(GetUserId(), false))));
	obstacle->detail = "A backup is recorded there.";
	return obstacle;
}

/* The backups that are recorded (List of Backup *), not judged yet. */
List *
backup_list(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	uint64		rows;

	SPI_connect();
	rows = query_run(psprintf(list_query, journal_name()), 0, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		Backup	   *backup = MemoryContextAllocZero(context, sizeof(Backup));
		MemoryContext spi_context;

		backup->journal_id = strtoll(query_text(row, 1, CurrentMemoryContext),
									 NULL, 10);
		backup->identity = query_text(row, 2, context);
		backup->evidence = query_text(row, 3, context);
		spi_context = MemoryContextSwitchTo(context);
		result = lappend(result, backup);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return result;
}
