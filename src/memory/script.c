/*-------------------------------------------------------------------------
 *
 * script.c
 *	  The statements of an SQL script as psql would send them.
 *
 * Nothing of a script is ever run, and no table is looked at.  Statements
 * are read one after the other; what is kept is the script, which belongs to
 * the caller, and the body that is being read.
 *
 * src/memory/script.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "memory/script.h"
#include "memory/script_body.h"
#include "memory/script_lexer.h"
#include "memory/script_plpgsql.h"
#include "memory/script_psql.h"
#include "miscadmin.h"
#include "parser/parser.h"
#include "utils/memutils.h"

#define LABEL_CHARACTERS 60

typedef enum SourceKind
{
	SOURCE_PSQL,				/* the script */
	SOURCE_SQL,					/* statements only */
	SOURCE_PLPGSQL,				/* a body in PL/pgSQL */
	SOURCE_OTHER				/* a body in another language */
} SourceKind;

/* A text that statements are read from. */
typedef struct Source
{
	SourceKind	kind;
	PlpgsqlReader reader;		/* its lexer is that of every kind */
	const char *container;
	const char *language;
	const char *counted;		/* lines are counted up to here */
	int			line;			/* and this is the one */
	MemoryContext context;		/* what the text is in, NULL: the caller's */
} Source;

/* The script, a body in it, the text of an EXECUTE in that. */
#define MAX_SOURCES 3

/*
 * The statement that is being read.  Its text is what stands in the source,
 * unless there was a command of psql in the middle: then the pieces before.
 */
typedef struct Draft
{
	int			line;			/* of the first token, 0: none yet */
	const char *piece;			/* where the last piece begins, or NULL */
	const char *end;			/* of the last token */
	StringInfoData pieces;		/* what is before it; data NULL: nothing */
	ScriptDepth depth;
	ScriptToken last_word;		/* outside parentheses */
	bool		is_copy;		/* begins with COPY */
	bool		copies;			/* COPY ... FROM stdin */
	const char *problem;
} Draft;

struct ScriptReader
{
	MemoryContext context;
	MemoryContext draft_context;
	bool		plain_backslash;
	int			number;
	int			copies;			/* whose data begins on the next line */
	Draft		draft;
	Source		sources[MAX_SOURCES];
	int			depth;			/* of the source that is read */
};

/*
 * Begin to read a script.  The string must stay as long as the reader does,
 * which is in the current memory context; it is read with the settings of
 * the session at this moment.
 */
ScriptReader *
script_open(const char *script)
{
	ScriptReader *reader = palloc0(sizeof(ScriptReader));
	Source	   *source = &reader->sources[0];

	reader->context = CurrentMemoryContext;
	reader->draft_context = AllocSetContextCreate(CurrentMemoryContext,
												  "statement of a script",
												  ALLOCSET_DEFAULT_SIZES);
	reader->plain_backslash = standard_conforming_strings;

	if (GetDatabaseEncoding() == PG_UTF8 && strncmp(script, "\xEF\xBB\xBF", 3) == 0)
		script += 3;			/* a byte order mark */
	source->kind = SOURCE_PSQL;
	source->reader.lexer = script_lexer(script, reader->plain_backslash);

	/* psql reads line by line, and does not see that a string goes on */
	source->reader.lexer.continues_strings = false;
	source->counted = script;
	source->line = 1;
	return reader;
}

/* The line of a place in the source; places are asked for in their order. */
static int
line_of(Source *source, const char *place)
{
	const char *newline;

	while (source->counted < place)
	{
		newline = memchr(source->counted, '\n', place - source->counted);
		if (newline != NULL)
			source->line++;
		source->counted = newline != NULL ? newline + 1 : place;
	}
	return source->line;
}

/*
 * Go on with another text, which is copied; the present one goes on when it
 * is over.
 */
