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

#include "guard.h"
#include "nodes/pg_list.h"

extern Obstacle *airflow_judge(List *runs, const char *server);

#endif							/* UPGRADE_PREREQ_AIRFLOW_H */
