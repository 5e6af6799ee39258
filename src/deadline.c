/*-------------------------------------------------------------------------
 *
 * deadline.c
 *	  The background worker that takes back what has expired.
 *
 * One is started for each raise that has a deadline.  It waits without a
 * connection to any database, so that it is in nobody's way.  Every now and
 * then it connects, takes back what has expired, and ends; if its deadline is
 * still to come, another worker goes on for it.  So the slot of a worker is
 * soon free again when a raise was put back, or rolled back.
 *
 * It acts as the role that made the raise: it is no way to get rights that
 * this role has not.  After a crash the server starts it again; after a
 * restart of the server it is gone, and the next call of a function that may
 * write takes its place.
 *
 * src/deadline.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "compat.h"
#include "commands/extension.h"
#include "deadline.h"
#include "journal.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "upgrade_prereq.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How long a worker waits before it looks whether it is still needed. */
#define LOOK_AFTER_MS	20000

/*
 * What cannot be taken back at the deadline, as while a lock is held, is tried
 * again in so many seconds; but not for ever.
 */
#define RETRY_AFTER_S	300
#define GIVE_UP_AFTER_MS	3600000

/* What a worker has to know; stands in bgw_extra. */
typedef struct Deadline
{
	TimestampTz at;
	TransactionId xid;			/* of the raise */
	Oid			database_oid;
	Oid			login_oid;		/* who logged in */
	Oid			user_oid;		/* in whose name the raise was made */
	bool		journal_on_subscribers; /* the setting, as of the raise */
} Deadline;

StaticAssertDecl(sizeof(Deadline) <= BGW_EXTRALEN,
				 "a deadline must fit into bgw_extra");

/* Start a worker; false if no slot is free. */
static bool
start_worker(const Deadline *deadline)
{
	BackgroundWorker worker = {0};

	strlcpy(worker.bgw_name, "upgrade_prereq deadline worker", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "upgrade_prereq deadline worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RETRY_AFTER_S;
	strlcpy(worker.bgw_library_name, "$libdir/upgrade_prereq",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "upgrade_prereq_deadline_main",
			BGW_MAXLEN);
	memcpy(worker.bgw_extra, deadline, sizeof(*deadline));
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

/*
 * Start a worker that takes back at a deadline what has expired by then, if
 * this transaction is committed.  False if there is to be none (setting
 * deadline_worker), or no slot is free for it.
 */
bool
deadline_worker_start(TimestampTz at)
{
	Deadline	deadline = {
		.at = at,
		.xid = GetCurrentTransactionId(),
		.database_oid = MyDatabaseId,
		.login_oid = GetAuthenticatedUserId(),
		.user_oid = GetUserId(),
		.journal_on_subscribers = setting_journal_on_subscribers,
	};

	return setting_deadline_worker && start_worker(&deadline);
}

/* Wait for a time, or end when the server or somebody wants that. */
static void
wait_until(TimestampTz time)
{
	for (;;)
	{
		long		seconds;
		int			microseconds;

		if (ShutdownRequestPending)
			proc_exit(0);
		TimestampDifference(GetCurrentTimestamp(), time, &seconds,
							&microseconds);
		if (seconds == 0 && microseconds == 0)
			return;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 seconds * 1000L + microseconds / 1000 + 1,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/*
 * Is a change open that is to be taken back at a time, or could be yet?  The
 * transaction first: once it has ended, what it left is seen in the journal.
 */
static bool
is_needed(const Deadline *deadline)
{
	return TransactionIdIsInProgress(deadline->xid) ||
		journal_expires_at(deadline->at);
}

/* Take back what has expired; false if there is nothing left to wait for. */
static bool
take_back(const Deadline *deadline)
{
	bool		needed = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	/* whatever the defaults of the role or database are: it has to be done */
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = false;
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING,
						   "taking back expired changes of upgrade_prereq");
	if (OidIsValid(get_extension_oid("upgrade_prereq", true)))
	{
		if (deadline->user_oid != GetUserId())
			SetCurrentRoleId(deadline->user_oid,
							 superuser_arg(deadline->user_oid));
		(void) journal_undo_expired();
		needed = is_needed(deadline);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
	return needed;
}

/*
 * Have nothing of what the owner of the database set for it decide what the
 * worker runs, or how long it may.
 */
static void
pin_settings(void)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET,
					PGC_S_SESSION);
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		SetConfigOption("transaction_timeout", "0", PGC_USERSET,
						PGC_S_SESSION);
}

/*
 * The worker.  An exit with 1 has the server start it again after
 * RETRY_AFTER_S, one with 0 ends it.
 */
void
upgrade_prereq_deadline_main(Datum argument pg_attribute_unused())
{
	Deadline	deadline;
	TimestampTz now = GetCurrentTimestamp();

	memcpy(&deadline, MyBgworkerEntry->bgw_extra, sizeof(deadline));
	if (TimestampDifferenceExceeds(deadline.at, now, GIVE_UP_AFTER_MS))
		proc_exit(0);

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	wait_until(Min(deadline.at,
				   TimestampTzPlusMilliseconds(now, LOOK_AFTER_MS)));

	pqsignal(SIGTERM, die);
	BackgroundWorkerInitializeConnectionByOid(deadline.database_oid,
											  deadline.login_oid,
											  BGWORKER_BYPASS_ALLOWCONN);
	pin_settings();
	if (deadline.journal_on_subscribers)
		SetConfigOption("upgrade_prereq.journal_on_subscribers", "on",
						PGC_USERSET, PGC_S_SESSION);
	if (!take_back(&deadline))
		proc_exit(0);
	if (GetCurrentTimestamp() < deadline.at && start_worker(&deadline))
		proc_exit(0);
	proc_exit(1);
}
