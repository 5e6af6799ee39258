/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  The memory that statements take which are not planned.
 *
 * That is the memory of the indexes that they build: new ones, and those of a
 * table that is written anew.  Which changes write a table anew is decided as
 * commands/tablecmds.c does (ATPrepAddColumn, ATColumnChangeRequiresRewrite,
 * ATRewriteTables).
 *
 * src/memory/ddl.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "compat.h"
#include "ddl.h"
#include "foreign_code.h"
#include "hide_calls.h"
#include "index_build.h"
#include "new_file.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parse_type.h"
#include "storage/lmgr.h"
#include "rewrite/rewriteHandler.h"
#include "statement.h"
#include "table.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* A column that gets another type. */
typedef struct ChangedColumn
{
	const char *name;
	Oid			type;
	Oid			collation;
	bool		keeps_values;
} ChangedColumn;

/* What ALTER TABLE does, as far as memory is concerned. */
typedef struct TableChange
{
	Relation	table;
	const char *text;			/* of the statement */
	bool		is_rewrite;		/* the table is written anew, and so are its
								 * partitions and children */
	bool		is_copy;		/* the table itself is, but not these */
	List	   *added_columns;	/* of AddedColumn * */
	List	   *changed_columns;	/* of ChangedColumn * */
	List	   *builds;			/* of IndexBuild *, new indexes */
} TableChange;

/* Raise an error (0A000) for a statement whose memory is not estimated. */
static void
refuse(const char *statement)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the memory for %s is not estimated", statement)));
}

/*
 * Open a table for a statement, without waiting for a lock; from now on with
 * no more than its owner's rights.  NULL if it is not there and need not be.
 * Errors as in relation_obstacle().
 */
static Relation
open_table(const RangeVar *name, bool missing_ok)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, missing_ok);
	Obstacle   *obstacle;

	if (!OidIsValid(relid))
		return NULL;
	obstacle = relation_obstacle(relid);
	if (obstacle != NULL)
		statement_obstacle_raise(obstacle);
	table_lower_rights(relid);
	return table_open(relid, NoLock);
}

/* An expression over the columns of a table, of the type that is wanted. */
static Node *
table_expression(const TableChange *change, Node *raw, ParseExprKind kind,
				 Oid type, int32 typmod)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	Node	   *expression;

	pstate->p_sourcetext = change->text;
	item = addRangeTableEntryForRelation(pstate, change->table, AccessShareLock,
										 NULL, false, true);
	addNSItemToQuery(pstate, item, true, true, true);
	expression = transformExpr(pstate, raw, kind);
	expression = coerce_to_target_type(pstate, expression,
									   exprType(expression), type, typmod,
									   COERCION_ASSIGNMENT,
									   COERCE_IMPLICIT_CAST, -1);
	if (expression == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("expression cannot be converted to type %s",
						format_type_be(type))));
	assign_expr_collations(pstate, expression);
	foreign_code_refuse(expression);
	return hide_calls_in_expression(expression);
}

/* Is a column of this type filled from a sequence? */
static bool
is_serial(const TypeName *type)
{
	static const char *const names[] = {
		"smallserial", "serial2", "serial", "serial4", "bigserial", "serial8"
	};

	if (list_length(type->names) != 1)
		return false;
	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(strVal(linitial(type->names)), names[i]) == 0)
			return true;
	}
	return false;
}

/* A constraint on a column that is added. */
static void
read_column_constraint(TableChange *change, AddedColumn *column,
					   Constraint *constraint, Oid type, int32 typmod)
{
	Constraint *key;

	switch (constraint->contype)
	{
		case CONSTR_GENERATED:
			if (!constraint_is_stored(constraint))
				break;
			change->is_rewrite = true;
			column->expression = (Expr *)
				table_expression(change, constraint->raw_expr,
								 EXPR_KIND_GENERATED_COLUMN, type, typmod);
			break;
		case CONSTR_IDENTITY:
			change->is_rewrite = true;
			break;
		case CONSTR_DEFAULT:
			if (contain_volatile_functions(table_expression(change,
															constraint->raw_expr,
															EXPR_KIND_COLUMN_DEFAULT,
															type, typmod)))
				change->is_rewrite = true;
			break;
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			key = copyObject(constraint);
			key->keys = list_make1(makeString(pstrdup(column->name)));
			change->builds = lappend(change->builds,
									 index_build_of_constraint(change->table, key,
															   list_make1(column)));
			break;
		default:
			break;
	}
}

/*
 * Does a column that is added have values in the rows there are, as far as that
 * makes the server look for them where a foreign key leads?  Those of an
 * identity column it does not look for (transformAlterTableStmt() in
 * parser/parse_utilcmd.c).
 */
