/*-------------------------------------------------------------------------
 *
 * breaking.c
 *	  The breaking changes between two versions of OpenMetadata, as rows.
 *
 * src/breaking.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "breaking.h"
#include "compat.h"
#include "query.h"
#include "utils/builtins.h"

/* Columns of upgrade_prereq_breaking_changes(). */
#define BREAKING_COLUMNS 15

PG_FUNCTION_INFO_V1(upgrade_prereq_breaking_changes);

/* The arguments of a call, and what they stand for. */
typedef struct BreakingCall
{
	const char *source_text;	/* NULL: the installed version */
	const char *target_text;	/* NULL: the next releases */
	Installation *installation;
	Version		source;
} BreakingCall;

/*
 * Is a change made between two versions, the first not included?  A NULL
 * target stands for all releases that are out.
 */
bool
breaking_applies(const BreakingChange *change, const Version *source,
				 const Version *target)
{
	Version		release;

	if (!version_parse(change->release, &release))
		elog(ERROR, "invalid version \"%s\"", change->release);
	if (version_compare(&release, source) <= 0)
		return false;
	return target ? version_compare(&release, target) <= 0 :
		!change->development;
}

/* Read the arguments, and find out what is installed; for guard_run(). */
static void
read_call(void *argument)
{
	BreakingCall *call = argument;

	if (call->source_text != NULL)
		version_argument_parse("source_version", call->source_text,
							   "the installed version", &call->source);
	call->installation = installation_find(call->target_text);
	if (call->source_text == NULL)
	{
		installation_require(call->installation);
		call->source_text = call->installation->installed_text;
		call->source = call->installation->installed;
	}

	if (call->target_text != NULL &&
		version_compare(&call->installation->target, &call->source) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"%s\": \"%s\"",
						"target_version", call->target_text),
				 errdetail("It is below the source version %s.",
						   call->source_text),
				 errhint("OpenMetadata has no downgrade: name a release that is not below the source version.")));
}

/* The word for a probe, as in src/breaking_changes.sql. */
static const char *
probe_text(const BreakingChange *change)
{
	switch (change->probe)
	{
		case PROBE_BY_HAND:
			return "by hand";
		case PROBE_LIGHT:
			return "light";
		case PROBE_HEAVY:
			return "heavy";
		case PROBE_CHECK:
			return psprintf("check %s", change->check_id);
	}
	return NULL;				/* keep the compiler quiet */
}

/* Add one change, with what its probe says, to the result. */
static void
put_row(ReturnSetInfo *rsinfo, AttInMetadata *input,
		const BreakingResult *result)
{
	const BreakingChange *change = result->change;
	bool		counted = result->answer == BREAKING_AFFECTED ||
		result->answer == BREAKING_NOT_AFFECTED;
	const char *values[BREAKING_COLUMNS] = {
		change->id,
		change->release,
		change->area,
		change->change,
		change->affects,
		breaking_answer_name(result->answer),
		counted ? query_text_array(result->objects) : NULL,
		counted ? psprintf(INT64_FORMAT, result->object_count) : NULL,
		result->reason,
		change->action,
		result->obstacle ? result->obstacle->fix_sql : NULL,
		change->probe == PROBE_CHECK ? NULL : finding_level_name(change->level),
		probe_text(change),
		change->note,
		change->source
	};

	tuplestore_puttuple(rsinfo->setResult,
						BuildTupleFromCStrings(input, (char **) values));
}

/*
 * upgrade_prereq_breaking_changes(source_version text, target_version text,
 *								   deep boolean)
 *
 * The changes of OpenMetadata that are made between two versions, the first
 * not included, by release; and whether they affect this database.
 *
 * Null stands for the installed version in source_version, for the next
 * releases in target_version; it is not accepted in deep.  What could not be
 * looked at is said in the row.  Errors: 22023 for an argument or setting that
 * is not accepted, or a target below the source; without source_version also
 * 55000 where the installation is not known, or what kept its history from
 * being read.
 */
Datum
upgrade_prereq_breaking_changes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	BreakingCall call = {.source_text = NULL};
	AttInMetadata *input;

	InitMaterializedSRF(fcinfo, 0);
	Assert(rsinfo->setDesc->natts == BREAKING_COLUMNS);
	input = TupleDescGetAttInMetadata(rsinfo->setDesc);

	if (!PG_ARGISNULL(0))
		call.source_text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(1))
		call.target_text = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must not be null", "deep")));
	guard_run_or_raise(read_call, &call);

	for (int i = 0; i < breaking_count; i++)
	{
		const BreakingChange *change = &breaking_list[i];

		if (breaking_applies(change, &call.source,
							 call.target_text ? &call.installation->target : NULL))
			put_row(rsinfo, input,
					breaking_probe(change, call.installation,
								   PG_GETARG_BOOL(2)));
	}
	return (Datum) 0;
}
