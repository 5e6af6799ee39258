/*-------------------------------------------------------------------------
 *
 * operation.h
 *	  The statements of OpenMetadata's migrations whose need of memory grows
 *	  with a table.
 *
 * src/memory/operation.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_OPERATION_H
#define UPGRADE_PREREQ_OPERATION_H

/* Which setting limits the memory of an operation. */
typedef enum MemorySetting
{
	MEMORY_SORT,				/* work_mem */
	MEMORY_HASH,				/* work_mem x hash_mem_multiplier */
	MEMORY_INDEX,				/* maintenance_work_mem */
} MemorySetting;

#define MEMORY_SETTING_COUNT (MEMORY_INDEX + 1)

/* One operation of the migration to one release. */
typedef struct Operation
{
	const char *version;		/* the release whose migration does it */
	const char *table;			/* whose rows it keeps */
	const char *description;
	MemorySetting setting;
	int			need_bytes_per_row; /* memory for no temporary file */
	int			temp_bytes_per_row; /* temporary file otherwise, or -1 */
} Operation;

extern const Operation operations[];
extern const int operation_count;

extern const char *memory_setting_name(MemorySetting setting);

#endif							/* UPGRADE_PREREQ_OPERATION_H */
