/*-------------------------------------------------------------------------
 *
 * attempt.c
 *	  Changing something that may fail, without ending the transaction.
 *
 * The counterpart of guard_run() for what writes: here the subtransaction is
 * kept when all went well.
 *
 * src/attempt.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "attempt.h"
#include "compat.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* Set a parameter until the attempt ends. */
static void
pin_setting(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * For the function that is attempted: from here on, a lock that somebody else
 * has is an error at once.
 */
void
attempt_without_waiting(void)
{
	pin_setting("lock_timeout", "1ms");
}

/*
 * Run a function that writes, all or nothing: if it fails, what it did is
 * rolled back and the error is returned; NULL means that it was done.  A
 * cancel is not caught.  Names in queries resolve in pg_catalog only, and a
 * lock that is not to be had soon is an error (55P03).
 */
ErrorData *
attempt(AttemptedFunction function, void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	CHECK_FOR_INTERRUPTS();

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		int			nest_level = NewGUCNestLevel();

		pin_setting("search_path", "pg_catalog, pg_temp");
		pin_setting("lock_timeout", ATTEMPT_LOCK_TIMEOUT);
		function(argument);
		AtEOXact_GUC(true, nest_level);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;

	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	return error;
}
