/*-------------------------------------------------------------------------
 *
 * row_share.h
 *	  How many rows of a table satisfy a condition, and how many groups they
 *	  form.
 *
 * The Vars of the expressions have varno 1.
 *
 * src/memory/row_share.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ROW_SHARE_H
#define UPGRADE_PREREQ_ROW_SHARE_H

#include "nodes/pg_list.h"
#include "sample.h"

/* share (0 to 1) of the rows that satisfy all quals; false if not known */
extern TableSample *sample_filter(TableSample *sample, List *quals);

/*
 * number of distinct combinations over all rows, and the share of the rows
 * that the largest has; false if not known
 */
extern bool sample_groups(List *expressions, TableSample *sample,
						  double *groups, double *at_most, double *largest);

#endif							/* UPGRADE_PREREQ_ROW_SHARE_H */
