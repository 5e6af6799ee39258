/*-------------------------------------------------------------------------
 *
 * raise_stored.c
 *	  Raises the memory settings that a role gets at its next logins.
 *
 * OpenMetadata's migration runs in sessions of its own.  What reaches them is
 * a value stored for their role in this database, for the role, or for the
 * database; in that order the first one counts, and each of them outranks the
 * configuration file and the server's command line (order of GucSource in
 * src/include/utils/guc.h).  Only what the client passes when it connects
 * outranks them.
 *
 * src/raise_stored.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "attempt.h"
#include "deadline.h"
#include "guard.h"
#include "login.h"
#include "memory/limit.h"
#include "query.h"
#include "raise.h"
#include "role_setting.h"
#include "stored_setting.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/*
 * What the migration needs is an estimate: so much more is set where the
 * amount is left to us, as a part of it.
 */
#define RECOMMENDATION_MARGIN	0.1

/* Where a setting stands before the raise, in kB; 0 for what is not known. */
typedef struct Standing
{
	int			role_kb;		/* what the role gets at its next login */
	const char *source;			/* where from, as in pg_settings */
	bool		is_covered;		/* by a level above the one of the scope */
	int			scope_kb;		/* what those get whom the scope reaches */
} Standing;

/* A raise for a role or database while it is at work. */
typedef struct StoredRaise
{
	RaiseRequest *request;
	SettingPlace place;
	Oid			role_oid;		/* who is to get it */
	double		limit_bytes[RAISED_SETTING_COUNT];	/* -1 if not known */
	const char *unknown_limit;	/* why, as a sentence; or NULL */
	int			wanted_kb[RAISED_SETTING_COUNT];	/* but for the limit; or 0 */
	Standing	standing[RAISED_SETTING_COUNT];
	RaiseSessions sessions;		/* that have what the place has now */
	StringInfoData overruled;	/* what was forced, as sentences */
	List	   *rows;			/* of the result: RaiseRow * */
} StoredRaise;

/*
 * What other databases set ($1 = setting) for whoever has no value of his own,
 * as far as that reaches a role ($2).
 */
static const char other_databases_query[] =
"SELECT d.datname, substr(element, length($1) + 2) "
"FROM pg_catalog.pg_db_role_setting AS s "
"JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase "
"CROSS JOIN LATERAL unnest(s.setconfig) AS element "
"WHERE s.setrole = 0 AND d.datname <> current_database() "
"AND lower(split_part(element, '=', 1)) = $1 "
"AND NOT EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS r "
"CROSS JOIN LATERAL unnest(r.setconfig) AS of_role "
"WHERE r.setrole = $2::oid "
"AND (r.setdatabase = 0 OR r.setdatabase = s.setdatabase) "
"AND lower(split_part(of_role, '=', 1)) = $1) "
"ORDER BY d.datname";

/* ----- what is there ----- */

/* Who is to get the values; an error if that is not clear. */
static const char *
find_role_name(const Installation *installation)
{
	List	   *candidates;

	installation_require(installation);
	candidates = installation_role_candidates(installation);
	if (list_length(candidates) > 1)
	{
		StringInfoData names;
		ListCell   *lc;

		initStringInfo(&names);
		foreach(lc, candidates)
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 (char *) lfirst(lc));
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("it is not clear which role runs OpenMetadata's migration"),
				 errdetail("It may be one of %s: they own OpenMetadata's tables, or are connected for an application.",
						   names.data),
				 errhint("Name one as the argument role_name, or in the setting upgrade_prereq.migration_role.")));
	}
	return linitial(candidates);
}

/* Fill in how far the settings can be raised. */
static void
find_limits(StoredRaise *raise)
{
	MemoryLimit *limit = memory_limit_find(raise->request->role_name, 0);

	raise->limit_bytes[0] = limit->work_mem_bytes;
	raise->limit_bytes[1] = limit->maintenance_work_mem_bytes;
	raise->unknown_limit = limit->unknown_reason;
}

