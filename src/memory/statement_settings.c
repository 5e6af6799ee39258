/*-------------------------------------------------------------------------
 *
 * statement_settings.c
 *	  What the session gets that will run a statement.
 *
 * src/memory/statement_settings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#ifndef WIN32
#include <sys/statvfs.h>
#endif

#include "catalog/namespace.h"
#include "catalog/pg_tablespace.h"
#include "commands/tablespace.h"
#include "compat.h"
#include "disk/place.h"
#include "optimizer/cost.h"
#include "role_setting.h"
#include "statement.h"
#include "utils/builtins.h"

/*
 * Free room, in bytes, on the disk for temporary files; -1 if not known, as
 * where they go to tablespaces of their own.
 */
static double
free_temp_bytes(void)
{
#ifndef WIN32
	struct statvfs disk;

	if (*GetConfigOption("temp_tablespaces", false, false) == '\0' &&
		MyDatabaseTableSpace == DEFAULTTABLESPACE_OID &&
		statvfs(DataDir, &disk) == 0)
		return (double) disk.f_bavail * disk.f_frsize;
#endif
	return -1;
}

/*
 * The same for a role, which has its files in one of some tablespaces: in the
 * fullest, if it is known how full they are.
 */
static double
role_free_temp_bytes(const char *role_name)
{
	double		free_bytes = -1;
	ListCell   *lc;

	foreach(lc, places_find(role_name)->temporary)
	{
		const DiskPlace *place = lfirst(lc);

		if (place->free_bytes < 0)
			return -1;
		if (free_bytes < 0 || place->free_bytes < free_bytes)
			free_bytes = place->free_bytes;
	}
	return free_bytes;
}

/* A limit as a setting has it, in bytes; -1 stays what it is. */
static double
kb_to_bytes(double kb)
{
	return kb < 0 ? -1 : kb * 1024;
}

/* A number that a role gets; false, and noted, if it is not known. */
static bool
role_number(const char *role_name, const char *name, double *number,
			StatementSettings *settings)
{
	RoleSetting *setting = role_setting_find(role_name, name);

	if (setting->setting == NULL)
	{
		settings->is_known = false;
		return false;
	}
	*number = setting->number;
	return true;
}

/*
 * What this session itself has.  Under guard_run() that is what is pinned
 * there, of search_path and max_parallel_workers_per_gather.
 */
StatementSettings *
statement_settings_of_session(void)
{
	StatementSettings *settings = palloc0(sizeof(StatementSettings));
	const char *limit = GetConfigOption("temp_file_limit", false, false);

	settings->is_known = true;
	settings->work_mem_kb = work_mem;
	settings->maintenance_work_mem_kb = maintenance_work_mem;
	settings->hash_mem_multiplier = hash_mem_multiplier;
	settings->parallel_workers = max_parallel_workers_per_gather;
	settings->maintenance_workers = max_parallel_maintenance_workers;
	settings->temp_limit_bytes = kb_to_bytes(strtod(limit, NULL));
	settings->free_bytes = free_temp_bytes();
	settings->search_path = pstrdup(namespace_search_path);
	return settings;
}

/*
 * Put in what a new session of the role that migrates will have, and look for
 * tables in OpenMetadata's schema first.  What is not known stays as it is,
 * and is_known becomes false.  To be called under guard_run().
 */
void
statement_settings_of_migration(StatementSettings *settings,
								const Installation *installation)
{
	const char *role = installation->role_name;
	double		number;

	if (role_number(role, "work_mem", &number, settings))
		settings->work_mem_kb = (int) number;
	if (role_number(role, "maintenance_work_mem", &number, settings))
		settings->maintenance_work_mem_kb = (int) number;
	if (role_number(role, "hash_mem_multiplier", &number, settings))
		settings->hash_mem_multiplier = number;
	if (role_number(role, "max_parallel_workers_per_gather", &number, settings))
		settings->parallel_workers = (int) number;
	if (role_number(role, "max_parallel_maintenance_workers", &number, settings))
		settings->maintenance_workers = (int) number;
	if (role_number(role, "temp_file_limit", &number, settings))
		settings->temp_limit_bytes = kb_to_bytes(number);
	settings->free_bytes = role_free_temp_bytes(role);
	settings->planner = role_setting_planner(role);
	settings->search_path = psprintf("%s, %s",
									 quote_identifier(installation->schema_name),
									 settings->search_path);
}