static bool
is_filled(const ColumnDef *definition)
{
	ListCell   *lc;

	if (is_serial(definition->typeName))
		return true;
	foreach(lc, definition->constraints)
	{
		ConstrType	type = lfirst_node(Constraint, lc)->contype;

		if (type == CONSTR_DEFAULT || type == CONSTR_GENERATED)
			return true;
	}
	return false;
}

/* ADD COLUMN */
static void
read_added_column(TableChange *change, const ColumnDef *definition,
				  bool missing_ok)
{
	AddedColumn *column = palloc0(sizeof(AddedColumn));
	Oid			type = INT8OID;
	int32		typmod = -1;
	ListCell   *lc;

	if (missing_ok && get_attnum(RelationGetRelid(change->table),
								 definition->colname) != InvalidAttrNumber)
		return;

	if (is_serial(definition->typeName))
		change->is_rewrite = true;
	else
		typenameTypeIdAndMod(NULL, definition->typeName, &type, &typmod);
	if (get_typtype(type) == TYPTYPE_DOMAIN && DomainHasConstraints(type))
		change->is_rewrite = true;

	column->name = definition->colname;
	column->expression = (Expr *) makeNullConst(type, typmod,
												get_typcollation(type));

	/* what a generated column holds comes first: a key may be on it */
	for (int pass = 0; pass < 2; pass++)
	{
		foreach(lc, definition->constraints)
		{
			Constraint *constraint = lfirst_node(Constraint, lc);
			bool		is_key = constraint->contype == CONSTR_PRIMARY ||
				constraint->contype == CONSTR_UNIQUE;

			if (constraint->contype == CONSTR_FOREIGN && is_filled(definition))
				refuse("a foreign key of a column that is filled");
			if (is_key == (pass == 1))
				read_column_constraint(change, column, constraint, type, typmod);
		}
	}
	change->added_columns = lappend(change->added_columns, column);
}

/*
 * Does a column keep its stored values under the new type?  So it is if the
 * conversion comes down to the column itself.  That to a domain without
 * constraints is a RelabelType by then (eval_const_expressions()).
 */
static bool
keeps_values(Node *conversion, AttrNumber attnum)
{
	conversion = (Node *) expression_planner((Expr *) conversion);
	while (IsA(conversion, RelabelType))
		conversion = (Node *) ((RelabelType *) conversion)->arg;
	return IsA(conversion, Var) && ((Var *) conversion)->varattno == attnum;
}

/* ALTER COLUMN ... TYPE */
static void
read_changed_type(TableChange *change, const char *name,
				  const ColumnDef *definition)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(change->table), name);
	ColumnRef  *column = makeNode(ColumnRef);
	ChangedColumn *changed = palloc(sizeof(ChangedColumn));
	Oid			type;
	int32		typmod;

	column->fields = list_make1(makeString(pstrdup(name)));
	column->location = -1;
	typenameTypeIdAndMod(NULL, definition->typeName, &type, &typmod);
	changed->keeps_values = keeps_values(table_expression(change,
														  definition->raw_default ?
														  definition->raw_default : (Node *) column,
														  EXPR_KIND_ALTER_COL_TRANSFORM,
														  type, typmod), attnum);
	if (!changed->keeps_values)
		change->is_rewrite = true;
	changed->name = name;
	changed->type = type;
	changed->collation = definition->collClause != NULL ?
		get_collation_oid(definition->collClause->collname, false) :
		get_typcollation(type);
	change->changed_columns = lappend(change->changed_columns, changed);
}

/* ADD CONSTRAINT */
static void
read_constraint(TableChange *change, const Constraint *constraint)
{
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
			if (constraint->indexname == NULL)
				change->builds = lappend(change->builds,
										 index_build_of_constraint(change->table, constraint,
																   change->added_columns));
			break;
		case CONSTR_FOREIGN:
		case CONSTR_EXCLUSION:
			if (!constraint->skip_validation)
				refuse("a foreign key or an exclusion constraint");
			break;
		default:
			break;
	}
}

