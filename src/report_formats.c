/*-------------------------------------------------------------------------
 *
 * report_formats.c
 *	  The report as text, JSON and Markdown.
 *
 * Names and texts in a finding may come from rows that anybody could write:
 * no format lets them start a line of their own or send control characters
 * to a terminal.
 *
 * src/report_formats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "report.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/formatting.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* Version of the JSON document: raised when a key changes its meaning. */
#define JSON_FORMAT_VERSION 1

/* The failing level that the verdict of a report stands on. */
#define REPORT_FAIL_LEVEL FINDING_ERROR

/* The title of the report. */
static const char *
headline(const CheckResult *result)
{
	const Installation *installation = result->installation;
	StringInfoData buf;

	initStringInfo(&buf);
	if (installation->installed_text != NULL)
		appendStringInfo(&buf, "OpenMetadata %s in schema \"%s\" of database \"%s\"",
						 installation->installed_text,
						 installation->schema_name,
						 get_database_name(MyDatabaseId));
	else
		appendStringInfo(&buf, "OpenMetadata of unknown version in database \"%s\"",
						 get_database_name(MyDatabaseId));
	if (installation->target_text != NULL)
		appendStringInfo(&buf, ", upgrade to %s", installation->target_text);
	else
		appendStringInfoString(&buf, ", upgrade to the next releases");
	return report_printable(buf.data, ' ');
}

/* The ids of the checks that have a finding of some status, each once. */
static const char *
check_ids(List *findings, FindingStatus status, int *count)
{
	StringInfoData buf;
	List	   *ids = NIL;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);

		if (finding->status != status ||
			list_member_ptr(ids, finding->check_id))
			continue;
		appendStringInfo(&buf, "%s%s", ids != NIL ? ", " : "",
						 finding->check_id);
		ids = lappend(ids, unconstify(char *, finding->check_id));
	}
	*count = list_length(ids);
	return buf.data;
}

/* The ids of the checks that were left out. */
static const char *
excluded_ids(const CheckResult *result)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, result->excluded)
	{
		const Check *check = lfirst(lc);

		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", check->id);
	}
	return buf.data;
}

/* Are two strings the same, or both NULL? */
static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Could two checks not look for one and the same reason? */
static bool
same_reason(const Finding *a, const Finding *b)
{
	return a->status == FINDING_UNKNOWN && b->status == FINDING_UNKNOWN &&
		same_text(a->message, b->message) && same_text(a->detail, b->detail) &&
		same_text(a->hint, b->hint) && same_text(a->fix_sql, b->fix_sql);
}

/*
 * Are two findings notices of one check that could not be tied to this
 * database for one and the same reason?  There can be many of them.
 */
static bool
same_notice(const Finding *a, const Finding *b)
{
	return a->status == FINDING_FOUND && b->status == FINDING_FOUND &&
		a->level == FINDING_NOTICE && b->level == FINDING_NOTICE &&
		strcmp(a->check_id, b->check_id) == 0 &&
		a->detail != NULL && same_text(a->detail, b->detail) &&
		a->fix_sql == NULL && b->fix_sql == NULL;
}

/* The block that a finding belongs to, or NULL. */
static ListCell *
find_block(List *blocks, const Finding *finding)
{
	ListCell   *block;

	foreach(block, blocks)
	{
		if (same_reason(linitial(lfirst(block)), finding) ||
			same_notice(linitial(lfirst(block)), finding))
			return block;
	}
	return NULL;
}

/* Is a block a list of notices? */
static bool
is_notice_list(List *block)
{
	const Finding *finding = linitial(block);

	return finding->status == FINDING_FOUND && list_length(block) > 1;
}

/*
 * The findings that are shown with all they have, as blocks: what was found
 * comes first, then what could not be looked at, and a reason that several
 * findings share stands once; then what is acknowledged.  A block is a list of
 * findings.
 */
static List *
report_blocks(List *findings)
{
	static const FindingStatus shown[] = {FINDING_FOUND, FINDING_UNKNOWN,
	FINDING_ACKNOWLEDGED};
	List	   *blocks = NIL;

	for (size_t i = 0; i < lengthof(shown); i++)
	{
		ListCell   *lc;

		foreach(lc, findings)
		{
			Finding    *finding = lfirst(lc);
			ListCell   *block = NULL;

			CHECK_FOR_INTERRUPTS();
			if (finding->status != shown[i])
				continue;
			if (finding->status == FINDING_UNKNOWN ||
				(finding->status == FINDING_FOUND &&
				 finding->level == FINDING_NOTICE))
				block = find_block(blocks, finding);
			if (block != NULL)
				lfirst(block) = lappend(lfirst(block), finding);
			else
				blocks = lappend(blocks, list_make1(finding));
		}
	}
	return blocks;
}

