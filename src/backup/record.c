/*-------------------------------------------------------------------------
 *
 * record.c
 *	  Recording a backup in the journal, and saying how much it proves.
 *
 * src/backup/record.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "attempt.h"
#include "backup/evidence.h"
#include "backup/record.h"
#include "compat.h"
#include "lib/stringinfo.h"
#include "pgstat.h"
#include "server_file.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_record_backup);

/* Columns of upgrade_prereq_record_backup(). */
#define RECORD_COLUMNS 8

/* The journal has an index on it, which takes no more than 2700 bytes. */
#define MAX_REFERENCE_BYTES 1024

/* The clock of a client may be so far ahead. */
#define CLOCK_TOLERANCE_MS	(5 * 60 * 1000)

/* What is to be recorded. */
typedef struct Record
{
	Evidence	evidence;
	const char *path;			/* or NULL */
	bytea	   *data;			/* or NULL */
	bytea	   *tail;			/* or NULL */
	const char *files;			/* lines "size name"; or NULL */
	int64		size_bytes;		/* -1 if not given */
	const char *reason;
	Installation *installation;
	Archive    *archive;		/* that of the evidence, or NULL */
	Backup		backup;
} Record;

/* ----- the arguments ----- */

static const char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(number));
}

/* An argument is not accepted. */
pg_noreturn static void
refuse(const char *name, const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for argument \"%s\": %s", name, problem),
			 errhint("%s", hint)));
}

/* The argument kind. */
static const BackupKind *
parse_kind(const char *name)
{
	const BackupKind *kind;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "kind")));
	kind = backup_kind_find(name);
	if (kind == NULL)
		refuse("kind", psprintf("\"%s\"", name),
			   psprintf("Accepted values are %s.", backup_kind_names()));
	return kind;
}

/* The argument taken_at, as text. */
static const char *
parse_taken_at(TimestampTz taken_at)
{
	if (TIMESTAMP_NOT_FINITE(taken_at) ||
		taken_at > TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											   CLOCK_TOLERANCE_MS))
		refuse("taken_at",
			   psprintf("\"%s\"", timestamptz_to_str(taken_at)),
			   "A time in the past is accepted.");
	return pstrdup(timestamptz_to_str(taken_at));
}

/* Do the arguments go together? */
static void
check_arguments(const Record *record)
{
	bool		is_read = record->path != NULL || record->data != NULL;

	if (record->path != NULL && record->data != NULL)
		refuse("data", "it does not go with \"path\"",
			   "Give the path of a file on the server, or bytes of one that is elsewhere.");
	if (record->data == NULL &&
		(record->tail != NULL || record->files != NULL || record->size_bytes >= 0))
		refuse(record->tail ? "tail" : record->files ? "files" : "size_bytes",
			   "it does not go without \"data\"",
			   "Give the first bytes of the file, too.");
	if (record->tail != NULL && record->size_bytes < 0)
		refuse("tail", "it does not go without \"size_bytes\"",
			   "Give the size of the whole file in bytes, too.");
	if (record->data != NULL && record->size_bytes >= 0 &&
		record->size_bytes < (int64) Max(VARSIZE_ANY_EXHDR(record->data),
										 record->tail ? VARSIZE_ANY_EXHDR(record->tail) : 0))
		refuse("size_bytes", "the file is smaller than what is given of it",
			   "Give the size of the whole file in bytes.");
	if (!is_read && record->evidence.restore_status >= 0)
		refuse("restore_status", "it does not go without \"path\" or \"data\"",
			   "Give the file that pg_restore has read, too.");
	if (is_read && strcmp(record->evidence.kind->name, "dump") != 0)
		refuse("kind", psprintf("\"%s\" is no file that can be read",
								record->evidence.kind->name),
			   "With \"path\" or \"data\" the kind is \"dump\".");
	if (!is_read &&
		(record->evidence.reference == NULL || record->evidence.taken_at == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a backup of kind \"%s\" needs the arguments \"%s\" and \"%s\"",
						record->evidence.kind->name, "reference", "taken_at"),
				 errhint("Give what identifies it, and when it was taken. Or give \"path\" or \"data\", so that a dump can be read.")));
}

