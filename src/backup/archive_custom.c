/*-------------------------------------------------------------------------
 *
 * archive_custom.c
 *	  Whether a custom archive of pg_dump is whole.
 *
 * pg_dump writes the contents, then a block for each entry that has data, and
 * then, where it can seek, the contents again, now with the positions of the
 * blocks (_CloseArchive() of src/bin/pg_dump/pg_backup_custom.c).  So if all
 * positions are there, all blocks were written.  A dump through a pipe never
 * gets them; neither does one that was killed.
 *
 *	  block		a byte (1 data, 3 large objects), the Int dump_id, and then
 *				for data: chunks; for large objects: an Int OID and chunks for
 *				each, and an Int 0
 *	  chunks	an Int length and so many bytes for each, and an Int 0
 *
 * src/backup/archive_custom.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

#define BLOCK_DATA 1
#define BLOCK_LARGE_OBJECTS 3

/* An entry that has data. */
typedef struct Item
{
	const ArchiveEntry *entry;
	bool		seen;			/* its block was */
} Item;

typedef struct Items
{
	Item	   *items;			/* in the order of dump_id */
	size_t		count;
	size_t		placed;			/* have a position */
	const ArchiveEntry *last;	/* whose position is the highest, or NULL */
} Items;

static int
compare_items(const void *left, const void *right)
{
	int			a = ((const Item *) left)->entry->dump_id;
	int			b = ((const Item *) right)->entry->dump_id;

	return a < b ? -1 : a > b;
}

static Items
find_items(const Archive *archive)
{
	Items		found = {palloc0(sizeof(Item) * (archive->entry_count + 1)), 0, 0, NULL};

	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];

		if (!entry->has_dumper)
			continue;
		found.items[found.count++].entry = entry;
		if (entry->data_state != ARCHIVE_DATA_AT)
			continue;
		found.placed++;
		if (found.last == NULL || entry->data_position > found.last->data_position)
			found.last = entry;
	}
	qsort(found.items, found.count, sizeof(Item), compare_items);
	return found;
}

static void
skip_chunks(ArchiveCursor *cursor)
{
	int			length;

	while ((length = cursor_int(cursor)) > 0)
	{
		/* what is not there shows at the next number */
		CHECK_FOR_INTERRUPTS();
		cursor_seek(cursor, cursor->position + length);
	}
	if (length < 0)
		cursor_fail(cursor, ARCHIVE_MALFORMED, "a piece of data has a length below zero");
}

static void
skip_block(ArchiveCursor *cursor, int type)
{
	if (type == BLOCK_DATA)
		skip_chunks(cursor);
	else
	{
		while (cursor_int(cursor) != 0 && cursor_ok(cursor))
			skip_chunks(cursor);
	}
}

/* The dump_id of the block that begins here; 0 if none does. */
static int
read_block_header(ArchiveCursor *cursor, int *type)
{
	int			dump_id;

	*type = cursor_byte(cursor);
	dump_id = cursor_int(cursor);
	if (!cursor_ok(cursor))
		return 0;
	if (*type == BLOCK_DATA || *type == BLOCK_LARGE_OBJECTS)
		return dump_id;
	cursor_fail(cursor, ARCHIVE_MALFORMED, "a block has no type that is known");
	return 0;
}

/* The answer for data that could not be read to their end. */
static void
set_unread(Archive *archive, const ArchiveCursor *cursor, const ArchiveEntry *entry,
		   int64 tail_start)
{
	const char *of = entry == NULL ? "the data" :
		psprintf("the data of entry %d, %s %s", entry->dump_id,
				 entry->description, entry->tag);

	if (cursor->state == ARCHIVE_ENDS_EARLY && cursor->needs_bytes > 0)
	{
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 psprintf("%s were not given to their end", of));
		if (archive->size_bytes >= 0)
			archive->needs_tail_bytes = archive->size_bytes - tail_start;
	}
	else
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 psprintf("%s are damaged: %s", of, cursor->problem));
}

