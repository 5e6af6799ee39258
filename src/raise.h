/*-------------------------------------------------------------------------
 *
 * raise.h
 *	  Raising the memory settings: what the scopes have in common.
 *
 * src/raise.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_RAISE_H
#define UPGRADE_PREREQ_RAISE_H

#include "compat.h"
#include "journal.h"
#include "release.h"
#include "stored_setting.h"

/* The kind of our entries in the journal. */
#define RAISE_KIND	"setting"

/* A setting that can be raised. */
typedef struct RaisedSetting
{
	const char *name;
	const char *record_name;	/* where the session remembers what was there */
	char	  **record;
} RaisedSetting;

#define RAISED_SETTING_COUNT	2

extern const RaisedSetting raised_settings[RAISED_SETTING_COUNT];

/* How long a raise lasts, and for whom. */
typedef struct RaiseScope
{
	const char *name;
	const char *source;			/* of a value stored for this scope, as in
								 * pg_settings; NULL if it is not stored */
	GucAction	action;			/* for what is not stored */
} RaiseScope;

extern const RaiseScope *raise_scope_find(const char *name);
extern const RaiseScope *raise_scope_of(bool has_role, bool has_database);

/* What is asked for. */
typedef struct RaiseRequest
{
	const RaiseScope *scope;
	int			kb[RAISED_SETTING_COUNT];	/* 0: what the migration needs */
	const char *role_name;		/* NULL: find it */
	bool		force;
	const char *reason;			/* or NULL */
	TimestampTz expires_at;
} RaiseRequest;

/* What raise and restore report on one setting; a row of their result. */
typedef struct RaiseRow
{
	const char *name;
	const char *before;
	const char *after;
	const char *scope_name;
	bool		changed;
	const char *note;
	const char *object_identity;
	int64		journal_id;		/* 0: not in the journal */
	TimestampTz expires_at;		/* 0: not known */
	const char *db_params;		/* the other way: fragment of a JDBC URL */
	const char *still_raised_pids;	/* integer array as text, or NULL */
} RaiseRow;

/* raise.c */
extern const char *memory_text(int kb);
extern const char *raise_db_params(const int *kb);
extern void raise_recommend(int *kb, const Installation *installation);

/* raise_session.c */
extern List *raise_session(const RaiseRequest *request);
extern List *restore_session(void);

/* raise_stored.c */
extern List *raise_stored(RaiseRequest *request);

/* Sessions that connected; the texts are NULL if there are none. */
typedef struct RaiseSessions
{
	int			count;
	const char *applications;	/* their names */
	const char *pids;
} RaiseSessions;

/* raise_restore.c */
extern RaiseSessions raise_find_sessions(SettingPlace place,
										 TimestampTz since);
extern char *raise_format_object(const RaisedSetting *setting,
								 SettingPlace place);
extern void raise_require_credible(const JournalEntry *entry,
								   const RaisedSetting *setting,
								   SettingPlace place);
extern List *restore_stored(void);
extern JournalOutcome raise_undo(const JournalEntry *entry);

#endif							/* UPGRADE_PREREQ_RAISE_H */