/* Take over the arguments. */
static void
parse_arguments(FunctionCallInfo fcinfo, Record *record)
{
	Evidence   *evidence = &record->evidence;

	record->path = text_argument(fcinfo, 0);
	record->data = PG_ARGISNULL(1) ? NULL : PG_GETARG_BYTEA_PP(1);
	evidence->kind = parse_kind(text_argument(fcinfo, 2));
	evidence->reference = text_argument(fcinfo, 3);
	if (evidence->reference != NULL && evidence->reference[0] == '\0')
		refuse("reference", "it is empty",
			   "Give what identifies the backup, such as the name of its file.");
	if (evidence->reference == NULL)
		evidence->reference = record->path;
	if (evidence->reference != NULL &&
		strlen(evidence->reference) > MAX_REFERENCE_BYTES)
		refuse("reference",
			   psprintf("it is longer than %d bytes", MAX_REFERENCE_BYTES),
			   "Give a shorter name.");
	evidence->taken_at = PG_ARGISNULL(4) ? NULL :
		parse_taken_at(PG_GETARG_TIMESTAMPTZ(4));
	record->size_bytes = PG_ARGISNULL(5) ? -1 : PG_GETARG_INT64(5);
	if (!PG_ARGISNULL(5) &&
		(record->size_bytes < 0 || record->size_bytes > ARCHIVE_MAX_SIZE))
		refuse("size_bytes", psprintf(INT64_FORMAT, record->size_bytes),
			   "A number of bytes is accepted.");
	record->tail = PG_ARGISNULL(6) ? NULL : PG_GETARG_BYTEA_PP(6);
	evidence->restore_status = PG_ARGISNULL(7) ? -1 : PG_GETARG_INT32(7);
	if (!PG_ARGISNULL(7) && (evidence->restore_status < 0 ||
							 evidence->restore_status > 255))
		refuse("restore_status", psprintf("%d", evidence->restore_status),
			   "An exit status from 0 to 255 is accepted.");
	record->files = text_argument(fcinfo, 8);
	record->reason = text_argument(fcinfo, 9);
	evidence->is_from_client = record->data != NULL;
	check_arguments(record);
}

/* ----- the record ----- */

/* Behind the name of a file in the list: the client has seen its end. */
#define FILE_ENDS	" ends"

/* What the client says of a file. */
typedef struct ListedFile
{
	int64		size;
	bool		ends;			/* the client has seen its end */
	int64		large_objects;	/* in a list of them, all to their ends; -1 if
								 * that is not said */
} ListedFile;

/*
 * Find a file in the list of files.  A line is "size name", "size name ends",
 * or "size name ends number".
 */
static bool
find_listed(const char *files, const char *name, ListedFile *found)
{
	size_t		length = strlen(name);

	for (const char *line = files; line != NULL; line = strchr(line, '\n'))
	{
		char	   *end;
		const char *rest;

		if (*line == '\n')
			line++;
		found->size = strtoll(line, &end, 10);
		if (*end != ' ' || strncmp(end + 1, name, length) != 0)
			continue;
		rest = end + 1 + length;
		found->ends = strncmp(rest, FILE_ENDS, strlen(FILE_ENDS)) == 0;
		found->large_objects = -1;
		if (found->ends)
			rest += strlen(FILE_ENDS);
		if (found->ends && rest[0] == ' ' && isdigit((unsigned char) rest[1]))
		{
			found->large_objects = strtoll(rest + 1, &end, 10);
			rest = end;
		}
		if (*rest == '\n' || *rest == '\0')
			return true;
	}
	return false;
}

/* What the name of a file may end with that its toc.dat does not name
 * (src/bin/pg_dump/compress_io.c). */
static const char *const file_suffixes[] = {"", ".gz", ".lz4", ".zst"};

/* Are the files of a folder there that its toc.dat names? */
static void
check_files(Archive *archive, const char *files)
{
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		bool		is_there = false;
		ListedFile	file;

		CHECK_FOR_INTERRUPTS();
		if (!entry->has_dumper || entry->file_name == NULL)
			continue;
		/* of an empty table there are no INSERT statements */
		for (size_t j = 0; j < lengthof(file_suffixes) && !is_there; j++)
			is_there = find_listed(files, psprintf("%s%s", entry->file_name,
												   file_suffixes[j]), &file) &&
				file.size >= (entry->with_copy || j > 0 ? 1 : 0);
		if (is_there)
			continue;
		archive->complete = ARCHIVE_COMPLETE_NO;
		archive->complete_reason = psprintf("file \"%s\" is missing, or empty",
											entry->file_name);
		return;
	}
}

static bool
is_list(const ArchiveEntry *entry)
{
	return strcmp(entry->description, "BLOBS") == 0;
}

/*
 * Has the client seen the end of the file of an entry?  A list of large objects
 * has no end: the client says how many it lists.
 */
static bool
is_end_seen(const Record *record, const ArchiveEntry *entry, ListedFile *file)
{
	/*
	 * The end of INSERT statements that are not compressed shows nothing; the
	 * list of large objects is never compressed.
	 */
	for (size_t j = entry->with_copy || is_list(entry) ? 0 : 1;
		 j < lengthof(file_suffixes); j++)
	{
		if (find_listed(record->files, psprintf("%s%s", entry->file_name,
												file_suffixes[j]), file) &&
			file->size > 0 && file->ends)
			return !is_list(entry) || file->large_objects >= 0;
	}
	return false;
}

