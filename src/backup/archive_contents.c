/*-------------------------------------------------------------------------
 *
 * archive_contents.c
 *	  Header and table of contents of pg_dump's archives, versions 1.12 to
 *	  1.16: how a custom file begins, and what toc.dat is in the other two
 *	  formats.
 *
 * Layout: WriteHead(), WriteToc() and ReadToc() of
 * src/bin/pg_dump/pg_backup_archiver.c, _WriteExtraToc() of pg_backup_custom.c,
 * pg_backup_directory.c and pg_backup_tar.c.
 *
 * src/backup/archive_contents.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

/* The minor versions that are known, of major version 1. */
#define OLDEST_VERSION 12		/* pg_dump 9.0 */
#define NEWEST_VERSION 16		/* pg_dump 17 and 18 */

/* From which minor version on something is there. */
#define HAS_ACCESS_METHOD 14
#define HAS_ALGORITHM 15
#define HAS_RELKIND 16

/* The format byte; a folder's toc.dat says tar as well. */
#define FORMAT_CUSTOM 1
#define FORMAT_TAR 3

/* The state of an Off. */
#define OFFSET_NOT_SET 1
#define OFFSET_SET 2
#define OFFSET_NO_DATA 3

/* An OID, which is text; 0 if it is none. */
static Oid
read_oid(ArchiveCursor *cursor)
{
	char	   *text = cursor_string(cursor);
	Oid			oid = text == NULL ? 0 : archive_parse_oid(text, strlen(text));

	if (text != NULL)
		pfree(text);
	return oid;
}

/* How the data are compressed. */
static const char *
read_compression(ArchiveCursor *cursor, int minor)
{
	static const char *const algorithms[] = {"none", "gzip", "lz4", "zstd"};

	if (minor >= HAS_ALGORITHM)
	{
		int			algorithm = cursor_byte(cursor);

		if (algorithm < (int) lengthof(algorithms))
			return algorithms[algorithm];
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("there is no compression method %d", algorithm));
		return NULL;
	}
	return cursor_int(cursor) == 0 ? "none" : "gzip";
}

/* When pg_dump began, by the clock of its machine: a struct tm. */
static void
read_time(Archive *archive, ArchiveCursor *cursor)
{
	int			second = cursor_int(cursor);
	int			minute = cursor_int(cursor);
	int			hour = cursor_int(cursor);
	int			day = cursor_int(cursor);
	int			month = cursor_int(cursor);
	int			year = cursor_int(cursor);

	(void) cursor_int(cursor);	/* daylight saving time */
	if (cursor_ok(cursor) && month >= 0 && month < 12 && year >= 0 && year < 10000)
		archive_set_time(archive, year + 1900, month + 1, day, hour, minute, second);
}

/* The magic bytes and versions; false if nothing behind them can be read. */
static bool
read_version(Archive *archive, ArchiveCursor *cursor)
{
	char		magic[5];

	cursor_read(cursor, magic, sizeof(magic));
	for (int i = 0; i < 3; i++)
		archive->version[i] = cursor_byte(cursor);
	if (!cursor_ok(cursor))
		return false;
	if (memcmp(magic, "PGDMP", sizeof(magic)) != 0)
		cursor_fail(cursor, ARCHIVE_MALFORMED, "the contents do not begin with \"PGDMP\"");
	else if (archive->version[0] > 1 || archive->version[1] > NEWEST_VERSION)
		cursor_fail(cursor, ARCHIVE_NEWER,
					psprintf("archive version %d.%d is newer than the newest known, 1.%d",
							 archive->version[0], archive->version[1], NEWEST_VERSION));
	else if (archive->version[0] < 1 || archive->version[1] < OLDEST_VERSION)
		cursor_fail(cursor, ARCHIVE_OLDER,
					psprintf("archive version %d.%d is older than the oldest known, 1.%d",
							 archive->version[0], archive->version[1], OLDEST_VERSION));
	return cursor_ok(cursor);
}

/* Sizes of numbers, and the format. */
static void
read_sizes(Archive *archive, ArchiveCursor *cursor)
{
	int			format;

	cursor->int_size = cursor_byte(cursor);
	cursor->offset_size = cursor_byte(cursor);
	format = cursor_byte(cursor);
	if (!cursor_ok(cursor))
		return;

	if (cursor->int_size < 1 || cursor->int_size > 8 ||
		cursor->offset_size < 1 || cursor->offset_size > 8)
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("numbers have %d and offsets %d bytes",
							 cursor->int_size, cursor->offset_size));
	else if (format != (archive->format == ARCHIVE_CUSTOM ? FORMAT_CUSTOM : FORMAT_TAR))
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("the contents say that this is format %d", format));
}

