/*-------------------------------------------------------------------------
 *
 * model_test.c
 *	  Compares the memory model with measured values, without a server.
 *
 * Reads lines as bench/memory writes them (test/model_measured.tsv) from
 * standard input, and writes a line of TAP for each figure: the smallest
 * setting without temporary file, the temporary disk under a quarter of that,
 * the smallest setting with which a sort writes its data once.  With an
 * argument, writes predicted / measured of each as a table instead.
 *
 * test/model_test.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <math.h>

#include "memory/model.h"

/* The system's own will do, and need no library of PostgreSQL. */
#undef printf
#undef fprintf

/* The fields of a line, in their order. */
enum
{
	MAJOR, KIND, COUNT, LENGTH, ALIGNED, POWER, FIRST_ALIGNED, FIRST_POWER,
	BOUND, COLUMNS, BY_VALUE, PLANNED_ROWS, PLANNED_WIDTH, TRANSITIONS,
	OTHER_COUNT, OTHER_LENGTH, OTHER_COMMON, NEEDED_KB, SETTING_KB, TEMP_BYTES, ONE_PASS_KB,
	STATEMENT, FIELDS
};

typedef struct Case
{
	char	   *fields[FIELDS];
} Case;

static int	assertions = 0;
static int	failures = 0;
static bool as_table = false;

static double
number(const Case *c, int field)
{
	return atof(c->fields[field]);
}

static ModelRows
kept_rows(const Case *c)
{
	ModelRows	rows = {
		.count = number(c, COUNT),
		.length = number(c, LENGTH),
		.aligned = number(c, ALIGNED),
		.power = number(c, POWER),
		.first_aligned = number(c, FIRST_ALIGNED),
		.first_power = number(c, FIRST_POWER)
	};

	return rows;
}

/* ----- one function for each kind of node ----- */

static ModelNeed
predict_sort(const ModelServer *server, const Case *c)
{
	ModelRows	rows = kept_rows(c);

	return model_sort(server, &rows,
					  model_sort_kind(server->major, (int) number(c, COLUMNS),
									  number(c, BY_VALUE) != 0),
					  number(c, BOUND));
}

static ModelNeed
predict_store(const ModelServer *server, const Case *c)
{
	ModelRows	rows = kept_rows(c);

	return model_tuplestore(server, &rows);
}

static ModelNeed
predict_index(const ModelServer *server, const Case *c)
{
	ModelRows	rows = kept_rows(c);

	return model_btree_build(server, &rows, 1);
}

static ModelNeed
predict_subplan(const ModelServer *server, const Case *c)
{
	return model_hashed_subplan(server, number(c, PLANNED_ROWS),
								number(c, PLANNED_WIDTH));
}

static ModelNeed
predict_join(const ModelServer *server, const Case *c)
{
	ModelHashJoin join = {
		.inner = kept_rows(c),
		.outer = model_even_rows(number(c, OTHER_COUNT), number(c, OTHER_LENGTH)),
		.planned_rows = number(c, PLANNED_ROWS),
		.planned_width = number(c, PLANNED_WIDTH),
		.skew = true,
		.outer_common = number(c, OTHER_COMMON),
		.processes = 1
	};

	return model_hash_join(server, &join);
}

static ModelNeed
predict_aggregate(const ModelServer *server, const Case *c)
{
	ModelHashAggregate aggregate = {
		.groups = kept_rows(c),
		.input = model_even_rows(number(c, OTHER_COUNT), number(c, OTHER_LENGTH)),
		.planned_groups = number(c, PLANNED_ROWS),
		.planned_width = number(c, PLANNED_WIDTH),
		.transitions = (int) number(c, TRANSITIONS)
	};

	return model_hash_aggregate(server, &aggregate);
}

/*
 * Which kind of case is of which kind of node, and how far predicted /
 * measured may be from 1, for the memory and for the disk.  Below is only
 * ever 2 %.
 */
