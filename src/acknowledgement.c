/*-------------------------------------------------------------------------
 *
 * acknowledgement.c
 *	  Findings that are known and accepted: what that changes in a report.
 *
 * Nothing is taken away from a report.  A finding whose acknowledgement holds
 * gets the status acknowledged and says who accepted it; an acknowledgement
 * that is of no use is a finding itself.
 *
 * What the acknowledgements say is read through a view that everybody may
 * read, so that the gate is the same for all.  Whoever may write into the
 * journal may also have written there what he may not do, or nonsense: that is
 * shown with his name, and changes nothing.
 *
 * src/acknowledgement.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "acknowledgement.h"
#include "catalog/namespace.h"
#include "extension.h"
#include "json_value.h"
#include "query.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#define ACKNOWLEDGEMENT_VIEW	"upgrade_prereq_acknowledgements"

/* The columns of Acknowledgement, in order. */
static const char list_query[] =
"SELECT a.id, a.finding_key, a.level, a.objects, a.made_by, a.reason, "
"to_json(a.expires_at) #>> '{}', a.expired, a.allowed, "
"jsonb_build_object('id', a.id, 'level', a.level, 'objects', a.objects, "
"'made_by', a.made_by, 'made_at', a.made_at, 'reason', a.reason, "
"'expires_at', a.expires_at), a.target_version "
"FROM %s AS a ORDER BY a.id";

/* What an acknowledgement is worth in a report. */
typedef enum Worth
{
	WORTH_HOLDS,				/* the finding is no worse than accepted */
	WORTH_NOT_TOLD,				/* its check was left out, or could not look,
								 * or is asked about another target */
	WORTH_NOTHING_FOUND,
	WORTH_NOTHING_HERE,			/* the same, maybe since this report is for
								 * another target */
	WORTH_NO_CHECK,				/* there is no such check */
	WORTH_EXPIRED,
	WORTH_LAPSED,				/* the finding got worse */
	WORTH_NOT_ALLOWED,			/* its writer may not acknowledge */
	WORTH_NOT_OURS,				/* somebody wrote it himself */
} Worth;

/* How an acknowledgement that is of no use is reported. */
static const struct
{
	FindingLevel level;
	const char *state;			/* what it is, or has done */
	const char *hint;
}			useless[] = {

	[WORTH_NOTHING_FOUND] = {FINDING_INFO,
		"is not needed: there is no such finding any more",
	"Take it back, so that it does not hide the finding when it comes again."},
	[WORTH_NOTHING_HERE] = {FINDING_INFO,
		"may not be needed: there is no such finding in this report",
	"It does not say for which target it was made. Take it back if there is no such finding in the report for any upgrade that is planned."},
	[WORTH_NO_CHECK] = {FINDING_INFO,
	"is not needed: there is no such check any more", "Take it back."},
	[WORTH_EXPIRED] = {FINDING_INFO,
	"has expired", "Acknowledge the finding again, or take this back."},
	[WORTH_LAPSED] = {FINDING_NOTICE,
		"has lapsed: the finding is worse than what was accepted",
	"Look at the finding; then acknowledge it again, or take this back."},
	[WORTH_NOT_ALLOWED] = {FINDING_NOTICE,
		"does not count: the role that wrote it may not acknowledge",
	"Have a role that may acknowledge the finding again, or take this back."},
	[WORTH_NOT_OURS] = {FINDING_NOTICE,
		"does not count: upgrade_prereq_acknowledge() did not write it",
	"Ask the role that wrote it; then take it back."},
};

/*
 * The check that a finding is of, by the finding's key; or NULL.  A key is the
 * id of the check, and behind a colon the object, if there is one.
 */
const Check *
acknowledgement_check_of(const char *finding_key)
{
	return check_find(pnstrdup(finding_key, strcspn(finding_key, ":")));
}

/*
 * The number of objects that a finding is about: as its data says under
 * "objects", else one.
 */
