/*-------------------------------------------------------------------------
 *
 * raise.c
 *	  Raises the memory settings, and puts back what was there.
 *
 * The SQL functions, and what the scopes have in common.  For the session
 * itself see raise_session.c, for what a role or database gets at its next
 * logins raise_stored.c.
 *
 * src/raise.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "deadline.h"
#include "guard.h"
#include "journal.h"
#include "memory/adequacy.h"
#include "raise.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

/* The longest that something is raised for. */
#define MAX_VALID_YEARS 1000

PG_FUNCTION_INFO_V1(upgrade_prereq_raise);
PG_FUNCTION_INFO_V1(upgrade_prereq_restore);

/* Columns of upgrade_prereq_raise() and upgrade_prereq_restore(). */
#define RAISE_COLUMNS 10
#define RESTORE_COLUMNS 9

const RaisedSetting raised_settings[RAISED_SETTING_COUNT] = {
	{"work_mem", "upgrade_prereq.raised_work_mem",
	&setting_raised_work_mem},
	{"maintenance_work_mem", "upgrade_prereq.raised_maintenance_work_mem",
	&setting_raised_maintenance_work_mem},
};

static const RaiseScope scopes[] = {
	{"session", NULL, GUC_ACTION_SET},
	{"transaction", NULL, GUC_ACTION_LOCAL},
	{"role", "database user", GUC_ACTION_SET},
	{"role_everywhere", "user", GUC_ACTION_SET},
	{"database", "database", GUC_ACTION_SET},
};

/* Find a scope by its name, or NULL. */
const RaiseScope *
raise_scope_find(const char *name)
{
	for (size_t i = 0; i < lengthof(scopes); i++)
	{
		if (pg_strcasecmp(scopes[i].name, name) == 0)
			return &scopes[i];
	}
	return NULL;
}

/* The scope of what is stored for a role, a database or both. */
const RaiseScope *
raise_scope_of(bool has_role, bool has_database)
{
	return raise_scope_find(!has_role ? "database" :
							has_database ? "role" : "role_everywhere");
}

/* The scope that an argument names; anything else is an error. */
static const RaiseScope *
parse_scope(const char *name)
{
	const RaiseScope *scope = raise_scope_find(name);

	if (scope == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"",
						"scope", name),
				 errhint("Accepted values are \"session\", \"transaction\", \"role\", \"role_everywhere\" and \"database\".")));
	return scope;
}

/* An amount of memory as SHOW prints it: in the largest unit that is exact. */
const char *
memory_text(int kb)
{
	static const struct
	{
		int			kb;
		const char *name;
	}			units[] = {{1024 * 1024 * 1024, "TB"}, {1024 * 1024, "GB"}, {1024, "MB"}};

	for (size_t i = 0; i < lengthof(units); i++)
	{
		if (kb > 0 && kb % units[i].kb == 0)
			return psprintf("%d%s", kb / units[i].kb, units[i].name);
	}
	return psprintf("%dkB", kb);
}

/*
 * The other way to raise the settings: what to append to the parameters of
 * OpenMetadata's JDBC URL (DB_PARAMS), in the URL's encoding.  No database
 * right is needed for it, and it outranks what is stored for a role.
 */
const char *
raise_db_params(const int *kb)
{
	StringInfoData result;

	initStringInfo(&result);
	appendStringInfoString(&result, "options=");
	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		appendStringInfo(&result, "%s-c%%20%s%%3D%s", i > 0 ? "%20" : "",
						 raised_settings[i].name, memory_text(kb[i]));
	return result.data;
}

/*
 * Fill in what the migration needs, in kB, where it was left open (0).  To be
 * called under guard_run().
 */
void
raise_recommend(int *kb, const Installation *installation)
{
	List	   *adequacies = NIL;

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
	{
		if (kb[i] > 0)
			continue;
		if (adequacies == NIL)
		{
			installation_require(installation);
			adequacies = adequacy_list(installation);
		}
		kb[i] = adequacy_recommend(adequacies, raised_settings[i].name).kb;
	}
}

/* raise_recommend() for the session. */
static void
recommend_for_session(void *argument)
{
	raise_recommend(argument, installation_find(NULL));
}

/* An argument that must not be null. */
static void
require_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", name)));
}

/* An argument that is an amount of memory, in kB; 0 for null. */
static int
parse_memory(FunctionCallInfo fcinfo, int number, const char *name)
{
	char	   *value;
	int			kb;

	if (PG_ARGISNULL(number))
		return 0;
	value = text_to_cstring(PG_GETARG_TEXT_PP(number));
	if (!parse_int(value, &kb, GUC_UNIT_KB, NULL) || kb <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"",
						name, value),
				 errhint("An amount of memory is accepted, such as \"64MB\", or null for what the migration needs.")));
	return kb;
}

/*
 * Is each field of an interval, of either sign, at most as much as so many
 * years?  A sum with a date of today is then a timestamp: those of 17 and later
 * that have no end, and those that leave the range (22008), are not.
 */
static bool
is_within_years(const Interval *interval, int years)
{
	const int	months = years * MONTHS_PER_YEAR;
	const int	days = years * 366;
	const int64 time = days * USECS_PER_DAY;

	return interval->month >= -months && interval->month <= months &&
		interval->day >= -days && interval->day <= days &&
		interval->time >= -time && interval->time <= time;
}

