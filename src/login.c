/*-------------------------------------------------------------------------
 *
 * login.c
 *	  What a new login of a role to this database really gets.
 *
 * A background worker connects to this database as the role, which applies
 * the settings of server, database and role as at a login (process_settings()
 * in src/backend/utils/init/postinit.c), reads pg_settings, answers through a
 * queue in dynamic shared memory, and ends.  It runs nobody's code but ours:
 * libraries of session_preload_libraries and local_preload_libraries are not
 * loaded and login event triggers are not fired for a worker, since both is
 * done by PostgresMain().  For the same reason it does not see what a client
 * brings along, such as PGOPTIONS.
 *
 * src/login.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "compat.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "libpq/pqmq.h"
#include "login.h"
#include "mb/pg_wchar.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "query.h"
#include "role_setting.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shm_mq.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* How long the worker may take to start, connect and answer. */
#define LOGIN_TIMEOUT_MS 10000

/* The queue need not hold a whole answer. */
#define LOGIN_QUEUE_BYTES 8192

/*
 * Kinds of messages in the queue.  Errors and notices come as the server
 * sends them to a client ('E' and 'N').
 */
#define MESSAGE_SETTING		'D'
#define MESSAGE_COMPLETE	'C'
#define MESSAGE_ERROR		'E'

/* What the worker has to know, at the begin of the shared memory. */
typedef struct LoginRequest
{
	Oid			database_oid;
	Oid			role_oid;
} LoginRequest;

/* The side of whoever asks. */
typedef struct LoginCall
{
	dsm_segment *segment;
	shm_mq_handle *queue;
	BackgroundWorkerHandle *worker;
	TimestampTz deadline;
	List	   *settings;		/* of LoginSetting *, as far as they came */
} LoginCall;

/* $1 = names, as an array. */
static const char setting_query[] =
"SELECT s.name, s.setting, s.source FROM pg_catalog.pg_settings AS s "
"WHERE s.name OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])";

/*----------
 * The worker
 *----------
 */

/* Where the queue begins, in the shared memory. */
static shm_mq *
queue_address(dsm_segment *segment)
{
	return (shm_mq *) ((char *) dsm_segment_address(segment) +
					   MAXALIGN(sizeof(LoginRequest)));
}

/* Send the settings of this session, a message each: three C strings. */
static void
send_settings(void)
{
	const char *names = role_setting_names();
	uint64		rows;

	SPI_connect();
	rows = query_run(setting_query, 1, &names);
	for (uint64 row = 0; row < rows; row++)
	{
		StringInfoData message;

		pq_beginmessage(&message, MESSAGE_SETTING);
		for (int column = 1; column <= 3; column++)
		{
			const char *text = query_text(row, column, CurrentMemoryContext);

			pq_sendbytes(&message, text, strlen(text) + 1);
		}
		pq_endmessage(&message);
	}
	SPI_finish();
}

/*
 * Main function of the worker; main_arg is the handle of the shared memory.
 * From the moment that the queue is attached, errors are sent to whoever
 * asked, too.
 */
void
upgrade_prereq_login_main(Datum main_arg)
{
	dsm_segment *segment;
	LoginRequest *request;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	segment = dsm_attach(DatumGetUInt32(main_arg));
	if (segment == NULL)
		proc_exit(0);			/* nobody waits for the answer any more */
	request = dsm_segment_address(segment);
	shm_mq_set_sender(queue_address(segment), MyProc);
	pq_redirect_to_shm_mq(segment,
						  shm_mq_attach(queue_address(segment), segment, NULL));

	BackgroundWorkerInitializeConnectionByOid(request->database_oid,
											  request->role_oid, 0);

	/* the answer is for a server process of the same database */
	(void) SetClientEncoding(GetDatabaseEncoding());

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();

	/* whatever the role's defaults are: nothing to wait for, or to refuse */
	XactIsoLevel = XACT_READ_COMMITTED;
	XactReadOnly = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	send_settings();
	PopActiveSnapshot();
	CommitTransactionCommand();

	pq_putemptymessage(MESSAGE_COMPLETE);
}

/*----------
 * Whoever asks
 *----------
 */

/*
 * Why a worker is not even tried, or NULL.  The worker does nothing that a
 * role could not have done to it, but a session in the name of a role is for
 * those who could open one, or give themselves the role.
 */
static Obstacle *
find_obstacle(Oid role_oid)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role_oid));
	Form_pg_authid role;
	Obstacle   *obstacle = NULL;

	if (!HeapTupleIsValid(tuple))
		return obstacle_make(ERRCODE_UNDEFINED_OBJECT,
							 psprintf("role with OID %u does not exist",
									  role_oid), NULL, NULL);
	role = (Form_pg_authid) GETSTRUCT(tuple);
	if (!is_member_of_role(GetUserId(), role_oid))
		obstacle = obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
								 psprintf("role \"%s\" is not a member of role \"%s\"",
										  GetUserNameFromId(GetUserId(), false),
										  NameStr(role->rolname)),
								 "Ask as that role, as a member of it, or as a superuser.",
								 NULL);
	else if (!role->rolcanlogin)
		obstacle = obstacle_make(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
								 psprintf("role \"%s\" is not permitted to log in",
										  NameStr(role->rolname)), NULL, NULL);
	ReleaseSysCache(tuple);
	return obstacle;
}

