/*-------------------------------------------------------------------------
 *
 * finding.c
 *	  What a check has to say: names, order and columns of findings.
 *
 * src/finding.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "finding.h"

const char *const finding_column_names[FINDING_COLUMNS] = {
	"check_id", "level", "status", "category", "object_type",
	"object_identity", "message", "detail", "hint", "fix_sql", "undo_sql",
	"applies_to", "doc_ref", "finding_key", "data"
};

static const char *const level_names[FINDING_LEVEL_COUNT] = {
	"info", "notice", "warning", "error"
};

static const char *const status_names[FINDING_STATUS_COUNT] = {
	"passed", "found", "unknown", "not_run", "not_applicable", "acknowledged"
};

/* Index of text in names, or -1.  Letter case does not matter. */
static int
lookup_name(const char *text, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (pg_strcasecmp(text, names[i]) == 0)
			return i;
	}
	return -1;
}

/* The label of a level in the SQL type upgrade_prereq_level. */
const char *
finding_level_name(FindingLevel level)
{
	return level_names[level];
}

/* The label of a status in the SQL type upgrade_prereq_status. */
const char *
finding_status_name(FindingStatus status)
{
	return status_names[status];
}

/* Find a level by its name; false if there is none of that name. */
bool
finding_level_lookup(const char *text, FindingLevel *level)
{
	int			i = lookup_name(text, level_names, FINDING_LEVEL_COUNT);

	if (i < 0)
		return false;
	*level = (FindingLevel) i;
	return true;
}

/* Find a status by its name; false if there is none of that name. */
bool
finding_status_lookup(const char *text, FindingStatus *status)
{
	int			i = lookup_name(text, status_names, FINDING_STATUS_COUNT);

	if (i < 0)
		return false;
	*status = (FindingStatus) i;
	return true;
}

/*
 * The level that an SQL argument names; an unknown name is an error that
 * lists the accepted ones (22023).
 */
FindingLevel
finding_level_parse(const char *argument, const char *text)
{
	FindingLevel level;

	if (!finding_level_lookup(text, &level))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"",
						argument, text),
				 errhint("Accepted values are \"info\", \"notice\", \"warning\" and \"error\".")));
	return level;
}

/* strcmp() that takes NULL for smaller than any string. */
static int
compare_strings(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

/* The order of the report: level descending, check, object. */
static int
compare_findings(const ListCell *a, const ListCell *b)
{
	const Finding *fa = lfirst(a);
	const Finding *fb = lfirst(b);
	int			result;

	if (fa->level != fb->level)
		return fa->level > fb->level ? -1 : 1;
	result = strcmp(fa->check_id, fb->check_id);
	if (result == 0)
		result = compare_strings(fa->object_identity, fb->object_identity);
	if (result == 0)
		result = compare_strings(fa->object_type, fb->object_type);
	if (result == 0)
		result = strcmp(fa->message, fb->message);
	return result;
}

/* Put a list of findings into the order of the report. */
void
finding_sort(List *findings)
{
	list_sort(findings, compare_findings);
}

/* Count findings by level and by status. */
FindingCounts
finding_count(List *findings)
{
	FindingCounts counts = {{0}, {0}};
	ListCell   *lc;

	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		counts.status[finding->status]++;
		if (finding->status == FINDING_FOUND)
			counts.found[finding->level]++;
	}
	return counts;
}

/*
 * The columns of a finding as text, in the order of finding_column_names;
 * values has room for FINDING_COLUMNS of them.
 */
void
finding_values(const Finding *finding, char **values)
{
	const char *columns[FINDING_COLUMNS] = {
		finding->check_id,
		finding_level_name(finding->level),
		finding_status_name(finding->status),
		finding->category,
		finding->object_type,
		finding->object_identity,
		finding->message,
		finding->detail,
		finding->hint,
		finding->fix_sql,
		finding->undo_sql,
		finding->applies_to,
		finding->doc_ref,
		finding->finding_key,
		finding->data
	};

	for (int i = 0; i < FINDING_COLUMNS; i++)
		values[i] = unconstify(char *, columns[i]);
}
