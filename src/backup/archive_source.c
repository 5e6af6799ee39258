/*-------------------------------------------------------------------------
 *
 * archive_source.c
 *	  Bytes that can be read anywhere, and a place in them.
 *
 * pg_dump's primitives (WriteInt(), WriteStr() and WriteOffset() of
 * src/bin/pg_dump/pg_backup_archiver.c):
 *
 *	  Int		a byte for the sign, then int_size bytes, the lowest first
 *	  Str		an Int for the length, -1 for NULL, then the bytes
 *	  Off		a byte for the state, then offset_size bytes, the lowest first
 *
 * src/backup/archive_source.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

/* ----- sources ----- */

typedef struct BytesSource
{
	ArchiveSource source;
	const char *head;
	const char *tail;
	int64		head_length;
	int64		tail_length;
} BytesSource;

typedef struct PartSource
{
	ArchiveSource source;
	ArchiveSource *whole;
	int64		start;
} PartSource;

/* Copy what an array, which begins at start, has from an offset on. */
static size_t
copy_from(const char *bytes, int64 start, int64 size, int64 offset,
		  char *buffer, size_t length)
{
	if (offset < start || offset - start >= size)
		return 0;
	length = (size_t) Min((int64) length, size - (offset - start));
	memcpy(buffer, bytes + (offset - start), length);
	return length;
}

static size_t
read_bytes(ArchiveSource *source, int64 offset, char *buffer, size_t length)
{
	BytesSource *given = (BytesSource *) source;
	size_t		done = copy_from(given->head, 0, given->head_length, offset,
								 buffer, length);

	if (done < length && given->tail_length > 0)
		done += copy_from(given->tail, source->size - given->tail_length,
						  given->tail_length, offset + done,
						  buffer + done, length - done);
	return done;
}

static size_t
read_part(ArchiveSource *source, int64 offset, char *buffer, size_t length)
{
	PartSource *part = (PartSource *) source;

	if (offset < 0 || offset >= source->size)
		return 0;
	length = (size_t) Min((int64) length, source->size - offset);
	return part->whole->read(part->whole, part->start + offset, buffer, length);
}

static void
free_source(ArchiveSource *source)
{
	pfree(source);
}

/*
 * Bytes that were given: the beginning of a file, its end (may be NULL), and
 * its size.  A size of -1 stands for one that is not known; there must be no
 * end then.  The bytes are not copied.
 */
ArchiveSource *
archive_bytes(const char *head, size_t head_length,
			  const char *tail, size_t tail_length, int64 size)
{
	BytesSource *given = palloc0(sizeof(BytesSource));

	Assert(size < 0 ? tail_length == 0 :
		   size >= (int64) Max(head_length, tail_length));
	given->source.size = size;
	given->source.read = read_bytes;
	given->source.close = free_source;
	given->head = head;
	given->head_length = head_length;
	given->tail = tail;
	given->tail_length = tail_length;
	return &given->source;
}

/* Part of a source, which has to live longer; ends where the whole does. */
ArchiveSource *
archive_part(ArchiveSource *source, int64 start, int64 size)
{
	PartSource *part = palloc0(sizeof(PartSource));

	part->source.size = size;
	part->source.read = read_part;
	part->source.close = free_source;
	part->whole = source;
	part->start = start;
	return &part->source;
}

/*
 * The last bytes of a file, at most size; how many.  0 if its size is not
 * known, or they were not given.
 */
size_t
source_tail(ArchiveSource *source, char *buffer, size_t size)
{
	if (source->size < 0)
		return 0;
	size = (size_t) Min((int64) size, source->size);
	return source->read(source, source->size - size, buffer, size) == size ? size : 0;
}

/* ----- cursors ----- */

ArchiveCursor *
cursor_open(ArchiveSource *source, int64 position)
{
	ArchiveCursor *cursor = palloc(sizeof(ArchiveCursor));

	memset(cursor, 0, offsetof(ArchiveCursor, buffer));
	cursor->source = source;
	cursor->state = ARCHIVE_READ;
	cursor_seek(cursor, position);
	return cursor;
}

void
cursor_close(ArchiveCursor *cursor)
{
	pfree(cursor);
}

/* Remember what is wrong, unless something was before. */
void
cursor_fail(ArchiveCursor *cursor, ArchiveState state, const char *problem)
{
	if (!cursor_ok(cursor))
		return;
	cursor->state = state;
	cursor->problem = problem;
}

bool
cursor_ok(const ArchiveCursor *cursor)
{
	return cursor->state == ARCHIVE_READ;
}

/*
 * Go on somewhere else; whether there is anything shows when it is read.
 * Nothing is as far out as a sum of positions could overflow.
 */
void
cursor_seek(ArchiveCursor *cursor, int64 position)
{
	cursor->position = Min(position, ARCHIVE_MAX_SIZE);
}

/*
 * The bytes that come next, some of them; how many.  0 if there are none, or
 * none were given.
 */
