/*-------------------------------------------------------------------------
 *
 * archive.c
 *	  Which kind of backup a file is, and what the readers put together.
 *
 * src/backup/archive.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

const char *
archive_format_name(ArchiveFormat format)
{
	static const char *const names[] = {
		[ARCHIVE_UNKNOWN] = "unknown",
		[ARCHIVE_CUSTOM] = "custom",
		[ARCHIVE_DIRECTORY] = "directory",
		[ARCHIVE_TAR] = "tar",
		[ARCHIVE_PLAIN] = "plain",
		[ARCHIVE_CLUSTER] = "cluster",
		[ARCHIVE_OPENMETADATA] = "openmetadata",
		[ARCHIVE_GZIP] = "gzip",
		[ARCHIVE_LZ4] = "lz4",
		[ARCHIVE_ZSTD] = "zstd"
	};

	return names[format];
}

const char *
archive_state_name(ArchiveState state)
{
	static const char *const names[] = {
		[ARCHIVE_READ] = "read",
		[ARCHIVE_ENDS_EARLY] = "ends early",
		[ARCHIVE_MALFORMED] = "malformed",
		[ARCHIVE_NEWER] = "newer than known",
		[ARCHIVE_OLDER] = "older than known",
		[ARCHIVE_TOO_LARGE] = "too large",
		[ARCHIVE_CLOSED] = "closed"
	};

	return names[state];
}

const char *
archive_complete_name(ArchiveComplete complete)
{
	static const char *const names[] = {
		[ARCHIVE_COMPLETE_YES] = "yes",
		[ARCHIVE_COMPLETE_NO] = "no",
		[ARCHIVE_COMPLETE_NOT_PROVEN] = "not proven"
	};

	return names[complete];
}

/* ----- for the readers ----- */

/* A new entry at the end; valid until the next is added. */
ArchiveEntry *
archive_add_entry(Archive *archive)
{
	ArchiveEntry *entry;
	int			count = archive->entry_count;

	/* as many as a power of two is: the array is full */
	if (count == 0)
		archive->entries = palloc(sizeof(ArchiveEntry));
	else if ((count & (count - 1)) == 0)
		archive->entries = repalloc(archive->entries,
									sizeof(ArchiveEntry) * 2 * (size_t) count);
	entry = &archive->entries[archive->entry_count++];
	memset(entry, 0, sizeof(ArchiveEntry));
	entry->rows = -1;
	return entry;
}

/* Take over what went wrong while reading, if anything did. */
void
archive_set_problem(Archive *archive, const ArchiveCursor *cursor)
{
	if (archive->state != ARCHIVE_READ)
		return;
	archive->state = cursor->state;
	archive->problem = cursor->problem;
	archive->needs_bytes = cursor->needs_bytes;
}

void
archive_set_complete(Archive *archive, ArchiveComplete complete, const char *reason)
{
	archive->complete = complete;
	archive->complete_reason = reason;
}