static void
push_source(ScriptReader *reader, SourceKind kind, const ScriptBody *body,
			int line)
{
	Source	   *source = &reader->sources[++reader->depth];
	MemoryContext context = AllocSetContextCreate(reader->context,
												  "body in a script",
												  ALLOCSET_DEFAULT_SIZES);

	Assert(reader->depth < MAX_SOURCES);
	memset(source, 0, sizeof(*source));
	source->kind = kind;
	source->context = context;
	source->reader.lexer = script_lexer(MemoryContextStrdup(context, body->text),
										reader->plain_backslash);
	source->container = MemoryContextStrdup(context, body->container);
	source->language = MemoryContextStrdup(context, body->language);
	source->counted = source->reader.lexer.next;
	source->line = line;
}

/* The text is over; was there one below? */
static bool
pop_source(ScriptReader *reader)
{
	Source	   *source = &reader->sources[reader->depth];

	if (reader->depth == 0)
		return false;
	MemoryContextDelete(source->context);
	reader->depth--;
	return true;
}

/* Forget the statement that is being read. */
static void
clear_draft(ScriptReader *reader)
{
	MemoryContextReset(reader->draft_context);
	memset(&reader->draft, 0, sizeof(reader->draft));
}

/* The text goes on elsewhere than at "place"; put the separator between. */
static void
break_piece(ScriptReader *reader, const char *place, const char *separator)
{
	Draft	   *draft = &reader->draft;

	if (draft->piece == NULL)
		return;
	if (draft->pieces.data == NULL)
	{
		MemoryContext previous = MemoryContextSwitchTo(reader->draft_context);

		initStringInfo(&draft->pieces);
		MemoryContextSwitchTo(previous);
	}
	appendBinaryStringInfo(&draft->pieces, draft->piece, place - draft->piece);
	appendStringInfoString(&draft->pieces, separator);
	draft->piece = NULL;
}

/*
 * Look for COPY ... FROM stdin by its words, as psql does it to find the data
 * of one that failed (stdout is accepted, too).
 */
static void
note_copy(Draft *draft, const ScriptToken *word)
{
	if (draft->depth.parentheses > 0)
		return;
	if (draft->last_word.start == NULL)
		draft->is_copy = script_token_is(word, "copy");
	else if (draft->is_copy && script_token_is(&draft->last_word, "from") &&
			 (script_token_is(word, "stdin") || script_token_is(word, "stdout")))
		draft->copies = true;
	draft->last_word = *word;
}

/* The token belongs to the statement. */
static void
add_token(ScriptReader *reader, Source *source, const ScriptToken *token)
{
	Draft	   *draft = &reader->draft;

	if (draft->line == 0)
		draft->line = line_of(source, token->start);
	if (draft->piece == NULL)
		draft->piece = token->start;
	draft->end = token->end;
	if (token->problem != NULL && draft->problem == NULL)
		draft->problem = token->problem;
	if (token->kind == TOKEN_WORD)
		note_copy(draft, token);
	script_depth_add(&draft->depth, token);
}

/* So many bytes make up the characters, whichever they are. */
#define LABEL_BYTES (LABEL_CHARACTERS * MAX_MULTIBYTE_CHAR_LEN)

/* Append the text, but not much more than will be left of it. */
static void
append_to_label(StringInfo label, const char *start, const char *end)
{
	for (const char *at = start; at < end && label->len < LABEL_BYTES; at++)
	{
		if ((unsigned char) *at > ' ')
			appendStringInfoChar(label, *at);
		else if (label->len > 0 && label->data[label->len - 1] != ' ')
			appendStringInfoChar(label, ' ');
	}
}

/*
 * The first words of a statement: white space and comments become one space,
 * and there are no more than so many characters.
 */
