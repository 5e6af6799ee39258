/*-------------------------------------------------------------------------
 *
 * host.c
 *	  How much memory the machine, or the container, has left.
 *
 * Linux only; elsewhere the files are missing, and nothing is known.  Every
 * file is taken for hostile: what is too long, or not what Linux writes, is
 * not known either.
 *
 * Formats: proc_meminfo(5), proc_pid_cgroup(5), proc_pid_mountinfo(5), and
 * Linux' Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst.
 *
 * src/memory/host.c
 *
 *-------------------------------------------------------------------------
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "host.h"

/* No file that is read here is longer on a sane machine. */
#define HOST_FILE_BYTES (1024 * 1024)

/* Levels of cgroups above our own; the kernel's paths could have more. */
#define HOST_MAX_LEVELS 64

/* From here on a limit of version 1 stands for none (PAGE_COUNTER_MAX). */
#define HOST_V1_UNLIMITED (UINT64CONST(1) << 60)

/* The files of a cgroup, in the two versions. */
typedef struct CgroupVersion
{
	const char *file_system;	/* type in mountinfo */
	const char *limits[2];		/* the lower one counts; may be NULL */
	const char *usage;
	const char *stat;
	const char *inactive;		/* line of stat: file cache of the cgroup and
								 * those below that can be dropped */
	const char *witness;		/* there even where the limits are not, or
								 * NULL */
} CgroupVersion;

static const CgroupVersion cgroup_v1 = {
	"cgroup", {"memory.limit_in_bytes", NULL}, "memory.usage_in_bytes",
	"memory.stat", "total_inactive_file", NULL
};
static const CgroupVersion cgroup_v2 = {
	"cgroup2", {"memory.max", "memory.high"}, "memory.current",
	"memory.stat", "inactive_file", "cgroup.controllers"
};

/* What all functions here need. */
typedef struct HostScan
{
	HostReader	reader;
	void	   *argument;
	char	   *buffer;			/* HOST_FILE_BYTES */
} HostScan;

/* Read a file into the buffer. */
static HostReadResult
read_file(HostScan *scan, const char *path)
{
	return scan->reader(scan->argument, path, scan->buffer, HOST_FILE_BYTES);
}

/* Fill in a figure that is not known. */
static void
set_unknown(HostFigure *figure, const char *note)
{
	figure->known = false;
	figure->note = note;
}

/* Fill in a figure that is known. */
static void
set_known(HostFigure *figure, uint64 bytes)
{
	figure->known = true;
	figure->bytes = bytes;
}

/*
 * Read a decimal number and move behind it.  False if there is none, or none
 * that fits.
 */
