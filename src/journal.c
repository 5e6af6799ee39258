/*-------------------------------------------------------------------------
 *
 * journal.c
 *	  Every change that the extension made, and the way back.
 *
 * The journal is a table of the extension.  It is read and written with the
 * rights of the caller; who has none can still use what changes the session
 * only.
 *
 * src/journal.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "acknowledgement.h"
#include "attempt.h"
#include "backup/evidence.h"
#include "backup/mark.h"
#include "backup/record.h"
#include "catalog/namespace.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "compat.h"
#include "extension.h"
#include "guard.h"
#include "journal.h"
#include "query.h"
#include "raise.h"
#include "runs/settle.h"
#include "stored_setting.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_undo);

#define JOURNAL_TABLE	"upgrade_prereq_journal"

/* Columns of upgrade_prereq_undo(). */
#define UNDO_COLUMNS 6

/* A kind of change, and how it is taken back. */
typedef struct JournalKind
{
	const char *name;
	void		(*lock) (void); /* what has to be locked before the entry; or
								 * NULL */
	JournalUndo undo;
	bool		outlives_expiry;	/* stays open for a person to see, since
									 * its end by itself changes nothing */
} JournalKind;

static const JournalKind kinds[] = {
	{ACKNOWLEDGEMENT_KIND, NULL, acknowledgement_undo, true},
	{BACKUP_KIND, NULL, record_undo, false},
	{MARK_KIND, NULL, mark_undo, false},
	{RAISE_KIND, stored_setting_lock, raise_undo, false},
	{RUN_KIND, NULL, run_undo, false},
};

/* By JournalOutcome: what stands in the table, and what it means. */
static const struct
{
	const char *name;
	const char *note;
}			outcomes[] = {

	[JOURNAL_UNDONE] = {"undone",
	"It is what it was before the change."},
	[JOURNAL_CHANGED_SINCE] = {"changed since",
	"Somebody changed it since: it is left as it is."},
	[JOURNAL_GONE] = {"gone",
	"It is not there any more, or in another database, of which this is a copy."},
	[JOURNAL_SUPERSEDED] = {"superseded",
	"A later change took its place."},
};

/* Columns of an entry, and those of them that everybody may read. */
#define PUBLIC_COLUMNS \
	"id, kind, object_identity, NULL, NULL, NULL, NULL, expires_at, NULL, made_at"
#define ENTRY_COLUMNS \
	"id, kind, object_identity, object::pg_catalog.text, state_before, state_after, " \
	"reason, expires_at, made_by_oid, made_at"

/* What an outcome means, as a sentence. */
const char *
journal_outcome_note(JournalOutcome outcome)
{
	return outcomes[outcome].note;
}

/* The kind of that name, or NULL. */
static const JournalKind *
find_kind(const char *name)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* The journal, as it is to be written in a query. */
static const char *
journal_table(void)
{
	return quote_qualified_identifier(extension_schema(), JOURNAL_TABLE);
}

/* The OID of the journal; invalid if there is none. */
static Oid
journal_oid(void)
{
	return get_relname_relid(JOURNAL_TABLE,
							 get_namespace_oid(extension_schema(), false));
}

