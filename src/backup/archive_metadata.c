/*-------------------------------------------------------------------------
 *
 * archive_metadata.c
 *	  metadata.json of OpenMetadata's own backup, which says what is in the
 *	  other files of it.
 *
 * It is the last member of a tar file that is compressed with gzip; the others
 * are tables/NAME.json (OpenMetadata, DatabaseBackupRestore.java).  It comes as
 * a file of its own:
 *
 *	  {"timestamp": "2026-11-28T22:01:19.5Z", "version": "1.13.4",
 *	   "databaseType": "POSTGRES", "databaseName": "openmetadata_db",
 *	   "migrationVersions": [...],
 *	   "tables": {"NAME": {"columns": [...], "rowCount": 3, ...}, ...}}
 *
 * The server's parser of JSON wants the whole text, in the encoding of the
 * database, and raises errors.
 *
 * src/backup/archive_metadata.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

#define MAX_DEPTH 32
#define SPACE " \t\r\n"

typedef struct JsonReader
{
	Archive    *archive;
	ArchiveCursor *cursor;
	int			depth;
	bool		has_type;		/* the members that make it what it is */
	bool		has_tables;
} JsonReader;

/* Reads the value of a member of an object, which has to be read to its end. */
typedef void (*MemberReader) (JsonReader *reader, const char *key);

static void skip_value(JsonReader *reader);

static void
fail(JsonReader *reader)
{
	cursor_fail(reader->cursor, ARCHIVE_MALFORMED,
				psprintf("this is not JSON, at byte " INT64_FORMAT,
						 reader->cursor->position));
}

/* The next byte that is no white space, which is not taken; 0 if there is none. */
static char
peek(JsonReader *reader)
{
	const char *bytes;

	while (cursor_peek(reader->cursor, &bytes) > 0)
	{
		if (*bytes == '\0' || strchr(SPACE, *bytes) == NULL)
			return *bytes;
		reader->cursor->position++;
	}
	cursor_byte(reader->cursor);	/* says that there is none */
	return '\0';
}

/* Take the next sign if it is this one. */
static bool
take(JsonReader *reader, char sign)
{
	if (peek(reader) != sign || !cursor_ok(reader->cursor))
		return false;
	reader->cursor->position++;
	return true;
}

static void
expect(JsonReader *reader, char sign)
{
	if (!take(reader, sign))
		fail(reader);
}

/* Four hexadecimal digits. */
static uint32
read_unit(JsonReader *reader)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	uint32		value = 0;

	for (int i = 0; i < 4; i++)
	{
		char		byte = (char) cursor_byte(reader->cursor);
		const char *digit = byte == '\0' ? NULL : strchr(digits, byte);

		if (digit == NULL)
			fail(reader);
		else
			value = value << 4 | ((digit - digits) & 15);
	}
	return value;
}

/* What follows a \u, in UTF-8; how many bytes. */
static int
read_code_point(JsonReader *reader, char *bytes)
{
	uint32		code = read_unit(reader);

	if (code >= 0xD800 && code < 0xDC00)
	{
		uint32		low;

		if (cursor_byte(reader->cursor) != '\\' || cursor_byte(reader->cursor) != 'u')
			fail(reader);
		low = read_unit(reader);
		if (low < 0xDC00 || low > 0xDFFF)
			fail(reader);
		code = 0x10000 + ((code - 0xD800) << 10) + ((low - 0xDC00) & 0x3FF);
	}
	else if (code == 0 || (code >= 0xDC00 && code <= 0xDFFF))
		fail(reader);

	if (code < 0x80)
	{
		bytes[0] = (char) code;
		return 1;
	}
	if (code < 0x800)
	{
		bytes[0] = (char) (0xC0 | code >> 6);
		bytes[1] = (char) (0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000)
	{
		bytes[0] = (char) (0xE0 | code >> 12);
		bytes[1] = (char) (0x80 | (code >> 6 & 0x3F));
		bytes[2] = (char) (0x80 | (code & 0x3F));
		return 3;
	}
	bytes[0] = (char) (0xF0 | code >> 18);
	bytes[1] = (char) (0x80 | (code >> 12 & 0x3F));
	bytes[2] = (char) (0x80 | (code >> 6 & 0x3F));
	bytes[3] = (char) (0x80 | (code & 0x3F));
	return 4;
}

/* One character of a string, or what an escape stands for; how many bytes. */
static int
read_character(JsonReader *reader, char first, char *bytes)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *escape;

	bytes[0] = first;
	if (first != '\\')
	{
		if ((unsigned char) first < ' ')
			fail(reader);
		return 1;
	}
	first = (char) cursor_byte(reader->cursor);
	if (first == 'u')
		return read_code_point(reader, bytes);
	escape = first == '\0' ? NULL : strchr(escapes, first);
	if (escape == NULL)
		fail(reader);
	else
		bytes[0] = meanings[escape - escapes];
	return 1;
}

/* A string; NULL if there is none.  Of a long one only the beginning is kept. */
static char *
read_string(JsonReader *reader)
{
	size_t		room = 64;
	size_t		length = 0;
	char	   *string;

	expect(reader, '"');
	if (!cursor_ok(reader->cursor))
		return NULL;
	string = palloc(room);
	for (;;)
	{
		char		bytes[4] = {0};
		char		first = (char) cursor_byte(reader->cursor);
		int			count;

		if (first == '"' || !cursor_ok(reader->cursor))
			break;
		count = read_character(reader, first, bytes);
		if (length + count > ARCHIVE_MAX_STRING_BYTES)
			continue;
		if (length + count >= room)
			string = repalloc(string, room *= 2);
		memcpy(string + length, bytes, count);
		length += count;
	}
	if (!cursor_ok(reader->cursor))
	{
		pfree(string);
		return NULL;
	}
	string[length] = '\0';
	return string;
}

