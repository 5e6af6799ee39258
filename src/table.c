/*-------------------------------------------------------------------------
 *
 * table.c
 *	  May this table of OpenMetadata be read, and is it what it seems?
 *
 * A view in the place of a table would run its owner's code with the rights
 * of whoever asks; row-level security would hide rows without a word; a lock
 * that somebody holds would let us wait.  All of this is found out here,
 * before anything is read, from the catalogs alone.
 *
 * src/table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "compat.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "table.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* The table of that name in a schema, whatever kind it is; or InvalidOid. */
Oid
table_lookup(Oid schema_oid, const char *table_name)
{
	return get_relname_relid(table_name, schema_oid);
}

/* The table is not there. */
static Obstacle *
missing_table(const char *table_name)
{
	return obstacle_make(ERRCODE_UNDEFINED_TABLE,
						 psprintf("table \"%s\" does not exist", table_name),
						 NULL, NULL);
}

/* Somebody holds a lock on the table. */
static Obstacle *
locked_table(const char *table_name)
{
	return obstacle_make(ERRCODE_LOCK_NOT_AVAILABLE,
						 psprintf("table \"%s\" is locked by another session",
								  table_name),
						 "Try again when the other session has finished.",
						 NULL);
}

/* None of the alternative names of a column is there. */
Obstacle *
table_missing_column(const char *table_name, const char *alternatives)
{
	return obstacle_make(ERRCODE_UNDEFINED_COLUMN,
						 psprintf("table \"%s\" has no column \"%s\"",
								  table_name, alternatives),
						 NULL, NULL);
}

/* The index is missing that keeps a check from reading the whole table. */
Obstacle *
table_missing_index(const char *table_name, const char *column)
{
	Obstacle   *obstacle;

	obstacle = obstacle_make(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							 psprintf("no valid index of table \"%s\" begins with column \"%s\"",
									  table_name, column),
							 "Restore the index that OpenMetadata creates on this table.",
							 NULL);
	obstacle->detail = "Without it the check would read the whole table.";
	return obstacle;
}

/* Two tables that are read together belong to different roles. */
Obstacle *
table_other_owner(const char *table_name, const char *other_name)
{
	Obstacle   *obstacle;

	obstacle = obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
							 psprintf("tables \"%s\" and \"%s\" belong to different roles",
									  other_name, table_name),
							 "Give OpenMetadata's tables to one role, as its migration needs to own them.",
							 NULL);
	obstacle->detail = "Tables are read with the rights of their owner only.";
	return obstacle;
}

/* The right to read is missing: say which GRANT gives it. */
static Obstacle *
missing_right(Oid schema_oid, const char *table_name, bool needs_usage)
{
	const char *role = quote_identifier(GetUserNameFromId(GetUserId(), false));
	char	   *schema_name = get_namespace_name(schema_oid);
	char	   *grant;

	grant = psprintf("GRANT SELECT ON TABLE %s TO %s;",
					 quote_qualified_identifier(schema_name, table_name),
					 role);
	if (needs_usage)
		grant = psprintf("GRANT USAGE ON SCHEMA %s TO %s; %s",
						 quote_identifier(schema_name), role, grant);

	return obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
						 needs_usage ?
						 psprintf("permission denied for schema \"%s\"",
								  schema_name) :
						 psprintf("permission denied for table \"%s\"",
								  table_name),
						 "Run the check as the owner of the table, or ask the owner for the GRANT given as the fix.",
						 grant);
}

/*
 * Was a table altered by a transaction that the present snapshot does not
 * see?  If it was rewritten or truncated, it looks empty to that snapshot.
 */
static bool
altered_since_snapshot(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	TransactionId xmin;

	if (!HeapTupleIsValid(tuple))
		return true;			/* dropped just now */
	xmin = HeapTupleHeaderGetXmin(tuple->t_data);
	ReleaseSysCache(tuple);

	return TransactionIdIsNormal(xmin) &&
		!TransactionIdIsCurrentTransactionId(xmin) &&
		XidInMVCCSnapshot(xmin, GetActiveSnapshot());
}