/* Has the caller a right on a table, or on some column of it? */
static bool
has_right(Oid table_oid, AclMode mode)
{
	return pg_class_aclcheck(table_oid, GetUserId(), mode) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(table_oid, GetUserId(), mode,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

/*
 * May the caller write into the journal, and is this a transaction that can?
 */
bool
journal_may_write(void)
{
	Oid			table_oid;

	if (XactReadOnly || RecoveryInProgress())
		return false;
	table_oid = journal_oid();
	return OidIsValid(table_oid) &&
		pg_class_aclcheck(table_oid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		has_right(table_oid, ACL_INSERT) && has_right(table_oid, ACL_UPDATE);
}

/*
 * A publication that sends what is written into a table to subscribers, or
 * NULL.  Looks at the catalogs alone: the view pg_publication_tables opens
 * every published table, and waits for whoever holds a lock on one.
 */
static const char *
find_publication(Oid table_oid)
{
	List	   *publications;
	ListCell   *lc;

	if (!XLogLogicalInfoActive() ||
		get_rel_persistence(table_oid) != RELPERSISTENCE_PERMANENT)
		return NULL;
	publications = list_concat(GetAllTablesPublications(),
							   GetRelationPublications(table_oid));
	publications = list_concat(publications,
							   GetSchemaPublications(get_rel_namespace(table_oid)));
	foreach(lc, publications)
	{
		const Publication *publication = GetPublication(lfirst_oid(lc));

		if (publication->pubactions.pubinsert || publication->pubactions.pubupdate)
			return publication->name;
	}
	return NULL;
}

/*
 * Raise an error (55000) if what is written into the journal would go to
 * subscribers that may have no such table: one that lacks it stops.
 */
static void
refuse_publication(Oid table_oid)
{
	const char *publication = setting_journal_on_subscribers ? NULL :
		find_publication(table_oid);

	if (publication != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table %s is in publication \"%s\"", JOURNAL_TABLE,
						publication),
				 errdetail("A subscriber that has no such table would stop at what is written there, and keep the WAL of this server."),
				 errhint("Leave the table out of the publication; or create the extension on every subscriber and set upgrade_prereq.journal_on_subscribers.")));
}

/* The GRANT that lets a role write into the journal. */
char *
journal_grants(const char *user_name)
{
	return psprintf("GRANT SELECT, "
					"INSERT (kind, object_identity, object, state_before, state_after, reason, expires_at), "
					"UPDATE (undone_at, undone_by, outcome) ON %s TO %s;",
					journal_table(), quote_identifier(user_name));
}

/*
 * Raise an error unless journal_may_write(): 25006 in a transaction that
 * cannot write, 42501 for a role that may not; and 55000 while the journal is
 * published.
 */
void
journal_require_write(void)
{
	if (XactReadOnly || RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("the change cannot be made in a read-only transaction"),
				 RecoveryInProgress() ?
				 errhint("This server is a standby: connect to the primary server.") :
				 errhint("Make it in a transaction that may write.")));
	if (!journal_may_write())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s", JOURNAL_TABLE),
				 errdetail("Every change is recorded there, with the rights of the caller."),
				 errhint("Ask for: %s",
						 journal_grants(GetUserNameFromId(GetUserId(), false)))));
	refuse_publication(journal_oid());
}

/*
 * Lock the journal for writing, and raise an error (55000) if it is published,
 * or if that would fire a trigger: it would run the code of whoever has the
 * right TRIGGER, as with GRANT ALL ON ALL TABLES, in the name of the caller.
 */
static void
lock_journal(void)
{
	Relation	table = table_open(journal_oid(), RowExclusiveLock);

	refuse_publication(RelationGetRelid(table));
	for (int i = 0; table->trigdesc != NULL && i < table->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &table->trigdesc->triggers[i];

		if (trigger->tgisinternal || trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table %s has trigger \"%s\"", JOURNAL_TABLE,
						trigger->tgname),
				 errdetail("It is not one of upgrade_prereq, and would run with the rights of the caller."),
				 errhint("Find out who created it; then: DROP TRIGGER %s ON %s;",
						 pstrdup(quote_identifier(trigger->tgname)),
						 journal_table())));
	}
	table_close(table, NoLock);
}

/*
 * Write a change into the journal, in the transaction of the change; fills in
 * its id.  False if there is an open entry for the same object, which may have
 * been committed just now.
 *
 * Errors: 55000 if the journal has a trigger or is published; 40001 where the
 * transaction's snapshot is too old to see an open entry for the same object.
 */
