/*-------------------------------------------------------------------------
 *
 * upgrade_prereq.h
 *	  The settings of the extension.
 *
 * src/upgrade_prereq.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_H
#define UPGRADE_PREREQ_H

/* What runs OpenMetadata's ingestion pipelines. */
typedef enum PipelineServiceClient
{
	CLIENT_AUTO,				/* not said */
	CLIENT_AIRFLOW,
	CLIENT_KUBERNETES
} PipelineServiceClient;

extern int	setting_check_timeout;	/* milliseconds; 0 = no limit */
extern char *setting_schema;	/* "" = find it */
extern char *setting_migration_role;	/* "" = owner of the tables */
extern int	setting_queued_after;	/* seconds */
extern int	setting_running_after;	/* seconds */
extern char *setting_airflow_server;	/* "" = none */
extern int	setting_pipeline_service_client;	/* PipelineServiceClient */
extern int	setting_airflow_timeout;	/* milliseconds */
extern int	setting_airflow_heartbeat_timeout;	/* seconds */
extern int	setting_maintenance_window; /* seconds */
extern int	setting_required_backup_level;	/* BackupLevel */
extern bool setting_deadline_worker;
extern bool setting_journal_on_subscribers;

/* What upgrade_prereq_raise() has to remember until it is put back. */
extern char *setting_raised_work_mem;
extern char *setting_raised_maintenance_work_mem;

extern const char *pipeline_service_client_name(void);

#endif							/* UPGRADE_PREREQ_H */
