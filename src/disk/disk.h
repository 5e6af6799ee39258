/*-------------------------------------------------------------------------
 *
 * disk.h
 *	  The disk and the time that the heavy statements of the migration take.
 *
 * src/disk/disk.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_DISK_H
#define UPGRADE_PREREQ_DISK_H

#include "release.h"

extern const char *disk_json(const Installation *installation,
							 List *adequacies);

#endif							/* UPGRADE_PREREQ_DISK_H */