/* The checks of a block, by their ids, each once. */
static const char *
block_ids(List *block)
{
	StringInfoData buf;
	const char *previous = NULL;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, block)
	{
		const Finding *finding = lfirst(lc);

		if (previous != NULL && strcmp(previous, finding->check_id) == 0)
			continue;
		previous = finding->check_id;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", previous);
	}
	return buf.data;
}

/* The heading of a list of notices. */
static const char *
notice_heading(List *block)
{
	return psprintf("%d notices for one reason", list_length(block));
}

/* Append a line to a list of lines. */
static List *
add_line(List *lines, const char *line)
{
	return lappend(lines, unconstify(char *, line));
}

/* Append a text line by line, each behind a prefix. */
static List *
add_lines(List *lines, const char *first_prefix, const char *other_prefix,
		  const char *text)
{
	char	   *state = NULL;
	char	   *copy = pstrdup(report_printable(text, '\n'));

	for (char *line = strtok_r(copy, "\n", &state); line != NULL;
		 line = strtok_r(NULL, "\n", &state))
	{
		lines = add_line(lines, psprintf("%s%s", first_prefix, line));
		first_prefix = other_prefix;
	}
	return lines;
}

/*
 * Append "label text", if there is a text.  Its further lines are indented,
 * so that nothing in it can pass for a line of the report.
 */
static List *
add_labelled(List *lines, const char *label, const char *text)
{
	if (text == NULL)
		return lines;
	return add_lines(lines, label, "             ", text);
}

/* The words that a block begins with. */
static const char *
block_label(const Finding *finding)
{
	const char *status = finding_status_name(finding->status);
	const char *level = finding_level_name(finding->level);

	switch (finding->status)
	{
		case FINDING_UNKNOWN:
			return status;
		case FINDING_ACKNOWLEDGED:
			return psprintf("%s %s", status, level);
		default:
			return level;
	}
}

/* The text format for a list of notices: a line for each. */
static List *
add_notices_text(List *lines, List *block)
{
	const Finding *first = linitial(block);
	ListCell   *lc;

	lines = add_line(lines, psprintf("NOTICE:  %s  (%s)",
									 notice_heading(block), block_ids(block)));
	lines = add_labelled(lines, "    DETAIL:  ", first->detail);
	lines = add_line(lines, "    HINT:    What to do stands in the hint of each row of upgrade_prereq_findings().");
	foreach(lc, block)
		lines = add_labelled(lines, "      - ", ((const Finding *) lfirst(lc))->message);
	return lines;
}

/* The text format: a block is shown as psql shows an error. */
static List *
add_block_text(List *lines, List *block)
{
	const Finding *finding = linitial(block);
	const char *label = block_label(finding);

	if (is_notice_list(block))
		return add_notices_text(lines, block);

	lines = add_labelled(lines,
						 psprintf("%s:  ", asc_toupper(label, strlen(label))),
						 psprintf("%s  (%s)", finding->message,
								  block_ids(block)));
	lines = add_labelled(lines, "    DETAIL:  ", finding->detail);
	lines = add_labelled(lines, "    NOTE:    ", finding->note);
	if (finding->status == FINDING_ACKNOWLEDGED)
		return lines;			/* nobody has to do anything */
	lines = add_labelled(lines, "    HINT:    ", finding->hint);
	lines = add_labelled(lines, "    FIX:     ", finding->fix_sql);
	lines = add_labelled(lines, "    UNDO:    ", finding->undo_sql);
	if (finding->status == FINDING_FOUND && !report_memory_shows(finding))
		lines = add_labelled(lines, "    DATA:    ", finding->data);
	return lines;
}

/* The lines that name the checks of one status, if there are any. */
static List *
add_status_line(List *lines, List *findings, FindingStatus status,
				const char *label)
{
	int			count;
	const char *ids = check_ids(findings, status, &count);

	if (count > 0)
		lines = add_line(lines, psprintf("%s (%d): %s", label, count, ids));
	return lines;
}

