/*-------------------------------------------------------------------------
 *
 * script_plpgsql.c
 *	  The SQL statements in a body in PL/pgSQL.
 *
 * A body is read as PL/pgSQL's own parser reads it (src/pl/plpgsql/src/
 * pl_gram.y): by its key words, each of which is followed by statements, or
 * by something in SQL that reaches to the next key word outside parentheses.
 * What is no statement of PL/pgSQL is one of SQL.  Whether a body is correct
 * does not matter here; of one that is not, some parts may be no SQL.
 *
 * src/memory/script_plpgsql.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "common/keywords.h"
#include "lib/stringinfo.h"
#include "memory/script_plpgsql.h"
#include "parser/scansup.h"
#include "utils/catcache.h"
#include "utils/syscache.h"

/* Something in SQL, up to the word or sign that ends it. */
typedef struct Stretch
{
	const char *start;			/* of its first token, NULL if it is empty */
	const char *end;			/* of its last token */
	bool		has_query;		/* there is one in it, or it goes on as one */
	bool		calls_foreign;	/* a function that is not PostgreSQL's own */
	ScriptToken first;			/* that is no parenthesis */
	ScriptToken stop;			/* what ended it, not read yet */
} Stretch;

/* Is there a function of that name in pg_catalog? */
static bool
is_own_function(const char *name)
{
	CatCList   *functions = SearchSysCacheList1(PROCNAMEARGSNSP,
												CStringGetDatum(name));
	bool		found = false;

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_proc function = (Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple);

		found |= function->pronamespace == PG_CATALOG_NAMESPACE;
	}
	ReleaseSysCacheList(functions);
	return found;
}

/*
 * Is the token, which a parenthesis follows, the name of a function that is
 * not PostgreSQL's own?  Key words such as COALESCE and IN are none.
 */
static bool
is_foreign_function(const ScriptToken *token, bool is_qualified)
{
	int			length = token->end - token->start;
	char	   *name;
	int			keyword;
	bool		result;

	if (token->kind == TOKEN_NAME || (token->kind == TOKEN_WORD && is_qualified))
		return true;
	if (token->kind != TOKEN_WORD)
		return false;
	name = downcase_truncate_identifier(token->start, length, false);
	keyword = ScanKeywordLookup(name, &ScanKeywords);
	result = (keyword < 0 || ScanKeywordCategories[keyword] == UNRESERVED_KEYWORD) &&
		!is_own_function(name);
	pfree(name);
	return result;
}

/*
 * Note what the token says of the stretch.  A query begins with one of some
 * words; and SELECT is put before the expression, so that FROM may follow,
 * which also stands in IS DISTINCT FROM and, in parentheses, in EXTRACT.
 */
static void
look_at_token(Stretch *stretch, const ScriptToken *token,
			  const ScriptToken *last, bool is_qualified, bool is_open)
{
	if (script_token_is(token, "select") ||
		(script_token_is(token, "from") && !is_open &&
		 !script_token_is(last, "distinct")))
		stretch->has_query = true;
	if (script_token_is_sign(last, "(") &&
		(script_token_is(token, "table") || script_token_is(token, "values") ||
		 script_token_is(token, "with")))
		stretch->has_query = true;
	if (script_token_is_sign(token, "(") && !stretch->calls_foreign)
		stretch->calls_foreign = is_foreign_function(last, is_qualified);
}

/*
 * Read up to one of the words or signs, which ends with a NULL, or to a
 * semicolon; all of them outside parentheses.  What ends it is not read.
 */
static void
read_stretch(ScriptLexer *lexer, const char *const *stops, Stretch *stretch)
{
	ScriptDepth depth = {0};
	ScriptToken last = {0};
	bool		is_qualified = false;	/* is there a dot before the last? */

	memset(stretch, 0, sizeof(*stretch));
	for (;;)
	{
		ScriptLexer before = *lexer;
		ScriptToken *token = &stretch->stop;
		bool		stop;

		script_lexer_next(lexer, token);
		stop = token->kind == TOKEN_END;
		if (!stop && !script_depth_is_open(&depth))
		{
			stop = script_token_is_sign(token, ";");
			for (int i = 0; !stop && stops[i] != NULL; i++)
				stop = script_token_is(token, stops[i]) ||
					script_token_is_sign(token, stops[i]);
		}
		if (stop)
		{
			*lexer = before;
			return;
		}

		look_at_token(stretch, token, &last, is_qualified,
					  script_depth_is_open(&depth));
		is_qualified = script_token_is_sign(&last, ".");
		last = *token;
		script_depth_add(&depth, token);
		if (stretch->start == NULL)
			stretch->start = token->start;
		if (stretch->first.start == NULL && !script_token_is_sign(token, "("))
			stretch->first = *token;
		stretch->end = token->end;
	}
}

