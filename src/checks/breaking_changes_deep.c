/*
 * id: breaking_changes_deep
 * title: no breaking change of OpenMetadata that only its big tables show affects this database
 * category: breaking_changes
 * level: error
 * cost: heavy
 * versions: all
 * guard: own
 * passed: no breaking change between the installed version and the target has to be looked for in big tables
 *
 * The part of breaking_changes whose probes read tables that can be big, such
 * as those of tables, queries, versions and threads. Each probe has the time
 * limit of a check.
 */
#include "postgres.h"

#include "breaking.h"

List *
check_breaking_changes_deep(const Check *check,
							const Installation *installation)
{
	return breaking_findings(check, installation, true);
}
