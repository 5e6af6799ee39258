/*-------------------------------------------------------------------------
 *
 * new_file.h
 *	  What a statement writes anew: a table, its TOAST table, an index.
 *
 * src/memory/new_file.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_NEW_FILE_H
#define UPGRADE_PREREQ_NEW_FILE_H

#include "table_facts.h"

typedef enum FileKind
{
	FILE_HEAP,
	FILE_TOAST,
	FILE_INDEX,
} FileKind;

/* What a statement writes of a relation: all of it anew, or more of it. */
typedef struct NewFile
{
	FileKind	kind;
	Oid			table;			/* that it is of, or the partition */
	Oid			relation;		/* the one that there is, whose place it takes
								 * when the statement ends, or, of an UPDATE,
								 * which grows by it; or InvalidOid */
	bool		is_concurrent;	/* an index that is built beside the
								 * application's work */
	double		rows;
	double		entry_bytes;	/* mean length of an index entry, aligned; 0
								 * if not known */
	double		pointers;		/* of a GIN index, to rows; else 0 */
	double		unseen_blocks;	/* of the table, see TableSample */
	double		dead_rows;
	double		live_bytes;		/* of the table: what its rows take, packed */
	double		bytes;			/* -1 if not known */
	Certainty	certainty;		/* of bytes */
} NewFile;

extern List *table_files(TableFactsCache *cache, Relation table,
						 List *added_columns);
extern List *changed_files(Relation table, const TableFacts *changed,
						   double longer);
extern double table_live_bytes(Relation table, const TableFacts *facts);
extern double relation_file_bytes(Oid relid);

#endif							/* UPGRADE_PREREQ_NEW_FILE_H */
