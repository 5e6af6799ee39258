/*-------------------------------------------------------------------------
 *
 * archive_inflate.c
 *	  Decompresses a gzip file, to see whether it is whole.
 *
 * The library that the server uses for this is not one that an extension may
 * count on.  Written after RFC 1951 and RFC 1952.
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

#include "archive_inflate.h"

#define WINDOW_BYTES 32768		/* how far back a copy reaches */
#define MAX_CODE_BITS 15
#define LENGTH_CODES 286
#define DISTANCE_CODES 30
#define END_OF_BLOCK 256

/* By the next MAX_CODE_BITS bits: the symbol and its number of bits, or 0. */
typedef struct Code
{
	uint16 symbol[1 << MAX_CODE_BITS];
	uint8		bits[1 << MAX_CODE_BITS];
} Code;

typedef struct Inflater
{
	ArchiveCursor *cursor;
	uint32		bits;			/* read but not used, the next one lowest */
	int			bit_count;
	uint32		crc;
	uint64		written;		/* bytes so far */
	Code		lengths;
	Code		distances;
	uint32		crc_table[256];
	unsigned char window[WINDOW_BYTES];
} Inflater;

static bool
corrupt(Inflater *inflater)
{
	cursor_fail(inflater->cursor, ARCHIVE_MALFORMED, "the compressed data are damaged");
	return false;
}

/* Have at least so many bits, up to 16, if there are any more. */
static void
fill_bits(Inflater *inflater, int count)
{
	while (inflater->bit_count < count)
	{
		const char *bytes;

		if (cursor_peek(inflater->cursor, &bytes) == 0)
			return;
		inflater->bits |= (uint32) (unsigned char) *bytes << inflater->bit_count;
		inflater->bit_count += 8;
		inflater->cursor->position++;
	}
}

/* Use bits, which the cursor is asked for if there are not enough. */
static void
drop_bits(Inflater *inflater, int count)
{
	if (count > inflater->bit_count)
	{
		cursor_byte(inflater->cursor);	/* says that there is none */
		inflater->bits = 0;
		inflater->bit_count = 0;
		return;
	}
	inflater->bits >>= count;
	inflater->bit_count -= count;
}

static int
take_bits(Inflater *inflater, int count)
{
	int			value;

	fill_bits(inflater, count);
	value = inflater->bits & ((1 << count) - 1);
	drop_bits(inflater, count);
	return value;
}

/*
 * Make the table of a code from the number of bits of each symbol.  False if
 * there is no such code: more codes than bits allow, or fewer, unless there is
 * only one (RFC 1951, 3.2.7).
 */
static bool
build_code(Code *code, const uint8 *bits, int count)
{
	int			used[MAX_CODE_BITS + 1] = {0};
	int			next[MAX_CODE_BITS + 2] = {0};
	int			left = 1;
	int			symbols;

	for (int i = 0; i < count; i++)
		used[bits[i]]++;
	symbols = count - used[0];
	used[0] = 0;
	for (int length = 1; length <= MAX_CODE_BITS; length++)
	{
		left = left * 2 - used[length];
		if (left < 0)
			return false;
		next[length + 1] = (next[length] + used[length]) << 1;
	}
	if (left > 0 && symbols > 1)
		return false;

	memset(code->bits, 0, sizeof(code->bits));
	for (int symbol = 0; symbol <count; symbol ++)
	{
		int			length = bits[symbol];
		int			value;
		int			reversed = 0;

		if (length == 0)
			continue;
		value = next[length]++;
		for (int i = 0; i < length; i++)
			reversed |= ((value >> i) & 1) << (length - 1 - i);
		for (int i = reversed; i < 1 << MAX_CODE_BITS; i += 1 << length)
		{
			code->symbol[i] = symbol;

			code->bits[i] = length;
		}
	}
	return true;
}

