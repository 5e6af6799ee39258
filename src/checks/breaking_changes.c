/*
 * id: breaking_changes
 * title: no breaking change of OpenMetadata on the way to the target affects this database
 * category: breaking_changes
 * level: error
 * cost: light
 * versions: all
 * guard: own
 * passed: OpenMetadata has no breaking change between the installed version and the target
 *
 * The changes are those of [breaking-changes.md](../breaking-changes.md), which
 * says for each of them how this database tells. One that affects it is a
 * finding of the level given there. One that no database can tell is a notice
 * of its own, so that it can be checked off: it is named by its id. What was
 * looked for in vain is counted. Those that another check tells are left to it,
 * and those whose probe may read a big table to breaking_changes_deep.
 *
 * upgrade_prereq_breaking_changes() has the same as rows, for any two versions.
 */
#include "postgres.h"

#include "breaking.h"
#include "lib/stringinfo.h"
#include "utils/json.h"

/* How many objects a finding names; the SQL function names more. */
#define OBJECTS_SHOWN 5

/* The first objects that a result names, in words. */
static const char *
objects_text(const BreakingResult *result)
{
	StringInfoData buf;
	int			shown = 0;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, result->objects)
	{
		if (shown++ == OBJECTS_SHOWN)
			break;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 (const char *) lfirst(lc));
	}
	if (result->object_count > OBJECTS_SHOWN)
		appendStringInfo(&buf, " and " INT64_FORMAT " more",
						 result->object_count - OBJECTS_SHOWN);
	return buf.data;
}

/* Append a key and a text to a JSON object. */
static void
append_json(StringInfo buf, const char *key, const char *value)
{
	appendStringInfoString(buf, buf->len > 1 ? ", " : "");
	escape_json(buf, key);
	appendStringInfoString(buf, ": ");
	escape_json(buf, value);
}

/* What is left for programs. */
static const char *
data_json(const BreakingResult *result)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	append_json(&buf, "release", result->change->release);
	append_json(&buf, "area", result->change->area);
	if (result->answer == BREAKING_AFFECTED)
		appendStringInfo(&buf, ", \"objects\": " INT64_FORMAT,
						 result->object_count);
	else
		append_json(&buf, "reason", result->reason);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* The finding that a result makes. */
static Finding *
result_finding(const Check *check, const BreakingResult *result)
{
	const BreakingChange *change = result->change;
	Finding    *finding;

	if (result->answer == BREAKING_UNKNOWN)
	{
		finding = check_obstacle_finding(check, result->obstacle);
		finding->level = change->level;
	}
	else
	{
		finding = check_finding(check, FINDING_FOUND,
								psprintf("OpenMetadata %s: %s",
										 change->release, change->change));
		finding->level = FINDING_NOTICE;
		finding->hint = change->action;
		finding->data = data_json(result);
		finding->detail = "The database does not tell whether this affects the installation.";
	}

	if (result->answer == BREAKING_AFFECTED)
	{
		finding->level = change->level;
		finding->detail = psprintf("This affects (" INT64_FORMAT "): %s.",
								   result->object_count, objects_text(result));
		if (result->reason != NULL)
			finding->detail = psprintf("%s There may be more: %s.",
									   finding->detail, result->reason);
	}

	finding->object_type = "breaking change";
	finding->object_identity = change->id;
	finding->applies_to = psprintf("upgrades that reach %s", change->release);
	finding->doc_ref = psprintf("doc/breaking-changes.md#%s", change->id);
	finding->finding_key = psprintf("%s:%s", check->id, change->id);
	return finding;
}

/* The finding that counts what was looked for in vain. */
static Finding *
passed_finding(const Check *check, List *changes)
{
	Finding    *finding;
	StringInfoData buf;
	ListCell   *lc;

	finding = check_finding(check, FINDING_PASSED,
							psprintf("breaking changes that do not affect this database: %d",
									 list_length(changes)));
	initStringInfo(&buf);
	appendStringInfoString(&buf, "{\"changes\": [");
	foreach(lc, changes)
	{
		const BreakingChange *change = lfirst(lc);

		if (lc != list_head(changes))
			appendStringInfoString(&buf, ", ");
		escape_json(&buf, change->id);
	}
	appendStringInfoString(&buf, "]}");
	finding->data = buf.data;
	return finding;
}

/* The findings on the changes whose probes are heavy, or on the others. */
List *
breaking_findings(const Check *check, const Installation *installation,
				  bool heavy)
{
	const Version *target = installation->target_text ?
		&installation->target : NULL;
	List	   *findings = NIL;
	List	   *passed = NIL;

	for (int i = 0; i < breaking_count; i++)
	{
		const BreakingChange *change = &breaking_list[i];
		BreakingResult *result;

		if (change->probe == PROBE_CHECK ||
			(change->probe == PROBE_HEAVY) != heavy ||
			!breaking_applies(change, &installation->installed, target))
			continue;

		result = breaking_probe(change, installation, true);
		if (result->answer == BREAKING_NOT_AFFECTED)
			passed = lappend(passed, unconstify(BreakingChange *, change));
		else
			findings = lappend(findings, result_finding(check, result));
	}
	if (passed != NIL)
		findings = lappend(findings, passed_finding(check, passed));
	return findings;
}

List *
check_breaking_changes(const Check *check, const Installation *installation)
{
	return breaking_findings(check, installation, false);
}
