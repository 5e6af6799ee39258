/*-------------------------------------------------------------------------
 *
 * record.h
 *	  Recording a backup in the journal.
 *
 * src/backup/record.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_RECORD_H
#define UPGRADE_PREREQ_RECORD_H

#include "journal.h"

extern JournalOutcome record_undo(const JournalEntry *entry);

#endif							/* UPGRADE_PREREQ_RECORD_H */