bool
journal_try_record(JournalEntry *entry)
{
	const char *query =
		psprintf("INSERT INTO %s (kind, object_identity, object, state_before, "
				 "state_after, reason, expires_at) "
				 "VALUES ($1, $2, $3::pg_catalog.jsonb, $4, $5, $6, $7) "
				 "ON CONFLICT (kind, object) WHERE undone_at IS NULL DO NOTHING "
				 "RETURNING id", journal_table());
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TEXTOID, TIMESTAMPTZOID};
	const char *texts[] = {entry->kind, entry->object_identity, entry->object,
	entry->state_before, entry->state_after, entry->reason};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types)];
	bool		is_new;
	bool		is_null;

	for (size_t i = 0; i < lengthof(texts); i++)
	{
		nulls[i] = texts[i] == NULL ? 'n' : ' ';
		values[i] = texts[i] == NULL ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	nulls[lengthof(texts)] = TIMESTAMP_IS_NOEND(entry->expires_at) ? 'n' : ' ';
	values[lengthof(texts)] = TimestampTzGetDatum(entry->expires_at);

	lock_journal();
	SPI_connect();
	if (SPI_execute_with_args(query, lengthof(types), types, values, nulls,
							  false, 0) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "could not write into %s", JOURNAL_TABLE);
	is_new = SPI_processed == 1;
	if (is_new)
		entry->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0],
												SPI_tuptable->tupdesc, 1,
												&is_null));
	SPI_finish();
	return is_new;
}

/*
 * journal_try_record() for those who have looked for an open entry before:
 * one is an error, too (55000).
 */
void
journal_record(JournalEntry *entry)
{
	if (!journal_try_record(entry))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s has been changed before, and not been put back",
						entry->object_identity),
				 errhint("The view upgrade_prereq_open_changes shows it.")));
}

/*
 * Run a query on the journal.  No name in it is looked up where the caller's
 * search_path says: that of a database is the business of its owner, and the
 * worker that takes back what has expired has it, too.
 */
static uint64
query_journal(const char *query, int count, const char *const *arguments)
{
	int			nest_level = NewGUCNestLevel();
	uint64		rows;

	guard_pin_setting("search_path", "pg_catalog, pg_temp");
	rows = query_change(query, count, arguments);
	AtEOXact_GUC(false, nest_level);
	return rows;
}

/* Take a row of ENTRY_COLUMNS from the last query's result. */
static JournalEntry *
take_entry(uint64 row, MemoryContext context)
{
	JournalEntry *entry = MemoryContextAllocZero(context, sizeof(*entry));
	HeapTuple	tuple = SPI_tuptable->vals[row];
	TupleDesc	desc = SPI_tuptable->tupdesc;
	bool		is_null;

	entry->id = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &is_null));
	entry->kind = query_text(row, 2, context);
	entry->object_identity = query_text(row, 3, context);
	entry->object = query_text(row, 4, context);
	entry->state_before = query_text(row, 5, context);
	entry->state_after = query_text(row, 6, context);
	entry->reason = query_text(row, 7, context);
	entry->expires_at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 8,
														  &is_null));
	if (is_null)
		TIMESTAMP_NOEND(entry->expires_at);
	entry->made_by = DatumGetObjectId(SPI_getbinval(tuple, desc, 9, &is_null));
	entry->made_at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 10, &is_null));
	return entry;
}

/*
 * The open entries for which a condition on the journal holds (List of
 * JournalEntry *), the latest first: so they have to be taken back.  $1 stands
 * for the argument.
 */
