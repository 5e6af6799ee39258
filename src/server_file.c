/*-------------------------------------------------------------------------
 *
 * server_file.c
 *	  Who may have files of the server read.
 *
 * src/server_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

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
