/*-------------------------------------------------------------------------
 *
 * deadline.c
 *	  The background worker that takes back what has expired.
 *
 * One is started for each raise that has a deadline.  It waits without a
 * connection to any database, so that it is in nobody's way, connects when
 * the time has come, and ends.  It acts as the role that made the raise: it
 * is no way to get rights that this role has not.  After a crash the server
 * starts it again; after a restart of the server it is gone, and the next
 * call of a function that may write takes its place.
 *
 * src/deadline.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/transam.h"
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
#include "tcop/tcopprot.h"
#include "upgrade_prereq.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/*
 * What cannot be taken back at the deadline, as while a lock is held, is tried
 * again in so many seconds; but not for ever.
 */
#define RETRY_AFTER_S	300
#define GIVE_UP_AFTER_S	3600

/* What a worker has to know; stands in bgw_extra. */
typedef struct Deadline
{
	TimestampTz at;
	Oid			database_oid;
	Oid			session_user_oid;	/* who logged in */
	Oid			user_oid;		/* in whose name the raise was made */
} Deadline;

StaticAssertDecl(sizeof(Deadline) <= BGW_EXTRALEN,
				 "a deadline must fit into bgw_extra");

/* A worker, and the transaction without which it has nothing to do. */
typedef struct StartedWorker
{
	MemoryContextCallback callback;
	BackgroundWorkerHandle *handle;
	TransactionId xid;
} StartedWorker;

/*
 * The transaction, or the subtransaction, has ended: if it was rolled back,
 * the worker has nothing to wait for.
 */
static void
end_if_aborted(void *argument)
{
	StartedWorker *worker = argument;

	if (TransactionIdDidAbort(worker->xid))
		TerminateBackgroundWorker(worker->handle);
}

/* Bind a worker to the current subtransaction. */
static void
end_with_transaction(BackgroundWorkerHandle *handle)
{
	StartedWorker *worker = MemoryContextAlloc(CurTransactionContext,
											   sizeof(StartedWorker));

	worker->handle = handle;
	worker->xid = GetCurrentTransactionId();
	worker->callback.func = end_if_aborted;
	worker->callback.arg = worker;
	MemoryContextRegisterResetCallback(CurTransactionContext,
									   &worker->callback);
}

/*
 * Start a worker that takes back at a deadline what has expired by then.  If
 * the transaction is rolled back, so is the start.  False if there is to be
 * none (setting deadline_worker), or no slot is free for it.
 */
bool
deadline_worker_start(TimestampTz deadline)
{
	BackgroundWorker worker = {0};
	Deadline   *argument = (Deadline *) worker.bgw_extra;
	BackgroundWorkerHandle *handle;
	MemoryContext context;
	bool		started;

	if (!setting_deadline_worker)
		return false;

	strlcpy(worker.bgw_name, "upgrade_prereq deadline worker", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "upgrade_prereq deadline worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RETRY_AFTER_S;
	strlcpy(worker.bgw_library_name, "upgrade_prereq",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "upgrade_prereq_deadline_main",
			BGW_MAXLEN);
	argument->at = deadline;
	argument->database_oid = MyDatabaseId;
	argument->session_user_oid = GetSessionUserId();
	argument->user_oid = GetUserId();

	context = MemoryContextSwitchTo(CurTransactionContext);
	started = RegisterDynamicBackgroundWorker(&worker, &handle);
	MemoryContextSwitchTo(context);
	if (started)
		end_with_transaction(handle);
	return started;
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
		/* not too long at once: the clock may be set */
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(seconds, 60) * 1000L + microseconds / 1000 + 1,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}

/* Take back what has expired, in a transaction; true if nothing is left. */
static bool
take_back(Oid user_oid)
{
	int			failures = 0;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	pgstat_report_activity(STATE_RUNNING, "taking back expired changes of upgrade_prereq");
	if (OidIsValid(get_extension_oid("upgrade_prereq", true)))
	{
		if (user_oid != GetUserId())
			SetCurrentRoleId(user_oid, superuser_arg(user_oid));
		failures = journal_undo_expired();
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
	return failures == 0;
}

/*
 * The worker.  An exit with 1 has the server start it again after
 * RETRY_AFTER_S, one with 0 ends it.
 */
void
upgrade_prereq_deadline_main(Datum argument pg_attribute_unused())
{
	const Deadline deadline = *(const Deadline *) MyBgworkerEntry->bgw_extra;

	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	wait_until(deadline.at);
	if (TimestampDifferenceExceeds(deadline.at, GetCurrentTimestamp(),
								   GIVE_UP_AFTER_S * 1000))
		proc_exit(0);

	pqsignal(SIGTERM, die);
	BackgroundWorkerInitializeConnectionByOid(deadline.database_oid,
											  deadline.session_user_oid,
											  BGWORKER_BYPASS_ALLOWCONN);
	proc_exit(take_back(deadline.user_oid) ? 0 : 1);
}