static int64
object_count(const Finding *finding)
{
	double		count = -1;

	if (finding->data != NULL)
		count = json_number(json_parse(finding->data), "objects");
	return count < 0 ? 1 : (int64) Min(count, 1e18);
}

/* What there is under a key: what was found, whether it is accepted or not. */
Extent
acknowledgement_extent(List *findings, const char *finding_key)
{
	Extent		extent = {0, FINDING_INFO, 0};
	ListCell   *lc;

	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (finding->status != FINDING_FOUND ||
			strcmp(finding->finding_key, finding_key) != 0)
			continue;
		extent.count++;
		extent.level = Max(extent.level, finding->level);
		extent.objects += object_count(finding);
	}
	return extent;
}

/* Take a row of list_query from the last query's result. */
static Acknowledgement *
take_row(uint64 row, MemoryContext context)
{
	Acknowledgement *result = MemoryContextAllocZero(context, sizeof(*result));
	const char *level = query_text(row, 3, context);
	const char *objects = query_text(row, 4, context);

	result->id = query_text(row, 1, context);
	result->finding_key = query_text(row, 2, context);
	result->made_by = query_text(row, 5, context);
	result->reason = query_text(row, 6, context);
	result->expires_at = query_text(row, 7, context);
	result->is_expired = strcmp(query_text(row, 8, context), "t") == 0;
	result->is_allowed = strcmp(query_text(row, 9, context), "t") == 0;
	result->data = query_text(row, 10, context);
	result->target = query_text(row, 11, context);
	result->is_ours = result->finding_key != NULL && result->reason != NULL &&
		level != NULL && objects != NULL &&
		finding_level_lookup(level, &result->accepted.level);
	if (result->is_ours)
		result->accepted.objects = strtoll(objects, NULL, 10);
	return result;
}

/* The right to read the view is missing, which everybody has at first. */
static Obstacle *
missing_right(const char *view)
{
	char	   *user_name = GetUserNameFromId(GetUserId(), false);
	Obstacle   *obstacle;

	obstacle = obstacle_make(ERRCODE_INSUFFICIENT_PRIVILEGE,
							 "permission denied for view " ACKNOWLEDGEMENT_VIEW,
							 "Ask the owner of the view for the GRANT given as the fix.",
							 psprintf("GRANT SELECT ON TABLE %s TO %s;", view,
									  quote_identifier(user_name)));
	obstacle->detail = "What is acknowledged is shown as found.";
	return obstacle;
}

/*
 * All acknowledgements that were not taken back (List of Acknowledgement *),
 * by their ids.  Returns what is in the way, or NULL.  Runs under guard_run().
 */
