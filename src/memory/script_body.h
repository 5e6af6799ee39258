/*-------------------------------------------------------------------------
 *
 * script_body.h
 *	  The bodies of DO statements and functions, and the texts of EXECUTE.
 *
 * src/memory/script_body.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SCRIPT_BODY_H
#define UPGRADE_PREREQ_SCRIPT_BODY_H

typedef struct ScriptBody
{
	const char *container;		/* see ScriptStatement */
	const char *language;
	const char *text;			/* NULL if there is none */
	const char *place;			/* where it begins in the statement; if it is
								 * written with escapes, just before */
} ScriptBody;

extern bool script_find_body(const char *statement, bool plain_backslash,
							 ScriptBody *body);
extern char *script_constant_text(const char *expression, bool plain_backslash);

#endif							/* UPGRADE_PREREQ_SCRIPT_BODY_H */
