/*-------------------------------------------------------------------------
 *
 * duration.h
 *	  How long a heavy statement takes on this server: an estimate.
 *
 * src/disk/duration.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_DURATION_H
#define UPGRADE_PREREQ_DURATION_H

#include "guard.h"
#include "nodes/pg_list.h"

/*
 * What a short measurement of this server gave, in ms for each unit.  The
 * lower figure of writing is into the cache of the operating system, the
 * upper one to the disk.
 */
typedef struct Calibration
{
	double		page_ms;		/* a block that is read in order */
	double		cached_share;	/* of these, those that were in shared buffers */
	double		row_byte_ms;	/* a byte of a row that is taken apart and put
								 * together */
	double		toast_byte_ms;	/* a byte of a TOAST table that is fetched and
								 * compressed */
	double		compare_ms;		/* a comparison in a sort of text */
	double		write_low_ms;	/* a byte that is written */
	double		write_high_ms;
	double		measured_ms;	/* what all of that took */
	bool		reads_known;	/* else no table could be read: the figures of
								 * reading are not known */
} Calibration;

/* An estimate, in ms. */
typedef struct Duration
{
	double		ms;
	double		low_ms;
	double		high_ms;
} Duration;

/* What there is to do; in bytes where nothing else is said. */
typedef struct DurationWork
{
	double		scanned;		/* of a table, from one end to the other, in
								 * all passes */
	double		rows_taken;		/* bytes of rows that are taken apart and put
								 * together */
	double		toast_fetched;
	double		entries;		/* number of index entries that are sorted */
	double		inserts;		/* number of index entries that are put in one
								 * by one */
	double		pointers;		/* number of row pointers of GIN indexes */
	double		rows;			/* number of rows of the table, for which a
								 * tree is descended */
	double		written;		/* files, WAL and temporary files */
} DurationWork;

/* calibration.c */
extern Calibration *calibration_measure(List *table_oids);

/* duration.c */
extern Duration *duration_estimate(const Calibration *calibration,
								   const DurationWork *work);

#endif							/* UPGRADE_PREREQ_DURATION_H */
