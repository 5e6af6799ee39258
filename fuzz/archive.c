/*-------------------------------------------------------------------------
 *
 * archive_test.c
 *	  The reader of archives without a server: a fuzz target, and a program
 *	  that prints what it makes of files.
 *
 *	  archive_test FILE...		prints the header of each
 *
 * With clang's libFuzzer (-fsanitize=fuzzer, and FUZZER defined), the first
 * byte of the input chooses how the rest is given: whole, with or without its
 * size, or its beginning and end.  Whatever is allocated while an input is
 * read is counted and freed afterwards, so that memory that an input could
 * blow up shows: 64 bytes for each byte, and what readers take in any case.
 *
 * test/archive/archive_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "backup/archive.h"

/* The system's own will do, and need no library of PostgreSQL. */
#undef printf
#undef fprintf
#undef vsnprintf

#define FIXED_BYTES (1024 * 1024)
#define FACTOR 64

/* ----- memory, in place of PostgreSQL's library ----- */

typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *previous;
	size_t		size;
	size_t		padding;		/* what follows is aligned */
} Chunk;

static Chunk chunks = {&chunks, &chunks, 0, 0};
static size_t allocated;
static size_t most_allocated;

static void
count_bytes(size_t more, size_t less)
{
	allocated += more;
	allocated -= less;
	if (allocated > most_allocated)
		most_allocated = allocated;
}

void *
palloc(Size size)
{
	Chunk	   *chunk = malloc(sizeof(Chunk) + size);

	if (chunk == NULL)
		abort();
	chunk->size = size;
	chunk->next = chunks.next;
	chunk->previous = &chunks;
	chunks.next->previous = chunk;
	chunks.next = chunk;
	count_bytes(size, 0);
	return chunk + 1;
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->next->previous = chunk->previous;
	chunk->previous->next = chunk->next;
	count_bytes(0, chunk->size);
	free(chunk);
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
repalloc(void *pointer, Size size)
{
	void	   *result = palloc(size);

	memcpy(result, pointer, Min(size, ((Chunk *) pointer - 1)->size));
	pfree(pointer);
	return result;
}

char *
pnstrdup(const char *string, Size length)
{
	char	   *result;

	length = strnlen(string, length);
	result = palloc(length + 1);
	memcpy(result, string, length);
	result[length] = '\0';
	return result;
}

char *
pstrdup(const char *string)
{
	return pnstrdup(string, strlen(string));
}

char *
psprintf(const char *format,...)
{
	char		buffer[8192];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	return pstrdup(buffer);
}

static void
free_all(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
	most_allocated = 0;
}

/* ----- reading ----- */

/* Look at every string of an entry, and at its numbers. */
static size_t
use_archive(const Archive *archive)
{
	size_t		sum = 0;

	if (archive->complete_reason == NULL ||
		(archive->state == ARCHIVE_READ) != (archive->problem == NULL) ||
		archive->needs_bytes < 0 || archive->needs_tail_bytes < 0)
		abort();
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];
		const char *strings[] = {
			entry->tag, entry->description, entry->schema, entry->owner,
			entry->definition, entry->file_name
		};

		if (entry->tag == NULL || entry->description == NULL)
			abort();
		for (size_t j = 0; j < lengthof(strings); j++)
			sum += strings[j] == NULL ? 0 : strlen(strings[j]);
		sum += archive_table_data(archive, entry) != NULL;
	}
	return sum;
}

#ifdef FUZZER

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *) data + 1;
	ArchiveSource *source;
	size_t		head;
	size_t		tail;

	if (size < 3)
		return 0;
	size--;
	switch (data[0] % 4)
	{
		case 0:
			source = archive_bytes(bytes, size, NULL, 0, size);
			break;
		case 1:
			source = archive_bytes(bytes, size, NULL, 0, -1);
			break;
		case 2:
			/* a file that is longer */
			source = archive_bytes(bytes, size, NULL, 0, (int64) size + data[1] * 1000);
			break;
		default:
			head = size * data[1] / 256;
			tail = Min(size - head, size * (data[0] / 4) / 64);
			source = archive_bytes(bytes, head, bytes + size - tail, tail, size);
			break;
	}
	use_archive(archive_read(source));
	if (most_allocated > FIXED_BYTES + FACTOR * size)
	{
		fprintf(stderr, "%zu bytes were allocated for %zu\n", most_allocated, size);
		abort();
	}
	free_all();
	return 0;
}

#else

static void
print_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	static char buffer[64 * 1024 * 1024];
	size_t		length;
	Archive    *archive;

	if (file == NULL)
	{
		fprintf(stderr, "cannot open %s\n", path);
		exit(1);
	}
	length = fread(buffer, 1, sizeof(buffer), file);
	fclose(file);
	archive = archive_read(archive_bytes(buffer, length, NULL, 0, length));
	use_archive(archive);
	printf("%s|%d.%d|%s|%s|%s|%s|%d|%s\n", archive_format_name(archive->format),
		   archive->version[0], archive->version[1],
		   archive_state_name(archive->state),
		   archive->problem ? archive->problem : "",
		   archive_complete_name(archive->complete), archive->complete_reason,
		   archive->entry_count, archive->created ? archive->created : "");
	for (int i = 0; i < archive->entry_count; i++)
	{
		const ArchiveEntry *entry = &archive->entries[i];

		printf("%d; %u %u %s %s %s %s\n", entry->dump_id, entry->catalog_oid,
			   entry->object_oid, entry->description,
			   entry->schema ? entry->schema : "-", entry->tag,
			   entry->owner ? entry->owner : "");
	}
	free_all();
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		print_file(argv[i]);
	return 0;
}

#endif
