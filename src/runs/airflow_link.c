/*-------------------------------------------------------------------------
 *
 * airflow_link.c
 *	  Asking another database, through a foreign server.
 *
 * This is dblink's: it knows how a foreign server and a user mapping make a
 * connection, and to whom the password of somebody else must not be lent.  Its
 * functions are called as the caller, after it was seen that they belong to
 * the extension.  What is added is that nothing waits without end, whatever
 * the other side does:
 *
 * - Up to PostgreSQL 15 dblink connects without answering interrupts, for as
 *   long as libpq's connect_timeout says, by default without end; from 16 on
 *   it answers interrupts, but knows no connect_timeout (libpqsrv_connect() in
 *   src/include/libpq/libpq-be-fe-helpers.h).  So libpq is given a default, by
 *   its environment variable, and the time limit of guard.c covers the rest.
 * - If client_encoding is not that of this database, dblink sets it, and waits
 *   for that without answering interrupts: a pooler that lets a client in but
 *   has no server for it would keep us.  So it is asked for with the login,
 *   by libpq's environment variable.
 * - Queries are sent without waiting for the answer (dblink_send_query()), and
 *   only what has come is read.  A message is kept smaller than what the
 *   kernel takes without somebody reading it.
 * - A query is not cancelled through dblink, which would connect once more; it
 *   ends by the time limit that airflow.c gives to the session, or when the
 *   server sees that nobody listens.
 *
 * The connection has a name, which outlives transactions.  So it is closed
 * here on every path.
 *
 * src/runs/airflow_link.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "compat.h"
#include "extension.h"
#include "foreign/foreign.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "pgstat.h"
#include "query.h"
#include "runs/airflow_link.h"
#include "storage/latch.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#define CONNECTION_NAME "upgrade_prereq airflow"

/* How long to wait between two looks for an answer. */
#define SHORTEST_NAP_MS 1
#define LONGEST_NAP_MS 50

/* The functions of dblink that are called. */
typedef enum DblinkFunction
{
	DBLINK_CONNECT,
	DBLINK_SEND_QUERY,
	DBLINK_IS_BUSY,
	DBLINK_GET_RESULT,
	DBLINK_DISCONNECT
} DblinkFunction;

static const struct
{
	const char *name;
	int			arguments;		/* all are texts */
}			dblink_functions[] = {
	{"dblink_connect", 2},
	{"dblink_send_query", 2},
	{"dblink_is_busy", 1},
	{"dblink_get_result", 1},
	{"dblink_disconnect", 1}
};

struct AirflowLink
{
	const char *server;
	AirflowTalk talk;
	void	   *argument;
	MemoryContext context;		/* where answers and obstacles go */
	int			hosts;			/* that libpq may try */
	Oid			functions[lengthof(dblink_functions)];
	const char *get_result;		/* query, $1 = name of the connection */
	List	   *secrets;		/* what no message may show (char *) */
	const char *old_timeout;	/* of the environment, while connecting */
	const char *old_encoding;
	bool		is_open;
	Obstacle   *obstacle;
};

/*----------
 * What is needed to connect
 *----------
 */

