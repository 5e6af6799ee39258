/*-------------------------------------------------------------------------
 *
 * host_test.c
 *	  Prints what src/memory/host.c makes of the files below a folder, one
 *	  figure a line: name, value and source.
 *
 *	  host_test FOLDER			(FOLDER is put before every path)
 *
 * test/host/host_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "memory/host.h"

/* Reads a file below the folder. */
static HostReadResult
read_below(void *argument, const char *path, char *buffer, size_t size)
{
	FILE	   *file = fopen(psprintf("%s%s", (const char *) argument, path), "r");
	size_t		length;
	bool		failed;

	if (file == NULL)
		return errno == ENOENT ? HOST_READ_MISSING : HOST_READ_FAILED;
	length = fread(buffer, 1, size - 1, file);
	failed = ferror(file) != 0;
	fclose(file);
	buffer[length] = '\0';
	return failed ? HOST_READ_FAILED : HOST_READ_DONE;
}

static void
print_figure(const char *name, const HostFigure *figure)
{
	printf("%s|", name);
	if (!figure->known)
		printf("unknown: %s", figure->note);
	else if (figure->unlimited)
		printf("unlimited");
	else
		printf(UINT64_FORMAT, figure->bytes);
	printf("|%s\n", figure->source ? figure->source : "");
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		HostMemory *memory = host_memory(read_below, argv[i]);

		print_figure("total", &memory->total);
		print_figure("available", &memory->available);
		print_figure("commit_limit", &memory->commit_limit);
		print_figure("committed", &memory->committed);
		print_figure("cgroup_limit", &memory->cgroup_limit);
		print_figure("cgroup_used", &memory->cgroup_used);
		printf("overcommit|%d|\n", memory->overcommit);
	}
	return 0;
}