/*
 * Take the lock of table_lock() on a relation of that name, see that it is a
 * table, or also a materialized view, and that it looks to the present
 * snapshot as it is.
 */
static Obstacle *
lock_relation(Oid relid, const char *table_name, bool matview_ok)
{
	char		relkind;

	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		return locked_table(table_name);

	relkind = get_rel_relkind(relid);
	if (relkind == '\0')
		return missing_table(table_name);	/* went before we had the lock */

	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE &&
		!(matview_ok && relkind == RELKIND_MATVIEW))
		return obstacle_make(ERRCODE_WRONG_OBJECT_TYPE,
							 psprintf("\"%s\" is not a table", table_name),
							 "A view or foreign table in the place of one of OpenMetadata's tables is not read.",
							 NULL);

	if (altered_since_snapshot(relid))
		return obstacle_make(ERRCODE_T_R_SERIALIZATION_FAILURE,
							 psprintf("table \"%s\" was altered after this query or transaction began",
									  table_name),
							 "Run the check again, in a new transaction.",
							 NULL);
	return NULL;
}

/*
 * Lock a table against being dropped or rewritten (AccessShareLock, until the
 * (sub)transaction ends), without waiting for it.  Returns what is in the way,
 * or NULL with the table's OID in *table_oid.
 */
Obstacle *
table_lock(Oid schema_oid, const char *table_name, Oid *table_oid)
{
	Oid			relid = table_lookup(schema_oid, table_name);
	Obstacle   *obstacle;

	*table_oid = InvalidOid;
	if (!OidIsValid(relid))
		return missing_table(table_name);

	obstacle = lock_relation(relid, table_name, false);
	if (obstacle != NULL)
		return obstacle;

	/* It may have been replaced before we had the lock. */
	if (table_lookup(schema_oid, table_name) != relid)
		return missing_table(table_name);

	*table_oid = relid;
	return NULL;
}

/*
 * table_lock() for a partition of a table that is locked: who may read the
 * one may read the other through it.
 */
Obstacle *
table_lock_partition(Oid partition_oid)
{
	const char *name = get_rel_name(partition_oid);

	if (name == NULL)
		return missing_table(psprintf("%u", partition_oid));
	return lock_relation(partition_oid, name, false);
}

/*
 * Open a partition or child, without waiting for a lock; raises what is in the
 * way as an error.
 */
Relation
table_open_partition(Oid partition_oid)
{
	Obstacle   *obstacle = table_lock_partition(partition_oid);

	if (obstacle != NULL)
		obstacle_raise(obstacle);
	return table_open(partition_oid, NoLock);
}

/* What keeps the current role from reading all rows of a relation. */
static Obstacle *
missing_rights(Oid schema_oid, Oid relid, const char *table_name)
{
	if (object_aclcheck(NamespaceRelationId, schema_oid, GetUserId(),
						ACL_USAGE) != ACLCHECK_OK)
		return missing_right(schema_oid, table_name, true);
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return missing_right(schema_oid, table_name, false);

	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
							 psprintf("row-level security of table \"%s\" may hide rows from role \"%s\"",
									  table_name,
									  GetUserNameFromId(GetUserId(), false)),
							 "Run the check as a role that row-level security does not apply to.",
							 NULL);
	return NULL;
}

/*
 * table_lock(), and see to it that the current role may read all rows of the
 * table.
 */
Obstacle *
table_obstacle(Oid schema_oid, const char *table_name, Oid *table_oid)
{
	Obstacle   *obstacle = table_lock(schema_oid, table_name, table_oid);

	if (obstacle != NULL)
		return obstacle;
	return missing_rights(schema_oid, *table_oid, table_name);
}

/*
 * Lock a table for changing rows of it (RowExclusiveLock, until the
 * transaction ends), without waiting for it.  Returns what is in the way, or
 * NULL.
 */
