/*-------------------------------------------------------------------------
 *
 * attempt.h
 *	  Changing something that may fail, without ending the transaction.
 *
 * src/attempt.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ATTEMPT_H
#define UPGRADE_PREREQ_ATTEMPT_H

#include "utils/elog.h"

typedef void (*AttemptedFunction) (void *argument);

extern ErrorData *attempt(AttemptedFunction function, void *argument);

#endif							/* UPGRADE_PREREQ_ATTEMPT_H */