/* How far a setting can be raised, in kB. */
static int
limit_kb(const StoredRaise *raise, int number)
{
	double		bytes = raise->limit_bytes[number];

	return bytes < 0 ? MAX_KILOBYTES : (int) Min(bytes / 1024, MAX_KILOBYTES);
}

/*
 * Fill in amounts that were left open: what the migration needs and a margin,
 * as far as the machine has it.
 */
static void
find_amounts(StoredRaise *raise, const Installation *installation)
{
	RaiseRequest *request = raise->request;
	int			kb[RAISED_SETTING_COUNT];

	memcpy(kb, request->kb, sizeof(kb));
	raise_recommend(kb, installation);
	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
	{
		double		wanted_kb = Min(kb[i] * (1 + RECOMMENDATION_MARGIN),
									MAX_KILOBYTES);

		if (request->kb[i] > 0)
			continue;
		raise->wanted_kb[i] = (int) wanted_kb;
		request->kb[i] = (int) Min(wanted_kb, limit_kb(raise, i));
	}
}

/* Fill in what the request leaves open; runs under guard_run(). */
static void
complete_request(void *argument)
{
	StoredRaise *raise = argument;
	RaiseRequest *request = raise->request;
	Installation *installation = NULL;

	if (request->role_name == NULL || request->kb[0] == 0 || request->kb[1] == 0)
		installation = installation_find(NULL);
	if (request->role_name == NULL)
		request->role_name = find_role_name(installation);
	find_limits(raise);
	if (installation != NULL)
		find_amounts(raise, installation);
}

/* The level of a value, the higher the later, by the scope that sets it. */
static int
source_level(const char *source)
{
	static const char *const sources[] = {"database", "user", "database user"};

	for (int i = 0; i < (int) lengthof(sources); i++)
	{
		if (strcmp(source, sources[i]) == 0)
			return i;
	}
	return -1;
}

/* A setting of a role in kB, 0 if it is not known. */
static int
setting_kb(const RoleSetting *setting)
{
	return setting->setting == NULL ? 0 : (int) setting->number;
}

/* Fill in what a login of the role gets, if one can be had. */
static void
find_by_login(Oid role_oid, const char *name, Standing *standing)
{
	List	   *settings;
	const LoginSetting *setting;

	if (login_settings(role_oid, &settings) != NULL)
		return;
	setting = login_setting_find(settings, name);
	if (setting == NULL)
		return;
	standing->role_kb = atoi(setting->setting);
	standing->source = setting->source;
}

/* Fill in where a setting stands. */
static void
find_standing(const StoredRaise *raise, int number)
{
	const RaiseScope *scope = raise->request->scope;
	const char *name = raised_settings[number].name;
	Standing   *standing = (Standing *) &raise->standing[number];
	RoleSetting *of_role = role_setting_find(raise->request->role_name, name);
	const char *stored = stored_setting_text(raise->place, name);
	int			stored_kb;

	standing->role_kb = setting_kb(of_role);
	standing->source = of_role->source;
	standing->is_covered = of_role->setting != NULL &&
		source_level(of_role->source) > source_level(scope->source);
	if (of_role->setting == NULL)
		find_by_login(raise->role_oid, name, standing);
	standing->scope_kb = standing->is_covered || !OidIsValid(raise->place.role_oid) ?
		setting_kb(role_setting_find(NULL, name)) : standing->role_kb;

	/* the catalog can be ahead of this transaction's snapshot */
	if (stored != NULL && parse_int(stored, &stored_kb, GUC_UNIT_KB, NULL))
		standing->scope_kb = Max(standing->scope_kb, stored_kb);
}

/* Fill in what is there; runs under guard_run(). */
static void
look_around(void *argument)
{
	StoredRaise *raise = argument;

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		find_standing(raise, i);
	raise->sessions = raise_find_sessions(raise->place, 0);
}

/* Does the role get less than what is asked for, as far as is known? */
static bool
is_role_too_low(const StoredRaise *raise, int number)
{
	return raise->standing[number].role_kb < raise->request->kb[number];
}

/* Does a setting have to be raised to reach what is asked for? */
static bool
is_too_low(const StoredRaise *raise, int number)
{
	return is_role_too_low(raise, number) &&
		raise->standing[number].scope_kb < raise->request->kb[number];
}

