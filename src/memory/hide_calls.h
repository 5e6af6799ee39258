/*-------------------------------------------------------------------------
 *
 * hide_calls.h
 *	  Hiding calls of functions from the planner.
 *
 * src/memory/hide_calls.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_HIDE_CALLS_H
#define UPGRADE_PREREQ_HIDE_CALLS_H

#include "nodes/parsenodes.h"

extern Query *hide_calls_in_query(Query *query);
extern Node *hide_calls_in_expression(Node *expression);

#endif							/* UPGRADE_PREREQ_HIDE_CALLS_H */
