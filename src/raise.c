/*-------------------------------------------------------------------------
 *
 * raise.c
 *	  Raises the memory settings, and puts back what was there.
 *
 * What was there is remembered in a setting next to the one that was raised
 * (upgrade_prereq.raised_work_mem and its twin).  The server undoes both
 * together when a transaction or savepoint is rolled back, forgets both at
 * DISCARD ALL, and keeps both through an error: no other place does that.
 *
 * src/raise.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "guard.h"
#include "memory/adequacy.h"
#include "query.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_raise);
PG_FUNCTION_INFO_V1(upgrade_prereq_restore);

/* Columns of upgrade_prereq_raise() and upgrade_prereq_restore(). */
#define RAISE_COLUMNS 6

/* A setting that can be raised, and where what was there is remembered. */
typedef struct RaisedSetting
{
	const char *name;
	const char *record_name;
	char	  **record;
} RaisedSetting;

static const RaisedSetting raised_settings[] = {
	{"work_mem", "upgrade_prereq.raised_work_mem",
	&setting_raised_work_mem},
	{"maintenance_work_mem", "upgrade_prereq.raised_maintenance_work_mem",
	&setting_raised_maintenance_work_mem},
};

/* How long a raise lasts, and for whom. */
typedef struct RaiseScope
{
	const char *name;
	bool		supported;
	GucAction	action;
} RaiseScope;

static const RaiseScope scopes[] = {
	{"session", true, GUC_ACTION_SET},
	{"transaction", true, GUC_ACTION_LOCAL},
	{"role", false, GUC_ACTION_SET},
	{"role_everywhere", false, GUC_ACTION_SET},
	{"database", false, GUC_ACTION_SET},
};

/* What a record says, as text "scope before after"; kB. */
typedef struct RaiseRecord
{
	const RaiseScope *scope;
	int			before;			/* 0: was not set in the session */
	int			after;
} RaiseRecord;

/* What raise and restore report on one setting; a row of their result. */
typedef struct RaiseRow
{
	const char *name;
	const char *before;
	const char *after;
	const char *scope;
	bool		changed;
	const char *note;
} RaiseRow;

/* Find a scope by its name, or NULL. */
static const RaiseScope *
find_scope(const char *name)
{
	for (size_t i = 0; i < lengthof(scopes); i++)
	{
		if (pg_strcasecmp(scopes[i].name, name) == 0)
			return &scopes[i];
	}
	return NULL;
}

/* The scope that an argument names; anything else is an error. */
static const RaiseScope *
parse_scope(const char *name)
{
	const RaiseScope *scope = find_scope(name);

	if (scope == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"",
						"scope", name),
				 errhint("Accepted values are \"session\" and \"transaction\".")));
	if (!scope->supported)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("scope \"%s\" is not supported yet", scope->name),
				 errhint("The fix_sql of the checks work_mem and maintenance_work_mem sets the value for the role in this database.")));
	return scope;
}

/* The present value of a setting, in kB. */
static int
current_kb(const RaisedSetting *setting)
{
	return atoi(GetConfigOption(setting->name, false, false));
}

/* The present value of a setting, as SHOW prints it. */
static const char *
current_text(const RaisedSetting *setting)
{
	return GetConfigOptionByName(setting->name, NULL, false);
}

/*
 * Read the record of a setting.  False if there is none, or none that could
 * be ours: it is a setting, so anybody may have written to it.
 */
static bool
read_record(const RaisedSetting *setting, RaiseRecord *record)
{
	char		scope[16];

	if (sscanf(*setting->record, "%15s %d %d", scope, &record->before,
			   &record->after) != 3)
		return false;
	record->scope = find_scope(scope);
	return record->scope != NULL && record->before >= 0 && record->after > 0;
}

/* Set a setting for the session or the transaction; NULL resets it. */
static void
set_setting(const char *name, const char *value, GucAction action)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, action,
							 true, 0, false);
}

/* Was the setting set in this session, or does it come from elsewhere? */
static bool
is_set_in_session(const RaisedSetting *setting)
{
	static const char query[] =
		"SELECT 1 FROM pg_catalog.pg_settings AS s "
		"WHERE s.name OPERATOR(pg_catalog.=) $1 "
		"AND s.source OPERATOR(pg_catalog.=) 'session'";
	bool		result;

	SPI_connect();
	result = query_run(query, 1, &setting->name) > 0;
	SPI_finish();
	return result;
}

/* The values that the adequacy table recommends, in kB. */
static void
find_recommendation(void *argument)
{
	int		   *kb = argument;
	Installation *installation = installation_find(NULL);
	List	   *adequacies;

	installation_require(installation);
	adequacies = adequacy_list(installation);
	for (size_t i = 0; i < lengthof(raised_settings); i++)
		kb[i] = adequacy_recommend(adequacies, raised_settings[i].name).kb;
}

/*
 * The values asked for, in kB: those given, and for those that are null what
 * the adequacy table recommends.
 */
