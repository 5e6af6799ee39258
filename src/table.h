/*-------------------------------------------------------------------------
 *
 * table.h
 *	  May this table of OpenMetadata be read, and is it what it seems?
 *
 * src/table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_TABLE_H
#define UPGRADE_PREREQ_TABLE_H

#include "guard.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

extern Oid	table_lookup(Oid schema_oid, const char *table_name);
extern Obstacle *table_lock(Oid schema_oid, const char *table_name,
							Oid *table_oid);
extern Obstacle *table_lock_partition(Oid partition_oid);
extern Relation table_open_partition(Oid partition_oid);
extern Obstacle *table_lock_for_change(Oid table_oid);
extern Obstacle *table_change_obstacle(Oid table_oid, Oid user_oid,
									   List *columns);
extern Obstacle *table_obstacle(Oid schema_oid, const char *table_name,
								Oid *table_oid);
extern Obstacle *relation_obstacle(Oid relid);
extern const char *table_column(Oid table_oid, const char *alternatives);
extern Obstacle *table_column_obstacle(Oid table_oid, const char *column);
extern bool table_has_index(Oid table_oid, const char *column);
extern Obstacle *table_missing_column(const char *table_name,
									  const char *alternatives);
extern Obstacle *table_missing_index(const char *table_name,
									 const char *column);
extern Obstacle *table_other_owner(const char *table_name,
								   const char *other_name);
extern List *table_index_oids(Oid table_oid);
extern Oid	table_owner(Oid table_oid);
extern void table_act_as_owner(Oid table_oid);
extern void table_lower_rights(Oid table_oid);

#endif							/* UPGRADE_PREREQ_TABLE_H */
