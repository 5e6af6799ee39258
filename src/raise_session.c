/*-------------------------------------------------------------------------
 *
 * raise_session.c
 *	  Raises the memory settings of this session or transaction.
 *
 * What was there is remembered in a setting next to the one that was raised
 * (upgrade_prereq.raised_work_mem and its twin).  The server undoes both
 * together when a transaction or savepoint is rolled back, forgets both at
 * DISCARD ALL, and keeps both through an error: no other place does that.
 *
 * src/raise_session.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "query.h"
#include "raise.h"

/* What a record says, as text "scope before after"; kB. */
typedef struct RaiseRecord
{
	const RaiseScope *scope;
	int			before;			/* 0: was not set in the session */
	int			after;
} RaiseRecord;

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
	record->scope = raise_scope_find(scope);
	return record->scope != NULL && record->scope->source == NULL &&
		record->before >= 0 && record->after > 0;
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

/* Raise one setting, unless it is as high already. */
static RaiseRow *
raise_setting(const RaisedSetting *setting, int kb, const RaiseScope *scope)
{
	RaiseRow   *row = palloc0(sizeof(RaiseRow));
	RaiseRecord record;
	int			current = current_kb(setting);

	row->name = setting->name;
	row->scope_name = scope->name;
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

	row->scope_name = record.scope->name;
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

/*
 * Raise the settings for the session or the transaction; what is as high
 * already is left as it is.  Returns the rows of the result (List of RaiseRow
 * *).
 *
 * What SET LOCAL had set in the same transaction cannot be told from what SET
 * had set: a raise for the session after it brings that back, not what was
 * there before.
 */
List *
raise_session(const RaiseRequest *request)
{
	List	   *rows = NIL;

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		rows = lappend(rows, raise_setting(&raised_settings[i],
										   request->kb[i], request->scope));
	return rows;
}

/* Put back what raise_session() found (List of RaiseRow *). */
List *
restore_session(void)
{
	List	   *rows = NIL;

	for (int i = 0; i < RAISED_SETTING_COUNT; i++)
		rows = lappend(rows, restore_setting(&raised_settings[i]));
	return rows;
}