/* What was not found: passed, not looked at, accepted, left out. */
static List *
add_summary(List *lines, const CheckResult *result)
{
	List	   *findings = result->findings;

	lines = add_status_line(lines, findings, FINDING_PASSED, "Passed");
	lines = add_status_line(lines, findings, FINDING_NOT_APPLICABLE,
							"Not applicable");
	lines = add_status_line(lines, findings, FINDING_ACKNOWLEDGED,
							"Acknowledged");
	lines = add_status_line(lines, findings, FINDING_UNKNOWN, "Unknown");
	lines = add_status_line(lines, findings, FINDING_NOT_RUN,
							"Not run, deep => true runs them");
	if (result->excluded != NIL)
		lines = add_line(lines, psprintf("Left out (%d): %s",
										 list_length(result->excluded),
										 excluded_ids(result)));
	return lines;
}

/* The report as lines to read. */
List *
report_text(const CheckResult *result)
{
	List	   *lines = NIL;
	List	   *picture = report_memory_lines(result->findings);
	ListCell   *lc;

	lines = add_labelled(lines, "", headline(result));
	lines = add_line(lines, "");
	foreach(lc, report_blocks(result->findings))
		lines = add_block_text(lines, lfirst(lc));
	if (list_length(lines) > 2)
		lines = add_line(lines, "");
	if (picture != NIL)
		lines = add_line(list_concat(lines, picture), "");
	lines = add_summary(lines, result);
	return add_line(lines, report_verdict_line(result, REPORT_FAIL_LEVEL));
}

/* Append a key and a string, or null. */
static void
append_json_text(StringInfo buf, const char *key, const char *value)
{
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoString(buf, ", ");
	escape_json(buf, key);
	appendStringInfoString(buf, ": ");
	if (value == NULL)
		appendStringInfoString(buf, "null");
	else
		escape_json(buf, value);
}

/* Append a key and a number. */
static void
append_json_int(StringInfo buf, const char *key, int value)
{
	append_json_text(buf, key, NULL);
	buf->len -= strlen("null");
	appendStringInfo(buf, "%d", value);
}

/* Append the counts by level and status. */
static void
append_json_counts(StringInfo buf, List *findings)
{
	FindingCounts counts = finding_count(findings);

	appendStringInfoString(buf, ", \"counts\": {");
	for (int level = FINDING_ERROR; level >= FINDING_INFO; level--)
		append_json_int(buf, finding_level_name(level), counts.found[level]);
	for (int status = 0; status < FINDING_STATUS_COUNT; status++)
	{
		if (status != FINDING_FOUND)
			append_json_int(buf, finding_status_name(status),
							counts.status[status]);
	}
	appendStringInfoChar(buf, '}');
}

/* Append a finding; its keys are the columns of upgrade_prereq_findings(). */
static void
append_json_finding(StringInfo buf, const Finding *finding)
{
	char	   *values[FINDING_COLUMNS];

	finding_values(finding, values);
	appendStringInfoChar(buf, '{');
	for (int i = 0; i < FINDING_COLUMNS - 1; i++)
		append_json_text(buf, finding_column_names[i], values[i]);
	appendStringInfo(buf, ", \"%s\": %s}",
					 finding_column_names[FINDING_COLUMNS - 1],
					 finding->data ? finding->data : "null");
}

/* The report as one JSON document. */
List *
report_json(const CheckResult *result)
{
	static const char *const verdicts[] = {
		[VERDICT_PASS] = "pass",
		[VERDICT_INCOMPLETE] = "incomplete",
		[VERDICT_FAIL] = "fail",
	};
	const Installation *installation = result->installation;
	char		started_at[MAXDATELEN + 1];
	StringInfoData buf;
	ListCell   *lc;

	JsonEncodeDateTime(started_at,
					   TimestampTzGetDatum(GetCurrentStatementStartTimestamp()),
					   TIMESTAMPTZOID, NULL);

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	append_json_int(&buf, "format_version", JSON_FORMAT_VERSION);
	append_json_text(&buf, "edition", "extension");
	append_json_text(&buf, "extension_version", UPGRADE_PREREQ_VERSION);
	append_json_int(&buf, "server_version_num",
					atoi(GetConfigOption("server_version_num", false, false)));
	append_json_text(&buf, "database", get_database_name(MyDatabaseId));
	append_json_text(&buf, "schema", installation->schema_name);
	append_json_text(&buf, "source_version", installation->installed_text);
	append_json_text(&buf, "target_version", installation->target_text);
	append_json_text(&buf, "started_at", started_at);
	append_json_text(&buf, "fail_level", finding_level_name(REPORT_FAIL_LEVEL));
	append_json_text(&buf, "verdict",
					 verdicts[report_verdict(result, REPORT_FAIL_LEVEL)]);
	append_json_counts(&buf, result->findings);

	appendStringInfoString(&buf, ", \"findings\": [");
	foreach(lc, result->findings)
	{
		if (buf.data[buf.len - 1] != '[')
			appendStringInfoString(&buf, ", ");
		append_json_finding(&buf, lfirst(lc));
	}

	appendStringInfoString(&buf, "], \"excluded\": [");
	foreach(lc, result->excluded)
	{
		const Check *check = lfirst(lc);

		if (buf.data[buf.len - 1] != '[')
			appendStringInfoString(&buf, ", ");
		escape_json(&buf, check->id);
	}
	appendStringInfoString(&buf, "]}");
	return list_make1(buf.data);
}

