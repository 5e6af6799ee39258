/*-------------------------------------------------------------------------
 *
 * archive_reader.h
 *	  What the readers of the formats share.
 *
 * src/backup/archive_reader.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ARCHIVE_READER_H
#define UPGRADE_PREREQ_ARCHIVE_READER_H

#include "archive.h"

#ifdef FRONTEND
#define CHECK_FOR_INTERRUPTS() ((void) 0)
#else
#include "miscadmin.h"
#endif

/*
 * What is ever kept in memory.  A database of 300 tables, each with a key and
 * an index, has 1204 entries in 305 kB.
 */
#define ARCHIVE_MAX_ENTRIES 1000000
#define ARCHIVE_MAX_CONTENTS_BYTES (128 * 1024 * 1024)
#define ARCHIVE_MAX_STRING_BYTES (64 * 1024)	/* the rest is passed over */

/* What is enough to tell the format. */
#define ARCHIVE_HEAD_BYTES 8192

/*
 * A place in a source.  The first thing that goes wrong is kept; from then on
 * nothing more is read, and every function gives nothing.
 */
typedef struct ArchiveCursor
{
	ArchiveSource *source;
	int64		position;
	int			int_size;		/* bytes of an Int of pg_dump */
	int			offset_size;
	ArchiveState state;			/* ARCHIVE_READ as long as all is well */
	const char *problem;
	int64		needs_bytes;
	size_t		buffered;		/* bytes in the buffer, from buffer_start on */
	int64		buffer_start;
	char		buffer[16 * 1024];
} ArchiveCursor;

extern ArchiveCursor *cursor_open(ArchiveSource *source, int64 position);
extern void cursor_close(ArchiveCursor *cursor);
extern void cursor_fail(ArchiveCursor *cursor, ArchiveState state,
						const char *problem);
extern bool cursor_ok(const ArchiveCursor *cursor);
extern void cursor_seek(ArchiveCursor *cursor, int64 position);
extern bool cursor_at_end(ArchiveCursor *cursor);
extern size_t cursor_peek(ArchiveCursor *cursor, const char **bytes);
extern size_t cursor_read(ArchiveCursor *cursor, char *buffer, size_t length);
extern int	cursor_byte(ArchiveCursor *cursor);
extern int	cursor_int(ArchiveCursor *cursor);
extern char *cursor_string(ArchiveCursor *cursor);
extern bool cursor_skip_string(ArchiveCursor *cursor);
extern int64 cursor_little_endian(ArchiveCursor *cursor, int size);

/* Part of a source, as a source; the end of a file. */
extern ArchiveSource *archive_part(ArchiveSource *source, int64 start, int64 size);
extern size_t source_tail(ArchiveSource *source, char *buffer, size_t size);

/* Putting an answer together. */
extern ArchiveEntry *archive_add_entry(Archive *archive);
extern Oid	archive_parse_oid(const char *text, size_t length);
extern void archive_set_problem(Archive *archive, const ArchiveCursor *cursor);
extern void archive_set_complete(Archive *archive, ArchiveComplete complete,
								 const char *reason);
extern bool archive_keeps_definition(const char *description);
extern void archive_set_definition(ArchiveEntry *entry, char *definition);
extern void archive_set_time(Archive *archive, int year, int month, int day,
							 int hour, int minute, int second);
extern const char *archive_parse_time(Archive *archive, const char *text);
extern char *archive_parse_connect(const char *argument);
extern void archive_set_encoding(Archive *archive, const char *statement);

/* One for each format; source is not closed. */
extern int64 archive_read_contents(Archive *archive, ArchiveSource *source);
extern void archive_check_custom(Archive *archive, ArchiveSource *source,
								 int64 data_start);
extern void archive_read_folder(Archive *archive, ArchiveSource *folder);
extern bool archive_is_tar(ArchiveSource *source);
extern void archive_read_tar(Archive *archive, ArchiveSource *source);
extern bool archive_is_sql(ArchiveSource *source, ArchiveFormat *format);
extern void archive_read_sql(Archive *archive, ArchiveSource *source);
extern void archive_read_metadata(Archive *archive, ArchiveSource *source);

/* Does a compressed file end as it should?  See archive_wrapper.c. */
extern ArchiveFormat archive_wrapper(ArchiveSource *source);
extern ArchiveComplete archive_wrapper_ends(ArchiveSource *source,
											ArchiveFormat format,
											const char **problem);

#endif							/* UPGRADE_PREREQ_ARCHIVE_READER_H */