static List *
list_open(const char *condition, const char *argument)
{
	MemoryContext context = CurrentMemoryContext;
	const char *query =
		psprintf("SELECT %s FROM %s WHERE undone_at IS NULL AND %s "
				 "ORDER BY id DESC",
				 journal_may_write() ? ENTRY_COLUMNS : PUBLIC_COLUMNS,
				 journal_table(), condition);
	List	   *result = NIL;
	uint64		rows;

	SPI_connect();
	rows = query_journal(query, 1, &argument);	/* nothing older than now */
	for (uint64 row = 0; row < rows; row++)
	{
		JournalEntry *entry = take_entry(row, context);
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		result = lappend(result, entry);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return result;
}

/*
 * The entries of a kind that are open (List of JournalEntry *), the latest
 * first.  Unless journal_may_write(), most of their fields are NULL.
 */
List *
journal_open_entries(const char *kind)
{
	return list_open("kind OPERATOR(pg_catalog.=) $1", kind);
}

/* Is any open entry to be taken back at just this time? */
bool
journal_expires_at(TimestampTz time)
{
	return list_open("expires_at OPERATOR(pg_catalog.=) $1::pg_catalog.timestamptz",
					 timestamptz_to_str(time)) != NIL;
}

/* Run a query for one entry; NULL if there is none. */
static JournalEntry *
find_entry(const char *query, int count, const char *const *arguments)
{
	MemoryContext context = CurrentMemoryContext;
	JournalEntry *result = NULL;

	SPI_connect();
	if (query_journal(query, count, arguments) > 0)
		result = take_entry(0, context);
	SPI_finish();
	return result;
}

/* The open entry for an object, which is locked; NULL if there is none. */
JournalEntry *
journal_find_open(const char *kind, const char *object)
{
	const char *arguments[] = {kind, object};

	return find_entry(psprintf("SELECT " ENTRY_COLUMNS " FROM %s "
							   "WHERE undone_at IS NULL AND kind OPERATOR(pg_catalog.=) $1 "
							   "AND object OPERATOR(pg_catalog.=) $2::pg_catalog.jsonb FOR UPDATE",
							   journal_table()),
					  lengthof(arguments), arguments);
}

/*
 * When the object of an open entry was first changed: the entry may be the
 * last of several changes, each of which took the place of the one before.
 */
TimestampTz
journal_changed_since(const JournalEntry *entry)
{
	const char *arguments[] = {
		entry->kind, entry->object, psprintf(INT64_FORMAT, entry->id)
	};
	const char *query =
		psprintf("SELECT " ENTRY_COLUMNS " FROM %1$s AS j "
				 "WHERE kind OPERATOR(pg_catalog.=) $1 "
				 "AND object OPERATOR(pg_catalog.=) $2::pg_catalog.jsonb "
				 "AND id OPERATOR(pg_catalog.<=) $3::pg_catalog.int8 "
				 "AND NOT EXISTS (SELECT FROM %1$s AS k "
				 "WHERE k.kind OPERATOR(pg_catalog.=) $1 "
				 "AND k.object OPERATOR(pg_catalog.=) $2::pg_catalog.jsonb "
				 "AND k.id OPERATOR(pg_catalog.>=) j.id "
				 "AND k.id OPERATOR(pg_catalog.<) $3::pg_catalog.int8 "
				 "AND k.outcome OPERATOR(pg_catalog.<>) 'superseded') "
				 "ORDER BY id LIMIT 1", journal_table());
	JournalEntry *first = find_entry(query, lengthof(arguments), arguments);

	return first ? first->made_at : entry->made_at;
}

/*
 * Write into the journal how a change ended.  Errors: 55000 if the journal has
 * a trigger or is published.
 */
void
journal_close(const JournalEntry *entry, JournalOutcome outcome)
{
	const char *arguments[] = {
		psprintf(INT64_FORMAT, entry->id), outcomes[outcome].name
	};

	lock_journal();
	SPI_connect();
	if (query_journal(psprintf("UPDATE %s SET undone_at = pg_catalog.now(), "
							   "undone_by = CURRENT_USER, outcome = $2 "
							   "WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.int8 AND undone_at IS NULL",
							   journal_table()),
					  lengthof(arguments), arguments) != 1)
		elog(ERROR, "entry " INT64_FORMAT " of the journal is not open",
			 entry->id);
	SPI_finish();
}

/* Raise an error (22023): an entry is none that we could have written. */
void
journal_refuse_entry(const JournalEntry *entry)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("change " INT64_FORMAT " is not one that upgrade_prereq makes",
					entry->id)));
}

/*
 * Raise an error (42501): whoever wrote an entry could not have made the
 * change himself.  Otherwise a role that may only write into the journal could
 * have others make changes for it.  A role that was dropped since may not
 * either: it could have been made for nothing else.
 */
void
journal_refuse_writer(const JournalEntry *entry, const char *hint)
{
	const char *name = GetUserNameFromId(entry->made_by, true);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 name == NULL ?
			 errmsg("change " INT64_FORMAT " was recorded by a role that has been dropped, which may not make it",
					entry->id) :
			 errmsg("change " INT64_FORMAT " was recorded by role \"%s\", which may not make it",
					entry->id, name),
			 errdetail("A change is only taken back if whoever recorded it could have made it."),
			 errhint("%s", hint)));
}

