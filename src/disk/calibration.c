/*-------------------------------------------------------------------------
 *
 * calibration.c
 *	  A short measurement of this server: reading, taking rows apart, sorting,
 *	  writing.
 *
 * It takes at most CALIBRATION_READ_MS for each of a few tables, about a tenth
 * of a second for the sort and CALIBRATION_WRITE_MS for the writing, and can be
 * cancelled at any time.  Nothing of the database is changed: what is written
 * is a temporary file (src/backend/storage/file/fd.c), which goes with the end
 * of the measurement or of the transaction, counts for temp_file_limit, and is
 * allowed in a read-only transaction and on a standby.
 *
 * src/disk/calibration.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "commands/tablespace.h"
#include "common/pg_lzcompress.h"
#include "compat.h"
#include "duration.h"
#include "executor/instrument.h"
#include "executor/tuptable.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

/* Limits of the measurement. */
#define CALIBRATION_READ_MS		250.0
#define CALIBRATION_READ_BYTES	(64.0 * 1024 * 1024)
#define CALIBRATION_TABLES		4
#define CALIBRATION_SORT_ROWS	40000
#define CALIBRATION_WRITE_MS	400.0
#define CALIBRATION_WRITE_BYTES (64 * 1024 * 1024)

/* Written in pieces of, and then flushed. */
#define CALIBRATION_PIECE_BYTES (8 * 1024 * 1024)

/* The length of an id, which most keys begin with. */
#define CALIBRATION_KEY_LENGTH	36

/* What was read of all tables. */
typedef struct ReadSums
{
	double		blocks;
	double		read_blocks;	/* those that were not in shared buffers */
	double		scan_ms;
	double		row_bytes;
	double		row_ms;
	double		toast_bytes;
	double		toast_ms;
	double		raw_bytes;		/* of the documents, as they are taken apart */
} ReadSums;

/* The time since a moment, in ms. */
static double
ms_since(const instr_time *start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, *start);
	return INSTR_TIME_GET_MILLISEC(now);
}

/*
 * Look for a key in a document, as a generated column does.  Of the type json,
 * all of it is parsed; escapes are not, since they can be wrong.
 */
static void
look_into(Oid type, Datum document)
{
	static const char key[] = "upgrade_prereq";
	Jsonb	   *json;
	JsonbValue	value;

	if (type == JSONOID)
	{
		(void) DirectFunctionCall1(json_in,
								   CStringGetDatum(TextDatumGetCString(document)));
		return;
	}
	json = DatumGetJsonbP(document);

	if (JB_ROOT_IS_OBJECT(json))
		(void) getKeyJsonValueFromContainer(&json->root, key, strlen(key), &value);
}

/*
 * Compress a document, as toasted values are tried to be once more when they are
 * stored again (toast_tuple_try_compression() in access/table/toast_helper.c).
 */
static void
compress(Datum document)
{
	struct varlena *value = PG_DETOAST_DATUM(document);
	int32		length = (int32) VARSIZE_ANY_EXHDR(value);

	(void) pglz_compress(VARDATA_ANY(value), length,
						 palloc(PGLZ_MAX_OUTPUT(length)), PGLZ_strategy_default);
}

/*
 * Take a row apart and put it together again, as a rewrite does, and look into
 * its documents.  Those that are toasted are counted by themselves.
 */
static void
take_row(TupleTableSlot *slot, Datum *values, ReadSums *sums)
{
	TupleDesc	tupdesc = slot->tts_tupleDescriptor;
	HeapTuple	tuple;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	slot_getallattrs(slot);
	memcpy(values, slot->tts_values, tupdesc->natts * sizeof(Datum));
	tuple = heap_form_tuple(tupdesc, values, slot->tts_isnull);
	sums->row_ms += ms_since(&start);
	sums->row_bytes += tuple->t_len;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Oid			type = TupleDescAttr(tupdesc, i)->atttypid;
		bool		is_toasted;
		double		elapsed;

		if (slot->tts_isnull[i] || (type != JSONOID && type != JSONBOID))
			continue;
		is_toasted = VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(values[i]));
		INSTR_TIME_SET_CURRENT(start);
		sums->raw_bytes += toast_raw_datum_size(values[i]);
		if (is_toasted)
			sums->toast_bytes += toast_datum_size(values[i]);
		look_into(type, values[i]);
		if (is_toasted)
			compress(values[i]);
		elapsed = ms_since(&start);
		if (is_toasted)
			sums->toast_ms += elapsed;
		else
			sums->row_ms += elapsed;
	}
}

/* Read the first blocks of a table, as long as the limits allow. */
static void
read_table(Relation relation, ReadSums *sums)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "upgrade_prereq row",
													  ALLOCSET_DEFAULT_SIZES);
	Datum	   *values = palloc(RelationGetDescr(relation)->natts * sizeof(Datum));
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	BlockNumber block = InvalidBlockNumber;
	double		taken_before = sums->row_ms + sums->toast_ms;
	double		raw_before = sums->raw_bytes;
	double		blocks = 0;
	int64		read_before = pgBufferUsage.shared_blks_read;
	TableScanDesc scan;
	instr_time	start;
	double		elapsed;

	INSTR_TIME_SET_CURRENT(start);
	/* not where another scan is, and not through all of the shared buffers */
	scan = table_beginscan_strat(relation, GetActiveSnapshot(), 0, NULL, true,
								 false);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext previous = MemoryContextSwitchTo(row_context);

		take_row(slot, values, sums);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(row_context);
		CHECK_FOR_INTERRUPTS();
		if (ItemPointerGetBlockNumber(&slot->tts_tid) != block)
			blocks++;
		block = ItemPointerGetBlockNumber(&slot->tts_tid);

		/* a block can have documents for minutes */
		if (ms_since(&start) > CALIBRATION_READ_MS ||
			blocks * BLCKSZ + sums->raw_bytes - raw_before > CALIBRATION_READ_BYTES)
			break;
	}
	elapsed = ms_since(&start);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(row_context);

	sums->blocks += blocks;
	sums->read_blocks += pgBufferUsage.shared_blks_read - read_before;
	sums->scan_ms += Max(elapsed - (sums->row_ms + sums->toast_ms - taken_before), 0);
}

