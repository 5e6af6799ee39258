/*-------------------------------------------------------------------------
 *
 * release.h
 *	  OpenMetadata's versions, and which of them this database holds.
 *
 * src/release.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_RELEASE_H
#define UPGRADE_PREREQ_RELEASE_H

#include "guard.h"
#include "nodes/pg_list.h"

/* major.minor.patch; a suffix such as "-collate" does not count. */
typedef struct Version
{
	int			part[3];
} Version;

/* What stands in the database, from nothing to all that is needed. */
typedef enum InstallationState
{
	INSTALLATION_NONE,			/* no schema has OpenMetadata's tables */
	INSTALLATION_SEVERAL,		/* several have, and none was chosen */
	INSTALLATION_NO_HISTORY,	/* tables, but no migration history */
	INSTALLATION_FOUND,
} InstallationState;

/*
 * An installation of OpenMetadata, and the upgrade asked about.  Text is
 * NULL where it is not known.
 */
typedef struct Installation
{
	InstallationState state;
	List	   *schema_names;	/* of char *: every schema with its tables */
	Oid			schema_oid;
	const char *schema_name;
	const char *history_table;	/* as the catalog spells it */
	const char *history;		/* JSON array of the rows of that table */
	const char *installed_text; /* as in the history */
	Version		installed;		/* valid in INSTALLATION_FOUND */
	const char *target_text;	/* NULL: the next releases */
	Version		target;
	const char *owner_name;		/* who owns most of the tables */
	const char *role_name;		/* whom the migration logs in as */
	Obstacle   *obstacle;		/* why the history could not be read */
} Installation;

extern bool version_parse(const char *text, Version *version);
extern int	version_compare(const Version *a, const Version *b);
extern const char *version_array(const Version *version);
extern void version_argument_parse(const char *argument, const char *text,
								   const char *null_meaning,
								   Version *version);
extern void target_version_parse(const char *text, Version *version);

extern Installation *installation_find(const char *target_text);
extern bool installation_reaches(const Installation *installation,
								 const char *version);
extern bool installation_is_below(const Installation *installation,
								  const char *version);
extern List *installation_role_candidates(const Installation *installation);
extern const Obstacle *installation_obstacle(const Installation *installation);
extern void installation_require(const Installation *installation);

#endif							/* UPGRADE_PREREQ_RELEASE_H */
