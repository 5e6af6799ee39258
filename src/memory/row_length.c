/*-------------------------------------------------------------------------
 *
 * row_length.c
 *	  How long the rows are that a list of expressions makes.
 *
 * src/memory/row_length.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/itup.h"
#include "access/toast_internals.h"
#include "compat.h"
#include "nodes/nodeFuncs.h"
#include "row_length.h"
#include "row_source.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"

/*
 * B-tree keys above this size are compressed (TOAST_INDEX_TARGET, see
 * index_form_tuple() in src/backend/access/common/indextuple.c).
 */
#define COMPRESSED_KEY_BYTES (MaxHeapTupleSize / 16)

/* Rows to measure at most. */
#define LENGTH_ROWS 4096

/* What is added up. */
typedef struct LengthSums
{
	RowForm		form;
	TupleDesc	tupdesc;
	int			row_count;
	ModelRows	sums;
} LengthSums;

/*
 * MinimalTupleData's t_len, as heap_form_minimal_tuple() makes it (in
 * src/backend/access/common/heaptuple.c): toasted values stay as they are,
 * short ones get short headers.
 */
static double
minimal_tuple_length(TupleDesc tupdesc, const SourceRow *row)
{
	Size		header = SizeofMinimalTupleHeader;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (row->isnull[i])
		{
			header += BITMAPLEN(tupdesc->natts);
			break;
		}
	}
	return MAXALIGN(header) +
		heap_compute_data_size(tupdesc, row->values, row->isnull);
}

/* The same with values as tstoreReceiveSlot_detoast() fetches them. */
static double
fetched_tuple_length(TupleDesc tupdesc, const SourceRow *row)
{
	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (!row->isnull[i] && TupleDescAttr(tupdesc, i)->attlen == -1)
			row->values[i] = PointerGetDatum(detoast_external_attr((struct varlena *)
																   DatumGetPointer(row->values[i])));
	}
	return minimal_tuple_length(tupdesc, row);
}

/* A key as index_form_tuple() puts it into an index. */
static Datum
index_value(FormData_pg_attribute *attribute, Datum value)
{
	struct varlena *stored = detoast_external_attr((struct varlena *)
												   DatumGetPointer(value));
	Datum		compressed;

	if (VARATT_IS_EXTENDED(stored) || VARSIZE(stored) <= COMPRESSED_KEY_BYTES ||
		(attribute->attstorage != TYPSTORAGE_EXTENDED &&
		 attribute->attstorage != TYPSTORAGE_MAIN))
		return PointerGetDatum(stored);
	compressed = toast_compress_attribute(PointerGetDatum(stored), attribute);
	return DatumGetPointer(compressed) ? compressed : PointerGetDatum(stored);
}

/* IndexTupleSize() of what index_form_tuple() makes. */
static double
index_tuple_length(TupleDesc tupdesc, const SourceRow *row)
{
	bool		has_null = false;
	Size		header;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		FormData_pg_attribute *attribute = TupleDescAttr(tupdesc, i);

		if (row->isnull[i])
			has_null = true;
		else if (attribute->attlen == -1)
			row->values[i] = index_value(attribute, row->values[i]);
	}
	header = IndexInfoFindDataOffset(has_null ? INDEX_NULL_MASK : 0);
	return MAXALIGN(header +
					heap_compute_data_size(tupdesc, row->values, row->isnull));
}

/*
 * The bytes that datumCopy() takes for a value (src/backend/utils/adt/datum.c);
 * none for what is passed by value, and for a null.
 */
static double
datum_length(TupleDesc tupdesc, const SourceRow *row)
{
	FormData_pg_attribute *attribute = TupleDescAttr(tupdesc, 0);
	Datum		value = row->values[0];

	if (row->isnull[0] || attribute->attbyval)
		return 0;
	if (attribute->attlen == -1 &&
		VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		return EOH_get_flat_size(DatumGetEOHP(value));
	return datumGetSize(value, false, attribute->attlen);
}

/* Add up the lengths of a row.  (RowFunction) */
static void
add_row(const SourceRow *row, void *argument)
{
	LengthSums *lengths = argument;
	ModelRows  *sums = &lengths->sums;
	double		length = 0;

	switch (lengths->form)
	{
		case ROW_MINIMAL_TUPLE:
			length = minimal_tuple_length(lengths->tupdesc, row);
			break;
		case ROW_INDEX_TUPLE:
			length = index_tuple_length(lengths->tupdesc, row);
			break;
		case ROW_DATUM:
			length = datum_length(lengths->tupdesc, row);
			break;
		case ROW_FETCHED_TUPLE:
			length = fetched_tuple_length(lengths->tupdesc, row);
			break;
	}

	if (row->number == 0)
		memset(sums, 0, sizeof(*sums));
	sums->length += length;
	sums->aligned += MAXALIGN((Size) length);
	sums->power += model_power_length(length);

	/* So far, the first half. */
	if (row->number < Max(1, lengths->row_count / 2))
	{
		sums->first_aligned = sums->aligned;
		sums->first_power = sums->power;
	}
}

/*
 * Let the columns of an index be stored as those of the table are: compressed
 * or not, by which method.
 */
static void
copy_storage(TupleDesc tupdesc, List *expressions,
			 TableSample *const *samples, int sample_count)
{
	ListCell   *lc;

	foreach(lc, expressions)
	{
		const Var  *var = lfirst(lc);
		FormData_pg_attribute *attribute =
			TupleDescAttr(tupdesc, foreach_current_index(lc));
		FormData_pg_attribute *stored;
		const TableSample *sample;

		if (!IsA(var, Var) || (int) var->varno > sample_count)
			continue;
		sample = samples[var->varno - 1];
		if (sample == NULL || var->varattno <= 0 ||
			var->varattno > sample->tupdesc->natts)
			continue;
		stored = TupleDescAttr(sample->tupdesc, var->varattno - 1);
		attribute->attstorage = stored->attstorage;
		copy_compression(attribute, stored);
		populate_compact_attribute(tupdesc, foreach_current_index(lc));
	}
}

/*
 * The lengths of the rows that a list of expressions makes: means, in bytes,
 * over the sampled rows; row i of each sample goes with row i of the others,
 * in block order.  If no sample has tuples, from the statistics of the columns.
 * The count of the result is left 0: how many rows there are is for the caller
 * to say.
 *
 * *guessed says whether some column of variable length has the width that the
 * planner guesses for its type, because its expression is not harmless or
 * failed, or for want of statistics.
 *
 * To be called under guard_run(), with the rights of the tables' owner only.
 */
ModelRows
row_lengths(RowForm form, List *expressions, TableSample *const *samples,
			int sample_count, bool *guessed)
{
	RowSource  *source = row_source(expressions, samples, sample_count,
									form == ROW_INDEX_TUPLE ||
									form == ROW_FETCHED_TUPLE, LENGTH_ROWS);
	LengthSums	lengths = {.form = form,.tupdesc = source->tupdesc,
	.row_count = source->row_count};
	ModelRows  *means = &lengths.sums;
	int			first_count = Max(1, source->row_count / 2);

	if (form == ROW_INDEX_TUPLE)
		copy_storage(source->tupdesc, expressions, samples, sample_count);
	row_source_read(source, add_row, &lengths);

	means->length /= source->row_count;
	means->aligned /= source->row_count;
	means->power /= source->row_count;
	means->first_aligned /= first_count;
	means->first_power /= first_count;
	*guessed = source->guessed;
	return *means;
}
