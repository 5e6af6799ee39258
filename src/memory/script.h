/*-------------------------------------------------------------------------
 *
 * script.h
 *	  The statements of an SQL script as psql would send them.
 *
 * src/memory/script.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SCRIPT_H
#define UPGRADE_PREREQ_SCRIPT_H

typedef struct ScriptStatement
{
	int			number;			/* of the statement in the script, from 1; one
								 * inside a body has the number of the
								 * statement that holds the body */
	int			line;			/* of the script where it begins, from 1 */
	const char *container;		/* NULL; or, for a statement inside a body,
								 * what the body belongs to, for people: "DO",
								 * "function \"x\"", "procedure \"s.x\"" */
	const char *text;			/* without comments around it and without the
								 * semicolon; never NULL */
	const char *label;			/* its first words, for people: white space
								 * and comments collapsed, at most 60
								 * characters */
	const char *problem;		/* why it cannot be looked at, in the style of
								 * errmsg(), or NULL */
} ScriptStatement;

typedef struct ScriptReader ScriptReader;

extern ScriptReader *script_open(const char *script);
extern bool script_next(ScriptReader *reader, ScriptStatement *statement);

#endif							/* UPGRADE_PREREQ_SCRIPT_H */