/* Text that Markdown shows as it stands, on one line. */
static const char *
markdown_escape(const char *text)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (text = report_printable(text, ' '); *text != '\0'; text++)
	{
		if (strchr("\\`*_{}[]<>#|~", *text) != NULL)
			appendStringInfoChar(&buf, '\\');
		appendStringInfoChar(&buf, *text);
	}
	return buf.data;
}

/* Append a code block, with a fence longer than any in the text. */
static List *
add_code_block(List *lines, const char *title, const char *language,
			   const char *text)
{
	int			longest = 2;
	int			run = 0;
	char	   *fence;

	if (text == NULL)
		return lines;
	for (const char *p = text; *p != '\0'; p++)
	{
		run = *p == '`' ? run + 1 : 0;
		longest = Max(longest, run);
	}
	fence = palloc0(longest + 2);
	memset(fence, '`', longest + 1);

	lines = add_line(lines, title);
	lines = add_line(lines, "");
	lines = add_line(lines, psprintf("%s%s", fence, language));
	lines = add_lines(lines, "", "", text);
	lines = add_line(lines, fence);
	return add_line(lines, "");
}

/* Append a paragraph, if there is one. */
static List *
add_paragraph(List *lines, const char *text)
{
	if (text == NULL)
		return lines;
	lines = add_line(lines, markdown_escape(text));
	return add_line(lines, "");
}

/* A list of notices in Markdown, each with what to do. */
static List *
add_notices_markdown(List *lines, List *block)
{
	const Finding *first = linitial(block);
	ListCell   *lc;

	lines = add_line(lines, psprintf("## notice: %s (%s)",
									 notice_heading(block),
									 markdown_escape(block_ids(block))));
	lines = add_line(lines, "");
	lines = add_paragraph(lines, first->detail);
	foreach(lc, block)
	{
		const Finding *finding = lfirst(lc);
		const char *hint = finding->hint ? finding->hint : "";

		lines = add_line(lines, psprintf("- %s. %s",
										 markdown_escape(finding->message),
										 markdown_escape(hint)));
	}
	return add_line(lines, "");
}

/* The report as Markdown, for a change ticket. */
List *
report_markdown(const CheckResult *result)
{
	List	   *lines = NIL;
	ListCell   *lc;

	lines = add_line(lines, "# OpenMetadata upgrade preflight");
	lines = add_line(lines, "");
	lines = add_paragraph(lines, headline(result));
	lines = add_line(lines, psprintf("**%s**",
									 report_verdict_line(result, REPORT_FAIL_LEVEL)));
	lines = add_line(lines, "");
	foreach(lc, report_blocks(result->findings))
	{
		List	   *block = lfirst(lc);
		const Finding *finding = linitial(block);

		if (is_notice_list(block))
		{
			lines = add_notices_markdown(lines, block);
			continue;
		}
		lines = add_line(lines,
						 psprintf("## %s: %s (%s)", block_label(finding),
								  markdown_escape(finding->message),
								  markdown_escape(block_ids(block))));
		lines = add_line(lines, "");
		lines = add_paragraph(lines, finding->detail);
		lines = add_paragraph(lines, finding->note);
		if (finding->status == FINDING_ACKNOWLEDGED)
			continue;
		lines = add_paragraph(lines, finding->hint);
		lines = add_code_block(lines, "Fix:", "sql", finding->fix_sql);
		lines = add_code_block(lines, "Undo:", "sql", finding->undo_sql);
		if (finding->status == FINDING_FOUND)
			lines = add_code_block(lines, "Data:", "json", finding->data);
	}
	lines = add_line(lines, "## Everything else");
	lines = add_line(lines, "");
	foreach(lc, add_summary(NIL, result))
		lines = add_line(lines, psprintf("- %s", markdown_escape(lfirst(lc))));
	return lines;
}
