/*-------------------------------------------------------------------------
 *
 * moment.h
 *	  What OpenMetadata's tables are like at one moment, and what has changed
 *	  between two of them.
 *
 * src/backup/moment.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_MOMENT_H
#define UPGRADE_PREREQ_MOMENT_H

#include "release.h"

/*
 * OpenMetadata's relations of some kinds (relkind, as a list of SQL), as the
 * FROM and WHERE of a query: of the schema $1, kept, and no part of an
 * extension.  Of such relations pg_dump writes everything.
 */
#define OPENMETADATA_RELATIONS(kinds) \
	"FROM pg_catalog.pg_class AS c " \
	"WHERE c.relnamespace = quote_ident($1)::regnamespace " \
	"AND c.relkind IN (" kinds ") AND c.relpersistence <> 't' " \
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d " \
	"WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid " \
	"AND d.deptype = 'e') "

/* Those with rows: every plain table, leaves of partitioned ones too. */
#define OPENMETADATA_TABLES	OPENMETADATA_RELATIONS("'r'")

/* What has changed between two moments. */
typedef struct Changes
{
	bool		is_known;		/* do the counters tell? */
	const char *unknown_reason; /* else, why not, as the end of a sentence */
	bool		is_changed;		/* certainly; also where not all is known */
	int64		rows;			/* inserted, updated and deleted */
	const char *tables;			/* names of those that changed, or NULL */
	bool		same_history;	/* of migrations */
	int64		wal_bytes;		/* by everybody on this server; -1 if not
								 * known */
} Changes;

extern const char *moment_now(const Installation *installation);
extern Changes *moment_changes(const char *before, const char *after);

#endif							/* UPGRADE_PREREQ_MOMENT_H */