/* Does the stretch begin with this word?  Then take it off. */
static bool
take_word(PlpgsqlReader *reader, const char *word)
{
	ScriptLexer lexer = reader->lexer;
	ScriptToken token;

	script_lexer_next(&lexer, &token);
	if (!script_token_is(&token, word))
		return false;
	reader->lexer = lexer;
	return true;
}

static bool
set_part(PlpgsqlReader *reader, PlpgsqlPartKind kind, const Stretch *stretch)
{
	PlpgsqlPart *part = &reader->part;

	part->kind = kind;
	part->start = stretch->start;
	part->end = stretch->end;
	return stretch->start != NULL;
}

#define STOPS(...) ((const char *const[]) {__VA_ARGS__, NULL})
#define NO_STOPS ((const char *const[]) {NULL})

/*
 * An expression: without a query in it, or a function that may run one, it
 * takes no memory to speak of.
 */
static bool
set_expression(PlpgsqlReader *reader, const Stretch *stretch)
{
	return set_part(reader, PART_EXPRESSION, stretch) &&
		(stretch->has_query || stretch->calls_foreign);
}

/* An expression up to one of the stops. */
static bool
read_expression(PlpgsqlReader *reader, const char *const *stops)
{
	Stretch		stretch;

	read_stretch(&reader->lexer, stops, &stretch);
	return set_expression(reader, &stretch);
}

/*
 * A query, or EXECUTE and an expression, up to the stop, NULL for the
 * semicolon.  What may be behind the expression is passed over.
 */
static bool
read_query(PlpgsqlReader *reader, const char *stop)
{
	Stretch		stretch;
	Stretch		rest;

	if (!take_word(reader, "execute"))
	{
		read_stretch(&reader->lexer, STOPS(stop), &stretch);
		return set_part(reader, PART_STATEMENT, &stretch);
	}
	read_stretch(&reader->lexer, STOPS("into", "using", stop), &stretch);
	read_stretch(&reader->lexer, STOPS(stop), &rest);
	return set_part(reader, PART_EXECUTE, &stretch);
}

/* Pass over everything up to one of the words; is there one? */
static bool
skip_to_word(PlpgsqlReader *reader, const char *const *words)
{
	Stretch		stretch;
	ScriptToken token;

	read_stretch(&reader->lexer, words, &stretch);
	if (stretch.stop.kind != TOKEN_WORD)
		return false;
	script_lexer_next(&reader->lexer, &token);
	return true;
}

/* Statements by their key word, which has been read. */

static bool
read_rest(PlpgsqlReader *reader)
{
	Stretch		stretch;

	read_stretch(&reader->lexer, NO_STOPS, &stretch);
	return false;
}

static bool
read_declare(PlpgsqlReader *reader)
{
	reader->in_declarations = true;
	return false;
}

static bool
read_condition(PlpgsqlReader *reader)
{
	return read_expression(reader, STOPS(reader->stop));
}

/* FOR target IN [REVERSE] from .. to [BY step] LOOP, or IN query LOOP */
static bool
read_for(PlpgsqlReader *reader)
{
	ScriptLexer before;
	Stretch		stretch;

	if (!skip_to_word(reader, STOPS("in")))
		return false;
	(void) take_word(reader, "reverse");

	before = reader->lexer;
	read_stretch(&reader->lexer, STOPS("..", reader->stop), &stretch);
	if (script_token_is_sign(&stretch.stop, ".."))
		return set_expression(reader, &stretch);
	if (!stretch.has_query && !script_token_is(&stretch.first, "execute") &&
		!script_token_is(&stretch.first, "values") &&
		!script_token_is(&stretch.first, "table") &&
		!script_token_is(&stretch.first, "insert") &&
		!script_token_is(&stretch.first, "update") &&
		!script_token_is(&stretch.first, "delete") &&
		!script_token_is(&stretch.first, "merge") &&
		!script_token_is(&stretch.first, "with"))
		return false;			/* a cursor, whose query is elsewhere */
	reader->lexer = before;
	return read_query(reader, reader->stop);
}

