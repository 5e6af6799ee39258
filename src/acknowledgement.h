/*-------------------------------------------------------------------------
 *
 * acknowledgement.h
 *	  Findings that are known and accepted.
 *
 * An acknowledgement is an entry of the journal.  It holds for the findings
 * of one key, as long as they are no worse than what was accepted, and as long
 * as whoever wrote it may acknowledge.
 *
 * src/acknowledgement.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ACKNOWLEDGEMENT_H
#define UPGRADE_PREREQ_ACKNOWLEDGEMENT_H

#include "check.h"
#include "journal.h"

/* The kind of our entries in the journal. */
#define ACKNOWLEDGEMENT_KIND	"acknowledgement"

/* The check that reports those that are of no use. */
#define ACKNOWLEDGEMENT_CHECK	"acknowledgements"

/* The target of an acknowledgement for the next releases. */
#define ACKNOWLEDGEMENT_NEXT	"next"

/* What there is under one key: the measure of whether it got worse. */
typedef struct Extent
{
	int			count;			/* of findings */
	FindingLevel level;			/* the highest of them */
	int64		objects;		/* that they are about, together */
} Extent;

/* A row of the view upgrade_prereq_acknowledgements. */
typedef struct Acknowledgement
{
	const char *id;
	const char *finding_key;	/* NULL, like the other texts but id and
								 * made_by, in an entry that is not ours */
	Extent		accepted;
	const char *target;			/* for which it was found: "next" for the next
								 * releases; NULL if that is not recorded */
	const char *made_by;
	const char *reason;
	const char *expires_at;		/* ISO 8601; NULL for never */
	bool		is_expired;
	bool		is_ours;		/* is it as upgrade_prereq_acknowledge()
								 * writes it? */
	bool		is_allowed;		/* may its writer call that? */
	const char *data;			/* all of it, a JSON object */
} Acknowledgement;

/* acknowledgement.c */
extern const Check *acknowledgement_check_of(const char *finding_key);
extern Extent acknowledgement_extent(List *findings, const char *finding_key);
extern Obstacle *acknowledgement_read(List **acknowledgements);
extern void acknowledgement_apply(CheckResult *result);

/* acknowledge.c */
extern JournalOutcome acknowledgement_undo(const JournalEntry *entry);

#endif							/* UPGRADE_PREREQ_ACKNOWLEDGEMENT_H */
