/*-------------------------------------------------------------------------
 *
 * limit.c
 *	  How far work_mem and maintenance_work_mem of a role can be raised on
 *	  this machine.
 *
 *	  headroom = what machine and container have left
 *				 - shared buffers that were never used so far
 *				 - what autovacuum may take
 *	  work_mem = headroom x share / (sessions x memory nodes x
 *				 hash_mem_multiplier x processes)
 *	  maintenance_work_mem = headroom x share / sessions
 *
 * work_mem is a limit of each sort or hash of a plan, in each process that
 * runs it, and a hash may take hash_mem_multiplier times as much
 * (get_hash_memory_limit() in src/backend/executor/nodeHash.c).
 * maintenance_work_mem is divided among the workers of an index build
 * (_bt_parallel_scan_and_sort() in src/backend/access/nbtree/nbtsort.c).
 *
 * src/memory/limit.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <errno.h>
#include <math.h>

#include "catalog/pg_authid.h"
#include "compat.h"
#include "guard.h"
#include "host.h"
#include "limit.h"
#include "query.h"
#include "release.h"
#include "role_setting.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_memory_limit);

/* Columns of upgrade_prereq_memory_limit(). */
#define LIMIT_COLUMNS 5

/*
 * The other half is for what cannot be counted: other sessions, the file
 * cache that the migration needs, other programs.
 */
#define LIMIT_SHARE 0.5

/* Sorts and hashes that a statement of the migration has at most at once. */
#define LIMIT_MEMORY_NODES 4

/* Shared buffers that are looked at to know how many are in use. */
#define LIMIT_BUFFER_SAMPLE 65536

/*----------
 * Lines of the account
 *----------
 */

/* Add a line that is not known yet. */
static LimitFactor *
add_factor(MemoryLimit *limit, const char *name, const char *source)
{
	LimitFactor *factor = palloc0(sizeof(LimitFactor));

	factor->name = name;
	factor->source = source;
	limit->factors = lappend(limit->factors, factor);
	return factor;
}

/* Add a line with a value. */
static LimitFactor *
add_value(MemoryLimit *limit, const char *name, double value,
		  const char *source)
{
	LimitFactor *factor = add_factor(limit, name, source);

	factor->known = true;
	factor->value = value;
	return factor;
}

/*
 * A text that comes from files, with whatever bytes its names had, as a text
 * in any encoding.
 */
