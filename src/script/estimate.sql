--
-- The memory that the statements of an SQL script need: upgrade_prereq_estimate()
-- without its samples.  EXPLAIN tells the plan, and the model of
-- src/memory/model*.c the bytes, for sorts, hash tables, hash aggregates, tuple
-- stores and B-tree builds in one process.  How long rows are and how many is
-- what the planner thinks, so each need stands between the least and the most
-- that it may be.
--

-- ----- the model: all rows of one length -----

-- Does it fit?  what = {kind, server's major, hash_mem_multiplier, rows, bytes
-- charged for each, planned rows, planned width, transitions, how full an array of
-- buckets gets before it doubles}.
CREATE FUNCTION pg_temp.upgrade_prereq_fits(kind text, what float8[], setting_bytes float8) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    major float8 := what[1];
    limit_bytes float8 := setting_bytes * what[2];
    row_count float8 := what[3];
    charge float8 := what[4];
    planned_rows float8 := what[5];
    planned_width float8 := what[6];
    slots float8;
    slot_bytes float8;
    used float8;
    entry float8;
    memory float8;
    partitions float8;
    buckets float8;
    allocated float8;
    block float8;
    greatest_block float8;
    groups float8;
BEGIN
    IF kind IN ('sort', 'store') THEN
        -- sort_fits() and final_slots(), store_fits()
        slots := CASE kind WHEN 'sort' THEN 1024 ELSE 2048 END;
        slot_bytes := CASE kind WHEN 'sort' THEN 24 ELSE 8 END;
        WHILE slots <= row_count LOOP
            used := slots * (slot_bytes + charge);
            IF used > setting_bytes THEN
                RETURN false;
            ELSIF used * 2 > setting_bytes THEN
                slots := floor(slots * setting_bytes / used);
                EXIT;
            END IF;
            slots := slots * 2;
        END LOOP;
        RETURN row_count < slots AND slots * slot_bytes + row_count * charge <= setting_bytes;
    ELSIF kind = 'join' THEN
        -- join_starts_with_one_batch(), join_bytes()
        buckets := greatest(pg_temp.upgrade_prereq_power_of_two(planned_rows), 1024);
        RETURN planned_rows * (32 + ceil(planned_width / 8) * 8) + buckets * 8 <= limit_bytes
            AND row_count * (16 + charge) + greatest(buckets, pg_temp.upgrade_prereq_power_of_two(row_count)) * 8 <= limit_bytes;
    END IF;

    -- groups_fit(): what the executor thinks that a group takes, and what it does
    entry := CASE WHEN major >= 18 THEN 16 + ceil((16 + planned_width) / 8) * 8 + what[7] * 16 ELSE 40 + 16 + planned_width END;
    memory := limit_bytes;
    IF planned_rows * entry > limit_bytes THEN
        partitions := greatest(least(1 + 1.5 * planned_rows * entry / limit_bytes, (limit_bytes / 4 - 8192) / 8192), 4);
        used := 8192 + 8192 * pg_temp.upgrade_prereq_power_of_two(floor(least(partitions, 1024)));
        memory := CASE WHEN limit_bytes > 4 * used THEN limit_bytes - used ELSE limit_bytes * 0.75 END;
    END IF;
    buckets := pg_temp.upgrade_prereq_power_of_two(greatest(least(planned_rows, floor(memory / entry / 2)) / 0.9, 2));
    WHILE row_count >= buckets * what[8] LOOP
        buckets := buckets * 2;
    END LOOP;
    greatest_block := least(greatest(2 ^ floor(log(2::numeric, greatest(setting_bytes / 16, 1)::numeric)), 8192), 8388608);
    block := 8192;
    allocated := 8192;
    groups := row_count - floor((8192 - 240) / charge);
    WHILE groups > 0 AND block < greatest_block LOOP
        allocated := allocated + block;
        groups := groups - greatest(floor((block - 40) / charge), 1);
        block := block * 2;
    END LOOP;
    IF groups > 0 THEN
        allocated := allocated + ceil(groups / greatest(floor((block - 40) / charge), 1)) * block;
    END IF;
    RETURN row_count <= floor(memory / entry)
        AND 16384 + buckets * CASE WHEN major >= 18 THEN 16 ELSE 24 END + allocated
            + CASE WHEN major >= 18 THEN 8192 ELSE 0 END <= memory;