/* One of the changes of ALTER TABLE. */
static void
read_command(TableChange *change, const AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_AddColumn:
			read_added_column(change, castNode(ColumnDef, command->def),
							  command->missing_ok);
			break;
		case AT_AlterColumnType:
			read_changed_type(change, command->name,
							  castNode(ColumnDef, command->def));
			break;
		case AT_AddConstraint:
			read_constraint(change, castNode(Constraint, command->def));
			break;
		case AT_SetLogged:
		case AT_SetUnLogged:
			if (change->table->rd_rel->relpersistence !=
				(command->subtype == AT_SetLogged ?
				 RELPERSISTENCE_PERMANENT : RELPERSISTENCE_UNLOGGED))
				change->is_copy = true;
			break;
		case AT_SetAccessMethod:
			change->is_copy = true;
			break;
		case AT_SetExpression:
			change->is_rewrite = true;
			break;
		case AT_ValidateConstraint:
		case AT_AttachPartition:
			refuse("VALIDATE CONSTRAINT or ATTACH PARTITION");
			break;
		default:
			break;
	}
}

/*
 * Is an index built again when a column gets another type, though the stored
 * values stay?  Of an index with expressions or a predicate the server does not
 * ask what they do (CheckIndexCompatible() in commands/indexcmds.c).
 */
static bool
is_built_again(Relation table, Relation index, const ChangedColumn *column)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(table), column->name);
	Form_pg_attribute old = TupleDescAttr(RelationGetDescr(table), attnum - 1);
	List	   *expressions = list_concat_copy(RelationGetIndexExpressions(index),
											   RelationGetIndexPredicate(index));
	Bitmapset  *used = NULL;

	pull_varattnos((Node *) expressions, 1, &used);
	if (bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used))
		return true;
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		if (index->rd_index->indkey.values[i] != attnum)
			continue;
		if (expressions != NIL ||
			(old->attcollation != column->collation &&
			 old->attcollation == index->rd_indcollation[i]) ||
			GetDefaultOpClass(old->atttypid, index->rd_rel->relam) !=
			GetDefaultOpClass(column->type, index->rd_rel->relam))
			return true;
	}
	return false;
}

static bool
is_any_built_again(Relation table, Relation index, List *changed_columns)
{
	ListCell   *lc;

	foreach(lc, changed_columns)
	{
		if (is_built_again(table, index, lfirst(lc)))
			return true;
	}
	return false;
}

/*
 * ddl_rebuild_uses() for the indexes that are built again when some columns get
 * another type (List of ChangedColumn *); NIL stands for all indexes.  These may
 * be built CONCURRENTLY.
 */
static List *
rebuild_uses(TableFactsCache *cache, Relation table, List *changed_columns,
			 bool is_concurrent, List **files)
{
	List	   *uses = NIL;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	index;
		IndexBuild *build;

		if (!ConditionalLockRelationOid(lfirst_oid(lc), AccessShareLock))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("an index of table \"%s\" is locked by another session",
							RelationGetRelationName(table))));
		index = index_open(lfirst_oid(lc), NoLock);
		if (changed_columns == NIL ||
			is_any_built_again(table, index, changed_columns))
		{
			build = index_build_again(table, index);
			build->is_concurrent = is_concurrent;
			uses = list_concat(uses,
							   index_build_uses(cache, table, build, files));
		}
		index_close(index, NoLock);
	}
	return uses;
}

/*
 * Every index of a table, built again: the memory (List of MemoryUse *), and
 * the files, which are appended.  Errors: 55P03 if one is locked, and those of
 * index_build_uses().
 */
List *
ddl_rebuild_uses(TableFactsCache *cache, Relation table, List **files)
{
	return rebuild_uses(cache, table, NIL, false, files);
}

/* Is a column one of those of a foreign key, on the side of the table? */
static bool
is_in_key(HeapTuple constraint, bool is_referenced, AttrNumber attnum)
{
	bool		isnull;
	Datum		keys = SysCacheGetAttr(CONSTROID, constraint, is_referenced ?
									   Anum_pg_constraint_confkey :
									   Anum_pg_constraint_conkey, &isnull);
	ArrayType  *array;

	if (isnull)
		return false;
	array = DatumGetArrayTypeP(keys);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
	{
		if (((int16 *) ARR_DATA_PTR(array))[i] == attnum)
			return true;
	}
	return false;
}

/*
 * A foreign key of the table, or to it, is looked at again if one of its columns
 * gets other values (ATAddForeignKeyConstraint() in commands/tablecmds.c); what
 * that takes is not estimated.  Each has triggers on both tables.
 */
static void
refuse_changed_keys(Relation table, List *changed_columns)
{
	for (int i = 0; table->trigdesc != NULL && i < table->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &table->trigdesc->triggers[i];
		int			side = RI_FKey_trigger_type(trigger->tgfoid);
		HeapTuple	constraint;
		ListCell   *lc;

		if (side == RI_TRIGGER_NONE)
			continue;
		constraint = SearchSysCache1(CONSTROID,
									 ObjectIdGetDatum(trigger->tgconstraint));
		if (!HeapTupleIsValid(constraint))
			continue;			/* dropped just now */
		foreach(lc, changed_columns)
		{
			const ChangedColumn *changed = lfirst(lc);

			if (!changed->keeps_values &&
				((Form_pg_constraint) GETSTRUCT(constraint))->convalidated &&
				is_in_key(constraint, side == RI_TRIGGER_PK,
						  get_attnum(RelationGetRelid(table), changed->name)))
				refuse("a foreign key of a column that gets another type");
		}
		ReleaseSysCache(constraint);
	}
}

