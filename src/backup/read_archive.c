/*-------------------------------------------------------------------------
 *
 * read_archive.c
 *	  What an archive says of itself, for SQL.
 *
 * src/backup/read_archive.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "archive.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "mb/pg_wchar.h"
#include "server_file.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_read_archive);
PG_FUNCTION_INFO_V1(upgrade_prereq_archive_entries);

#define HEADER_COLUMNS 24
#define ENTRY_COLUMNS 15

/* ----- text ----- */

/*
 * A string of the archive as text that is valid in this database; NULL gives
 * NULL.  Bytes that are not valid become \xNN.  So do all beyond ASCII if the
 * archive is in another encoding: what they stand for is not worth an error.
 */
char *
archive_text(const Archive *archive, const char *string)
{
	int			encoding = GetDatabaseEncoding();
	int			from = archive->encoding == NULL ? encoding :
		pg_char_to_encoding(archive->encoding);
	bool		same = from == encoding || encoding == PG_SQL_ASCII;
	StringInfoData text;
	char	   *result;
	int			left;

	if (string == NULL)
		return NULL;
	initStringInfo(&text);
	for (left = (int) strlen(string); left > 0;)
	{
		int			length = IS_HIGHBIT_SET(*string) && !same ? -1 :
			pg_encoding_verifymbchar(encoding, string, left);

		if (length < 1)
		{
			appendStringInfo(&text, "\\x%02x", (unsigned char) *string);
			length = 1;
		}
		else
			appendBinaryStringInfo(&text, string, length);
		string += length;
		left -= length;
	}
	/* no longer than it is: there may be a million of them */
	result = pnstrdup(text.data, text.len);
	pfree(text.data);
	return result;
}

/* ----- arguments ----- */

pg_noreturn static void
refuse_argument(const char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message)));
}

/* The bytes that were given, of which there are some at the end perhaps. */
static ArchiveSource *
source_of_bytes(FunctionCallInfo fcinfo)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);
	bytea	   *tail = PG_ARGISNULL(2) ? NULL : PG_GETARG_BYTEA_PP(2);
	int64		size = PG_ARGISNULL(3) ? -1 : PG_GETARG_INT64(3);
	int64		given = VARSIZE_ANY_EXHDR(data);

	if (tail != NULL)
		given = Max(given, (int64) VARSIZE_ANY_EXHDR(tail));
	if (tail != NULL && size == -1)
		refuse_argument("argument \"tail\" needs \"size_bytes\", the size of the whole file");
	if (!PG_ARGISNULL(3) && (size < given || size > ARCHIVE_MAX_SIZE))
		refuse_argument(psprintf("argument \"size_bytes\" has to be between " INT64_FORMAT ", the bytes given, and " INT64_FORMAT,
								 given, ARCHIVE_MAX_SIZE));
	return archive_bytes(VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data),
						 tail == NULL ? NULL : VARDATA_ANY(tail),
						 tail == NULL ? 0 : VARSIZE_ANY_EXHDR(tail), size);
}

