/*-------------------------------------------------------------------------
 *
 * archive_wrapper.c
 *	  Compressed files: which kind, and whether they are whole.
 *
 * A file in the formats of lz4 and zstd is a row of blocks that say how long
 * they are, and which one is the last; so its end can be found without
 * decompressing anything.  Formats: lz4_Frame_format.md of lz4; RFC 8878;
 * RFC 1952.
 *
 * src/backup/archive_wrapper.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_inflate.h"

#define MAGIC_LZ4 0x184D2204
#define MAGIC_ZSTD 0xFD2FB528
#define MAGIC_SKIPPABLE 0x184D2A50	/* and 15 more; in both formats */

static void
fail(ArchiveCursor *cursor)
{
	cursor_fail(cursor, ARCHIVE_MALFORMED, "the compressed data are damaged");
}

static void
skip(ArchiveCursor *cursor, int64 length)
{
	cursor_seek(cursor, cursor->position + length);
}

/* A frame of lz4, behind its magic number. */
static void
walk_lz4_frame(ArchiveCursor *cursor)
{
	int			flags = cursor_byte(cursor);
	int64		size;

	if (cursor_ok(cursor) && (flags & 0xC2) != 0x40)
		fail(cursor);			/* another version */
	/* block descriptor, content size, dictionary, checksum of the header */
	skip(cursor, 1 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1);

	while (cursor_ok(cursor) && (size = cursor_little_endian(cursor, 4)) != 0)
	{
		CHECK_FOR_INTERRUPTS();
		skip(cursor, (size & 0x7FFFFFFF) + (flags & 0x10 ? 4 : 0));
	}
	if (flags & 0x04)
		cursor_read(cursor, NULL, 4);	/* checksum */
}

/* A frame of zstd, behind its magic number. */
static void
walk_zstd_frame(ArchiveCursor *cursor)
{
	static const int dictionary_bytes[] = {0, 1, 2, 4};
	static const int size_bytes[] = {0, 2, 4, 8};
	int			flags = cursor_byte(cursor);
	bool		single = (flags & 0x20) != 0;
	bool		last = false;

	if (cursor_ok(cursor) && (flags & 0x08) != 0)
		fail(cursor);			/* reserved */
	skip(cursor, (single ? 0 : 1) + dictionary_bytes[flags & 3] +
		 (single && flags >> 6 == 0 ? 1 : size_bytes[flags >> 6]));

	while (!last && cursor_ok(cursor))
	{
		int			header = (int) cursor_little_endian(cursor, 3);
		int			type = (header >> 1) & 3;

		CHECK_FOR_INTERRUPTS();
		if (cursor_ok(cursor) && type == 3)
			fail(cursor);
		last = header & 1;
		skip(cursor, type == 1 ? 1 : header >> 3);	/* 1: a byte, repeated */
	}
	if (flags & 0x04)
		cursor_read(cursor, NULL, 4);	/* checksum */
}

/*
 * From frame to frame to the end.  What was passed over need not be there; so
 * the last byte is looked at, too.
 */
static void
walk_frames(ArchiveCursor *cursor)
{
	do
	{
		uint32		magic = (uint32) cursor_little_endian(cursor, 4);

		if (!cursor_ok(cursor))
			return;
		if (magic == MAGIC_LZ4)
			walk_lz4_frame(cursor);
		else if (magic == MAGIC_ZSTD)
			walk_zstd_frame(cursor);
		else if ((magic & ~(uint32) 15) == MAGIC_SKIPPABLE)
			skip(cursor, cursor_little_endian(cursor, 4));
		else
			fail(cursor);
		if (cursor_ok(cursor))
		{
			skip(cursor, -1);
			cursor_byte(cursor);
		}
	} while (cursor_ok(cursor) && !cursor_at_end(cursor));
}

/* Which kind of compressed file it is; ARCHIVE_UNKNOWN if it is none. */
ArchiveFormat
archive_wrapper(ArchiveSource *source)
{
	unsigned char head[4] = {0};
	uint32		magic;

	source->read(source, 0, (char *) head, sizeof(head));
	magic = head[0] | head[1] << 8 | head[2] << 16 | (uint32) head[3] << 24;
	if ((magic & 0xFFFF) == 0x8B1F)
		return ARCHIVE_GZIP;
	return magic == MAGIC_LZ4 ? ARCHIVE_LZ4 :
		magic == MAGIC_ZSTD ? ARCHIVE_ZSTD : ARCHIVE_UNKNOWN;
}

/*
 * Is a compressed file whole: does the last piece end where the file does?
 * Not proven if not all of it was given, its size is not known, or it cannot
 * be decompressed here.  *problem is what kept it from being followed to its
 * end, or NULL.
 */
ArchiveComplete
archive_wrapper_ends(ArchiveSource *source, ArchiveFormat format,
					 const char **problem)
{
	ArchiveCursor *cursor = cursor_open(source, 0);
	ArchiveComplete complete;

	if (format == ARCHIVE_GZIP)
		archive_inflate(cursor);
	else
		walk_frames(cursor);

	if (!cursor_ok(cursor))
		complete = cursor->state == ARCHIVE_CLOSED ||
			(cursor->state == ARCHIVE_ENDS_EARLY && cursor->needs_bytes > 0) ?
			ARCHIVE_COMPLETE_NOT_PROVEN : ARCHIVE_COMPLETE_NO;
	else
		complete = source->size == cursor->position ?
			ARCHIVE_COMPLETE_YES : ARCHIVE_COMPLETE_NOT_PROVEN;
	*problem = cursor->problem;
	cursor_close(cursor);
	return complete;
}
