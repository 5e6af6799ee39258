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

extern void server_file_check_right(const char *hint);
extern void server_file_check_plain(const char *path);

#endif							/* UPGRADE_PREREQ_SERVER_FILE_H */