/* Find dblink's functions; returns what is in the way, or NULL. */
static Obstacle *
find_dblink(AirflowLink *link)
{
	Oid			extension = get_extension_oid("dblink", true);
	const char *schema = extension_schema_of("dblink");

	if (!OidIsValid(extension) || schema == NULL)
		return obstacle_make(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							 "extension \"dblink\" is not installed",
							 "It comes with PostgreSQL, and is needed to read Airflow's database.",
							 "CREATE EXTENSION dblink;");

	for (size_t i = 0; i < lengthof(dblink_functions); i++)
	{
		static const Oid types[] = {TEXTOID, TEXTOID};
		List	   *name = list_make2(makeString(pstrdup(schema)),
									  makeString(pstrdup(dblink_functions[i].name)));
		Oid			oid = LookupFuncName(name, dblink_functions[i].arguments,
										 types, true);

		if (!OidIsValid(oid) ||
			getExtensionOfObject(ProcedureRelationId, oid) != extension)
			return obstacle_make(ERRCODE_UNDEFINED_FUNCTION,
								 psprintf("extension \"dblink\" has no function \"%s\"",
										  dblink_functions[i].name),
								 NULL, NULL);
		if (object_aclcheck(ProcedureRelationId, oid, GetUserId(),
							ACL_EXECUTE) != ACLCHECK_OK)
			return obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
								 psprintf("permission denied for function \"%s\"",
										  dblink_functions[i].name),
								 "Ask the owner of extension \"dblink\" for the GRANT given as the fix.",
								 psprintf("GRANT EXECUTE ON FUNCTION %s TO %s;",
										  format_procedure_qualified(oid),
										  quote_identifier(GetUserNameFromId(GetUserId(), false))));
		link->functions[i] = oid;
	}

	link->get_result =
		psprintf("SELECT r.answer FROM %s($1) AS r (answer pg_catalog.text)",
				 quote_qualified_identifier(schema,
											dblink_functions[DBLINK_GET_RESULT].name));
	return NULL;
}

/* Note the values of options that may be secret. */
static void
note_secrets(AirflowLink *link, List *options, bool is_mapping)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *option = lfirst(lc);
		const char *value = defGetString(option);

		if (strcmp(option->defname, "user") == 0 || value[0] == '\0')
			continue;
		if (is_mapping || strstr(option->defname, "pass") != NULL)
			link->secrets = lappend(link->secrets, pstrdup(value));
	}
}

/*
 * Find the options of the caller's mapping to a server, or of that of
 * everybody; false if there is none.
 */
static bool
find_mapping(AirflowLink *link, Oid server_oid)
{
	const Oid	users[] = {GetUserId(), InvalidOid};

	for (size_t i = 0; i < lengthof(users); i++)
	{
		HeapTuple	tuple = SearchSysCache2(USERMAPPINGUSERSERVER,
											ObjectIdGetDatum(users[i]),
											ObjectIdGetDatum(server_oid));
		Datum		options;
		bool		isnull;

		if (!HeapTupleIsValid(tuple))
			continue;
		options = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple,
								  Anum_pg_user_mapping_umoptions, &isnull);
		if (!isnull)
			note_secrets(link, untransformRelOptions(options), true);
		ReleaseSysCache(tuple);
		return true;
	}
	return false;
}

/* An option of a server, or NULL. */
static const char *
server_option(const ForeignServer *server, const char *name)
{
	ListCell   *lc;

	foreach(lc, server->options)
	{
		DefElem    *option = lfirst(lc);

		if (strcmp(option->defname, name) == 0)
			return defGetString(option);
	}
	return NULL;
}

/* How many hosts a server names. */
static int
count_hosts(const ForeignServer *server)
{
	static const char *const options[] = {"host", "hostaddr"};
	int			result = 1;

	for (size_t i = 0; i < lengthof(options); i++)
	{
		const char *value = server_option(server, options[i]);
		int			hosts = 1;

		for (; value != NULL && *value != '\0'; value++)
			hosts += *value == ',';
		result = Max(result, hosts);
	}
	return result;
}

/* See to it that the server can be used; returns what is in the way, or NULL. */
static Obstacle *
find_server(AirflowLink *link)
{
	ForeignServer *server = GetForeignServerByName(link->server, true);
	const char *role = quote_identifier(GetUserNameFromId(GetUserId(), false));
	const char *name = quote_identifier(link->server);
	const char *timeout;

	if (server == NULL)
		return obstacle_make(ERRCODE_UNDEFINED_OBJECT,
							 psprintf("server \"%s\" does not exist",
									  link->server),
							 "The argument or setting airflow_server is the name of a foreign server.",
							 NULL);
	if (object_aclcheck(ForeignServerRelationId, server->serverid, GetUserId(),
						ACL_USAGE) != ACLCHECK_OK)
		return obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
							 psprintf("permission denied for foreign server \"%s\"",
									  link->server),
							 "Ask the owner of the server for the GRANT given as the fix.",
							 psprintf("GRANT USAGE ON FOREIGN SERVER %s TO %s;",
									  name, role));

	note_secrets(link, server->options, false);
	if (!find_mapping(link, server->serverid))
		return obstacle_make(ERRCODE_UNDEFINED_OBJECT,
							 psprintf("there is no user mapping for role \"%s\" and server \"%s\"",
									  GetUserNameFromId(GetUserId(), false),
									  link->server),
							 psprintf("CREATE USER MAPPING FOR %s SERVER %s OPTIONS (...) says as whom to log in.",
									  role, name),
							 NULL);

	link->hosts = count_hosts(server);

	/* libpq takes 0 and less for no limit */
	timeout = server_option(server, "connect_timeout");
	if (timeout != NULL && strtol(timeout, NULL, 10) <= 0)
		return obstacle_make(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
							 psprintf("server \"%s\" has no limit for the time to connect",
									  link->server),
							 "Without the option, the limit is that of upgrade_prereq.airflow_timeout.",
							 psprintf("ALTER SERVER %s OPTIONS (DROP connect_timeout);",
									  name));
	return NULL;
}