/* Is the definition of such an entry wanted? */
bool
archive_keeps_definition(const char *description)
{
	static const char *const kept[] = {
		"BLOB METADATA", "COMMENT", "DATABASE", "DATABASE PROPERTIES",
		"ENCODING", "EXTENSION", "TABLE"
	};

	for (size_t i = 0; i < lengthof(kept); i++)
	{
		if (strcmp(description, kept[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Does a CREATE TABLE end in PARTITION BY?  Such a table has no data.  Its last
 * line says so; that of any other ends with a parenthesis or an option.
 */
static bool
is_partitioned(const char *definition)
{
	size_t		length = strlen(definition);

	while (length > 0 && definition[length - 1] == '\n')
		length--;
	while (length > 0 && definition[length - 1] != '\n')
		length--;
	return strncmp(definition + length, "PARTITION BY ", 13) == 0;
}

/*
 * Keep the definition of an entry; that of a table only for what relkind says,
 * which the contents do not have before 1.16.
 */
void
archive_set_definition(ArchiveEntry *entry, char *definition)
{
	if (strcmp(entry->description, "TABLE") != 0)
	{
		entry->definition = definition;
		return;
	}
	if (entry->relkind == '\0')
		entry->relkind = is_partitioned(definition) ? 'p' : 'r';
	pfree(definition);
}

/*
 * When the dump was begun, with the month from 1 on; what is no time is left
 * out.
 */
void
archive_set_time(Archive *archive, int year, int month, int day,
				 int hour, int minute, int second)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year >= 1900 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
		day <= days[month - 1] + (month == 2 && leap) && hour >= 0 && hour <= 23 &&
		minute >= 0 && minute <= 59 && second >= 0 && second <= 60)
		archive->created = psprintf("%04d-%02d-%02d %02d:%02d:%02d",
									year, month, day, hour, minute, second);
}

/*
 * The same from text, 2026-11-28 22:01:19, with any sign between date and time.
 * Returns what follows, or NULL if there is no time.
 */
const char *
archive_parse_time(Archive *archive, const char *text)
{
	static const char pattern[] = "0000-00-00?00:00:00";
	int			fields[6] = {0};
	int			field = 0;

	for (const char *at = pattern; *at != '\0'; at++, text++)
	{
		if (*at == '0' && *text >= '0' && *text <= '9')
			fields[field] = fields[field] * 10 + (*text - '0');
		else if (*at == *text || (*at == '?' && *text != '\0'))
			field++;
		else
			return NULL;
	}
	archive_set_time(archive, fields[0], fields[1], fields[2],
					 fields[3], fields[4], fields[5]);
	return archive->created == NULL ? NULL : text;
}

/* Text that is all digits, as an OID; 0 if it is not. */
Oid
archive_parse_oid(const char *text, size_t length)
{
	uint64		value = 0;

	for (size_t i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (text[i] - '0');
		if (value > PG_UINT32_MAX)
			return 0;
	}
	return (Oid) value;
}

/* The encoding, from a statement SET client_encoding = '...'; */
void
archive_set_encoding(Archive *archive, const char *statement)
{
	const char *begin = strchr(statement, '\'');
	const char *end = begin == NULL ? NULL : strchr(begin + 1, '\'');

	if (end != NULL)
		archive->encoding = pnstrdup(begin + 1, end - begin - 1);
}

/*
 * What is in quotes, in which an escape sign stands before a quote, or is one
 * itself; NULL if the text is not all in quotes.
 */
static char *
unquote(const char *text, char quote, char escape)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *end = result;

	if (*text == quote)
	{
		for (text++; *text != '\0'; text++)
		{
			if (*text == escape && text[1] != '\0' && (escape != quote || text[1] == quote))
				text++;
			else if (*text == quote)
				break;
			*end++ = *text;
		}
		*end = '\0';
		if (text[0] == quote && text[1] == '\0')
			return result;
	}
	pfree(result);
	return NULL;
}

/*
 * The database that \connect names, by what follows it: x, "x", or
 * -reuse-previous=on "dbname='x'" (appendPsqlMetaConnect() and
 * appendConnStrVal() of src/fe_utils/string_utils.c).  What pg_dumpall would
 * not write is taken as it is.
 */
char *
archive_parse_connect(const char *argument)
{
	static const char reuse[] = "-reuse-previous=on ";
	static const char key[] = "dbname=";
	bool		is_string = strncmp(argument, reuse, sizeof(reuse) - 1) == 0;
	char	   *text = unquote(is_string ? argument + sizeof(reuse) - 1 : argument,
							   '"', '"');
	char	   *name = text;

	if (is_string && text != NULL)
	{
		const char *value = text + sizeof(key) - 1;

		if (strncmp(text, key, sizeof(key) - 1) != 0)
			name = NULL;
		else
			name = *value == '\'' ? unquote(value, '\'', '\\') : pstrdup(value);
		pfree(text);
	}
	return name != NULL ? name : pstrdup(argument);
}

/* ----- reading ----- */

static void
read_custom(Archive *archive, ArchiveSource *source)
{
	int64		end = archive_read_contents(archive, source);

	if (end >= 0)
		archive_check_custom(archive, source, end);
}

/* A folder's toc.dat without the folder. */
static void
read_toc(Archive *archive, ArchiveSource *source)
{
	if (archive_read_contents(archive, source) >= 0)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "toc.dat is written before the data, which are other files");
}

static void
read_wrapped(Archive *archive, ArchiveSource *source)
{
	const char *problem;

	archive->state = ARCHIVE_CLOSED;
	archive->problem = psprintf("the file is compressed with %s: what is in it cannot be seen",
								archive_format_name(archive->format));
	archive->compression = archive_format_name(archive->format);
	if (archive_wrapper_ends(source, archive->format, &problem) == ARCHIVE_COMPLETE_NO)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 "the compressed data do not end where the file does");
	else
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "what is in a compressed file cannot be seen");
}

