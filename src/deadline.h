/*-------------------------------------------------------------------------
 *
 * deadline.h
 *	  The background worker that takes back what has expired.
 *
 * src/deadline.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_DEADLINE_H
#define UPGRADE_PREREQ_DEADLINE_H

#include "datatype/timestamp.h"

extern bool deadline_worker_start(TimestampTz at);

extern PGDLLEXPORT void upgrade_prereq_deadline_main(Datum argument);

#endif							/* UPGRADE_PREREQ_DEADLINE_H */
