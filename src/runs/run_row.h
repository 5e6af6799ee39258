/*-------------------------------------------------------------------------
 *
 * run_row.h
 *	  The row of a run: finding it again, and changing it.
 *
 * src/runs/run_row.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_RUN_ROW_H
#define UPGRADE_PREREQ_RUN_ROW_H

#include "nodes/pg_list.h"

/* The value of a column, as text; NULL for null. */
typedef struct ColumnText
{
	const char *column;
	const char *text;
} ColumnText;

/*
 * A row as it is.  The text of a column does not depend on the settings of
 * the session; that of the whole row is what the session's own query says.
 */
typedef struct RunRow
{
	Oid			table_oid;
	const char *table_of_row;	/* OID of the partition that it is in */
	const char *ctid;
	const char *text;
	List	   *columns;		/* of ColumnText *, in the table's order */
} RunRow;

/*
 * What a row has to look like: its text, or those of the columns that there
 * still are; the other one is unset.
 */
typedef struct RowLook
{
	const char *text;
	List	   *columns;		/* of ColumnText * */
} RowLook;

/* How a row is locked while it is looked for. */
typedef enum RowLock
{
	ROW_LOCK_NONE,
	ROW_LOCK_NOWAIT,
	ROW_LOCK_WAIT				/* up to the session's lock_timeout */
} RowLock;

/* What came of looking for a row. */
typedef enum RowSearch
{
	ROW_FOUND,
	ROW_CHANGED,				/* there is one of its key, but not as it was */
	ROW_GONE
} RowSearch;

/* Whose rights the caller had before he went on as the owner of a table. */
typedef struct CallerState
{
	Oid			user_oid;
	int			security_context;
	int			nest_level;
} CallerState;

extern void run_row_begin(Oid table_oid, CallerState *caller);
extern void run_row_end(const CallerState *caller);
extern RowSearch run_row_find(Oid table_oid, List *key, RowLook look,
							  RowLock lock, RunRow **row);
extern bool run_row_looks_like(const RunRow *row, RowLook look);
extern List *run_row_patched(const RunRow *row, const char *patch);
extern RunRow *run_row_change(const RunRow *row, List *key, List *changes);

extern bool column_text_equal(const char *a, const char *b);
extern List *column_texts_parse(const char *json);
extern char *column_texts_json(List *columns);
extern const ColumnText *column_texts_find(List *columns, const char *name);
extern List *column_texts_names(List *columns);

#endif							/* UPGRADE_PREREQ_RUN_ROW_H */
