/*-------------------------------------------------------------------------
 *
 * json_value.h
 *	  Single values of a JSON object, and rows as JSON objects.
 *
 * src/json_value.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_JSON_VALUE_H
#define UPGRADE_PREREQ_JSON_VALUE_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

extern JsonbContainer *json_parse(const char *text);
extern JsonbValue *json_value(JsonbContainer *object, const char *key);
extern double json_number(JsonbContainer *object, const char *key);
extern void json_append_row(StringInfo json, const char *const *columns,
							const char *const *values, int count);

#endif							/* UPGRADE_PREREQ_JSON_VALUE_H */
