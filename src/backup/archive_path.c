/*-------------------------------------------------------------------------
 *
 * archive_path.c
 *	  Archives that are files or folders on the server.
 *
 * Only plain files are opened, and without waiting: nothing here hangs on a
 * pipe.  Whether the role may read files is the caller's business.
 *
 * src/backup/archive_path.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "compat.h"
#include "server_file.h"
#include "storage/fd.h"

#ifndef O_NONBLOCK
#define O_NONBLOCK 0
#endif

typedef struct FileSource
{
	ArchiveSource source;
	char	   *path;
	int			fd;				/* -1 for a folder */
} FileSource;

static size_t
read_file(ArchiveSource *source, int64 offset, char *buffer, size_t length)
{
	FileSource *file = (FileSource *) source;
	size_t		done = 0;

	/*
	 * what was written after the size was taken does not count; of a folder,
	 * whose size is -1, nothing is read
	 */
	if (offset < 0 || offset >= source->size)
		return 0;
	length = (size_t) Min((int64) length, source->size - offset);
	while (done < length)
	{
		ssize_t		count;

		CHECK_FOR_INTERRUPTS();
		count = pg_pread(file->fd, buffer + done, length - done,
						 (off_t) (offset + done));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", file->path)));
		if (count == 0)
			break;
		done += count;
	}
	return done;
}

static void
close_file(ArchiveSource *source)
{
	FileSource *file = (FileSource *) source;

	if (file->fd >= 0)
		CloseTransientFile(file->fd);
	pfree(file->path);
	pfree(file);
}

static FileSource *
make_source(const char *path)
{
	FileSource *file = palloc0(sizeof(FileSource));

	file->path = pstrdup(path);
	file->fd = -1;
	file->source.size = -1;
	file->source.read = read_file;
	file->source.close = close_file;
	return file;
}

/*
 * Open a plain file; NULL, with errno, if it cannot be: ENXIO if it is
 * something else.
 */
static ArchiveSource *
open_plain_file(const char *path)
{
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	struct stat status;
	FileSource *file;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
		(int64) status.st_size > ARCHIVE_MAX_SIZE)
	{
		CloseTransientFile(fd);
		errno = ENXIO;
		return NULL;
	}
	file = make_source(path);
	file->fd = fd;
	file->source.size = status.st_size;
	return &file->source;
}

/* A file of the folder; what cannot be read is an error, what is not there not. */
static ArchiveSource *
open_in_folder(ArchiveSource *folder, const char *name)
{
	char	   *path = psprintf("%s/%s", ((FileSource *) folder)->path, name);
	ArchiveSource *file = open_plain_file(path);

	if (file == NULL && errno != ENOENT && errno != ENXIO)
		server_file_refuse(path);
	pfree(path);
	return file;
}

/*
 * A file or folder on the server; a path that is not absolute begins in the
 * data directory.  Errors: those of opening it; 42809 if it is neither.
 */
ArchiveSource *
archive_path(const char *path)
{
	ArchiveSource *source;
	struct stat status;

	if (stat(path, &status) != 0)
		server_file_refuse(path);
	if (S_ISDIR(status.st_mode))
	{
		source = &make_source(path)->source;
		source->is_folder = true;
		source->open_file = open_in_folder;
		return source;
	}
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is neither a plain file nor a folder", path)));
	source = open_plain_file(path);
	if (source == NULL)
		server_file_refuse(path);
	return source;
}