/* Read of some tables, the largest first, those that the caller may read. */
static void
measure_reading(Calibration *calibration, List *table_oids)
{
	ReadSums	sums = {0};
	int			count = 0;
	ListCell   *lc;

	foreach(lc, table_oids)
	{
		Relation	relation;

		if (count >= CALIBRATION_TABLES)
			break;
		if (relation_obstacle(lfirst_oid(lc)) != NULL)
			continue;
		relation = table_open(lfirst_oid(lc), NoLock);
		if (relation->rd_tableam != NULL &&
			!(RecoveryInProgress() &&
			  relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT))
		{
			read_table(relation, &sums);
			count++;
		}
		table_close(relation, NoLock);
	}
	if (sums.blocks == 0 || sums.row_bytes == 0)
		return;
	calibration->reads_known = true;
	calibration->page_ms = sums.scan_ms / sums.blocks;
	calibration->cached_share = 1 - Min(sums.read_blocks / sums.blocks, 1);
	calibration->row_byte_ms = sums.row_ms / sums.row_bytes;
	/* where nothing is toasted, there is nothing to fetch either */
	if (sums.toast_bytes > 0)
		calibration->toast_byte_ms = sums.toast_ms / sums.toast_bytes;
}

/* A key that looks like an id, the same in each call. */
static text *
make_key(uint32 number)
{
	static const char digits[] = "0123456789abcdef";
	text	   *key = palloc(VARHDRSZ + CALIBRATION_KEY_LENGTH);
	char	   *p = VARDATA(key);
	uint64		state = (uint64) number * UINT64CONST(0x9E3779B97F4A7C15) + 1;

	SET_VARSIZE(key, VARHDRSZ + CALIBRATION_KEY_LENGTH);
	for (int i = 0; i < CALIBRATION_KEY_LENGTH; i++)
	{
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		p[i] = digits[state & 15];
	}
	return key;
}

/* Sort ids under the collation of the database, in memory. */
static void
measure_sort(Calibration *calibration)
{
	Tuplesortstate *sort = tuplesort_begin_datum(TEXTOID, TextLessOperator,
												 DEFAULT_COLLATION_OID, false,
												 16 * 1024, NULL, 0);
	double		count = CALIBRATION_SORT_ROWS;
	instr_time	start;

	for (int i = 0; i < CALIBRATION_SORT_ROWS; i++)
	{
		text	   *key = make_key(i + 1);

		tuplesort_putdatum(sort, PointerGetDatum(key), false);
		pfree(key);
	}
	CHECK_FOR_INTERRUPTS();
	INSTR_TIME_SET_CURRENT(start);
	tuplesort_performsort(sort);
	calibration->compare_ms = ms_since(&start) / (count * log2(count));
	tuplesort_end(sort);
}

/* Write a temporary file, piece by piece, and flush each. */
static void
measure_writing(Calibration *calibration)
{
	char	   *block = palloc0(BLCKSZ);
	double		written = 0;
	double		write_ms = 0;
	double		flush_ms = 0;
	File		file;

	PrepareTempTablespaces();
	file = OpenTemporaryFile(false);
	for (uint32 i = 0; i < BLCKSZ / sizeof(uint32); i++)
		((uint32 *) block)[i] = i * 2654435761U;
	while (written < CALIBRATION_WRITE_BYTES &&
		   write_ms + flush_ms < CALIBRATION_WRITE_MS)
	{
		instr_time	start;

		CHECK_FOR_INTERRUPTS();
		INSTR_TIME_SET_CURRENT(start);
		for (int i = 0; i < CALIBRATION_PIECE_BYTES / BLCKSZ; i++)
		{
			if (FileWrite(file, block, BLCKSZ, (off_t) written,
						  WAIT_EVENT_BUFFILE_WRITE) != BLCKSZ)
				ereport(ERROR,
						(errcode_for_file_access(),
						 errmsg("could not write a temporary file to measure the disk: %m")));
			written += BLCKSZ;
		}
		write_ms += ms_since(&start);
		INSTR_TIME_SET_CURRENT(start);
		if (FileSync(file, WAIT_EVENT_DATA_FILE_SYNC) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not flush a temporary file to measure the disk: %m")));
		flush_ms += ms_since(&start);
	}
	FileClose(file);
	pfree(block);
	calibration->write_low_ms = write_ms / written;
	calibration->write_high_ms = (write_ms + flush_ms) / written;
}

/*
 * Measure this server, by reading of some tables (List of OIDs, the largest
 * first) and what else is said above.  To be called under guard_run(): acts as
 * whoever calls.  Errors: those of the disk; 53400 where temp_file_limit has no
 * room for 64 MB.
 */
Calibration *
calibration_measure(List *table_oids)
{
	Calibration *calibration = palloc0(sizeof(Calibration));
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	measure_reading(calibration, table_oids);
	measure_sort(calibration);
	measure_writing(calibration);
	calibration->measured_ms = ms_since(&start);
	return calibration;
}
