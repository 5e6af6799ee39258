/*-------------------------------------------------------------------------
 *
 * report.h
 *	  The result of a run as text, JSON or Markdown, and its verdict.
 *
 * src/report.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_REPORT_H
#define UPGRADE_PREREQ_REPORT_H

#include "check.h"

/* May the upgrade start? */
typedef enum ReportVerdict
{
	VERDICT_PASS,				/* all was looked at, nothing stands */
	VERDICT_INCOMPLETE,			/* nothing stands, but not all was looked at */
	VERDICT_FAIL,				/* a finding of the failing level stands */
} ReportVerdict;

/* A format: its name, and what makes the lines (List of char *). */
typedef struct ReportFormat
{
	const char *name;
	List	   *(*lines) (const CheckResult *result);
} ReportFormat;

extern const ReportFormat *report_format_parse(const char *text);
extern ReportVerdict report_verdict(const CheckResult *result,
									FindingLevel fail_level);
extern const char *report_verdict_line(const CheckResult *result,
									   FindingLevel fail_level);
extern const char *report_printable(const char *text, char line_feed);
extern const char *report_counts(List *findings);
extern const char *report_reasons(List *findings, FindingLevel fail_level);

/* report_formats.c */
extern List *report_text(const CheckResult *result);
extern List *report_json(const CheckResult *result);
extern List *report_markdown(const CheckResult *result);


/* report_memory.c */
extern bool report_memory_shows(const Finding *finding);
extern List *report_memory_lines(List *findings);

#endif							/* UPGRADE_PREREQ_REPORT_H */