END
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_power_of_two(number float8) RETURNS float8
LANGUAGE sql AS $$
    SELECT CASE WHEN number <= 1 THEN 1 ELSE 2 ^ ceil(round(log(2::numeric, number::numeric), 9)) END::float8
$$;

-- What an AllocSet takes for a request, without its header: model_power_length().
CREATE FUNCTION pg_temp.upgrade_prereq_power_length(length float8) RETURNS float8
LANGUAGE sql AS $$
    SELECT CASE WHEN length > 8192 THEN ceil(length / 8) * 8
                ELSE greatest(pg_temp.upgrade_prereq_power_of_two(length), 8) END
$$;

-- The smallest setting that is enough: model_smallest_setting(), in steps of
-- two percent.
CREATE FUNCTION pg_temp.upgrade_prereq_smallest(kind text, what float8[]) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    high float8 := 65536;
    low float8;
    middle float8;
BEGIN
    WHILE NOT pg_temp.upgrade_prereq_fits(kind, what, high) AND high < 1e15 LOOP
        high := high * 1.25;
    END LOOP;
    low := high;
    WHILE low >= 32768 AND pg_temp.upgrade_prereq_fits(kind, what, low) LOOP
        high := low;
        low := low * 0.98;
    END LOOP;
    WHILE high - low > greatest(high / 1000, 1) LOOP
        middle := (low + high) / 2;
        IF pg_temp.upgrade_prereq_fits(kind, what, middle) THEN
            high := middle;
        ELSE
            low := middle;
        END IF;
    END LOOP;
    RETURN high;
END
$$;

-- The smallest setting with which a sort writes its rows once: sort_writes_once(),
-- where the first run fills the memory and fixes the length of the array.
CREATE FUNCTION pg_temp.upgrade_prereq_one_pass(major float8, row_count float8, charge float8, needed_bytes float8) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    setting float8 := needed_bytes;
    slots float8;
    tapes float8;
    free_bytes float8;
    runs float8;
BEGIN
    LOOP
        tapes := least(greatest(floor(CASE WHEN major >= 15 THEN setting / 278528 ELSE (setting - 8192) / 270336 END), 6), 500);
        slots := setting / (24 + charge);
        free_bytes := setting - slots * 24;
        IF free_bytes > (tapes + 1) * 8192 THEN
            free_bytes := free_bytes - (tapes + CASE WHEN major >= 15 THEN 0 ELSE 1 END) * 8192;
        END IF;
        runs := 1 + ceil(greatest(row_count - slots, 0) / greatest(least(slots, free_bytes / charge), 1));
        EXIT WHEN runs > tapes OR setting < 65536;
        setting := setting * 0.98;
    END LOOP;
    RETURN least(setting / 0.98, needed_bytes);
END
$$;

-- What an AllocSet takes for rows of a mean length, without its header: a power of
-- two for each, that is at least their lengths and less than twice as much.  bound
-- is -1 for the least, 1 for the most, 0 if all rows had the mean length.
CREATE FUNCTION pg_temp.upgrade_prereq_power_mean(length float8, bound int) RETURNS float8
LANGUAGE sql AS $$
    SELECT CASE WHEN bound = 0 OR length > 8192 THEN pg_temp.upgrade_prereq_power_length(length)
                WHEN bound < 0 THEN length ELSE 2 * length END
$$;

-- What rows of a plan need: kind is sort, store, join, aggregate or index.  Where
-- chance decides whether the buckets of an aggregate double, they are taken to,
-- but for the least: fullness[] of model_hash.c goes from 0.67 to 0.9.
CREATE FUNCTION pg_temp.upgrade_prereq_need(
    kind text, multiplier float8, row_count float8, width float8, planned_rows float8, planned_width float8,
    transitions float8, bound int)
RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
    major float8 := current_setting('server_version_num')::int / 10000;
    header float8 := CASE WHEN major < 16 THEN 16 ELSE 8 END;
    -- an index tuple has its header in the width
    length float8 := CASE kind WHEN 'index' THEN 0 ELSE 16 END + width;
    aligned float8 := ceil(length / 8) * 8;
    charge float8;
