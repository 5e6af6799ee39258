/*-------------------------------------------------------------------------
 *
 * guard.c
 *	  Looking at the server without changing it, waiting for it or being
 *	  fooled by it.
 *
 * Whatever reads the database for a report runs under guard_run(): in a
 * subtransaction of its own that is rolled back in the end, so that nothing
 * it did or locked stays; read only; under a time limit; with the settings
 * pinned on which the meaning of a query depends.  What goes wrong inside is
 * handed back as data, so that one check that fails does not take the others
 * with it.
 *
 * src/guard.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "compat.h"
#include "guard.h"
#include "storage/latch.h"
#include "upgrade_prereq.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"

/*
 * The settings that a query of ours relies on.  Names resolve in pg_catalog
 * only (functions and operators are never looked up in pg_temp); a table
 * that row-level security would thin out, or a view, raises an error instead
 * of an incomplete answer; constants and dates read the same whoever asks; a
 * lock that is not to be had soon is an error; no worker is taken away from
 * the application.
 */
typedef struct PinnedSetting
{
	const char *name;
	const char *value;
	bool		missing_ok;		/* not in every minor release */
} PinnedSetting;

static const PinnedSetting pinned_settings[] = {
	{"search_path", "pg_catalog, pg_temp", false},
	{"row_security", "off", false},
	{"restrict_nonsystem_relation_kind", "view, foreign-table", true},
	{"lock_timeout", "100ms", false},
	{"max_parallel_workers_per_gather", "0", false},
	{"jit", "off", false},
	{"standard_conforming_strings", "on", false},
	{"transform_null_equals", "off", false},
	{"quote_all_identifiers", "off", false},
	{"DateStyle", "ISO, YMD", false},
	{"IntervalStyle", "postgres", false},
	{"extra_float_digits", "1", false},
};

/*
 * A time limit.  Its signal handler sets is_up, so that the error it provokes
 * can be told from a cancel by the user.
 */
typedef struct TimeLimit
{
	const char *hint;			/* how to have more time */
	timeout_handler_proc handler;
	TimeoutId	timeout_id;		/* MAX_TIMEOUTS: not registered yet */
	int			ms;
	bool		runs;
	volatile	sig_atomic_t is_up;
} TimeLimit;

static void check_limit_handler(void);
static void airflow_limit_handler(void);

/*
 * That of a check, and a shorter one within it for what waits for a server of
 * somebody else's.  Guarded functions can be nested: the limit is that of the
 * outermost call.
 */
static TimeLimit check_limit = {
	.hint = "The setting upgrade_prereq.check_timeout gives a check more time.",
	.handler = check_limit_handler,
	.timeout_id = MAX_TIMEOUTS
};
static TimeLimit airflow_limit = {
	.hint = "The setting upgrade_prereq.airflow_timeout gives Airflow's server more time.",
	.handler = airflow_limit_handler,
	.timeout_id = MAX_TIMEOUTS
};

/* Set a setting until the innermost nesting level ends. */
void
guard_pin_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Pin the settings, until the innermost nesting level ends: guard_run() does
 * it for its function, others open a level of their own.
 */
void
guard_pin_settings(void)
{
	for (size_t i = 0; i < lengthof(pinned_settings); i++)
	{
		const PinnedSetting *pin = &pinned_settings[i];

		if (pin->missing_ok && GetConfigOption(pin->name, true, false) == NULL)
			continue;
		guard_pin_setting(pin->name, pin->value);
	}
}

/*
 * Have the planner walk along indexes, whatever the statistics are: for
 * queries that read a few rows of a big table through an index that is known
 * to be there.  Ends with the settings that guard_run() pins.
 */
void
guard_pin_index_scans(void)
{
	guard_pin_setting("enable_seqscan", "off");
	guard_pin_setting("enable_bitmapscan", "off");
	guard_pin_setting("enable_sort", "off");
}

/*
 * Let the queries that follow read views: for one of the extension's own,
 * which nobody else can put there.  Ends as above.
 */
void
guard_allow_views(void)
{
	const char *name = "restrict_nonsystem_relation_kind";

	if (GetConfigOption(name, true, false) != NULL)
		guard_pin_setting(name, "foreign-table");
}

