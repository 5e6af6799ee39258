/*-------------------------------------------------------------------------
 *
 * upgrade_prereq.c
 *	  Preflight checks before an OpenMetadata upgrade: module and settings.
 *
 * src/upgrade_prereq.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "backup/evidence.h"
#include "compat.h"
#include "fmgr.h"
#include "upgrade_prereq.h"

PG_MODULE_MAGIC_EXT(
					.name = "upgrade_prereq",
					.version = UPGRADE_PREREQ_VERSION
);

void		_PG_init(void);

/*
 * How long one check may take.  A check that hits the limit is reported as
 * unknown, so a low limit never turns a bad state into a good report.
 */
int			setting_check_timeout = 30000;

/*
 * The schema of OpenMetadata's tables.  Only needed where a database has them
 * in several schemas, such as a copy kept from an earlier upgrade.
 */
char	   *setting_schema = NULL;

/*
 * The role that OpenMetadata's migration logs in as.  By default the owner of
 * OpenMetadata's tables, which is what the migration creates them as.
 */
char	   *setting_migration_role = NULL;

/*
 * How old the newest run of a pipeline may be before it is called stuck, by
 * its state.  The defaults are OpenMetadata's own limits: its server hides
 * queued runs after 3600 s (queuedStatusTimeoutSeconds), its Kubernetes
 * runner ends a job after 7200 s (activeDeadlineSeconds).  Both can be
 * configured, which the database does not show.
 */
int			setting_queued_after = 3600;
int			setting_running_after = 7200;

/*
 * The foreign server through which Airflow's own tables can be read.
 */
char	   *setting_airflow_server = NULL;

/*
 * What runs the ingestion pipelines; OpenMetadata's configuration calls it the
 * pipeline service client.  It stands nowhere in the database.  Kubernetes
 * ends every job after activeDeadlineSeconds, Airflow does not.
 */
int			setting_pipeline_service_client = CLIENT_AUTO;

static const struct config_enum_entry pipeline_service_clients[] = {
	{"auto", CLIENT_AUTO, false},
	{"airflow", CLIENT_AIRFLOW, false},
	{"kubernetes", CLIENT_KUBERNETES, false},
	{NULL, 0, false}
};

/*
 * How long it may take to ask Airflow's database, connecting included.
 */
int			setting_airflow_timeout = 10000;

/*
 * After what time without a heartbeat Airflow gives up a task: a setting of
 * its own (scheduler_zombie_task_threshold, from Airflow 3.0 on
 * task_instance_heartbeat_timeout) that its database does not show.
 */
int			setting_airflow_heartbeat_timeout = 300;

/*
 * How long the maintenance takes that begins now: which schedules come up
 * meanwhile?  By default as long as a raise is valid.
 */
int			setting_maintenance_window = 14400;

/*
 * Should a background worker take back at its deadline what was raised for a
 * role or database?  It takes one of max_worker_processes until then.
 */
bool		setting_deadline_worker = true;

/*
 * Whether every subscriber of a publication that has the journal in it has
 * that table, too.  Nobody can see that from here.
 */
bool		setting_journal_on_subscribers = false;

/*
 * How far a backup has to be proven.  Below it the check backup finds an
 * error, and the gate refuses.
 */
int			setting_required_backup_level = BACKUP_COMPLETE;

static const struct config_enum_entry backup_level_options[] = {
	{"none", BACKUP_NONE, false},
	{"declared", BACKUP_DECLARED, false},
	{"seen", BACKUP_SEEN, false},
	{"header", BACKUP_HEADER, false},
	{"listed", BACKUP_LISTED, false},
	{"complete", BACKUP_COMPLETE, false},
	{"fresh", BACKUP_FRESH, false},
	{NULL, 0, false}
};

/*
 * Not for users: what upgrade_prereq_raise() found, for
 * upgrade_prereq_restore().  A setting is the one place that follows
 * transactions, savepoints and RESET exactly as work_mem itself does.
 */
char	   *setting_raised_work_mem = NULL;
char	   *setting_raised_maintenance_work_mem = NULL;