/* All that should be there is; proof says how that is known. */
static void
check_end(Archive *archive, ArchiveCursor *cursor, const char *proof)
{
	if (cursor_at_end(cursor) &&
		(archive->size_bytes < 0 || archive->size_bytes == cursor->position))
		archive_set_complete(archive, ARCHIVE_COMPLETE_YES, proof);
	else
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 psprintf("there is something behind the last block, from byte " INT64_FORMAT " on",
									  cursor->position));
}

/*
 * Does a block of the entry begin where the contents say?  True also if that
 * was not given.  A position may be half written.
 */
static bool
check_position(Archive *archive, ArchiveSource *source, const ArchiveCursor *sizes,
			   const ArchiveEntry *entry, int64 data_start)
{
	ArchiveCursor *cursor = cursor_open(source, entry->data_position);
	bool		begins;
	int			type;

	cursor->int_size = sizes->int_size;
	begins = read_block_header(cursor, &type) == entry->dump_id;
	if (entry->data_position >= data_start && !cursor_ok(cursor) &&
		cursor->state == ARCHIVE_ENDS_EARLY && cursor->needs_bytes > 0)
		begins = true;
	if (entry->data_position < data_start)
		begins = false;
	if (!begins)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 psprintf("no block of entry %d, %s %s, begins at byte " INT64_FORMAT,
									  entry->dump_id, entry->description, entry->tag,
									  entry->data_position));
	cursor_close(cursor);
	return begins;
}

/* All positions are known: what is left to show is how the last block ends. */
static void
check_last_block(Archive *archive, ArchiveCursor *cursor, const Items *items,
				 int64 data_start)
{
	int			type;

	for (size_t i = 0; i < items->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!check_position(archive, cursor->source, cursor, items->items[i].entry,
							data_start))
			return;
	}
	cursor_seek(cursor, items->last->data_position);
	read_block_header(cursor, &type);
	skip_block(cursor, type);
	if (cursor_ok(cursor))
		check_end(archive, cursor,
				  "all data have their position in the contents, and the last block ends with the file");
	else
		set_unread(archive, cursor, items->last, items->last->data_position);
}

/* Some positions are not known: go from block to block. */
static void
walk_blocks(Archive *archive, ArchiveCursor *cursor, const Items *items,
			int64 data_start)
{
	size_t		seen = 0;

	cursor_seek(cursor, data_start);
	while (seen < items->count)
	{
		ArchiveEntry wanted = {0};
		Item		key = {&wanted, false};
		Item	   *item;
		int			type;

		CHECK_FOR_INTERRUPTS();
		wanted.dump_id = read_block_header(cursor, &type);
		if (!cursor_ok(cursor))
		{
			set_unread(archive, cursor, NULL, data_start);
			return;
		}
		item = bsearch(&key, items->items, items->count, sizeof(Item), compare_items);
		if (item == NULL || item->seen)
		{
			archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
								 psprintf("there is a block of entry %d, which %s",
										  wanted.dump_id,
										  item == NULL ? "has no data" : "had one before"));
			return;
		}
		skip_block(cursor, type);
		if (!cursor_ok(cursor))
		{
			set_unread(archive, cursor, item->entry, data_start);
			return;
		}
		item->seen = true;
		seen++;
	}
	check_end(archive, cursor,
			  "the contents have no positions, as if written through a pipe; the block of every entry was found, and the last ends with the file");
}

/*
 * Fill in whether a custom archive, whose contents have been read up to
 * data_start, is whole.
 */
void
archive_check_custom(Archive *archive, ArchiveSource *source, int64 data_start)
{
	ArchiveCursor *cursor = cursor_open(source, 8);
	Items		items = find_items(archive);

	cursor->int_size = cursor_byte(cursor);
	cursor_seek(cursor, data_start);
	if (items.count == 0)
		check_end(archive, cursor, "no entry has data, and the contents end with the file");
	else if (items.placed == items.count)
		check_last_block(archive, cursor, &items, data_start);
	else
		walk_blocks(archive, cursor, &items, data_start);
	cursor_close(cursor);
	pfree(items.items);
}
