/*-------------------------------------------------------------------------
 *
 * server_file.c
 *	  Who may have files of the server read, and which.
 *
 * src/server_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/pg_authid.h"
#include "compat.h"
#include "server_file.h"

/*
 * The rule of COPY: roles with the privileges of pg_read_server_files.  hint
 * says what to do without.  Error: 42501.
 */
void
server_file_check_right(const char *hint)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read files of the server"),
				 errdetail("Only roles with the privileges of role \"pg_read_server_files\" may give a path."),
				 errhint("%s", hint)));
}

/*
 * To be called before a file is opened by what does not look first: opening a
 * named pipe waits for whoever writes into it, beyond the reach of a cancel,
 * and a device may have no end.  What is not there is left to the opening.
 * Error: 42809.
 */
void
server_file_check_plain(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a plain file", path)));
}
