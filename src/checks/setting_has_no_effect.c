/*
 * id: setting_has_no_effect
 * title: no larger value of a memory setting is hidden by a smaller one
 * category: memory
 * level: warning
 * cost: light
 * versions: all
 * passed: no larger value of a memory setting is hidden by a smaller one
 * do: Give the value to the role that migrates in this database, by the
 *     finding's `fix_sql`, or take back the one that hides it.
 * undo: The finding's `undo_sql` puts back what was there.
 *
 * Who raised work_mem in one place does not see that another place counts: a
 * value on the server's command line, as in OpenMetadata's own compose file
 * (--work_mem=10MB), wins over ALTER SYSTEM; one of a role in a database wins
 * over one of the role; one that the client brings wins over all. Looks at
 * work_mem, maintenance_work_mem and hash_mem_multiplier. Only a superuser sees
 * what stands in the configuration files, and what a client brought is to be
 * seen in the session that runs the check only.
 */
#include "postgres.h"

#include "check.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "query.h"
#include "role_setting.h"
#include "utils/builtins.h"

static const char *const setting_names[] = {
	"work_mem", "maintenance_work_mem", "hash_mem_multiplier"
};

/* What a level is called in the report. */
typedef struct LevelName
{
	const char *source;			/* as in pg_settings */
	const char *name;
} LevelName;

static const LevelName level_names[] = {
	{"default", "PostgreSQL's default"},
	{"configuration file", "the configuration files"},
	{"command line", "the server's command line"},
	{"global", "ALTER ROLE ALL"},
	{"database", "ALTER DATABASE"},
	{"user", "ALTER ROLE"},
	{"database user", "ALTER ROLE ... IN DATABASE"},
	{"client", "the client of this session"},
};

static const char *
level_name(const char *source)
{
	for (size_t i = 0; i < lengthof(level_names); i++)
	{
		if (strcmp(level_names[i].source, source) == 0)
			return level_names[i].name;
	}
	return source;
}

/* A value as it was written, or else with its unit. */
static const char *
value_text(const RoleSetting *level)
{
	return level->raw ? level->raw :
		psprintf("%s%s", level->setting, level->unit ? level->unit : "");
}

/* Does a level come from ALTER ROLE or ALTER DATABASE? */
static bool
is_in_catalog(const RoleSetting *level)
{
	return strcmp(level->source, "global") == 0 ||
		strcmp(level->source, "database") == 0 ||
		strcmp(level->source, "user") == 0 ||
		strcmp(level->source, "database user") == 0;
}

/*
 * Did somebody who wrote the lower level mean it to count?  The default was
 * written by nobody, and a value for the whole server is rightly replaced by
 * one for a role or database.
 */
static bool
is_surprising(const RoleSetting *upper, const RoleSetting *lower)
{
	return is_in_catalog(lower) ||
		(strcmp(lower->source, "configuration file") == 0 &&
		 !is_in_catalog(upper));
}

/* The largest of the levels that are hidden by the first, or NULL. */
static const RoleSetting *
find_hidden(List *levels)
{
	const RoleSetting *effective = linitial(levels);
	const RoleSetting *hidden = NULL;
	ListCell   *lc;

	foreach(lc, levels)
	{
		const RoleSetting *level = lfirst(lc);

		if (level->number > (hidden ? hidden : effective)->number &&
			is_surprising(effective, level))
			hidden = level;
	}
	return hidden;
}

/* A finding about a setting. */
static Finding *
make_finding(const Check *check, FindingStatus status, const char *name,
			 const char *message)
{
	Finding    *finding = check_finding(check, status, message);

	finding->object_type = "setting";
	finding->object_identity = name;
	finding->finding_key = psprintf("%s:%s", check->id, name);
	return finding;
}

/* A larger value is hidden by what the role gets. */
static Finding *
hidden_finding(const Check *check, const char *role_name,
			   const RoleSetting *effective, const RoleSetting *hidden)
{
	Finding    *finding;
	const char *name = effective->name;
	const char *alter = psprintf("ALTER ROLE %s IN DATABASE %s",
								 quote_identifier(role_name),
								 quote_identifier(get_database_name(MyDatabaseId)));

	finding = make_finding(check, FINDING_FOUND, name,
						   psprintf("%s = %s of %s has no effect", name,
									value_text(hidden),
									level_name(hidden->source)));
	finding->detail = psprintf("Role \"%s\" gets %s at its next login to this database, from %s.",
							   role_name, value_text(effective),
							   level_name(effective->source));
	finding->hint = strcmp(effective->source, "command line") == 0 ?
		"Give the value to the role that migrates; or take the option out of the command that starts the server, and restart it." :
		"Give the value to the role that migrates in this database, or take back the one that was not meant.";
	finding->fix_sql = psprintf("%s SET %s = %s;", alter, name,
								quote_literal_cstr(value_text(hidden)));
	finding->undo_sql = strcmp(effective->source, "database user") == 0 ?
		psprintf("%s SET %s = %s;", alter, name,
				 quote_literal_cstr(effective->raw)) :
		psprintf("%s RESET %s;", alter, name);
	return finding;
}

