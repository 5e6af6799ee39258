/*-------------------------------------------------------------------------
 *
 * archive_folder.c
 *	  Archives of pg_dump in the directory format, and whether they are whole.
 *
 * toc.dat is written before the data, so it shows nothing; every file that it
 * names has to be there to its end (src/bin/pg_dump/pg_backup_directory.c).  A
 * compressed file has an end of its own, which is only written when it is
 * closed.  One that is not ends with the end of the COPY, "\.".  The end of
 * other data, INSERT statements and large objects, shows nothing.
 *
 * Of large objects toc.dat only names a list, "<OID> <file>" a line, which
 * gets its line after the file has been closed.  It has no end, but the
 * contents say how many there are.
 *
 * src/backup/archive_folder.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "archive_reader.h"

/* The longest name of a file that pg_dump would give. */
#define MAX_FILE_NAME 64

/* What is found out about the files, one after the other. */
typedef struct FolderCheck
{
	Archive    *archive;
	ArchiveSource *folder;
	int			files;			/* looked at */
	bool		failed;			/* the answer is no */
	const char *unproven;		/* why the end of a file shows nothing, or
								 * NULL */
	int64		large_objects;	/* listed */
} FolderCheck;

static void
refuse(FolderCheck *check, const char *reason)
{
	check->failed = true;
	archive_set_complete(check->archive, ARCHIVE_COMPLETE_NO, reason);
}

/* Is it the name of a file, and nothing that leads out of the folder? */
static bool
is_file_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strlen(name) <= MAX_FILE_NAME &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(name);
}

/* Does a file that is not compressed end with the end of a COPY? */
static bool
ends_copy(ArchiveSource *file)
{
	char		tail[64];
	size_t		length = source_tail(file, tail, sizeof(tail));
	size_t		end = length;

	while (end > 0 && tail[end - 1] == '\n')
		end--;
	return end < length && end >= 2 && memcmp(tail + end - 2, "\\.", 2) == 0 &&
		(end == 2 ? (int64) length == file->size : tail[end - 3] == '\n');
}

/*
 * Open a file by the name that the contents have, which lacks the suffix of a
 * compressed file; NULL if there is none.  Sets how it should be compressed,
 * ARCHIVE_UNKNOWN for not at all.
 */
static ArchiveSource *
open_data(ArchiveSource *folder, const char *name, ArchiveFormat *wrapper)
{
	static const struct
	{
		const char *suffix;
		ArchiveFormat format;
	}			kinds[] = {
		{"", ARCHIVE_UNKNOWN}, {".gz", ARCHIVE_GZIP},
		{".lz4", ARCHIVE_LZ4}, {".zst", ARCHIVE_ZSTD}
	};
	ArchiveSource *file = NULL;

	for (size_t i = 0; i < lengthof(kinds) && file == NULL; i++)
	{
		char	   *path = psprintf("%s%s", name, kinds[i].suffix);

		*wrapper = kinds[i].format;
		file = folder->open_file(folder, path);
		pfree(path);
	}
	return file;
}

/* Does a compressed file end as it should? */
static void
check_compressed(FolderCheck *check, ArchiveSource *file, const char *name,
				 ArchiveFormat wrapper)
{
	ArchiveComplete ends = ARCHIVE_COMPLETE_NO;
	const char *problem = NULL;

	if (archive_wrapper(file) == wrapper)
		ends = archive_wrapper_ends(file, wrapper, &problem);
	if (ends == ARCHIVE_COMPLETE_NOT_PROVEN && problem != NULL)
	{
		if (check->unproven == NULL)
			check->unproven = psprintf("the end of file \"%s\" was not found: %s",
									   name, problem);
	}
	else if (ends != ARCHIVE_COMPLETE_YES)
		refuse(check, psprintf("file \"%s\" is damaged, or ends too early", name));
}

/* Look at one file; has_copy_end says that it ends with "\." if it is whole. */
static void
check_file(FolderCheck *check, const char *name, bool has_copy_end)
{
	ArchiveFormat wrapper;
	ArchiveSource *file = !is_file_name(name) ? NULL :
		open_data(check->folder, name, &wrapper);

	if (file == NULL)
	{
		refuse(check, psprintf("there is no file \"%s\", with a suffix or without", name));
		return;
	}
	check->files++;
	if (!has_copy_end && (wrapper == ARCHIVE_UNKNOWN ||
						  (wrapper != ARCHIVE_GZIP && file->size == 0)))
	{
		/*
		 * neither that end nor one of its own; in lz4 and zstd, nothing is
		 * empty
		 */
		if (check->unproven == NULL)
			check->unproven = psprintf("the end of file \"%s\" shows nothing: it is not written by COPY, and has no end of its own",
									   name);
	}
	else if (wrapper != ARCHIVE_UNKNOWN)
		check_compressed(check, file, name, wrapper);
	else if (!ends_copy(file))
		refuse(check, psprintf("file \"%s\" does not end as a COPY does", name));
	file->close(file);
}

