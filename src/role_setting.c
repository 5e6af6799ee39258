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
#include "lib/stringinfo.h"
#include "login.h"
#include "query.h"
#include "release.h"
#include "role_setting.h"
#include "utils/builtins.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_effective_settings);

/* Columns of upgrade_prereq_effective_settings(). */
#define EFFECTIVE_COLUMNS 8

/*
 * The settings that matter to a migration, and how their text is read.  Those
 * that the server does not have (idle_session_timeout came with 14,
 * transaction_timeout with 17) are left out.
 */
typedef enum SettingKind
{
	SETTING_INTEGER,
	SETTING_REAL,
	SETTING_BOOLEAN,
	SETTING_TEXT,
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
	{"idle_in_transaction_session_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"idle_session_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"lock_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"maintenance_work_mem", SETTING_INTEGER, GUC_UNIT_KB, "kB"},
	{"max_parallel_maintenance_workers", SETTING_INTEGER, 0, NULL},
	{"max_parallel_workers_per_gather", SETTING_INTEGER, 0, NULL},
	{"search_path", SETTING_TEXT, 0, NULL},
	{"statement_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"temp_file_limit", SETTING_INTEGER, GUC_UNIT_KB, "kB"},
	{"transaction_timeout", SETTING_INTEGER, GUC_UNIT_MS, "ms"},
	{"work_mem", SETTING_INTEGER, GUC_UNIT_KB, "kB"},
};

/* The levels of a role ($1), with what each has, NAME=VALUE, as "element". */
#define LEVELS_OF_ROLE \
"FROM pg_catalog.pg_db_role_setting AS level " \
"CROSS JOIN LATERAL unnest(level.setconfig) AS element " \
"WHERE (level.setdatabase = 0 OR level.setdatabase = " \
"(SELECT d.oid FROM pg_catalog.pg_database AS d " \
"WHERE d.datname = current_database())) " \
"AND (level.setrole = 0 OR level.setrole = " \
"(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1)) "

#define HIGHEST_FIRST \
"ORDER BY (level.setrole <> 0) DESC, (level.setdatabase <> 0) DESC "

/* $1 = role, $2 = setting; the highest level first. */
static const char level_query[] =
"SELECT substr(element, length($2) + 2), "
"CASE WHEN level.setdatabase = 0 AND level.setrole = 0 THEN 'global' "
"WHEN level.setrole = 0 THEN 'database' "
"WHEN level.setdatabase = 0 THEN 'user' ELSE 'database user' END "
LEVELS_OF_ROLE
"AND lower(split_part(element, '=', 1)) = $2 "
HIGHEST_FIRST;

/*
 * The settings that plans depend on and that this session has otherwise than a
 * new one of a role ($1): what the highest level says for that, or what this
 * session would fall back to.  Left out are those that the model of memory
 * looks at itself.
 */
static const char planner_query[] =
"SELECT s.name, expected.setting "
"FROM pg_catalog.pg_settings AS s "
"CROSS JOIN LATERAL (SELECT COALESCE((SELECT substr(element, length(s.name) + 2) "
LEVELS_OF_ROLE
"AND lower(split_part(element, '=', 1)) = s.name "
HIGHEST_FIRST "LIMIT 1), "
"s.reset_val)) AS expected (setting) "
"WHERE s.context = 'user' AND expected.setting IS DISTINCT FROM s.setting "
"AND (s.name ~ '^(enable|geqo|cpu|parallel|min_parallel)(_|$)' "
"OR s.name IN ('seq_page_cost', 'random_page_cost', 'effective_cache_size', "
"'from_collapse_limit', 'join_collapse_limit', 'constraint_exclusion', "
"'max_parallel_workers', 'recursive_worktable_factor', "
"'force_parallel_mode', 'debug_parallel_query'))";

/* Runs with the search_path of the session, if that is the setting in question. */
static const char base_query[] =
"SELECT s.setting, s.source "
"FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) $1";

/* The sources of that which are no level of a role, database or client. */
static const char *const base_sources[] = {
	"default", "configuration file", "command line", "environment variable"
};

/*
 * The lower levels from the files themselves, for a superuser, the highest
 * first: what stands on the server's command line, in the configuration
 * files, and the built-in default.  pending says that the server may not have
 * read the files as they are now.  Nothing if work_mem was given in the form
 * -S.
 */
static const char file_query[] =
"SELECT level.setting, level.source, level.pending "
"FROM pg_catalog.pg_settings AS s "
"LEFT JOIN LATERAL (SELECT f.setting FROM pg_catalog.pg_file_settings AS f "
"WHERE lower(f.name) = s.name AND f.error IS NULL "
"ORDER BY f.seqno DESC LIMIT 1) AS file ON true "
"LEFT JOIN LATERAL (SELECT m.match[1] AS setting "
"FROM regexp_matches(pg_read_file('postmaster.opts'), "
"'\"(?:-c\" \"|-c|--)' || replace(s.name, '_', '[-_]') || '=([^\"]*)\"', 'gi') "
"WITH ORDINALITY AS m (match, place) "
"ORDER BY m.place DESC LIMIT 1) AS command_line ON true "
"CROSS JOIN LATERAL (SELECT COALESCE(bool_or("
"(pg_stat_file(f.sourcefile)).modification > pg_conf_load_time()), false) AS pending "
"FROM pg_catalog.pg_file_settings AS f) AS change "
"CROSS JOIN LATERAL (VALUES "
"(1, command_line.setting, 'command line', false), "
"(2, file.setting, 'configuration file', change.pending), "
"(3, s.boot_val, 'default', change.pending)) "
"AS level (place, setting, source, pending) "
"WHERE s.name = $1 AND level.setting IS NOT NULL "
"AND NOT (s.name = 'work_mem' AND pg_read_file('postmaster.opts') ~ '\"-S') "
"ORDER BY level.place";

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
		case SETTING_TEXT:
			return pstrdup(raw);
	}
	return NULL;
}

