/*-------------------------------------------------------------------------
 *
 * archive_tar.c
 *	  Archives of pg_dump in the tar format, and whether they are whole.
 *
 * The members are toc.dat, the data, and restore.sql, which are written one
 * after the other, and then two blocks of zeros (_CloseArchive() of
 * src/bin/pg_dump/pg_backup_tar.c).  So an archive that has its end is whole.
 * Layout of a header: tar(5), ustar; sizes from 8 GB on as GNU tar has them.
 *
 * src/backup/archive_tar.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

#define TAR_BLOCK 512
#define TAR_END_BYTES (2 * TAR_BLOCK)	/* zeros */

/* Where the end is looked for, if only that was given. */
#define TAIL_BYTES (1024 * 1024)

#define LAST_MEMBER "restore.sql"

typedef struct TarMember
{
	char		name[101];
	int64		size;
} TarMember;

/* The end of the member, behind its last block. */
static int64
padded(int64 size)
{
	return (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
}

/* A number in octal digits, behind blanks; -1 if there is none. */
static int64
parse_octal(const char *field, size_t length)
{
	int64		value = 0;
	size_t		at = 0;

	while (at < length && field[at] == ' ')
		at++;
	if (at == length || field[at] < '0' || field[at] > '7')
		return -1;
	for (; at < length && field[at] >= '0' && field[at] <= '7'; at++)
		value = value * 8 + (field[at] - '0');
	return value;
}

/* The size of a member; -1 if it makes no sense. */
static int64
parse_size(const char *field)
{
	int64		value = 0;

	if ((unsigned char) field[0] != 0x80)
		return parse_octal(field, 12);
	for (int i = 1; i < 12; i++)
	{
		if (value >= ARCHIVE_MAX_SIZE >> 8)
			return -1;
		value = value << 8 | (unsigned char) field[i];
	}
	return value;
}

/* The header of a member; false if the block is none. */
static bool
parse_header(const char *block, TarMember *member)
{
	int64		sum = 8 * ' ';	/* for the checksum itself */

	for (int i = 0; i < TAR_BLOCK; i++)
	{
		if (i < 148 || i >= 156)
			sum += (unsigned char) block[i];
	}
	if (memcmp(block + 257, "ustar", 5) != 0 || parse_octal(block + 148, 8) != sum)
		return false;
	memcpy(member->name, block, 100);
	member->name[100] = '\0';
	member->size = parse_size(block + 124);
	return member->size >= 0;
}

/* Read the header at an offset; false if there is none, or not given. */
static bool
read_header(ArchiveSource *source, int64 offset, TarMember *member)
{
	char		block[TAR_BLOCK];

	return source->read(source, offset, block, TAR_BLOCK) == TAR_BLOCK &&
		parse_header(block, member);
}

/* Do two blocks of zeros, and nothing more, follow here? */
static bool
is_end(ArchiveSource *source, int64 offset)
{
	char		blocks[TAR_END_BYTES + 1];

	if (source->read(source, offset, blocks, sizeof(blocks)) != TAR_END_BYTES)
		return false;
	for (int i = 0; i < TAR_END_BYTES; i++)
	{
		if (blocks[i] != 0)
			return false;
	}
	return source->size < 0 || source->size == offset + TAR_END_BYTES;
}

/* Is restore.sql in the tail, with the end behind it? */
static bool
tail_is_whole(ArchiveSource *source)
{
	int64		offset = source->size - TAR_END_BYTES - TAR_BLOCK;
	int64		first = Max(0, source->size - TAIL_BYTES);

	if (source->size % TAR_BLOCK != 0 || !is_end(source, source->size - TAR_END_BYTES))
		return false;
	for (; offset >= first; offset -= TAR_BLOCK)
	{
		TarMember	member;

		CHECK_FOR_INTERRUPTS();
		if (read_header(source, offset, &member))
			return strcmp(member.name, LAST_MEMBER) == 0 &&
				offset + TAR_BLOCK + padded(member.size) == source->size - TAR_END_BYTES;
	}
	return false;
}

static int
compare_strings(const void *left, const void *right)
{
	return strcmp(*(const char *const *) left, *(const char *const *) right);
}

/*
 * The first file that the contents name and is not among the members; or NULL.
 * (What they name for large objects is never written.)
 */
static const char *
missing_file(const Archive *archive, char **names, size_t count)
{
	qsort(names, count, sizeof(char *), compare_strings);
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		const char *file = entry->file_name == NULL ? entry->tag : entry->file_name;

		if (entry->has_dumper && strcmp(entry->description, "BLOBS") != 0 &&
			(entry->file_name == NULL ||
			 bsearch(&file, names, count, sizeof(char *), compare_strings) == NULL))
			return file;
	}
	return NULL;
}

