/*-------------------------------------------------------------------------
 *
 * report.c
 *	  The verdict on a run, in one word and in sentences.
 *
 * src/report.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "report.h"

static const ReportFormat formats[] = {
	{"text", report_text},
	{"json", report_json},
	{"markdown", report_markdown},
};

/* How a count of findings is spelled. */
typedef struct CountName
{
	const char *one;
	const char *many;
} CountName;

/* Find a format by its name; an unknown one is an error (22023). */
const ReportFormat *
report_format_parse(const char *text)
{
	for (size_t i = 0; i < lengthof(formats); i++)
	{
		if (pg_strcasecmp(text, formats[i].name) == 0)
			return &formats[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for argument \"%s\": \"%s\"",
					"format", text),
			 errhint("Accepted values are \"text\", \"json\" and \"markdown\".")));
	return NULL;				/* keep the compiler quiet */
}

/*
 * The verdict on a run: a finding of at least fail_level fails; a check that
 * could not look, was not run or was left out leaves the answer open.
 */
ReportVerdict
report_verdict(const CheckResult *result, FindingLevel fail_level)
{
	FindingCounts counts = finding_count(result->findings);

	for (int level = fail_level; level < FINDING_LEVEL_COUNT; level++)
	{
		if (counts.found[level] > 0)
			return VERDICT_FAIL;
	}
	if (counts.status[FINDING_UNKNOWN] > 0 ||
		counts.status[FINDING_NOT_RUN] > 0 ||
		result->excluded != NIL)
		return VERDICT_INCOMPLETE;
	return VERDICT_PASS;
}

/*
 * Length of the control character that a text begins with, or 0: the C0 and C1
 * controls, and those that change the direction of writing.  Line feeds are
 * not meant.
 */
static int
control_length(const unsigned char *text)
{
	if (text[0] < 0x20 || text[0] == 0x7f)
		return text[0] == '\n' ? 0 : 1;
	if (pg_database_encoding_max_length() == 1)
		return text[0] >= 0x80 && text[0] < 0xa0 ? 1 : 0;
	if (GetDatabaseEncoding() != PG_UTF8)
		return 0;

	/* U+0080 to U+009F */
	if (text[0] == 0xc2 && text[1] < 0xa0)
		return 2;
	/* U+202A to U+202E, U+2066 to U+2069 */
	if (text[0] == 0xe2 &&
		((text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae) ||
		 (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9)))
		return 3;
	return 0;
}

/*
 * Text that can be sent to a terminal: control characters are shown by their
 * bytes, and line feeds are replaced by the character given.
 */
const char *
report_printable(const char *text, char line_feed)
{
	StringInfoData buf;

	initStringInfo(&buf);
	while (*text != '\0')
	{
		int			length = control_length((const unsigned char *) text);

		if (length == 0)
		{
			appendStringInfoChar(&buf, *text == '\n' ? line_feed : *text);
			text++;
		}
		for (; length > 0; length--)
			appendStringInfo(&buf, "\\x%02X", (unsigned char) *text++);
	}
	return buf.data;
}

/* Append "N names", unless N is zero. */
static void
append_count(StringInfo buf, int count, CountName name)
{
	if (count == 0)
		return;
	if (buf->len > 0)
		appendStringInfoString(buf, ", ");
	appendStringInfo(buf, "%d %s", count, count == 1 ? name.one : name.many);
}

/* The number of findings of each kind there is, in words. */
const char *
report_counts(List *findings)
{
	static const CountName level_names[FINDING_LEVEL_COUNT] = {
		[FINDING_INFO] = {"info", "infos"},
		[FINDING_NOTICE] = {"notice", "notices"},
		[FINDING_WARNING] = {"warning", "warnings"},
		[FINDING_ERROR] = {"error", "errors"},
	};
	static const CountName status_names[FINDING_STATUS_COUNT] = {
		[FINDING_PASSED] = {"passed", "passed"},
		[FINDING_UNKNOWN] = {"unknown", "unknown"},
		[FINDING_NOT_RUN] = {"not run", "not run"},
		[FINDING_NOT_APPLICABLE] = {"not applicable", "not applicable"},
		[FINDING_ACKNOWLEDGED] = {"acknowledged", "acknowledged"},
	};
	FindingCounts counts = finding_count(findings);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int level = FINDING_ERROR; level >= FINDING_INFO; level--)
		append_count(&buf, counts.found[level], level_names[level]);
	for (int status = 0; status < FINDING_STATUS_COUNT; status++)
	{
		if (status != FINDING_FOUND)
			append_count(&buf, counts.status[status], status_names[status]);
	}
	return buf.data;
}

/* The verdict in a sentence, with the counts. */
const char *
report_verdict_line(const CheckResult *result, FindingLevel fail_level)
{
	static const char *const sentences[] = {
		[VERDICT_PASS] = "the upgrade may start",
		[VERDICT_INCOMPLETE] = "not everything was checked, the upgrade should wait",
		[VERDICT_FAIL] = "do not start the upgrade",
	};

	return psprintf("Verdict: %s (%s).",
					sentences[report_verdict(result, fail_level)],
					report_counts(result->findings));
}

/* How many findings an error names; the report has them all. */
#define MAX_REASONS 20

/* One line for each finding that keeps the gate shut, up to MAX_REASONS. */
const char *
report_reasons(List *findings, FindingLevel fail_level)
{
	StringInfoData buf;
	ListCell   *lc;
	int			count = 0;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);
		bool		stands = finding->status == FINDING_FOUND &&
			finding->level >= fail_level;

		if (!stands && finding->status != FINDING_UNKNOWN &&
			finding->status != FINDING_NOT_RUN)
			continue;
		if (++count > MAX_REASONS)
			continue;
		if (buf.len > 0)
			appendStringInfoChar(&buf, '\n');
		appendStringInfo(&buf, "%s: %s (%s)",
						 stands ? finding_level_name(finding->level) :
						 finding_status_name(finding->status),
						 report_printable(finding->message, ' '),
						 finding->check_id);
	}
	if (count > MAX_REASONS)
		appendStringInfo(&buf, "\nand %d more", count - MAX_REASONS);
	return buf.data;
}