static bool
read_foreach(PlpgsqlReader *reader)
{
	return skip_to_word(reader, STOPS("array")) &&
		read_expression(reader, STOPS(reader->stop));
}

static bool
read_exit(PlpgsqlReader *reader)
{
	return skip_to_word(reader, STOPS("when")) &&
		read_expression(reader, NO_STOPS);
}

static bool
read_return(PlpgsqlReader *reader)
{
	if (take_word(reader, "query"))
		return read_query(reader, reader->stop);
	(void) take_word(reader, "next");
	return read_expression(reader, NO_STOPS);
}

/* RAISE level 'format', value, ... USING option = value, ... */
static bool
read_raise(PlpgsqlReader *reader)
{
	Stretch		stretch;
	ScriptToken comma;
	bool		found = false;

	read_stretch(&reader->lexer, STOPS(",", "using"), &stretch);
	if (script_token_is_sign(&stretch.stop, ","))
	{
		script_lexer_next(&reader->lexer, &comma);
		found = read_expression(reader, STOPS("using"));
	}
	(void) read_rest(reader);
	return found;
}

static bool
read_perform(PlpgsqlReader *reader)
{
	Stretch		stretch;

	read_stretch(&reader->lexer, NO_STOPS, &stretch);
	return set_part(reader, PART_EXPRESSION, &stretch);
}

/* OPEN cursor [[NO] SCROLL] FOR query, or OPEN cursor (arguments) */
static bool
read_open(PlpgsqlReader *reader)
{
	return skip_to_word(reader, STOPS("for")) &&
		read_query(reader, NULL);
}

/*
 * The key words that begin a statement, and those behind which one may
 * begin.
 */
static const struct
{
	const char *word;
	bool		(*read) (PlpgsqlReader *reader);	/* NULL: nothing to read */
	const char *stop;			/* ends what is behind it, besides ";" */
}			key_words[] = {
	{"assert", read_condition, NULL},
	{"begin", NULL, NULL},
	{"by", read_condition, "loop"},
	{"case", read_condition, "when"},
	{"close", read_rest, NULL},
	{"commit", read_rest, NULL},
	{"continue", read_exit, NULL},
	{"declare", read_declare, NULL},
	{"else", NULL, NULL},
	{"elseif", read_condition, "then"},
	{"elsif", read_condition, "then"},
	{"end", read_rest, NULL},
	{"exception", NULL, NULL},
	{"exit", read_exit, NULL},
	{"fetch", read_rest, NULL},
	{"for", read_for, "loop"},
	{"foreach", read_foreach, "loop"},
	{"get", read_rest, NULL},
	{"if", read_condition, "then"},
	{"loop", NULL, NULL},
	{"move", read_rest, NULL},
	{"null", read_rest, NULL},
	{"open", read_open, NULL},
	{"perform", read_perform, NULL},
	{"raise", read_raise, NULL},
	{"return", read_return, NULL},
	{"rollback", read_rest, NULL},
	{"then", NULL, NULL},
	{"when", read_condition, "then"},
	{"while", read_condition, "loop"},
};

/*
 * Does an assignment begin here?  A name, with fields and subscripts, and :=
 * or =.  If so, it is read up to the expression.
 */
static bool
take_assignment(PlpgsqlReader *reader)
{
	ScriptLexer lexer = reader->lexer;
	ScriptToken token;
	int			brackets = 0;

	script_lexer_next(&lexer, &token);
	if (token.kind != TOKEN_WORD && token.kind != TOKEN_NAME &&
		token.kind != TOKEN_NUMBER)
		return false;
	for (;;)
	{
		script_lexer_next(&lexer, &token);
		if (token.kind == TOKEN_END || script_token_is_sign(&token, ";"))
			return false;
		if (script_token_is_sign(&token, "["))
			brackets++;
		else if (script_token_is_sign(&token, "]"))
			brackets--;
		else if (brackets > 0)
			continue;
		else if (script_token_is_sign(&token, "."))
			script_lexer_next(&lexer, &token);
		else
			break;
	}
	if (!script_token_is_sign(&token, ":=") && !script_token_is_sign(&token, "="))
		return false;
	reader->lexer = lexer;
	return true;
}

