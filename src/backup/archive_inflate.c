/*-------------------------------------------------------------------------
 *
 * archive_inflate.c
 *	  Decompresses a gzip file with zlib, to see whether it is whole.
 *
 * zlib is there if the server was built with it, as is nearly every one.
 *
 * src/backup/archive_inflate.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#ifdef HAVE_LIBZ
#include <zlib.h>
#endif

#include "archive_inflate.h"

#ifdef HAVE_LIBZ

/* windowBits of inflateInit2(): gzip, with its header and checksum, only. */
#define GZIP_WINDOW_BITS (MAX_WBITS + 16)

/* What is decompressed is only looked at by zlib's checksum. */
#define OUTPUT_BYTES (32 * 1024)

/*
 * The memory of the current context, which goes away however the query ends.
 * zlib asks for less than 64 kB, whatever the input.
 */
static void *
allocate(void *opaque pg_attribute_unused(), unsigned int items, unsigned int size)
{
	return palloc((Size) items * size);
}

static void
release(void *opaque pg_attribute_unused(), void *pointer)
{
	pfree(pointer);
}

/*
 * Decompress the gzip file that begins at the cursor, which may have several
 * members, to its end.  What is wrong shows in the cursor: it ends early, is
 * damaged, or cannot be decompressed here.
 */
void
archive_inflate(ArchiveCursor *cursor)
{
	z_stream	stream = {.zalloc = allocate,.zfree = release};
	Bytef	   *output;
	int			result = Z_OK;

	if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
	{
		cursor_fail(cursor, ARCHIVE_CLOSED, "zlib is of another version than the one this was built with");
		return;
	}
	output = palloc(OUTPUT_BYTES);
	while (result == Z_OK)
	{
		const char *bytes;
		size_t		count = cursor_peek(cursor, &bytes);

		if (count == 0)
		{
			cursor_byte(cursor);	/* says that there is none */
			break;
		}
		CHECK_FOR_INTERRUPTS();
		stream.next_in = (Bytef *) bytes;
		stream.avail_in = (uInt) count;
		stream.next_out = output;
		stream.avail_out = OUTPUT_BYTES;
		result = inflate(&stream, Z_NO_FLUSH);
		cursor->position += count - stream.avail_in;
		if (result == Z_STREAM_END && !cursor_at_end(cursor))
			result = inflateReset(&stream);
	}
	if (result != Z_OK && result != Z_STREAM_END)
		cursor_fail(cursor, ARCHIVE_MALFORMED, "the compressed data are damaged");
	inflateEnd(&stream);
	pfree(output);
}

#else

void
archive_inflate(ArchiveCursor *cursor)
{
	cursor_fail(cursor, ARCHIVE_CLOSED, "this server was built without zlib, so gzip cannot be decompressed");
}

#endif