typedef struct Kind
{
	const char *name;
	ModelNeed	(*predict) (const ModelServer *server, const Case *c);
	double		above;			/* at most, of needed_bytes marked exact */
	double		disk_below;		/* at least and at most, of temp_bytes */
	double		disk_above;
} Kind;

static const Kind kinds[] = {
	{"sort", predict_sort, 1.05, 0.95, 1.05},
	{"datum_sort", predict_sort, 1.05, 0.95, 1.05},
	{"window_dedupe", predict_sort, 1.05, 0.95, 1.05},
	{"insert_select", predict_sort, 1.05, 0.95, 1.05},
	{"distinct_by_sort", predict_sort, 1.05, 0.95, 1.05},
	{"limit", predict_sort, 1.05, 0.95, 1.05},
	{"cte", predict_store, 1.05, 0.95, 1.05},
	{"window_frame", predict_store, 1.05, 0.95, 1.05},
	{"materialize", predict_store, 1.05, 0.95, 1.05},
	{"index_build", predict_index, 1.05, 0.95, 1.05},
	{"not_in", predict_subplan, 1.05, 0.95, 1.05},
	{"hash_join", predict_join, 1.05, 0.95, 1.05},
	{"hash_aggregate", predict_aggregate, 1.05, 0.95, 1.3},
};

/* ----- comparing ----- */

/* Temporary disk is taken in steps, of up to 128 blocks for each tape. */
#define DISK_STEP_BYTES (512.0 * 1024)

static void
compare(const Case *c, const char *what, double predicted, const char *measured,
		double unit, double below, double above)
{
	double		ratio = predicted / (atof(measured) * unit);
	double		difference = fabs(predicted - atof(measured) * unit);
	bool		good = (ratio >= below && ratio <= above) ||
		(unit == 1 && difference < DISK_STEP_BYTES);

	if (atof(measured) == 0)
		return;
	assertions++;
	if (!good)
		failures++;
	if (as_table)
		printf("%s\t%s\t%.3f\t%s%s\n", what, c->fields[KIND], ratio,
			   c->fields[STATEMENT], good ? "" : "\t!");
	else
		printf("%sok %d - %s: %s of %s: %.3f of what was measured\n",
			   good ? "" : "not ", assertions, c->fields[MAJOR], what,
			   c->fields[STATEMENT], ratio);
}

static void
test_case(const Case *c)
{
	ModelServer server = {
		.major = (int) number(c, MAJOR),
		.hash_mem_multiplier = number(c, MAJOR) < 15 ? 1 : 2,
		.setting_bytes = number(c, SETTING_KB) * 1024
	};

	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		const Kind *kind = &kinds[i];
		ModelNeed	need;

		if (strcmp(kind->name, c->fields[KIND]) != 0)
			continue;
		need = kind->predict(&server, c);
		compare(c, "needed_bytes", need.needed_bytes, c->fields[NEEDED_KB], 1024,
				0.98, need.at_most ? 2.1 : kind->above);
		compare(c, "temp_bytes", need.temp_bytes, c->fields[TEMP_BYTES], 1,
				kind->disk_below, kind->disk_above);
		compare(c, "one_pass_bytes", need.one_pass_bytes, c->fields[ONE_PASS_KB], 1024,
				need.at_most ? 0.9 : 0.95, 1.05);
		return;
	}
	fprintf(stderr, "no kind \"%s\"\n", c->fields[KIND]);
	failures++;
}

static bool
split(char *line, Case *c)
{
	for (int i = 0; i < FIELDS; i++)
	{
		c->fields[i] = strsep(&line, "\t\n");
		if (c->fields[i] == NULL)
			return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	char		line[8192];
	Case		c;

	as_table = argc > 1;
	while (fgets(line, sizeof(line), stdin) != NULL)
	{
		if (line[0] == '#')
			continue;
		if (!split(line, &c))
		{
			fprintf(stderr, "line %d has too few fields\n", assertions + 1);
			return 1;
		}
		test_case(&c);
	}
	if (!as_table)
		printf("1..%d\n", assertions);
	return failures > 0 || assertions == 0;
}
