/*-------------------------------------------------------------------------
 *
 * mark.c
 *	  Marks that tell from a dump of which database it is, and since when.
 *
 * A mark is a random number in the comment on OpenMetadata's table of
 * migrations.  pg_dump writes that comment into every format, whatever the
 * other options, as long as it writes the definition of that table, and nobody
 * but its owner can change it.  An archive that holds the number was made of
 * this database (or of a copy that was made since), after the mark.
 *
 * src/backup/mark.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attempt.h"
#include "backup/evidence.h"
#include "backup/mark.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "compat.h"
#include "pgstat.h"
#include "query.h"
#include "storage/lmgr.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_mark_backup);

/* Columns of upgrade_prereq_mark_backup(). */
#define MARK_COLUMNS 6

/* What stands before the nonce. */
#define MARK_PREFIX		"upgrade_prereq_mark_backup: "
#define NONCE_BYTES		16
#define NONCE_LENGTH	(2 * NONCE_BYTES)

/* A mark while it is made. */
typedef struct Mark
{
	const char *reason;
	Installation *installation;
	Oid			table_oid;
	char	   *table_identity;
	const char *moment;
	char	   *marker;			/* prefix and nonce */
	JournalEntry entry;
} Mark;

/*
 * The first nonce in a text, and *text moved behind it; NULL if there is none.
 */
char *
mark_find_nonce(const char **text)
{
	const char *found;

	while ((found = strstr(*text, MARK_PREFIX)) != NULL)
	{
		const char *nonce = found + strlen(MARK_PREFIX);
		size_t		length = strspn(nonce, "0123456789abcdef");

		*text = nonce + length;
		if (length == NONCE_LENGTH)
			return pnstrdup(nonce, length);
	}
	return NULL;
}

