/*-------------------------------------------------------------------------
 *
 * role_setting.c
 *	  What a setting will be for a role at its next login to this database.
 *
 * A new session takes a setting from the highest of these levels that has it
 * (order of GucSource in src/include/utils/guc.h): built-in default,
 * configuration file, command line of the server, ALTER ROLE ALL, ALTER
 * DATABASE, ALTER ROLE, ALTER ROLE IN DATABASE.  A client can still pass its
 * own value when it connects; that is not seen from here.
 *
 * The four upper levels stand in pg_db_role_setting for everybody to read.
 * The three lower ones are what this session would fall back to, unless a
 * setting of its own role or client covers them: then only a superuser can
 * read them, from the server's files.
 *
 * src/role_setting.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "guard.h"
#include "query.h"
#include "release.h"
#include "role_setting.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_effective_settings);

/* Columns of upgrade_prereq_effective_settings(). */
#define EFFECTIVE_COLUMNS 6

/* The settings that matter to a migration, and how their text is read. */
typedef enum SettingKind
{
	SETTING_INTEGER,
	SETTING_REAL,
	SETTING_BOOLEAN,
} SettingKind;

typedef struct SettingDefinition
{
	const char *name;
	SettingKind kind;
	int			flags;			/* unit, as in guc.h */
	const char *unit;
} SettingDefinition;