/*
 * Why a folder may lack something, and pg_restore would not notice; NULL if
 * there is nothing.  Whether pg_restore notices depends on how the data is
 * compressed and on the library that does it: with zlib 1.3.2 not even of gzip
 * (_PrintFileData() of src/bin/pg_dump/pg_backup_directory.c, Zstd_read() of
 * compress_zstd.c, LZ4Stream_read_internal() of compress_lz4.c).
 */
static const char *
find_doubt(const Record *record)
{
	const Archive *archive = record->archive;
	int64		wanted = archive_count_large_objects(archive);
	int64		listed = 0;
	bool		has_list = false;

	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		ListedFile	file;

		CHECK_FOR_INTERRUPTS();
		if (!entry->has_dumper || entry->file_name == NULL)
			continue;
		if (!is_end_seen(record, entry, &file))
			return psprintf("the end of file \"%s\" was not seen, and pg_restore may not notice if it is missing",
							entry->file_name);
		if (is_list(entry))
		{
			has_list = true;
			listed += Min(file.large_objects, PG_INT32_MAX);
		}
	}
	if (has_list && wanted < 0)
		return "the list of large objects has no end, and the contents do not say how many there are";
	if (has_list && listed < wanted)
		return psprintf("the contents name " INT64_FORMAT " large objects, and " INT64_FORMAT " are listed",
						wanted, listed);
	return NULL;
}

/*
 * That pg_restore has read an archive proves nothing where it does not notice
 * that the end is missing: of the files of a folder, and of a tar file, whose
 * last member it reads however early that ends (_tarReadRaw() of
 * src/bin/pg_dump/pg_backup_tar.c).
 */
static void
distrust_restore(Record *record)
{
	Archive    *archive = record->archive;
	const char *doubt;

	if (archive->complete != ARCHIVE_COMPLETE_NOT_PROVEN)
		return;
	if (archive->format == ARCHIVE_TAR)
		archive->complete_reason = "the end of the file was not seen, and pg_restore does not notice if it is missing";
	else if (archive->format == ARCHIVE_DIRECTORY && record->path != NULL)
		;						/* what we read ourselves has its reason */
	else if (archive->format == ARCHIVE_DIRECTORY &&
			 (doubt = find_doubt(record)) != NULL)
		archive->complete_reason = doubt;
	else
		return;
	record->evidence.restore_status = -1;
}

/* Read the file, if there is one. */
static void
read_archive(Record *record)
{
	ArchiveSource *source;

	if (record->path != NULL)
	{
		server_file_check_right("Send the bytes of the file instead: tools/upgrade-prereq-backup does.");
		source = archive_path(record->path);
	}
	else if (record->data == NULL)
		return;
	else
		source = archive_bytes(VARDATA_ANY(record->data),
							   VARSIZE_ANY_EXHDR(record->data),
							   record->tail ? VARDATA_ANY(record->tail) : NULL,
							   record->tail ? VARSIZE_ANY_EXHDR(record->tail) : 0,
							   record->size_bytes);
	record->archive = archive_read(source);
	if (record->files != NULL)
		check_files(record->archive, record->files);
	if (record->evidence.restore_status == 0)
		distrust_restore(record);
	record->evidence.archive = record->archive;
	source->close(source);
}

/* Can the client send more of the table of contents? */
static bool
needs_more(const Record *record)
{
	return record->data != NULL && record->archive->needs_bytes > 0 &&
		(record->size_bytes < 0 ||
		 record->size_bytes > (int64) VARSIZE_ANY_EXHDR(record->data));
}

/*
 * What a backup is called in the journal, where everybody sees it: of a path
 * the last part only.
 */
static char *
format_identity(const Evidence *evidence)
{
	const char *name = evidence->reference;
	size_t		end;
	size_t		begin;

	if (name == NULL)
		return psprintf("%s without a name", evidence->kind->title);
	for (end = strlen(name); end > 1 && name[end - 1] == '/'; end--)
		;
	for (begin = end; begin > 0 && name[begin - 1] != '/'; begin--)
		;
	if (begin == end)
		begin = 0;				/* the root itself */
	return psprintf("%s \"%.*s\"", evidence->kind->title,
					(int) (end - begin), name + begin);
}

