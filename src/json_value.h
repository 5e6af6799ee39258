/*-------------------------------------------------------------------------
 *
 * json_value.h
 *	  Single values of a JSON object.
 *
 * src/json_value.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef UPGRADE_PREREQ_JSON_VALUE_H
#define UPGRADE_PREREQ_JSON_VALUE_H

#include "utils/jsonb.h"

extern JsonbContainer *json_parse(const char *text);
extern JsonbValue *json_value(JsonbContainer *object, const char *key);
extern double json_number(JsonbContainer *object, const char *key);

#endif							/* UPGRADE_PREREQ_JSON_VALUE_H */
