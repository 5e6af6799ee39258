/*-------------------------------------------------------------------------
 *
 * run_row.c
 *	  The row of a run: finding it again, and changing it.
 *
 * A row is found by its key and by what it looks like, as some releases have
 * no unique key.  It is changed column by column, from text; afterwards it is
 * read again, and anything else that changed with it is an error.
 *
 * All of this runs between run_row_begin() and run_row_end(): as the owner of
 * the table, so that triggers, rules, constraints and indexes of his do not
 * get the rights of whoever settles runs.
 *
 * src/runs/run_row.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "compat.h"
#include "guard.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "runs/run_row.h"
#include "storage/proc.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/*
 * How a table is called in our queries: not as one of its columns may be, for
 * the name alone stands for the row.
 */
#define ROW_NAME "upgrade_prereq_row"

/* Columns of a query that come before those of the table. */
#define LEADING_COLUMNS 3

/* A query while it is being made: its text, and what is bound to it. */
typedef struct BoundQuery
{
	Oid			table_oid;
	StringInfoData text;
	int			count;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} BoundQuery;

/*
 * The columns and values of a JSON object, as text; for any search_path, as a
 * dry run asks for it, too.
 */
static const char parse_query[] =
"SELECT key, value FROM pg_catalog.json_each_text($1::pg_catalog.json)";

/* The same of a patch, with the type of each value. */
static const char parse_patch_query[] =
"SELECT key, value #>> '{}', jsonb_typeof(value) FROM jsonb_each($1::jsonb)";

/*
 * A JSON document ($1) with some keys set ($2), by the type of its column.
 * With json, all other keys are left as they are written; where there are
 * several of one name, which only json has, the last one counts.
 */
static const char merge_jsonb_query[] =
"SELECT ($1::jsonb || $2::jsonb)::text WHERE jsonb_typeof($1::jsonb) = 'object'";
static const char merge_json_query[] =
"WITH old AS ("
"SELECT key, value, place, row_number() OVER (PARTITION BY key ORDER BY place) AS number "
"FROM json_each(CASE json_typeof($1::json) WHEN 'object' THEN $1::json ELSE '{}' END) "
"WITH ORDINALITY AS o (key, value, place)), "
"new AS (SELECT key, value FROM jsonb_each($2::jsonb)), "
"merged AS ("
"SELECT old.key, COALESCE(new.value::text, old.value::text) AS value, old.place "
"FROM old LEFT JOIN new USING (key) WHERE new.key IS NULL OR old.number = 1 "
"UNION ALL "
"SELECT new.key, new.value::text, NULL FROM new "
"WHERE NOT EXISTS (SELECT FROM old WHERE old.key = new.key)) "
"SELECT '{' || COALESCE(string_agg(to_json(key)::text || ': ' || value, ', ' ORDER BY place, key), '') || '}' "
"FROM merged HAVING json_typeof($1::json) = 'object'";

/* ----- texts of columns ----- */

/* Add a column to a list, in the present memory context. */
static List *
add_column(List *columns, const char *name, const char *text)
{
	ColumnText *column = palloc(sizeof(ColumnText));

	column->column = name;
	column->text = text;
	return lappend(columns, column);
}

/*
 * The columns and values of a JSON object (List of ColumnText *).  What is no
 * JSON object is an error.
 */
List *
column_texts_parse(const char *json)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *columns = NIL;
	uint64		rows;

	SPI_connect();
	rows = query_run(parse_query, 1, &json);
	for (uint64 row = 0; row < rows; row++)
	{
		const char *name = query_text(row, 1, context);
		const char *text = query_text(row, 2, context);
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		columns = add_column(columns, name, text);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return columns;
}

/* Columns as a JSON object, in their order. */
char *
column_texts_json(List *columns)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	foreach(lc, columns)
	{
		const ColumnText *column = lfirst(lc);

		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		escape_json(&json, column->column);
		appendStringInfoString(&json, ": ");
		if (column->text == NULL)
			appendStringInfoString(&json, "null");
		else
			escape_json(&json, column->text);
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The column of that name, or NULL. */
const ColumnText *
column_texts_find(List *columns, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		const ColumnText *column = lfirst(lc);

		if (strcmp(column->column, name) == 0)
			return column;
	}
	return NULL;
}

/* The names of columns (List of char *). */
List *
column_texts_names(List *columns)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, columns)
	{
		const ColumnText *column = lfirst(lc);

		names = lappend(names, unconstify(char *, column->column));
	}
	return names;
}

/* Are two texts the same, or both null? */
bool
column_text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* ----- as the owner of the table ----- */

/*
 * Go on as the owner of a table, in a security-restricted operation and with
 * the settings pinned, until run_row_end() or the end of the subtransaction.
 * The caller has seen to it that whoever asks may do as much with the table.
 */
