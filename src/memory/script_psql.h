/*-------------------------------------------------------------------------
 *
 * script_psql.h
 *	  The commands and variables of psql, as they occur in scripts.
 *
 * src/memory/script_psql.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SCRIPT_PSQL_H
#define UPGRADE_PREREQ_SCRIPT_PSQL_H

/* What a command means for the statements that are run. */
typedef enum PsqlEffect
{
	PSQL_NOTHING,				/* it only shows or sets something */
	PSQL_SENDS,					/* it sends the statement before it */
	PSQL_FORGETS,				/* the statement before it is not run */
	PSQL_QUITS,					/* the script is over */
	PSQL_RUNS_RESULT,			/* it sends the statement before it, and then
								 * what that returns */
	PSQL_UNKNOWN				/* it may run something else */
} PsqlEffect;

typedef struct PsqlCommand
{
	PsqlEffect	effect;
	const char *end;			/* behind its arguments */
	const char *problem;		/* for the last two effects */
	bool		copies;			/* its data begins on the next line */
} PsqlCommand;

extern void psql_read_command(const char *text, PsqlCommand *command);
extern const char *psql_find_variable(const char *text, const char **name,
									  int *length);

#endif							/* UPGRADE_PREREQ_SCRIPT_PSQL_H */
