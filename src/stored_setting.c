/*-------------------------------------------------------------------------
 *
 * stored_setting.c
 *	  The settings that ALTER ROLE and ALTER DATABASE store, as raw text.
 *
 * They stand in pg_db_role_setting, one row for each pair of database and
 * role, one array element "name=text" for each setting.  Reading goes by OID
 * and sees what is committed now, as the server's own ALTER does, whatever
 * the snapshot of the query is.  Writing is the server's own ALTER ROLE or
 * ALTER DATABASE, with its rights and its checks of the value: SET replaces
 * an element in place, RESET takes it away and the row with the last one
 * (GUCArrayAdd() and GUCArrayDelete() in src/backend/utils/misc/guc.c,
 * AlterSetting() in src/backend/catalog/pg_db_role_setting.c).
 *
 * src/stored_setting.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "attempt.h"
#include "catalog/indexing.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "executor/spi.h"
#include "stored_setting.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"

/* Lock the catalog against the server's own ALTER, which takes the lock below. */
static void
lock_catalog(void *argument pg_attribute_unused())
{
	LockRelationOid(DbRoleSettingRelationId, ShareRowExclusiveLock);
}

/*
 * Keep everybody else from changing stored settings until the transaction
 * ends; to be called before they are compared and changed.  Otherwise a value
 * could change between the two, and two ALTERs at the same time end with
 * "tuple concurrently updated".  Logins and readers are not kept waiting;
 * whoever alters settings or drops a role or database is.
 *
 * Errors: 55P03 if somebody else holds it for long.
 */
void
stored_setting_lock(void)
{
	ErrorData  *error = attempt(lock_catalog, NULL);

	if (error == NULL)
		return;
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("another session is changing settings of a role or database"),
			 errdetail("Its transaction is still open."),
			 errhint("Try again when it has ended. pg_locks shows it, as holder of a lock on pg_db_role_setting.")));
}

/* The text of a setting in an array of "name=text"; NULL if it is not there. */
static const char *
array_setting_text(ArrayType *array, const char *name)
{
	size_t		length = strlen(name);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *element;

		if (nulls[i])
			continue;
		element = TextDatumGetCString(elements[i]);
		if (pg_strncasecmp(element, name, length) == 0 && element[length] == '=')
			return element + length + 1;
	}
	return NULL;
}

/*
 * The raw text of a setting at a place, or NULL if none is stored there.
 */
const char *
stored_setting_text(SettingPlace place, const char *name)
{
	const char *text = NULL;
	Relation	catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase,
				BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(place.database_oid));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole,
				BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(place.role_oid));
	scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true,
							  NULL, lengthof(keys), keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		is_null;
		Datum		array = heap_getattr(tuple,
										 Anum_pg_db_role_setting_setconfig,
										 RelationGetDescr(catalog), &is_null);

		if (!is_null)
			text = array_setting_text(DatumGetArrayTypePCopy(array), name);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return text;
}

/* Is just this text stored for a setting at a place?  NULL means nothing. */
bool
stored_setting_is(SettingPlace place, const char *name, const char *text)
{
	const char *stored = stored_setting_text(place, name);

	return text == NULL || stored == NULL ? text == stored :
		strcmp(text, stored) == 0;
}

/* Names of the role and the database of a place; NULL for what is not there. */
static void
find_names(SettingPlace place, char **role_name, char **database_name)
{
	*role_name = OidIsValid(place.role_oid) ?
		GetUserNameFromId(place.role_oid, true) : NULL;
	*database_name = OidIsValid(place.database_oid) ?
		get_database_name(place.database_oid) : NULL;
}

/* Are the role and the database of a place there? */
bool
setting_place_exists(SettingPlace place)
{
	char	   *role_name;
	char	   *database_name;

	find_names(place, &role_name, &database_name);
	return OidIsValid(place.role_oid) == (role_name != NULL) &&
		OidIsValid(place.database_oid) == (database_name != NULL);
}