/*----------
 * The connection
 *----------
 */

/* Call a function of dblink with the name of the connection, and a text. */
static Datum
call_dblink(const AirflowLink *link, DblinkFunction function,
			const char *second)
{
	Datum		name = CStringGetTextDatum(CONNECTION_NAME);

	if (dblink_functions[function].arguments == 1)
		return OidFunctionCall1(link->functions[function], name);
	return OidFunctionCall2(link->functions[function], name,
							CStringGetTextDatum(second));
}

/* Give an environment variable a value; NULL for none. */
static void
set_environment(const char *name, const char *value)
{
	if (value != NULL)
		(void) setenv(name, value, 1);
	else
		(void) unsetenv(name);
}

/* A copy of an environment variable, or NULL. */
static const char *
get_environment(const char *name)
{
	const char *value = getenv(name);

	return value ? pstrdup(value) : NULL;
}

/*
 * Give libpq our defaults, and note those that were there.  Its limit is one
 * for each host, and never below two seconds.
 */
static void
enter_environment(AirflowLink *link)
{
	int			timeout_ms = setting_airflow_timeout / link->hosts;

	link->old_timeout = get_environment("PGCONNECT_TIMEOUT");
	link->old_encoding = get_environment("PGCLIENTENCODING");
	set_environment("PGCONNECT_TIMEOUT",
					psprintf("%d", (timeout_ms + 999) / 1000));
	set_environment("PGCLIENTENCODING", GetDatabaseEncodingName());
}

/* Put back what was there. */
static void
leave_environment(const AirflowLink *link)
{
	set_environment("PGCONNECT_TIMEOUT", link->old_timeout);
	set_environment("PGCLIENTENCODING", link->old_encoding);
}

/*
 * Connect.  What libpq takes from its environment holds for this connection
 * only; the options of the server come first.
 */
static void
open_link(AirflowLink *link)
{
	enter_environment(link);
	PG_TRY();
	{
		(void) call_dblink(link, DBLINK_CONNECT, link->server);
		link->is_open = true;
	}
	PG_CATCH();
	{
		leave_environment(link);
		PG_RE_THROW();
	}
	PG_END_TRY();
	leave_environment(link);
}

/* Disconnect, if that has not happened yet. */
static void
close_link(AirflowLink *link)
{
	MemoryContext previous;

	if (!link->is_open)
		return;
	link->is_open = false;
	previous = MemoryContextSwitchTo(link->context);
	(void) call_dblink(link, DBLINK_DISCONNECT, NULL);
	MemoryContextSwitchTo(previous);
}

/*
 * Wait until something can be read without waiting.  Interrupts are answered,
 * the time limit among them.
 */
static void
wait_for_result(const AirflowLink *link)
{
	long		nap = SHORTEST_NAP_MS;

	while (DatumGetInt32(call_dblink(link, DBLINK_IS_BUSY, NULL)) != 0)
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 nap, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		nap = Min(nap * 2, LONGEST_NAP_MS);
	}
}

/*
 * Have the other side execute some statements, of which the last one returns
 * a row with one text: that text.  Any error there is raised here, with its
 * SQLSTATE; a lost connection too.
 */