/* Does this server have the setting? */
static bool
is_known_here(const SettingDefinition *definition)
{
	return GetConfigOption(definition->name, true, false) != NULL;
}

/* The definition of a setting, by its name. */
static const SettingDefinition *
find_definition(const char *name)
{
	for (size_t i = 0; i < lengthof(definitions); i++)
	{
		if (strcmp(definitions[i].name, name) == 0)
			return &definitions[i];
	}
	elog(ERROR, "setting \"%s\" is not known to role_setting.c", name);
	return NULL;				/* keep the compiler quiet */
}

/* A setting of which nothing is known yet. */
static RoleSetting *
make_setting(const SettingDefinition *definition)
{
	RoleSetting *result = palloc0(sizeof(RoleSetting));

	result->name = definition->name;
	result->unit = definition->unit;
	return result;
}

/* Fill in the value, which is in the unit of the setting. */
static void
set_value(const SettingDefinition *definition, RoleSetting *result,
		  const char *value)
{
	result->setting = value;
	if (definition->kind == SETTING_INTEGER || definition->kind == SETTING_REAL)
		result->number = strtod(value, NULL);
}

/*
 * Read one level from the present row of a query: the text of the value, and
 * its source.  NULL if the server would not take the value: it skips it, too.
 */
static RoleSetting *
read_level(const SettingDefinition *definition, uint64 row,
		   MemoryContext context)
{
	const char *raw = query_text(row, 1, context);
	const char *value = normalise(definition, raw);
	MemoryContext previous = MemoryContextSwitchTo(context);
	RoleSetting *level = NULL;

	if (value != NULL)
	{
		level = make_setting(definition);
		set_value(definition, level, pstrdup(value));
		level->raw = raw;
		level->source = query_text(row, 2, context);
	}
	MemoryContextSwitchTo(previous);
	return level;
}

/*
 * The levels of roles and databases that have the setting, highest first; in
 * the given memory context.
 */