static const SettingDefinition definitions[] = {
	{"default_transaction_read_only", SETTING_BOOLEAN, 0, NULL},
	{"hash_mem_multiplier", SETTING_REAL, 0, NULL},
	{"lock_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"maintenance_work_mem", SETTING_INTEGER, GUC_UNIT_KB, "kB"},
	{"max_parallel_maintenance_workers", SETTING_INTEGER, 0, NULL},
	{"max_parallel_workers_per_gather", SETTING_INTEGER, 0, NULL},
	{"statement_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"temp_file_limit", SETTING_INTEGER, GUC_UNIT_KB, "kB"},
	{"work_mem", SETTING_INTEGER, GUC_UNIT_KB, "kB"},
};

/* $1 = setting, $2 = role; the highest level first. */
static const char level_query[] =
"SELECT substr(element, length($1) + 2), "
"CASE WHEN s.setdatabase = 0 AND s.setrole = 0 THEN 'global' "
"WHEN s.setrole = 0 THEN 'database' "
"WHEN s.setdatabase = 0 THEN 'user' ELSE 'database user' END "
"FROM pg_catalog.pg_db_role_setting AS s "
"CROSS JOIN LATERAL unnest(s.setconfig) AS element "
"WHERE lower(split_part(element, '=', 1)) = $1 "
"AND (s.setdatabase = 0 OR s.setdatabase = "
"(SELECT d.oid FROM pg_catalog.pg_database AS d "
"WHERE d.datname = current_database())) "
"AND (s.setrole = 0 OR s.setrole = "
"(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = $2)) "
"ORDER BY (s.setrole <> 0) DESC, (s.setdatabase <> 0) DESC";

static const char base_query[] =
"SELECT s.setting, s.source, s.source = ANY ('{default,"
"configuration file,command line,environment variable}') "
"FROM pg_catalog.pg_settings AS s WHERE s.name = $1";

/*
 * The lower levels from the files themselves, for a superuser: what stands on
 * the server's command line, else in the configuration files, else the
 * built-in default.  Nothing if the files were changed after the server read
 * them, or if work_mem was given in the form -S.
 */
static const char file_query[] =
"SELECT COALESCE(command_line.setting, file.setting, s.boot_val), "
"CASE WHEN command_line.setting IS NOT NULL THEN 'command line' "
"WHEN file.setting IS NOT NULL THEN 'configuration file' ELSE 'default' END "
"FROM pg_catalog.pg_settings AS s "
"LEFT JOIN LATERAL (SELECT f.setting FROM pg_catalog.pg_file_settings AS f "
"WHERE lower(f.name) = s.name AND f.error IS NULL "
"ORDER BY f.seqno DESC LIMIT 1) AS file ON true "
"LEFT JOIN LATERAL (SELECT m.match[1] AS setting "
"FROM regexp_matches(pg_read_file('postmaster.opts'), "
"'\"(?:-c\" \"|-c|--)' || replace(s.name, '_', '[-_]') || '=([^\"]*)\"', 'gi') "
"WITH ORDINALITY AS m (match, place) "
"ORDER BY m.place DESC LIMIT 1) AS command_line ON true "
"WHERE s.name = $1 "
"AND NOT EXISTS (SELECT FROM pg_catalog.pg_file_settings AS f "
"WHERE (pg_stat_file(f.sourcefile)).modification > pg_conf_load_time()) "
"AND NOT (s.name = 'work_mem' AND pg_read_file('postmaster.opts') ~ '\"-S')";

/*
 * Read a value as the server would, into the unit of the setting; NULL if the
 * server would not take it.
 */
static char *
normalise(const SettingDefinition *definition, const char *raw)
{
	int			integer;
	double		real;
	bool		boolean;

	/* the server's own opinion, without setting anything */
	if (set_config_option(definition->name, raw, PGC_SUSET, PGC_S_SESSION,
						  GUC_ACTION_SAVE, false, DEBUG5, false) == 0)
		return NULL;

	switch (definition->kind)
	{
		case SETTING_INTEGER:
			if (parse_int(raw, &integer, definition->flags, NULL))
				return psprintf("%d", integer);
			break;
		case SETTING_REAL:
			if (parse_real(raw, &real, definition->flags, NULL))
				return psprintf("%g", real);
			break;
		case SETTING_BOOLEAN:
			if (parse_bool(raw, &boolean))
				return pstrdup(boolean ? "on" : "off");
			break;
	}
	return NULL;
}

/*
 * Fill in the setting from the levels of roles and databases, if it is there.
 * A value that the server would not take is skipped, as it does at login.
 */
static bool
find_in_catalog(const SettingDefinition *definition, const char *role_name,
				RoleSetting *result, MemoryContext context)
{
	const char *arguments[] = {definition->name, role_name};
	uint64		rows = query_run(level_query, 2, arguments);

	for (uint64 row = 0; row < rows; row++)
	{
		const char *raw = query_text(row, 1, context);
		char	   *normalised = normalise(definition, raw);

		if (normalised == NULL)
			continue;
		result->setting = MemoryContextStrdup(context, normalised);
		result->source = query_text(row, 2, context);
		result->raw = raw;
		return true;
	}
	return false;
}

/*
 * Fill in the setting from the levels below: what is left in this session
 * when its own SET is taken away, for a moment.
 */
static void
find_base(const SettingDefinition *definition, RoleSetting *result,
		  MemoryContext context)
{
	int			nest_level = NewGUCNestLevel();

	(void) set_config_option(definition->name, NULL,
							 superuser() ? PGC_SUSET : PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG5,
							 false);
	if (query_run(base_query, 1, &definition->name) == 1)
	{
		const char *known = query_text(0, 3, context);

		result->source = query_text(0, 2, context);
		if (strcmp(known, "t") == 0)
			result->setting = query_text(0, 1, context);
	}
	AtEOXact_GUC(false, nest_level);
}

/* Fill in the setting from the server's files, if they can be read. */
static void
find_in_files(const SettingDefinition *definition, RoleSetting *result,
			  MemoryContext context)
{
	char	   *normalised;

	if (!superuser() || query_run(file_query, 1, &definition->name) != 1)
		return;
	normalised = normalise(definition, query_text(0, 1, context));
	if (normalised == NULL)
		return;
	result->setting = MemoryContextStrdup(context, normalised);
	result->source = query_text(0, 2, context);
}

/*
 * What a setting will be for a role at its next login to this database.  To
 * be called under guard_run().  role_name may be NULL, for
 * what holds for every role that has no value of its own.
 */
RoleSetting *
role_setting_find(const char *role_name, const char *name)
{
	RoleSetting *result = palloc0(sizeof(RoleSetting));
	MemoryContext context = CurrentMemoryContext;

	for (size_t i = 0; i < lengthof(definitions); i++)
	{
		const SettingDefinition *definition = &definitions[i];

		if (strcmp(definition->name, name) != 0)
			continue;
		result->name = definition->name;
		result->unit = definition->unit;
		SPI_connect();
		if (!find_in_catalog(definition, role_name, result, context))
			find_base(definition, result, context);
		if (result->setting == NULL)
			find_in_files(definition, result, context);
		SPI_finish();
		if (result->setting != NULL && definition->kind != SETTING_BOOLEAN)
			result->number = strtod(result->setting, NULL);
		return result;
	}
	elog(ERROR, "setting \"%s\" is not known to role_setting.c", name);
	return NULL;				/* keep the compiler quiet */
}

/* The part of upgrade_prereq_effective_settings() that reads the database. */
typedef struct EffectiveCall
{
	const char *role_name;		/* NULL: the migrating role */
	List	   *settings;		/* of RoleSetting * */
} EffectiveCall;

static void
read_settings(void *argument)
{
	EffectiveCall *call = argument;

	if (call->role_name == NULL)
	{
		Installation *installation = installation_find(NULL);

		installation_require(installation);
		call->role_name = installation->role_name;
	}
	for (size_t i = 0; i < lengthof(definitions); i++)
		call->settings = lappend(call->settings,
								 role_setting_find(call->role_name,
												   definitions[i].name));
}

/*
 * upgrade_prereq_effective_settings(role_name name)
 *
 * What the settings that matter to a migration will be for a role at its next
 * login to this database, and where they come from; a setting that cannot be
 * known is null.
 *
 * role_name may be null, for the role that will migrate.  Errors: 42704 if
 * there is no such role; for a null those of upgrade_prereq_memory().
 */
Datum
upgrade_prereq_effective_settings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	EffectiveCall call = {NULL, NIL};
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == EFFECTIVE_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	if (!PG_ARGISNULL(0))
	{
		call.role_name = NameStr(*PG_GETARG_NAME(0));
		(void) get_role_oid(call.role_name, false);
	}
	guard_run_or_raise(read_settings, &call);

	foreach(lc, call.settings)
	{
		const RoleSetting *setting = lfirst(lc);
		const char *values[EFFECTIVE_COLUMNS] = {
			call.role_name, setting->name, setting->setting, setting->unit,
			setting->source, setting->raw
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
