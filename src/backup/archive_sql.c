/*-------------------------------------------------------------------------
 *
 * archive_sql.c
 *	  Dumps that are SQL, of pg_dump (plain) and pg_dumpall (cluster).
 *
 * Such a dump is read from its beginning as far as it was given, byte by byte,
 * in bounded memory.  Everything that says something stands in comments or in
 * statements of one line; but data and strings can hold the same lines, so
 * both have to be told apart from the rest.  (The lexer for scripts,
 * memory/script_lexer.h, wants the whole text in memory.)
 *
 * What the comments look like: RestoreArchive() and _printTocEntry() of
 * src/bin/pg_dump/pg_backup_archiver.c, main() of pg_dumpall.c.
 *
 * src/backup/archive_sql.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

/* How much of the end is looked at, if the middle was not given. */
#define TAIL_BYTES 4096

/* The longest line that means something: COPY, with 1600 columns. */
#define MAX_LINE_BYTES (256 * 1024)

#define FIRST_LINE "-- PostgreSQL database dump"
#define FIRST_LINE_CLUSTER "-- PostgreSQL database cluster dump"
#define LAST_LINE "-- PostgreSQL database dump complete"
#define LAST_LINE_CLUSTER "-- PostgreSQL database cluster dump complete"

#define MAX_TAG_BYTES 66		/* of a dollar quote, with its dollars */

/* What the next byte belongs to. */
typedef enum SqlState
{
	SQL_PLAIN,
	SQL_LINE_COMMENT,
	SQL_COMMENT,
	SQL_STRING,
	SQL_STRING_QUOTE,			/* behind a quote, which may be a doubled one */
	SQL_NAME,
	SQL_TAG,					/* perhaps the tag of a dollar quote */
	SQL_DOLLAR
} SqlState;

typedef struct SqlReader
{
	Archive    *archive;

	/* the lexer */
	SqlState	state;
	char		before;			/* the byte before, and the one before it; 0
								 * at */
	char		before_that;	/* the beginning of anything */
	bool		backslash;		/* has a meaning in any string */
	bool		escapes;		/* has one in this string */
	bool		skip;			/* the next byte is escaped */
	int			depth;			/* of comments in comments */
	char		tag[MAX_TAG_BYTES];
	int			tag_length;
	int			tag_matched;

	/* the line */
	char	   *line;			/* MAX_LINE_BYTES, with a zero byte */
	int64		length;			/* may be more */
	bool		starts_plain;	/* it began outside of all quotes */
	bool		in_copy;		/* it is a row */
	bool		copy_open;		/* a COPY statement has not ended */

	/* what came so far */
	int			entry;			/* that the next lines belong to, or -1 */
	bool		keeping;		/* its definition */
	char	   *definition;
	size_t		definition_length;
	unsigned int dump_id;		/* of the next entry; 0 if not said */
	Oid			catalog_oid;
	Oid			object_oid;
	const char *database;		/* within a cluster */
	bool		is_restricted;	/* \restrict, with this token */
	char		token[128];
	size_t		kept_bytes;		/* of text, in memory */
	bool		complete;		/* the last line was the last */
} SqlReader;