/* What the files say, and the server has not read. */
static Finding *
unread_finding(const Check *check, const char *role_name,
			   const RoleSetting *effective, const RoleSetting *written)
{
	Finding    *finding;

	finding = make_finding(check, FINDING_FOUND, effective->name,
						   psprintf("%s = %s of the configuration files has no effect yet",
									effective->name, value_text(written)));
	finding->detail = psprintf("Role \"%s\" gets %s at its next login to this database, from %s: the server has not read its files since.",
							   role_name, value_text(effective),
							   level_name(effective->source));
	finding->hint = "Have the server read its configuration files.";
	finding->fix_sql = "SELECT pg_catalog.pg_reload_conf();";
	return finding;
}

/* What can be seen is not enough. */
static Finding *
unknown_finding(const Check *check, const char *name, const char *source)
{
	Finding    *finding;

	finding = make_finding(check, FINDING_UNKNOWN, name,
						   psprintf("could not check: this session does not show what is hidden by the value of %s",
									name));
	finding->detail = psprintf("The value comes from %s, which hides those below.",
							   level_name(source));
	finding->hint = "Run the check as a superuser.";
	return finding;
}

/* This session was given less by its client than its role would get. */
static Finding *
client_finding(const Check *check, const char *role_name,
			   const RoleSetting *effective)
{
	static const char query[] =
		"SELECT s.setting FROM pg_catalog.pg_settings AS s "
		"WHERE s.name = $1 AND s.source = 'client' AND session_user = $2";
	const char *arguments[] = {effective->name, role_name};
	MemoryContext context = CurrentMemoryContext;
	const char *setting = NULL;
	Finding    *finding;

	SPI_connect();
	if (query_run(query, 2, arguments) == 1)
		setting = query_text(0, 1, context);
	SPI_finish();
	if (setting == NULL || strtod(setting, NULL) >= effective->number)
		return NULL;

	finding = make_finding(check, FINDING_FOUND, effective->name,
						   psprintf("%s = %s of %s has no effect in this session",
									effective->name, value_text(effective),
									level_name(effective->source)));
	finding->detail = psprintf("This session of role \"%s\" has %s%s, which its client asked for when it connected.",
							   role_name, setting,
							   effective->unit ? effective->unit : "");
	finding->hint = "If the migration connects in the same way, take the setting out of the options of its connection (DB_PARAMS of OpenMetadata, PGOPTIONS).";
	return finding;
}

/* Look at one setting; NULL if all is well. */
static Finding *
check_setting(const Check *check, const char *role_name, const char *name)
{
	const RoleSetting *effective = role_setting_find(role_name, name);
	List	   *levels = role_setting_levels(role_name, name);
	const RoleSetting *hidden;
	bool		from_server = !is_in_catalog(effective);

	if (effective->setting == NULL)
		return unknown_finding(check, name, effective->source);

	/* the files may be newer than what the server has read of them */
	if (from_server && strcmp(effective->source, "command line") != 0)
	{
		const RoleSetting *written = linitial(levels);

		if (written->number > effective->number)
			return unread_finding(check, role_name, effective, written);
	}
	hidden = find_hidden(levels);
	if (hidden != NULL)
		return hidden_finding(check, role_name, effective, hidden);
	if (strcmp(effective->source, "command line") == 0 && !superuser())
		return unknown_finding(check, name, effective->source);
	return client_finding(check, role_name, effective);
}

List *
check_setting_has_no_effect(const Check *check,
							const Installation *installation)
{
	List	   *findings = NIL;

	for (size_t i = 0; i < lengthof(setting_names); i++)
	{
		Finding    *finding = check_setting(check, installation->role_name,
											setting_names[i]);

		if (finding != NULL)
			findings = lappend(findings, finding);
	}
	return findings;
}
