/*
 * id: backup
 * title: there is a backup of this database, whole and recent
 * category: backup
 * level: error
 * cost: light
 * versions: all
 * passed: there is a backup of this database
 *
 * The first thing that OpenMetadata's upgrade page asks for. What
 * upgrade_prereq_record_backup() recorded is compared with the database as it
 * is now. The levels are none; declared (somebody says so); seen (somebody read
 * the tables: traces in the server); header (a file for a database of this name
 * and version of OpenMetadata); listed (of this database by its OID and those of
 * its tables, with the rows, indexes, constraints and triggers of every table and
 * the values of the sequences); complete (whole to its end); fresh (it holds a
 * mark of upgrade_prereq_mark_backup(), and nothing has changed since). Below
 * upgrade_prereq.required_backup_level it is an error. Of several backups the
 * newest counts that is complete, and reaches that level; else the one that
 * proves most. That the file is still where it was, and that somebody tried to
 * restore it, is not looked at. Two servers that were set up by the same steps
 * can have the same OIDs: only a mark tells them apart.
 */
#include "postgres.h"

#include "backup/evidence.h"
#include "check.h"
#include "extension.h"
#include "lib/stringinfo.h"
#include "upgrade_prereq.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* Below this level nothing of a backup is known that could be spoiled. */
#define SPOILED_FROM	BACKUP_HEADER

/* What it takes to judge a backup. */
typedef struct Judgement
{
	const Installation *installation;
	const char *now;
	Backup	   *backup;
} Judgement;

/* Judge a backup; runs under guard_run(). */
static void
judge(void *argument)
{
	Judgement  *judgement = argument;

	backup_judge(judgement->backup, judgement->installation, judgement->now);
}

/* Is a record at fault itself, whoever reads it and when? */
static bool
is_fault_of_record(const Obstacle *obstacle)
{
	int			category = ERRCODE_TO_CATEGORY(obstacle->sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		category == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Does a backup prove so much that no other one has to be looked at? */
static bool
is_good_enough(const Backup *backup)
{
	return backup->level >= Max(BACKUP_COMPLETE,
								(BackupLevel) setting_required_backup_level);
}

/*
 * The newest backup that is good enough, or else the one that proves most, of
 * several the newest; NULL if none is recorded.  A record that cannot be read
 * proves nothing, and keeps no other from being looked at.  Where something
 * else keeps one from being judged, what it proves is not known: trouble is
 * set.
 */
static Backup *
find_best(const Installation *installation, Obstacle **trouble)
{
	List	   *backups = backup_list();
	Judgement	judgement = {installation, NULL, NULL};
	Backup	   *best = NULL;
	ListCell   *lc;

	if (backups != NIL)
		judgement.now = moment_now(installation);
	foreach(lc, backups)
	{
		Backup	   *backup = judgement.backup = lfirst(lc);
		Obstacle   *obstacle = guard_run(judge, &judgement);

		if (obstacle != NULL)
		{
			backup->level = BACKUP_NONE;
			backup->missing = psprintf("Its record cannot be read: %s.",
									   obstacle->message);
			if (!is_fault_of_record(obstacle))
				*trouble = obstacle;
		}
		if (best == NULL || backup->level > best->level)
			best = backup;
		if (is_good_enough(best))
			break;
	}
	return best;
}

/* A finding about a backup. */
static Finding *
make_finding(const Check *check, FindingStatus status, const char *aspect,
			 const Backup *backup, const char *message)
{
	Finding    *finding = check_finding(check, status, message);

	if (backup != NULL)
	{
		finding->object_type = "backup";
		finding->object_identity = backup->identity;
		finding->data = backup->data;
	}
	finding->finding_key = psprintf("%s:%s", check->id, aspect);
	return finding;
}

/* What the traces say, as sentences; "" if there are none. */
static char *
traces_text(List *traces)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, traces)
		appendStringInfo(&text, "%s%s", text.len > 0 ? " " : "",
						 ((BackupTrace *) lfirst(lc))->note);
	return text.data;
}

/* The data of a finding, and when what the traces are of was. */
static const char *
data_with_traces(const char *data, List *traces)
{
	StringInfoData json;
	const char *separator = "";
	ListCell   *lc;

	initStringInfo(&json);
	if (data != NULL)
		appendBinaryStringInfo(&json, data, strlen(data) - 1);	/* without the } */
	else
		appendStringInfoChar(&json, '{');
	appendStringInfo(&json, "%s\"traces\": {", json.len > 1 ? ", " : "");
	foreach(lc, traces)
	{
		const BackupTrace *trace = lfirst(lc);

		if (trace->at == NULL)
			continue;
		appendStringInfoString(&json, separator);
		escape_json(&json, trace->source);
		appendStringInfoString(&json, ": ");
		escape_json(&json, trace->at);
		separator = ", ";
	}
	appendStringInfoString(&json, "}}");
	return json.data;
}

/* Did somebody read the tables? */
static bool
is_seen(List *traces)
{
	ListCell   *lc;

	foreach(lc, traces)
	{
		if (((BackupTrace *) lfirst(lc))->is_seen)
			return true;
	}
	return false;
}