static char *
make_label(const char *text)
{
	ScriptLexer lexer = script_lexer(text, true);
	ScriptToken token;
	const char *space = " ";
	const char *last_end = text;
	StringInfoData label;

	initStringInfo(&label);
	do
	{
		script_lexer_next(&lexer, &token);
		if (token.start > last_end)
			append_to_label(&label, space, space + 1);
		append_to_label(&label, token.start, token.end);
		last_end = token.end;
	} while (token.kind != TOKEN_END && label.len < LABEL_BYTES);

	label.len = pg_mbcharcliplen(label.data, label.len, LABEL_CHARACTERS);
	while (label.len > 0 && label.data[label.len - 1] == ' ')
		label.len--;
	label.data[label.len] = '\0';
	return label.data;
}

/* Does the statement begin with DO? */
static bool
is_do(const ScriptReader *reader, const char *text)
{
	ScriptLexer lexer = script_lexer(text, reader->plain_backslash);
	ScriptToken token;

	script_lexer_next(&lexer, &token);
	return script_token_is(&token, "do");
}

/* Fill in the statement. */
static void
set_statement(ScriptReader *reader, ScriptStatement *statement, int line,
			  char *text, const char *problem)
{
	const char *container = reader->sources[reader->depth].container;

	if (container == NULL)
		reader->number++;
	else if (problem == NULL && is_do(reader, text))
		problem = "is a DO statement in a body, which is not looked into";
	statement->number = reader->number;
	statement->line = line;
	statement->container = container != NULL ? pstrdup(container) : NULL;
	statement->text = text;
	statement->label = make_label(text);
	statement->problem = problem != NULL ? pstrdup(problem) : NULL;
}

/* The line on which the body begins. */
static int
line_of_body(const char *statement, int line, const char *place)
{
	for (const char *at = statement; place != NULL && at < place; at++)
	{
		if (*at == '\n')
			line++;
	}
	return line;
}

/* Go on with the body of the statement, if it has one. */
static void
enter_body(ScriptReader *reader, const ScriptStatement *statement,
		   const ScriptDepth *depth)
{
	MemoryContext previous;
	ScriptBody	body;
	SourceKind	kind = SOURCE_OTHER;

	if (statement->problem != NULL || reader->depth > 0 || depth->words == 0 ||
		!(script_token_is(&depth->word[0], "do") || script_makes_routine(depth)))
		return;

	previous = MemoryContextSwitchTo(reader->draft_context);
	if (script_find_body(statement->text, reader->plain_backslash, &body))
	{
		if (strcmp(body.language, "plpgsql") == 0)
			kind = SOURCE_PLPGSQL;
		else if (strcmp(body.language, "sql") == 0)
			kind = SOURCE_SQL;
		push_source(reader, kind, &body,
					line_of_body(statement->text, statement->line, body.place));
	}
	MemoryContextSwitchTo(previous);
}

/* The statement that was read is complete. */
static void
finish_draft(ScriptReader *reader, Source *source, ScriptStatement *statement)
{
	Draft	   *draft = &reader->draft;
	ScriptDepth depth = draft->depth;
	char	   *text;

	if (draft->pieces.data == NULL)
		text = pnstrdup(draft->piece, draft->end - draft->piece);
	else
	{
		if (draft->piece != NULL)
			break_piece(reader, draft->end, "");
		while (draft->pieces.len > 0 &&
			   isspace((unsigned char) draft->pieces.data[draft->pieces.len - 1]))
			draft->pieces.len--;
		text = pnstrdup(draft->pieces.data, draft->pieces.len);
	}
	if (source->kind == SOURCE_SQL && depth.words > 0 &&
		script_token_is(&depth.word[0], "return"))
		text = psprintf("SELECT%s", text + strlen("return"));
	if (draft->copies)
		reader->copies++;
	set_statement(reader, statement, draft->line, text,
				  draft->problem);
	enter_body(reader, statement, &depth);
	clear_draft(reader);
}

/*
 * The line is over, and COPYs before wait for their data: pass over it, as
 * psql would, up to the line that is "\." or the end of the script.
 */
