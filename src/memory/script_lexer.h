/*-------------------------------------------------------------------------
 *
 * script_lexer.h
 *	  The tokens of an SQL text, as far as they matter for its statements.
 *
 * src/memory/script_lexer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SCRIPT_LEXER_H
#define UPGRADE_PREREQ_SCRIPT_LEXER_H

typedef enum ScriptTokenKind
{
	TOKEN_END,					/* the text is over */
	TOKEN_WORD,					/* a key word or a name without quotes */
	TOKEN_NAME,					/* a name in double quotes */
	TOKEN_STRING,				/* a string or bit string, in whatever quotes */
	TOKEN_NUMBER,				/* a number or a parameter */
	TOKEN_SIGN					/* "::", ":=", "..", or any other character */
} ScriptTokenKind;

typedef struct ScriptToken
{
	ScriptTokenKind kind;
	const char *start;
	const char *end;			/* behind its last byte */
	const char *problem;		/* "unterminated ...", or NULL */
} ScriptToken;

typedef struct ScriptLexer
{
	const char *next;			/* where reading goes on; ends with a zero
								 * byte */
	bool		plain_backslash;	/* standard_conforming_strings */
	bool		continues_strings;	/* a string may go on on another line */
	bool		stops_at_newline;	/* the end of the line is a sign */
} ScriptLexer;

/*
 * Where in a statement a token is: what decides whether a semicolon ends it.
 * All zero at its beginning.
 */
typedef struct ScriptDepth
{
	int			parentheses;
	int			brackets;
	int			bodies;			/* of BEGIN ATOMIC and, in it, CASE */
	int			words;			/* seen so far, at most SCRIPT_WORDS */
#define SCRIPT_WORDS 4
	ScriptToken word[SCRIPT_WORDS];
} ScriptDepth;

extern ScriptLexer script_lexer(const char *text, bool plain_backslash);
extern void script_lexer_next(ScriptLexer *lexer, ScriptToken *token);
extern bool script_token_is(const ScriptToken *token, const char *word);
extern bool script_token_is_sign(const ScriptToken *token, const char *sign);
extern bool script_is_name_byte(char byte);
extern void script_depth_add(ScriptDepth *depth, const ScriptToken *token);
extern bool script_depth_is_open(const ScriptDepth *depth);
extern bool script_makes_routine(const ScriptDepth *depth);

#endif							/* UPGRADE_PREREQ_SCRIPT_LEXER_H */