/* The level that is reached, by a backup or by traces. */
static BackupLevel
reached_level(const Backup *backup, List *traces)
{
	BackupLevel level = backup ? backup->level : BACKUP_NONE;

	return level < BACKUP_SEEN && is_seen(traces) ? BACKUP_SEEN : level;
}

/* Is that as much as is required? */
static bool
is_enough_level(BackupLevel level)
{
	return level >= (BackupLevel) setting_required_backup_level;
}

/* The finding that says which level was reached. */
static Finding *
level_finding(const Check *check, const Backup *backup, List *traces)
{
	BackupLevel level = reached_level(backup, traces);
	bool		is_enough = is_enough_level(level);
	const char *missing = backup ? backup->missing : NULL;
	const char *traces_of = traces_text(traces);
	Finding    *finding;

	if (is_enough && level == BACKUP_NONE)
		finding = make_finding(check, FINDING_PASSED, "level", NULL,
							   "no backup is known, and none is required");
	else if (is_enough)
		finding = make_finding(check, FINDING_PASSED, "level", backup,
							   psprintf("the backup reaches the level \"%s\", and \"%s\" is required",
										backup_level_name(level),
										backup_level_name(setting_required_backup_level)));
	else if (backup == NULL)
		finding = make_finding(check, FINDING_FOUND, "level", NULL,
							   "no backup is recorded");
	else
		finding = make_finding(check, FINDING_FOUND, "level", backup,
							   psprintf("the backup reaches the level \"%s\" only, and \"%s\" is required",
										backup_level_name(level),
										backup_level_name(setting_required_backup_level)));
	if (level == BACKUP_FRESH)
		finding->detail = "It holds the mark, and the server has counted no change since.";
	else if (missing != NULL)
		finding->detail = psprintf("%s%s%s", missing, traces_of[0] ? " " : "",
								   traces_of);
	else if (traces_of[0] != '\0')
		finding->detail = traces_of;
	if (traces != NIL)
		finding->data = data_with_traces(finding->data, traces);
	if (!is_enough)
		finding->hint = backup != NULL && backup->next_step != NULL ?
			backup->next_step :
			"Make a dump, and record it with upgrade_prereq_record_backup() or tools/upgrade-prereq-backup. What is enough is set by upgrade_prereq.required_backup_level.";
	return finding;
}

/* Something that is wrong with a backup, whatever level it reaches. */
static Finding *
warning_finding(const Check *check, const char *aspect, const Backup *backup,
				const char *message, const char *detail, const char *hint)
{
	Finding    *finding = make_finding(check, FINDING_FOUND, aspect, backup,
									   message);

	finding->level = FINDING_WARNING;
	finding->detail = detail;
	finding->hint = hint;
	return finding;
}

/* What else is to be said of the best backup. */
static List *
warnings(const Check *check, const Backup *backup)
{
	List	   *findings = NIL;

	if (backup->level == BACKUP_COMPLETE && backup->changes->is_changed)
		findings = lappend(findings,
						   warning_finding(check, "changes", backup,
										   "rows have changed since the backup",
										   backup->missing, backup->next_step));
	if (backup->level >= BACKUP_DECLARED && backup->level < BACKUP_FRESH &&
		backup->is_day_old)
		findings = lappend(findings,
						   warning_finding(check, "age", backup,
										   "the backup is more than a day old",
										   NULL,
										   "Make a new one right before the upgrade, with OpenMetadata stopped."));
	if (backup->level >= SPOILED_FROM && backup->has_extension)
		findings = lappend(findings,
						   warning_finding(check, "extension", backup,
										   "the backup holds the extension upgrade_prereq itself",
										   "Where the library is not installed, or for a role that is no superuser, restoring it raises an error at CREATE EXTENSION.",
										   "Restore it where the library is installed, or leave the extension out: pg_dump --exclude-extension (17 and later), or pg_restore --use-list."));
	if (backup->level >= SPOILED_FROM && backup->raised_settings != NULL)
		findings = lappend(findings,
						   warning_finding(check, "settings", backup,
										   "the backup holds a memory setting that was raised for the migration",
										   psprintf("It would be stored again by pg_restore --create: %s.",
													backup->raised_settings),
										   "Call upgrade_prereq_restore() before the dump, or put the setting back after a restore."));
	return findings;
}

/* The backup that proves most. */
List *
check_backup(const Check *check, const Installation *installation)
{
	Backup	   *best = NULL;
	Obstacle   *trouble = NULL;
	List	   *traces;

	if (backup_is_recorded())
	{
		Obstacle   *obstacle = backup_obstacle();

		if (obstacle != NULL)
			return list_make1(check_obstacle_finding(check, obstacle));
		best = find_best(installation, &trouble);
	}
	traces = best == NULL || best->level < BACKUP_HEADER ?
		backup_traces(installation) : NIL;
	if (trouble != NULL && !is_enough_level(reached_level(best, traces)))
		return list_make1(check_obstacle_finding(check, trouble));
	return lcons(level_finding(check, best, traces),
				 best == NULL ? NIL : warnings(check, best));
}
