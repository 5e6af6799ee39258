/*-------------------------------------------------------------------------
 *
 * harmless.c
 *	  Which expressions may be evaluated.
 *
 * The expressions come from somebody's script.  Evaluated are only those that
 * can do nothing but compute: PostgreSQL's own functions on PostgreSQL's own
 * types, and of them those that are listed here, because their result is not
 * much longer than their arguments together and takes no long time to find.
 *
 * src/memory/harmless.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "compat.h"
#include "harmless.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * Names of functions in pg_catalog, in the order of strcmp(); with each, all
 * functions of that name that are written in C and are not volatile.  Some
 * are stable, because they depend on settings such as TimeZone or DateStyle,
 * which guard_run() pins or which do no harm: the input, output and conversion
 * of dates and times, date_part(), extract(), date_trunc(), now(), and what
 * makes json of any value.
 *
 * Not here, because the result can be far longer than the arguments: bpchar(),
 * lpad(), rpad(), repeat(), replace(), format(), to_char(), jsonb_pretty(),
 * power(), string_to_array(); because it can take long: regular expressions,
 * JSON paths, translate().
 */
static const char *const harmless_functions[] = {
	"abs",
	"age",
	"array_append",
	"array_cat",
	"array_length",
	"array_lower",
	"array_upper",
	"ascii",
	"bool",
	"booleq",
	"boolge",
	"boolgt",
	"boolin",
	"boolle",
	"boollt",
	"boolne",
	"boolout",
	"bpchareq",
	"bpcharge",
	"bpchargt",
	"bpcharin",
	"bpcharle",
	"bpcharlt",
	"bpcharne",
	"bpcharout",
	"btrim",
	"byteacat",
	"byteaeq",
	"byteane",
	"cardinality",
	"ceil",
	"ceiling",
	"char_length",
	"character_length",
	"concat",
	"concat_ws",
	"date",
	"date_eq",
	"date_eq_timestamp",
	"date_eq_timestamptz",
	"date_ge",
	"date_ge_timestamp",
	"date_ge_timestamptz",
	"date_gt",
	"date_gt_timestamp",
	"date_gt_timestamptz",
	"date_in",
	"date_le",
	"date_le_timestamp",
	"date_le_timestamptz",
	"date_lt",
	"date_lt_timestamp",
	"date_lt_timestamptz",
	"date_mi",
	"date_mi_interval",
	"date_mii",
	"date_ne",
	"date_out",
	"date_part",
	"date_pl_interval",
	"date_pli",
	"date_trunc",
	"decode",
	"encode",
	"extract",
	"float4",
	"float4eq",
	"float4in",
	"float4ne",
	"float4out",
	"float8",
	"float84mul",
	"float8div",
	"float8eq",
	"float8ge",
	"float8gt",
	"float8in",
	"float8le",
	"float8lt",
	"float8mi",
	"float8mul",
	"float8ne",
	"float8out",
	"float8pl",
	"float8um",
	"floor",
	"initcap",
	"int2",
	"int24eq",
	"int28eq",
	"int2eq",
	"int2in",
	"int2ne",
	"int2out",
	"int4",
	"int42eq",
	"int48div",
	"int48eq",
	"int48ge",
	"int48gt",
	"int48le",
	"int48lt",
	"int48mi",
	"int48mul",
	"int48ne",
	"int48pl",
	"int4div",
	"int4eq",
	"int4ge",
	"int4gt",
	"int4in",
	"int4le",
	"int4lt",
	"int4mi",
	"int4mod",
	"int4mul",
	"int4ne",
	"int4out",
	"int4pl",
	"int4um",
	"int8",
	"int82eq",
	"int84div",
	"int84eq",
	"int84ge",
	"int84gt",
	"int84le",
	"int84lt",
	"int84mi",
	"int84mul",
	"int84ne",
	"int84pl",
	"int8div",
	"int8eq",
	"int8ge",
	"int8gt",
	"int8in",
	"int8le",
	"int8lt",
	"int8mi",
	"int8mod",
	"int8mul",
	"int8ne",
	"int8out",
	"int8pl",
	"int8um",
	"interval",
	"interval_div",
	"interval_eq",
	"interval_ge",
	"interval_gt",
	"interval_in",
	"interval_le",
	"interval_lt",
	"interval_mi",
	"interval_mul",
	"interval_ne",
	"interval_out",
	"interval_pl",
	"json_array_element",
	"json_array_element_text",
	"json_array_length",
	"json_build_array",
	"json_build_object",
	"json_extract_path",
	"json_extract_path_text",
	"json_in",
	"json_object_field",
	"json_object_field_text",
	"json_out",
	"json_strip_nulls",
	"json_typeof",
	"jsonb_array_element",
	"jsonb_array_element_text",
	"jsonb_array_length",
	"jsonb_build_array",
	"jsonb_build_object",
	"jsonb_concat",
	"jsonb_contained",
	"jsonb_contains",
	"jsonb_delete",
	"jsonb_delete_path",
	"jsonb_eq",
	"jsonb_exists",
	"jsonb_exists_all",
	"jsonb_exists_any",
	"jsonb_extract_path",
	"jsonb_extract_path_text",
	"jsonb_in",
	"jsonb_insert",
	"jsonb_ne",
	"jsonb_object_field",
	"jsonb_object_field_text",
	"jsonb_out",
	"jsonb_set",
	"jsonb_strip_nulls",
	"jsonb_typeof",
	"left",
	"length",
	"like",
	"lower",
	"ltrim",
	"make_date",
	"md5",
	"mod",
	"name",
	"nameeq",
	"namein",
	"namene",
	"nameout",
	"notlike",
	"now",
	"numeric",
	"numeric_add",
	"numeric_div",
	"numeric_eq",
	"numeric_ge",
	"numeric_gt",
	"numeric_in",
	"numeric_le",
	"numeric_lt",
	"numeric_mod",
	"numeric_mul",
	"numeric_ne",
	"numeric_out",
	"numeric_sub",
	"numeric_uminus",
	"octet_length",
	"oid",
	"oideq",
	"oidin",
	"oidne",
	"oidout",
	"overlay",
	"position",
	"reverse",
	"right",
	"round",
	"rtrim",
	"sha256",
	"split_part",
	"starts_with",
	"strpos",
	"substr",
	"substring",
	"text",
	"text_ge",
	"text_gt",
	"text_le",
	"text_lt",
	"textcat",
	"texteq",
	"texticlike",
	"texticnlike",
	"textin",
	"textlike",
	"textne",
	"textnlike",
	"textout",
	"time",
	"timestamp",
	"timestamp_eq",
	"timestamp_ge",
	"timestamp_gt",
	"timestamp_in",
	"timestamp_le",
	"timestamp_lt",
	"timestamp_mi",
	"timestamp_mi_interval",
	"timestamp_ne",
	"timestamp_out",
	"timestamp_pl_interval",
	"timestamptz",
	"timestamptz_eq",
	"timestamptz_ge",
	"timestamptz_gt",
	"timestamptz_in",
	"timestamptz_le",
	"timestamptz_lt",
	"timestamptz_mi",
	"timestamptz_mi_interval",
	"timestamptz_ne",
	"timestamptz_out",
	"timestamptz_pl_interval",
	"timezone",
	"to_date",
	"to_json",
	"to_jsonb",
	"to_timestamp",
	"trunc",
	"upper",
	"uuid_eq",
	"uuid_ge",
	"uuid_gt",
	"uuid_in",
	"uuid_le",
	"uuid_lt",
	"uuid_ne",
	"uuid_out",
	"varchar",
	"varcharin",
	"varcharout",
};

