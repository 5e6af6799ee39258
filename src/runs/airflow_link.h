/*-------------------------------------------------------------------------
 *
 * airflow_link.h
 *	  Asking another database, through a foreign server.
 *
 * src/runs/airflow_link.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_AIRFLOW_LINK_H
#define UPGRADE_PREREQ_AIRFLOW_LINK_H

#include "guard.h"

typedef struct AirflowLink AirflowLink;

/* Asks what it wants to know; returns what is in the way, or NULL. */
typedef Obstacle *(*AirflowTalk) (AirflowLink *link, void *argument);

extern Obstacle *airflow_link_run(const char *server, AirflowTalk talk,
								  void *argument);
extern const char *airflow_link_ask(AirflowLink *link, const char *query);

#endif							/* UPGRADE_PREREQ_AIRFLOW_LINK_H */