static List *
catalog_levels(const SettingDefinition *definition, const char *role_name,
			   MemoryContext context)
{
	const char *arguments[] = {role_name, definition->name};
	uint64		rows = query_run(level_query, 2, arguments);
	List	   *levels = NIL;

	for (uint64 row = 0; row < rows; row++)
	{
		RoleSetting *level = read_level(definition, row, context);
		MemoryContext previous = MemoryContextSwitchTo(context);

		if (level != NULL)
			levels = lappend(levels, level);
		MemoryContextSwitchTo(previous);
	}
	return levels;
}

/*
 * Read what is left of a setting in this session when its own SET is taken
 * away, for a moment.
 */
static void
read_base(const SettingDefinition *definition, const char **value,
		  const char **source, MemoryContext context)
{
	int			nest_level;

	*source = reset_source_without_reset(definition->name);
	if (*source != NULL)
	{
		*value = MemoryContextStrdup(context,
									 GetConfigOptionResetString(definition->name));
		return;
	}

	nest_level = NewGUCNestLevel();
	(void) set_config_option(definition->name, NULL,
							 superuser() ? PGC_SUSET : PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG5,
							 false);
	if (query_run(base_query, 1, &definition->name) == 1)
	{
		*value = query_text(0, 1, context);
		*source = query_text(0, 2, context);
	}
	AtEOXact_GUC(false, nest_level);
}

/* Fill in the setting from the levels below, as far as this session shows. */
static void
find_base(const SettingDefinition *definition, RoleSetting *result,
		  MemoryContext context)
{
	const char *value = NULL;

	read_base(definition, &value, &result->source, context);
	for (size_t i = 0; result->source != NULL && i < lengthof(base_sources); i++)
	{
		if (strcmp(result->source, base_sources[i]) == 0)
			set_value(definition, result, value);
	}
}

/*
 * The levels of the server's command line and files, highest first, if they
 * can be read; with_pending says whether those count that the server may not
 * have read yet.
 */
static List *
file_levels(const SettingDefinition *definition, bool with_pending,
			MemoryContext context)
{
	List	   *levels = NIL;
	uint64		rows;

	if (!superuser())
		return NIL;
	rows = query_run(file_query, 1, &definition->name);
	for (uint64 row = 0; row < rows; row++)
	{
		bool		pending = strcmp(query_text(row, 3, context), "t") == 0;
		RoleSetting *level = read_level(definition, row, context);
		MemoryContext previous = MemoryContextSwitchTo(context);

		if (level != NULL && (with_pending || !pending))
			levels = lappend(levels, level);
		MemoryContextSwitchTo(previous);
	}
	return levels;
}

/*
 * What a setting will be for a role at its next login to this database.  To
 * be called under guard_run().  role_name may be NULL, for
 * what holds for every role that has no value of its own.
 */
RoleSetting *
role_setting_find(const char *role_name, const char *name)
{
	const SettingDefinition *definition = find_definition(name);
	MemoryContext context = CurrentMemoryContext;
	RoleSetting *result = make_setting(definition);
	List	   *levels;

	SPI_connect();
	levels = catalog_levels(definition, role_name, context);
	if (levels == NIL)
	{
		find_base(definition, result, context);
		if (result->setting == NULL)
			levels = file_levels(definition, false, context);
		if (levels != NIL)
			((RoleSetting *) linitial(levels))->raw = NULL;
	}
	SPI_finish();
	return levels == NIL ? result : linitial(levels);
}

/*
 * Every level that has a value for a setting, as far as this session can
 * tell, the one that counts first (List of RoleSetting *).  The configuration
 * files are as they are now, whether the server has read them or not.  Only a
 * superuser sees what the command line of the server hides.  To be called
 * under guard_run().
 */
List *
role_setting_levels(const char *role_name, const char *name)
{
	const SettingDefinition *definition = find_definition(name);
	MemoryContext context = CurrentMemoryContext;
	RoleSetting *base = make_setting(definition);
	List	   *levels;
	List	   *files;

	SPI_connect();
	levels = catalog_levels(definition, role_name, context);
	files = file_levels(definition, true, context);
	if (files == NIL)
		find_base(definition, base, context);
	SPI_finish();

	if (base->setting != NULL)
		files = list_make1(base);
	return list_concat(levels, files);
}