void
run_row_begin(Oid table_oid, CallerState *caller)
{
	const char *lock_timeout = psprintf("%d", LockTimeout);

	GetUserIdAndSecContext(&caller->user_oid, &caller->security_context);
	caller->nest_level = NewGUCNestLevel();
	guard_pin_settings();
	guard_pin_setting("lock_timeout", lock_timeout);	/* that of the attempt */
	table_act_as_owner(table_oid);
}

/*
 * Go on as the caller.  What the owner's code set is taken back, as the
 * server does after it has run such code.
 */
void
run_row_end(const CallerState *caller)
{
	AtEOXact_GUC(false, caller->nest_level);
	SetUserIdAndSecContext(caller->user_oid, caller->security_context);
}

/* ----- queries ----- */

/* A query on a table, with room for so many values. */
static void
begin_query(BoundQuery *query, Oid table_oid, int capacity)
{
	query->table_oid = table_oid;
	initStringInfo(&query->text);
	query->count = 0;
	query->types = palloc(capacity * sizeof(Oid));
	query->values = palloc(capacity * sizeof(Datum));
	query->nulls = palloc(capacity * sizeof(char));
}

/* The name of a query's table, as it is to be written. */
static const char *
table_name(const BoundQuery *query)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(query->table_oid)),
									  get_rel_name(query->table_oid));
}

/* Append a value to a query. */
static void
append_value(BoundQuery *query, Oid type, Datum value, bool is_null)
{
	query->types[query->count] = type;
	query->values[query->count] = value;
	query->nulls[query->count] = is_null ? 'n' : ' ';
	query->count++;
	appendStringInfo(&query->text, "$%d", query->count);
}

/*
 * The number of a column whose values come from text, which has to be of one
 * of PostgreSQL's own types; anything else is an error.
 */
static AttrNumber
column_number(Oid table_oid, const char *name)
{
	AttrNumber	number = get_attnum(table_oid, name);
	Obstacle   *obstacle;

	if (number <= 0)
		obstacle = table_missing_column(get_rel_name(table_oid), name);
	else
		obstacle = table_column_obstacle(table_oid, name);
	if (obstacle != NULL)
		obstacle_raise(obstacle);
	return number;
}

/* The value of a column from its text. */
static Datum
column_value(Oid table_oid, const ColumnText *column)
{
	AttrNumber	number = column_number(table_oid, column->column);
	Oid			type;
	int32		typmod;
	Oid			collation;
	Oid			input;
	Oid			io_param;

	get_atttypetypmodcoll(table_oid, number, &type, &typmod, &collation);
	getTypeInputInfo(type, &input, &io_param);
	return OidInputFunctionCall(input, unconstify(char *, column->text),
								io_param, typmod);
}

/* Append the condition that a row has a key. */
static void
append_key(BoundQuery *query, List *key)
{
	ListCell   *lc;

	foreach(lc, key)
	{
		const ColumnText *column = lfirst(lc);
		Oid			type = get_atttype(query->table_oid,
									   column_number(query->table_oid,
													 column->column));

		appendStringInfo(&query->text, "%s" ROW_NAME ".%s ",
						 foreach_current_index(lc) > 0 ? " AND " : " WHERE ",
						 quote_identifier(column->column));
		if (column->text == NULL)
			appendStringInfoString(&query->text, "IS NULL");
		else
		{
			appendStringInfoString(&query->text, "OPERATOR(pg_catalog.=) ");
			append_value(query, type, column_value(query->table_oid, column),
						 false);
		}
	}
}

/* Append the condition that a row is the one at a certain place. */
static void
append_place(BoundQuery *query, const RunRow *row)
{
	appendStringInfoString(&query->text, " AND " ROW_NAME ".ctid OPERATOR(pg_catalog.=) ");
	append_value(query, TIDOID,
				 OidInputFunctionCall(F_TIDIN, unconstify(char *, row->ctid),
									  InvalidOid, -1), false);
	appendStringInfoString(&query->text, " AND " ROW_NAME ".tableoid OPERATOR(pg_catalog.=) ");
	append_value(query, OIDOID, ObjectIdGetDatum(atooid(row->table_of_row)),
				 false);
}

/* Run a query that was made; returns the number of rows. */
static uint64
run_query(const BoundQuery *query, int expected)
{
	int			result = SPI_execute_with_args(query->text.data, query->count,
											   query->types, query->values,
											   query->nulls, false, 0);

	if (result != expected)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a rule of table \"%s\" replaces the query",
						get_rel_name(query->table_oid))));
	return SPI_processed;
}

/*
 * Pin what else the text of a value depends on, so that it is the same in
 * every session.  The result is the nesting level to end.
 */