/* When something ends that is valid from now on for an interval. */
static TimestampTz
parse_valid_for(Datum interval)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end = now;

	if (is_within_years(DatumGetIntervalP(interval), MAX_VALID_YEARS))
		end = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													  TimestampTzGetDatum(now),
													  interval));
	if (end <= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"", "valid_for",
						DatumGetCString(DirectFunctionCall1(interval_out, interval))),
				 errhint("An interval above zero and of at most %d years is accepted, such as \"4 hours\".",
						 MAX_VALID_YEARS)));
	return end;
}

/* An argument that makes no sense for the session. */
static void
refuse_for_session(bool is_given, const char *name, const RaiseScope *scope,
				   const char *hint)
{
	if (is_given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" does not go with scope \"%s\"",
						name, scope->name),
				 errhint("%s", hint)));
}

/* Add a row to the result of raise or restore. */
static void
put_row(FunctionCallInfo fcinfo, const RaiseRow *row, bool is_raise)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	desc = rsinfo->setDesc;
	const char *values[RAISE_COLUMNS] = {
		row->name, row->before, row->after, row->scope_name,
		row->changed ? "t" : "f", row->note, row->object_identity,
		row->journal_id == 0 ? NULL : psprintf(INT64_FORMAT, row->journal_id),
	};

	if (is_raise)
	{
		Assert(desc->natts == RAISE_COLUMNS);
		/* not timestamptz_out(), which not every DateStyle reads back */
		values[8] = row->expires_at == 0 ? NULL :
			pstrdup(timestamptz_to_str(row->expires_at));
		values[9] = row->db_params;
	}
	else
	{
		Assert(desc->natts == RESTORE_COLUMNS);
		values[8] = row->still_raised_pids;
	}
	tuplestore_puttuple(rsinfo->setResult,
						BuildTupleFromCStrings(TupleDescGetAttInMetadata(desc),
											   (char **) values));
}

/*
 * upgrade_prereq_raise(work_mem text, maintenance_work_mem text, scope text,
 *						role_name name, force boolean, valid_for interval,
 *						reason text)
 *
 * Raises the two settings; never lowers one.  For the session or transaction
 * at once, for a role or database from the next login on: then until
 * upgrade_prereq_restore(), at the longest for valid_for.
 *
 * Null for one of the first two stands for what the migration needs, for
 * role_name for the role that migrates; scope, force and valid_for must not be
 * null.  Errors: 22023 for an argument that is not accepted; with nulls those
 * of upgrade_prereq_memory().  For a role or database: 42704 if there is no
 * such role, 42P08 if it is not clear which role migrates, 42501 without the
 * rights on the role, the database or the journal, or where somebody raised it
 * before who has lost them, 25006 in a read-only transaction, 55P03 while
 * somebody else changes stored settings or locks the journal; and, unless
 * forced, 53400 above the safe limit, 55006 while the role is connected, 55000
 * where the setting would have no effect.
 */
Datum
upgrade_prereq_raise(PG_FUNCTION_ARGS)
{
	RaiseRequest request = {0};
	List	   *rows;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	require_argument(fcinfo, 2, "scope");
	require_argument(fcinfo, 4, "force");
	require_argument(fcinfo, 5, "valid_for");
	request.scope = parse_scope(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		request.kb[i] = parse_memory(fcinfo, i, raised_settings[i].name);
	if (!PG_ARGISNULL(3))
		request.role_name = NameStr(*PG_GETARG_NAME(3));
	request.force = PG_GETARG_BOOL(4);
	request.expires_at = parse_valid_for(PG_GETARG_DATUM(5));
	if (!PG_ARGISNULL(6))
		request.reason = text_to_cstring(PG_GETARG_TEXT_PP(6));

	if (request.scope->source == NULL)
	{
		refuse_for_session(request.role_name != NULL, "role_name", request.scope,
						   "The scopes \"session\" and \"transaction\" are about the current session only.");
		refuse_for_session(request.force, "force", request.scope,
						   "In the scopes \"session\" and \"transaction\" nothing has to be forced.");
		if (request.kb[0] == 0 || request.kb[1] == 0)
			guard_run_or_raise(recommend_for_session, request.kb);
		(void) journal_undo_expired();
		rows = raise_session(&request);
	}
	else
	{
		journal_require_write();
		(void) journal_undo_expired();
		rows = raise_stored(&request);
	}

	foreach(lc, rows)
	{
		RaiseRow   *row = lfirst(lc);

		row->db_params = raise_db_params(request.kb);
		put_row(fcinfo, row, true);
	}
	return (Datum) 0;
}

/*
 * upgrade_prereq_restore()
 *
 * Puts back what upgrade_prereq_raise() found: in this session, and whatever
 * the journal has of roles and databases.  What somebody else changed since is
 * left as it is.  What cannot be put back stays in the journal and is reported,
 * as a warning and in the result.  Errors: 55P03 while somebody else changes
 * stored settings.
 */
Datum
upgrade_prereq_restore(PG_FUNCTION_ARGS)
{
	List	   *rows;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	rows = list_concat(restore_session(), restore_stored());
	foreach(lc, rows)
		put_row(fcinfo, lfirst(lc), false);
	return (Datum) 0;
}
