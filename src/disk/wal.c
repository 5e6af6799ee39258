/*-------------------------------------------------------------------------
 *
 * wal.c
 *	  How much of the WAL that is written stays on disk.
 *
 * Checkpoints are timed so that pg_wal stays below max_wal_size
 * (CalculateCheckpointSegments() in src/backend/access/transam/xlog.c), and
 * remove or recycle what nobody needs any more.  Files stay on top of that for
 * wal_keep_size, for a replication slot (KeepLogSeg()), and until they are
 * archived (XLogArchiveCheckDone() in xlogarchive.c).  A logical slot keeps
 * all WAL from the begin of the oldest transaction that runs
 * (SnapBuildProcessRunningXacts() in replication/logical/snapbuild.c), and so
 * all that one long statement writes; what the statements before it wrote goes,
 * if somebody reads from the slot.
 *
 * src/disk/wal.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "compat.h"
#include "query.h"
#include "storage/fd.h"
#include "wal.h"

/* The first slot that nobody reads from, of those that keep WAL. */
static const char idle_slot_query[] =
"SELECT format('Nobody reads from replication slot \"%s\", which keeps the WAL.', s.slot_name) "
"FROM pg_catalog.pg_replication_slots AS s "
"WHERE s.restart_lsn IS NOT NULL AND s.wal_status <> 'lost' AND NOT s.active "
"ORDER BY s.slot_name LIMIT 1";

/* The first logical slot that somebody reads from. */
static const char logical_slot_query[] =
"SELECT format('Logical replication slot \"%s\" keeps the WAL of a statement until it has ended.', s.slot_name) "
"FROM pg_catalog.pg_replication_slots AS s "
"WHERE s.restart_lsn IS NOT NULL AND s.wal_status <> 'lost' AND s.active AND s.slot_type = 'logical' "
"ORDER BY s.slot_name LIMIT 1";

/* The file that the archiver failed on, if that was the last it did. */
static const char archiver_query[] =
"SELECT a.last_failed_wal FROM pg_catalog.pg_stat_archiver AS a "
"WHERE a.last_failed_time > COALESCE(a.last_archived_time, '-infinity')";

/* A size setting, in bytes; its own unit is MB. */
static double
megabytes(const char *name)
{
	double		number = strtod(GetConfigOption(name, false, false), NULL);

	return number < 0 ? -1 : number * 1024 * 1024;
}

/* The size of the files in pg_wal, or -1. */
static double
present_bytes(void)
{
	DIR		   *folder = AllocateDir(XLOGDIR);
	struct dirent *entry;
	double		bytes = 0;

	if (folder == NULL)
		return -1;
	while ((entry = ReadDirExtended(folder, XLOGDIR, LOG)) != NULL)
	{
		struct stat file;

		if (IsXLogFileName(entry->d_name) &&
			stat(psprintf("%s/%s", XLOGDIR, entry->d_name), &file) == 0)
			bytes += (double) file.st_size;
	}
	FreeDir(folder);
	return bytes;
}

/* The text that a query gives, or NULL if it gives no row. */
static const char *
query_answer(const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	const char *text = NULL;

	SPI_connect();
	if (query_run(query, 0, NULL) > 0)
		text = query_text(0, 1, context);
	SPI_finish();
	return text;
}

/*
 * Why WAL is not archived that has to be, in the style of errdetail(); or NULL.
 * A standby archives only where that is asked for (XLogArchiveCheckDone()).  An
 * archiver that has nothing to archive with counts no failures
 * (pgarch_ArchiverCopyLoop() in postmaster/pgarch.c).  archive_library came with
 * 15.
 */
static const char *
unarchived_reason(void)
{
	const char *mode = GetConfigOption("archive_mode", false, false);
	const char *library = GetConfigOption("archive_library", true, false);
	const char *failed;

	if (strcmp(mode, "off") == 0 ||
		(strcmp(mode, "on") == 0 && RecoveryInProgress()))
		return NULL;
	if (*GetConfigOption("archive_command", false, false) == '\0' &&
		(library == NULL || *library == '\0'))
		return psprintf("With archive_mode = %s and an empty archive_command nothing is archived: the WAL stays until it is set.",
						mode);
	failed = query_answer(archiver_query);
	return failed == NULL ? NULL :
		psprintf("Archiving fails, last for %s: the WAL stays until it works.", failed);
}

/*
 * What the server does with WAL.  may_see: whether the caller may know how much
 * there is.  To be called under guard_run().
 */
WalState *
wal_state(bool may_see)
{
	WalState   *state = palloc0(sizeof(WalState));
	const char *unarchived;

	state->is_minimal = strcmp(GetConfigOption("wal_level", false, false), "minimal") == 0;
	state->full_pages = strcmp(GetConfigOption("full_page_writes", false, false), "on") == 0;
	/* CalculateCheckpointSegments() */
	state->checkpoint_bytes = megabytes("max_wal_size") /
		(1 + strtod(GetConfigOption("checkpoint_completion_target", false, false), NULL));
	state->present_bytes = may_see ? present_bytes() : -1;
	state->recycled_from = megabytes("max_wal_size") + megabytes("wal_keep_size");
	state->held_limit = -1;

	state->reason = query_answer(idle_slot_query);
	state->holding = state->reason != NULL ? WAL_HELD : WAL_RECYCLED;
	if (state->reason == NULL)
	{
		state->reason = query_answer(logical_slot_query);
		if (state->reason != NULL)
			state->holding = WAL_HELD_BY_STATEMENT;
	}
	if (state->reason != NULL)
		state->held_limit = megabytes("max_slot_wal_keep_size");
	unarchived = unarchived_reason();
	if (unarchived != NULL)
	{
		/* no limit holds for what is not archived yet */
		state->reason = unarchived;
		state->holding = WAL_HELD;
		state->held_limit = -1;
	}
	return state;
}

/*
 * By how much pg_wal is larger, in bytes, when so much has been written since
 * now, the last of it by a statement that has not ended.
 */
double
wal_growth(const WalState *state, double written_bytes, double statement_bytes)
{
	double		room = Max(state->recycled_from - Max(state->present_bytes, 0), 0);
	double		held = 0;

	if (state->holding == WAL_HELD)
		held = written_bytes;
	else if (state->holding == WAL_HELD_BY_STATEMENT)
		held = room + statement_bytes;
	if (state->held_limit >= 0)
		held = Min(held, state->held_limit);
	return Min(written_bytes, Max(room, held));
}
