/*-------------------------------------------------------------------------
 *
 * settle.h
 *	  Writing the corrected state of one run, and taking it back.
 *
 * src/runs/settle.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SETTLE_H
#define UPGRADE_PREREQ_SETTLE_H

#include "journal.h"
#include "runs/run.h"
#include "runs/run_row.h"

/* The kind of our entries in the journal. */
#define RUN_KIND	"run"

/* A run that is to be settled, and what came of it. */
typedef struct Settlement
{
	const Run  *run;			/* with a patch */
	Oid			schema_oid;		/* of OpenMetadata's tables */
	const char *reason;			/* for the journal */
	RowLock		lock;			/* how to lock its row, and all else */
	RowSearch	found;			/* was it as it was judged? */
	int64		journal_id;		/* 0: not in the journal */
} Settlement;

extern Obstacle *settle_obstacle(const Run *run, Oid schema_oid);
extern ErrorData *settle(Settlement *settlement);
extern JournalOutcome run_undo(const JournalEntry *entry);

#endif							/* UPGRADE_PREREQ_SETTLE_H */