static void
find_values(FunctionCallInfo fcinfo, int *kb)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		guard_run_or_raise(find_recommendation, kb);

	for (size_t i = 0; i < lengthof(raised_settings); i++)
	{
		char	   *value;
		const char *hint = NULL;

		if (PG_ARGISNULL(i))
			continue;
		value = text_to_cstring(PG_GETARG_TEXT_PP(i));
		if (!parse_int(value, &kb[i], GUC_UNIT_KB, &hint) || kb[i] <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for argument \"%s\": \"%s\"",
							raised_settings[i].name, value),
					 errhint("An amount of memory is accepted, such as \"64MB\", or null for what the migration needs.")));
	}
}

/* Raise one setting, unless it is as high already. */
static RaiseRow *
raise_setting(const RaisedSetting *setting, int kb, const RaiseScope *scope)
{
	RaiseRow   *row = palloc0(sizeof(RaiseRow));
	RaiseRecord record;
	int			current = current_kb(setting);

	row->name = setting->name;
	row->scope = scope->name;
	row->before = row->after = current_text(setting);
	if (kb <= current)
	{
		row->note = "It was not lower before, and is left as it was.";
		return row;
	}

	/*
	 * A raise on top of a raise keeps what was there before the first one,
	 * and lasts as long as the longer of the two.
	 */
	if (!read_record(setting, &record) || record.after != current)
	{
		record.before = is_set_in_session(setting) ? current : 0;
		record.scope = scope;
	}
	else if (scope->action == GUC_ACTION_SET)
		record.scope = scope;

	set_setting(setting->name, psprintf("%d", kb), scope->action);
	set_setting(setting->record_name,
				psprintf("%s %d %d", record.scope->name, record.before, kb),
				scope->action);
	row->after = current_text(setting);
	row->changed = true;
	row->note = "Only this session has the new value. OpenMetadata's migration runs in sessions of its own and does not get it.";
	return row;
}

/* Put one setting back, unless somebody changed it since. */
static RaiseRow *
restore_setting(const RaisedSetting *setting)
{
	RaiseRow   *row = palloc0(sizeof(RaiseRow));
	RaiseRecord record;

	row->name = setting->name;
	row->before = row->after = current_text(setting);
	if (!read_record(setting, &record))
	{
		row->note = "It is not raised in this session.";
		return row;
	}

	row->scope = record.scope->name;
	if (record.after != current_kb(setting))
	{
		/* perhaps only until the end of the transaction: keep the record */
		row->note = "It was changed after it had been raised, and is left as it is.";
		return row;
	}

	set_setting(setting->name,
				record.before > 0 ? psprintf("%d", record.before) : NULL,
				record.scope->action);
	set_setting(setting->record_name, NULL, record.scope->action);
	row->after = current_text(setting);
	row->changed = true;
	row->note = "It is what it was before it was raised.";
	return row;
}

/* Add a row to the result of raise or restore. */
static void
put_row(FunctionCallInfo fcinfo, const RaiseRow *row)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	AttInMetadata *input = TupleDescGetAttInMetadata(rsinfo->setDesc);
	const char *values[RAISE_COLUMNS] = {
		row->name, row->before, row->after, row->scope,
		row->changed ? "t" : "f", row->note
	};

	Assert(rsinfo->setDesc->natts == RAISE_COLUMNS);
	tuplestore_puttuple(rsinfo->setResult,
						BuildTupleFromCStrings(input, (char **) values));
}

/*
 * upgrade_prereq_raise(work_mem text, maintenance_work_mem text, scope text,
 *						role_name name, force boolean)
 *
 * Raises the two settings for this session or transaction; never lowers one.
 *
 * Null for one of the first two stands for what the migration needs; scope and
 * force must not be null, role_name has to be for these scopes.  Errors: 22023
 * for an argument that is not accepted, 0A000 for a scope that is not supported
 * yet; with nulls those of upgrade_prereq_memory().
 *
 * What SET LOCAL had set in the same transaction cannot be told from what SET
 * had set: a raise for the session after it brings that back, not what was
 * there before.
 */
Datum
upgrade_prereq_raise(PG_FUNCTION_ARGS)
{
	const RaiseScope *scope;
	int			kb[lengthof(raised_settings)];

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(2) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null",
						PG_ARGISNULL(2) ? "scope" : "force")));
	scope = parse_scope(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	if (!PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" does not go with scope \"%s\"",
						"role_name", scope->name),
				 errhint("The scopes \"session\" and \"transaction\" are about the current session only.")));
	if (PG_GETARG_BOOL(4))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" does not go with scope \"%s\"",
						"force", scope->name),
				 errhint("In the scopes \"session\" and \"transaction\" nothing has to be forced.")));
	find_values(fcinfo, kb);

	for (size_t i = 0; i < lengthof(raised_settings); i++)
		put_row(fcinfo, raise_setting(&raised_settings[i], kb[i], scope));
	return (Datum) 0;
}

/*
 * upgrade_prereq_restore()
 *
 * Puts back what upgrade_prereq_raise() found in this session.  No errors.
 */
Datum
upgrade_prereq_restore(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (size_t i = 0; i < lengthof(raised_settings); i++)
		put_row(fcinfo, restore_setting(&raised_settings[i]));
	return (Datum) 0;
}
