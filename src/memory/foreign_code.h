/*-------------------------------------------------------------------------
 *
 * foreign_code.h
 *	  Does an expression or query call code that is not PostgreSQL's own?
 *
 * src/memory/foreign_code.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_FOREIGN_CODE_H
#define UPGRADE_PREREQ_FOREIGN_CODE_H

#include "nodes/nodes.h"

extern void foreign_code_refuse(Node *node);

#endif							/* UPGRADE_PREREQ_FOREIGN_CODE_H */