static void
skip_copy_data(ScriptReader *reader, ScriptLexer *lexer)
{
	const char *at = lexer->next;

	while (reader->copies > 0)
	{
		bool		is_end = at[0] == '\\' && at[1] == '.' &&
			at[2 + strspn(at + 2, "\r")] == '\n';

		at += strcspn(at, "\n");
		if (*at == '\0')
			reader->copies = 0;
		else
		{
			at++;
			if (is_end)
				reader->copies--;
		}
	}
	lexer->next = at;
}

/*
 * A backslash was read: do what psql would do.  Returns true if there is
 * something to hand out.
 */
static bool
read_backslash(ScriptReader *reader, Source *source, const ScriptToken *token,
			   ScriptStatement *statement)
{
	ScriptLexer *lexer = &source->reader.lexer;
	Draft	   *draft = &reader->draft;
	PsqlCommand command;

	/*
	 * A semicolon or colon that psql sends on.  What is before the semicolon
	 * is sent only with what is behind it, but it is a statement all the
	 * same.
	 */
	if (*lexer->next == ';' && !script_depth_is_open(&draft->depth))
	{
		lexer->next++;
		if (draft->line == 0)
			return false;
		finish_draft(reader, source, statement);
		return true;
	}
	if (*lexer->next == ';' || *lexer->next == ':')
	{
		ScriptToken sign = {TOKEN_SIGN, lexer->next, lexer->next + 1, NULL};

		break_piece(reader, token->start, "");
		lexer->next++;
		add_token(reader, source, &sign);
		return false;
	}

	psql_read_command(lexer->next, &command);
	if (draft->line > 0)
	{
		if (command.effect == PSQL_RUNS_RESULT)
		{
			/* the statement first, the command again the next time */
			lexer->next = token->start;
			finish_draft(reader, source, statement);
			return true;
		}
		break_piece(reader, token->start, "\n");
	}
	lexer->next = command.end;
	reader->copies += command.copies ? 1 : 0;

	switch (command.effect)
	{
		case PSQL_NOTHING:
			return false;
		case PSQL_SENDS:
			if (draft->line == 0)
				return false;
			finish_draft(reader, source, statement);
			return true;
		case PSQL_FORGETS:
			clear_draft(reader);
			return false;
		case PSQL_QUITS:
			lexer->next += strlen(lexer->next);
			return false;
		case PSQL_RUNS_RESULT:
		case PSQL_UNKNOWN:
			set_statement(reader, statement, line_of(source, token->start),
						  pnstrdup(token->start, command.end - token->start),
						  command.problem);
			return true;
	}
	return false;
}

/*
 * If the token is the colon of a psql variable, make the variable one token,
 * and say that there is one.  In brackets it is more likely a slice.
 */
static void
read_variable(ScriptReader *reader, ScriptLexer *lexer, ScriptToken *token)
{
	Draft	   *draft = &reader->draft;
	const char *name;
	const char *end;
	int			length;

	if (!script_token_is_sign(token, ":") ||
		(end = psql_find_variable(token->end, &name, &length)) == NULL)
		return;
	lexer->next = token->end = end;
	if (draft->problem == NULL && draft->depth.brackets == 0)
	{
		MemoryContext previous = MemoryContextSwitchTo(reader->draft_context);

		draft->problem = psprintf("uses the psql variable \"%.*s\"", length, name);
		MemoryContextSwitchTo(previous);
	}
}