/* The names of the settings, as an SQL array. */
const char *
role_setting_names(void)
{
	StringInfoData names;

	initStringInfo(&names);
	for (size_t i = 0; i < lengthof(definitions); i++)
		appendStringInfo(&names, "%c%s", i == 0 ? '{' : ',',
						 definitions[i].name);
	appendStringInfoChar(&names, '}');
	return names.data;
}

/*
 * The settings with which statements are planned in a new session of a role and
 * in this one otherwise (List of RoleSetting *, of which name and setting are
 * set).  What this session's own role or client brought along cannot be told
 * from the server's configuration here.  To be called under guard_run().
 */
List *
role_setting_planner(const char *role_name)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext query_context;
	List	   *settings = NIL;

	SPI_connect();
	query_run(planner_query, 1, &role_name);
	query_context = MemoryContextSwitchTo(context);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		RoleSetting *setting = palloc0(sizeof(RoleSetting));

		setting->name = query_text(row, 1, context);
		setting->setting = query_text(row, 2, context);
		settings = lappend(settings, setting);
	}
	MemoryContextSwitchTo(query_context);
	SPI_finish();
	return settings;
}

/* The part of upgrade_prereq_effective_settings() that reads the database. */
typedef struct EffectiveCall
{
	const char *role_name;		/* NULL: the migrating role */
	Oid			role_oid;
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
	call->role_oid = get_role_oid(call->role_name, true);
	for (size_t i = 0; i < lengthof(definitions); i++)
	{
		if (is_known_here(&definitions[i]))
			call->settings = lappend(call->settings,
									 role_setting_find(call->role_name,
													   definitions[i].name));
	}
}

/*
 * Take what a login got for a setting, in place of what was computed.
 * Returns what there is to say of it, or NULL.
 */
static const char *
take_login(RoleSetting *setting, const LoginSetting *login)
{
	RoleSetting computed = *setting;

	setting->setting = login->setting;
	setting->source = login->source;
	if (computed.setting != NULL &&
		strcmp(computed.setting, login->setting) == 0 &&
		strcmp(computed.source, login->source) == 0)
		return NULL;

	setting->raw = NULL;
	if (computed.setting == NULL)
		return NULL;
	return psprintf("the catalogs, as this transaction sees them, say %s%s from the level \"%s\"",
					computed.setting, computed.unit ? computed.unit : "",
					computed.source);
}

/*
 * upgrade_prereq_effective_settings(role_name name, prove boolean)
 *
 * What the settings that matter to a migration will be for a role at its next
 * login to this database, and where they come from; a setting that cannot be
 * known is null.  Found by a login of a background worker if prove is true
 * and nothing is in the way, else computed from the catalogs.
 *
 * role_name may be null, for the role that will migrate; prove must not be.
 * Errors: 42704 if there is no such role; 22023 for a null; for a null role
 * those of upgrade_prereq_memory().
 */
Datum
upgrade_prereq_effective_settings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	EffectiveCall call = {NULL, InvalidOid, NIL};
	const char *no_login = NULL;
	List	   *logins = NIL;
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == EFFECTIVE_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "prove")));
	if (!PG_ARGISNULL(0))
	{
		call.role_name = NameStr(*PG_GETARG_NAME(0));
		(void) get_role_oid(call.role_name, false);
	}
	guard_run_or_raise(read_settings, &call);

	if (PG_GETARG_BOOL(1))
	{
		Obstacle   *obstacle = login_settings(call.role_oid, &logins);

		if (obstacle != NULL)
			no_login = psprintf("not proved by a login: %s", obstacle->message);
	}

	foreach(lc, call.settings)
	{
		RoleSetting *setting = lfirst(lc);
		const LoginSetting *login = login_setting_find(logins, setting->name);
		const char *note = login ? take_login(setting, login) : no_login;
		const char *values[EFFECTIVE_COLUMNS] = {
			call.role_name, setting->name, setting->setting, setting->unit,
			setting->source, setting->raw, login ? "login" : "catalog", note
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
