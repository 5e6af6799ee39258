/*-------------------------------------------------------------------------
 *
 * model.h
 *	  How much memory an operation needs, and what it writes without it.
 *
 * Arithmetic only: nothing here looks at the server.
 *
 * src/memory/model.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_MODEL_H
#define UPGRADE_PREREQ_MODEL_H

#include "operation.h"

extern double model_needed_bytes(const Operation *operation, double rows);
extern double model_spill_bytes(const Operation *operation, double rows);
extern double model_one_pass_bytes(const Operation *operation, double rows);

#endif							/* UPGRADE_PREREQ_MODEL_H */
