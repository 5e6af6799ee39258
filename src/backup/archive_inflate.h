/*-------------------------------------------------------------------------
 *
 * archive_inflate.h
 *	  Decompresses a gzip file, to see whether it is whole.
 *
 * src/backup/archive_inflate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_ARCHIVE_INFLATE_H
#define UPGRADE_PREREQ_ARCHIVE_INFLATE_H

#include "archive_reader.h"

extern void archive_inflate(ArchiveCursor *cursor);

#endif							/* UPGRADE_PREREQ_ARCHIVE_INFLATE_H */
