/*-------------------------------------------------------------------------
 *
 * settle.c
 *	  Writing the corrected state of one run, and taking it back.
 *
 * An entry of the journal has as its object the OID of the table and the key
 * of the row, and as its states the whole row: a JSON object of all columns,
 * each as text.  So a column that comes or goes with a later release does not
 * hinder the undo.
 *
 * src/runs/settle.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attempt.h"
#include "lib/stringinfo.h"
#include "query.h"
#include "runs/settle.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

/* The parts of an entry's object, if it is one that we could have written. */
static const char parse_object_query[] =
"SELECT (o ->> 'table_oid')::oid, (o -> 'key')::text "
"FROM (SELECT $1::jsonb AS o) AS entry "
"WHERE jsonb_typeof(o -> 'table_oid') = 'number' "
"AND jsonb_typeof(o -> 'key') = 'object' AND o -> 'key' <> '{}'";

/* An entry of ours, taken apart. */
typedef struct RunEntry
{
	const JournalEntry *entry;
	Oid			table_oid;
	List	   *key;			/* these three of ColumnText * */
	List	   *before;
	List	   *after;
} RunEntry;

/* Take an entry apart, for attempt(): what is not well formed is an error. */
static void
parse_entry(void *argument)
{
	RunEntry   *result = argument;
	const JournalEntry *entry = result->entry;
	MemoryContext context = CurrentMemoryContext;
	const char *key;

	if (entry->state_before == NULL || entry->state_after == NULL)
		elog(ERROR, "entry without states");
	SPI_connect();
	if (query_run(parse_object_query, 1, &entry->object) != 1)
		elog(ERROR, "entry without a key");
	result->table_oid = atooid(query_text(0, 1, context));
	key = query_text(0, 2, context);
	SPI_finish();
	result->key = column_texts_parse(key);
	result->before = column_texts_parse(entry->state_before);
	result->after = column_texts_parse(entry->state_after);
}

/* ----- settling ----- */

/*
 * What keeps the caller from settling a run that has a patch, or NULL.  Only
 * looks at the catalogs.
 */
Obstacle *
settle_obstacle(const Run *run, Oid schema_oid)
{
	Oid			table_oid = table_lookup(schema_oid, run->table_name);

	if (!OidIsValid(table_oid))
		return NULL;			/* it went since the run was judged */
	return table_change_obstacle(table_oid, GetUserId(),
								 column_texts_names(column_texts_parse(run->patch)));
}

/* Lock the table of a run, and see to it that the caller may change it. */
static Oid
open_table(const Settlement *settlement)
{
	const Run  *run = settlement->run;
	Oid			table_oid;
	Obstacle   *obstacle;

	obstacle = table_lock(settlement->schema_oid, run->table_name, &table_oid);
	if (obstacle == NULL)
		obstacle = table_lock_for_change(table_oid);
	if (obstacle == NULL)
		obstacle = settle_obstacle(run, settlement->schema_oid);
	if (obstacle != NULL)
		obstacle_raise(obstacle);
	return table_oid;
}

/*
 * The object of an entry for a run.  Where there is no unique key, several
 * rows can be the same to the last letter: copy tells them apart.
 */
static char *
format_object(Oid table_oid, const Run *run, int copy)
{
	StringInfoData object;

	initStringInfo(&object);
	appendStringInfo(&object, "{\"table_oid\": %u, \"key\": %s", table_oid,
					 run->key);
	if (run->run_id != NULL)
	{
		appendStringInfoString(&object, ", \"run_id\": ");
		escape_json(&object, run->run_id);
	}
	if (copy > 0)
		appendStringInfo(&object, ", \"copy\": %d", copy);
	appendStringInfoChar(&object, '}');
	return object.data;
}

/*
 * Is there still a row that an open entry stands for?  An entry that we could
 * not have written stands for none.
 */
static bool
has_row(const JournalEntry *entry, Oid table_oid, List *key)
{
	RunEntry	parsed = {.entry = entry};
	RowLook		look = {0};
	CallerState caller;
	RunRow	   *row;
	RowSearch	found;

	if (attempt(parse_entry, &parsed) != NULL)
		return false;
	look.columns = parsed.after;
	run_row_begin(table_oid, &caller);
	found = run_row_find(table_oid, key, look, ROW_LOCK_NONE, &row);
	run_row_end(&caller);
	return found == ROW_FOUND;
}

/*
 * An object that no open entry has.  An entry whose row was changed since by
 * somebody else is at its end.
 */
static char *
free_object(Oid table_oid, const Run *run, List *key)
{
	for (int copy = 0;; copy++)
	{
		char	   *object = format_object(table_oid, run, copy);
		JournalEntry *open = journal_find_open(RUN_KIND, object);

		CHECK_FOR_INTERRUPTS();
		if (open != NULL && has_row(open, table_oid, key))
			continue;
		if (open != NULL)
			journal_close(open, JOURNAL_CHANGED_SINCE);
		return object;
	}
}

/* A run, for people. */
static char *
run_identity(const Run *run)
{
	return psprintf("%s %s, run %s", run->kind,
					run->name ? run->name : "of unknown name",
					run->run_id ? run->run_id : "of unknown id");
}

