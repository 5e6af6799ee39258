/*-------------------------------------------------------------------------
 *
 * evidence.h
 *	  What is known of a backup, and how much that proves.
 *
 * Evidence is a JSON object, kept in the journal.  Judging it compares it with
 * the database as it is now.
 *
 * src/backup/evidence.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_EVIDENCE_H
#define UPGRADE_PREREQ_EVIDENCE_H

#include "backup/archive.h"
#include "backup/moment.h"
#include "datatype/timestamp.h"

/* The kinds of our entries in the journal. */
#define BACKUP_KIND	"backup"
#define MARK_KIND	"backup_marker"

/* How far a backup is proven; the order is that of the SQL enum. */
typedef enum BackupLevel
{
	BACKUP_NONE,				/* nothing, or of another database */
	BACKUP_DECLARED,			/* somebody says that there is one */
	BACKUP_SEEN,				/* somebody read the tables */
	BACKUP_HEADER,				/* a file for a database of this name, and of
								 * this version of OpenMetadata */
	BACKUP_LISTED,				/* of this database, with every table */
	BACKUP_COMPLETE,			/* whole to its end */
	BACKUP_FRESH,				/* nothing has changed since */
} BackupLevel;

extern const char *backup_level_name(BackupLevel level);

/* What kind of backup it is: an argument of upgrade_prereq_record_backup(). */
typedef struct BackupKind
{
	const char *name;
	const char *title;			/* for people */
} BackupKind;

extern const BackupKind *backup_kind_find(const char *name);
extern char *backup_kind_names(void);

/* What somebody says of a backup, and what was read of it. */
typedef struct Evidence
{
	const BackupKind *kind;
	const char *reference;		/* file or identifier; NULL if not given */
	const char *taken_at;		/* text of a timestamptz; NULL if not given */
	const Archive *archive;		/* NULL: nothing was read */
	bool		is_from_client; /* what was read is what the client sent */
	int			restore_status; /* of pg_restore at the client; -1 if it was
								 * not run */
	const char *moment;			/* when it was recorded */
} Evidence;

extern char *evidence_json(const Evidence *evidence,
						   const Installation *installation);

/* A backup that is recorded, and what it proves. */
typedef struct Backup
{
	int64		journal_id;
	const char *identity;
	const char *evidence;
	BackupLevel level;
	const char *missing;		/* why not the next level, as sentences; NULL
								 * for the highest */
	const char *next_step;		/* what would help, as a sentence; or NULL */
	const Changes *changes;		/* since the mark that it holds, or else since
								 * it was recorded; NULL if the record cannot
								 * be read */
	bool		is_marked;		/* it holds a marker of ours */
	bool		is_day_old;		/* for certain */
	bool		has_extension;	/* it would create upgrade_prereq */
	const char *raised_settings;	/* that it carries, as text; or NULL */
	const char *data;			/* JSON object, for the finding */
} Backup;

extern void backup_judge(Backup *backup, const Installation *installation,
						 const char *now);
extern List *backup_list(void);
extern bool backup_is_recorded(void);
extern Obstacle *backup_obstacle(void);

/* A trace that a backup leaves in the server. */
typedef struct BackupTrace
{
	const char *source;
	bool		is_seen;		/* somebody made a backup, or tried to */
	const char *note;			/* a sentence: what is seen, or what would
								 * have to be granted to look */
	const char *at;				/* when that was; NULL if it is not known */
} BackupTrace;

extern List *backup_traces(const Installation *installation);

#endif							/* UPGRADE_PREREQ_EVIDENCE_H */
