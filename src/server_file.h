/*-------------------------------------------------------------------------
 *
 * server_file.h
 *	  Who may have files of the server read, and which.
 *
 * src/server_file.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_SERVER_FILE_H
#define UPGRADE_PREREQ_SERVER_FILE_H

#include "compat.h"

extern void server_file_check_right(const char *hint);
pg_noreturn extern void server_file_refuse(const char *path);
extern void server_file_check_plain(const char *path);

#endif							/* UPGRADE_PREREQ_SERVER_FILE_H */
