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
 * Raise that a file whose path somebody gave could not be opened, by errno.
 * Errors: those of errcode_for_file_access(), but for a path that leads nowhere,
 * which is none that is internal to the server: 58P01.
 */
void
server_file_refuse(const char *path)
{
	bool		leads_nowhere = errno == ELOOP || errno == ENAMETOOLONG;

	ereport(ERROR,
			(leads_nowhere ? errcode(ERRCODE_UNDEFINED_FILE) : errcode_for_file_access(),
			 errmsg("could not open file \"%s\": %m", path)));
}

/*
 * To be called before a file is opened by what does not look first: opening a
 * named pipe waits for whoever writes into it, beyond the reach of a cancel,
 * and a device may have no end.  Errors: 42809; those of server_file_refuse().
 */
void
server_file_check_plain(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		server_file_refuse(path);
	if (!S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a plain file", path)));
}