Obstacle *
acknowledgement_read(List **acknowledgements)
{
	MemoryContext context = CurrentMemoryContext;
	const char *schema = extension_schema();
	const char *view = quote_qualified_identifier(schema, ACKNOWLEDGEMENT_VIEW);
	Oid			view_oid = get_relname_relid(ACKNOWLEDGEMENT_VIEW,
											 get_namespace_oid(schema, false));
	List	   *result = NIL;
	uint64		rows;

	if (OidIsValid(view_oid) &&
		pg_class_aclcheck(view_oid, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		return missing_right(view);

	guard_allow_views();		/* for one that is our own */
	SPI_connect();
	rows = query_run(psprintf(list_query, view), 0, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		MemoryContext spi_context = MemoryContextSwitchTo(context);

		result = lappend(result, take_row(row, context));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	*acknowledgements = result;
	return NULL;
}

/* acknowledgement_read() for guard_run(). */
typedef struct Reading
{
	List	   *acknowledgements;
	const Obstacle *obstacle;
} Reading;

static void
read_guarded(void *argument)
{
	Reading    *reading = argument;

	reading->obstacle = acknowledgement_read(&reading->acknowledgements);
}

/*
 * Did a check look at everything?  Not if it was left out; one that does not
 * apply has nothing to look at.
 */
static bool
has_looked(List *findings, const Check *check)
{
	bool		is_there = false;
	ListCell   *lc;

	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		if (strcmp(finding->check_id, check->id) != 0)
			continue;
		if (finding->status == FINDING_UNKNOWN ||
			finding->status == FINDING_NOT_RUN)
			return false;
		is_there = true;
	}
	return is_there;
}

/*
 * What an acknowledgement is worth whose finding is not there, though its check
 * has looked.  That the finding is gone can only be told of the target for which
 * it was there, or when that is installed.
 */
static Worth
worth_without_finding(const Acknowledgement *acknowledgement,
					  const Installation *installation)
{
	const char *text = acknowledgement->target;
	bool		is_same;
	Version		target;

	if (text == NULL)
		return WORTH_NOTHING_HERE;
	if (strcmp(text, ACKNOWLEDGEMENT_NEXT) == 0)
		is_same = installation->target_text == NULL;
	else if (!version_parse(text, &target))
		return WORTH_NOTHING_HERE;
	else
		is_same = (installation->target_text != NULL &&
				   version_compare(&target, &installation->target) == 0) ||
			(installation->state == INSTALLATION_FOUND &&
			 version_compare(&target, &installation->installed) <= 0);
	return is_same ? WORTH_NOTHING_FOUND : WORTH_NOT_TOLD;
}

/* What an acknowledgement is worth, and what is found under its key. */
static Worth
find_worth(const Acknowledgement *acknowledgement, List *findings,
		   const Installation *installation, Extent *found)
{
	const Check *check;

	memset(found, 0, sizeof(Extent));
	if (!acknowledgement->is_ours)
		return WORTH_NOT_OURS;
	check = acknowledgement_check_of(acknowledgement->finding_key);
	if (check == NULL)
		return WORTH_NO_CHECK;
	*found = acknowledgement_extent(findings, acknowledgement->finding_key);
	if (!acknowledgement->is_allowed)
		return WORTH_NOT_ALLOWED;
	if (acknowledgement->is_expired)
		return WORTH_EXPIRED;
	if (found->count == 0)
		return has_looked(findings, check) ?
			worth_without_finding(acknowledgement, installation) :
			WORTH_NOT_TOLD;
	return found->level > acknowledgement->accepted.level ||
		found->objects > acknowledgement->accepted.objects ?
		WORTH_LAPSED : WORTH_HOLDS;
}

/* How far a finding goes, in words. */
static const char *
extent_text(Extent extent)
{
	return psprintf("level %s, number of objects " INT64_FORMAT,
					finding_level_name(extent.level), extent.objects);
}

/* Who acknowledged a finding, until when and why, for the finding itself. */
static const char *
note_text(const Acknowledgement *acknowledgement, Worth worth)
{
	const char *made_by = acknowledgement->made_by;
	const char *expires_at = acknowledgement->expires_at;
	const char *reason = acknowledgement->reason;

	switch (worth)
	{
		case WORTH_LAPSED:
			return psprintf("Role \"%s\" acknowledged it at %s, which it has passed: %s",
							made_by, extent_text(acknowledgement->accepted), reason);
		case WORTH_EXPIRED:
			return psprintf("Role \"%s\" acknowledged it, which expired at %s: %s",
							made_by, expires_at, reason);
		case WORTH_NOT_ALLOWED:
			return psprintf("Role \"%s\" acknowledged it, but may not do so: %s",
							made_by, reason);
		default:
			return psprintf("Role \"%s\" acknowledged it%s%s: %s", made_by,
							expires_at ? ", until " : "",
							expires_at ? expires_at : "", reason);
	}
}

/* The data of a finding, which may be NULL, with an acknowledgement in it. */
static const char *
with_acknowledgement(const char *data, const Acknowledgement *acknowledgement)
{
	const char *addition = psprintf("{\"acknowledgement\": %s}",
									acknowledgement->data);
	Datum		result = DirectFunctionCall2(jsonb_concat,
											 DirectFunctionCall1(jsonb_in, CStringGetDatum(data ? data : "{}")),
											 DirectFunctionCall1(jsonb_in, CStringGetDatum(addition)));

	return DatumGetCString(DirectFunctionCall1(jsonb_out, result));
}

/* Have the findings of an acknowledgement's key say that there is one. */
static void
mark_findings(const Acknowledgement *acknowledgement, Worth worth,
			  List *findings)
{
	ListCell   *lc;

	foreach(lc, findings)
	{
		Finding    *finding = lfirst(lc);

		if (finding->status != FINDING_FOUND ||
			strcmp(finding->finding_key, acknowledgement->finding_key) != 0)
			continue;
		finding->note = note_text(acknowledgement, worth);
		finding->data = with_acknowledgement(finding->data, acknowledgement);
		if (worth == WORTH_HOLDS)
			finding->status = FINDING_ACKNOWLEDGED;
	}
}

/* The finding about an acknowledgement that is of no use. */
static Finding *
useless_finding(const Check *check, const Acknowledgement *acknowledgement,
				Worth worth, Extent found)
{
	Finding    *finding;
	const char *entry = psprintf("entry %s of the journal", acknowledgement->id);
	const char *key = acknowledgement->finding_key;

	finding = check_finding(check, FINDING_FOUND,
							psprintf("the acknowledgement %s %s",
									 key == NULL ? psprintf("in %s", entry) :
									 psprintf("of finding \"%s\"", key),
									 useless[worth].state));
	finding->level = useless[worth].level;
	finding->object_type = "acknowledgement";
	finding->object_identity = worth == WORTH_NOT_OURS ? entry : key;
	finding->finding_key = psprintf("%s:%s", check->id,
									finding->object_identity);
	finding->detail = worth == WORTH_NOT_OURS ?
		psprintf("It was written by role \"%s\".", acknowledgement->made_by) :
		psprintf("Accepted: %s.%s Role \"%s\" acknowledged it: %s",
				 extent_text(acknowledgement->accepted),
				 worth == WORTH_LAPSED ?
				 psprintf(" Found: %s.", extent_text(found)) : "",
				 acknowledgement->made_by, acknowledgement->reason);
	finding->hint = useless[worth].hint;
	if (worth != WORTH_NOTHING_HERE)
		finding->fix_sql = psprintf("SELECT * FROM %s.upgrade_prereq_undo(%s::bigint);",
									quote_identifier(extension_schema()),
									acknowledgement->id);
	finding->data = with_acknowledgement(NULL, acknowledgement);
	return finding;
}

/* The findings of a check, or NIL. */
static List *
findings_of(List *findings, const Check *check)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, findings)
	{
		Finding    *finding = lfirst(lc);

		if (strcmp(finding->check_id, check->id) == 0)
			result = lappend(result, finding);
	}
	return result;
}