/* What follows a prefix; NULL if the text has another one. */
static const char *
after(const char *text, const char *prefix)
{
	size_t		length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static bool
ends_with(const char *text, size_t length, const char *suffix)
{
	size_t		suffix_length = strlen(suffix);

	return length >= suffix_length &&
		memcmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

/* ----- the lexer ----- */

static bool
is_name_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		(byte >= '0' && byte <= '9') || byte == '_' || (byte & 0x80) != 0;
}

static void
enter(SqlReader *reader, SqlState state)
{
	reader->state = state;
	reader->before = reader->before_that = '\0';
}

/* A byte that is in no quotes, and in no comment. */
static void
lex_plain(SqlReader *reader, char byte)
{
	char		before = reader->before;

	if (byte == '\'')
	{
		reader->escapes = reader->backslash ||
			((before == 'E' || before == 'e') && !is_name_byte(reader->before_that) &&
			 reader->before_that != '$');
		enter(reader, SQL_STRING);
	}
	else if (byte == '"')
		enter(reader, SQL_NAME);
	else if (byte == '-' && before == '-')
		enter(reader, SQL_LINE_COMMENT);
	else if (byte == '*' && before == '/')
	{
		reader->depth = 1;
		enter(reader, SQL_COMMENT);
	}
	else if (byte == '$' && !is_name_byte(before) && before != '$')
	{
		reader->tag[0] = '$';
		reader->tag_length = 1;
		reader->state = SQL_TAG;
	}
	else
	{
		reader->before_that = before;
		reader->before = byte;
	}
}

/* A byte that may be part of the tag of a dollar quote; false if it is not. */
static bool
lex_tag(SqlReader *reader, char byte)
{
	bool		is_digit = byte >= '0' && byte <= '9';

	if (reader->tag_length == MAX_TAG_BYTES ||
		(byte != '$' && !is_name_byte(byte)) ||
		(is_digit && reader->tag_length == 1))
	{
		enter(reader, SQL_PLAIN);
		reader->before = '$';
		return false;
	}
	reader->tag[reader->tag_length++] = byte;
	if (byte == '$')
	{
		reader->tag_matched = 0;
		reader->state = SQL_DOLLAR;
	}
	return true;
}

static void
lex_dollar(SqlReader *reader, char byte)
{
	/* a dollar is only at both ends of a tag, so no other restart is possible */
	if (byte == reader->tag[reader->tag_matched])
		reader->tag_matched++;
	else
		reader->tag_matched = byte == '$' ? 1 : 0;
	if (reader->tag_matched == reader->tag_length)
		enter(reader, SQL_PLAIN);
}

static void
lex_comment(SqlReader *reader, char byte)
{
	if (byte == '*' && reader->before == '/')
		reader->depth++;
	else if (byte == '/' && reader->before == '*')
		reader->depth--;
	else
	{
		reader->before = byte;
		return;
	}
	reader->before = '\0';
	if (reader->depth == 0)
		enter(reader, SQL_PLAIN);
}

static void
lex_string(SqlReader *reader, char byte)
{
	if (reader->skip)
		reader->skip = false;
	else if (byte == '\\' && reader->escapes)
		reader->skip = true;
	else if (byte == '\'')
		reader->state = SQL_STRING_QUOTE;
}

static void
lex_byte(SqlReader *reader, char byte)
{
	if (reader->state == SQL_STRING_QUOTE)
	{
		if (byte == '\'')
		{
			reader->state = SQL_STRING;
			return;
		}
		enter(reader, SQL_PLAIN);
	}
	if (reader->state == SQL_TAG && lex_tag(reader, byte))
		return;

	switch (reader->state)
	{
		case SQL_PLAIN:
			lex_plain(reader, byte);
			break;
		case SQL_LINE_COMMENT:
			if (byte == '\n')
				enter(reader, SQL_PLAIN);
			break;
		case SQL_COMMENT:
			lex_comment(reader, byte);
			break;
		case SQL_STRING:
			lex_string(reader, byte);
			break;
		case SQL_NAME:
			if (byte == '"')
				enter(reader, SQL_PLAIN);
			break;
		case SQL_DOLLAR:
			lex_dollar(reader, byte);
			break;
		case SQL_STRING_QUOTE:
		case SQL_TAG:
			break;				/* dealt with above */
	}
}

/* ----- lines that say something ----- */

/* A number that fits into an OID, and what follows it; 0 if there is none. */
static Oid
take_number(const char **text)
{
	size_t		length = strspn(*text, "0123456789");
	Oid			number = archive_parse_oid(*text, length);

	*text += length;
	return number;
}

/* -- TOC entry 215 (class 1259 OID 16385), of pg_dump --verbose */
static void
read_entry_number(SqlReader *reader, const char *text)
{
	reader->dump_id = take_number(&text);
	if (reader->dump_id > PG_INT32_MAX)
		reader->dump_id = 0;
	if ((text = after(text, " (class ")) == NULL)
		return;
	reader->catalog_oid = take_number(&text);
	if ((text = after(text, " OID ")) != NULL)
		reader->object_oid = take_number(&text);
}

/* A copy of a field; NULL for "-", which stands for none. */
static char *
copy_field(const char *begin, const char *end)
{
	if (end - begin == 1 && *begin == '-')
		return NULL;
	return pnstrdup(begin, Min(end - begin, ARCHIVE_MAX_STRING_BYTES));
}

/*
 * May so many bytes, and an entry, be kept?  Where there is no room any more,
 * the dump is not read as a whole, and that is said.
 */
static bool
has_room(SqlReader *reader, size_t bytes)
{
	Archive    *archive = reader->archive;

	reader->kept_bytes += bytes;
	if (archive->entry_count < ARCHIVE_MAX_ENTRIES &&
		reader->kept_bytes < ARCHIVE_MAX_CONTENTS_BYTES)
		return true;
	reader->keeping = false;
	if (archive->state == ARCHIVE_TOO_LARGE)
		return false;
	archive->state = ARCHIVE_TOO_LARGE;
	archive->problem = psprintf("there are more than %d entries or %d MB of contents, the rest is not listed",
								ARCHIVE_MAX_ENTRIES, ARCHIVE_MAX_CONTENTS_BYTES / (1024 * 1024));
	return false;
}

/*
 * -- Name: n; Type: t; Schema: s; Owner: o [; Tablespace: x], behind "Name: ".
 * A name can hold any of this, too; then the last "; Type: " counts.
 */
static void
read_entry(SqlReader *reader, const char *text, bool is_data)
{
	Archive    *archive = reader->archive;
	ArchiveEntry *entry;
	const char *type = NULL;
	const char *schema;
	const char *owner;
	const char *end;

	for (const char *at = text; (at = strstr(at, "; Type: ")) != NULL; at++)
		type = at;
	schema = type == NULL ? NULL : strstr(type, "; Schema: ");
	owner = schema == NULL ? NULL : strstr(schema, "; Owner: ");
	if (owner == NULL || !has_room(reader, strlen(text)))
		return;
	end = strstr(owner, "; Tablespace: ");
	if (end == NULL)
		end = owner + strlen(owner);

	entry = archive_add_entry(archive);
	reader->entry = archive->entry_count - 1;
	entry->dump_id = (int) reader->dump_id;
	entry->catalog_oid = reader->catalog_oid;
	entry->object_oid = reader->object_oid;
	entry->tag = pnstrdup(text, Min(type - text, ARCHIVE_MAX_STRING_BYTES));
	entry->description = pnstrdup(type + 8, Min(schema - type - 8, ARCHIVE_MAX_STRING_BYTES));
	entry->schema = copy_field(schema + 10, owner);
	entry->owner = copy_field(owner + 9, end);
	entry->database = reader->database;
	if (strcmp(entry->description, "TABLE") == 0)
		entry->relkind = 'r';
	if (is_data)
	{
		entry->has_dumper = true;
		entry->data_state = ARCHIVE_DATA_SOMEWHERE;
	}
	if (archive->format == ARCHIVE_PLAIN && strcmp(entry->description, "DATABASE") == 0)
	{
		archive->database = entry->tag;
		archive->database_oid = entry->object_oid;
	}
	reader->keeping = archive_keeps_definition(entry->description);
	reader->definition_length = 0;
	reader->dump_id = 0;
	reader->catalog_oid = reader->object_oid = 0;
}

/* -- Started on 2026-11-28 22:01:19 UTC, of pg_dump --verbose */
static void
read_time(Archive *archive, const char *text)
{
	if (archive->created == NULL &&
		(text = archive_parse_time(archive, text)) != NULL &&
		*text == ' ' && strlen(text) < 100)
		archive->created_zone = pstrdup(text + 1);
}

/* A short copy of the rest of a line, once. */
static void
keep_text(const char **field, const char *text)
{
	if (*field == NULL && *text != '\0')
		*field = pnstrdup(text, Min(strlen(text), 200));
}

static void
read_comment(SqlReader *reader, const char *line)
{
	Archive    *archive = reader->archive;
	const char *rest;

	if ((rest = after(line, "-- Name: ")) != NULL)
		read_entry(reader, rest, false);
	else if ((rest = after(line, "-- Data for Name: ")) != NULL)
		read_entry(reader, rest, true);
	else if ((rest = after(line, "-- Statistics for Name: ")) != NULL)
		read_entry(reader, rest, false);
	else if ((rest = after(line, "-- TOC entry ")) != NULL)
		read_entry_number(reader, rest);
	else if ((rest = after(line, "-- Dumped from database version ")) != NULL)
		keep_text(&archive->server_version, rest);
	else if ((rest = after(line, "-- Dumped by pg_dump version ")) != NULL)
		keep_text(&archive->dump_version, rest);
	else if ((rest = after(line, "-- Started on ")) != NULL)
		read_time(archive, rest);
}

/*
 * \restrict and \unrestrict, which put the dump between a random token, and
 * \connect.
 */
static void
read_command(SqlReader *reader, const char *line)
{
	const char *token;

	if ((token = after(line, "\\restrict ")) != NULL)
	{
		reader->is_restricted = true;
		strlcpy(reader->token, token, sizeof(reader->token));
	}
	else if ((token = after(line, "\\unrestrict ")) != NULL &&
			 strcmp(token, reader->token) == 0)
		reader->is_restricted = false;
	else if ((token = after(line, "\\connect ")) != NULL &&
			 reader->archive->format == ARCHIVE_CLUSTER && has_room(reader, strlen(token)))
		reader->database = archive_parse_connect(token);
}

/*
 * Collect the statement of an entry whose definition is kept, up to the next
 * comment or psql command.
 */
static void
keep_line(SqlReader *reader, size_t length, bool is_end)
{
	ArchiveEntry *entry = &reader->archive->entries[reader->entry];
	size_t		room = ARCHIVE_MAX_STRING_BYTES - reader->definition_length;

	if (entry->relkind != '\0')
	{
		/* of a table, all that matters is whether it has rows */
		if (reader->starts_plain && after(reader->line, "PARTITION BY ") != NULL)
			entry->relkind = 'p';
		return;
	}
	if (!is_end && (length > 0 || reader->definition_length > 0) && room > 0)
	{
		length = Min(length, room - 1);
		memcpy(reader->definition + reader->definition_length, reader->line, length);
		reader->definition_length += length;
		reader->definition[reader->definition_length++] = '\n';
	}
	if (is_end && reader->definition_length > 0)
	{
		size_t		end = reader->definition_length;

		while (end > 0 && reader->definition[end - 1] == '\n')
			end--;
		reader->keeping = false;
		if (has_room(reader, end))
			entry->definition = pnstrdup(reader->definition, end);
	}
}

/* Does what has been read end the dump?  Blank lines may follow. */
static void
note_end(SqlReader *reader, const char *line)
{
	const char *last = reader->archive->format == ARCHIVE_CLUSTER ?
		LAST_LINE_CLUSTER : LAST_LINE;

	if (reader->starts_plain && strcmp(line, last) == 0)
		reader->complete = true;
	else if (line[0] != '\0' && strcmp(line, "--") != 0 &&
			 after(line, "\\unrestrict ") == NULL)
		reader->complete = false;
}

/* A line outside of COPY data has ended; it is that of a statement. */
static void
read_statement_line(SqlReader *reader, const char *line, size_t length)
{
	Archive    *archive = reader->archive;
	bool		ends_plain = reader->state == SQL_PLAIN;

	if (reader->starts_plain)
	{
		if (after(line, "COPY ") != NULL)
			reader->copy_open = true;
		else if (after(line, "SET client_encoding = ") != NULL && archive->encoding == NULL)
			archive_set_encoding(archive, line);
		else if (strcmp(line, "SET standard_conforming_strings = off;") == 0)
			reader->backslash = true;
		else if (strcmp(line, "SET row_security = on;") == 0)
			archive->row_security = true;
	}
	if (!reader->copy_open || !ends_plain || !ends_with(line, length, ";"))
		return;
	reader->copy_open = false;
	if (!ends_with(line, length, " FROM stdin;"))
		return;
	reader->in_copy = true;
	if (reader->entry >= 0 && archive->entries[reader->entry].has_dumper)
	{
		archive->entries[reader->entry].with_copy = true;
		archive->entries[reader->entry].rows = 0;
	}
}

/* A row of COPY, or its end. */
static void
read_row(SqlReader *reader, const char *line)
{
	ArchiveEntry *entry = reader->entry < 0 ? NULL :
		&reader->archive->entries[reader->entry];

	if (strcmp(line, "\\.") == 0)
		reader->in_copy = false;
	else if (entry != NULL && entry->rows >= 0)
		entry->rows++;
}

/* A line has ended. */
static void
end_line(SqlReader *reader)
{
	size_t		length = (size_t) Min(reader->length, MAX_LINE_BYTES - 1);
	char	   *line = reader->line;
	bool		is_comment;
	bool		is_command;

	/* zero bytes, which no dump has, end the line here */
	if (length > 0 && line[length - 1] == '\r')
		length--;
	line[length] = '\0';
	is_comment = reader->starts_plain && after(line, "--") != NULL;
	is_command = reader->starts_plain && line[0] == '\\';

	note_end(reader, line);
	if (reader->in_copy)
		read_row(reader, line);
	else
	{
		if (reader->keeping)
			keep_line(reader, length, is_comment || is_command);
		if (is_comment)
			read_comment(reader, line);
		else if (is_command)
			read_command(reader, line);
		else
			read_statement_line(reader, line, length);
	}
	reader->length = 0;
	reader->starts_plain = reader->state == SQL_PLAIN && !reader->in_copy;
}

/* Bytes of a line, or all of it. */
static void
add_to_line(SqlReader *reader, const char *bytes, size_t count)
{
	if (reader->length < MAX_LINE_BYTES - 1)
		memcpy(reader->line + reader->length, bytes,
			   Min(count, (size_t) (MAX_LINE_BYTES - 1 - reader->length)));
	reader->length += count;

	/* in a command of psql, quotes mean something else */
	if (reader->in_copy || (reader->starts_plain && reader->line[0] == '\\'))
		return;
	for (size_t i = 0; i < count; i++)
		lex_byte(reader, bytes[i]);
}

static void
read_lines(SqlReader *reader, ArchiveCursor *cursor)
{
	const char *bytes;
	size_t		count;

	while ((count = cursor_peek(cursor, &bytes)) > 0)
	{
		const char *newline = memchr(bytes, '\n', count);
		size_t		length = newline == NULL ? count : (size_t) (newline - bytes);

		if (length > 0)
			add_to_line(reader, bytes, length);
		if (newline != NULL)
		{
			if (!reader->in_copy)
				lex_byte(reader, '\n');
			end_line(reader);
			length++;
		}
		cursor->position += length;
	}
	if (reader->length > 0)
		end_line(reader);
	if (reader->keeping && reader->entry >= 0)
		keep_line(reader, 0, true);
}

/* ----- the end ----- */

/* Take a suffix off a text; false if it has another one. */
static bool
cut(const char *text, size_t *length, const char *suffix)
{
	while (*length > 0 && text[*length - 1] == '\n')
		(*length)--;
	if (!ends_with(text, *length, suffix))
		return false;
	*length -= strlen(suffix);
	return true;
}

/*
 * Are the last lines those that pg_dump ends with?  False also if they were
 * not given.
 */
static bool
tail_is_complete(SqlReader *reader, ArchiveSource *source)
{
	char		tail[TAIL_BYTES];
	size_t		read = 0;
	size_t		length = 0;

	for (size_t size = sizeof(tail); size >= 128 && read == 0; size /= 2)
		read = source_tail(source, tail, size);
	for (size_t i = 0; i < read; i++)
	{
		if (tail[i] != '\r')
			tail[length++] = tail[i];
	}
	if (reader->is_restricted &&
		!cut(tail, &length, psprintf("\n\\unrestrict %s", reader->token)))
		return false;
	return cut(tail, &length, "\n--") &&
		cut(tail, &length, reader->archive->format == ARCHIVE_CLUSTER ?
			"\n" LAST_LINE_CLUSTER : "\n" LAST_LINE) &&
		cut(tail, &length, "\n--");
}

/* Everything was read. */
static void
set_end(SqlReader *reader, bool size_known)
{
	Archive    *archive = reader->archive;

	if (reader->complete && reader->state == SQL_PLAIN && !reader->in_copy &&
		!reader->is_restricted)
		archive_set_complete(archive, ARCHIVE_COMPLETE_YES,
							 "read from the first line to the last, which is that of a complete dump");
	else if (size_known)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 reader->in_copy ? "the file ends within the data of a table" :
							 "the file does not end with the last line of a complete dump");
	else
	{
		archive->state = ARCHIVE_ENDS_EARLY;
		archive->problem = "the bytes that were given do not end as a dump does";
		archive->needs_bytes = 1;
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "the bytes that were given do not end as a dump does, and the size of the file is not known");
	}
}

