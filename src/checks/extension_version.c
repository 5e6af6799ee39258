/*
 * id: extension_version
 * title: the library and the SQL objects of upgrade_prereq are of one version
 * category: extension
 * level: error
 * cost: light
 * versions: all
 * installation: any
 * passed: the library and the SQL objects of upgrade_prereq are of one version
 * do: Update the SQL objects by the finding's `fix_sql`, or install the
 *     package of the version that the database uses. Sessions that loaded the
 *     old library keep it until they end.
 * undo: Install the package of the version before; there is no script that
 *     takes the SQL objects back to it.
 */
#include "postgres.h"

#include "check.h"
#include "extension.h"

/*
 * After a package update the new library runs with the old SQL objects until
 * ALTER EXTENSION ... UPDATE; only the library knows its own version.
 */
List *
check_extension_version(const Check *check,
						const Installation *installation pg_attribute_unused())
{
	const char *version = extension_version();
	Finding    *finding;

	if (strcmp(version, UPGRADE_PREREQ_VERSION) == 0)
		return NIL;

	finding = check_finding(check, FINDING_FOUND,
							"the library and the SQL objects of upgrade_prereq differ in version");
	finding->object_type = "extension";
	finding->object_identity = "upgrade_prereq";
	finding->detail = psprintf("The library is of version %s, the SQL objects are of version %s.",
							   UPGRADE_PREREQ_VERSION, version);
	finding->hint = "Update the extension, or install the package of the version that the database uses.";
	finding->fix_sql = "ALTER EXTENSION upgrade_prereq UPDATE;";
	return list_make1(finding);
}