/* Every member was seen, up to the end: are they those that should be there? */
static void
check_members(Archive *archive, ArchiveSource *source, int64 offset,
			  const TarMember *last, char **names, size_t count)
{
	const char *missing;

	if (strcmp(last->name, LAST_MEMBER) != 0)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 psprintf("the last member is \"%s\", not " LAST_MEMBER,
									  last->name));
	else if (!is_end(source, offset))
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 "the two blocks of zeros that end a tar file are missing");
	else if ((missing = missing_file(archive, names, count)) != NULL)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 psprintf("there is no member \"%s\"", missing));
	else
		archive_set_complete(archive, ARCHIVE_COMPLETE_YES,
							 "every member that the contents name is there, and the file ends as it should");
}

/* Go from member to member. */
static void
check_tar(Archive *archive, ArchiveSource *source)
{
	char	  **names = palloc(sizeof(char *));
	size_t		count = 0;
	int64		offset = 0;
	TarMember	member;
	TarMember	last = {{0}, 0};
	char		byte;

	while (read_header(source, offset, &member) && count < ARCHIVE_MAX_ENTRIES)
	{
		CHECK_FOR_INTERRUPTS();
		if (strncmp(member.name, "blob_", 5) != 0)
		{
			if ((count & (count - 1)) == 0)
				names = repalloc(names, sizeof(char *) * 2 * (count + 1));
			names[count++] = pstrdup(member.name);
		}
		last = member;
		offset = Min(offset + TAR_BLOCK + padded(member.size), ARCHIVE_MAX_SIZE);
	}

	if (source->size >= 0 && offset > source->size)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NO,
							 psprintf("the file ends within member \"%s\"", last.name));
	else if (count < ARCHIVE_MAX_ENTRIES &&
			 (source->read(source, offset, &byte, 1) == 1 || offset == source->size))
		check_members(archive, source, offset, &last, names, count);
	else if (source->size >= 0 && tail_is_whole(source))
		archive_set_complete(archive, ARCHIVE_COMPLETE_YES,
							 "the file ends as it should: with " LAST_MEMBER ", which is written last, and two blocks of zeros");
	else
	{
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "the end of the file was not given, or shows nothing");
		if (source->size >= 0)
			archive->needs_tail_bytes = Min(source->size, TAIL_BYTES);
	}
}

/* Does it begin as a tar file does? */
bool
archive_is_tar(ArchiveSource *source)
{
	TarMember	member;

	return read_header(source, 0, &member);
}

/* Read an archive that is a tar file. */
void
archive_read_tar(Archive *archive, ArchiveSource *source)
{
	ArchiveSource *contents;
	TarMember	member = {{0}, 0};

	if (!read_header(source, 0, &member) || strcmp(member.name, "toc.dat") != 0)
	{
		archive->format = ARCHIVE_UNKNOWN;
		archive->state = ARCHIVE_CLOSED;
		archive->problem = psprintf("a tar file that begins with \"%s\" was not made by pg_dump",
									member.name);
		return;
	}
	contents = archive_part(source, TAR_BLOCK,
							source->size < 0 ? member.size :
							Min(member.size, source->size - TAR_BLOCK));
	if (archive_read_contents(archive, contents) >= 0)
		check_tar(archive, source);
	contents->close(contents);
}