/* It is in no format that is known; so far, if not enough was given. */
static void
refuse_any(Archive *archive, ArchiveSource *source, const char *head)
{
	char	   *bytes = palloc(ARCHIVE_HEAD_BYTES);
	size_t		given = source->read(source, 0, bytes, ARCHIVE_HEAD_BYTES);
	int64		wanted = Min((int64) ARCHIVE_HEAD_BYTES, source->size);

	pfree(bytes);
	if ((int64) given < wanted)
	{
		archive->state = ARCHIVE_ENDS_EARLY;
		archive->needs_bytes = wanted - given;
		archive->problem = "too little was given to tell the format";
		return;
	}
	archive->state = ARCHIVE_CLOSED;
	if (given == 0)
		archive->problem = "the file is empty";
	else if (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0)
		archive->problem = "the file is text in UTF-16, as PowerShell writes the output of a program, and cannot be restored";
	else
	{
		archive->problem = "the file does not begin as a dump does";
		return;
	}
	archive_set_complete(archive, ARCHIVE_COMPLETE_NO, archive->problem);
}

/* Which format it is, and the function that reads it. */
static void
read_any(Archive *archive, ArchiveSource *source)
{
	char		head[17];		/* with a zero byte behind */
	size_t		length;

	if (source->is_folder)
	{
		archive->format = ARCHIVE_DIRECTORY;
		archive_read_folder(archive, source);
		return;
	}

	memset(head, 0, sizeof(head));
	length = source->read(source, 0, head, sizeof(head) - 1);
	if ((archive->format = archive_wrapper(source)) != ARCHIVE_UNKNOWN)
		read_wrapped(archive, source);
	else if (length >= 5 && memcmp(head, "PGDMP", 5) == 0)
	{
		/* the format byte; where it is missing, either will do */
		archive->format = head[10] == 3 ? ARCHIVE_DIRECTORY : ARCHIVE_CUSTOM;
		if (archive->format == ARCHIVE_CUSTOM)
			read_custom(archive, source);
		else
			read_toc(archive, source);
	}
	else if (archive_is_tar(source))
	{
		archive->format = ARCHIVE_TAR;
		archive_read_tar(archive, source);
	}
	else if (archive_is_sql(source, &archive->format))
		archive_read_sql(archive, source);
	else if (head[strspn(head, " \t\r\n")] == '{')
		archive_read_metadata(archive, source);
	else
		refuse_any(archive, source, head);
}

/* NULL comes first. */
static int
compare_text(const char *left, const char *right)
{
	if (left == NULL || right == NULL)
		return (left != NULL) - (right != NULL);
	return strcmp(left, right);
}

static int
compare_names(const void *left, const void *right)
{
	const ArchiveEntry *a = *(const ArchiveEntry *const *) left;
	const ArchiveEntry *b = *(const ArchiveEntry *const *) right;
	int			order = compare_text(a->schema, b->schema);

	return order != 0 ? order : compare_text(a->tag, b->tag);
}

static void
sort_table_data(Archive *archive)
{
	archive->table_data = palloc(sizeof(ArchiveEntry *) * (archive->entry_count + 1));
	for (int i = 0; i < archive->entry_count; i++)
	{
		if (strcmp(archive->entries[i].description, "TABLE DATA") == 0)
			archive->table_data[archive->table_data_count++] = &archive->entries[i];
	}
	qsort(archive->table_data, archive->table_data_count, sizeof(ArchiveEntry *),
		  compare_names);
}

const ArchiveEntry *
archive_table_data(const Archive *archive, const ArchiveEntry *table)
{
	const ArchiveEntry **found = bsearch(&table, archive->table_data,
										 archive->table_data_count,
										 sizeof(ArchiveEntry *), compare_names);

	return found == NULL ? NULL : *found;
}

/*
 * Read an archive, in whatever format it is.  What is wrong with it is part of
 * the answer.
 */
Archive *
archive_read(ArchiveSource *source)
{
	Archive    *archive = palloc0(sizeof(Archive));

	archive->state = ARCHIVE_READ;
	archive->size_bytes = source->size;
	archive->entries_claimed = -1;
	read_any(archive, source);
	sort_table_data(archive);

	if (archive->complete_reason == NULL)
	{
		/* the reader did not come so far */
		if (archive->state == ARCHIVE_ENDS_EARLY && archive->needs_bytes == 0)
			archive_set_complete(archive, ARCHIVE_COMPLETE_NO, archive->problem);
		else
			archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN, archive->problem);
	}
	return archive;
}