static int
pin_text(void)
{
	int			nest_level = NewGUCNestLevel();

	guard_pin_setting("TimeZone", "UTC");
	guard_pin_setting("bytea_output", "hex");
	return nest_level;
}

/* Take a row from the last query's result. */
static RunRow *
take_row(Oid table_oid, uint64 number, MemoryContext context)
{
	MemoryContext spi_context = MemoryContextSwitchTo(context);
	TupleDesc	desc = SPI_tuptable->tupdesc;
	RunRow	   *row = palloc0(sizeof(RunRow));
	int			nest_level;

	row->table_oid = table_oid;
	row->ctid = query_text(number, 1, context);
	row->table_of_row = query_text(number, 2, context);
	row->text = query_text(number, 3, context);

	nest_level = pin_text();
	for (int column = LEADING_COLUMNS + 1; column <= desc->natts; column++)
		row->columns = add_column(row->columns,
								  pstrdup(NameStr(TupleDescAttr(desc, column - 1)->attname)),
								  query_text(number, column, context));
	AtEOXact_GUC(false, nest_level);
	MemoryContextSwitchTo(spi_context);
	return row;
}

/*
 * The rows of a key (List of RunRow *), or only the one that is at the place
 * of a row, locked.
 */
static List *
fetch_rows(Oid table_oid, List *key, const RunRow *at, RowLock lock)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *result = NIL;
	BoundQuery	query;
	uint64		rows;

	begin_query(&query, table_oid, list_length(key) + 2);
	appendStringInfo(&query.text, "SELECT " ROW_NAME ".ctid, " ROW_NAME ".tableoid, "
					 ROW_NAME "::pg_catalog.text, " ROW_NAME ".* FROM %s AS " ROW_NAME,
					 table_name(&query));
	append_key(&query, key);
	if (at != NULL)
		append_place(&query, at);
	if (lock != ROW_LOCK_NONE)
		appendStringInfoString(&query.text, lock == ROW_LOCK_NOWAIT ?
							   " FOR UPDATE NOWAIT" : " FOR UPDATE");

	SPI_connect();
	rows = run_query(&query, SPI_OK_SELECT);
	for (uint64 row = 0; row < rows; row++)
	{
		RunRow	   *found = take_row(table_oid, row, context);
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		result = lappend(result, found);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return result;
}

/*
 * Does a row look like that?  Columns that came or went since do not count.
 */
bool
run_row_looks_like(const RunRow *row, RowLook look)
{
	ListCell   *lc;

	if (look.text != NULL)
		return column_text_equal(row->text, look.text);
	foreach(lc, look.columns)
	{
		const ColumnText *expected = lfirst(lc);
		const ColumnText *found = column_texts_find(row->columns,
													expected->column);

		if (found != NULL && !column_text_equal(found->text, expected->text))
			return false;
	}
	return true;
}

/*
 * Find a row by its key (List of ColumnText *, at least one) and by what it
 * looks like; of several that are the same, any.  If it is to be locked, it is
 * looked at again then.
 *
 * Errors: 55P03 if the lock is not to be had, 40001 where the transaction's
 * snapshot is too old.
 */
RowSearch
run_row_find(Oid table_oid, List *key, RowLook look, RowLock lock,
			 RunRow **row)
{
	ListCell   *lc;

	foreach(lc, fetch_rows(table_oid, key, NULL, ROW_LOCK_NONE))
	{
		List	   *locked;

		*row = lfirst(lc);
		if (!run_row_looks_like(*row, look))
			continue;
		if (lock == ROW_LOCK_NONE)
			return ROW_FOUND;
		locked = fetch_rows(table_oid, key, *row, lock);

		/*
		 * It may have gone while we waited, or be another version by now:
		 * minor releases differ in which of the two is returned.
		 */
		if (locked == NIL)
			continue;
		*row = linitial(locked);
		if (run_row_looks_like(*row, look))
			return ROW_FOUND;
	}
	*row = NULL;
	return fetch_rows(table_oid, key, NULL, ROW_LOCK_NONE) == NIL ?
		ROW_GONE : ROW_CHANGED;
}

/* ----- changing a row ----- */

/* The document of a column with some keys set. */
static const char *
merge(Oid table_oid, const ColumnText *old, const char *keys)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			type = get_atttype(table_oid,
								   column_number(table_oid, old->column));
	const char *arguments[] = {old->text, keys};
	const char *result = NULL;

	if (type != JSONOID && type != JSONBOID)
		elog(ERROR, "column \"%s\" has no keys to set", old->column);

	SPI_connect();
	if (query_run(type == JSONOID ? merge_json_query : merge_jsonb_query,
				  lengthof(arguments), arguments) > 0)
		result = query_text(0, 1, context);
	SPI_finish();
	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" holds no JSON object", old->column)));
	return result;
}