/* ----- what speaks against it ----- */

/* Something speaks against the raise: an error, unless forced. */
static void
refuse(StoredRaise *raise, int sqlerrcode, const char *message,
	   const char *detail, const char *hint)
{
	int			kb[RAISED_SETTING_COUNT];

	if (raise->request->force)
	{
		appendStringInfo(&raise->overruled, " Forced, although %s.", message);
		return;
	}

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		kb[i] = Max(Min(raise->request->kb[i], limit_kb(raise, i)),
					raise->standing[i].role_kb);
	ereport(ERROR,
			(errcode(sqlerrcode),
			 errmsg("%s", message),
			 errdetail("%s", detail),
			 errhint("%s Or set force => true. Without any change to the database, OpenMetadata's DB_PARAMS can pass the values: %s",
					 hint, raise_db_params(kb))));
}

/* Can the role log in at all? */
static void
check_login(StoredRaise *raise)
{
	const char *query = "SELECT 1 FROM pg_catalog.pg_roles AS r "
		"WHERE r.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND r.rolcanlogin";
	const char *oid = psprintf("%u", raise->role_oid);
	bool		can_login;

	SPI_connect();
	can_login = query_run(query, 1, &oid) > 0;
	SPI_finish();
	if (!can_login)
		refuse(raise, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			   psprintf("role \"%s\" cannot log in", raise->request->role_name),
			   "Settings of a role only count for the role that logs in, not for those who are its members.",
			   "Name the role that OpenMetadata logs in as, as the argument role_name.");
}

/* Is anybody connected who would get the values without having to? */
static void
check_sessions(StoredRaise *raise)
{
	if (raise->sessions.count > 0)
		refuse(raise, ERRCODE_OBJECT_IN_USE,
			   psprintf("sessions of %s are open: %d",
						setting_place_identity(raise->place),
						raise->sessions.count),
			   psprintf("Their applications: %s. Every one of them would get the values when it connects again.",
						raise->sessions.applications),
			   "Stop OpenMetadata before.");
}

/* Would the role get the value? */
static void
check_reach(StoredRaise *raise, int number)
{
	const Standing *standing = &raise->standing[number];
	const char *name = raised_settings[number].name;
	const char *role_name = raise->request->role_name;

	if (standing->is_covered)
		refuse(raise, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			   psprintf("role \"%s\" has a value of its own for %s",
						role_name, name),
			   psprintf("Its %s of %s comes from the level \"%s\", which outranks the scope \"%s\".",
						name, memory_text(standing->role_kb),
						standing->source, raise->request->scope->name),
			   "Raise it with the scope \"role\".");
	else if (standing->role_kb == 0)
		refuse(raise, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			   psprintf("it is not known which %s role \"%s\" gets now",
						name, role_name),
			   "A value of this session or its role hides the one below: the raise could turn out to lower it.",
			   "Connect as a superuser, or as a role that has no value of its own for the setting.");
}

/* Has the machine so much memory? */
static void
check_limit(StoredRaise *raise, int number)
{
	if (raise->request->kb[number] > limit_kb(raise, number))
		refuse(raise, ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
			   psprintf("%s of %s is above the safe limit of %s",
						raised_settings[number].name,
						memory_text(raise->request->kb[number]),
						memory_text(limit_kb(raise, number))),
			   "If the sessions of the role take that much at once, the machine can run out of memory. upgrade_prereq_memory_limit() shows the account.",
			   "Ask for less.");
}

/*
 * A database that sets more for the role than is asked for, or NULL.  What
 * this database or all of them set can hide what the configuration files set
 * for others.
 */
