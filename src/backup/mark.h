/*-------------------------------------------------------------------------
 *
 * mark.h
 *	  Marks that tell from a dump of which database it is, and since when.
 *
 * src/backup/mark.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_MARK_H
#define UPGRADE_PREREQ_MARK_H

#include "journal.h"

extern char *mark_find_nonce(const char **text);
extern JournalOutcome mark_undo(const JournalEntry *entry);

#endif							/* UPGRADE_PREREQ_MARK_H */