Obstacle *
table_lock_for_change(Oid table_oid)
{
	const char *name = get_rel_name(table_oid);

	if (name == NULL)
		return missing_table(psprintf("%u", table_oid));
	if (!ConditionalLockRelationOid(table_oid, RowExclusiveLock))
		return locked_table(name);
	return lock_relation(table_oid, name, false);
}

/* May a role update a column of a table? */
static bool
may_update(Oid table_oid, Oid user_oid, const char *column)
{
	return pg_class_aclcheck(table_oid, user_oid, ACL_UPDATE) == ACLCHECK_OK ||
		pg_attribute_aclcheck(table_oid, get_attnum(table_oid, column),
							  user_oid, ACL_UPDATE) == ACLCHECK_OK;
}

/*
 * A column as it is to be written in a statement.  From 16 on, json is a
 * keyword that quote_identifier() quotes, though it need not: what we print is
 * the same everywhere.
 */
static const char *
column_identifier(const char *column)
{
	return strcmp(column, "json") == 0 ? column : quote_identifier(column);
}

/*
 * What keeps a role from reading all rows of a table and updating some of its
 * columns (List of char *), or NULL.
 */
Obstacle *
table_change_obstacle(Oid table_oid, Oid user_oid, List *columns)
{
	Oid			schema_oid = get_rel_namespace(table_oid);
	const char *schema_name = get_namespace_name(schema_oid);
	const char *table_name = get_rel_name(table_oid);
	const char *role_name = GetUserNameFromId(user_oid, true);
	StringInfoData missing;
	StringInfoData grants;
	ListCell   *lc;

	if (schema_name == NULL || table_name == NULL)
		return missing_table(psprintf("%u", table_oid));
	if (role_name == NULL)
		return obstacle_make(ERRCODE_UNDEFINED_OBJECT,
							 psprintf("role %u does not exist", user_oid),
							 NULL, NULL);
	if (check_enable_rls(table_oid, user_oid, true) == RLS_ENABLED)
		return obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
							 psprintf("row-level security of table \"%s\" applies to role \"%s\"",
									  table_name, role_name),
							 "Use a role that row-level security does not apply to.",
							 NULL);

	initStringInfo(&grants);
	if (object_aclcheck(NamespaceRelationId, schema_oid, user_oid,
						ACL_USAGE) != ACLCHECK_OK)
		appendStringInfo(&grants, "GRANT USAGE ON SCHEMA %s TO %s; ",
						 pstrdup(quote_identifier(schema_name)),
						 quote_identifier(role_name));

	initStringInfo(&missing);
	if (pg_class_aclcheck(table_oid, user_oid, ACL_SELECT) != ACLCHECK_OK)
		appendStringInfoString(&missing, "SELECT");
	foreach(lc, columns)
	{
		const char *column = lfirst(lc);

		if (!may_update(table_oid, user_oid, column))
			appendStringInfo(&missing, "%sUPDATE (%s)",
							 missing.len > 0 ? ", " : "",
							 column_identifier(column));
	}
	if (missing.len > 0)
		appendStringInfo(&grants, "GRANT %s ON TABLE %s TO %s; ", missing.data,
						 quote_qualified_identifier(schema_name, table_name),
						 quote_identifier(role_name));
	if (grants.len == 0)
		return NULL;
	grants.data[grants.len - 1] = '\0';
	return obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
						 psprintf("permission denied for table \"%s\"",
								  table_name),
						 psprintf("Ask the owner of the table for: %s",
								  grants.data),
						 grants.data);
}

/*
 * table_obstacle() for a relation that a statement of somebody's names: it can
 * be a materialized view, whose rows are stored as those of a table are.
 */
Obstacle *
relation_obstacle(Oid relid)
{
	const char *name = get_rel_name(relid);
	Obstacle   *obstacle;

	if (name == NULL)
		return missing_table(psprintf("%u", relid));
	obstacle = lock_relation(relid, name, true);
	if (obstacle != NULL)
		return obstacle;
	return missing_rights(get_rel_namespace(relid), relid, name);
}