/*
 * A place by the present names, such as "ROLE app IN DATABASE om": as ALTER
 * takes it.  NULL if it is not there.
 */
static char *
place_clause(SettingPlace place)
{
	char	   *role_name;
	char	   *database_name;

	find_names(place, &role_name, &database_name);
	if (!setting_place_exists(place))
		return NULL;
	if (role_name == NULL)
		return psprintf("DATABASE %s", quote_identifier(database_name));
	if (database_name == NULL)
		return psprintf("ROLE %s", quote_identifier(role_name));
	return psprintf("ROLE %s IN DATABASE %s",
					pstrdup(quote_identifier(role_name)),
					quote_identifier(database_name));
}

/*
 * A place for people to read, such as "role app in database om"; the parts
 * that are gone by their OIDs.
 */
char *
setting_place_identity(SettingPlace place)
{
	char	   *role_name;
	char	   *database_name;

	find_names(place, &role_name, &database_name);
	role_name = role_name ? pstrdup(quote_identifier(role_name)) :
		psprintf("%u", place.role_oid);
	database_name = database_name ? pstrdup(quote_identifier(database_name)) :
		psprintf("%u", place.database_oid);

	if (!OidIsValid(place.role_oid))
		return psprintf("database %s", database_name);
	if (!OidIsValid(place.database_oid))
		return psprintf("role %s", role_name);
	return psprintf("role %s in database %s", role_name, database_name);
}

/*
 * May a role alter the settings at a place?  The rules are those of
 * AlterRoleSet() in src/backend/commands/user.c and AlterDatabaseSet() in
 * dbcommands.c.
 */
bool
setting_place_may_alter(SettingPlace place, Oid user_oid)
{
	if (!OidIsValid(place.role_oid))
		return object_ownercheck(DatabaseRelationId, place.database_oid,
								 user_oid);
	if (superuser_arg(place.role_oid))
		return superuser_arg(user_oid);
	return place.role_oid == user_oid ||
		may_administer_role(user_oid, place.role_oid);
}

/*
 * Raise an error (42501) unless the caller may alter the settings at a place;
 * the hint has the statements that would help.
 */
void
setting_place_require(SettingPlace place)
{
	const char *user;
	const char *hint;

	if (setting_place_may_alter(place, GetUserId()))
		return;

	user = pstrdup(quote_identifier(GetUserNameFromId(GetUserId(), false)));
	if (!OidIsValid(place.role_oid))
		hint = "It takes the owner of the database, or a superuser.";
	else if (superuser_arg(place.role_oid))
		hint = "That role is a superuser: it takes another one.";
	else
		hint = psprintf("The role itself may do it; or ask for: %s",
						GRANTS_TO_ADMINISTER_ROLE(user,
												  quote_identifier(GetUserNameFromId(place.role_oid, false))));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to alter settings of %s",
					setting_place_identity(place)),
			 errhint("%s", hint)));
}

/*
 * The statement that stores a setting at a place; NULL takes it away.  NULL
 * if the place is not there.
 */
char *
stored_setting_statement(SettingPlace place, const char *name,
						 const char *text)
{
	char	   *clause = place_clause(place);

	if (clause == NULL)
		return NULL;
	if (text == NULL)
		return psprintf("ALTER %s RESET %s", clause, name);
	return psprintf("ALTER %s SET %s TO %s", clause, name,
					quote_literal_cstr(text));
}

/*
 * Store a setting at a place, which must be there; NULL takes it away.  The
 * errors are those of ALTER ROLE and ALTER DATABASE.
 */
void
stored_setting_alter(SettingPlace place, const char *name, const char *text)
{
	char	   *statement = stored_setting_statement(place, name, text);

	if (statement == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%s does not exist", setting_place_identity(place))));

	SPI_connect();
	if (SPI_execute(statement, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute: %s", statement);
	SPI_finish();

	/* names can change hands between our look at them and the statement's */
	if (!stored_setting_is(place, name, text))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("%s was renamed at the same time",
						setting_place_identity(place)),
				 errhint("Try again.")));
}
