/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  The page of a check, as doc/checks/ has it.
 *
 * src/explain.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "check.h"
#include "compat.h"
#include "utils/builtins.h"
#include "utils/formatting.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(upgrade_prereq_explain);

/* The longest text that varstr_levenshtein() takes, in characters. */
#define LONGEST_COMPARED 255

/*
 * The check whose id is most like a text that is none, or NULL if none is
 * like it: at most half of its letters differ, as PostgreSQL has it for the
 * names of columns (errorMissingColumn(), src/backend/parser/parse_relation.c).
 */
static const Check *
most_similar(const char *text)
{
	int			length = strlen(text);
	int			least = length / 2 + 1;
	const Check *result = NULL;

	if (length > LONGEST_COMPARED)
		return NULL;
	text = asc_tolower(text, length);
	for (int i = 0; i < check_count; i++)
	{
		const char *id = check_list[i].id;
		int			distance =
			varstr_levenshtein_less_equal(text, length, id, strlen(id),
										  1, 1, 1, least, true);

		if (distance < least)
		{
			least = distance;
			result = &check_list[i];
		}
	}
	return result;
}

/* The check of that id, or an error. */
static const Check *
find_check(const char *id)
{
	const Check *check = check_find(id);
	const Check *similar;

	if (check != NULL)
		return check;
	similar = most_similar(id);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for argument \"%s\": there is no check \"%s\"",
					"check_id", id),
			 similar ?
			 errhint("Perhaps you meant \"%s\". upgrade_prereq_checks() lists all checks.",
					 similar->id) :
			 errhint("upgrade_prereq_checks() lists all checks.")));
	return NULL;				/* keep the compiler quiet */
}

/*
 * upgrade_prereq_explain(check_id text)
 *
 * What a check looks for and why, how it does, what to do and how to undo
 * that: line by line, in Markdown.
 *
 * Errors: 22023 for null, and for an id that no check has.
 */
Datum
upgrade_prereq_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Check *check;
	const char *line;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "check_id")));
	check = find_check(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	line = check_pages[check - check_list];
	while (*line != '\0')
	{
		const char *end = strchr(line, '\n');
		Datum		value =
			PointerGetDatum(cstring_to_text_with_len(line, end - line));
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 &value, &isnull);
		line = end + 1;
	}
	return (Datum) 0;
}
