/*
 * id: raise_left_behind
 * title: no setting that upgrade_prereq_raise() raised is left behind
 * category: memory
 * level: warning
 * cost: light
 * versions: all
 * installation: any
 * passed: no raised setting is left behind
 * do: When the migration is done, put the settings back:
 *     `upgrade_prereq_restore()`, which is the finding's `fix_sql`.
 * undo: Raise them again by `upgrade_prereq_raise()`.
 *
 * A value that was raised for a role or database counts for whoever connects,
 * until it is put back.  While it is to stay, that is a notice; when it has
 * expired, something kept it from being put back.
 */
#include "postgres.h"

#include "check.h"
#include "extension.h"
#include "query.h"
#include "utils/builtins.h"

/* The columns that everybody may read; see the install script. */
static const char left_behind_query[] =
"SELECT j.object_identity, COALESCE(j.expires_at <= statement_timestamp(), false), "
"j.made_by, jsonb_build_object('journal_id', j.id, 'made_at', j.made_at, "
"'expires_at', j.expires_at) "
"FROM %s.upgrade_prereq_journal AS j "
"WHERE j.undone_at IS NULL AND j.kind = 'setting' "
"ORDER BY j.object_identity, j.id";

/* One setting that is still raised: a row of the query. */
static Finding *
left_behind_finding(const Check *check, uint64 row, MemoryContext context)
{
	const char *identity = query_text(row, 1, context);
	bool		has_expired = strcmp(query_text(row, 2, context), "t") == 0;
	Finding    *finding = check_finding(check, FINDING_FOUND,
										psprintf(has_expired ?
												 "%s is raised past its deadline" :
												 "%s is raised", identity));

	if (!has_expired)
		finding->level = FINDING_NOTICE;
	finding->object_type = "setting";
	finding->object_identity = identity;
	finding->detail = psprintf("Role \"%s\" raised it with upgrade_prereq_raise().",
							   query_text(row, 3, context));
	finding->hint = "Put it back when the migration is done.";
	finding->fix_sql = psprintf("SELECT * FROM %s.upgrade_prereq_restore();",
								quote_identifier(extension_schema()));
	finding->data = query_text(row, 4, context);
	return finding;
}

/* Settings that upgrade_prereq_raise() raised and that are not put back. */
List *
check_raise_left_behind(const Check *check,
						const Installation *installation pg_attribute_unused())
{
	MemoryContext context = CurrentMemoryContext;
	List	   *findings = NIL;
	const char *query = psprintf(left_behind_query,
								 quote_identifier(extension_schema()));
	uint64		rows;

	SPI_connect();
	rows = query_run(query, 0, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		findings = lappend(findings, left_behind_finding(check, row, context));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	return findings;
}