/* name type [:= value], or name CURSOR FOR query */
static bool
read_declaration(PlpgsqlReader *reader)
{
	Stretch		stretch;
	ScriptToken token;

	if (take_word(reader, "begin"))
	{
		reader->in_declarations = false;
		return false;
	}
	read_stretch(&reader->lexer, STOPS(":=", "=", "default", "cursor"),
				 &stretch);
	script_lexer_next(&reader->lexer, &token);
	if (script_token_is(&token, "cursor"))
		return skip_to_word(reader, STOPS("for", "is")) &&
			read_query(reader, NULL);
	if (token.kind == TOKEN_END || script_token_is_sign(&token, ";"))
		return false;
	return read_expression(reader, NO_STOPS);
}

/* Whatever begins here, up to where the next thing begins. */
static bool
read_part(PlpgsqlReader *reader)
{
	ScriptLexer before = reader->lexer;
	ScriptToken token;

	if (take_assignment(reader))
		return read_expression(reader, NO_STOPS);

	script_lexer_next(&reader->lexer, &token);
	for (size_t i = 0; i < lengthof(key_words); i++)
	{
		if (script_token_is(&token, key_words[i].word))
		{
			reader->stop = key_words[i].stop;
			return key_words[i].read != NULL && key_words[i].read(reader);
		}
	}
	if (script_token_is_sign(&token, ".."))
		return read_expression(reader, STOPS("loop", "by"));
	reader->lexer = before;
	return read_query(reader, NULL);
}

/* A label or a compiler option, which may stand before statements. */
static bool
skip_label(PlpgsqlReader *reader)
{
	ScriptLexer lexer = reader->lexer;
	ScriptToken token;
	int			more;

	script_lexer_next(&lexer, &token);
	if (script_token_is_sign(&token, "<"))
		more = 4;				/* < label > > */
	else if (script_token_is_sign(&token, "#"))
		more = 2;				/* option value */
	else if (script_token_is_sign(&token, ";"))
		more = 0;
	else
		return false;
	while (more-- > 0)
		script_lexer_next(&lexer, &token);
	reader->lexer = lexer;
	return true;
}

/*
 * Find the next part of the body that is SQL: it is in reader->part.  False at
 * the end of the body.
 */
bool
plpgsql_next(PlpgsqlReader *reader)
{
	for (;;)
	{
		ScriptLexer lexer = reader->lexer;
		ScriptToken token;

		if (skip_label(reader))
			continue;
		script_lexer_next(&lexer, &token);
		if (token.kind == TOKEN_END)
			return false;
		if (reader->in_declarations ? read_declaration(reader) : read_part(reader))
			return true;
	}
}

/*
 * Behind the targets of an INTO, which are [STRICT] name, name, ...
 */
static void
skip_targets(ScriptLexer *lexer)
{
	ScriptToken token;

	do
	{
		ScriptLexer before;

		script_lexer_next(lexer, &token);
		if (script_token_is(&token, "strict"))
			script_lexer_next(lexer, &token);
		for (;;)
		{
			before = *lexer;
			script_lexer_next(lexer, &token);
			if (!script_token_is_sign(&token, "."))
				break;
			script_lexer_next(lexer, &token);
		}
		if (!script_token_is_sign(&token, ","))
			*lexer = before;
	} while (script_token_is_sign(&token, ","));
}

/*
 * An SQL statement of a body without the INTO that says where its result
 * goes: the first one that does not belong to INSERT, MERGE or IMPORT (see
 * make_execsql_statement() in pl_gram.y).
 */
char *
plpgsql_without_into(const char *statement, bool plain_backslash)
{
	ScriptLexer lexer = script_lexer(statement, plain_backslash);
	ScriptToken token;
	ScriptToken last = {0};

	for (;;)
	{
		script_lexer_next(&lexer, &token);
		if (token.kind == TOKEN_END || script_token_is(&token, "import"))
			return pstrdup(statement);
		if (script_token_is(&token, "into") &&
			!script_token_is(&last, "insert") && !script_token_is(&last, "merge"))
			break;
		last = token;
	}
	skip_targets(&lexer);
	if (*lexer.next == '\0')
		return pnstrdup(statement, last.end - statement);
	return psprintf("%.*s%s", (int) (token.start - statement), statement,
					lexer.next);
}
