/*-------------------------------------------------------------------------
 *
 * acknowledge.c
 *	  Accepting a finding, and taking that back.
 *
 * src/acknowledge.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "acknowledgement.h"
#include "attempt.h"
#include "extension.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_acknowledge);

/*
 * The longest key, in bytes: it has to fit into the index of the journal's
 * open entries, whose rows may have 2704.
 */
#define MAX_KEY_LENGTH 2000

/* A text argument that has to have a value, and not a blank one. */
static const char *
required_argument(FunctionCallInfo fcinfo, int number, const char *argument)
{
	const char *value;

	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", argument)));
	value = text_to_cstring(PG_GETARG_TEXT_PP(number));
	if (value[strspn(value, " \t\n\r")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be empty", argument)));
	return value;
}

/* When the acknowledgement ends: an argument; null for never. */
static TimestampTz
expiry_argument(FunctionCallInfo fcinfo, int number)
{
	TimestampTz result = DT_NOEND;

	if (!PG_ARGISNULL(number))
		result = PG_GETARG_TIMESTAMPTZ(number);
	if (result <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be in the future", "expires_at"),
				 errhint("Leave it out for an acknowledgement that does not expire.")));
	return result;
}

/* The object of an entry of ours. */
static const char *
format_object(const char *finding_key)
{
	StringInfoData object;

	initStringInfo(&object);
	appendStringInfoString(&object, "{\"finding_key\": ");
	escape_json(&object, finding_key);
	appendStringInfoChar(&object, '}');
	return object.data;
}

/*
 * What was accepted, and in the report for which target; the view
 * upgrade_prereq_acknowledgements reads it.
 */
static const char *
format_extent(Extent extent, const char *target_text)
{
	const char *target = ACKNOWLEDGEMENT_NEXT;
	Version		version;

	if (target_text != NULL)
	{
		target_version_parse(target_text, &version);
		target = psprintf("%d.%d.%d", version.part[0], version.part[1],
						  version.part[2]);
	}
	return psprintf("{\"level\": \"%s\", \"objects\": " INT64_FORMAT ", \"target\": \"%s\"}",
					finding_level_name(extent.level), extent.objects, target);
}

/* There is nothing to acknowledge: say why. */
static void
raise_not_found(const char *finding_key, List *findings,
				const char *target_text)
{
	ListCell   *lc;

	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		if (finding->status != FINDING_UNKNOWN)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("finding \"%s\" cannot be acknowledged: its check could not look",
						finding_key),
				 errdetail("It says: %s.", finding->message),
				 errhint("What nobody could look at cannot be accepted. The gate lets it pass with allow_unknown => true.")));
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no finding \"%s\"", finding_key),
			 errhint("The keys of all findings: SELECT finding_key, message FROM %s.upgrade_prereq_findings(%s, deep => true) WHERE status = 'found';",
					 quote_identifier(extension_schema()),
					 target_text ? quote_literal_cstr(target_text) : "NULL")));
}

/* Run the check of a key; what there is under the key, or an error. */
static Extent
find_extent(const char *finding_key, const char *target_text)
{
	const Check *check = acknowledgement_check_of(finding_key);
	List	   *findings = NIL;
	Extent		extent = {0};

	if (check != NULL && strcmp(check->id, ACKNOWLEDGEMENT_CHECK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("findings about acknowledgements cannot be acknowledged"),
				 errhint("Take the acknowledgement back: upgrade_prereq_undo() does.")));
	if (check != NULL)
	{
		findings = check_run_single(check, target_text);
		extent = acknowledgement_extent(findings, finding_key);
	}
	if (extent.count == 0)
		raise_not_found(finding_key, findings, target_text);
	return extent;
}

/*
 * Write the entry, in the place of the one that is open, if there is one; to
 * be called by attempt().  Somebody else may write one at the same time: once
 * that is committed it is there to be replaced.
 */
static void
record(void *argument)
{
	JournalEntry *entry = argument;

	do
	{
		JournalEntry *open;

		CHECK_FOR_INTERRUPTS();
		open = journal_find_open(entry->kind, entry->object);
		if (open != NULL)
			journal_close(open, JOURNAL_SUPERSEDED);
	} while (!journal_try_record(entry));
}

/*
 * upgrade_prereq_acknowledge(finding_key text, reason text,
 *							  expires_at timestamptz, target_version text)
 *
 * Accepts what is found under a key now, and returns the number of the entry
 * in the journal.  Replaces an acknowledgement that is there.
 *
 * finding_key and reason must not be null; expires_at may be, for never;
 * target_version may be, for the next releases.  Errors: 22023 for an argument
 * that is not accepted, 42704 if there is no such finding, 55000 if its check
 * could not look, 0A000 for a finding about acknowledgements, 54000 for a key
 * that is too long, 42501 without the rights on the journal, 25006 in a
 * read-only transaction, 55000 if the journal has a trigger or is published,
 * 55P03 while somebody else's transaction that acknowledges the same is open,
 * 40001 if the transaction's snapshot is older than what somebody else did.
 */
Datum
upgrade_prereq_acknowledge(PG_FUNCTION_ARGS)
{
	const char *finding_key = required_argument(fcinfo, 0, "finding_key");
	const char *target_text = PG_ARGISNULL(3) ? NULL :
		text_to_cstring(PG_GETARG_TEXT_PP(3));
	JournalEntry entry = {0};
	ErrorData  *error;

	entry.kind = ACKNOWLEDGEMENT_KIND;
	entry.object_identity = finding_key;
	entry.object = format_object(finding_key);
	entry.reason = required_argument(fcinfo, 1, "reason");
	entry.expires_at = expiry_argument(fcinfo, 2);
	if (strlen(finding_key) > MAX_KEY_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key of the finding is too long to be acknowledged"),
				 errdetail("It has %zu bytes, of %d that there may be.",
						   strlen(finding_key), MAX_KEY_LENGTH)));

	journal_require_write();
	(void) journal_undo_expired();
	entry.state_after = format_extent(find_extent(finding_key, target_text),
									  target_text);
	error = attempt(record, &entry);
	if (error != NULL)
		ReThrowError(error);
	PG_RETURN_INT64(entry.id);
}

/*
 * The undo function of our entries: an acknowledgement is nothing but its
 * entry, so that it is forgotten once that has been closed.
 */
JournalOutcome
acknowledgement_undo(const JournalEntry *entry pg_attribute_unused())
{
	return JOURNAL_UNDONE;
}
