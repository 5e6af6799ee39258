/*-------------------------------------------------------------------------
 *
 * raise_restore.c
 *	  Puts back what was raised for a role or database.
 *
 * Here is also what an entry of the journal about a setting looks like, and
 * which ones are believed.
 *
 * src/raise_restore.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "guard.h"
#include "query.h"
#include "raise.h"
#include "stored_setting.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/*
 * Sessions of a role ($1) in a database ($2), "0" for all, that connected
 * after a time ($3), null for all.  When others connected is hidden without
 * pg_read_all_stats: then they count.
 */
static const char sessions_query[] =
"SELECT count(*), "
"string_agg(DISTINCT COALESCE(NULLIF(a.application_name, ''), 'unnamed'), ', '), "
"array_agg(a.pid ORDER BY a.pid) "
"FROM pg_catalog.pg_stat_activity AS a "
"WHERE a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid() "
"AND COALESCE(a.backend_type, 'client backend') = 'client backend' "
"AND ($1 = '0' OR a.usesysid = $1::oid) AND ($2 = '0' OR a.datid = $2::oid) "
"AND ($3 IS NULL OR COALESCE(a.backend_start >= $3::timestamptz, true))";

/*
 * The sessions that a setting reaches, of those that connected after a time,
 * 0 for all.  To be called under guard_run().
 */
RaiseSessions
raise_find_sessions(SettingPlace place, TimestampTz since)
{
	MemoryContext context = CurrentMemoryContext;
	RaiseSessions sessions;
	const char *arguments[] = {
		psprintf("%u", place.role_oid),
		psprintf("%u", place.database_oid),
		since == 0 ? NULL : timestamptz_to_str(since)
	};

	SPI_connect();
	(void) query_run(sessions_query, lengthof(arguments), arguments);
	sessions.count = atoi(query_text(0, 1, context));
	sessions.applications = query_text(0, 2, context);
	sessions.pids = query_text(0, 3, context);
	SPI_finish();
	return sessions;
}

/*
 * The object of an entry: a setting and the place where it is stored.  If that
 * is for every database, also where it was raised.  Spelled as jsonb prints it.
 */
static char *
format_object(const RaisedSetting *setting, SettingPlace place, Oid raised_in)
{
	const char *where = OidIsValid(place.database_oid) ? "" :
		psprintf(", \"raised_in_oid\": %u", raised_in);

	return psprintf("{\"setting\": \"%s\", \"role_oid\": %u, \"database_oid\": %u%s}",
					setting->name, place.role_oid, place.database_oid, where);
}

/* The object of an entry that is made in this database. */
char *
raise_format_object(const RaisedSetting *setting, SettingPlace place)
{
	return format_object(setting, place, MyDatabaseId);
}

/*
 * Read the object of an entry.  False if it is none that we could have
 * written.
 */
static bool
parse_object(const char *object, const RaisedSetting **setting,
			 SettingPlace *place, Oid *raised_in)
{
	int			count = sscanf(object, "{\"setting\": \"%*[a-z_]\", \"role_oid\": %u, \"database_oid\": %u, \"raised_in_oid\": %u}",
							   &place->role_oid, &place->database_oid,
							   raised_in);

	if (count < 2)
		return false;
	if (OidIsValid(place->database_oid))
		*raised_in = place->database_oid;
	else if (count < 3 || !OidIsValid(place->role_oid))
		return false;
	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
	{
		*setting = &raised_settings[i];
		if (strcmp(object, format_object(*setting, *place, *raised_in)) == 0)
			return true;
	}
	return false;
}

/*
 * Raise an error (42501) unless whoever wrote an entry could make the change
 * himself: see journal_refuse_writer().
 */
void
raise_require_credible(const JournalEntry *entry, const RaisedSetting *setting,
					   SettingPlace place)
{
	if (!setting_place_may_alter(place, entry->made_by))
		journal_refuse_writer(entry,
							  psprintf("If it is to be taken back: %s;",
									   stored_setting_statement(place, setting->name,
																entry->state_before)));
}

