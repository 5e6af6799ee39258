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

#include "lib/stringinfo.h"
#include "memory/script_plpgsql.h"

/* Something in SQL, up to the word or sign that ends it. */
typedef struct Stretch
{
	const char *start;			/* of its first token, NULL if it is empty */
	const char *end;			/* of its last token */
	bool		has_query;		/* the word SELECT is in it */
	ScriptToken first;
	ScriptToken stop;			/* what ended it, not read yet */
} Stretch;

/*
 * Read up to one of the words or signs, which ends with a NULL, or to a
 * semicolon; all of them outside parentheses.  What ends it is not read.
 */
static void
read_stretch(ScriptLexer *lexer, const char *const *stops, Stretch *stretch)
{
	ScriptDepth depth = {0};

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

		script_depth_add(&depth, token);
		if (script_token_is(token, "select"))
			stretch->has_query = true;
		if (stretch->start == NULL)
		{
			stretch->start = token->start;
			stretch->first = *token;
		}
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
 * An expression up to one of the stops.  Without a query in it, it takes
 * no memory to speak of.
 */
static bool
read_expression(PlpgsqlReader *reader, const char *const *stops)
{
	Stretch		stretch;

	read_stretch(&reader->lexer, stops, &stretch);
	return set_part(reader, PART_EXPRESSION, &stretch) && stretch.has_query;
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
		return set_part(reader, PART_EXPRESSION, &stretch) && stretch.has_query;
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