/*
 * What one table, the one that is altered or a part of it, takes.  If it is
 * written anew it then has the columns that are added, too.
 */
static List *
altered_uses(TableFactsCache *cache, const TableChange *change,
			 Relation table, List **files)
{
	refuse_changed_keys(table, change->changed_columns);
	if (change->is_rewrite ||
		(change->is_copy &&
		 RelationGetRelid(table) == RelationGetRelid(change->table)))
	{
		*files = list_concat(*files,
							 table_files(cache, table, change->added_columns));
		return rebuild_uses(cache, table, NIL, false, files);
	}
	return rebuild_uses(cache, table, change->changed_columns, false, files);
}

/* Each table with storage of a table and, if it recurses, of all below it. */
static List *
all_altered_uses(TableFactsCache *cache, const TableChange *change,
				 bool recurses, List **files)
{
	Oid			relid = RelationGetRelid(change->table);
	List	   *uses = NIL;
	ListCell   *lc;

	foreach(lc, recurses ? find_all_inheritors(relid, NoLock, NULL) :
			list_make1_oid(relid))
	{
		Relation	part = table_open_partition(lfirst_oid(lc));

		if (part->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			uses = list_concat(uses, altered_uses(cache, change, part, files));
		table_close(part, NoLock);
	}
	return uses;
}

static List *
alter_table_uses(const AlterTableStmt *statement, const char *text,
				 TableFactsCache *cache, List **files)
{
	TableChange change = {.text = text};
	List	   *uses = NIL;
	ListCell   *lc;

	if (alter_table_object_type(statement) != OBJECT_TABLE)
		return NIL;
	change.table = open_table(statement->relation, statement->missing_ok);
	if (change.table == NULL)
		return NIL;

	foreach(lc, statement->cmds)
		read_command(&change, lfirst_node(AlterTableCmd, lc));
	if (change.is_rewrite || change.is_copy || change.changed_columns != NIL)
		uses = all_altered_uses(cache, &change,
								statement->relation->inh &&
								(change.is_rewrite ||
								 change.changed_columns != NIL), files);
	foreach(lc, change.builds)
		uses = list_concat(uses,
						   index_build_uses(cache, change.table, lfirst(lc),
											files));
	return uses;
}

static List *
create_index_uses(IndexStmt *statement, const char *text,
				  TableFactsCache *cache, List **files)
{
	Relation	table = open_table(statement->relation, false);

	if (statement->if_not_exists && statement->idxname != NULL &&
		OidIsValid(get_relname_relid(statement->idxname,
									 RelationGetNamespace(table))))
		return NIL;
	if (!statement->relation->inh &&
		table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		return NIL;				/* ONLY: no index with rows */
	return index_build_uses(cache, table,
							index_build_of_statement(table, statement, text),
							files);
}

/*
 * The query that REFRESH runs, after parse analysis; NULL with WITH NO DATA.
 */
Query *
ddl_refreshed_query(const RefreshMatViewStmt *statement)
{
	Oid			relid;
	Relation	view;
	Query	   *query;

	if (statement->skipData)
		return NULL;
	relid = RangeVarGetRelid(statement->relation, NoLock, false);
	view = table_open(relid, NoLock);
	if (view->rd_rel->relkind != RELKIND_MATVIEW || view->rd_rules == NULL ||
		view->rd_rules->numLocks != 1)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a materialized view",
						RelationGetRelationName(view))));
	query = linitial_node(Query, view->rd_rules->rules[0]->actions);
	query = copyObject(query);
	table_close(view, NoLock);
	AcquireRewriteLocks(query, true, false);
	return query;
}

/* REFRESH MATERIALIZED VIEW: it has its indexes built again. */
static List *
refresh_uses(const RefreshMatViewStmt *statement, TableFactsCache *cache,
			 List **files)
{
	Relation	view = open_table(statement->relation, false);

	if (statement->skipData)
		return NIL;
	if (statement->concurrent)
		refuse("REFRESH MATERIALIZED VIEW CONCURRENTLY");
	*files = table_files(cache, view, NIL);
	return ddl_rebuild_uses(cache, view, files);
}

