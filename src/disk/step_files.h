/*-------------------------------------------------------------------------
 *
 * step_files.h
 *	  What a heavy statement of the migration writes: files, and WAL.
 *
 * src/disk/step_files.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_STEP_FILES_H
#define UPGRADE_PREREQ_STEP_FILES_H

#include "step.h"

/* What a step writes to one tablespace. */
typedef struct TablespaceUse
{
	Oid			tablespace;
	double		bytes;
	double		kept_bytes;
} TablespaceUse;

/* What the steps so far have left behind, and the call's facts. */
typedef struct Account
{
	const Installation *installation;
	DiskPlan   *plan;
	const Calibration *calibration;
	double		wal_written;
	List	   *kept;			/* of TablespaceUse *: of all steps so far */
	List	   *passing;		/* of TablespaceUse *: what goes with the end
								 * of the release */
	const char *version;		/* the release */
	List	   *growth;			/* of TableGrowth * */
} Account;

extern TablespaceUse *tablespace_use(List **uses, Oid tablespace);
extern void step_measure(Account *account, DiskStep *step, const char *table,
						 List **uses);
extern void step_add_catalogs(DiskStep *step, List **uses);

#endif							/* UPGRADE_PREREQ_STEP_FILES_H */