/* The next symbol; -1 if there is none. */
static int
take_symbol(Inflater *inflater, const Code *code)
{
	int			index;

	fill_bits(inflater, MAX_CODE_BITS);
	index = inflater->bits & ((1 << MAX_CODE_BITS) - 1);
	if (code->bits[index] == 0)
	{
		if (inflater->bit_count < MAX_CODE_BITS)
			drop_bits(inflater, MAX_CODE_BITS);
		corrupt(inflater);
		return -1;
	}
	drop_bits(inflater, code->bits[index]);
	return cursor_ok(inflater->cursor) ? code->symbol[index] : -1;
}

static inline void
put_byte(Inflater *inflater, unsigned char byte)
{
	inflater->window[inflater->written++ % WINDOW_BYTES] = byte;
	inflater->crc = inflater->crc_table[(inflater->crc ^ byte) & 0xFF] ^
		(inflater->crc >> 8);
}

/* A block that is not compressed. */
static bool
copy_stored(Inflater *inflater)
{
	int			length;
	int			complement;

	drop_bits(inflater, inflater->bit_count % 8);
	length = take_bits(inflater, 16);
	complement = take_bits(inflater, 16);
	if (!cursor_ok(inflater->cursor))
		return false;
	if (length != (~complement & 0xFFFF))
		return corrupt(inflater);
	for (int i = 0; i < length && cursor_ok(inflater->cursor); i++)
		put_byte(inflater, take_bits(inflater, 8));
	return cursor_ok(inflater->cursor);
}

/* The codes that a block has when it brings none. */
static bool
use_fixed_codes(Inflater *inflater)
{
	uint8		bits[288];

	memset(bits, 8, 144);
	memset(bits + 144, 9, 112);
	memset(bits + 256, 7, 24);
	memset(bits + 280, 8, 8);
	if (!build_code(&inflater->lengths, bits, 288))
		return false;
	memset(bits, 5, 32);
	return build_code(&inflater->distances, bits, 32);
}

/* The codes that a block brings, in a code of their own. */
static bool
read_codes(Inflater *inflater)
{
	static const uint8 order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
	};
	uint8		bits[LENGTH_CODES + DISTANCE_CODES] = {0};
	int			lengths = take_bits(inflater, 5) + 257;
	int			distances = take_bits(inflater, 5) + 1;
	int			count = take_bits(inflater, 4) + 4;
	int			at = 0;

	if (lengths > LENGTH_CODES || distances > DISTANCE_CODES)
		return corrupt(inflater);
	for (int i = 0; i < count; i++)
		bits[order[i]] = take_bits(inflater, 3);
	if (!cursor_ok(inflater->cursor) || !build_code(&inflater->lengths, bits, 19))
		return corrupt(inflater);

	memset(bits, 0, sizeof(bits));
	while (at < lengths + distances)
	{
		int symbol = take_symbol(inflater, &inflater->lengths);
		int			repeat = 1;
		int			value = symbol;

		if (symbol <0)
			return false;
		if (symbol >=16)
		{
			if (symbol == 16 && at == 0)
				return corrupt(inflater);
			value = symbol == 16 ? bits[at - 1] : 0;
			repeat = symbol == 16 ? 3 + take_bits(inflater, 2) :
				symbol == 17 ? 3 + take_bits(inflater, 3) :
				11 + take_bits(inflater, 7);
		}
		if (at + repeat > lengths + distances)
			return corrupt(inflater);
		while (repeat-- > 0)
			bits[at++] = value;
	}
	if (bits[END_OF_BLOCK] == 0 ||
		!build_code(&inflater->lengths, bits, lengths) ||
		!build_code(&inflater->distances, bits + lengths, distances))
		return corrupt(inflater);
	return true;
}