size_t
cursor_peek(ArchiveCursor *cursor, const char **bytes)
{
	int64		offset = cursor->position - cursor->buffer_start;

	if (!cursor_ok(cursor))
		return 0;
	if (offset < 0 || offset >= (int64) cursor->buffered)
	{
		CHECK_FOR_INTERRUPTS();
		cursor->buffer_start = cursor->position;
		cursor->buffered = cursor->source->read(cursor->source, cursor->position,
												cursor->buffer, sizeof(cursor->buffer));
		offset = 0;
	}
	*bytes = cursor->buffer + offset;
	return cursor->buffered - offset;
}

/* Is this the end of all bytes, as far as they were given? */
bool
cursor_at_end(ArchiveCursor *cursor)
{
	const char *bytes;

	return cursor_peek(cursor, &bytes) == 0;
}

/*
 * There are no more bytes, and so many are missing.  Where the size of the
 * file is known, it can be that they do not exist.
 */
static void
ends_early(ArchiveCursor *cursor, int64 missing)
{
	int64		size = cursor->source->size;

	if (!cursor_ok(cursor))
		return;
	if (size >= 0 && missing > size - cursor->position)
		cursor_fail(cursor, ARCHIVE_ENDS_EARLY,
					psprintf("the file ends too early, at byte " INT64_FORMAT, size));
	else
	{
		cursor->needs_bytes = missing;
		cursor_fail(cursor, ARCHIVE_ENDS_EARLY,
					psprintf("only the first " INT64_FORMAT " bytes were given",
							 cursor->position));
	}
}

/* Read so many bytes, or pass over them if buffer is NULL; how many. */
size_t
cursor_read(ArchiveCursor *cursor, char *buffer, size_t length)
{
	size_t		done = 0;

	while (done < length)
	{
		const char *bytes;
		size_t		count = cursor_peek(cursor, &bytes);

		if (count == 0)
		{
			ends_early(cursor, length - done);
			break;
		}
		count = Min(count, length - done);
		if (buffer != NULL)
			memcpy(buffer + done, bytes, count);
		cursor->position += count;
		done += count;
	}
	return done;
}

/* A byte; 0 if there is none. */
int
cursor_byte(ArchiveCursor *cursor)
{
	char		byte = 0;

	cursor_read(cursor, &byte, 1);
	return (unsigned char) byte;
}

/*
 * A number of up to 8 bytes, the lowest first; must not be above the largest
 * int64.
 */
int64
cursor_little_endian(ArchiveCursor *cursor, int size)
{
	char		bytes[8];
	uint64		value = 0;

	Assert(size >= 1 && size <= 8);
	if (cursor_read(cursor, bytes, size) < (size_t) size)
		return 0;
	for (int i = size - 1; i >= 0; i--)
		value = value << 8 | (unsigned char) bytes[i];
	if (value > PG_INT64_MAX)
	{
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("a number before byte " INT64_FORMAT " is too large",
							 cursor->position));
		return 0;
	}
	return (int64) value;
}

/* An Int; 0 if there is none. */
int
cursor_int(ArchiveCursor *cursor)
{
	int			sign = cursor_byte(cursor);
	int64		value = cursor_little_endian(cursor, cursor->int_size);

	if (sign > 1 || value > (int64) PG_INT32_MAX + sign)
	{
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("there is no number before byte " INT64_FORMAT,
							 cursor->position));
		return 0;
	}
	return (int) (sign ? -value : value);
}

/* The length of a Str, -1 for NULL. */
static int
string_length(ArchiveCursor *cursor)
{
	int			length = cursor_int(cursor);

	if (length >= -1)
		return length;
	cursor_fail(cursor, ARCHIVE_MALFORMED,
				psprintf("a string has %d bytes before byte " INT64_FORMAT,
						 length, cursor->position));
	return -1;
}

/*
 * A Str, with a zero byte behind it; NULL for NULL, or if there is none.  Of
 * a very long one only the beginning is kept.
 */
char *
cursor_string(ArchiveCursor *cursor)
{
	int			length = string_length(cursor);
	size_t		kept;
	char	   *string;

	if (length < 0 || !cursor_ok(cursor))
		return NULL;
	kept = Min(length, ARCHIVE_MAX_STRING_BYTES);
	string = palloc(kept + 1);
	cursor_read(cursor, string, kept);
	cursor_read(cursor, NULL, length - kept);
	if (cursor_ok(cursor) && memchr(string, '\0', kept) != NULL)
		cursor_fail(cursor, ARCHIVE_MALFORMED,
					psprintf("there is a zero byte in a string before byte " INT64_FORMAT,
							 cursor->position));
	if (!cursor_ok(cursor))
	{
		pfree(string);
		return NULL;
	}
	string[kept] = '\0';
	return string;
}

/* Pass over a Str; false for NULL, or if there is none. */
bool
cursor_skip_string(ArchiveCursor *cursor)
{
	int			length = string_length(cursor);

	if (length > 0)
		cursor_read(cursor, NULL, length);
	return length >= 0 && cursor_ok(cursor);
}
