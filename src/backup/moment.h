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
 * OpenMetadata's tables, as the FROM and WHERE of a query: every plain table,
 * leaves of partitioned ones too, of the schema $1 that is kept and is no part
 * of an extension.  That is what pg_dump writes the rows of.
 */
#define OPENMETADATA_TABLES \
	"FROM pg_catalog.pg_class AS c " \
	"WHERE c.relnamespace = quote_ident($1)::regnamespace " \
	"AND c.relkind = 'r' AND c.relpersistence <> 't' " \
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d " \
	"WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid " \
	"AND d.deptype = 'e') "

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
