/*-------------------------------------------------------------------------
 *
 * script_lexer.c
 *	  The tokens of an SQL text, as far as they matter for its statements.
 *
 * This is not the server's scanner, for two reasons.  Where a script is cut
 * is decided by psql, whose scanner is another one: it passes over whatever
 * the server would not accept, and leaves it to the server to say so.  And
 * the server's scanner raises an error at the first thing it does not like,
 * after which it cannot go on.  Here nothing is an error but a text that ends
 * too early, and nothing is allocated.
 *
 * Bytes are looked at one by one: in every server encoding, a byte below 128
 * is a character of its own.
 *
 * src/memory/script_lexer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "memory/script_lexer.h"
#include "miscadmin.h"

/* What the server and psql take for white space. */
static bool
is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' ||
		byte == '\f' || byte == '\v';
}

static bool
is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Can a name without quotes begin with it? */
static bool
starts_name(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		byte == '_' || IS_HIGHBIT_SET(byte);
}

/*
 * Can it be part of the name of a psql variable, or of the tag of a dollar
 * quote?  (A name in SQL may have a dollar sign, too.)
 */
bool
script_is_name_byte(char byte)
{
	return starts_name(byte) || is_digit(byte);
}

/* Behind the name that begins here. */
static const char *
skip_name(const char *at)
{
	while (script_is_name_byte(*at) || *at == '$')
		at++;
	return at;
}

/*
 * Behind the comment that begins here, which may hold other comments; sets
 * *problem if it does not end.
 */
static const char *
skip_comment(const char *at, const char **problem)
{
	int			depth = 0;

	for (;;)
	{
		if (at[0] == '\0')
		{
			*problem = "unterminated /* comment";
			return at;
		}
		if (at[0] == '/' && at[1] == '*')
		{
			depth++;
			at += 2;
		}
		else if (at[0] == '*' && at[1] == '/')
		{
			at += 2;
			if (--depth == 0)
				return at;
		}
		else
			at++;
	}
}

/*
 * Behind white space and comments, or at the beginning of a comment that
 * does not end.
 */
static const char *
skip_space(const ScriptLexer *lexer, const char *at, const char **problem)
{
	for (;;)
	{
		const char *start = at;

		if (is_space(*at) && !(lexer->stops_at_newline && *at == '\n'))
			at++;
		else if (at[0] == '-' && at[1] == '-')
			at += strcspn(at, "\n\r");
		else if (at[0] == '/' && at[1] == '*')
			at = skip_comment(at, problem);
		if (at == start || *problem != NULL)
			return start;
	}
}

/* Where the string that has just ended goes on, on another line; or NULL. */
static const char *
find_continuation(const char *at)
{
	bool		seen_newline = false;

	for (;; at++)
	{
		if (at[0] == '-' && at[1] == '-')
			at += strcspn(at, "\n\r");
		if (!is_space(*at))
			break;
		seen_newline |= (*at == '\n' || *at == '\r');
	}
	return seen_newline && *at == '\'' ? at : NULL;
}

/*
 * Behind the quoted text that begins here with its quote.  A backslash may
 * have a meaning in it, and so may a doubled quote.
 */
static const char *
skip_quoted(const ScriptLexer *lexer, const char *at, bool backslash,
			bool doubled, const char **problem)
{
	char		quote = *at++;

	for (;;)
	{
		if (*at == '\0')
		{
			*problem = quote == '"' ? "unterminated quoted identifier" :
				"unterminated quoted string";
			return at;
		}
		if (*at == '\\' && backslash && at[1] != '\0')
			at += 2;
		else if (*at++ == quote)
		{
			const char *continuation;

			if (*at == quote && doubled)
				at++;
			else if (quote == '\'' && lexer->continues_strings &&
					 (continuation = find_continuation(at)) != NULL)
				at = continuation + 1;
			else
				return at;
		}
	}
}

/* The length of the delimiter $...$ that begins here, or 0. */
static size_t
dollar_quote_length(const char *at)
{
	const char *end = at + 1;

	if (starts_name(*end))
	{
		while (script_is_name_byte(*end))
			end++;
	}
	return *end == '$' ? end + 1 - at : 0;
}

/* Behind the dollar-quoted text that begins here. */
static const char *
skip_dollar_quoted(const char *at, size_t length, const char **problem)
{
	const char *delimiter = at;

	at += length;
	while ((at = strchr(at, '$')) != NULL)
	{
		if (strncmp(at, delimiter, length) == 0)
			return at + length;
		at++;
	}
	*problem = "unterminated dollar-quoted string";
	return delimiter + strlen(delimiter);
}

/*
 * The quoted text that begins here, with a letter before the quote or
 * without: sets kind, end and problem of the token; false if there is none.
 */
