/*-------------------------------------------------------------------------
 *
 * duration.c
 *	  How long a heavy statement takes on this server: an estimate.
 *
 * Arithmetic over what calibration.c measured.  What is not measured is how
 * the parts add up, what other sessions do meanwhile, and what the disk does
 * once its caches are full: that is what the lower and the upper figure are
 * for.  bench/disk compares them with the truth.
 *
 * src/disk/duration.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "duration.h"

/*
 * The work of the processor is so much less, or more, than the sum of its
 * parts.
 */
#define PROCESSOR_LOW	0.4
#define PROCESSOR_HIGH	4.0

/*
 * What goes through a B-tree one by one costs about so many comparisons more
 * than the descent: the page is locked, changed and logged.
 */
#define INSERT_COMPARISONS	40

/* A build writes an entry to its tape or page for about so many. */
#define ENTRY_COMPARISONS	8

/* A GIN build finds a key for about so many, and adds a pointer to its list. */
#define POINTER_COMPARISONS	10

/* Comparisons of a binary search among so many. */
static double
steps_among(double count)
{
	return count > 1 ? log2(count) : 0;
}

/*
 * How long some work takes.  Writing is between the cache and the disk: the
 * estimate is their geometric mean.
 */
Duration *
duration_estimate(const Calibration *calibration, const DurationWork *work)
{
	Duration   *duration = palloc0(sizeof(Duration));
	double		each_build = work->entries > 0 && work->rows > 0 ? work->rows : 1;
	double		comparisons;
	double		processor;
	double		reading;

	comparisons = work->entries * (steps_among(each_build) + ENTRY_COMPARISONS) +
		work->inserts * (steps_among(work->rows) + INSERT_COMPARISONS) +
		work->pointers * POINTER_COMPARISONS;
	processor = work->rows_taken * calibration->row_byte_ms +
		work->toast_fetched * calibration->toast_byte_ms +
		comparisons * calibration->compare_ms;
	reading = work->scanned / BLCKSZ * calibration->page_ms;

	duration->low_ms = processor * PROCESSOR_LOW + reading * PROCESSOR_LOW +
		work->written * calibration->write_low_ms;
	duration->ms = processor + reading +
		work->written * sqrt(calibration->write_low_ms * calibration->write_high_ms);
	duration->high_ms = processor * PROCESSOR_HIGH + reading * PROCESSOR_HIGH +
		work->written * calibration->write_high_ms * 2;
	return duration;
}
