/*-------------------------------------------------------------------------
 *
 * host.h
 *	  How much memory the machine, or the container, has left.
 *
 * Reads nothing itself, and needs no server: whoever asks says how a file is
 * read, so that a test can bring files of its own.
 *
 * src/memory/host.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_HOST_H
#define UPGRADE_PREREQ_HOST_H

/* What came of reading a file. */
typedef enum HostReadResult
{
	HOST_READ_DONE,
	HOST_READ_MISSING,			/* there is no such file */
	HOST_READ_FAILED,			/* anything else */
} HostReadResult;

/*
 * Reads the begin of a file, at most size - 1 bytes, and ends it with a null
 * byte.  Must not raise an error for what is wrong with the file.
 */
typedef HostReadResult (*HostReader) (void *argument, const char *path,
									  char *buffer, size_t size);

/* A figure, in bytes. */
typedef struct HostFigure
{
	bool		known;
	bool		unlimited;		/* known that there is no limit */
	uint64		bytes;			/* if known and not unlimited */
	const char *source;			/* the file it stands in */
	const char *note;			/* why it is not known, or NULL */
} HostFigure;

typedef struct HostMemory
{
	HostFigure	total;
	HostFigure	available;		/* without swapping */
	HostFigure	commit_limit;
	HostFigure	committed;
	HostFigure	cgroup_limit;	/* of the cgroup that leaves the least */
	HostFigure	cgroup_used;	/* in that cgroup; file cache that can be
								 * dropped is not counted */
	int			overcommit;		/* vm.overcommit_memory; -1 if not known */
} HostMemory;

extern HostMemory *host_memory(HostReader reader, void *argument);

#endif							/* UPGRADE_PREREQ_HOST_H */