/* Read the archive that the arguments (data, path, tail, size_bytes) give. */
static Archive *
read_arguments(FunctionCallInfo fcinfo)
{
	ArchiveSource *source;
	Archive    *archive;

	if (PG_ARGISNULL(0) == PG_ARGISNULL(1))
		refuse_argument("exactly one of the arguments \"data\" and \"path\" has to be given");
	if (PG_ARGISNULL(0))
	{
		if (!PG_ARGISNULL(2) || !PG_ARGISNULL(3))
			refuse_argument("arguments \"tail\" and \"size_bytes\" go with \"data\", not with \"path\"");
		server_file_check_right("Pass the beginning and the end of the file as \"data\" and \"tail\" instead.");
		source = archive_path(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	}
	else
		source = source_of_bytes(fcinfo);
	archive = archive_read(source);
	source->close(source);
	return archive;
}

/* ----- results ----- */

static void
set_text(Datum *value, bool *is_null, const char *text)
{
	*is_null = text == NULL;
	if (text != NULL)
		*value = CStringGetTextDatum(text);
}

/* A number, of which one stands for not known. */
static void
set_number(Datum *value, bool *is_null, int64 number, int64 unknown)
{
	*is_null = number == unknown;
	*value = Int64GetDatum(number);
}

static void
set_oid(Datum *value, bool *is_null, Oid oid)
{
	*is_null = oid == InvalidOid;
	*value = ObjectIdGetDatum(oid);
}

static ArrayBuildState *
add_text(ArrayBuildState *array, const char *text)
{
	return accumArrayResult(array, CStringGetTextDatum(text), false, TEXTOID,
							CurrentMemoryContext);
}

static void
set_array(Datum *value, ArrayBuildState *array)
{
	*value = array == NULL ? PointerGetDatum(construct_empty_array(TEXTOID)) :
		makeArrayResult(array, CurrentMemoryContext);
}

static bool
entry_is(const ArchiveEntry *entry, const char *description)
{
	return strcmp(entry->description, description) == 0;
}

/* The name of a table as SQL has it. */
static const char *
entry_name(const Archive *archive, const ArchiveEntry *entry)
{
	const char *tag = archive_text(archive, entry->tag);

	return entry->schema == NULL ? quote_identifier(tag) :
		quote_qualified_identifier(archive_text(archive, entry->schema), tag);
}

/* The statements of a definition, each of which ends a line. */
static ArrayBuildState *
add_statements(ArrayBuildState *array, char *text)
{
	bool		quoted = false;
	char	   *start = text;

	for (char *at = text; *at != '\0'; at++)
	{
		if (*at == '\'')
			quoted = !quoted;
		if (*at != ';' || quoted || (at[1] != '\n' && at[1] != '\0'))
			continue;
		array = add_text(array, pnstrdup(start, at + 1 - start));
		start = at + 1 + strspn(at + 1, "\n");
		at = start - 1;
	}
	return array;
}

/* What the entries come to: columns from tables on. */
static void
summarize_entries(const Archive *archive, Datum *values, bool *nulls)
{
	ArrayBuildState *without_data = NULL;
	ArrayBuildState *extensions = NULL;
	ArrayBuildState *settings = NULL;
	int64		tables = 0;

	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];

		CHECK_FOR_INTERRUPTS();
		if (entry_is(entry, "TABLE"))
		{
			tables++;
			if (entry->relkind != 'p' && archive_table_data(archive, entry) == NULL)
				without_data = add_text(without_data, entry_name(archive, entry));
		}
		else if (entry_is(entry, "EXTENSION"))
			extensions = add_text(extensions, archive_text(archive, entry->tag));
		else if (entry_is(entry, "DATABASE PROPERTIES") && entry->definition != NULL)
			settings = add_statements(settings, archive_text(archive, entry->definition));
	}
	values[0] = Int64GetDatum(archive->entry_count);
	values[1] = Int64GetDatum(tables);
	values[2] = Int64GetDatum(archive->table_data_count);
	set_array(&values[3], without_data);
	set_array(&values[4], extensions);
	set_array(&values[5], settings);
	/* what cannot be seen is not nothing */
	if (archive->entry_count == 0 && archive->state != ARCHIVE_READ)
		memset(nulls, true, 6 * sizeof(bool));
}

/*
 * upgrade_prereq_read_archive(data bytea, path text, tail bytea,
 *							   size_bytes bigint)
 *
 * What a dump says of itself, and whether it is whole, as one row.  data is the
 * file or its beginning, tail its end, size_bytes its size, where null stands
 * for not known.  path is a file or folder on the server.  What the file does
 * not say is null.  Errors: 22023 if both or none of data and path are given,
 * for tail without size_bytes, either with a path, and a size below what was
 * given; 42501 for a path without the right to read files; those of reading
 * the file.
 */