/* Copy what was written before.  symbol says how much. */
static bool
copy_back(Inflater *inflater, int symbol)
{
	int			length;
	int			distance;
	int			extra;

	/* lengths: 3 to 10, then four steps for each number of extra bits */
	if (symbol <265)
		length = symbol -257 + 3;

	else if (symbol <285)
	{
		extra = (symbol -261) /4;
		length = ((4 + (symbol -261) %4) << extra) + 3 + take_bits(inflater, extra);
	}
	else if (symbol == 285)
		length = 258;
	else
		return corrupt(inflater);

	/* distances: 1 to 4, then two steps for each number of extra bits */
	symbol = take_symbol(inflater, &inflater->distances);

	if (symbol <0)
		return false;
	if (symbol >=DISTANCE_CODES)
		return corrupt(inflater);
	if (symbol <4)
		distance = symbol +1;

	else
	{
		extra = symbol /2 - 1;

		distance = ((2 + symbol %2) <<extra) + 1 + take_bits(inflater, extra);
	}
	if (!cursor_ok(inflater->cursor))
		return false;
	if ((uint64) distance > inflater->written)
		return corrupt(inflater);
	while (length-- > 0)
		put_byte(inflater, inflater->window[(inflater->written - distance) % WINDOW_BYTES]);
	return true;
}

static bool
decode_block(Inflater *inflater)
{
	for (;;)
	{
		int symbol = take_symbol(inflater, &inflater->lengths);

		if (symbol <0)
			return false;
		if (symbol == END_OF_BLOCK)
			return true;
		if (symbol <END_OF_BLOCK)
			put_byte(inflater, symbol);
		else if (!copy_back(inflater, symbol))
			return false;
	}
}

static bool
decode_stream(Inflater *inflater)
{
	bool		last = false;

	while (!last)
	{
		int			type;
		bool		good;

		last = take_bits(inflater, 1);
		type = take_bits(inflater, 2);
		if (!cursor_ok(inflater->cursor))
			return false;
		if (type == 0)
			good = copy_stored(inflater);
		else if (type == 3)
			good = corrupt(inflater);
		else
			good = (type == 1 ? use_fixed_codes(inflater) : read_codes(inflater)) &&
				decode_block(inflater);
		if (!good)
			return false;
	}
	/* whole bytes that were taken too many go back */
	inflater->cursor->position -= inflater->bit_count / 8;
	inflater->bits = 0;
	inflater->bit_count = 0;
	return true;
}

/* The header of a member of a gzip file. */
static void
skip_header(ArchiveCursor *cursor)
{
	int			magic = (int) cursor_little_endian(cursor, 3);
	int			flags = cursor_byte(cursor);

	cursor_read(cursor, NULL, 6);
	if (cursor_ok(cursor) && (magic != 0x088B1F || (flags & 0xE0) != 0))
		cursor_fail(cursor, ARCHIVE_MALFORMED, "the compressed data are damaged");
	if (flags & 4)				/* extra field */
		cursor_read(cursor, NULL, (size_t) cursor_little_endian(cursor, 2));
	for (int flag = 8; flag <= 16; flag *= 2)	/* name, comment */
	{
		while ((flags & flag) && cursor_byte(cursor) != 0)
			;
	}
	if (flags & 2)				/* checksum of the header */
		cursor_read(cursor, NULL, 2);
}

/*
 * Decompress the gzip file that begins at the cursor, which may have several
 * members, to its end.  What is wrong shows in the cursor: it ends early, or a
 * checksum is not what it should be.
 */
void
archive_inflate(ArchiveCursor *cursor)
{
	Inflater   *inflater = palloc(sizeof(Inflater));

	inflater->cursor = cursor;
	inflater->bits = 0;
	inflater->bit_count = 0;
	for (uint32 i = 0; i < 256; i++)
	{
		uint32		crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
		inflater->crc_table[i] = crc;
	}
	do
	{
		inflater->crc = 0xFFFFFFFF;
		inflater->written = 0;
		skip_header(cursor);
		if (cursor_ok(cursor) && decode_stream(inflater))
		{
			uint32		crc = (uint32) cursor_little_endian(cursor, 4);
			uint32		size = (uint32) cursor_little_endian(cursor, 4);

			if (cursor_ok(cursor) && (crc != (inflater->crc ^ 0xFFFFFFFF) ||
									  size != (uint32) inflater->written))
				corrupt(inflater);
		}
	} while (cursor_ok(cursor) && !cursor_at_end(cursor));
	pfree(inflater);
}