/* Take a change back; to be called by attempt(). */
static void
undo(void *argument)
{
	JournalResult *result = argument;
	const JournalKind *kind = find_kind(result->entry->kind);
	const char *id = psprintf(INT64_FORMAT, result->entry->id);

	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("change %s is of unknown kind \"%s\"", id,
						result->entry->kind)));
	if (kind->lock != NULL)
		kind->lock();
	result->was_open =
		find_entry(psprintf("SELECT " ENTRY_COLUMNS " FROM %s "
							"WHERE undone_at IS NULL "
							"AND id OPERATOR(pg_catalog.=) $1::pg_catalog.int8 FOR UPDATE",
							journal_table()), 1, &id) != NULL;
	if (!result->was_open)
		return;
	result->outcome = kind->undo(result->entry);
	journal_close(result->entry, result->outcome);
}

/*
 * Take a change back and write that into the journal; all or nothing.  An
 * error is handed back.
 */
JournalResult *
journal_undo(JournalEntry *entry)
{
	JournalResult *result = palloc0(sizeof(JournalResult));

	result->entry = entry;
	result->error = attempt(undo, result);
	if (result->error != NULL)
		result->error->context = NULL;	/* the text of our query helps nobody */
	return result;
}

/*
 * Take back what has expired.  Does nothing where it cannot: in a read-only
 * transaction, without rights on the journal.  What cannot be taken back is
 * reported as a warning.  Returns how many changes that were.
 */
int
journal_undo_expired(void)
{
	const char *now = pstrdup(timestamptz_to_str(GetCurrentTimestamp()));
	int			failures = 0;
	ListCell   *lc;

	if (!journal_may_write())
		return 0;
	foreach(lc, list_open("expires_at OPERATOR(pg_catalog.<=) $1::pg_catalog.timestamptz",
						  now))
	{
		JournalEntry *entry = lfirst(lc);
		const JournalKind *kind = find_kind(entry->kind);
		JournalResult *result;

		if (kind != NULL && kind->outlives_expiry)
			continue;
		result = journal_undo(entry);
		if (result->error == NULL)
			continue;
		failures++;
		ereport(WARNING,
				(errcode(result->error->sqlerrcode),
				 errmsg("expired change " INT64_FORMAT " could not be taken back: %s",
						entry->id, result->error->message),
				 errdetail("It is %s.", entry->object_identity)));
	}
	return failures;
}

/*
 * upgrade_prereq_undo(id bigint)
 *
 * Takes back one change of the journal, whether it has expired or not.  A
 * change that has ended before is left as it is.
 *
 * Errors: 22023 for null, 42704 if there is no such change, 42501 without the
 * rights on the journal or the object, 25006 in a read-only transaction, 55000
 * if the journal has a trigger or is published, 55P03 while somebody else
 * changes the object.
 */
Datum
upgrade_prereq_undo(PG_FUNCTION_ARGS)
{
	JournalEntry *entry;
	JournalResult *result;
	const char *id;
	char	   *values[UNDO_COLUMNS];
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	Assert(desc->natts == UNDO_COLUMNS);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "id")));
	id = psprintf(INT64_FORMAT, PG_GETARG_INT64(0));

	journal_require_write();
	entry = find_entry(psprintf("SELECT " ENTRY_COLUMNS " FROM %s "
								"WHERE id OPERATOR(pg_catalog.=) $1::pg_catalog.int8",
								journal_table()), 1, &id);
	if (entry == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the journal has no change %s", id)));

	result = journal_undo(entry);
	if (result->error != NULL)
		ReThrowError(result->error);
	(void) journal_undo_expired();

	values[0] = (char *) id;
	values[1] = (char *) entry->kind;
	values[2] = (char *) entry->object_identity;
	values[3] = result->was_open && result->outcome == JOURNAL_UNDONE ? "t" : "f";
	values[4] = result->was_open ? (char *) outcomes[result->outcome].name : NULL;
	values[5] = result->was_open ? (char *) outcomes[result->outcome].note :
		"The change had ended before.";
	return HeapTupleGetDatum(BuildTupleFromCStrings(TupleDescGetAttInMetadata(desc),
													values));
}