/*
 * What a patch makes of the columns of a row (List of ColumnText *).  A patch
 * is a JSON object: column -> new value; the keys of an object are set in the
 * JSON document of the column.
 */
List *
run_row_patched(const RunRow *row, const char *patch)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *changes = NIL;
	uint64		rows;

	SPI_connect();
	rows = query_run(parse_patch_query, 1, &patch);
	for (uint64 number = 0; number < rows; number++)
	{
		const char *name = query_text(number, 1, context);
		const char *value = query_text(number, 2, context);
		bool		is_object = strcmp(query_text(number, 3, context),
									   "object") == 0;
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		changes = add_column(changes, name, is_object ? NULL : value);
		if (is_object)
		{
			const ColumnText *old = column_texts_find(row->columns, name);

			if (old == NULL)
				obstacle_raise(table_missing_column(get_rel_name(row->table_oid),
													name));
			((ColumnText *) llast(changes))->text = merge(row->table_oid, old,
														  value);
		}
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return changes;
}

/* The text that a value has once it is stored in its column. */
static const char *
stored_text(Oid table_oid, const ColumnText *column)
{
	Oid			output;
	bool		is_varlena;
	int			nest_level = pin_text();
	const char *text = NULL;

	getTypeOutputInfo(get_atttype(table_oid,
								  column_number(table_oid, column->column)),
					  &output, &is_varlena);
	if (column->text != NULL)
		text = OidOutputFunctionCall(output, column_value(table_oid, column));
	AtEOXact_GUC(false, nest_level);
	return text;
}

/*
 * See to it that a row is what was made of it: nothing but the changes, and
 * what the server generates from them, is another than before.
 */
static void
verify(const RunRow *before, const RunRow *after, List *key, List *changes)
{
	ListCell   *lc;

	foreach(lc, before->columns)
	{
		const ColumnText *old = lfirst(lc);
		const ColumnText *new = column_texts_find(after->columns, old->column);
		const ColumnText *change = column_texts_find(changes, old->column);
		const char *expected = change == NULL ? old->text :
			stored_text(before->table_oid, change);
		AttrNumber	number = get_attnum(before->table_oid, old->column);
		bool		may_differ = get_attgenerated(before->table_oid, number) != '\0' &&
			column_texts_find(key, old->column) == NULL;

		if (new == NULL ||
			(!may_differ && !column_text_equal(new->text, expected)))
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
					 errmsg("column \"%s\" of table \"%s\" would not be what is written",
							old->column, get_rel_name(before->table_oid)),
					 errdetail("A trigger of the table changes it, or it is generated from what is written.")));
	}
}

/* The table did not do what it was told. */
static void
refuse_to_go_on(Oid table_oid)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("the row is not there any more after the change of it"),
			 errdetail("A trigger or rule of table \"%s\" does something else instead.",
					   get_rel_name(table_oid))));
}

/*
 * Change columns (List of ColumnText *, at least one) of a row that is locked.
 * Returns the row as it is then.
 *
 * Errors: 27000 if anything else changes with them, or nothing at all; those
 * of UPDATE.
 */
RunRow *
run_row_change(const RunRow *row, List *key, List *changes)
{
	MemoryContext context = CurrentMemoryContext;
	BoundQuery	query;
	RunRow		place = {.table_oid = row->table_oid};
	List	   *found;
	ListCell   *lc;

	begin_query(&query, row->table_oid,
				list_length(changes) + list_length(key) + 2);
	appendStringInfo(&query.text, "UPDATE %s AS " ROW_NAME " SET ",
					 table_name(&query));
	foreach(lc, changes)
	{
		const ColumnText *change = lfirst(lc);
		Oid			type = get_atttype(query.table_oid,
									   column_number(query.table_oid,
													 change->column));

		appendStringInfo(&query.text, "%s%s = ",
						 foreach_current_index(lc) > 0 ? ", " : "",
						 quote_identifier(change->column));
		append_value(&query, type, change->text == NULL ? (Datum) 0 :
					 column_value(query.table_oid, change),
					 change->text == NULL);
	}
	append_key(&query, key);
	append_place(&query, row);
	appendStringInfoString(&query.text, " RETURNING " ROW_NAME ".ctid, " ROW_NAME ".tableoid");

	SPI_connect();
	if (run_query(&query, SPI_OK_UPDATE_RETURNING) != 1)
		refuse_to_go_on(row->table_oid);
	place.ctid = query_text(0, 1, context);
	place.table_of_row = query_text(0, 2, context);
	SPI_finish();

	/* triggers may have gone on after the row was returned */
	found = fetch_rows(row->table_oid, key, &place, ROW_LOCK_NONE);
	if (found == NIL)
		refuse_to_go_on(row->table_oid);
	verify(row, linitial(found), key, changes);
	return linitial(found);
}