/* What copies a table as it is, and builds its indexes again. */
static List *
copy_uses(TableFactsCache *cache, const RangeVar *name, List **files)
{
	Relation	table = open_table(name, false);

	*files = list_concat(*files, table_files(cache, table, NIL));
	return ddl_rebuild_uses(cache, table, files);
}

/*
 * Is an option of a utility statement on (List of DefElem)?  The last of its
 * name counts.
 */
bool
ddl_option_is_on(List *options, const char *name)
{
	bool		result = false;
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst_node(DefElem, lc);

		if (strcmp(option->defname, name) == 0)
			result = defGetBoolean(option);
	}
	return result;
}

/* VACUUM; only with FULL is the table written anew. */
static List *
vacuum_uses(const VacuumStmt *statement, TableFactsCache *cache, List **files)
{
	List	   *uses = NIL;
	ListCell   *lc;

	if (!ddl_option_is_on(statement->options, "full"))
		return NIL;
	if (statement->rels == NIL)
		refuse("VACUUM FULL of all tables");
	foreach(lc, statement->rels)
		uses = list_concat(uses,
						   copy_uses(cache, lfirst_node(VacuumRelation, lc)->relation,
									 files));
	return uses;
}

/*
 * What REINDEX TABLE takes for one table: its indexes, and that of its TOAST
 * table (REINDEX_REL_PROCESS_TOAST).  Where a table is written anew the latter
 * is not built, but filled value by value.
 */
static List *
table_reindex_uses(TableFactsCache *cache, Relation table, bool is_concurrent,
				   List **files)
{
	List	   *uses = rebuild_uses(cache, table, NIL, is_concurrent, files);
	Oid			toast_oid = table->rd_rel->reltoastrelid;
	Relation	toast;

	if (!OidIsValid(toast_oid))
		return uses;
	if (!ConditionalLockRelationOid(toast_oid, AccessShareLock))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("the TOAST table of table \"%s\" is locked by another session",
						RelationGetRelationName(table))));
	toast = table_open(toast_oid, NoLock);
	uses = list_concat(uses, rebuild_uses(cache, toast, NIL, is_concurrent,
										  files));
	table_close(toast, NoLock);
	return uses;
}

/*
 * REINDEX TABLE: of a partitioned table that of each partition, where the
 * server does that; of another its own, not that of its children.  A temporary
 * table is never done CONCURRENTLY (ReindexTable() in commands/indexcmds.c).
 */
static List *
reindex_uses(const ReindexStmt *statement, TableFactsCache *cache,
			 List **files)
{
	bool		is_concurrent = reindex_is_concurrent(statement);
	Relation	table;
	Oid			relid;
	List	   *uses = NIL;
	ListCell   *lc;

	if (statement->kind != REINDEX_OBJECT_TABLE)
		refuse("a REINDEX of something else than a table");
	table = open_table(statement->relation, false);
	relid = RelationGetRelid(table);
	if (table->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		is_concurrent = false;
	foreach(lc, table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
			reindexed_partitions(relid) : list_make1_oid(relid))
	{
		Relation	part = table_open_partition(lfirst_oid(lc));

		if (part->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
			uses = list_concat(uses, table_reindex_uses(cache, part,
														is_concurrent, files));
		table_close(part, NoLock);
	}
	return uses;
}

/*
 * The memory that a statement takes which is not planned (List of
 * MemoryUse *), under the settings that are in force now.  statement is as
 * the parser left it, and is changed.  Statements that build no index take
 * none.  What it writes anew is appended to *files (List of NewFile *).
 * Raises what is in the way as an error.
 */
List *
ddl_memory_uses(Node *statement, const char *text, TableFactsCache *cache,
				List **files)
{
	switch (nodeTag(statement))
	{
		case T_IndexStmt:
			return create_index_uses((IndexStmt *) statement, text, cache, files);
		case T_AlterTableStmt:
			return alter_table_uses((AlterTableStmt *) statement, text, cache, files);
		case T_ReindexStmt:
			return reindex_uses((ReindexStmt *) statement, cache, files);
		case T_VacuumStmt:
			return vacuum_uses((VacuumStmt *) statement, cache, files);
		case T_ClusterStmt:
			if (((ClusterStmt *) statement)->relation == NULL)
				refuse("CLUSTER of all tables");
			return copy_uses(cache, ((ClusterStmt *) statement)->relation, files);
		case T_RefreshMatViewStmt:
			return refresh_uses((RefreshMatViewStmt *) statement, cache, files);
		case T_CallStmt:
		case T_ExecuteStmt:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("what this statement runs is not part of it")));
			break;
		default:
			return NIL;
	}
}
