/*-------------------------------------------------------------------------
 *
 * harmless.h
 *	  Which expressions may be evaluated.
 *
 * src/memory/harmless.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_HARMLESS_H
#define UPGRADE_PREREQ_HARMLESS_H

#include "nodes/nodes.h"

extern Oid	function_language(Oid function);
extern bool function_is_harmless(Oid function);
extern bool expression_is_harmless(Node *expression);
extern Node *unknown_value(Node *expression);

#endif							/* UPGRADE_PREREQ_HARMLESS_H */