/* An object, each of whose members is given to a function. */
static void
read_object(JsonReader *reader, MemberReader member)
{
	expect(reader, '{');
	if (take(reader, '}'))
		return;
	do
	{
		char	   *key = read_string(reader);

		expect(reader, ':');
		if (!cursor_ok(reader->cursor))
			return;
		member(reader, key);
		pfree(key);
		if (reader->cursor->position > ARCHIVE_MAX_CONTENTS_BYTES)
			cursor_fail(reader->cursor, ARCHIVE_TOO_LARGE,
						"there is more JSON than is ever read");
	} while (take(reader, ','));
	expect(reader, '}');
}

static void
skip_member(JsonReader *reader, const char *key)
{
	(void) key;
	skip_value(reader);
}

static void
skip_array(JsonReader *reader)
{
	expect(reader, '[');
	if (take(reader, ']'))
		return;
	do
		skip_value(reader);
	while (take(reader, ','));
	expect(reader, ']');
}

/* A number, true, false or null, as text. */
static void
read_word(JsonReader *reader, char *word, size_t size)
{
	size_t		length = 0;
	const char *bytes;

	peek(reader);
	while (cursor_peek(reader->cursor, &bytes) > 0 && *bytes != '\0' &&
		   strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *bytes) != NULL)
	{
		if (length < size - 1)
			word[length] = *bytes;
		length++;
		reader->cursor->position++;
	}
	word[Min(length, size - 1)] = '\0';
	if (length == 0)
		fail(reader);
}

static void
skip_value(JsonReader *reader)
{
	char		sign = peek(reader);
	char		word[8];
	char	   *string;

	CHECK_FOR_INTERRUPTS();
	if (++reader->depth > MAX_DEPTH)
		cursor_fail(reader->cursor, ARCHIVE_MALFORMED, "the JSON is nested too deep");
	if (!cursor_ok(reader->cursor))
		return;
	if (sign == '{')
		read_object(reader, skip_member);
	else if (sign == '[')
		skip_array(reader);
	else if (sign == '"')
	{
		string = read_string(reader);
		if (string != NULL)
			pfree(string);
	}
	else
		read_word(reader, word, sizeof(word));
	reader->depth--;
}

/* The value of a member that should be a string; another one is passed over. */
static const char *
read_text(JsonReader *reader)
{
	if (peek(reader) == '"')
		return read_string(reader);
	skip_value(reader);
	return NULL;
}

/* 2026-11-28T22:01:19.5Z */
static void
set_time(Archive *archive, const char *text)
{
	if (text != NULL && (text = archive_parse_time(archive, text)) != NULL &&
		*text != '\0' && text[strlen(text) - 1] == 'Z')
		archive->created_zone = "UTC";
}

static void
read_table_member(JsonReader *reader, const char *key)
{
	ArchiveEntry *entry = &reader->archive->entries[reader->archive->entry_count - 1];
	char		word[24];

	if (strcmp(key, "rowCount") != 0 || peek(reader) == '"' || peek(reader) == '{' ||
		peek(reader) == '[')
	{
		skip_value(reader);
		return;
	}
	read_word(reader, word, sizeof(word));
	if (strspn(word, "0123456789") == strlen(word) && strlen(word) <= 18)
		entry->rows = strtoll(word, NULL, 10);
}

static void
read_table(JsonReader *reader, const char *key)
{
	ArchiveEntry *entry;

	if (peek(reader) != '{')
	{
		skip_value(reader);
		return;
	}
	if (reader->archive->entry_count >= ARCHIVE_MAX_ENTRIES)
	{
		cursor_fail(reader->cursor, ARCHIVE_TOO_LARGE,
					"there are more tables than are ever read");
		return;
	}
	entry = archive_add_entry(reader->archive);
	entry->tag = pstrdup(key);
	entry->description = "TABLE DATA";
	entry->has_dumper = true;
	entry->data_state = ARCHIVE_DATA_SOMEWHERE;
	read_object(reader, read_table_member);
}

static void
read_member(JsonReader *reader, const char *key)
{
	Archive    *archive = reader->archive;

	if (strcmp(key, "timestamp") == 0)
		set_time(archive, read_text(reader));
	else if (strcmp(key, "version") == 0)
		archive->openmetadata_version = read_text(reader);
	else if (strcmp(key, "databaseName") == 0)
		archive->database = read_text(reader);
	else if (strcmp(key, "databaseType") == 0)
	{
		archive->server_version = read_text(reader);
		reader->has_type = true;
	}
	else if (strcmp(key, "tables") == 0 && peek(reader) == '{')
	{
		reader->has_tables = true;
		read_object(reader, read_table);
	}
	else
		skip_value(reader);
}

/*
 * Read metadata.json.  Anything else that begins like JSON is no backup.
 */
void
archive_read_metadata(Archive *archive, ArchiveSource *source)
{
	JsonReader	reader = {archive, cursor_open(source, 0), 0, false, false};

	archive->format = ARCHIVE_OPENMETADATA;
	archive->encoding = "UTF8";
	read_object(&reader, read_member);
	if (cursor_ok(reader.cursor) && !(reader.has_type && reader.has_tables))
	{
		archive->format = ARCHIVE_UNKNOWN;
		cursor_fail(reader.cursor, ARCHIVE_CLOSED,
					"the file is JSON, but not OpenMetadata's metadata.json");
	}
	if (cursor_ok(reader.cursor))
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "metadata.json is written last, so OpenMetadata wrote every table; whether the file around it is whole cannot be seen");
	archive_set_problem(archive, reader.cursor);
	cursor_close(reader.cursor);
}
