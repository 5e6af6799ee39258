/*-------------------------------------------------------------------------
 *
 * json_value.c
 *	  Single values of a JSON object, and rows as JSON objects.
 *
 * src/json_value.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "json_value.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

/* A text as JSON.  Errors: 22P02 if it is none. */
JsonbContainer *
json_parse(const char *text)
{
	return &DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											   CStringGetDatum(text)))->root;
}

/* The value of a key of an object, or NULL; also if it is no object. */
JsonbValue *
json_value(JsonbContainer *object, const char *key)
{
	JsonbValue *buffer = palloc(sizeof(JsonbValue));

	if (!JsonContainerIsObject(object))
		return NULL;
	return getKeyJsonValueFromContainer(object, key, (int) strlen(key), buffer);
}

/* The number under a key of an object, or -1. */
double
json_number(JsonbContainer *object, const char *key)
{
	JsonbValue *value = json_value(object, key);

	if (value == NULL || value->type != jbvNumeric)
		return -1;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8,
											  NumericGetDatum(value->val.numeric)));
}

/*
 * Append a row to an array of objects, which was begun with "[": all values are
 * strings, or null where they are NULL.
 */
void
json_append_row(StringInfo json, const char *const *columns,
				const char *const *values, int count)
{
	appendStringInfoString(json, json->len > 1 ? ", {" : "{");
	for (int i = 0; i < count; i++)
	{
		appendStringInfoString(json, i > 0 ? ", " : "");
		escape_json(json, columns[i]);
		appendStringInfoString(json, ": ");
		if (values[i] == NULL)
			appendStringInfoString(json, "null");
		else
			escape_json(json, values[i]);
	}
	appendStringInfoChar(json, '}');
}