/*
 * Apply the acknowledgements to the findings of a run, after all checks have
 * run, and report those that are of no use, if the check that does so was not
 * left out.  If they cannot be read, that is always said, and nothing is
 * acknowledged.
 */
void
acknowledgement_apply(CheckResult *result)
{
	const Check *check = check_find(ACKNOWLEDGEMENT_CHECK);
	List	   *own = findings_of(result->findings, check);
	bool		is_selected = own != NIL;
	List	   *reported = NIL;
	Reading		reading = {NIL, NULL};
	const Obstacle *error = guard_run(read_guarded, &reading);
	ListCell   *lc;

	if (error == NULL)
		error = reading.obstacle;
	if (error != NULL)
		reported = list_make1(check_obstacle_finding(check, error));
	foreach(lc, reading.acknowledgements)
	{
		const Acknowledgement *acknowledgement = lfirst(lc);
		Extent		found;
		Worth		worth = find_worth(acknowledgement, result->findings,
									   result->installation, &found);

		if (found.count > 0)
			mark_findings(acknowledgement, worth, result->findings);
		if (is_selected && worth != WORTH_HOLDS && worth != WORTH_NOT_TOLD)
			reported = lappend(reported,
							   useless_finding(check, acknowledgement, worth, found));
	}

	/* in the place of what the check said before the others had run */
	if (reported != NIL)
		result->findings = list_concat(list_difference_ptr(result->findings, own),
									   reported);
}