/* A new nonce, as hexadecimal digits. */
static char *
make_nonce(void)
{
	unsigned char bytes[NONCE_BYTES];
	char	   *text = palloc(NONCE_LENGTH + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	for (int i = 0; i < NONCE_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

/* The object of an entry of ours, spelled as jsonb prints it. */
static char *
format_object(Oid table_oid)
{
	return psprintf("{\"table_oid\": %u, \"database_oid\": %u}",
					table_oid, MyDatabaseId);
}

/* The comment that an entry of ours put there; NULL if it is none of ours. */
static const char *
entry_comment(const JournalEntry *entry)
{
	MemoryContext context = CurrentMemoryContext;
	const char *comment;

	if (entry->state_after == NULL)
		return NULL;
	SPI_connect();
	(void) query_run("SELECT $1::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'comment'",
					 1, &entry->state_after);
	comment = query_text(0, 1, context);
	SPI_finish();
	return comment;
}

/* Are two comments the same, or is there none twice? */
static bool
is_same_comment(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Could a role set the comment on a table? */
static bool
may_comment(Oid table_oid, Oid user_oid)
{
	return object_ownercheck(RelationRelationId, table_oid, user_oid);
}

/* Raise an error (42501) unless the caller can set the comment. */
static void
require_ownership(Oid table_oid, const char *identity)
{
	char	   *owner;

	if (may_comment(table_oid, GetUserId()))
		return;
	owner = GetUserNameFromId(table_owner(table_oid), false);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table %s", identity),
			 errdetail("The mark is put into the comment on that table."),
			 errhint("Mark the backup as role \"%s\" or a member of it. A dump without a mark can reach the level \"complete\", if it is not plain SQL.",
					 owner)));
}

/* Find out where the mark goes, and what is there; runs under guard_run(). */
static void
look_around(void *argument)
{
	Mark	   *mark = argument;

	mark->installation = installation_find(NULL);
	installation_require(mark->installation);
	mark->table_oid = table_lookup(mark->installation->schema_oid,
								   mark->installation->history_table);
	mark->table_identity =
		quote_qualified_identifier(mark->installation->schema_name,
								   mark->installation->history_table);
}

/*
 * The comment of before, and the state that goes on from an open mark: that
 * has the comment from before the first of them.
 */
static const char *
supersede_open_mark(Mark *mark, const char *comment)
{
	JournalEntry *open = journal_find_open(MARK_KIND, mark->entry.object);

	if (open == NULL)
		return comment;
	if (!is_same_comment(entry_comment(open), comment) ||
		!may_comment(mark->table_oid, open->made_by))
	{
		journal_close(open, JOURNAL_CHANGED_SINCE);
		return comment;
	}
	journal_close(open, JOURNAL_SUPERSEDED);
	return open->state_before;
}

/* The moment, for guard_run(). */
static void
take_moment(void *argument)
{
	Mark	   *mark = argument;

	mark->moment = moment_now(mark->installation);
}

/* Put a mark into the comment and the journal; runs under attempt(). */
static void
put_mark(void *argument)
{
	Mark	   *mark = argument;
	StringInfoData state;
	const char *before;
	char	   *nonce = make_nonce();
	char	   *comment;

	LockRelationOid(mark->table_oid, ShareUpdateExclusiveLock);
	if (get_rel_name(mark->table_oid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table %s was dropped just now", mark->table_identity)));
	require_ownership(mark->table_oid, mark->table_identity);
	guard_run_or_raise(take_moment, mark);

	mark->marker = psprintf("%s%s", MARK_PREFIX, nonce);
	mark->entry.kind = MARK_KIND;
	mark->entry.object = format_object(mark->table_oid);
	mark->entry.object_identity = psprintf("comment on table %s",
										   mark->table_identity);
	before = supersede_open_mark(mark,
								 GetComment(mark->table_oid,
											RelationRelationId, 0));
	comment = before == NULL ? mark->marker :
		psprintf("%s\n%s", before, mark->marker);
	CreateComments(mark->table_oid, RelationRelationId, 0, comment);

	initStringInfo(&state);
	appendStringInfo(&state, "{\"nonce\": \"%s\", \"comment\": ", nonce);
	escape_json(&state, comment);
	appendStringInfo(&state, ", \"moment\": %s}", mark->moment);
	mark->entry.state_before = before;
	mark->entry.state_after = state.data;
	mark->entry.reason = mark->reason;
	TIMESTAMP_NOEND(mark->entry.expires_at);
	journal_record(&mark->entry);
}

/* The LSN of a moment. */
static const char *
moment_lsn(const char *moment)
{
	MemoryContext context = CurrentMemoryContext;
	const char *lsn;

	SPI_connect();
	(void) query_run("SELECT $1::pg_catalog.jsonb OPERATOR(pg_catalog.->>) 'lsn'",
					 1, &moment);
	lsn = query_text(0, 1, context);
	SPI_finish();
	return lsn;
}

/*
 * upgrade_prereq_mark_backup(reason text)
 *
 * Puts a mark into this database that a dump made from now on carries.  A mark
 * that was put before gives way to the new one; a comment that was there stays
 * before it.  reason may be null.
 *
 * Errors: 55000 without an installation of OpenMetadata; 42501 without the
 * rights on the journal, or for a role that does not own the table of
 * migrations; 25006 in a read-only transaction; 55P03 while somebody else
 * alters the table; those of reading the migration history.
 */
Datum
upgrade_prereq_mark_backup(PG_FUNCTION_ARGS)
{
	Mark		mark = {0};
	ErrorData  *error;
	char	   *values[MARK_COLUMNS];
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	Assert(desc->natts == MARK_COLUMNS);
	if (!PG_ARGISNULL(0))
		mark.reason = text_to_cstring(PG_GETARG_TEXT_PP(0));

	journal_require_write();
	(void) journal_undo_expired();
	pgstat_clear_snapshot();	/* the counters of now */
	guard_run_or_raise(look_around, &mark);
	error = attempt(put_mark, &mark);
	if (error != NULL)
		ReThrowError(error);

	values[0] = mark.marker;
	values[1] = (char *) mark.entry.object_identity;
	values[2] = (char *) moment_lsn(mark.moment);
	values[3] = (char *) mark.installation->installed_text;
	values[4] = psprintf(INT64_FORMAT, mark.entry.id);
	values[5] = "Commit, make the dump, and record it with upgrade_prereq_record_backup(). upgrade_prereq_undo() takes the mark away; it may be gone when the dump is recorded.";
	return HeapTupleGetDatum(BuildTupleFromCStrings(TupleDescGetAttInMetadata(desc),
													values));
}

/* The table of an entry; InvalidOid if it is none that we could have written. */
static Oid
entry_table(const JournalEntry *entry, Oid *database_oid)
{
	Oid			table_oid;

	if (sscanf(entry->object, "{\"table_oid\": %u, \"database_oid\": %u}",
			   &table_oid, database_oid) != 2)
		return InvalidOid;
	return table_oid;
}

/*
 * Put back the comment that a mark found, unless somebody changed it since:
 * the undo function of our entries.
 *
 * Errors: 22023 for an entry that we cannot have written, 42501 if its writer
 * or the caller does not own the table.
 */
JournalOutcome
mark_undo(const JournalEntry *entry)
{
	Oid			database_oid;
	Oid			table_oid = entry_table(entry, &database_oid);
	const char *comment = entry_comment(entry);

	if (!OidIsValid(table_oid) || comment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("change " INT64_FORMAT " is not one that upgrade_prereq makes",
						entry->id)));
	if (database_oid != MyDatabaseId)
		return JOURNAL_GONE;
	LockRelationOid(table_oid, ShareUpdateExclusiveLock);
	if (get_rel_name(table_oid) == NULL)
		return JOURNAL_GONE;
	if (!is_same_comment(comment, GetComment(table_oid, RelationRelationId, 0)))
		return JOURNAL_CHANGED_SINCE;
	if (!may_comment(table_oid, entry->made_by))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("change " INT64_FORMAT " was recorded by a role that may not make it",
						entry->id),
				 errdetail("A change is only taken back if whoever recorded it could have made it."),
				 errhint("The comment on table %s can be set by hand.",
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(table_oid)),
													get_rel_name(table_oid)))));
	require_ownership(table_oid,
					  quote_qualified_identifier(get_namespace_name(get_rel_namespace(table_oid)),
												 get_rel_name(table_oid)));
	CreateComments(table_oid, RelationRelationId, 0,
				   unconstify(char *, entry->state_before));
	return JOURNAL_UNDONE;
}