const char *
airflow_link_ask(AirflowLink *link, const char *query)
{
	const char *name = CONNECTION_NAME;
	const char *answer = NULL;
	bool		more = true;

	if (DatumGetInt32(call_dblink(link, DBLINK_SEND_QUERY, query)) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("could not send a query to server \"%s\"",
						link->server)));

	/* a result for each statement, then one without rows */
	while (more)
	{
		wait_for_result(link);
		SPI_connect();
		more = query_run(link->get_result, 1, &name) > 0;
		if (more)
			answer = query_text(0, 1, link->context);
		SPI_finish();
		CHECK_FOR_INTERRUPTS();
	}

	if (answer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA),
				 errmsg("server \"%s\" gave no answer", link->server)));
	/* it may come from a database whose texts nobody has looked at */
	pg_verifymbstr(answer, strlen(answer), false);
	return answer;
}

/* Connect and talk, for guard_run_airflow(). */
static void
talk_guarded(void *argument)
{
	AirflowLink *link = argument;
	MemoryContext previous = MemoryContextSwitchTo(link->context);

	/* dblink and the other side have nothing to say that is not said here */
	guard_pin_setting("client_min_messages", "error");

	link->obstacle = find_dblink(link);
	if (link->obstacle == NULL)
		link->obstacle = find_server(link);
	if (link->obstacle == NULL)
	{
		open_link(link);
		link->obstacle = link->talk(link, link->argument);
	}
	MemoryContextSwitchTo(previous);
}

/*----------
 * Secrets
 *----------
 */

/* A message without a secret. */
static const char *
hide_secret(const char *message, const char *secret)
{
	StringInfoData result;
	const char *found;

	initStringInfo(&result);
	while ((found = strstr(message, secret)) != NULL)
	{
		appendBinaryStringInfo(&result, message, found - message);
		appendStringInfoString(&result, "***");
		message = found + strlen(secret);
	}
	appendStringInfoString(&result, message);
	return result.data;
}

/* A message on one line, without secrets; NULL is NULL. */
static const char *
clean_message(const AirflowLink *link, const char *message)
{
	ListCell   *lc;
	char	   *line;

	if (message == NULL)
		return NULL;
	foreach(lc, link->secrets)
		message = hide_secret(message, lfirst(lc));

	line = pstrdup(message);
	for (char *p = line; *p != '\0'; p++)
	{
		if (*p == '\n' || *p == '\t' || *p == '\r')
			*p = ' ';
	}
	return line;
}

/*
 * What the other side says may hold whatever it was sent: a server that is not
 * the one that was meant has the password, and can say it.
 */
static Obstacle *
clean_obstacle(const AirflowLink *link, Obstacle *obstacle)
{
	obstacle->message = clean_message(link, obstacle->message);
	obstacle->detail = clean_message(link, obstacle->detail);
	obstacle->hint = clean_message(link, obstacle->hint);
	return obstacle;
}

/*
 * Connect to the database that a foreign server leads to, as the caller's user
 * mapping says, have a function ask it with airflow_link_ask(), and disconnect.
 * Returns what is in the way, or NULL: dblink is not installed (55000), the
 * right to its functions or to the server is missing (42501), there is no such
 * server or no user mapping (42704), the time limit was reached (57014), or
 * the error that connecting or a query ended with.  Raises an error only if
 * the caller is cancelled.
 */
Obstacle *
airflow_link_run(const char *server, AirflowTalk talk, void *argument)
{
	AirflowLink link = {
		.server = server,
		.talk = talk,
		.argument = argument,
		.context = CurrentMemoryContext
	};
	Obstacle   *volatile obstacle = NULL;

	PG_TRY();
	{
		obstacle = guard_run_airflow(talk_guarded, &link);
	}
	PG_CATCH();
	{
		close_link(&link);
		PG_RE_THROW();
	}
	PG_END_TRY();
	close_link(&link);

	if (obstacle == NULL)
		obstacle = link.obstacle;
	return obstacle ? clean_obstacle(&link, obstacle) : NULL;
}