/*
 * The first of some alternative column names ("a|b") that a table has, or
 * NULL if it has none of them.
 */
const char *
table_column(Oid table_oid, const char *alternatives)
{
	char	   *names = pstrdup(alternatives);
	char	   *state = NULL;

	for (char *name = strtok_r(names, "|", &state); name != NULL;
		 name = strtok_r(NULL, "|", &state))
	{
		if (get_attnum(table_oid, name) != InvalidAttrNumber)
			return name;
	}
	return NULL;
}

/*
 * What keeps a column from being read, or NULL: its type must be one of
 * PostgreSQL's own, as a type of somebody's comes with casts of his own.
 */
Obstacle *
table_column_obstacle(Oid table_oid, const char *column)
{
	Oid			type = get_atttype(table_oid, get_attnum(table_oid, column));

	if (type < FirstGenbkiObjectId)
		return NULL;
	return obstacle_make(ERRCODE_DATATYPE_MISMATCH,
						 psprintf("column \"%s\" of table \"%s\" is of type %s",
								  column, get_rel_name(table_oid),
								  format_type_be(type)),
						 "A column of a type that is not PostgreSQL's own is not read.",
						 NULL);
}

/* Is an index a B-tree? */
static bool
is_btree(Oid index_oid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index_oid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;			/* dropped just now */
	result = ((Form_pg_class) GETSTRUCT(tuple))->relam == BTREE_AM_OID;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Does a table, which has to be locked, have a valid B-tree index over all
 * rows that begins with this column?
 */
bool
table_has_index(Oid table_oid, const char *column)
{
	AttrNumber	attnum = get_attnum(table_oid, column);
	Relation	relation = table_open(table_oid, NoLock);
	List	   *indexes = RelationGetIndexList(relation);
	bool		found = false;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;			/* dropped just now */
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisvalid && index->indkey.values[0] == attnum &&
			heap_attisnull(tuple, Anum_pg_index_indpred, NULL) &&
			is_btree(index->indexrelid))
			found = true;
		ReleaseSysCache(tuple);
	}

	table_close(relation, NoLock);
	return found;
}

/*
 * The indexes of a table (List of OIDs), from the catalog alone: the table need
 * not be locked, and is not opened.
 */
List *
table_index_oids(Oid table_oid)
{
	Relation	catalog = table_open(IndexRelationId, AccessShareLock);
	List	   *indexes = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_index_indrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(table_oid));
	scan = systable_beginscan(catalog, IndexIndrelidIndexId, true, NULL, 1,
							  &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		indexes = lappend_oid(indexes,
							  ((Form_pg_index) GETSTRUCT(tuple))->indexrelid);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return indexes;
}

/* The owner of a table, which has to be locked. */
Oid
table_owner(Oid table_oid)
{
	Relation	relation = table_open(table_oid, NoLock);
	Oid			owner = relation->rd_rel->relowner;

	table_close(relation, NoLock);
	return owner;
}

static void
act_as(Oid new_user)
{
	Oid			user;
	int			context;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(new_user, context | SECURITY_RESTRICTED_OPERATION);
}

/*
 * Go on as the owner of a table, until the caller puts the user back or the
 * (sub)transaction is rolled back: for queries whose text is ours.
 * Planning a query can run functions of indexes, which are the owner's: they
 * must not get the rights of whoever asks.  The owner has no more rights on
 * the table than table_obstacle() saw to it that the caller has.
 */
void
table_act_as_owner(Oid table_oid)
{
	act_as(table_owner(table_oid));
}

/*
 * The same for queries whose text is the caller's, or anybody's: who has not
 * got the owner's rights does not get them.  The table may be InvalidOid.
 */
void
table_lower_rights(Oid table_oid)
{
	Oid			user = GetUserId();
	Oid			owner = OidIsValid(table_oid) ? table_owner(table_oid) : user;

	act_as(has_privs_of_role(user, owner) ? owner : user);
}
