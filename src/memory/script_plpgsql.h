/*-------------------------------------------------------------------------
 *
 * script_plpgsql.h
 *	  The SQL statements in a body in PL/pgSQL.
 *
 * src/memory/script_plpgsql.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SCRIPT_PLPGSQL_H
#define UPGRADE_PREREQ_SCRIPT_PLPGSQL_H

#include "memory/script_lexer.h"

typedef enum PlpgsqlPartKind
{
	PART_STATEMENT,				/* an SQL statement, maybe with INTO */
	PART_EXPRESSION,			/* an SQL statement once SELECT is before it */
	PART_EXECUTE				/* an expression whose value is a statement */
} PlpgsqlPartKind;

/* What of a body is SQL, as it stands there. */
typedef struct PlpgsqlPart
{
	PlpgsqlPartKind kind;
	const char *start;
	const char *end;
} PlpgsqlPart;

/* All but the lexer is zero in the beginning. */
typedef struct PlpgsqlReader
{
	ScriptLexer lexer;
	bool		in_declarations;
	const char *stop;			/* ends what is behind the present key word */
	PlpgsqlPart part;			/* the result */
} PlpgsqlReader;

extern bool plpgsql_next(PlpgsqlReader *reader);
extern char *plpgsql_without_into(const char *statement, bool plain_backslash);

#endif							/* UPGRADE_PREREQ_SCRIPT_PLPGSQL_H */
