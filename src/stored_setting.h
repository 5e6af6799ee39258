/*-------------------------------------------------------------------------
 *
 * stored_setting.h
 *	  The settings that ALTER ROLE and ALTER DATABASE store, as raw text.
 *
 * src/stored_setting.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_STORED_SETTING_H
#define UPGRADE_PREREQ_STORED_SETTING_H

/*
 * Where a setting is stored: the key of a row of pg_db_role_setting.  At
 * least one of the two is valid.
 */
typedef struct SettingPlace
{
	Oid			database_oid;	/* InvalidOid: in every database */
	Oid			role_oid;		/* InvalidOid: for every role */
} SettingPlace;

extern void stored_setting_lock(void);
extern const char *stored_setting_text(SettingPlace place, const char *name);
extern bool stored_setting_is(SettingPlace place, const char *name,
							  const char *text);
extern char *setting_place_identity(SettingPlace place);
extern bool setting_place_exists(SettingPlace place);
extern bool setting_place_may_alter(SettingPlace place, Oid user_oid);
extern void setting_place_require(SettingPlace place);
extern void stored_setting_alter(SettingPlace place, const char *name,
								 const char *text);
extern char *stored_setting_statement(SettingPlace place, const char *name,
									  const char *text);

#endif							/* UPGRADE_PREREQ_STORED_SETTING_H */