/* The value of the setting pipeline_service_client. */
const char *
pipeline_service_client_name(void)
{
	return pipeline_service_clients[setting_pipeline_service_client].name;
}

/* Define the settings; needs no shared_preload_libraries. */
void
_PG_init(void)
{
	DefineCustomIntVariable("upgrade_prereq.check_timeout",
							"Sets the maximum time one check may take.",
							"A check that takes longer is reported as unknown. A value of 0 turns off the limit.",
							&setting_check_timeout,
							30000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomStringVariable("upgrade_prereq.schema",
							   "Names the schema of OpenMetadata's tables.",
							   "An empty string means the only schema that holds them.",
							   &setting_schema,
							   "",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);

	DefineCustomStringVariable("upgrade_prereq.migration_role",
							   "Names the role that runs OpenMetadata's migration.",
							   "An empty string means the owner of OpenMetadata's tables.",
							   &setting_migration_role,
							   "",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);

	DefineCustomIntVariable("upgrade_prereq.queued_after",
							"Sets the age from which a queued run is called stuck.",
							NULL,
							&setting_queued_after,
							3600, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomIntVariable("upgrade_prereq.running_after",
							"Sets the age from which a running run is called stuck.",
							NULL,
							&setting_running_after,
							7200, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomStringVariable("upgrade_prereq.airflow_server",
							   "Names the foreign server of Airflow's database.",
							   "An empty string means that Airflow is not asked.",
							   &setting_airflow_server,
							   "",
							   PGC_USERSET, 0,
							   NULL, NULL, NULL);

	DefineCustomEnumVariable("upgrade_prereq.pipeline_service_client",
							 "Names what runs the ingestion pipelines.",
							 "With kubernetes, a run that is older than the deadline of a job is stuck.",
							 &setting_pipeline_service_client,
							 CLIENT_AUTO, pipeline_service_clients,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomIntVariable("upgrade_prereq.airflow_timeout",
							"Sets the maximum time asking Airflow's database may take.",
							NULL,
							&setting_airflow_timeout,
							10000, 1000, 600000,
							PGC_USERSET, GUC_UNIT_MS,
							NULL, NULL, NULL);

	DefineCustomIntVariable("upgrade_prereq.airflow_heartbeat_timeout",
							"Sets the time without a heartbeat after which Airflow gives up a task.",
							"A task is called dead after twice that time.",
							&setting_airflow_heartbeat_timeout,
							300, 1, 86400,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomIntVariable("upgrade_prereq.maintenance_window",
							"Sets the length of the maintenance window, which begins now.",
							"No schedule should start a run in it.",
							&setting_maintenance_window,
							14400, 0, 7 * 86400,
							PGC_USERSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomBoolVariable("upgrade_prereq.deadline_worker",
							 "Has a background worker take back at its deadline what was raised.",
							 "Without one, the next call of a function that may write does.",
							 &setting_deadline_worker,
							 true,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomBoolVariable("upgrade_prereq.journal_on_subscribers",
							 "Says that every subscriber has the journal's table, too.",
							 "While it is published, nothing is written into the journal otherwise.",
							 &setting_journal_on_subscribers,
							 false,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomEnumVariable("upgrade_prereq.required_backup_level",
							 "Sets how far a backup has to be proven.",
							 "Below that level the gate refuses.",
							 &setting_required_backup_level,
							 BACKUP_COMPLETE, backup_level_options,
							 PGC_USERSET, 0,
							 NULL, NULL, NULL);

	DefineCustomStringVariable("upgrade_prereq.raised_work_mem",
							   "Remembers work_mem for upgrade_prereq_restore().",
							   "Set by upgrade_prereq_raise().",
							   &setting_raised_work_mem,
							   "",
							   PGC_USERSET,
							   GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   NULL, NULL, NULL);

	DefineCustomStringVariable("upgrade_prereq.raised_maintenance_work_mem",
							   "Remembers maintenance_work_mem for upgrade_prereq_restore().",
							   "Set by upgrade_prereq_raise().",
							   &setting_raised_maintenance_work_mem,
							   "",
							   PGC_USERSET,
							   GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   NULL, NULL, NULL);

	MarkGUCPrefixReserved("upgrade_prereq");
}
