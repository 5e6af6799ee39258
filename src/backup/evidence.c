/*-------------------------------------------------------------------------
 *
 * evidence.c
 *	  What is known of a backup, as JSON.
 *
 * src/backup/evidence.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "backup/evidence.h"
#include "backup/mark.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/json.h"

/* Not more of them than this are kept: a real archive has one or two. */
#define MAX_MARKERS	100

static const char *const level_names[] = {
	"none", "declared", "seen", "header", "listed", "complete", "fresh"
};

static const BackupKind kinds[] = {
	{"dump", "dump"},
	{"rds", "RDS snapshot"},
	{"aurora", "Aurora snapshot"},
	{"azure", "Azure backup"},
	{"cloud_sql", "Cloud SQL backup"},
	{"pgbackrest", "pgBackRest backup"},
	{"barman", "Barman backup"},
	{"wal_g", "WAL-G backup"},
	{"other", "backup"},
};

/* The label of a level in the SQL type upgrade_prereq_backup_level. */
const char *
backup_level_name(BackupLevel level)
{
	return level_names[level];
}

/* The kind of that name, or NULL. */
const BackupKind *
backup_kind_find(const char *name)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (pg_strcasecmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* The names of all kinds, for hints. */
char *
backup_kind_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (size_t i = 0; i < lengthof(kinds); i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", kinds[i].name);
	return names.data;
}

/* Add a key and a text, or null, to an object. */
static void
append_text(StringInfo json, const char *key, const char *text)
{
	appendStringInfo(json, "%s\"%s\": ",
					 json->data[json->len - 1] == '{' ? "" : ", ", key);
	if (text == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, text);
}

/* Add a key and something that is JSON already. */
static void
append_json(StringInfo json, const char *key, const char *value)
{
	appendStringInfo(json, "%s\"%s\": %s",
					 json->data[json->len - 1] == '{' ? "" : ", ", key, value);
}

/* Add the comma between the elements of an array. */
static void
append_comma(StringInfo array)
{
	if (array->data[array->len - 1] != '[')
		appendStringInfoString(array, ", ");
}

/* Is an entry about this database?  A cluster's dump has several. */
static bool
is_of_this_database(const Archive *archive, const ArchiveEntry *entry)
{
	return entry->database == NULL ||
		strcmp(archive_text(archive, entry->database),
			   get_database_name(MyDatabaseId)) == 0;
}

/* Is an entry about something in a schema of this database? */
static bool
is_in_schema(const Archive *archive, const ArchiveEntry *entry,
			 const char *schema_name)
{
	return entry->schema != NULL &&
		strcmp(archive_text(archive, entry->schema), schema_name) == 0 &&
		is_of_this_database(archive, entry);
}

/*
 * The entries of a kind that are about tables of a schema, as an array of
 * [OID, name]; the OID is 0 where the archive does not say it.
 */
static char *
table_array(const Archive *archive, const char *description,
			const char *schema_name)
{
	StringInfoData array;

	initStringInfo(&array);
	appendStringInfoChar(&array, '[');
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];

		CHECK_FOR_INTERRUPTS();
		if (strcmp(entry->description, description) != 0 ||
			!is_in_schema(archive, entry, schema_name))
			continue;
		append_comma(&array);
		appendStringInfo(&array, "[%u, ", entry->object_oid);
		escape_json(&array, archive_text(archive, entry->tag));
		appendStringInfoChar(&array, ']');
	}
	appendStringInfoChar(&array, ']');
	return array.data;
}

/*
 * The entries that say what tables and sequences of a schema have besides
 * their definitions, and of what they may need whatever its schema, as an array
 * of [kind, name].
 */
static char *
part_array(const Archive *archive, const char *schema_name)
{
	static const struct
	{
		const char *description;
		bool		is_in_schema;
	}			kinds[] = {
		{"CONSTRAINT", true}, {"FK CONSTRAINT", true}, {"INDEX", true},
		{"TRIGGER", true}, {"SEQUENCE SET", true}, {"ROW SECURITY", true},
		{"SCHEMA", false}, {"EXTENSION", false}, {"FUNCTION", false},
		{"TYPE", false}, {"DOMAIN", false}
	};
	StringInfoData array;

	initStringInfo(&array);
	appendStringInfoChar(&array, '[');
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		size_t		kind = 0;

		CHECK_FOR_INTERRUPTS();
		while (kind < lengthof(kinds) &&
			   strcmp(entry->description, kinds[kind].description) != 0)
			kind++;
		if (kind == lengthof(kinds) ||
			!(kinds[kind].is_in_schema ?
			  is_in_schema(archive, entry, schema_name) :
			  is_of_this_database(archive, entry)))
			continue;
		append_comma(&array);
		appendStringInfo(&array, "[\"%s\", ", kinds[kind].description);
		escape_json(&array, archive_text(archive, entry->tag));
		appendStringInfoChar(&array, ']');
	}
	appendStringInfoChar(&array, ']');
	return array.data;
}

/* The nonces of our markers in the comments of an archive, as an array. */
static char *
marker_array(const Archive *archive)
{
	StringInfoData array;
	int			count = 0;

	initStringInfo(&array);
	appendStringInfoChar(&array, '[');
	for (int i = 0; i < archive->entry_count && count < MAX_MARKERS; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		const char *rest = entry->definition;
		char	   *nonce;

		if (strcmp(entry->description, "COMMENT") != 0 ||
			!is_of_this_database(archive, entry))
			continue;
		while (rest != NULL && count < MAX_MARKERS &&
			   (nonce = mark_find_nonce(&rest)) != NULL)
		{
			append_comma(&array);
			appendStringInfo(&array, "\"%s\"", nonce);
			count++;
		}
	}
	appendStringInfoChar(&array, ']');
	return array.data;
}