/* A time limit was reached: interrupt whatever is running. */
static void
time_limit_reached(TimeLimit *limit)
{
	limit->is_up = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
check_limit_handler(void)
{
	time_limit_reached(&check_limit);
}

static void
airflow_limit_handler(void)
{
	time_limit_reached(&airflow_limit);
}

/* Start a time limit, unless it is running already; false if it is. */
static bool
start_time_limit(TimeLimit *limit, int ms)
{
	if (limit->timeout_id == MAX_TIMEOUTS)
		limit->timeout_id = RegisterTimeout(USER_TIMEOUT, limit->handler);
	if (limit->runs)
		return false;

	limit->ms = ms;
	limit->runs = true;
	limit->is_up = false;
	if (ms > 0)
		enable_timeout_after(limit->timeout_id, ms);
	return true;
}

/* End the time limit that start_time_limit() started. */
static void
end_time_limit(TimeLimit *limit, bool started)
{
	if (!started)
		return;
	disable_timeout(limit->timeout_id, false);
	limit->runs = false;
}

/*
 * Was it the limit that this call started?  After a cancel by the user, or by
 * the server, it is not for us to go on; and a limit that was started further
 * out is reported there, as nothing would start it again.
 */
static bool
is_own_limit(const TimeLimit *limit, bool started)
{
	return started && limit->is_up &&
		(limit == &check_limit || !check_limit.runs || !check_limit.is_up);
}

/* Turn an error into an obstacle. */
static Obstacle *
obstacle_from_error(const TimeLimit *limit, const ErrorData *error)
{
	Obstacle   *obstacle;

	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return obstacle_make(error->sqlerrcode,
							 psprintf("the time limit of %d ms was reached",
									  limit->ms),
							 limit->hint, NULL);
	obstacle = obstacle_make(error->sqlerrcode, error->message, error->hint,
							 NULL);
	obstacle->detail = error->detail;
	return obstacle;
}

/* guard_run() with a time limit. */
static Obstacle *
run_within(TimeLimit *limit, int ms, GuardedFunction function, void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	bool		started;

	CHECK_FOR_INTERRUPTS();

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	started = start_time_limit(limit, ms);

	PG_TRY();
	{
		XactReadOnly = true;	/* put back with the subtransaction */
		(void) NewGUCNestLevel();
		guard_pin_settings();
		function(argument);
		end_time_limit(limit, started);
	}
	PG_CATCH();
	{
		end_time_limit(limit, started);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();

	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	/*
	 * The limit may have been reached just as the function ended: that must
	 * not cancel what comes next.
	 */
	if (started && limit->is_up &&
		(error == NULL || error->sqlerrcode != ERRCODE_QUERY_CANCELED))
		QueryCancelPending = false;

	if (error == NULL)
		return NULL;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		!is_own_limit(limit, started))
	{
		error->context = NULL;	/* the text of our query helps nobody */
		ReThrowError(error);
	}
	return obstacle_from_error(limit, error);
}

/*
 * Run a function that only reads, alone: an error in it is returned as an
 * obstacle, NULL means that there was none.  What it allocates in the current
 * memory context stays there; whatever else it did is rolled back in either
 * case.  A cancel by the user is not caught.  The time limit is that of the
 * outermost call.
 */
Obstacle *
guard_run(GuardedFunction function, void *argument)
{
	return run_within(&check_limit, setting_check_timeout, function, argument);
}

/*
 * guard_run() for what waits for Airflow's server: within the time limit of
 * whoever calls, a shorter one of its own (setting airflow_timeout).
 */
Obstacle *
guard_run_airflow(GuardedFunction function, void *argument)
{
	return run_within(&airflow_limit, setting_airflow_timeout,
					  function, argument);
}

/*
 * Make an obstacle without detail; hint and fix_sql may be NULL.  The texts are
 * not copied.
 */
Obstacle *
obstacle_make(int sqlerrcode, const char *message, const char *hint,
			  const char *fix_sql)
{
	Obstacle   *obstacle = palloc0(sizeof(Obstacle));

	obstacle->sqlerrcode = sqlerrcode;
	obstacle->message = message;
	obstacle->hint = hint;
	obstacle->fix_sql = fix_sql;
	return obstacle;
}

/*
 * What is in the way in one table, added to what was in the way in others: the
 * first of them is reported, and every GRANT that would help.
 */
const Obstacle *
obstacle_add(const Obstacle *first, const Obstacle *other)
{
	Obstacle   *both;

	if (first == NULL || other == NULL)
		return first ? first : other;
	if (first->fix_sql == NULL || other->fix_sql == NULL ||
		strstr(first->fix_sql, other->fix_sql) != NULL)
		return first;
	both = palloc(sizeof(Obstacle));
	*both = *first;
	both->fix_sql = psprintf("%s %s", first->fix_sql, other->fix_sql);
	return both;
}

/* Raise an obstacle as the error that it is, or was. */
void
obstacle_raise(const Obstacle *obstacle)
{
	const char *hint = obstacle->hint;

	/* an error has no other place for the fix */
	if (hint != NULL && obstacle->fix_sql != NULL &&
		strstr(hint, obstacle->fix_sql) == NULL)
		hint = psprintf("%s The fix: %s", hint, obstacle->fix_sql);
	ereport(ERROR,
			(errcode(obstacle->sqlerrcode),
			 errmsg("%s", obstacle->message),
			 obstacle->detail ? errdetail("%s", obstacle->detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

/* guard_run() for those who cannot go on: an obstacle is raised as an error. */
void
guard_run_or_raise(GuardedFunction function, void *argument)
{
	Obstacle   *obstacle = guard_run(function, argument);

	if (obstacle != NULL)
		obstacle_raise(obstacle);
}
