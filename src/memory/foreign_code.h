/*-------------------------------------------------------------------------
 *
 * foreign_code.h
 *	  Reading and planning statements without running anybody's code.
 *
 * src/memory/foreign_code.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_FOREIGN_CODE_H
#define UPGRADE_PREREQ_FOREIGN_CODE_H

#include "guard.h"
#include "nodes/nodes.h"

extern void foreign_code_refuse(Node *node);
extern void foreign_code_refuse_domains(void);
extern Obstacle *foreign_code_guard_run(GuardedFunction function,
										void *argument);

#endif							/* UPGRADE_PREREQ_FOREIGN_CODE_H */