/* The object of an entry of ours. */
static char *
format_object(const Evidence *evidence)
{
	StringInfoData object;

	initStringInfo(&object);
	appendStringInfo(&object, "{\"kind\": \"%s\", \"database_oid\": %u, \"reference\": ",
					 evidence->kind->name, MyDatabaseId);
	if (evidence->reference == NULL)
		appendStringInfoString(&object, "null");
	else
		escape_json(&object, evidence->reference);
	appendStringInfoChar(&object, '}');
	return object.data;
}

/* Put the evidence together; runs under guard_run(). */
static void
gather(void *argument)
{
	Record	   *record = argument;

	record->installation = installation_find(NULL);
	installation_require(record->installation);
	record->evidence.moment = moment_now(record->installation);
	record->backup.evidence = evidence_json(&record->evidence,
											record->installation);
}

/* Say what it proves; runs under guard_run(). */
static void
judge(void *argument)
{
	Record	   *record = argument;

	backup_judge(&record->backup, record->installation,
				 record->evidence.moment);
}

/* Take the place of the open record of the same backup, if there is one. */
static void
supersede(const JournalEntry *entry)
{
	JournalEntry *open = journal_find_open(entry->kind, entry->object);

	if (open != NULL)
		journal_close(open, JOURNAL_SUPERSEDED);
}

/*
 * Write the record into the journal; runs under attempt(), since somebody else
 * may be recording the same.
 */
static void
write_record(void *argument)
{
	Record	   *record = argument;
	JournalEntry entry = {0};

	entry.kind = BACKUP_KIND;
	entry.object_identity = record->backup.identity;
	entry.object = format_object(&record->evidence);
	entry.state_after = record->backup.evidence;
	entry.reason = record->reason;
	TIMESTAMP_NOEND(entry.expires_at);
	supersede(&entry);
	if (!journal_try_record(&entry))
	{
		/* somebody else's was committed while we waited for it */
		supersede(&entry);
		journal_record(&entry);
	}
	record->backup.journal_id = entry.id;
}

/* A count of bytes as text, NULL for none. */
static char *
bytes_text(int64 bytes)
{
	return bytes == 0 ? NULL : psprintf(INT64_FORMAT, bytes);
}

/*
 * upgrade_prereq_record_backup(path text, data bytea, kind text,
 *								reference text, taken_at timestamptz,
 *								size_bytes bigint, tail bytea,
 *								restore_status integer, files text,
 *								reason text)
 *
 * Records that there is a backup, and says how much that proves.  A record of
 * the same kind and reference takes the place of the one before.  Where data
 * is too short, nothing is recorded, and the result says how much is missing.
 *
 * All but kind may be null.  Errors: 22023 for an argument that is not
 * accepted; 42501 without the rights on the journal, or for path without
 * pg_read_server_files; those of reading a file; 25006 in a read-only
 * transaction; 55000 without an installation of OpenMetadata; 55P03 while
 * somebody else takes long to record the same, 40001 after he did if this
 * transaction is repeatable read; those of reading the migration history.
 */
Datum
upgrade_prereq_record_backup(PG_FUNCTION_ARGS)
{
	Record		record = {0};
	Backup	   *backup = &record.backup;
	const char *values[RECORD_COLUMNS] = {NULL};
	ErrorData  *error;
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	Assert(desc->natts == RECORD_COLUMNS);
	parse_arguments(fcinfo, &record);
	journal_require_write();
	(void) journal_undo_expired();
	read_archive(&record);
	backup->identity = format_identity(&record.evidence);

	if (record.archive != NULL && needs_more(&record))
	{
		values[2] = "Nothing is recorded: more bytes of the file are needed.";
		values[3] = "Call the function again with as many more bytes in data.";
	}
	else
	{
		pgstat_clear_snapshot();	/* the counters of now */
		guard_run_or_raise(gather, &record);
		error = attempt(write_record, &record);
		if (error != NULL)
			ReThrowError(error);
		guard_run_or_raise(judge, &record);
		values[0] = backup_level_name(backup->level);
		values[1] = backup->level == BACKUP_FRESH ? NULL :
			backup_level_name(backup->level + 1);
		values[2] = backup->missing;
		values[3] = backup->next_step;
		values[6] = psprintf(INT64_FORMAT, backup->journal_id);
	}
	if (record.archive != NULL)
	{
		values[4] = bytes_text(record.archive->needs_bytes);
		values[5] = bytes_text(record.archive->needs_tail_bytes);
	}
	values[7] = backup->identity;
	return HeapTupleGetDatum(BuildTupleFromCStrings(TupleDescGetAttInMetadata(desc),
													(char **) values));
}

/*
 * Forget a backup: the undo function of our entries.  It is the record that
 * was made, and nothing else.
 */
JournalOutcome
record_undo(const JournalEntry *entry pg_attribute_unused())
{
	return JOURNAL_UNDONE;
}
