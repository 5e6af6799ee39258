/*-------------------------------------------------------------------------
 *
 * archive.c
 *	  The reader of archives, without a server, for a fuzzer.
 *
 * Each input is read in several ways: as a file, with its size known or not,
 * or larger than what is given; as its beginning and its end; and as every
 * file of a folder.  Nothing may crash, no answer may lack its reason, and
 * what is allocated must not be much more than the input.
 *
 * With FUZZER defined this is a target for clang's libFuzzer ("make fuzz");
 * without, a program that makes its own changes to some files:
 *
 *	  fuzz_archive SEED COUNT FILE...
 *
 * COUNT 0 reads each file as it is.
 *
 * fuzz/archive.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "backup/archive.h"

/* The system's own will do, and need no library of PostgreSQL. */
#undef printf
#undef fprintf
#undef vsnprintf

/* What may be allocated: so much in any case, and for each byte of input. */
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

/* Where an input is cut; the same for the same input. */
static uint32
hash(const char *bytes, size_t size)
{
	uint32		result = 2166136261u;

	for (size_t i = 0; i < size; i++)
		result = (result ^ (unsigned char) bytes[i]) * 16777619u;
	return result;
}

/* A folder, whose files all begin with the input, or are part of it. */
typedef struct Folder
{
	ArchiveSource source;
	const char *bytes;
	size_t		size;
	uint32		hash;
} Folder;

static ArchiveSource *
open_in_folder(ArchiveSource *source, const char *name)
{
	Folder	   *folder = (Folder *) source;
	static const char *const suffixes[] = {"", ".gz", ".lz4", ".zst"};
	const char *suffix = suffixes[folder->hash % 4];
	size_t		start = 0;

	if (strchr(name, '/') != NULL)
		abort();
	if (strcmp(name, "toc.dat") != 0)
	{
		size_t		length = strlen(name);

		if (length < strlen(suffix) || strcmp(name + length - strlen(suffix), suffix) != 0)
			return NULL;
		start = folder->hash / 4 % (folder->size + 1);
	}
	return archive_bytes(folder->bytes + start, folder->size - start, NULL, 0,
						 folder->size - start);
}

static void
read_one(ArchiveSource *source)
{
	use_archive(archive_read(source));
}

static void
read_input(const char *bytes, size_t size)
{
	uint32		where = hash(bytes, size);
	size_t		head = where % (size + 1);
	size_t		tail = where / 256 % (size - head + 1);
	Folder		folder = {.bytes = bytes,.size = size,.hash = where};

	read_one(archive_bytes(bytes, size, NULL, 0, size));
	read_one(archive_bytes(bytes, size, NULL, 0, -1));
	read_one(archive_bytes(bytes, size, NULL, 0, (int64) size + where % 100000));
	read_one(archive_bytes(bytes, head, bytes + size - tail, tail, size));

	folder.source.size = -1;
	folder.source.is_folder = true;
	folder.source.open_file = open_in_folder;
	read_one(&folder.source);

	if (most_allocated > FIXED_BYTES + FACTOR * size)
	{
		fprintf(stderr, "%zu bytes were allocated for %zu\n", most_allocated, size);
		abort();
	}
	free_all();
}

#ifdef FUZZER

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_input((const char *) data, size);
	return 0;
}

#else

#define MAX_INPUT (1024 * 1024)

/* The changes that are made: xorshift, which is the same everywhere. */
static uint32 random_state;

static uint32
random_below(uint32 limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % limit;
}

static size_t
read_input_file(const char *path, char *buffer)
{
	FILE	   *file = fopen(path, "rb");
	size_t		size;

	if (file == NULL)
	{
		fprintf(stderr, "cannot open %s\n", path);
		exit(1);
	}
	size = fread(buffer, 1, MAX_INPUT / 2, file);
	fclose(file);
	return size;
}

/* Change some bytes, cut, or double; the new size. */
static size_t
mutate(char *bytes, size_t size)
{
	static const unsigned char odd[] = {0, 1, 2, 3, 0x7F, 0x80, 0xFF, '\n', '\'', '"', '$', '\\', '-', ';'};
	int			changes = 1 + random_below(8);

	while (changes-- > 0 && size > 0)
	{
		size_t		at = random_below(random_below(2) ? size : Min(size, 300));
		size_t		length = 1 + random_below(Min(size - at, 40));

		switch (random_below(6))
		{
			case 0:
				bytes[at] ^= 1 << random_below(8);
				break;
			case 1:
				bytes[at] = odd[random_below(lengthof(odd))];
				break;
			case 2:
				memset(bytes + at, random_below(256), length);
				break;
			case 3:
				memmove(bytes + at, bytes + at + length, size - at - length);
				size -= length;
				break;
			case 4:
				if (size + length > MAX_INPUT)
					break;
				memmove(bytes + at + length, bytes + at, size - at);
				size += length;
				break;
			default:
				if (random_below(4) == 0)
					size = at;
				break;
		}
	}
	return size;
}

int
main(int argc, char **argv)
{
	char	   *original = malloc(MAX_INPUT);
	char	   *bytes = malloc(MAX_INPUT);
	int			count = argc > 3 ? atoi(argv[2]) : -1;
	long		done = 0;

	if (count < 0 || original == NULL || bytes == NULL)
	{
		fprintf(stderr, "usage: fuzz_archive SEED COUNT FILE...\n");
		return 1;
	}
	random_state = (uint32) strtoul(argv[1], NULL, 10) | 1;
	for (int i = 3; i < argc; i++)
	{
		size_t		size = read_input_file(argv[i], original);

		read_input(original, size);
		for (int j = 0; j < count; j++, done++)
		{
			memcpy(bytes, original, size);
			read_input(bytes, mutate(bytes, size));
		}
	}
	printf("%ld inputs were read\n", done + argc - 3);
	return 0;
}

#endif