static bool
read_quoted(const ScriptLexer *lexer, ScriptToken *token)
{
	const char *at = token->start;
	bool		backslash = !lexer->plain_backslash;
	bool		is_bits = false;

	if ((*at == 'u' || *at == 'U') && at[1] == '&' &&
		(at[2] == '\'' || at[2] == '"'))
	{
		at += 2;
		backslash = false;
	}
	else if (at[0] != '\0' && at[1] == '\'' && strchr("eEbBxXnN", *at))
	{
		is_bits = strchr("bBxX", *at) != NULL;
		if (is_bits)
			backslash = false;
		else if (*at == 'e' || *at == 'E')
			backslash = true;
		at++;
	}

	if (*at != '\'' && *at != '"')
		return false;
	token->kind = *at == '"' ? TOKEN_NAME : TOKEN_STRING;
	token->end = skip_quoted(lexer, at, backslash && *at == '\'', !is_bits,
							 &token->problem);
	return true;
}

/*
 * A lexer that reads a text as the server does.  plain_backslash is the
 * setting standard_conforming_strings.
 */
ScriptLexer
script_lexer(const char *text, bool plain_backslash)
{
	ScriptLexer lexer = {0};

	lexer.next = text;
	lexer.plain_backslash = plain_backslash;
	lexer.continues_strings = true;
	return lexer;
}

/*
 * Read the next token.  At the end of the text the kind is TOKEN_END.  If the
 * text ends within a token or a comment, its problem is set.
 */
void
script_lexer_next(ScriptLexer *lexer, ScriptToken *token)
{
	const char *at;
	size_t		length;

	CHECK_FOR_INTERRUPTS();
	token->problem = NULL;
	token->start = at = skip_space(lexer, lexer->next, &token->problem);

	if (*at == '\0' || token->problem != NULL)
	{
		token->kind = TOKEN_END;
		token->end = at + strlen(at);
	}
	else if (read_quoted(lexer, token))
		;
	else if (starts_name(*at))
	{
		token->kind = TOKEN_WORD;
		token->end = skip_name(at);
	}
	else if (is_digit(*at) || (*at == '$' && is_digit(at[1])))
	{
		at++;
		while (is_digit(*at) || (*at == '.' && is_digit(at[1])))
			at++;
		token->kind = TOKEN_NUMBER;
		token->end = starts_name(*at) ? skip_name(at) : at;
	}
	else if (*at == '$' && (length = dollar_quote_length(at)) > 0)
	{
		token->kind = TOKEN_STRING;
		token->end = skip_dollar_quoted(at, length, &token->problem);
	}
	else
	{
		token->kind = TOKEN_SIGN;
		token->end = at + 1;
		if ((at[0] == ':' && (at[1] == ':' || at[1] == '=')) ||
			(at[0] == '.' && at[1] == '.'))
			token->end++;
	}
	lexer->next = token->end;
}

static bool
token_text_is(const ScriptToken *token, const char *text)
{
	size_t		length = strlen(text);

	return (size_t) (token->end - token->start) == length &&
		pg_strncasecmp(token->start, text, length) == 0;
}

/* Is the token this word?  It is given in lower case. */
bool
script_token_is(const ScriptToken *token, const char *word)
{
	return token->kind == TOKEN_WORD && token_text_is(token, word);
}

/* Is the token this sign? */
bool
script_token_is_sign(const ScriptToken *token, const char *sign)
{
	return token->kind == TOKEN_SIGN && token_text_is(token, sign);
}

/* Does the statement begin with CREATE [OR REPLACE] FUNCTION or PROCEDURE? */
bool
script_makes_routine(const ScriptDepth *depth)
{
	int			at = 1;

	if (depth->words > 3 && script_token_is(&depth->word[1], "or") &&
		script_token_is(&depth->word[2], "replace"))
		at = 3;
	return depth->words > at && script_token_is(&depth->word[0], "create") &&
		(script_token_is(&depth->word[at], "function") ||
		 script_token_is(&depth->word[at], "procedure"));
}

/*
 * Count the token in.  How the words BEGIN, CASE and END are counted in a
 * CREATE FUNCTION is psql's rule (src/fe_utils/psqlscan.l): within a body
 * that is no string, semicolons do not end the statement.
 */
void
script_depth_add(ScriptDepth *depth, const ScriptToken *token)
{
	if (token->kind == TOKEN_SIGN)
	{
		if (*token->start == '(')
			depth->parentheses++;
		else if (*token->start == ')' && depth->parentheses > 0)
			depth->parentheses--;
		else if (*token->start == '[')
			depth->brackets++;
		else if (*token->start == ']' && depth->brackets > 0)
			depth->brackets--;
	}
	if (token->kind != TOKEN_WORD)
		return;

	if (depth->words < SCRIPT_WORDS)
		depth->word[depth->words++] = *token;
	if (depth->parentheses > 0 || !script_makes_routine(depth))
		return;
	if (script_token_is(token, "begin"))
		depth->bodies++;
	else if (script_token_is(token, "case") && depth->bodies > 0)
		depth->bodies++;
	else if (script_token_is(token, "end") && depth->bodies > 0)
		depth->bodies--;
}

/* Would a semicolon here not end the statement? */
bool
script_depth_is_open(const ScriptDepth *depth)
{
	return depth->parentheses > 0 || depth->bodies > 0;
}
