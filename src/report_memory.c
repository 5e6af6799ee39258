/*-------------------------------------------------------------------------
 *
 * report_memory.c
 *	  The picture in the text report: what each table needs of memory, against
 *	  the setting.
 *
 * It is drawn from the data of the findings on work_mem and
 * maintenance_work_mem: {"setting_bytes": n, "tables": [{"table": name,
 * "needed_bytes": n or null, "outcome": name}, ...]}.
 *
 * src/report_memory.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "json_value.h"
#include "mb/pg_wchar.h"
#include "report.h"
#include "utils/builtins.h"

/* The scale: two characters for each doubling, from 64 kB to 64 GB. */
#define SCALE_START_BYTES	(64 * 1024.0)
#define SCALE_PER_DOUBLING	2
#define SCALE_LENGTH		40

/* The string under a key, or an empty one. */
static const char *
json_string(JsonbContainer *object, const char *key)
{
	JsonbValue *value = json_value(object, key);

	if (value == NULL || value->type != jbvString)
		return "";
	return report_printable(pnstrdup(value->val.string.val,
									 value->val.string.len), ' ');
}

/* The tables of a finding, or NULL if it has none. */
static JsonbContainer *
finding_tables(const Finding *finding, JsonbContainer **data)
{
	JsonbValue *tables;

	if (finding->data == NULL)
		return NULL;
	*data = json_parse(finding->data);
	tables = json_value(*data, "tables");
	return json_value(*data, "setting_bytes") != NULL && tables != NULL && tables->type == jbvBinary &&
		JsonContainerIsArray(tables->val.binary.data) ?
		tables->val.binary.data : NULL;
}

/* Does the picture show what is in the data of a finding? */
bool
report_memory_shows(const Finding *finding)
{
	JsonbContainer *data;

	return finding_tables(finding, &data) != NULL;
}

/* Where on the scale a number of bytes is. */
static int
scale_position(double bytes)
{
	double		position = SCALE_PER_DOUBLING * log2(Max(bytes, 1) / SCALE_START_BYTES);

	return (int) rint(Max(0, Min(position, SCALE_LENGTH - 1)));
}

/* The bar of one table. */
static const char *
draw_bar(double needed_bytes, double setting_bytes)
{
	char	   *bar = palloc(SCALE_LENGTH + 1);
	int			length = needed_bytes < 0 ? SCALE_LENGTH : scale_position(needed_bytes) + 1;

	memset(bar, ' ', SCALE_LENGTH);
	memset(bar, '#', length);
	if (needed_bytes < 0)
		bar[SCALE_LENGTH - 1] = '>';
	if (setting_bytes >= 0)
		bar[scale_position(setting_bytes)] = '|';
	bar[SCALE_LENGTH] = '\0';
	return bar;
}

/* A size for people; parallel index builds always write to files. */
static const char *
size_text(double bytes)
{
	if (bytes < 0)
		return "always";
	return text_to_cstring(DatumGetTextPP(DirectFunctionCall1(pg_size_pretty,
															  Int64GetDatum((int64) bytes))));
}

/* The number of characters of the longest name of a table. */
static int
longest_name(JsonbContainer *tables)
{
	int			longest = 0;

	for (uint32 i = 0; i < JsonContainerSize(tables); i++)
	{
		JsonbValue *table = getIthJsonbValueFromContainer(tables, i);

		if (table != NULL && table->type == jbvBinary)
			longest = Max(longest,
						  pg_mbstrlen(json_string(table->val.binary.data, "table")));
	}
	return longest;
}

/* The lines of one setting, with names as wide as name_length. */
static List *
setting_lines(List *lines, const Finding *finding, JsonbContainer *data,
			  JsonbContainer *tables, int name_length)
{
	double		setting_bytes = json_number(data, "setting_bytes");

	lines = lappend(lines, psprintf("    %s = %s", finding->object_identity,
									size_text(setting_bytes)));
	for (uint32 i = 0; i < JsonContainerSize(tables); i++)
	{
		JsonbValue *table = getIthJsonbValueFromContainer(tables, i);
		const char *name;
		double		needed_bytes;

		if (table == NULL || table->type != jbvBinary)
			continue;
		name = json_string(table->val.binary.data, "table");
		needed_bytes = json_number(table->val.binary.data, "needed_bytes");
		lines = lappend(lines,
						psprintf("    %s%*s [%s] %8s  %s",
								 name, name_length - pg_mbstrlen(name), "",
								 draw_bar(needed_bytes, setting_bytes),
								 size_text(needed_bytes),
								 json_string(table->val.binary.data, "outcome")));
	}
	return lines;
}

/*
 * The picture, or NIL if no finding has something to draw: for each setting
 * and table the greatest need of a statement.
 */
List *
report_memory_lines(List *findings)
{
	List	   *lines = NIL;
	int			name_length = 0;
	JsonbContainer *data;
	ListCell   *lc;

	foreach(lc, findings)
	{
		JsonbContainer *tables = finding_tables(lfirst(lc), &data);

		if (tables != NULL)
			name_length = Max(name_length, longest_name(tables));
	}
	foreach(lc, findings)
	{
		const Finding *finding = lfirst(lc);
		JsonbContainer *tables = finding_tables(finding, &data);

		if (tables == NULL)
			continue;
		if (lines == NIL)
			lines = lappend(lines,
							pstrdup("Memory that the migration needs (#) against what it gets (|), from 64 kB to 64 GB, two characters for each doubling:"));
		lines = setting_lines(lines, finding, data, tables, name_length);
	}
	return lines;
}