/* Only the beginning was read, up to an offset. */
static void
set_gap(SqlReader *reader, ArchiveSource *source, int64 offset)
{
	Archive    *archive = reader->archive;

	if (archive->state == ARCHIVE_READ)
		archive->state = ARCHIVE_ENDS_EARLY;
	archive->problem = psprintf("only the first " INT64_FORMAT " bytes were given: what comes later is not listed",
								offset);
	archive->needs_bytes = source->size - offset;
	if (tail_is_complete(reader, source))
		archive_set_complete(archive, ARCHIVE_COMPLETE_YES,
							 reader->is_restricted ?
							 "the last lines are those of a complete dump, with the same random token as the first; those between were not read" :
							 "the last lines are those of a complete dump; those between were not read");
	else
	{
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "the end of the file was not given, or does not show that the dump is complete");
		archive->needs_tail_bytes = Min(source->size, TAIL_BYTES);
	}
}

/* Is it a dump in SQL, and which? */
bool
archive_is_sql(ArchiveSource *source, ArchiveFormat *format)
{
	char	   *head = palloc(ARCHIVE_HEAD_BYTES + 1);
	size_t		length = source->read(source, 0, head, ARCHIVE_HEAD_BYTES);
	bool		found = false;

	head[length] = '\0';
	for (char *line = head; line != NULL && !found; line = strchr(line, '\n'))
	{
		size_t		line_length;

		line += *line == '\n';
		line_length = strcspn(line, "\r\n");
		found = true;
		if (line_length == strlen(FIRST_LINE) && after(line, FIRST_LINE) != NULL)
			*format = ARCHIVE_PLAIN;
		else if (line_length == strlen(FIRST_LINE_CLUSTER) &&
				 after(line, FIRST_LINE_CLUSTER) != NULL)
			*format = ARCHIVE_CLUSTER;
		else
			found = false;
	}
	pfree(head);
	return found;
}

/* Read a dump in SQL. */
void
archive_read_sql(Archive *archive, ArchiveSource *source)
{
	ArchiveCursor *cursor = cursor_open(source, 0);
	SqlReader	reader = {.archive = archive,.starts_plain = true,.entry = -1};

	reader.line = palloc(MAX_LINE_BYTES);
	reader.definition = palloc(ARCHIVE_MAX_STRING_BYTES);
	read_lines(&reader, cursor);
	if (source->size < 0 || cursor->position == source->size)
		set_end(&reader, source->size >= 0);
	else
		set_gap(&reader, source, cursor->position);

	/* the data of each are in the file itself, and SQL is not compressed */
	archive->compression = "none";
	pfree(reader.line);
	pfree(reader.definition);
	cursor_close(cursor);
}