static const char *
find_higher_database(const StoredRaise *raise, int number)
{
	MemoryContext context = CurrentMemoryContext;
	const char *name = raised_settings[number].name;
	const char *arguments[] = {name, psprintf("%u", raise->role_oid)};
	const char *result = NULL;
	uint64		rows;
	ListCell   *lc;

	foreach(lc, role_setting_levels(raise->request->role_name, name))
	{
		const RoleSetting *level = lfirst(lc);

		/* what is below is not seen in other databases either */
		if (strcmp(level->source, "user") == 0)
			break;
		if (source_level(level->source) < 0 &&
			setting_kb(level) > raise->request->kb[number])
			return "other databases";
	}

	SPI_connect();
	rows = query_run(other_databases_query, lengthof(arguments), arguments);
	for (uint64 row = 0; row < rows && result == NULL; row++)
	{
		int			kb;

		if (parse_int(query_text(row, 2, CurrentMemoryContext), &kb,
					  GUC_UNIT_KB, NULL) &&
			kb > raise->request->kb[number])
			result = psprintf("database \"%s\"",
							  query_text(row, 1, CurrentMemoryContext));
	}
	if (result != NULL)
		result = MemoryContextStrdup(context, result);
	SPI_finish();
	return result;
}

/* Would it lower the value in another database? */
static void
check_other_databases(StoredRaise *raise, int number)
{
	const char *where = find_higher_database(raise, number);

	if (where != NULL)
		refuse(raise, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
			   psprintf("%s is higher in %s", raised_settings[number].name,
						where),
			   psprintf("There, a value for role \"%s\" in every database would lower it.",
						raise->request->role_name),
			   "Raise it with the scope \"role\", which is about this database only.");
}

/* All that speaks against a raise; runs under guard_run(). */
static void
check_raise(void *argument)
{
	StoredRaise *raise = argument;
	bool		is_needed = false;

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
	{
		if (is_role_too_low(raise, i))
			check_reach(raise, i);
		if (!is_too_low(raise, i))
			continue;
		is_needed = true;
		check_limit(raise, i);
		if (!OidIsValid(raise->place.database_oid))
			check_other_databases(raise, i);
	}
	if (!is_needed)
		return;
	check_login(raise);
	check_sessions(raise);
}

/* ----- the raise ----- */

/*
 * What to know of a setting that was raised, or left as it was, for longer if
 * that was recorded.
 */
static const char *
raise_note(const StoredRaise *raise, int number, bool is_raised,
		   bool is_recorded)
{
	const Standing *standing = &raise->standing[number];
	const char *role_name = raise->request->role_name;

	if (is_raised)
		return standing->is_covered ?
			psprintf("It is stored, but role \"%s\" does not get it.", role_name) :
			"Whoever connects from now on gets it, once this transaction has been committed.";
	if (standing->is_covered && is_role_too_low(raise, number))
		return psprintf("The scope has as much already%s, but role \"%s\" does not get it: its value comes from the level \"%s\".",
						is_recorded ? " and keeps it for longer" : "",
						role_name, standing->source);
	return is_recorded ? "It was as high already, and stays so for longer." :
		"It was not lower before, and is left as it was.";
}

/*
 * Store the new value of a setting, or let the one that is stored stay for
 * longer, and record it.  A raise on top of a raise keeps what was there
 * before the first, and lasts as long as the longer of the two.  Errors: 42501
 * if whoever recorded the first may not make it any more.
 */
static RaiseRow *
raise_setting(StoredRaise *raise, int number)
{
	const RaiseRequest *request = raise->request;
	const RaisedSetting *setting = &raised_settings[number];
	const Standing *standing = &raise->standing[number];
	bool		is_raised = is_too_low(raise, number);
	const char *stored = stored_setting_text(raise->place, setting->name);
	RaiseRow   *row = palloc0(sizeof(RaiseRow));
	JournalEntry entry = {0};
	JournalEntry *open;

	row->name = setting->name;
	row->scope_name = request->scope->name;
	row->object_identity = setting_place_identity(raise->place);
	row->before = row->after = standing->role_kb == 0 ? NULL :
		memory_text(standing->role_kb);
	row->note = raise_note(raise, number, is_raised, false);

	entry.kind = RAISE_KIND;
	entry.object = raise_format_object(setting, raise->place);
	entry.object_identity = psprintf("%s of %s", setting->name,
									 row->object_identity);
	entry.state_before = stored;
	entry.state_after = is_raised ? memory_text(request->kb[number]) : stored;
	entry.reason = request->reason;
	entry.expires_at = request->expires_at;

	open = journal_find_open(entry.kind, entry.object);
	if (open != NULL &&
		!stored_setting_is(raise->place, setting->name, open->state_after))
	{
		journal_close(open, JOURNAL_CHANGED_SINCE);
		open = NULL;
	}
	if (!is_raised && (open == NULL || open->expires_at >= request->expires_at))
		return row;
	if (open != NULL)
	{
		raise_require_credible(open, setting, raise->place);
		entry.state_before = open->state_before;
		entry.expires_at = Max(open->expires_at, entry.expires_at);
		journal_close(open, JOURNAL_SUPERSEDED);
	}

	if (is_raised)
		stored_setting_alter(raise->place, setting->name, entry.state_after);
	journal_record(&entry);

	row->journal_id = entry.id;
	row->expires_at = entry.expires_at;
	row->changed = is_raised;
	row->note = raise_note(raise, number, is_raised, true);
	if (is_raised && !standing->is_covered)
		row->after = entry.state_after;
	return row;
}

