/*-------------------------------------------------------------------------
 *
 * place.h
 *	  Where the server writes, and how much room there is.
 *
 * src/disk/place.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_PLACE_H
#define UPGRADE_PREREQ_PLACE_H

#include "guard.h"
#include "nodes/pg_list.h"

/* A tablespace or pg_wal. */
typedef struct DiskPlace
{
	const char *name;			/* "tablespace pg_default", "pg_wal" */
	Oid			tablespace;		/* InvalidOid: pg_wal */
	int			file_system;	/* from 1; places on the same one have the
								 * same number; 0 if not known */
	double		total_bytes;	/* of the file system; -1 if not known */
	double		free_bytes;		/* that the server may still take */
	const char *note;			/* why it is not known, or what else there is
								 * to say; or NULL */
} DiskPlace;

/* All places of one call. */
typedef struct DiskPlaces
{
	bool		may_see;		/* the caller may see how full disks are */
	List	   *places;			/* of DiskPlace * */
	List	   *devices;		/* of uint64 *: each file system's number is
								 * its position, from 1 */
	const DiskPlace *wal;
	List	   *temporary;		/* of DiskPlace *: one of them takes the files */
	Oid			new_tablespace; /* of indexes that are created */
} DiskPlaces;

extern DiskPlaces *places_find(const char *role_name);
extern void places_add_relations(DiskPlaces *places, Oid schema_oid);
extern const DiskPlace *place_of_tablespace(DiskPlaces *places, Oid tablespace);

#endif							/* UPGRADE_PREREQ_PLACE_H */
