/*-------------------------------------------------------------------------
 *
 * model_search.h
 *	  What the files of the model share.
 *
 * src/memory/model_search.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_MODEL_SEARCH_H
#define UPGRADE_PREREQ_MODEL_SEARCH_H

/* Does something fit with a setting of so many bytes? */
typedef bool (*ModelFits) (const void *what, double setting_bytes);

/* The least that work_mem can be, and that a sort takes for its memory. */
#define MODEL_LEAST_BYTES (64.0 * 1024)

extern double model_smallest_setting(ModelFits fits, const void *what,
									 double enough_bytes);
extern double model_power_of_two(double number);
extern double model_chunk_header(int major);

#endif							/* UPGRADE_PREREQ_MODEL_SEARCH_H */
