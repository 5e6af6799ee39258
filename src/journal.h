/*-------------------------------------------------------------------------
 *
 * journal.h
 *	  Every change that the extension made, and the way back.
 *
 * Whoever changes something that outlives the session describes it in a
 * JournalEntry and hands that to journal_record(), in the transaction of the
 * change.  How to take it back is one function, which journal.c lists by the
 * kind of the change.  Whoever changes something calls journal_undo_expired()
 * first.
 *
 * src/journal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_JOURNAL_H
#define UPGRADE_PREREQ_JOURNAL_H

#include "compat.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

/*
 * A change; columns of the table upgrade_prereq_journal.  What is read from
 * there may have been written by anybody with the right to: the function that
 * takes it back has to judge it.
 */
typedef struct JournalEntry
{
	int64		id;				/* given by journal_record() */
	const char *kind;
	const char *object_identity;	/* for people, by the names of the time */
	const char *object;			/* JSON object: OIDs and keys, no names; one
								 * open entry of a kind for each */
	const char *state_before;	/* raw; NULL if there was nothing */
	const char *state_after;	/* raw; NULL if nothing is left */
	const char *reason;			/* NULL if none was given */
	TimestampTz expires_at;		/* DT_NOEND for never */
	Oid			made_by;		/* these two are filled in by the table */
	TimestampTz made_at;
} JournalEntry;

/* How a change ended. */
typedef enum JournalOutcome
{
	JOURNAL_UNDONE,
	JOURNAL_CHANGED_SINCE,		/* by somebody else; left as it is */
	JOURNAL_GONE,				/* the object was dropped */
	JOURNAL_SUPERSEDED,			/* by a later change, which has its
								 * state_before */
} JournalOutcome;

/*
 * Takes a change back, or finds that there is nothing to take back.  The
 * entry is locked, and so is what the kind's lock function locks.
 */
typedef JournalOutcome (*JournalUndo) (const JournalEntry *entry);

/* One attempt to take a change back. */
typedef struct JournalResult
{
	JournalEntry *entry;
	bool		was_open;		/* false: somebody else had ended it */
	JournalOutcome outcome;		/* if it was open and there is no error */
	ErrorData  *error;			/* why it is still open, or NULL */
} JournalResult;

extern bool journal_may_write(void);
extern void journal_require_write(void);
extern char *journal_grants(const char *user_name);
extern void journal_record(JournalEntry *entry);
extern bool journal_try_record(JournalEntry *entry);
extern List *journal_open_entries(const char *kind);
extern bool journal_expires_at(TimestampTz time);
extern JournalEntry *journal_find_open(const char *kind, const char *object);
extern void journal_close(const JournalEntry *entry, JournalOutcome outcome);
extern JournalResult *journal_undo(JournalEntry *entry);
pg_noreturn extern void journal_refuse_entry(const JournalEntry *entry);
pg_noreturn extern void journal_refuse_writer(const JournalEntry *entry,
											  const char *hint);
extern int	journal_undo_expired(void);
extern TimestampTz journal_changed_since(const JournalEntry *entry);
extern const char *journal_outcome_note(JournalOutcome outcome);

#endif							/* UPGRADE_PREREQ_JOURNAL_H */