/* Raise the settings; to be called by attempt(). */
static void
raise_settings(void *argument)
{
	StoredRaise *raise = argument;

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		raise->rows = lappend(raise->rows, raise_setting(raise, i));
}

/*
 * What is to be said about the safe limit; an empty string if nothing is.
 * That it is not known matters to what was raised only.
 */
static const char *
limit_note(const StoredRaise *raise, int number, bool is_recorded)
{
	int			kb = Max(raise->request->kb[number],
						 raise->standing[number].role_kb);

	if (raise->limit_bytes[number] >= 0)
		return kb >= raise->wanted_kb[number] ? "" :
			psprintf(" The migration needs more, but the safe limit is %s.",
					 memory_text(limit_kb(raise, number)));
	return !is_recorded ? "" :
		psprintf(" The safe limit is not known: %s", raise->unknown_limit);
}

/* Run a guarded function with a snapshot that is as fresh as can be. */
static void
look_now(GuardedFunction function, StoredRaise *raise)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	guard_run_or_raise(function, raise);
	PopActiveSnapshot();
}

/*
 * Raise the settings for a role or database, in the journal's transaction.
 * Fills in the request, and returns the rows of the result (List of RaiseRow
 * *).
 */
List *
raise_stored(RaiseRequest *request)
{
	StoredRaise raise = {.request = request};
	ErrorData  *error;
	ListCell   *lc;
	TimestampTz deadline = 0;
	const char *note = "";

	initStringInfo(&raise.overruled);
	if (request->role_name != NULL)
		(void) get_role_oid(request->role_name, false);
	guard_run_or_raise(complete_request, &raise);
	raise.role_oid = get_role_oid(request->role_name, false);
	if (strcmp(request->scope->source, "database") != 0)
		raise.place.role_oid = raise.role_oid;
	if (strcmp(request->scope->source, "user") != 0)
		raise.place.database_oid = MyDatabaseId;
	setting_place_require(raise.place);

	stored_setting_lock();
	look_now(look_around, &raise);
	look_now(check_raise, &raise);

	/* whoever alters settings waits for us: we must not for the journal */
	error = attempt(raise_settings, &raise);
	if (error != NULL)
		ReThrowError(error);

	foreach(lc, raise.rows)
	{
		RaiseRow   *row = lfirst(lc);
		bool		is_recorded = row->journal_id != 0;

		/* an earlier raise may last longer, and have no worker */
		if (is_recorded && row->expires_at != deadline)
		{
			deadline = row->expires_at;
			note = deadline_worker_start(deadline) ?
				" A background worker puts back what was there at expires_at; upgrade_prereq_restore() does at any time." :
				" upgrade_prereq_restore() puts back what was there. No background worker does it at expires_at, only the next call of a function that may write.";
		}
		row->note = psprintf("%s%s%s%s", row->note, is_recorded ? note : "",
							 is_recorded ? raise.overruled.data : "",
							 limit_note(&raise, foreach_current_index(lc),
										is_recorded));
	}
	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		request->kb[i] = Max(request->kb[i], raise.standing[i].role_kb);
	return raise.rows;
}
