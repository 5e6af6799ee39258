/*-------------------------------------------------------------------------
 *
 * login.h
 *	  What a new login of a role to this database really gets.
 *
 * src/login.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_LOGIN_H
#define UPGRADE_PREREQ_LOGIN_H

#include "guard.h"
#include "nodes/pg_list.h"

/* A setting of a session, as pg_settings shows it. */
typedef struct LoginSetting
{
	const char *name;
	const char *setting;
	const char *source;
} LoginSetting;

extern Obstacle *login_settings(Oid role_oid, List **settings);
extern const LoginSetting *login_setting_find(List *settings,
											  const char *name);

/* The background worker; found by its name. */
extern PGDLLEXPORT void upgrade_prereq_login_main(Datum main_arg);

#endif							/* UPGRADE_PREREQ_LOGIN_H */