static const char *
plain_ascii(const char *text)
{
	char	   *result = text ? pstrdup(text) : NULL;

	for (char *p = result; p != NULL && *p != '\0'; p++)
	{
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return result;
}

/* Add a line with a figure of the machine; host NULL: it must not be seen. */
static LimitFactor *
add_figure(MemoryLimit *limit, const char *name, const HostMemory *host,
		   const HostFigure *figure)
{
	LimitFactor *factor = add_factor(limit, name, plain_ascii(figure->source));

	factor->note = host == NULL ?
		"it is shown to members of pg_read_all_stats only" :
		plain_ascii(figure->note);
	factor->known = figure->known;
	factor->unlimited = figure->unlimited;
	factor->value = (double) figure->bytes;
	return factor;
}

/*
 * Add a line that is computed from others: known if none of them is not.
 * What is not known first gives the reason.
 */
static LimitFactor *
add_result(MemoryLimit *limit, const char *name, double value,
		   const char *formula)
{
	LimitFactor *result = add_value(limit, name, value, formula);
	ListCell   *lc;

	foreach(lc, limit->factors)
	{
		const LimitFactor *factor = lfirst(lc);

		if (factor->known)
			continue;
		result->known = false;
		result->note = psprintf("%s is not known", factor->name);
		if (limit->unknown_reason == NULL)
			limit->unknown_reason = psprintf("The figure \"%s\" is not known: %s.",
											 factor->name, factor->note);
		break;
	}
	return result;
}

/*----------
 * What the machine has
 *----------
 */

/* Read a file of the server's machine. */
static HostReadResult
read_server_file(void *argument pg_attribute_unused(), const char *path,
				 char *buffer, size_t size)
{
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	size_t		length;
	bool		failed;

	if (file == NULL)
		return errno == ENOENT ? HOST_READ_MISSING : HOST_READ_FAILED;
	length = fread(buffer, 1, size - 1, file);
	failed = ferror(file) != 0;
	FreeFile(file);
	buffer[length] = '\0';
	return failed ? HOST_READ_FAILED : HOST_READ_DONE;
}

/*
 * The lines on the machine; *left is what is left of its memory, if that is
 * known.  How busy a machine is holds no secret, but it is not every tenant's
 * business: it takes pg_read_all_stats, as what other sessions do does.
 */
static void
add_host(MemoryLimit *limit, double *left)
{
	static const HostMemory nothing = {
		.total = {.source = "/proc/meminfo: MemTotal"},
		.available = {.source = "/proc/meminfo: MemAvailable"},
		.cgroup_limit = {.source = "/proc/self/cgroup"},
		.cgroup_used = {.source = "/proc/self/cgroup"},
		.overcommit = -1,
	};
	const HostMemory *host = NULL;
	const HostMemory *figures = &nothing;
	LimitFactor *overcommit;

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		figures = host = host_memory(read_server_file, NULL);
	else
	{
		limit->hint = "Run it as a member of pg_read_all_stats.";
		limit->fix_sql = psprintf("GRANT pg_read_all_stats TO %s;",
								  quote_identifier(GetUserNameFromId(GetUserId(), false)));
	}

	(void) add_figure(limit, "memory_total_bytes", host, &figures->total);
	(void) add_figure(limit, "memory_available_bytes", host, &figures->available);
	*left = (double) figures->available.bytes;

	overcommit = add_value(limit, "overcommit_memory", figures->overcommit,
						   "/proc/sys/vm/overcommit_memory");
	overcommit->known = figures->overcommit >= 0;
	if (!overcommit->known)
		overcommit->note = host == NULL ?
			"it is shown to members of pg_read_all_stats only" :
			"the file cannot be read";
	if (figures->overcommit == 2)
	{
		/* the kernel refuses what it could not back */
		(void) add_figure(limit, "commit_limit_bytes", host, &figures->commit_limit);
		(void) add_figure(limit, "committed_bytes", host, &figures->committed);
		*left = Min(*left, (double) figures->commit_limit.bytes -
					(double) figures->committed.bytes);
	}

	(void) add_figure(limit, "cgroup_limit_bytes", host, &figures->cgroup_limit);
	(void) add_figure(limit, "cgroup_used_bytes", host, &figures->cgroup_used);
	if (!figures->cgroup_limit.unlimited)
		*left = Min(*left, (double) figures->cgroup_limit.bytes -
					(double) figures->cgroup_used.bytes);
}

/*----------
 * What the server takes
 *----------
 */

/*
 * The part of the shared buffers that holds no page, and so may not have been
 * taken from the machine yet.  Looks at some descriptors without locking
 * them: a change at this moment does not matter.
 */
static double
unused_buffer_bytes(void)
{
	int			step = NBuffers / LIMIT_BUFFER_SAMPLE + 1;
	int			seen = 0;
	int			unused = 0;

	for (int i = 0; i < NBuffers; i += step)
	{
		BufferDesc *buffer = GetBufferDescriptor(i);

		seen++;
		if (!(pg_atomic_read_u32(&buffer->state) & BM_TAG_VALID))
			unused++;
	}
	return floor((double) NBuffers * BLCKSZ * unused / seen);
}

/* A server setting that is a whole number. */
static int
server_setting(const char *name)
{
	return atoi(GetConfigOption(name, false, false));
}

/*
 * What autovacuum workers may take at once: autovacuum_work_mem each, or else
 * maintenance_work_mem (vacuum's choice in src/backend/access/heap/
 * vacuumlazy.c).  That of a new session, or else of this one, stands for that
 * of a worker.
 */
static double
autovacuum_bytes(void)
{
	double		kb = server_setting("autovacuum_work_mem");

	if (strcmp(GetConfigOption("autovacuum", false, false), "on") != 0)
		return 0;
	if (kb < 0)
	{
		RoleSetting *setting = role_setting_find(NULL, "maintenance_work_mem");

		kb = setting->setting ? setting->number :
			server_setting("maintenance_work_mem");
	}
	return kb * 1024 * server_setting("autovacuum_max_workers");
}

/*----------
 * What the role does
 *----------
 */

/* Sessions of a role in this database, but for this one. */
static int
count_sessions(const char *role_name)
{
	static const char query[] =
		"SELECT count(*) FROM pg_catalog.pg_stat_activity AS a "
		"WHERE a.datname = pg_catalog.current_database() "
		"AND a.usename = $1::name AND a.pid <> pg_catalog.pg_backend_pid() "
		"AND COALESCE(a.backend_type, 'client backend') = 'client backend'";
	int			count;

	SPI_connect();
	(void) query_run(query, 1, &role_name);
	count = atoi(query_text(0, 1, CurrentMemoryContext));
	SPI_finish();
	return count;
}

/* Add a line with a setting of the role. */
static LimitFactor *
add_role_setting(MemoryLimit *limit, const char *name, const char *role_name)
{
	RoleSetting *setting = role_setting_find(role_name, name);
	LimitFactor *factor = add_factor(limit, name,
									 psprintf("setting of role \"%s\": %s",
											  role_name, setting->source));

	factor->known = setting->setting != NULL;
	factor->value = setting->number;
	if (!factor->known)
		factor->note = psprintf("level \"%s\" of this session hides it",
								setting->source);
	return factor;
}

/* The lines on the role; *divisor is how many times work_mem may be taken. */
static void
add_role(MemoryLimit *limit, const char *role_name, int *sessions,
		 double *divisor)
{
	LimitFactor *multiplier;
	LimitFactor *workers;
	int			processes;

	if (*sessions > 0)
		(void) add_value(limit, "sessions", *sessions, "argument");
	else
	{
		*sessions = 1 + count_sessions(role_name);
		(void) add_value(limit, "sessions", *sessions,
						 "the one that migrates, and pg_stat_activity: those of the role in this database");
	}
	(void) add_value(limit, "memory_nodes", LIMIT_MEMORY_NODES,
					 "fixed: sorts and hashes of a statement");
	multiplier = add_role_setting(limit, "hash_mem_multiplier", role_name);
	workers = add_role_setting(limit, "max_parallel_workers_per_gather",
							   role_name);
	processes = 1 + (int) Min(workers->value,
							  server_setting("max_parallel_workers"));
	(void) add_value(limit, "processes", processes,
					 "1 + least of max_parallel_workers_per_gather, max_parallel_workers");
	*divisor = (double) *sessions * LIMIT_MEMORY_NODES *
		Max(multiplier->value, 1) * processes;
}

/*
 * How far the two settings can be raised for a role, whose settings and
 * sessions count, and the account of it.  sessions is how many sessions of
 * the role may run heavy statements at once; 0 for the one that migrates and
 * those that are connected to this database now.  To be called under
 * guard_run().  What cannot be read is not known; it raises no error.
 */
MemoryLimit *
memory_limit_find(const char *role_name, int sessions)
{
	MemoryLimit *limit = palloc0(sizeof(MemoryLimit));
	LimitFactor *headroom;
	LimitFactor *work_mem;
	LimitFactor *maintenance;
	double		left;
	double		unused;
	double		autovacuum;
	double		divisor;
	double		usable;

	add_host(limit, &left);
	unused = unused_buffer_bytes();
	autovacuum = autovacuum_bytes();
	(void) add_value(limit, "shared_buffers_bytes", (double) NBuffers * BLCKSZ,
					 "setting shared_buffers");
	(void) add_value(limit, "shared_buffers_unused_bytes", unused,
					 "state of the shared buffers");
	(void) add_value(limit, "autovacuum_bytes", autovacuum,
					 "settings autovacuum_max_workers, autovacuum_work_mem, maintenance_work_mem");
	headroom = add_result(limit, "headroom_bytes",
						  Max(left - unused - autovacuum, 0),
						  "least that machine, commit limit and cgroup leave, less shared_buffers_unused_bytes and autovacuum_bytes");
	(void) add_value(limit, "share", LIMIT_SHARE,
					 "fixed: the rest is for other sessions and the file cache");
	usable = headroom->value * LIMIT_SHARE;

	add_role(limit, role_name, &sessions, &divisor);
	work_mem = add_result(limit, "work_mem_limit_bytes",
						  floor(usable / divisor),
						  "headroom_bytes x share / (sessions x memory_nodes x hash_mem_multiplier x processes)");
	maintenance = add_value(limit, "maintenance_work_mem_limit_bytes",
							floor(usable / sessions),
							"headroom_bytes x share / sessions");
	maintenance->known = headroom->known;
	maintenance->note = headroom->note;

	limit->headroom_bytes = headroom->known ? headroom->value : -1;
	limit->work_mem_bytes = work_mem->known ? work_mem->value : -1;
	limit->maintenance_work_mem_bytes = maintenance->known ?
		maintenance->value : -1;
	return limit;
}

/* The part of upgrade_prereq_memory_limit() that reads the database. */
typedef struct LimitCall
{
	const char *role_name;		/* NULL: the migrating role */
	int			sessions;
	MemoryLimit *limit;
} LimitCall;

static void
read_limit(void *argument)
{
	LimitCall  *call = argument;

	if (call->role_name == NULL)
	{
		Installation *installation = installation_find(NULL);

		installation_require(installation);
		call->role_name = installation->role_name;
	}
	call->limit = memory_limit_find(call->role_name, call->sessions);
}

/*
 * upgrade_prereq_memory_limit(role_name name, sessions integer)
 *
 * How far work_mem and maintenance_work_mem of a role can be raised on this
 * machine: a row for each factor, the results last, in bytes where the name
 * ends so.  A value is null if it is not known, or if there is no such limit.
 *
 * role_name may be null, for the role that will migrate; sessions may be null,
 * for the one that migrates and those connected now.  Errors: 42704 if there
 * is no such role; 22023 for sessions below 1; for a null role those of
 * upgrade_prereq_memory().
 */
Datum
upgrade_prereq_memory_limit(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	LimitCall	call = {NULL, 0, NULL};
	AttInMetadata *input;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == LIMIT_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	if (!PG_ARGISNULL(0))
	{
		call.role_name = NameStr(*PG_GETARG_NAME(0));
		(void) get_role_oid(call.role_name, false);
	}
	if (!PG_ARGISNULL(1))
	{
		call.sessions = PG_GETARG_INT32(1);
		if (call.sessions < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for argument \"%s\": %d",
							"sessions", call.sessions),
					 errhint("A number from 1 on is accepted, or null for the sessions that are connected now.")));
	}
	guard_run_or_raise(read_limit, &call);

	foreach(lc, call.limit->factors)
	{
		const LimitFactor *factor = lfirst(lc);
		const char *values[LIMIT_COLUMNS] = {
			factor->name,
			factor->known && !factor->unlimited ?
			psprintf("%.15g", factor->value) : NULL,
			factor->known ? "t" : "f",
			factor->source,
			factor->known && factor->unlimited ? "there is no limit" :
			factor->note
		};

		tuplestore_puttuple(rsinfo->setResult,
							BuildTupleFromCStrings(input, (char **) values));
	}
	return (Datum) 0;
}
