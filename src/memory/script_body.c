/*-------------------------------------------------------------------------
 *
 * script_body.c
 *	  The bodies of DO statements and functions, and the texts of EXECUTE.
 *
 * What a body is, and in which language, the server's own parser says.  It
 * raises an error for what it cannot parse, so it runs under guard_run().
 *
 * src/memory/script_body.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/defrem.h"
#include "guard.h"
#include "memory/script_body.h"
#include "memory/script_lexer.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

typedef struct ParseCall
{
	const char *text;
	bool		plain_backslash;
	List	   *statements;		/* the result: RawStmt nodes */
} ParseCall;

/* For guard_run(): parse, with backslashes as the script means them. */
static void
parse_text(void *argument)
{
	ParseCall  *call = argument;

	(void) set_config_option("standard_conforming_strings",
							 call->plain_backslash ? "on" : "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("escape_string_warning", "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	call->statements = pg_parse_query(call->text);
}

/*
 * The only statement of the text, or NULL if it is not one.  If there is no
 * time left, that is an error, for whoever set the limit.
 */
static Node *
parse_statement(const char *text, bool plain_backslash)
{
	ParseCall	call = {text, plain_backslash, NIL};
	Obstacle   *obstacle = guard_run(parse_text, &call);

	if (obstacle != NULL && obstacle->sqlerrcode == ERRCODE_QUERY_CANCELED)
		obstacle_raise(obstacle);
	if (obstacle != NULL || list_length(call.statements) != 1)
		return NULL;
	return linitial_node(RawStmt, call.statements)->stmt;
}

/* The option of that name, or NULL. */
static DefElem *
find_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, name) == 0)
			return option;
	}
	return NULL;
}

/*
 * Set the body to the string of the option AS.  Where it stands can be told
 * only if it stands there as it is; that is so in dollar quotes.
 */
static void
set_body(ScriptBody *body, const char *statement, const DefElem *option,
		 const char *text)
{
	const char *written = statement + Max(option->location, 0);
	const char *found = strstr(written, text);

	body->text = text;
	body->place = found != NULL ? found : written;
}

/*
 * Set the body to the statements of a body that is no string: those between
 * BEGIN ATOMIC and its END, or the expression behind RETURN.
 */
static void
set_unquoted_body(ScriptBody *body, const char *statement,
				  bool plain_backslash)
{
	ScriptLexer lexer = script_lexer(statement, plain_backslash);
	ScriptDepth depth = {0};
	ScriptToken token;
	const char *end = statement;

	body->place = NULL;
	for (;;)
	{
		bool		was_within = depth.bodies > 0;

		script_lexer_next(&lexer, &token);
		if (token.kind == TOKEN_END)
			break;
		script_depth_add(&depth, &token);
		if (body->place == NULL && depth.parentheses == 0)
		{
			if (script_token_is(&token, "return"))
				body->place = token.start;
			else if (script_token_is(&token, "atomic") && depth.bodies > 0)
				body->place = token.end;
		}
		end = was_within && depth.bodies == 0 ? token.start : token.end;
	}
	if (body->place != NULL && end > body->place)
		body->text = pnstrdup(body->place, end - body->place);
}

static void
find_do_body(DoStmt *node, const char *statement, ScriptBody *body)
{
	DefElem    *as = find_option(node->args, "as");
	DefElem    *language = find_option(node->args, "language");

	body->container = "DO";
	body->language = language != NULL ? defGetString(language) : "plpgsql";
	if (as != NULL)
		set_body(body, statement, as, defGetString(as));
}

/* Is the string of a function in this language the name of a symbol? */
static bool
names_symbol(const char *language)
{
	return strcmp(language, "c") == 0 || strcmp(language, "internal") == 0;
}

static void
find_function_body(CreateFunctionStmt *node, const char *statement,
				   bool plain_backslash, ScriptBody *body)
{
	DefElem    *as = find_option(node->options, "as");
	DefElem    *language = find_option(node->options, "language");

	body->container = psprintf("%s \"%s\"",
							   node->is_procedure ? "procedure" : "function",
							   NameListToString(node->funcname));
	body->language = language != NULL ? defGetString(language) : "sql";
	if (as == NULL)
		set_unquoted_body(body, statement, plain_backslash);
	else if (IsA(as->arg, List) && !names_symbol(body->language))
		set_body(body, statement, as, strVal(linitial((List *) as->arg)));
}

/*
 * The body of the statement; false if it has none, or does not parse.
 * plain_backslash is the setting standard_conforming_strings for which the
 * statement is written.
 */
bool
script_find_body(const char *statement, bool plain_backslash, ScriptBody *body)
{
	Node	   *node = parse_statement(statement, plain_backslash);

	memset(body, 0, sizeof(*body));
	if (node == NULL)
		return false;
	if (IsA(node, DoStmt))
		find_do_body((DoStmt *) node, statement, body);
	else if (IsA(node, CreateFunctionStmt))
		find_function_body((CreateFunctionStmt *) node, statement,
						   plain_backslash, body);
	return body->text != NULL;
}

/* The text of a string constant, or NULL. */
static char *
constant_text(Node *node)
{
	A_Const    *constant = (A_Const *) node;

	return IsA(node, A_Const) && IsA(&constant->val, String) ?
		strVal(&constant->val) : NULL;
}

/* Is it a || b? */
static bool
is_concatenation(Node *node)
{
	A_Expr	   *expression = (A_Expr *) node;

	return IsA(node, A_Expr) && expression->kind == AEXPR_OP &&
		list_length(expression->name) == 1 &&
		strcmp(strVal(linitial(expression->name)), "||") == 0 &&
		expression->lexpr != NULL && expression->rexpr != NULL;
}

/*
 * The texts of the constants in a || b || c, from the last to the first; NIL if not all of
 * them are constants.
 */
static List *
constant_parts(Node *node)
{
	List	   *parts = NIL;
	char	   *part;

	while (is_concatenation(node))
	{
		A_Expr	   *expression = (A_Expr *) node;

		part = constant_text(expression->rexpr);
		if (part == NULL)
			return NIL;
		parts = lappend(parts, part);
		node = expression->lexpr;
	}
	part = constant_text(node);
	return part != NULL ? lappend(parts, part) : NIL;
}

/* Is it made of nothing but strings, "||" and parentheses? */
static bool
looks_constant(const char *expression)
{
	ScriptLexer lexer = script_lexer(expression, true);
	ScriptToken token;

	do
	{
		script_lexer_next(&lexer, &token);
		if (token.kind != TOKEN_STRING && token.kind != TOKEN_END &&
			!script_token_is_sign(&token, "|") &&
			!script_token_is_sign(&token, "(") &&
			!script_token_is_sign(&token, ")"))
			return false;
	} while (token.kind != TOKEN_END);
	return true;
}

/*
 * The value of an expression, if it is a string whatever else happens; or
 * NULL.
 */
char *
script_constant_text(const char *expression, bool plain_backslash)
{
	StringInfoData text;
	SelectStmt *select;
	List	   *parts;

	if (!looks_constant(expression))
		return NULL;
	select = (SelectStmt *) parse_statement(psprintf("SELECT %s", expression),
											plain_backslash);
	if (select == NULL || !IsA(select, SelectStmt) ||
		list_length(select->targetList) != 1)
		return NULL;

	parts = constant_parts(linitial_node(ResTarget, select->targetList)->val);
	if (parts == NIL)
		return NULL;
	initStringInfo(&text);
	for (int i = list_length(parts) - 1; i >= 0; i--)
		appendStringInfoString(&text, list_nth(parts, i));
	return text.data;
}
