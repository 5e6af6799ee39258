/*-------------------------------------------------------------------------
 *
 * step.h
 *	  The disk that each heavy statement of the migration takes.
 *
 * src/disk/step.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_STEP_H
#define UPGRADE_PREREQ_STEP_H

#include "duration.h"
#include "memory/adequacy.h"
#include "place.h"
#include "wal.h"

/* What kind of work a statement is, for disk and time. */
typedef enum StepKind
{
	STEP_QUERY,					/* writes nothing but temporary files */
	STEP_REWRITE,				/* the table, and all its indexes */
	STEP_INDEX,
	STEP_CHANGE,				/* of rows: UPDATE */
} StepKind;

/* What a statement has on one file system while it runs. */
typedef struct StepPeak
{
	int			file_system;	/* 0: not known which */
	List	   *places;			/* of const DiskPlace *, those it writes to */
	double		peak_bytes;		/* with what the ones before it left there */
	double		free_bytes;		/* now; -1 if not known */
	double		total_bytes;
} StepPeak;

/* One statement; sizes in bytes, -1 for what is not known. */
typedef struct DiskStep
{
	const Adequacy *adequacy;
	StepKind	kind;
	const char *tablespace;		/* of what it writes; NULL: none */
	double		rows;			/* that it writes or reads */
	double		heap_bytes;		/* that it writes */
	double		toast_bytes;
	double		index_bytes;
	double		catalog_bytes;
	double		wal_bytes;
	double		temp_bytes;
	double		kept_bytes;		/* by which the database is larger afterwards */
	int			indexes;
	double		pointers;		/* of GIN indexes, to rows */
	bool		is_concurrent;
	Certainty	certainty;
	const Obstacle *obstacle;	/* why something is not known, or NULL */
	List	   *peaks;			/* of StepPeak *, the tightest first */
	Duration   *duration;		/* NULL if not calibrated */
	const char *basis;			/* what the figures rest on */
} DiskStep;

/* What a call finds out. */
typedef struct DiskPlan
{
	DiskPlaces *places;
	WalState   *wal;
	List	   *steps;			/* of DiskStep *, in the order of the
								 * migration */
} DiskPlan;

extern DiskPlan *disk_plan(const Installation *installation, List *adequacies,
						   const Calibration *calibration);

#endif							/* UPGRADE_PREREQ_STEP_H */