static bool
parse_number(const char **text, uint64 *number)
{
	const char *p = *text;
	uint64		value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
	{
		uint64		digit = *p - '0';

		if (value > (PG_UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*text = p;
	*number = value;
	return true;
}

/* Read a text that is a number and nothing else, but for a line feed. */
static bool
parse_lone_number(const char *text, uint64 *number)
{
	return parse_number(&text, number) &&
		(strcmp(text, "\n") == 0 || *text == '\0');
}

/* The begin of the next line, or NULL. */
static const char *
next_line(const char *line)
{
	line = strchr(line, '\n');
	return line == NULL || line[1] == '\0' ? NULL : line + 1;
}

/*
 * The number in the line that begins with a key, and what follows the number
 * in *rest; false if there is no such line.
 */
static bool
find_number(const char *text, const char *key, uint64 *number,
			const char **rest)
{
	size_t		length = strlen(key);

	for (const char *line = text; line != NULL; line = next_line(line))
	{
		if (strncmp(line, key, length) != 0 || line[length] != ' ')
			continue;
		*rest = line + length + strspn(line + length, " ");
		return parse_number(rest, number);
	}
	return false;
}

/* A line of /proc/meminfo, "Key:   123 kB". */
static void
read_meminfo(const char *text, const char *name, HostFigure *figure)
{
	const char *rest;
	uint64		kb;

	figure->source = psprintf("/proc/meminfo: %s", name);
	if (text == NULL)
		set_unknown(figure, "the file cannot be read");
	else if (!find_number(text, psprintf("%s:", name), &kb, &rest) ||
			 strncmp(rest, " kB\n", 4) != 0 || kb > PG_UINT64_MAX / 1024)
		set_unknown(figure, "the file does not say it");
	else
		set_known(figure, kb * 1024);
}

/*
 * A copy of a field of mountinfo, which ends at a space, with \ooo replaced
 * by what it stands for.
 */
static char *
unescape(const char *field)
{
	size_t		length = strcspn(field, " \n");
	char	   *result = palloc(length + 1);
	char	   *to = result;
	const char *end = field + length;

	while (field < end)
	{
		if (field[0] == '\\' && end - field >= 4 &&
			strspn(field + 1, "01234567") >= 3 && field[1] <= '3')
		{
			*to++ = (char) ((field[1] - '0') << 6 | (field[2] - '0') << 3 |
							(field[3] - '0'));
			field += 4;
		}
		else
			*to++ = *field++;
	}
	*to = '\0';
	return result;
}

/* Is a word in a list that is separated by commas and ends at one of ends? */
static bool
has_word(const char *list, const char *word, const char *ends)
{
	size_t		length = strlen(word);
	const char *end = list + strcspn(list, ends);

	while (list < end)
	{
		size_t		item = Min(strcspn(list, ","), (size_t) (end - list));

		if (item == length && strncmp(list, word, length) == 0)
			return true;
		list += item + 1;
	}
	return false;
}

/*
 * The cgroup of this process that limits memory, from /proc/self/cgroup: the
 * hierarchy of version 1 that has the controller "memory", else that of
 * version 2.  NULL if there is neither.
 */
static char *
find_cgroup(const char *text, const CgroupVersion **version)
{
	const char *path = NULL;

	*version = NULL;
	for (const char *line = text; line != NULL; line = next_line(line))
	{
		const char *controllers = strchr(line, ':');
		const char *line_end = line + strcspn(line, "\n");
		const char *line_path;

		if (controllers == NULL || ++controllers > line_end)
			continue;
		line_path = strchr(controllers, ':');
		if (line_path == NULL || ++line_path > line_end)
			continue;

		if (has_word(controllers, "memory", ":"))
		{
			*version = &cgroup_v1;
			path = line_path;
			break;
		}
		if (strncmp(line, "0::", 3) == 0)
		{
			*version = &cgroup_v2;
			path = line_path;
		}
	}
	return path == NULL ? NULL : pnstrdup(path, strcspn(path, "\n"));
}

/*
 * The part of a cgroup's path below the root of a mount; NULL if it is not
 * below.
 */
static const char *
path_below(const char *path, const char *root)
{
	size_t		length = strlen(root);

	if (strcmp(root, "/") == 0)
		length = 0;
	if (strncmp(path, root, length) != 0)
		return NULL;
	path += length;
	return *path == '/' || *path == '\0' ? path : NULL;
}

/*
 * One line of mountinfo, "36 35 98:0 /root /mount/point options [tags ...] -
 * type source options": if it is a mount of the hierarchy that shows the
 * cgroup, the cgroup's folder in it, and the length of the mount point.
 */
static char *
folder_in_mount(const char *line, const CgroupVersion *version,
				const char *path, size_t *mount_length)
{
	const char *line_end = line + strcspn(line, "\n");
	const char *field = line;
	const char *type = strstr(line, " - ");
	const char *options;
	const char *below;
	char	   *mount_point;

	if (type == NULL || (type += 3) > line_end ||
		strcspn(type, " ") != strlen(version->file_system) ||
		strncmp(type, version->file_system, strlen(version->file_system)) != 0)
		return NULL;

	options = type + strcspn(type, " \n");
	options += strspn(options, " ");
	options += strcspn(options, " \n");
	options += strspn(options, " ");
	if (version == &cgroup_v1 && !has_word(options, "memory", " \n"))
		return NULL;

	for (int i = 0; i < 3; i++)
	{
		field += strcspn(field, " \n");
		field += strspn(field, " ");
	}
	below = path_below(path, unescape(field));
	if (below == NULL)
		return NULL;
	field += strcspn(field, " \n");
	field += strspn(field, " ");

	mount_point = unescape(field);
	*mount_length = strlen(mount_point);
	return psprintf("%s%s", mount_point, strcmp(below, "/") == 0 ? "" : below);
}

/*
 * The limit of one cgroup; unlimited if it has none.  path is the folder.
 */
static HostFigure
read_limit(HostScan *scan, const CgroupVersion *version, const char *folder)
{
	HostFigure	limit = {true, true, 0, NULL, NULL};

	for (size_t i = 0; i < lengthof(version->limits); i++)
	{
		const char *path;
		HostReadResult result;
		uint64		bytes;

		if (version->limits[i] == NULL)
			continue;
		path = psprintf("%s/%s", folder, version->limits[i]);
		result = read_file(scan, path);
		if (result == HOST_READ_MISSING && version->witness != NULL &&
			read_file(scan, psprintf("%s/%s", folder, version->witness)) == HOST_READ_DONE)
			continue;			/* the controller is not on in this cgroup */
		if (result == HOST_READ_DONE && strcmp(scan->buffer, "max\n") == 0)
			continue;
		if (result != HOST_READ_DONE || !parse_lone_number(scan->buffer, &bytes))
		{
			limit.source = path;
			set_unknown(&limit, result == HOST_READ_DONE ?
						"the file does not say it" : "the file cannot be read");
			return limit;
		}
		if (version == &cgroup_v1 && bytes >= HOST_V1_UNLIMITED)
			continue;
		if (limit.unlimited || bytes < limit.bytes)
		{
			limit.source = path;
			limit.unlimited = false;
			set_known(&limit, bytes);
		}
	}
	return limit;
}

/* The memory in use in one cgroup, but for file cache that can be dropped. */
static HostFigure
read_usage(HostScan *scan, const CgroupVersion *version, const char *folder)
{
	HostFigure	usage = {false, false, 0, NULL, NULL};
	uint64		used;
	uint64		inactive;
	const char *rest;

	usage.source = psprintf("%s/%s", folder, version->usage);
	if (read_file(scan, usage.source) != HOST_READ_DONE ||
		!parse_lone_number(scan->buffer, &used))
	{
		set_unknown(&usage, "the file cannot be read");
		return usage;
	}
	/* without this the whole cache counts, which is on the safe side */
	if (read_file(scan, psprintf("%s/%s", folder, version->stat)) == HOST_READ_DONE &&
		find_number(scan->buffer, version->inactive, &inactive, &rest))
	{
		used -= Min(inactive, used);
		usage.source = psprintf("%s/%s less %s of %s", folder, version->usage,
								version->inactive, version->stat);
	}
	set_known(&usage, used);
	return usage;
}

/* What a limit leaves. */
static uint64
left_of(const HostFigure *limit, const HostFigure *used)
{
	return limit->bytes - Min(limit->bytes, used->bytes);
}

/*
 * Walk from a cgroup's folder up to the mount point, for limits hold for all
 * cgroups below, and keep the one that leaves the least.  What cannot be read
 * on the way makes the result unknown.
 */
static void
walk_up(HostScan *scan, const CgroupVersion *version, char *folder,
		size_t mount_length, HostMemory *memory)
{
	memory->cgroup_limit.known = memory->cgroup_limit.unlimited = true;
	memory->cgroup_used.known = memory->cgroup_used.unlimited = true;
	memory->cgroup_limit.source = memory->cgroup_used.source = pstrdup(folder);

	for (int level = 0;; level++)
	{
		HostFigure	limit = read_limit(scan, version, folder);
		HostFigure	used = {true, true, 0, NULL, NULL};

		if (level > HOST_MAX_LEVELS)
			set_unknown(&limit, "there are too many levels of cgroups");
		if (limit.known && !limit.unlimited)
			used = read_usage(scan, version, folder);
		if (!limit.known || !used.known)
		{
			memory->cgroup_limit = limit;
			memory->cgroup_used = used;
			return;
		}
		if (!limit.unlimited &&
			(memory->cgroup_limit.unlimited ||
			 left_of(&limit, &used) <
			 left_of(&memory->cgroup_limit, &memory->cgroup_used)))
		{
			memory->cgroup_limit = limit;
			memory->cgroup_used = used;
		}
		if (strlen(folder) <= mount_length)
			return;
		*strrchr(folder, '/') = '\0';
	}
}

/* Fill in the figures on cgroups. */
static void
scan_cgroups(HostScan *scan, HostMemory *memory)
{
	HostFigure *limit = &memory->cgroup_limit;
	const CgroupVersion *version;
	size_t		mount_length = 0;
	char	   *folder = NULL;
	char	   *path;

	limit->source = "/proc/self/cgroup";
	if (read_file(scan, limit->source) != HOST_READ_DONE)
		set_unknown(limit, "the file cannot be read");
	else if ((path = find_cgroup(scan->buffer, &version)) == NULL)
		set_unknown(limit, "the file does not say it");
	else
	{
		limit->source = "/proc/self/mountinfo";
		if (read_file(scan, limit->source) == HOST_READ_DONE &&
			strstr(path, "/..") == NULL)
		{
			for (const char *line = scan->buffer;
				 line != NULL && folder == NULL; line = next_line(line))
				folder = folder_in_mount(line, version, path, &mount_length);
		}
		if (folder == NULL)
			set_unknown(limit, psprintf("cgroup \"%s\" is not to be seen under any mount point",
										path));
		else
			walk_up(scan, version, folder, mount_length, memory);
	}
	if (!limit->known)
	{
		memory->cgroup_used.known = false;
		if (memory->cgroup_used.source == NULL)
			memory->cgroup_used.source = limit->source;
		if (memory->cgroup_used.note == NULL)
			memory->cgroup_used.note = limit->note;
	}
}

/*
 * All that the files say.  reader reads them, and gets argument.  Never
 * raises an error, but for lack of memory; allocates in the current memory
 * context.
 */
HostMemory *
host_memory(HostReader reader, void *argument)
{
	HostMemory *memory = palloc0(sizeof(HostMemory));
	HostScan	scan = {reader, argument, palloc(HOST_FILE_BYTES)};
	const char *text = NULL;
	uint64		mode;

	if (read_file(&scan, "/proc/meminfo") == HOST_READ_DONE)
		text = scan.buffer;
	read_meminfo(text, "MemTotal", &memory->total);
	read_meminfo(text, "MemAvailable", &memory->available);
	read_meminfo(text, "CommitLimit", &memory->commit_limit);
	read_meminfo(text, "Committed_AS", &memory->committed);

	memory->overcommit = -1;
	if (read_file(&scan, "/proc/sys/vm/overcommit_memory") == HOST_READ_DONE &&
		parse_lone_number(scan.buffer, &mode) && mode <= 2)
		memory->overcommit = (int) mode;

	scan_cgroups(&scan, memory);
	pfree(scan.buffer);
	return memory;
}
