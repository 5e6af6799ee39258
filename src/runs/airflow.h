/*-------------------------------------------------------------------------
 *
 * airflow.h
 *	  Airflow's own record of the runs.
 *
 * src/runs/airflow.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_AIRFLOW_H
#define UPGRADE_PREREQ_AIRFLOW_H

#include "runs/run.h"

extern Obstacle *airflow_judge(List *runs, const RunKind *kind,
							   const RunRequest *request);

#endif							/* UPGRADE_PREREQ_AIRFLOW_H */
