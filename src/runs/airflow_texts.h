/*-------------------------------------------------------------------------
 *
 * airflow_texts.h
 *	  The queries of src/runs/airflow/, compiled in.
 *
 * What each is for and returns stands at the top of its file.
 *
 * src/runs/airflow_texts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_AIRFLOW_TEXTS_H
#define UPGRADE_PREREQ_AIRFLOW_TEXTS_H

/* run in Airflow's database */
extern const char airflow_open[];
extern const char airflow_settings[];
extern const char airflow_probe[];
extern const char airflow_known[];
extern const char airflow_record[];

/* run in this one: over OpenMetadata's tables */
extern const char airflow_sample[];

/* ... and over the answers */
extern const char airflow_needs[];
extern const char airflow_batches[];
extern const char airflow_gate[];
extern const char airflow_decision[];

#endif							/* UPGRADE_PREREQ_AIRFLOW_TEXTS_H */