/* Read the next statement of the script, or of a body in SQL. */
static bool
read_sql(ScriptReader *reader, Source *source, ScriptStatement *statement)
{
	ScriptLexer *lexer = &source->reader.lexer;
	Draft	   *draft = &reader->draft;
	bool		is_script = source->kind == SOURCE_PSQL;
	ScriptToken token;

	for (;;)
	{
		lexer->stops_at_newline = is_script && reader->copies > 0;
		script_lexer_next(lexer, &token);
		if (script_token_is_sign(&token, "\n"))
		{
			break_piece(reader, token.end, "");
			skip_copy_data(reader, lexer);
			continue;
		}
		if (token.kind == TOKEN_END)
		{
			if (draft->line == 0 && token.problem == NULL)
				return false;
			if (token.problem != NULL)
				add_token(reader, source, &token);
			finish_draft(reader, source, statement);
			return true;
		}
		if (is_script && script_token_is_sign(&token, "\\"))
		{
			if (read_backslash(reader, source, &token, statement))
				return true;
			continue;
		}
		if (script_token_is_sign(&token, ";") &&
			!script_depth_is_open(&draft->depth))
		{
			if (draft->line == 0)
				continue;
			finish_draft(reader, source, statement);
			return true;
		}
		if (is_script)
			read_variable(reader, lexer, &token);
		add_token(reader, source, &token);
	}
}

/*
 * Go on with the text of an EXECUTE, if it is known.
 */
static bool
enter_execute(ScriptReader *reader, const Source *source,
			  const char *expression, int line)
{
	MemoryContext previous = MemoryContextSwitchTo(reader->draft_context);
	ScriptBody	body = {source->container, source->language, NULL, NULL};

	body.text = script_constant_text(expression, reader->plain_backslash);
	if (body.text != NULL)
		push_source(reader, SOURCE_SQL, &body, line);
	MemoryContextSwitchTo(previous);
	MemoryContextReset(reader->draft_context);
	return body.text != NULL;
}

/*
 * Read the next statement of a body in PL/pgSQL.  False, too, if reading
 * goes on with the text of an EXECUTE.
 */
static bool
read_plpgsql(ScriptReader *reader, Source *source, ScriptStatement *statement)
{
	PlpgsqlPart *part = &source->reader.part;
	const char *problem = NULL;
	char	   *text;
	int			line;

	if (!plpgsql_next(&source->reader))
		return false;

	text = pnstrdup(part->start, part->end - part->start);
	line = line_of(source, part->start);
	switch (part->kind)
	{
		case PART_STATEMENT:
			text = plpgsql_without_into(text, reader->plain_backslash);
			break;
		case PART_EXPRESSION:
			text = psprintf("SELECT %s", text);
			break;
		case PART_EXECUTE:
			if (enter_execute(reader, source, text, line))
				return false;
			text = psprintf("EXECUTE %s", text);
			problem = "EXECUTE of a text that is put together at run time";
			break;
	}
	set_statement(reader, statement, line, text, problem);
	return true;
}

/* A body in another language is one statement, with a problem. */
static bool
read_other(ScriptReader *reader, Source *source, ScriptStatement *statement)
{
	ScriptLexer *lexer = &source->reader.lexer;

	if (*lexer->next == '\0')
		return false;
	set_statement(reader, statement, source->line, pstrdup(lexer->next),
				  psprintf("is written in the language \"%s\"",
						   source->language));
	lexer->next += strlen(lexer->next);
	return true;
}

/* How each kind of source is read. */
static bool (*const read_source[]) (ScriptReader *reader, Source *source,
									ScriptStatement *statement) =
{
	[SOURCE_PSQL] = read_sql,
		[SOURCE_SQL] = read_sql,
		[SOURCE_PLPGSQL] = read_plpgsql,
		[SOURCE_OTHER] = read_other,
};

/*
 * Read the next statement, into the current memory context.  Returns false
 * when the script is over.
 *
 * A statement that has a problem is not to be looked at.  One that has none
 * may still not be correct: psql sends it, and the server says so.  Errors
 * are raised for nothing but want of memory and a cancel.
 */
bool
script_next(ScriptReader *reader, ScriptStatement *statement)
{
	for (;;)
	{
		int			depth = reader->depth;
		Source	   *source = &reader->sources[depth];

		CHECK_FOR_INTERRUPTS();
		if (read_source[source->kind] (reader, source, statement))
			return true;
		if (reader->depth == depth && !pop_source(reader))
			return false;
	}
}