/* settle(), for attempt(). */
static void
settle_attempt(void *argument)
{
	Settlement *settlement = argument;
	const Run  *run = settlement->run;
	Oid			table_oid = open_table(settlement);
	List	   *key = column_texts_parse(run->key);
	RowLook		look = {.text = run->row_text};
	CallerState caller;
	RunRow	   *before;
	RunRow	   *after;
	JournalEntry entry = {.kind = RUN_KIND};

	if (settlement->lock == ROW_LOCK_NOWAIT)
		attempt_without_waiting();
	run_row_begin(table_oid, &caller);
	settlement->found = run_row_find(table_oid, key, look, settlement->lock,
									 &before);
	run_row_end(&caller);
	if (settlement->found != ROW_FOUND)
		return;

	entry.object = free_object(table_oid, run, key);
	entry.object_identity = run_identity(run);
	entry.state_before = column_texts_json(before->columns);
	entry.reason = settlement->reason;
	TIMESTAMP_NOEND(entry.expires_at);

	run_row_begin(table_oid, &caller);
	after = run_row_change(before, key, run_row_patched(before, run->patch));
	run_row_end(&caller);

	entry.state_after = column_texts_json(after->columns);
	journal_record(&entry);
	settlement->journal_id = entry.id;
}

/*
 * Write the corrected state of a run, if its row still is what it was judged
 * by, with an entry in the journal; all or nothing.  An error is handed back.
 */
ErrorData *
settle(Settlement *settlement)
{
	ErrorData  *error = attempt(settle_attempt, settlement);

	if (error != NULL)
		settlement->journal_id = 0;
	return error;
}

/* ----- taking back ----- */

/* Is it a table that runs live in? */
static bool
is_run_table(const char *name)
{
	for (int i = 0; i < run_kind_count; i++)
	{
		if (run_kinds[i].table != NULL &&
			strcmp(run_kinds[i].table, name) == 0)
			return true;
	}
	return false;
}

/*
 * The columns that an entry's change was about, as they were before (List of
 * ColumnText *), as far as they are there.  A key, or what has no two states,
 * is none of them.
 */
static List *
changed_columns(const RunEntry *parsed)
{
	List	   *changes = NIL;
	ListCell   *lc;

	foreach(lc, parsed->before)
	{
		ColumnText *before = lfirst(lc);
		const ColumnText *after = column_texts_find(parsed->after,
													before->column);
		AttrNumber	number;

		if (after != NULL && column_text_equal(before->text, after->text))
			continue;
		if (after == NULL || column_texts_find(parsed->key, before->column))
			journal_refuse_entry(parsed->entry);
		number = get_attnum(parsed->table_oid, before->column);
		if (number <= 0)
			continue;			/* it went since */
		if (get_attgenerated(parsed->table_oid, number) != '\0')
			continue;			/* it follows the others */
		changes = lappend(changes, before);
	}
	return changes;
}

/* Is a column of the key not there any more? */
static bool
has_lost_key(const RunEntry *parsed)
{
	ListCell   *lc;

	foreach(lc, parsed->key)
	{
		const ColumnText *column = lfirst(lc);

		if (get_attnum(parsed->table_oid, column->column) <= 0)
			return true;
	}
	return false;
}

/*
 * See to it that whoever wrote the entry, and the caller, may change these
 * columns, and lock the table.
 */
static void
open_table_of(const RunEntry *parsed, List *changes)
{
	List	   *names = column_texts_names(changes);
	Obstacle   *obstacle;

	obstacle = table_lock_for_change(parsed->table_oid);
	if (obstacle == NULL)
		obstacle = table_change_obstacle(parsed->table_oid, GetUserId(), names);
	if (obstacle != NULL)
		obstacle_raise(obstacle);
	if (table_change_obstacle(parsed->table_oid, parsed->entry->made_by,
							  names) != NULL)
		journal_refuse_writer(parsed->entry,
							  "The journal has the row before and after the change: if it is to be taken back, do so by hand.");
}

/* Put the columns back; the row is as it was before then, or it is an error. */
static void
put_back(const RunEntry *parsed, const RunRow *row, List *changes)
{
	RunRow	   *after = run_row_change(row, parsed->key, changes);
	RowLook		look = {.columns = parsed->before};

	if (!run_row_looks_like(after, look))
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("the row of table \"%s\" would not be what it was before",
						get_rel_name(parsed->table_oid))));
}

/*
 * Make the row of a run what it was before it was settled, unless it changed
 * since: the undo function of our entries.
 *
 * Errors: 22023 for an entry that we cannot have written, 42501 if its writer
 * or the caller may not change the row, 55P03 while somebody else holds a lock
 * on it or on the table, 27000 if a trigger makes something else of it.
 */
JournalOutcome
run_undo(const JournalEntry *entry)
{
	RunEntry	parsed = {.entry = entry};
	const char *table_name;
	List	   *changes;
	RowLook		look = {0};
	CallerState caller;
	RunRow	   *row;
	RowSearch	found;

	if (attempt(parse_entry, &parsed) != NULL)
		journal_refuse_entry(entry);
	table_name = get_rel_name(parsed.table_oid);
	if (table_name == NULL)
		return JOURNAL_GONE;
	if (!is_run_table(table_name))
		journal_refuse_entry(entry);
	changes = changed_columns(&parsed);
	if (changes == NIL || has_lost_key(&parsed))
		return JOURNAL_CHANGED_SINCE;
	open_table_of(&parsed, changes);

	look.columns = parsed.after;
	run_row_begin(parsed.table_oid, &caller);
	found = run_row_find(parsed.table_oid, parsed.key, look, ROW_LOCK_WAIT,
						 &row);
	if (found == ROW_FOUND)
		put_back(&parsed, row, changes);
	run_row_end(&caller);

	if (found == ROW_FOUND)
		return JOURNAL_UNDONE;
	return found == ROW_GONE ? JOURNAL_GONE : JOURNAL_CHANGED_SINCE;
}
