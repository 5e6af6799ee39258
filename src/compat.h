/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Every difference between the server versions 13 to 18 that this
 *	  extension has to know, and nothing else.
 *
 * Code elsewhere is written for the newest server; what older ones lack is
 * supplied here, newest first.
 *
 * src/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_COMPAT_H
#define UPGRADE_PREREQ_COMPAT_H

#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/guc.h"

#if PG_VERSION_NUM < 130000
#error "upgrade_prereq needs PostgreSQL 13 or later"
#endif

/* 18: the module magic carries name and version. */
#ifndef PG_MODULE_MAGIC_EXT
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#endif

/* 18: attributes are read from a digest, which follows their changes. */
#if PG_VERSION_NUM < 180000
#define populate_compact_attribute(tupdesc, number) ((void) 0)
#endif

/*
 * 17.12: a sort of datums by reference counts the copies it makes
 * (tuplesort_putdatum()), as before 17.  18.6 does not yet; a later minor
 * release of 18 is taken to do so, which at worst estimates too much.
 */
static inline bool
sorts_charge_datums(void)
{
	int			version = atoi(GetConfigOption("server_version_num", false, false));

	return version < 170000 || (version >= 170012 && version < 180000) ||
		version >= 180007;
}

/* 18: a GIN index, too, is built in parallel (_gin_begin_parallel()). */
#if PG_VERSION_NUM >= 180000
#define builds_in_parallel(access_method) \
	((access_method) == BTREE_AM_OID || (access_method) == GIN_AM_OID)
#else
#define builds_in_parallel(access_method) ((access_method) == BTREE_AM_OID)
#endif

/*
 * 17: transaction_timeout.  To set it, even for a moment, starts the time of the
 * transaction anew (assign_transaction_timeout() in tcop/postgres.c), so where
 * it would fall back to has to be looked up: the source of that value as in
 * pg_settings, or NULL for a setting that can be reset to see.
 */
#if PG_VERSION_NUM >= 170000
#define reset_source_without_reset(name) \
	(strcmp((name), "transaction_timeout") != 0 ? NULL : \
	 GucSource_Names[find_option((name), false, false, ERROR)->reset_source])
#else
#define reset_source_without_reset(name) NULL
#endif

/* 18: functions that do not return are marked in front. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * 16: rows come to an aggregate in the order it asks for, and a chunk of
 * memory has a shorter header.
 */
#if PG_VERSION_NUM >= 160000
#define aggref_is_presorted(aggref) ((aggref)->aggpresorted)
#define CHUNK_HEADER_BYTES 8
#else
#define aggref_is_presorted(aggref) false
#define CHUNK_HEADER_BYTES 16
#endif

/*
 * 17: the expression of a generated column can be changed.  18: a generated
 * column need not be stored.  (What is not there stands for something that
 * changes nothing.)
 */
#if PG_VERSION_NUM < 170000
#define AT_SetExpression AT_SetStatistics
#endif
#if PG_VERSION_NUM >= 180000
#define constraint_is_stored(constraint) \
	((constraint)->generated_kind == ATTRIBUTE_GENERATED_STORED)
#else
#define constraint_is_stored(constraint) true
#endif

/*
 * 18: the planner puts the expression of a virtual column in its place, and of
 * what a query groups by what stands there.
 */
#if PG_VERSION_NUM >= 180000
#define column_is_virtual(relation, column) \
	(get_attgenerated(relation, column) == ATTRIBUTE_GENERATED_VIRTUAL)
#define grouped_expression(entry, column) \
	((entry)->rtekind == RTE_GROUP ? \
	 (Node *) list_nth((entry)->groupexprs, (column) - 1) : NULL)
#else
#define column_is_virtual(relation, column) false
#define grouped_expression(entry, column) NULL
#endif

/* 16: what rights a query needs is listed apart from its tables. */
#if PG_VERSION_NUM >= 160000
#define query_rights(query) ((query)->rteperminfos)
#else
#define query_rights(query) ((query)->rtable)

typedef RangeTblEntry RTEPermissionInfo;
#endif

/* 16: one function for the privileges on any kind of object. */
#if PG_VERSION_NUM < 160000
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_tablespace.h"