/*
 * Put back what a setting was, unless somebody changed it since: the undo
 * function of our entries.
 *
 * Errors: 22023 for an entry that we cannot have written, 42501 if its writer
 * or the caller may not alter the setting.
 */
JournalOutcome
raise_undo(const JournalEntry *entry)
{
	const RaisedSetting *setting;
	SettingPlace place;
	Oid			raised_in;

	if (!parse_object(entry->object, &setting, &place, &raised_in))
		journal_refuse_entry(entry);

	/* the journal may have come here in a copy of the database */
	if (!setting_place_exists(place) || raised_in != MyDatabaseId)
		return JOURNAL_GONE;
	if (!stored_setting_is(place, setting->name, entry->state_after))
		return JOURNAL_CHANGED_SINCE;
	raise_require_credible(entry, setting, place);
	setting_place_require(place);
	stored_setting_alter(place, setting->name, entry->state_before);
	return JOURNAL_UNDONE;
}

/* Sessions that still have a value that was put back. */
typedef struct Leftover
{
	SettingPlace place;
	TimestampTz since;
	const char *pids;
} Leftover;

static void
find_leftover(void *argument)
{
	Leftover   *leftover = argument;

	leftover->pids = raise_find_sessions(leftover->place, leftover->since).pids;
}

/* The row of the result for one entry of the journal. */
static RaiseRow *
restore_entry(JournalEntry *entry)
{
	RaiseRow   *row = palloc0(sizeof(RaiseRow));
	const RaisedSetting *setting = NULL;
	Leftover	leftover = {0};
	Oid			raised_in;
	JournalResult *result;

	row->object_identity = entry->object_identity;
	row->journal_id = entry->id;
	if (!journal_may_write())
	{
		row->note = XactReadOnly ?
			"It is still raised: a read-only transaction cannot put it back." :
			psprintf("It is still raised: to put it back, ask for %s",
					 journal_grants(GetUserNameFromId(GetUserId(), false)));
		return row;
	}
	if (parse_object(entry->object, &setting, &leftover.place, &raised_in))
	{
		row->name = setting->name;
		row->scope_name = raise_scope_of(OidIsValid(leftover.place.role_oid),
										 OidIsValid(leftover.place.database_oid))->name;
		row->object_identity = setting_place_identity(leftover.place);
	}

	result = journal_undo(entry);
	if (result->error != NULL)
	{
		row->note = psprintf("It could not be put back: %s.",
							 result->error->message);
		ereport(WARNING,
				(errcode(result->error->sqlerrcode),
				 errmsg("%s could not be put back: %s",
						entry->object_identity, result->error->message),
				 result->error->detail ? errdetail("%s", result->error->detail) : 0,
				 result->error->hint ? errhint("%s", result->error->hint) : 0));
		return row;
	}
	if (!result->was_open)
	{
		row->note = "It was put back by somebody else just now.";
		return row;
	}

	row->note = journal_outcome_note(result->outcome);
	row->before = row->after = setting == NULL ? NULL :
		stored_setting_text(leftover.place, setting->name);
	if (result->outcome != JOURNAL_UNDONE)
		return row;
	row->changed = true;
	row->before = entry->state_after;
	leftover.since = journal_changed_since(entry);
	guard_run_or_raise(find_leftover, &leftover);
	row->still_raised_pids = leftover.pids;
	if (leftover.pids != NULL)
		row->note = psprintf("%s The sessions of still_raised_pids connected meanwhile and keep the raised value until they disconnect.",
							 row->note);
	return row;
}

/*
 * Put back what the journal has of settings (List of RaiseRow *).  Errors:
 * 55P03 while somebody else changes stored settings.
 */
List *
restore_stored(void)
{
	List	   *rows = NIL;
	List	   *entries = journal_open_entries(RAISE_KIND);
	ListCell   *lc;

	if (entries != NIL && journal_may_write())
	{
		/* a raise at the same time is to be put back, too */
		stored_setting_lock();
		entries = journal_open_entries(RAISE_KIND);
	}
	foreach(lc, entries)
	{
		CHECK_FOR_INTERRUPTS();
		rows = lappend(rows, restore_entry(lfirst(lc)));
	}
	return rows;
}