/* Look at the files that a list of large objects has. */
static void
check_list(FolderCheck *check, const char *name)
{
	ArchiveSource *list = is_file_name(name) ?
		check->folder->open_file(check->folder, name) : NULL;
	ArchiveCursor *cursor;
	char		line[MAX_FILE_NAME + 32];
	size_t		length = 0;

	if (list == NULL)
	{
		refuse(check, psprintf("there is no file \"%s\"", name));
		return;
	}
	cursor = cursor_open(list, 0);
	while (!check->failed && !cursor_at_end(cursor))
	{
		char		byte = (char) cursor_byte(cursor);
		char	   *file;

		CHECK_FOR_INTERRUPTS();
		if (byte != '\n' && length < sizeof(line) - 1)
		{
			line[length++] = byte;
			continue;
		}
		line[length] = '\0';
		length = 0;
		file = strchr(line, ' ');
		if (byte != '\n' || file == NULL)
			refuse(check, psprintf("file \"%s\" is no list of large objects", name));
		else
		{
			check_file(check, file + 1, false);
			check->large_objects++;
		}
	}
	if (length > 0 && !check->failed)
		refuse(check, psprintf("file \"%s\" ends within a line", name));
	cursor_close(cursor);
	list->close(list);
}

/* How many large objects the contents name; -1 if they do not say. */
int64
archive_count_large_objects(const Archive *archive)
{
	int64		count = 0;
	bool		said = false;

	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];

		if (strcmp(entry->description, "BLOB") == 0)
			count++;
		else if (strcmp(entry->description, "BLOB METADATA") == 0)
		{
			/* one OID a line; of a list that is too long not all is kept */
			if (entry->definition == NULL ||
				strlen(entry->definition) >= ARCHIVE_MAX_STRING_BYTES)
				return -1;
			for (const char *at = entry->definition; (at = strchr(at, '\n')) != NULL; at++)
				count++;
		}
		else
			continue;
		said = true;
	}
	return said ? count : -1;
}

static void
check_files(FolderCheck *check)
{
	Archive    *archive = check->archive;
	bool		has_list = false;
	int64		wanted;

	for (int i = 0; i < archive->entry_count && !check->failed; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];

		CHECK_FOR_INTERRUPTS();
		if (!entry->has_dumper)
			continue;
		if (entry->file_name == NULL)
			refuse(check, psprintf("entry %d, %s %s, has data but no file",
								   entry->dump_id, entry->description, entry->tag));
		else if (strcmp(entry->description, "BLOBS") == 0)
		{
			has_list = true;
			check_list(check, entry->file_name);
		}
		else
			check_file(check, entry->file_name, entry->with_copy);
	}
	if (check->failed)
		return;

	wanted = archive_count_large_objects(archive);
	if (has_list && wanted >= 0 && check->large_objects < wanted)
		refuse(check, psprintf("the contents name " INT64_FORMAT " large objects, and " INT64_FORMAT " are listed",
							   wanted, check->large_objects));
	else if (has_list && wanted < 0)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 "the list of large objects has no end, and the contents do not say how many there are");
	else if (check->unproven != NULL)
		archive_set_complete(archive, ARCHIVE_COMPLETE_NOT_PROVEN,
							 check->unproven);
	else
		archive_set_complete(archive, ARCHIVE_COMPLETE_YES,
							 check->files == 0 ? "no entry has data" :
							 "every file that the contents name is there to its end");
}

/* Read an archive that is a folder. */
void
archive_read_folder(Archive *archive, ArchiveSource *folder)
{
	FolderCheck check = {.archive = archive,.folder = folder};
	ArchiveSource *contents = folder->open_file(folder, "toc.dat");

	if (contents == NULL)
	{
		archive->state = ARCHIVE_CLOSED;
		archive->format = ARCHIVE_UNKNOWN;
		archive->problem = "the folder has no file \"toc.dat\"";
		return;
	}
	if (archive_read_contents(archive, contents) >= 0)
		check_files(&check);
	contents->close(contents);
}