BEGIN
    charge := CASE
        WHEN kind IN ('sort', 'index') AND major < 15 OR kind = 'store' AND major < 18 THEN
            header + pg_temp.upgrade_prereq_power_mean(length, bound)
        WHEN kind IN ('sort', 'index') THEN CASE major WHEN 15 THEN 24 WHEN 16 THEN 8 ELSE 0 END + aligned
        WHEN kind = 'store' THEN header + aligned
        WHEN kind = 'join' THEN length
        WHEN major >= 18 THEN aligned + transitions * 16
        ELSE header + pg_temp.upgrade_prereq_power_mean(length, bound)
             + CASE WHEN transitions > 0 THEN header + pg_temp.upgrade_prereq_power_length(transitions * 16) ELSE 0 END
    END;
    RETURN pg_temp.upgrade_prereq_smallest(CASE kind WHEN 'index' THEN 'sort' ELSE kind END,
                                           ARRAY[major, multiplier, row_count, charge, planned_rows, planned_width, transitions,
                                                 CASE WHEN bound < 0 THEN 0.9 ELSE 0.67 END]);
END
$$;

-- ----- statements -----

-- Cut a script into statements.  Where this is fooled, a statement is refused:
-- see upgrade_prereq_is_single().
CREATE FUNCTION pg_temp.upgrade_prereq_statements(script text) RETURNS TABLE (number bigint, line bigint, statement text)
LANGUAGE sql AS $$
    WITH token AS (
        SELECT place, found[1] AS text
        FROM regexp_matches(script,
                 '([eE]''(?:[^''\\]|\\.|'''')*''|''(?:[^'']|'''')*''|"(?:[^"]|"")*"|\$[A-Za-z_0-9]*\$|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|;|[A-Za-z_0-9]+|\s+|.)', 'g')
             WITH ORDINALITY AS m (found, place)
    ),
    -- the text between two dollar quotes belongs together
    quoted AS (
        SELECT place, text,
               sum(CASE WHEN text ~ '^[$][A-Za-z_0-9]*[$]$' THEN 1 ELSE 0 END) OVER (ORDER BY place) AS quotes
        FROM token
    ),
    cut AS (
        SELECT place, text,
               COALESCE(sum(CASE WHEN text = ';' AND quotes % 2 = 0 THEN 1 ELSE 0 END) OVER before, 0) AS nth,
               text = ';' AND quotes % 2 = 0 AS is_end,
               text LIKE '--%' OR text LIKE '/*%' AS is_comment,
               1 + COALESCE(sum(length(text) - length(replace(text, E'\n', ''))) OVER before, 0) AS line
        FROM quoted
        WINDOW before AS (ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT row_number() OVER (ORDER BY nth),
           COALESCE(min(line) FILTER (WHERE text !~ '^\s' AND NOT is_comment), 1),
           btrim(string_agg(CASE WHEN is_comment THEN ' ' ELSE text END, '' ORDER BY place) FILTER (WHERE NOT is_end), E' \t\r\n')
    FROM cut
    GROUP BY nth
    HAVING btrim(string_agg(CASE WHEN is_comment THEN ' ' ELSE text END, '') FILTER (WHERE NOT is_end), E' \t\r\n') <> ''
$$;

-- A table whose rule's action is the statement that is looked at: the server
-- then says what it depends on, before anything is planned.
CREATE TEMP TABLE upgrade_prereq_trap () ON COMMIT DROP;

-- Is the text of a rule one statement?  A cursor takes one only, and no rule:
-- which of the two it complains of tells.
CREATE FUNCTION pg_temp.upgrade_prereq_is_single(rule text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    row record;
BEGIN
    FOR row IN EXECUTE rule
    LOOP
        RETURN false;
    END LOOP;
    RETURN false;
EXCEPTION WHEN invalid_cursor_definition THEN
    RETURN SQLERRM LIKE '%CREATE RULE%';
END
$$;

-- Why the plan of a statement is not asked for, or null: planning can run
-- functions, and these must not be somebody's own.  Leaves the rule behind: the
-- caller rolls back.
CREATE FUNCTION pg_temp.upgrade_prereq_plan_obstacle(query text, path text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    rule text := 'CREATE RULE upgrade_prereq_rule AS ON INSERT TO pg_temp.upgrade_prereq_trap DO ALSO ' || query;
    rule_oid oid;
    reason text;
BEGIN
    -- those of the server's own functions that run what they are given
    IF query ~* '_to_xml|u&' THEN
        RETURN 'it may run another query while it is planned';
    ELSIF NOT pg_temp.upgrade_prereq_is_single(rule) THEN
        RETURN 'it cannot be told where it ends';
    END IF;
    PERFORM set_config('search_path', path, true);
    EXECUTE rule;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT oid INTO rule_oid FROM pg_rewrite WHERE rulename = 'upgrade_prereq_rule';

    SELECT string_agg(format('it calls %s', function.oid::regprocedure), ', ') INTO reason
    FROM pg_depend AS depend
    LEFT JOIN pg_operator AS operator
        ON depend.refclassid = 'pg_operator'::regclass AND operator.oid = depend.refobjid
    JOIN pg_proc AS function
        ON depend.refclassid = 'pg_proc'::regclass AND function.oid = depend.refobjid
           OR function.oid IN (operator.oprcode, operator.oprrest, operator.oprjoin)
    JOIN pg_language AS language ON language.oid = function.prolang
    WHERE depend.classid = 'pg_rewrite'::regclass AND depend.objid = rule_oid
      AND language.lanname NOT IN ('internal', 'c') AND function.pronamespace <> 'pg_catalog'::regnamespace;
    IF reason IS NULL THEN
        SELECT string_agg(CASE WHEN class.relkind IN ('r', 'p', 'm') THEN format('%s depends on %s', class.oid::regclass, pg_temp.upgrade_prereq_foreign_code(class.oid))
                               ELSE format('%s is not a table', class.oid::regclass) END, ', ') INTO reason
        FROM (SELECT DISTINCT refobjid AS oid FROM pg_depend
              WHERE classid = 'pg_rewrite'::regclass AND objid = rule_oid AND refclassid = 'pg_class'::regclass) AS used
        JOIN pg_class AS class USING (oid)
        WHERE class.relname <> 'upgrade_prereq_trap' AND class.relnamespace <> 'pg_catalog'::regnamespace
          AND pg_get_userbyid(class.relowner) <> current_user
          AND (class.relkind NOT IN ('r', 'p', 'm') OR pg_temp.upgrade_prereq_foreign_code(class.oid) IS NOT NULL);
    END IF;
    RETURN reason;
END
$$;

-- The query that a statement runs, if it is one that has a plan.
CREATE FUNCTION pg_temp.upgrade_prereq_query_of(statement text) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE
               WHEN statement ~* '^(select|insert|update|delete|with|values)\M' THEN statement
               WHEN statement ~* '^create\s+(unlogged\s+)?(table|materialized\s+view)\s' THEN
                   (regexp_match(statement, '\mas\s+((?:select|with|values)\M.*)$', 'i'))[1]
           END
$$;

-- What the planner does not know of a statement's tables: the part of their
-- rows that changed since they were analyzed, null for one that never was; and
-- the width of their widest column.
CREATE FUNCTION pg_temp.upgrade_prereq_table_doubt(tables oid[], OUT changed float8, OUT widest float8)
LANGUAGE sql AS $$
    SELECT max(CASE WHEN stat.last_analyze IS NULL AND stat.last_autoanalyze IS NULL THEN 'infinity'
                    ELSE stat.n_mod_since_analyze / greatest(class.reltuples, 1) END),
           max((SELECT max(avg_width) FROM pg_stats AS s
                WHERE s.schemaname = class.relnamespace::regnamespace::name AND s.tablename = class.relname))
    FROM unnest(tables) AS t (oid)
    JOIN pg_class AS class USING (oid)
    LEFT JOIN pg_stat_all_tables AS stat ON stat.relid = class.oid
    WHERE class.relkind IN ('r', 'p', 'm') AND class.relnamespace <> 'pg_catalog'::regnamespace
$$;

-- How long the columns are that a node of a plan puts out, as EXPLAIN VERBOSE
-- names them, by the statistics: a null takes nothing.  aliases has the schema
-- and table of each; what is no plain column counts 32 bytes, as the planner
-- counts it.  Null if a column has no statistics.
CREATE FUNCTION pg_temp.upgrade_prereq_output_width(output jsonb, aliases jsonb) RETURNS float8
LANGUAGE sql AS $$
    SELECT sum(CASE WHEN plain.part IS NULL THEN 32 ELSE known.width END)
    FROM jsonb_array_elements_text(output) AS o (text)
    CROSS JOIN LATERAL (
        SELECT regexp_match(text, '^\(?(?:("[^"]+"|[a-z_0-9]+)\.)?("[^"]+"|[a-z_0-9]+)\)?$') AS part
    ) AS plain
    -- a plan of one table does not name it
    CROSS JOIN LATERAL (
        SELECT CASE WHEN part[1] IS NOT NULL THEN aliases -> btrim(part[1], '"')
                    ELSE (SELECT value FROM jsonb_each(aliases) LIMIT 1) END AS relation
    ) AS owner
    LEFT JOIN LATERAL (
        SELECT s.avg_width * (1 - s.null_frac) AS width
        FROM pg_stats AS s
        WHERE s.schemaname = relation ->> 0 AND s.tablename = relation ->> 1
          AND s.attname = btrim(part[2], '"') AND NOT s.inherited
    ) AS known ON true
    HAVING count(*) = count(CASE WHEN plain.part IS NULL THEN 32 ELSE known.width END)
$$;

-- The nodes of a statement's plan that keep rows, for upgrade_prereq_estimate();
-- raises what is in the way.  request = {query, path, settings}.
CREATE FUNCTION pg_temp.upgrade_prereq_plan_nodes(request jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    obstacle text;
    tables oid[];
    answer record;
    plan jsonb;
    setting record;
    explain text := 'EXPLAIN (FORMAT JSON, VERBOSE) ' || (request ->> 'query');
BEGIN
    obstacle := pg_temp.upgrade_prereq_plan_obstacle(request ->> 'query', request ->> 'path');
    IF obstacle IS NOT NULL THEN
        RETURN jsonb_build_object('reason', obstacle);
    END IF;
    tables := ARRAY(SELECT DISTINCT refobjid FROM pg_depend
                    WHERE classid = 'pg_rewrite'::regclass AND refclassid = 'pg_class'::regclass
                      AND objid = (SELECT oid FROM pg_rewrite WHERE rulename = 'upgrade_prereq_rule')
                      AND refobjid <> 'pg_temp.upgrade_prereq_trap'::regclass);
    FOR setting IN SELECT key, value FROM jsonb_each_text(request -> 'settings') WHERE value IS NOT NULL
    LOOP
        PERFORM set_config(setting.key, setting.value, true);
    END LOOP;
    PERFORM set_config('search_path', request ->> 'path', true);
    FOR answer IN EXECUTE explain
    LOOP
        plan := answer."QUERY PLAN";
    END LOOP;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

    RETURN (
        WITH RECURSIVE node AS (
            SELECT plan -> 0 -> 'Plan' AS node
            UNION ALL
            SELECT child FROM node CROSS JOIN jsonb_array_elements(node.node -> 'Plans') AS child
        ),
        alias AS (
            SELECT jsonb_object_agg(node ->> 'Alias', jsonb_build_array(node ->> 'Schema', node ->> 'Relation Name')) AS relations
            FROM node WHERE node ? 'Alias' AND node ? 'Relation Name'
        )
        SELECT jsonb_build_object(
            'doubt', (SELECT to_jsonb(d) FROM pg_temp.upgrade_prereq_table_doubt(tables) AS d),
            'nodes', COALESCE(jsonb_agg(jsonb_build_object(
                'kind', kept.kind, 'name', kept.name,
                'rows', (kept.source ->> 'Plan Rows')::float8, 'planned_width', (kept.source ->> 'Plan Width')::float8,
                'width', COALESCE(pg_temp.upgrade_prereq_output_width(kept.output, alias.relations), (kept.source ->> 'Plan Width')::float8),
                'groups', (node ->> 'Plan Rows')::float8, 'columns', jsonb_array_length(kept.output),
                'transitions', (SELECT count(*) FROM jsonb_array_elements_text(node -> 'Output') AS o
                                WHERE o ~ '\(' AND NOT COALESCE(node -> 'Group Key' @> to_jsonb(o), false)),
                -- columns that are no plain columns of a table: the planner guesses their length
                'guessed', (SELECT count(*) FROM jsonb_array_elements_text(kept.output) AS o
                            WHERE o !~ '^\(?("[^"]+"|[a-z_0-9]+)(\.("[^"]+"|[a-z_0-9]+))*\)?$'))), '[]'))
        FROM alias, node
        CROSS JOIN LATERAL (
            SELECT CASE
                       WHEN node ->> 'Node Type' IN ('Sort', 'Incremental Sort') THEN 'sort'
                       WHEN node ->> 'Node Type' = 'Hash' THEN 'join'
                       WHEN node ->> 'Node Type' = 'Aggregate' AND node ->> 'Strategy' IN ('Hashed', 'Mixed') THEN 'aggregate'
                       WHEN node ->> 'Node Type' IN ('Materialize', 'WindowAgg', 'Recursive Union')
                            OR node ->> 'Subplan Name' LIKE 'CTE %' THEN 'store'
                       -- what keeps rows in another way
                       WHEN node ->> 'Node Type' IN ('SetOp', 'Memoize', 'Function Scan', 'Table Function Scan', 'Gather', 'Gather Merge')
                            OR (node - 'Plans')::text LIKE '%hashed SubPlan%' THEN 'other'
                   END,
                   CASE WHEN node ->> 'Subplan Name' LIKE 'CTE %' THEN node ->> 'Subplan Name' ELSE node ->> 'Node Type' END,
                   CASE WHEN node ->> 'Node Type' IN ('Sort', 'Incremental Sort', 'Aggregate') THEN COALESCE(node -> 'Plans' -> 0, node) ELSE node END
        ) AS what (kind, name, source)
        CROSS JOIN LATERAL (
            SELECT what.*, CASE what.kind WHEN 'aggregate' THEN node -> 'Group Key' ELSE what.source -> 'Output' END AS output
        ) AS kept
        WHERE kept.kind IS NOT NULL);
END
$$;

-- The B-tree build of a plain CREATE INDEX, as upgrade_prereq_plan_nodes() says it.
CREATE FUNCTION pg_temp.upgrade_prereq_index_nodes(request jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    part text[] := regexp_match(request ->> 'query',
        '^create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?(?:("?\w+"?)\s+)?on\s+(?:only\s+)?([\w".]+)\s*(?:using\s+btree\s*)?\(\s*([\w",\s]+)\s*\)$', 'i');
    table_oid oid;
    columns text[];
    width float8;
    widths bigint;
BEGIN
    IF part IS NULL THEN
        RETURN '{"reason": "only B-tree indexes over plain columns are estimated without the extension"}';
    END IF;
    PERFORM set_config('search_path', request ->> 'path', true);
    table_oid := pg_catalog.to_regclass(part[2]);
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    columns := ARRAY(SELECT CASE WHEN c LIKE '"%' THEN btrim(c, '"') ELSE lower(c) END FROM regexp_split_to_table(part[3], '\s*,\s*') AS c);
    SELECT sum(s.avg_width * (1 - s.null_frac)), count(*) INTO width, widths
    FROM pg_class AS class
    JOIN pg_stats AS s ON s.schemaname = class.relnamespace::regnamespace::name AND s.tablename = class.relname
    WHERE class.oid = table_oid AND s.attname = ANY (columns);
    IF widths IS DISTINCT FROM cardinality(columns) THEN
        RETURN '{"reason": "the statistics of its columns are missing, or not to be seen"}';
    END IF;
    RETURN jsonb_build_object(
        'doubt', (SELECT to_jsonb(d) FROM pg_temp.upgrade_prereq_table_doubt(ARRAY[table_oid]) AS d),
        'nodes', jsonb_build_array(jsonb_build_object(
            'kind', 'index', 'name', 'Index Build', 'rows', (SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = table_oid),
            'width', 8 + ceil(width / 8) * 8, 'planned_width', 0, 'groups', 0, 'columns', widths,
            'transitions', 0, 'guessed', 0)));
END
$$;

-- Call one of the two in a block that is left by an error, so that nothing of
-- it stays.
CREATE FUNCTION pg_temp.upgrade_prereq_look(function text, request jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
BEGIN
    EXECUTE format('SELECT pg_temp.%I($1)', function) INTO result USING request;
    RAISE EXCEPTION USING ERRCODE = 'UP000';
EXCEPTION
    WHEN SQLSTATE 'UP000' THEN
        RETURN result;
    WHEN query_canceled THEN
        RAISE;
    WHEN OTHERS THEN
        RETURN jsonb_build_object('reason', format('%s (SQLSTATE %s)', SQLERRM, SQLSTATE));
END
$$;

-- The rows of the estimate.  Errors: 42704, 42P08 as for action=raise.
CREATE FUNCTION pg_temp.upgrade_prereq_estimate(script text, given_role text) RETURNS TABLE (
    statement_number bigint, line bigint, statement text, outcome text, node text, setting text,
    needed_bytes bigint, least_bytes bigint, most_bytes bigint, available_bytes bigint, row_count bigint, row_bytes int, note text)
LANGUAGE plpgsql AS $$
DECLARE
    role_name name := pg_temp.upgrade_prereq_raised_role(given_role);
    schema_name name := (SELECT c.schema_name FROM pg_temp.upgrade_prereq_call AS c);
    path text := concat_ws(', ', quote_ident(schema_name), '"$user", public');
    settings jsonb;
    multiplier float8;
    cut record;
    looked jsonb;
    kept jsonb;
    doubt float8;
    guess float8;
    width float8;
    planned float8;
    counted float8;
    columns float8;
    fewest float8;
    most float8;
    transitions float8;
    kind text;
BEGIN
    SELECT jsonb_object_agg(e.name, e.setting) INTO settings
    FROM pg_temp.upgrade_prereq_effective_settings(role_name) AS e
    WHERE e.name IN ('work_mem', 'maintenance_work_mem', 'hash_mem_multiplier');
    multiplier := COALESCE(settings ->> 'hash_mem_multiplier', current_setting('hash_mem_multiplier'))::float8;

    FOR cut IN SELECT * FROM pg_temp.upgrade_prereq_statements(script) AS s ORDER BY s.number
    LOOP
        statement_number := cut.number;
        line := cut.line;
        statement := left(regexp_replace(cut.statement, '\s+', ' ', 'g'), 100);
        node := NULL; setting := NULL; needed_bytes := NULL; least_bytes := NULL; most_bytes := NULL;
        available_bytes := NULL; row_count := NULL; row_bytes := NULL; note := NULL;
        IF cut.statement ~* '^create\s+(unique\s+)?index\M' THEN
            looked := pg_temp.upgrade_prereq_look('upgrade_prereq_index_nodes', jsonb_build_object('query', cut.statement, 'path', path));
        ELSIF pg_temp.upgrade_prereq_query_of(cut.statement) IS NOT NULL THEN
            looked := pg_temp.upgrade_prereq_look('upgrade_prereq_plan_nodes', jsonb_build_object(
                'query', pg_temp.upgrade_prereq_query_of(cut.statement), 'path', path, 'settings', settings));
        ELSIF cut.statement ~* '^(begin|start|commit|end|rollback|savepoint|release|set|reset|analyze|comment|grant|revoke|drop|truncate|lock)\M' THEN
            looked := '{"nodes": []}';
        ELSE
            looked := '{"reason": "only the extension estimates statements of this kind"}';
        END IF;

        IF looked ? 'reason' THEN
            outcome := 'unknown';
            note := format('Not estimated: %s.', looked ->> 'reason');
            RETURN NEXT;
            CONTINUE;
        ELSIF looked -> 'nodes' = '[]' THEN
            outcome := 'light';
            RETURN NEXT;
            CONTINUE;
        END IF;

        doubt := COALESCE((looked #>> '{doubt,changed}')::float8, 'infinity');
        FOR kept IN SELECT value FROM jsonb_array_elements(looked -> 'nodes')
        LOOP
            kind := kept ->> 'kind';
            node := kept ->> 'name';
            IF kind = 'other' THEN
                outcome := 'unknown';
                note := 'Not estimated: what it keeps of rows, or of a hashed subquery.';
                RETURN NEXT;
                CONTINUE;
            END IF;
            setting := CASE kind WHEN 'index' THEN 'maintenance_work_mem' ELSE 'work_mem' END;
            available_bytes := (settings ->> setting)::bigint * 1024;
            counted := CASE kind WHEN 'aggregate' THEN kept ->> 'groups' ELSE kept ->> 'rows' END::float8;
            width := (kept ->> 'width')::float8;
            planned := (kept ->> 'planned_width')::float8;
            guess := (kept ->> 'guessed')::float8;
            columns := COALESCE((kept ->> 'columns')::float8, 1);
            transitions := (kept ->> 'transitions')::float8;
            row_count := counted;
            row_bytes := width;
            needed_bytes := pg_temp.upgrade_prereq_need(kind, multiplier, counted, width, counted, planned, transitions, 0);
            -- How many groups there are is a guess: one at least, a row each at most.
            fewest := CASE WHEN kind = 'aggregate' OR doubt = 'infinity' THEN 1 ELSE floor(counted / (1 + doubt)) END;
            most := CASE WHEN doubt = 'infinity' THEN NULL
                         ELSE ceil(CASE kind WHEN 'aggregate' THEN (kept ->> 'rows')::float8 ELSE counted END * (1 + doubt)) END;
            -- Widths are means without what aligns the columns, and without the bits
            -- for nulls.  An expression has at least the length of a null, and at most
            -- that of the widest column that it can be made of.
            least_bytes := CASE WHEN doubt = 'infinity' THEN 0 ELSE pg_temp.upgrade_prereq_need(
                kind, multiplier, fewest, greatest(width - columns - 32 * guess, 1), fewest, planned, transitions, -1) * 0.98 END;
            most_bytes := CASE WHEN doubt < 'infinity' THEN pg_temp.upgrade_prereq_need(
                kind, multiplier, most,
                width + 8 + 4 * columns + guess * greatest((looked #>> '{doubt,widest}')::float8 - 32, 0),
                most, planned, transitions, 1) * 1.02 END;
            outcome := CASE
                WHEN available_bytes IS NULL THEN 'unknown'
                WHEN needed_bytes <= 65536 THEN 'light'
                WHEN needed_bytes <= available_bytes THEN 'in_memory'
                WHEN kind IN ('sort', 'index')
                     AND pg_temp.upgrade_prereq_one_pass(current_setting('server_version_num')::int / 10000, counted,
                                                         ceil(width / 8) * 8 + 40, needed_bytes) > available_bytes THEN 'slow'
                ELSE 'spills_once' END;
            note := concat_ws(' ',
                CASE WHEN doubt = 'infinity' THEN 'Some table was never analyzed: the need can be any.'
                     WHEN doubt > 0.005 THEN format('Of some table %s %% of the rows changed since it was analyzed.', round((100 * doubt)::numeric)) END,
                CASE kind WHEN 'aggregate' THEN 'How many groups there are is a guess of the planner.' END,
                CASE WHEN guess > 0 THEN format('Columns whose length the planner guesses: %s.', guess) END,
                CASE WHEN available_bytes IS NULL THEN 'What the role gets is not to be seen from this session.' END);
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;

-- The estimate as text, or as a JSON array of its rows.
CREATE FUNCTION pg_temp.upgrade_prereq_estimate_lines(script text, given_role text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    row record;
    last bigint := 0;
BEGIN
    IF (SELECT c.format FROM pg_temp.upgrade_prereq_call AS c) = 'json' THEN
        RETURN QUERY SELECT COALESCE(jsonb_agg(to_jsonb(e) ORDER BY e.statement_number), '[]')::text FROM pg_temp.upgrade_prereq_estimate(script, given_role) AS e;
        RETURN;
    END IF;
    RETURN NEXT format('Memory that the statements need, for role "%s". Nothing of them was run.',
                       pg_temp.upgrade_prereq_printable(pg_temp.upgrade_prereq_raised_role(given_role)::text, ' '));
    RETURN NEXT 'Estimated from the planner''s figures, without a look at the rows; the extension looks at a sample of them,';
    RETURN NEXT 'and what it says lies within the range that is given here.';
    FOR row IN SELECT * FROM pg_temp.upgrade_prereq_estimate(script, given_role)
    LOOP
        IF row.statement_number <> last THEN
            RETURN NEXT '';
            RETURN NEXT format('%s. (line %s) %s', row.statement_number, row.line, pg_temp.upgrade_prereq_printable(row.statement, ' '));
            last := row.statement_number;
        END IF;
        RETURN NEXT '    ' || CASE
            WHEN row.node IS NULL THEN concat_ws('. ', row.outcome, pg_temp.upgrade_prereq_printable(row.note, ' '))
            WHEN row.needed_bytes IS NULL THEN format('%s: %s. %s', row.node, row.outcome, row.note)
            ELSE format('%s: %s. %s rows of %s bytes need %s of %s (%s to %s), there are %s.%s', row.node, row.outcome,
                        row.row_count, row.row_bytes, pg_size_pretty(row.needed_bytes), row.setting,
                        pg_size_pretty(row.least_bytes), COALESCE(pg_size_pretty(row.most_bytes), 'any'),
                        COALESCE(pg_size_pretty(row.available_bytes), 'unknown'), COALESCE(' ' || NULLIF(row.note, ''), '')) END;
    END LOOP;
END
$$;