static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	switch (classid)
	{
		case NamespaceRelationId:
			return pg_namespace_aclcheck(objectid, roleid, mode);
		case ProcedureRelationId:
			return pg_proc_aclcheck(objectid, roleid, mode);
		case ForeignServerRelationId:
			return pg_foreign_server_aclcheck(objectid, roleid, mode);
		case TableSpaceRelationId:
			return pg_tablespace_aclcheck(objectid, roleid, mode);
	}
	elog(ERROR, "unexpected class %u", classid);
	return ACLCHECK_NO_PRIV;	/* keep the compiler quiet */
}

static inline bool
object_ownercheck(Oid classid, Oid objectid, Oid roleid)
{
	if (classid == RelationRelationId)
		return pg_class_ownercheck(objectid, roleid);
	if (classid != DatabaseRelationId)
		elog(ERROR, "unexpected class %u", classid);
	return pg_database_ownercheck(objectid, roleid);
}
#endif

/*
 * 16: a bulk insert makes the file longer by up to so many blocks at a time
 * (MAX_BUFFERS_TO_EXTEND_BY in access/heap/hio.c).
 */
#if PG_VERSION_NUM >= 160000
#define BULK_EXTEND_BLOCKS 64
#else
#define BULK_EXTEND_BLOCKS 1
#endif

/* 16: when a table was last read from one end to the other. */
#if PG_VERSION_NUM >= 160000
#define HAVE_LAST_SCAN
#endif

/* 15: pg_database_collation_actual_version() */
#if PG_VERSION_NUM >= 150000
#define HAVE_DATABASE_COLLATION_VERSION
#endif

/* 16: CREATEROLE reaches only the roles that it has ADMIN OPTION on. */
#if PG_VERSION_NUM < 160000
#define GRANTS_TO_ADMINISTER_ROLE(user, role) \
	psprintf("ALTER ROLE %s CREATEROLE;", (user))
#else
#define GRANTS_TO_ADMINISTER_ROLE(user, role) \
	psprintf("ALTER ROLE %s CREATEROLE; GRANT %s TO %s WITH ADMIN OPTION;", \
			 (user), (role), (user))
#endif

static inline bool
may_administer_role(Oid user_oid, Oid role_oid)
{
#if PG_VERSION_NUM < 160000
	(void) role_oid;
	return has_createrole_privilege(user_oid);
#else
	return has_createrole_privilege(user_oid) &&
		is_admin_of_role(user_oid, role_oid);
#endif
}

/* 15: a publication can name a schema. */
#if PG_VERSION_NUM < 150000
#define GetSchemaPublications(schema_oid) NIL
#endif

/* 15: parse analysis comes in several forms, of which this is the plain one. */
#if PG_VERSION_NUM < 150000
#define pg_analyze_and_rewrite_fixedparams(parsetree, text, types, count, env) \
	pg_analyze_and_rewrite(parsetree, text, types, count, env)
#endif

/* 15: a setting's prefix can be reserved. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 15.1: the set-up of a set-returning function that materialises its rows. */
#if PG_VERSION_NUM < 150001
#define MAT_SRF_USE_EXPECTED_DESC 0x01

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, uint32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext previous;
	TupleDesc	tupdesc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("materialize mode required, but it is not allowed in this context")));

	previous = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (flags & MAT_SRF_USE_EXPECTED_DESC)
		tupdesc = CreateTupleDescCopy(rsinfo->expectedDesc);
	else if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap(true, false, work_mem);
	rsinfo->setDesc = tupdesc;
	MemoryContextSwitchTo(previous);
}
#endif

/* 17: MERGE keeps the condition of its join.  15: MERGE. */
#if PG_VERSION_NUM >= 170000
#define merge_expressions(node) \
	list_make2((node)->mergeActionLists, (node)->mergeJoinConditions)
#elif PG_VERSION_NUM >= 150000
#define merge_expressions(node) ((node)->mergeActionLists)
#else
#define merge_expressions(node) NIL
#endif

/* 15: ALTER TABLE can set the access method. */
#if PG_VERSION_NUM < 150000
#define AT_SetAccessMethod AT_SetStorage
#endif