/* Where the data of an entry are. */
static void
read_data_place(const Archive *archive, ArchiveCursor *cursor, ArchiveEntry *entry)
{
	int			state;

	if (archive->format != ARCHIVE_CUSTOM)
	{
		char	   *name = cursor_string(cursor);

		entry->file_name = name != NULL && *name != '\0' ? name : NULL;
		entry->data_state = entry->file_name != NULL ? ARCHIVE_DATA_AT :
			ARCHIVE_DATA_NONE;
		return;
	}

	state = cursor_byte(cursor);
	entry->data_position = cursor_little_endian(cursor, cursor->offset_size);
	if (state == OFFSET_SET)
		entry->data_state = ARCHIVE_DATA_AT;
	else if (state == OFFSET_NO_DATA)
		entry->data_state = ARCHIVE_DATA_NONE;
	else if (state == OFFSET_NOT_SET)
		entry->data_state = ARCHIVE_DATA_SOMEWHERE;
	else
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("the position of entry %d has state %d",
							 entry->dump_id, state));
	if (state != OFFSET_SET)
		entry->data_position = 0;
}

/* One entry; the cursor says whether it was read. */
static void
read_entry(const Archive *archive, ArchiveCursor *cursor, ArchiveEntry *entry)
{
	int			minor = archive->version[1];
	char	   *definition = NULL;

	entry->dump_id = cursor_int(cursor);
	entry->has_dumper = cursor_int(cursor) != 0;
	entry->catalog_oid = read_oid(cursor);
	entry->object_oid = read_oid(cursor);
	entry->tag = cursor_string(cursor);
	entry->description = cursor_string(cursor);
	entry->section = cursor_int(cursor);
	if (!cursor_ok(cursor))
		return;
	if (entry->dump_id <= 0 || entry->tag == NULL || entry->description == NULL ||
		entry->section < 0 || entry->section > 4)
	{
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("there is no entry before byte " INT64_FORMAT,
							 cursor->position));
		return;
	}

	if (archive_keeps_definition(entry->description))
		definition = cursor_string(cursor);
	else
		cursor_skip_string(cursor);
	cursor_skip_string(cursor); /* DROP statement */
	entry->with_copy = cursor_skip_string(cursor);
	entry->schema = cursor_string(cursor);
	cursor_skip_string(cursor); /* tablespace */
	if (minor >= HAS_ACCESS_METHOD)
		cursor_skip_string(cursor);
	if (minor >= HAS_RELKIND)
	{
		int			relkind = cursor_int(cursor);

		entry->relkind = relkind > ' ' && relkind <= '~' ? (char) relkind : '\0';
	}
	entry->owner = cursor_string(cursor);
	cursor_skip_string(cursor); /* WITH OIDS */

	while (cursor_skip_string(cursor))	/* dependencies */
		;

	if (definition != NULL)
		archive_set_definition(entry, definition);
	read_data_place(archive, cursor, entry);
}

/* What the archive says of itself in its entries. */
static void
use_entry(Archive *archive, const ArchiveEntry *entry)
{
	if (strcmp(entry->description, "DATABASE") == 0)
		archive->database_oid = entry->object_oid;
	else if (strcmp(entry->description, "ENCODING") == 0 && entry->definition != NULL)
		archive_set_encoding(archive, entry->definition);
}

static void
read_entries(Archive *archive, ArchiveCursor *cursor, int64 start)
{
	int			count = cursor_int(cursor);

	if (count < 0)
		cursor_fail(cursor, ARCHIVE_MALFORMED, psprintf("there are %d entries", count));
	if (!cursor_ok(cursor))
		return;
	archive->entries_claimed = count;

	for (int i = 0; i < count; i++)
	{
		ArchiveEntry entry = {.rows = -1};

		CHECK_FOR_INTERRUPTS();
		if (i >= ARCHIVE_MAX_ENTRIES ||
			cursor->position - start > ARCHIVE_MAX_CONTENTS_BYTES)
		{
			cursor_fail(cursor, ARCHIVE_TOO_LARGE,
						psprintf("there are more than %d entries or %d MB of contents, the rest is not read",
								 ARCHIVE_MAX_ENTRIES, ARCHIVE_MAX_CONTENTS_BYTES / (1024 * 1024)));
			return;
		}
		read_entry(archive, cursor, &entry);
		if (!cursor_ok(cursor))
			return;
		*archive_add_entry(archive) = entry;
		use_entry(archive, &entry);
	}
}

/*
 * Read header and entries into archive, whose format is given: custom, tar, or
 * directory.  Returns where they end, or -1 if that is not known.
 */
int64
archive_read_contents(Archive *archive, ArchiveSource *source)
{
	ArchiveCursor *cursor = cursor_open(source, 0);
	int64		end = -1;

	if (read_version(archive, cursor))
		read_sizes(archive, cursor);
	if (cursor_ok(cursor))
	{
		archive->compression = read_compression(cursor, archive->version[1]);
		read_time(archive, cursor);
		archive->database = cursor_string(cursor);
		archive->server_version = cursor_string(cursor);
		archive->dump_version = cursor_string(cursor);
		read_entries(archive, cursor, 0);
	}
	if (cursor_ok(cursor))
		end = cursor->position;
	archive_set_problem(archive, cursor);
	cursor_close(cursor);
	return end;
}
