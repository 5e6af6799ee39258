/*-------------------------------------------------------------------------
 *
 * role_setting.h
 *	  What a setting will be for a role at its next login to this database.
 *
 * src/role_setting.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ROLE_SETTING_H
#define UPGRADE_PREREQ_ROLE_SETTING_H

#include "nodes/pg_list.h"

/*
 * A setting as a new session of a role gets it.  If the value is not known,
 * setting is NULL and source says which level of this session hides it.
 */
typedef struct RoleSetting
{
	const char *name;
	const char *setting;		/* in the unit below, as in pg_settings */
	const char *unit;			/* "kB", "ms" or NULL */
	const char *source;			/* as in pg_settings: "default",
								 * "configuration file", "command line",
								 * "global", "database", "user" or "database
								 * user" */
	const char *raw;			/* text in pg_db_role_setting, or NULL; among
								 * the levels also that in the files */
	double		number;			/* the setting, if it is a number */
} RoleSetting;

extern RoleSetting *role_setting_find(const char *role_name, const char *name);
extern List *role_setting_levels(const char *role_name, const char *name);
extern const char *role_setting_names(void);
extern List *role_setting_planner(const char *role_name);

#endif							/* UPGRADE_PREREQ_ROLE_SETTING_H */