/* Set up the shared memory and start the worker; false if there is no room. */
static bool
start_worker(LoginCall *call, Oid role_oid)
{
	BackgroundWorker worker = {0};
	LoginRequest *request;
	shm_mq	   *queue;

	call->segment = dsm_create(MAXALIGN(sizeof(LoginRequest)) + LOGIN_QUEUE_BYTES,
							   DSM_CREATE_NULL_IF_MAXSEGMENTS);
	if (call->segment == NULL)
		return false;
	request = dsm_segment_address(call->segment);
	request->database_oid = MyDatabaseId;
	request->role_oid = role_oid;
	queue = shm_mq_create(queue_address(call->segment), LOGIN_QUEUE_BYTES);
	shm_mq_set_receiver(queue, MyProc);
	call->queue = shm_mq_attach(queue, call->segment, NULL);

	strlcpy(worker.bgw_name, "upgrade_prereq login", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "upgrade_prereq login", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;	/* a standby, too */
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "$libdir/upgrade_prereq",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "upgrade_prereq_login_main",
			sizeof(worker.bgw_function_name));
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(call->segment));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &call->worker))
		return false;

	/* have a worker that dies before it attached to the queue noticed */
	shm_mq_set_handle(call->queue, call->worker);
	return true;
}

/* Add a setting to those that came; the message is three C strings. */
static void
take_setting(LoginCall *call, const char *text)
{
	LoginSetting *setting = palloc(sizeof(LoginSetting));

	setting->name = pstrdup(text);
	text += strlen(text) + 1;
	setting->setting = pstrdup(text);
	text += strlen(text) + 1;
	setting->source = pstrdup(text);
	call->settings = lappend(call->settings, setting);
}

/* The error that the worker had. */
static Obstacle *
worker_error(const char *text, Size length)
{
	StringInfoData message;
	ErrorData	error;
	Obstacle   *obstacle;

	initStringInfo(&message);
	appendBinaryStringInfo(&message, text, length);
	pq_parse_errornotice(&message, &error);
	obstacle = obstacle_make(error.sqlerrcode, error.message, error.hint, NULL);
	obstacle->detail = error.detail;
	return obstacle;
}

/*
 * Wait until there is something in the queue, or the worker has gone.
 * False when time is up.
 */
static bool
wait_for_worker(const LoginCall *call)
{
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													   call->deadline);

	if (left <= 0)
		return false;
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 left, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	return true;
}

/* Take what the worker sends, until it is done; or what went wrong. */
static Obstacle *
receive_answer(LoginCall *call)
{
	for (;;)
	{
		Size		length;
		void	   *data;
		char	   *message;

		switch (shm_mq_receive(call->queue, &length, &data, true))
		{
			case SHM_MQ_WOULD_BLOCK:
				if (!wait_for_worker(call))
					return obstacle_make(ERRCODE_QUERY_CANCELED,
										 psprintf("the background worker did not answer within %d ms",
												  LOGIN_TIMEOUT_MS), NULL, NULL);
				break;
			case SHM_MQ_DETACHED:
				return obstacle_make(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
									 "the background worker ended without an answer",
									 "The server log says why.", NULL);
			case SHM_MQ_SUCCESS:
				message = data;
				if (message[0] == MESSAGE_COMPLETE)
					return NULL;
				else if (message[0] == MESSAGE_ERROR)
					return worker_error(message + 1, length - 1);
				else if (message[0] == MESSAGE_SETTING)
					take_setting(call, message + 1);
				break;
		}
	}
}

/*
 * What the settings that matter to a migration are in a new session of a role
 * in this database: a List of LoginSetting * in *settings.  Returns what is
 * in the way, or NULL: the caller is no member of the role (42501), the role
 * may not log in (55000) or does not exist (42704), there is no room for a
 * worker (53000), it did not answer in time (57014) or at all (55000), or the
 * error that the login ended with.  Raises an error only if the caller is
 * cancelled.  Works on a standby.
 *
 * The worker sees what is committed: a change made by the transaction that
 * asks does not show.
 */
Obstacle *
login_settings(Oid role_oid, List **settings)
{
	LoginCall	call = {0};
	Obstacle   *volatile obstacle = find_obstacle(role_oid);

	*settings = NIL;
	if (obstacle != NULL)
		return obstacle;

	call.deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												LOGIN_TIMEOUT_MS);
	if (!start_worker(&call, role_oid))
		obstacle = obstacle_make(ERRCODE_INSUFFICIENT_RESOURCES,
								 "no background worker is free",
								 psprintf("max_worker_processes is %d.",
										  max_worker_processes),
								 NULL);
	else
	{
		PG_TRY();
		{
			obstacle = receive_answer(&call);
			if (obstacle == NULL)
			{
				*settings = call.settings;
				(void) WaitForBackgroundWorkerShutdown(call.worker);
			}
		}
		PG_CATCH();
		{
			TerminateBackgroundWorker(call.worker);
			PG_RE_THROW();
		}
		PG_END_TRY();
		TerminateBackgroundWorker(call.worker); /* if it still runs */
	}
	if (call.segment != NULL)
		dsm_detach(call.segment);
	return obstacle;
}

/* The setting of that name, or NULL. */
const LoginSetting *
login_setting_find(List *settings, const char *name)
{
	ListCell   *lc;

	foreach(lc, settings)
	{
		const LoginSetting *setting = lfirst(lc);

		if (strcmp(setting->name, name) == 0)
			return setting;
	}
	return NULL;
}
