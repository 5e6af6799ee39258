/*-------------------------------------------------------------------------
 *
 * airflow_run_id.c
 *	  The id that OpenMetadata gives a run which Airflow's scheduler began.
 *
 * Releases after 2.0 compute it, so that it is known who is who
 * (openmetadata_managed_apis/utils/pipeline_run_id.py): a run_id of Airflow's
 * that reads as a UUID is the id; of any other it is the UUID of version 5
 * (RFC 9562, 5.5: SHA-1 of a name space and a name) in the name space of URLs
 * of "openmetadata:DAG:RUN".
 *
 * src/runs/airflow_run_id.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/* The name space of URLs, RFC 9562, 6.6. */
static const uint8 url_name_space[UUID_LEN] = {
	0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
	0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8
};

/* What follows a word that a text begins with; the text itself if it does not. */
static const char *
skip_word(const char *text, const char *word)
{
	size_t		length = strlen(word);

	return strncmp(text, word, length) == 0 ? text + length : text;
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/*
 * Read a UUID as Python's uuid.UUID() does (Lib/uuid.py): "urn:" and "uuid:"
 * are taken out wherever they are, braces from both ends, hyphens everywhere.
 * False if that does not leave 32 hexadecimal digits.
 */
static bool
read_uuid(const char *text, pg_uuid_t *uuid)
{
	char	   *hex = palloc(strlen(text) + 1);
	const char *begin = hex;
	size_t		length = 0;
	size_t		digits = 0;

	while (*text != '\0')
	{
		const char *next = skip_word(skip_word(text, "urn:"), "uuid:");

		if (next == text)
			hex[length++] = *text++;
		else
			text = next;
	}
	while (length > 0 && strchr("{}", begin[0]) != NULL)
	{
		begin++;
		length--;
	}
	while (length > 0 && strchr("{}", begin[length - 1]) != NULL)
		length--;

	for (size_t i = 0; i < length; i++)
	{
		if (begin[i] != '-')
			hex[digits++] = begin[i];
	}
	if (digits != 2 * UUID_LEN)
		return false;

	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high = hex_value(hex[2 * i]);
		int			low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		uuid->data[i] = high << 4 | low;
	}
	return true;
}

/* The UUID of version 5 of a name in UTF-8; false if it cannot be computed. */
static bool
make_uuid(const char *name, pg_uuid_t *uuid)
{
	uint8		digest[SHA1_DIGEST_LENGTH];

	if (!sha1_digest(url_name_space, UUID_LEN,
					 (const uint8 *) name, strlen(name), digest))
		return false;
	memcpy(uuid->data, digest, UUID_LEN);
	uuid->data[6] = (uuid->data[6] & 0x0f) | 0x50;	/* version 5 */
	uuid->data[8] = (uuid->data[8] & 0x3f) | 0x80;	/* variant of RFC 9562 */
	return true;
}

/*
 * upgrade_prereq_airflow_run_id(dag_id text, run_id text) RETURNS uuid
 *
 * The runId that OpenMetadata's Airflow plug-in gives a dag run of those ids,
 * if its release computes them.  The dag_id is Airflow's, that is with the
 * characters replaced that it does not allow.  NULL before PostgreSQL 14,
 * which has no SHA-1 that could be called; OpenMetadata releases with such ids
 * need 15.  NULL if an argument is, and of bytes that are no UTF-8, which a
 * database of encoding SQL_ASCII can hold, but Airflow cannot have named
 * anything by.
 */
PG_FUNCTION_INFO_V1(upgrade_prereq_airflow_run_id);

Datum
upgrade_prereq_airflow_run_id(PG_FUNCTION_ARGS)
{
	const char *dag_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *run_id = text_to_cstring(PG_GETARG_TEXT_PP(1));
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	if (!read_uuid(run_id, uuid))
	{
		char	   *name = psprintf("openmetadata:%s:%s", dag_id, run_id);

		if (GetDatabaseEncoding() == PG_SQL_ASCII &&
			!pg_verify_mbstr(PG_UTF8, name, strlen(name), true))
			PG_RETURN_NULL();
		name = pg_server_to_any(name, strlen(name), PG_UTF8);
		if (!make_uuid(name, uuid))
			PG_RETURN_NULL();
	}
	PG_RETURN_UUID_P(uuid);
}