/*
 * 14: the plan of a data-modifying statement has one input for all tables;
 * pull_varnos() takes the planner's data; a range of rows can be scanned, and
 * what a nested loop looked up be kept; functions are named after what SQL calls them.
 */
#if PG_VERSION_NUM >= 140000
#define modify_table_plans(node) list_make1(outerPlan(node))
#define alter_table_object_type(statement) ((statement)->objtype)
#else
#include "catalog/pg_authid.h"
#include "optimizer/optimizer.h"

#define modify_table_plans(node) ((node)->plans)
#define alter_table_object_type(statement) ((statement)->relkind)
#include "optimizer/optimizer.h"
#define pull_varnos(root, node) pull_varnos(node)
#define T_TidRangeScan T_Scan	/* no node has this tag, nor the next */
#define T_Memoize T_Plan
#define F_ROW_NUMBER F_WINDOW_ROW_NUMBER
#define F_RANK_ F_WINDOW_RANK
#define F_DENSE_RANK_ F_WINDOW_DENSE_RANK
#endif

/* 14: REINDEX TABLE of a partitioned table builds the partitions' indexes. */
#if PG_VERSION_NUM >= 140000
#define reindexed_partitions(relid) find_all_inheritors(relid, NoLock, NULL)
#else
#define reindexed_partitions(relid) ((void) (relid), NIL)
#endif

/* 14: REINDEX has a list of options (for ddl_option_is_on()). */
#if PG_VERSION_NUM >= 140000
#define reindex_is_concurrent(statement) \
	ddl_option_is_on((statement)->params, "concurrently")
#else
#define reindex_is_concurrent(statement) ((statement)->concurrent)
#endif

/*
 * 14: the planner numbers the transition states of aggregates, of which some
 * share one; and NumericAggState in numeric.c counts infinities.
 */
#if PG_VERSION_NUM >= 140000
#define aggrefs_share_state(one, other) \
	((one)->aggtransno == (other)->aggtransno)
#define NUMERIC_STATE_BYTES 144
#else
#define aggrefs_share_state(one, other) ((void) (one), (void) (other), false)
#define NUMERIC_STATE_BYTES 128
#endif

/* 14: SHA-1 can be called.  False: it cannot. */
#if PG_VERSION_NUM >= 140000
#include "common/cryptohash.h"
#include "common/sha1.h"

static inline bool
sha1_digest(const uint8 *first, size_t first_length,
			const uint8 *second, size_t second_length, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA1);
	bool		done;

	if (context == NULL)
		return false;
	done = pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, first, first_length) >= 0 &&
		pg_cryptohash_update(context, second, second_length) >= 0 &&
		pg_cryptohash_final(context, digest, SHA1_DIGEST_LENGTH) >= 0;
	pg_cryptohash_free(context);
	return done;
}
#else
#define SHA1_DIGEST_LENGTH 20

static inline bool
sha1_digest(const uint8 *first, size_t first_length,
			const uint8 *second, size_t second_length, uint8 *digest)
{
	(void) first;
	(void) first_length;
	(void) second;
	(void) second_length;
	memset(digest, 0, SHA1_DIGEST_LENGTH);
	return false;
}
#endif

/* 14: a hash table says that its keys are strings; predefined roles. */
#if PG_VERSION_NUM < 140000
#define HASH_STRINGS 0
#endif

/* 14: each column says how it is compressed. */
#if PG_VERSION_NUM < 140000
#define copy_compression(to, from) ((void) 0)
#define toast_compress_attribute(value, attribute) toast_compress_datum(value)
#else
#define copy_compression(to, from) \
	((to)->attcompression = (from)->attcompression)
#define toast_compress_attribute(value, attribute) \
	toast_compress_datum(value, (attribute)->attcompression)
#endif

/* 14: one character is verified, or a string. */
#if PG_VERSION_NUM < 140000
#define pg_encoding_verifymbchar(encoding, string, length) \
	pg_encoding_verifymb(encoding, string, length)
#endif

/* 14: predefined roles are no longer called default roles. */
#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_SERVER_FILES DEFAULT_ROLE_READ_SERVER_FILES
#define ROLE_PG_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif

#endif							/* UPGRADE_PREREQ_COMPAT_H */