Datum
upgrade_prereq_read_archive(PG_FUNCTION_ARGS)
{
	Archive    *archive = read_arguments(fcinfo);
	Datum		values[HEADER_COLUMNS] = {0};
	bool		nulls[HEADER_COLUMNS] = {false};
	TupleDesc	descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	Assert(descriptor->natts == HEADER_COLUMNS);

	set_text(&values[0], &nulls[0], archive_format_name(archive->format));
	set_text(&values[1], &nulls[1], archive->version[0] == 0 ? NULL :
			 psprintf("%d.%d", archive->version[0], archive->version[1]));
	set_text(&values[2], &nulls[2], archive_state_name(archive->state));
	set_text(&values[3], &nulls[3], archive_text(archive, archive->problem));
	set_text(&values[4], &nulls[4], archive_complete_name(archive->complete));
	set_text(&values[5], &nulls[5], archive_text(archive, archive->complete_reason));
	nulls[6] = archive->created == NULL;
	if (archive->created != NULL)
		values[6] = DirectFunctionCall3(timestamp_in, CStringGetDatum(archive->created),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	set_text(&values[7], &nulls[7], archive->created == NULL ? NULL :
			 archive->created_zone == NULL ? "unknown: local time of the machine that ran pg_dump" :
			 archive_text(archive, archive->created_zone));
	set_text(&values[8], &nulls[8], archive_text(archive, archive->database));
	set_oid(&values[9], &nulls[9], archive->database_oid);
	set_text(&values[10], &nulls[10], archive_text(archive, archive->encoding));
	set_text(&values[11], &nulls[11], archive_text(archive, archive->server_version));
	set_text(&values[12], &nulls[12], archive_text(archive, archive->dump_version));
	set_text(&values[13], &nulls[13], archive_text(archive, archive->openmetadata_version));
	set_text(&values[14], &nulls[14], archive->compression);
	summarize_entries(archive, &values[15], &nulls[15]);
	set_number(&values[21], &nulls[21], archive->size_bytes, -1);
	values[22] = Int64GetDatum(archive->needs_bytes);
	values[23] = Int64GetDatum(archive->needs_tail_bytes);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

static const char *
section_name(int section)
{
	static const char *const names[] = {NULL, "none", "pre-data", "data", "post-data"};

	return names[section];
}

/* Whether the archive has data of an entry; null if it is no table or the like. */
static void
set_has_data(Datum *value, bool *is_null, const Archive *archive,
			 const ArchiveEntry *entry)
{
	if (entry_is(entry, "TABLE"))
		*value = BoolGetDatum(archive_table_data(archive, entry) != NULL);
	else
	{
		*value = BoolGetDatum(true);
		*is_null = !entry->has_dumper;
	}
}

/*
 * upgrade_prereq_archive_entries(data bytea, path text, tail bytea,
 *								  size_bytes bigint)
 *
 * The entries of a dump's table of contents, in its order.  Arguments and
 * errors are those of upgrade_prereq_read_archive().
 */
Datum
upgrade_prereq_archive_entries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Archive    *archive;
	MemoryContext entry_context;
	MemoryContext previous;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == ENTRY_COLUMNS);
	archive = read_arguments(fcinfo);

	/* there can be any number of entries */
	entry_context = AllocSetContextCreate(CurrentMemoryContext,
										  "upgrade_prereq archive entry",
										  ALLOCSET_DEFAULT_SIZES);
	previous = MemoryContextSwitchTo(entry_context);
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		Datum		values[ENTRY_COLUMNS] = {0};
		bool		nulls[ENTRY_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = Int32GetDatum(i + 1);
		values[1] = Int32GetDatum(entry->dump_id);
		nulls[1] = entry->dump_id == 0;
		set_text(&values[2], &nulls[2], archive_text(archive, entry->description));
		set_text(&values[3], &nulls[3], archive_text(archive, entry->schema));
		set_text(&values[4], &nulls[4], archive_text(archive, entry->tag));
		set_text(&values[5], &nulls[5], archive_text(archive, entry->owner));
		set_text(&values[6], &nulls[6], archive_text(archive, entry->database));
		set_oid(&values[7], &nulls[7], entry->catalog_oid);
		set_oid(&values[8], &nulls[8], entry->object_oid);
		set_text(&values[9], &nulls[9], section_name(entry->section));
		set_has_data(&values[10], &nulls[10], archive, entry);
		set_number(&values[11], &nulls[11], entry->data_position, 0);
		set_text(&values[12], &nulls[12], archive_text(archive, entry->file_name));
		set_number(&values[13], &nulls[13], entry->rows, -1);
		set_text(&values[14], &nulls[14], archive_text(archive, entry->definition));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(entry_context);
	}
	MemoryContextSwitchTo(previous);
	MemoryContextDelete(entry_context);
	return (Datum) 0;
}