/*
 * The memory settings that an archive carries for the database or a role in
 * it, as an array of [name, value].  pg_dump writes ALTER ... SET name TO
 * 'value' (makeAlterConfigCommand() in src/bin/pg_dump/dumputils.c).
 */
static char *
setting_array(const Archive *archive)
{
	static const char *const names[] = {"work_mem", "maintenance_work_mem"};
	StringInfoData array;

	initStringInfo(&array);
	appendStringInfoChar(&array, '[');
	for (int i = 0; i < archive->entry_count * (int) lengthof(names); i++)
	{
		const ArchiveEntry *entry = &archive->entries[i / lengthof(names)];
		const char *name = names[i % lengthof(names)];
		char	   *start = psprintf(" SET %s TO '", name);
		const char *rest = entry->definition;

		if (strcmp(entry->description, "DATABASE PROPERTIES") != 0)
			continue;
		while (rest != NULL && (rest = strstr(rest, start)) != NULL)
		{
			const char *value = rest + strlen(start);
			size_t		length = strcspn(value, "'\n");

			append_comma(&array);
			appendStringInfo(&array, "[\"%s\", ", name);
			escape_json(&array, archive_text(archive, pnstrdup(value, length)));
			appendStringInfoChar(&array, ']');
			rest = value + length;
		}
	}
	appendStringInfoChar(&array, ']');
	return array.data;
}

/* Does an archive create this extension? */
static bool
has_extension(const Archive *archive)
{
	for (int i = 0; i < archive->entry_count; i++)
	{
		if (strcmp(archive->entries[i].description, "EXTENSION") == 0 &&
			strcmp(archive->entries[i].tag, "upgrade_prereq") == 0)
			return true;
	}
	return false;
}

/* The time of an archive, or NULL if that is no time. */
static const char *
created_text(const Archive *archive)
{
	int			year,
				month,
				day,
				hour,
				minute,
				second;

	if (archive->created == NULL ||
		sscanf(archive->created, "%4d-%2d-%2d %2d:%2d:%2d",
			   &year, &month, &day, &hour, &minute, &second) != 6 ||
		year < 1970 || month < 1 || month > 12 || day < 1 ||
		day > day_tab[isleap(year)][month - 1] ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60)
		return NULL;
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d",
					year, month, day, hour, minute, second);
}

/*
 * The size of a backup.  Of a folder only toc.dat was sent, if anything; and a
 * client may leave the rows out of SQL.
 */
static const char *
size_text(const Evidence *evidence)
{
	const Archive *archive = evidence->archive;
	bool		is_sql = archive->format == ARCHIVE_PLAIN ||
		archive->format == ARCHIVE_CLUSTER;

	if (archive->size_bytes < 0 || archive->format == ARCHIVE_DIRECTORY ||
		(is_sql && evidence->is_from_client))
		return "null";
	return psprintf(INT64_FORMAT, archive->size_bytes);
}

/* What was read of an archive, as an object. */
static char *
archive_json(const Evidence *evidence, const char *schema_name)
{
	const Archive *archive = evidence->archive;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_text(&json, "format", archive_format_name(archive->format));
	append_text(&json, "state", archive_state_name(archive->state));
	append_text(&json, "problem", archive_text(archive, archive->problem));
	append_text(&json, "complete", archive_complete_name(archive->complete));
	append_text(&json, "complete_reason",
				archive_text(archive, archive->complete_reason));
	append_json(&json, "size_bytes", size_text(evidence));
	append_text(&json, "created", created_text(archive));
	append_text(&json, "database", archive_text(archive, archive->database));
	append_json(&json, "database_oid", psprintf("%u", archive->database_oid));
	append_text(&json, "server_version",
				archive_text(archive, archive->server_version));
	append_text(&json, "dump_version",
				archive_text(archive, archive->dump_version));
	append_text(&json, "openmetadata_version",
				archive_text(archive, archive->openmetadata_version));
	append_json(&json, "definitions",
				table_array(archive, "TABLE", schema_name));
	append_json(&json, "data",
				table_array(archive, "TABLE DATA", schema_name));
	append_json(&json, "parts", part_array(archive, schema_name));
	append_json(&json, "row_security", archive->row_security ? "true" : "false");
	append_json(&json, "markers", marker_array(archive));
	append_json(&json, "settings", setting_array(archive));
	append_json(&json, "extension", has_extension(archive) ? "true" : "false");
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* Evidence as a JSON object, for the journal. */
char *
evidence_json(const Evidence *evidence, const Installation *installation)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_text(&json, "kind", evidence->kind->name);
	append_text(&json, "reference", evidence->reference);
	append_text(&json, "taken_at", evidence->taken_at);
	append_text(&json, "system_identifier",
				psprintf(UINT64_FORMAT, GetSystemIdentifier()));
	append_text(&json, "database_oid", psprintf("%u", MyDatabaseId));
	append_json(&json, "moment", evidence->moment);
	append_json(&json, "restore_status",
				evidence->restore_status < 0 ? "null" :
				psprintf("%d", evidence->restore_status));
	append_json(&json, "from_client",
				evidence->is_from_client ? "true" : "false");
	append_json(&json, "archive",
				evidence->archive == NULL ? "null" :
				archive_json(evidence, installation->schema_name));
	appendStringInfoChar(&json, '}');
	return json.data;
}
