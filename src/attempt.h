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

/*
 * How long to wait for a lock: others hold those that matter here, on the
 * stored settings of a role or a row of OpenMetadata's, only until they
 * commit.
 */
#define ATTEMPT_LOCK_TIMEOUT	"2s"

typedef void (*AttemptedFunction) (void *argument);

extern ErrorData *attempt(AttemptedFunction function, void *argument);
extern void attempt_without_waiting(void);

#endif							/* UPGRADE_PREREQ_ATTEMPT_H */