/* substring() with a regular expression: textregexsubstr() in pg_proc.dat. */
#define SUBSTRING_BY_PATTERN 2073

/*
 * Kinds of expression that do nothing of their own but call the functions
 * that check_functions_in_node() finds in them.
 */
static const NodeTag harmless_nodes[] = {
	T_Var,
	T_Const,
	T_List,
	T_FuncExpr,
	T_OpExpr,
	T_DistinctExpr,
	T_NullIfExpr,
	T_ScalarArrayOpExpr,
	T_BoolExpr,
	T_RelabelType,
	T_CollateExpr,
	T_CoerceViaIO,
	T_ArrayCoerceExpr,
	T_CaseExpr,
	T_CaseWhen,
	T_CaseTestExpr,
	T_ArrayExpr,
	T_CoalesceExpr,
	T_MinMaxExpr,
	T_NullTest,
	T_BooleanTest,
	T_SQLValueFunction,
};

/* For bsearch(). */
static int
compare_name(const void *key, const void *element)
{
	return strcmp(key, *(const char *const *) element);
}

/* The language of a function; InvalidOid if it was dropped just now. */
Oid
function_language(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language;
}

/* Is a function one of those above? */
bool
function_is_harmless(Oid function)
{
	HeapTuple	tuple;
	Form_pg_proc proc;
	bool		harmless;

	if (function >= FirstGenbkiObjectId || function == SUBSTRING_BY_PATTERN)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return false;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	harmless = proc->prolang == INTERNALlanguageId &&
		proc->provolatile != PROVOLATILE_VOLATILE &&
		proc->prokind == PROKIND_FUNCTION &&
		!proc->proretset &&
		bsearch(NameStr(proc->proname), harmless_functions,
				lengthof(harmless_functions), sizeof(char *),
				compare_name) != NULL;
	ReleaseSysCache(tuple);
	return harmless;
}

/* For check_functions_in_node(). */
static bool
is_forbidden(Oid function, void *context pg_attribute_unused())
{
	return !function_is_harmless(function);
}

/* Is a type, or what a domain is made of, one of PostgreSQL's own? */
static bool
is_own_type(Oid type)
{
	return getBaseType(type) < FirstGenbkiObjectId;
}

/* Does an expression do harm?  (A walker: finds what does.) */
static bool
find_harm(Node *node, void *context)
{
	bool		known = false;

	if (node == NULL)
		return false;

	for (size_t i = 0; i < lengthof(harmless_nodes); i++)
		known |= nodeTag(node) == harmless_nodes[i];
	if (!known)
		return true;

	/* A list and a WHEN have no type. */
	if (!IsA(node, List) && !IsA(node, CaseWhen) &&
		!is_own_type(exprType(node)))
		return true;
	return check_functions_in_node(node, is_forbidden, NULL) ||
		expression_tree_walker(node, find_harm, context);
}

/*
 * May an expression be evaluated: does it nothing but compute, in bounded time
 * and memory?  A column by itself always may; otherwise no type that is not
 * PostgreSQL's own is accepted, as its functions are somebody else's.
 */
bool
expression_is_harmless(Node *expression)
{
	return IsA(expression, Var) || !find_harm(expression, NULL);
}

/* Something of the type of an expression, of which nothing else is known. */
Node *
unknown_value(Node *expression)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = 0;
	param->paramtype = exprType(expression);
	param->paramtypmod = exprTypmod(expression);
	param->paramcollid = exprCollation(expression);
	param->location = -1;
	return (Node *) param;
}
