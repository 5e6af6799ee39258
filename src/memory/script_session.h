/*-------------------------------------------------------------------------
 *
 * script_session.h
 *	  What the statements of a script leave behind for those that follow.
 *
 * src/memory/script_session.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SCRIPT_SESSION_H
#define UPGRADE_PREREQ_SCRIPT_SESSION_H

#include "script.h"
#include "statement.h"

typedef struct ScriptSession ScriptSession;

extern ScriptSession *script_session(const StatementSettings *settings);
extern const StatementSettings *script_session_begin(ScriptSession *session,
													 const ScriptStatement *statement);
extern void script_session_explain(const ScriptSession *session,
								   StatementEstimate *estimate);
extern void script_session_end(ScriptSession *session,
							   const ScriptStatement *statement,
							   const StatementEstimate *estimate);

#endif							/* UPGRADE_PREREQ_SCRIPT_SESSION_H */
