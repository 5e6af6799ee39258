--
-- Looking at the database without changing it, waiting for it or being fooled
-- by it: what src/guard.c, src/table.c and src/need.c do in the extension.  An
-- obstacle is a JSON object with the keys sqlstate, message, detail, hint,
-- fix_sql.
--

-- A setting of the extension's, of the kind "duration": in milliseconds.  What
-- is not set has its default.  Errors: 22023 for a value that is none.
CREATE FUNCTION pg_temp.upgrade_prereq_setting_ms(setting text, unit text, fallback_ms bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    value text := NULLIF(current_setting('upgrade_prereq.' || setting, true), '');
    part text[] := regexp_match(value, '^\s*([0-9]{1,10})\s*(us|ms|s|min|h|d|)\s*$');
BEGIN
    IF value IS NULL THEN
        RETURN fallback_ms;
    END IF;
    IF part IS NULL THEN
        RAISE EXCEPTION 'invalid value for parameter "upgrade_prereq.%": "%"', setting, value
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN round(part[1]::numeric
                 * CASE COALESCE(NULLIF(part[2], ''), unit)
                       WHEN 'us' THEN 0.001 WHEN 'ms' THEN 1 WHEN 's' THEN 1000
                       WHEN 'min' THEN 60000 WHEN 'h' THEN 3600000 ELSE 86400000
                   END);
END
$$;

-- The time that a check may take, in milliseconds; 0 is no limit.
CREATE FUNCTION pg_temp.upgrade_prereq_time_limit_ms() RETURNS bigint
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_setting_ms('check_timeout', 'ms', 30000)
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_obstacle(
    sqlstate text, message text, detail text DEFAULT NULL, hint text DEFAULT NULL, fix_sql text DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object('sqlstate', sqlstate, 'message', message, 'detail', detail,
                              'hint', hint, 'fix_sql', fix_sql)
$$;

-- Call a function of ours, which takes and returns jsonb, alone: read only,
-- and in a subtransaction that is rolled back in the end, so that no lock and
-- no setting of it stays.  What goes wrong in it is an obstacle.  A statement
-- of the script has the time limit of a check; a cancel that comes earlier is
-- the user's, and not for us to catch.
CREATE FUNCTION pg_temp.upgrade_prereq_guard(
    function text, argument jsonb, OUT result jsonb, OUT obstacle jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    limit_ms bigint := pg_temp.upgrade_prereq_time_limit_ms();
    elapsed_ms double precision;
    said text;
    said_detail text;
    said_hint text;
BEGIN
    BEGIN
        PERFORM set_config('transaction_read_only', 'on', true);
        EXECUTE format('SELECT pg_temp.%I($1)', function) INTO result USING argument;
        RAISE EXCEPTION USING ERRCODE = 'UP000';
    EXCEPTION
        WHEN SQLSTATE 'UP000' THEN
            NULL;
        WHEN query_canceled THEN
            elapsed_ms := extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000;
            -- the server's timer and this clock need not agree to the millisecond
            IF limit_ms = 0 OR elapsed_ms < limit_ms - 20 THEN
                RAISE;
            END IF;
            obstacle := pg_temp.upgrade_prereq_obstacle(
                '57014', format('the time limit of %s ms was reached', limit_ms), NULL,
                'The setting upgrade_prereq.check_timeout gives a check more time.');
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, said_detail = PG_EXCEPTION_DETAIL,
                                    said_hint = PG_EXCEPTION_HINT;
            obstacle := pg_temp.upgrade_prereq_obstacle(
                SQLSTATE, said, NULLIF(said_detail, ''), NULLIF(said_hint, ''));
    END;
END
$$;

-- The first of some alternative column names ("a|b") that a table has, or null.
CREATE FUNCTION pg_temp.upgrade_prereq_column(relid oid, alternatives text) RETURNS text
LANGUAGE sql AS $$
    SELECT alternative.name
    FROM unnest(string_to_array(alternatives, '|')) WITH ORDINALITY AS alternative (name, place)
    JOIN pg_attribute AS attribute
        ON attribute.attrelid = relid AND attribute.attname = alternative.name AND NOT attribute.attisdropped
    ORDER BY alternative.place
    LIMIT 1
$$;

-- Does a table have a valid B-tree index over all rows that begins with this
-- column?
CREATE FUNCTION pg_temp.upgrade_prereq_has_index(relid oid, column_name text) RETURNS boolean
LANGUAGE sql AS $$
    SELECT EXISTS (
        SELECT
        FROM pg_index AS index
        JOIN pg_class AS class ON class.oid = index.indexrelid
        JOIN pg_am AS method ON method.oid = class.relam AND method.amname = 'btree'
        JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attname = column_name
        WHERE index.indrelid = relid AND index.indisvalid AND index.indislive
          AND index.indkey[0] = attribute.attnum AND index.indpred IS NULL)
$$;

-- A function of somebody's that planning a query on the table can run: one in
-- an index, a constraint, a statistics object or a partition key, of the table
-- or of one that inherits from it.  The extension runs such a query as the
-- table's owner; here it would have the rights of whoever asks.  Those in C are
-- a superuser's.
CREATE FUNCTION pg_temp.upgrade_prereq_foreign_code(table_oid oid) RETURNS text
LANGUAGE sql AS $$
    WITH RECURSIVE relation (oid) AS (
        SELECT table_oid
        UNION
        SELECT inherits.inhrelid FROM relation JOIN pg_inherits AS inherits ON inherits.inhparent = relation.oid
    ),
    part (classid, objid) AS (
        SELECT 'pg_class'::regclass::oid, oid FROM relation
        UNION ALL
        SELECT 'pg_class'::regclass, index.indexrelid FROM relation JOIN pg_index AS index ON index.indrelid = relation.oid
        UNION ALL
        SELECT 'pg_constraint'::regclass, c.oid FROM relation JOIN pg_constraint AS c ON c.conrelid = relation.oid
        UNION ALL
        SELECT 'pg_statistic_ext'::regclass, s.oid FROM relation JOIN pg_statistic_ext AS s ON s.stxrelid = relation.oid
    ),
    used (oid) AS (
        SELECT depend.refobjid
        FROM part JOIN pg_depend AS depend USING (classid, objid)
        WHERE depend.refclassid = 'pg_proc'::regclass
        UNION
        SELECT unnest(ARRAY[operator.oprcode::oid, operator.oprrest, operator.oprjoin])
        FROM part JOIN pg_depend AS depend USING (classid, objid)
        JOIN pg_operator AS operator ON operator.oid = depend.refobjid
        WHERE depend.refclassid = 'pg_operator'::regclass
    )
    SELECT function.oid::regprocedure::text
    FROM used
    JOIN pg_proc AS function USING (oid)
    JOIN pg_language AS language ON language.oid = function.prolang
    WHERE language.lanname NOT IN ('internal', 'c')
      AND function.pronamespace <> 'pg_catalog'::regnamespace
    UNION ALL
    SELECT class.oid::regclass::text
    FROM relation JOIN pg_class AS class USING (oid)
    WHERE class.relkind NOT IN ('r', 'p')
    ORDER BY 1
    LIMIT 1
$$;

-- Lock a table against being dropped or rewritten, without waiting for it, and
-- see that the current role may read all of its rows.
CREATE FUNCTION pg_temp.upgrade_prereq_table_obstacle(
    schema_oid oid, schema_name name, table_name text, OUT table_oid oid, OUT obstacle jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    class pg_class;
    may_use boolean := has_schema_privilege(schema_oid, 'USAGE');
    may_read boolean;
    is_locked boolean := false;
    code text;
    grants text;
BEGIN
    SELECT * INTO class FROM pg_class AS c WHERE c.relnamespace = schema_oid AND c.relname = table_name;
    IF NOT FOUND THEN
        obstacle := pg_temp.upgrade_prereq_obstacle('42P01', format('table "%s" does not exist', table_name));
        RETURN;
    END IF;
    may_read := has_table_privilege(class.oid, 'SELECT');

    IF class.relkind IN ('r', 'p') AND may_use AND may_read THEN
        BEGIN
            EXECUTE format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE NOWAIT', schema_name, table_name);
        EXCEPTION WHEN lock_not_available THEN
            is_locked := true;
        END;
        SELECT * INTO class FROM pg_class AS c WHERE c.relnamespace = schema_oid AND c.relname = table_name;
    ELSE
        is_locked := EXISTS (
            SELECT FROM pg_locks AS held
            WHERE held.locktype = 'relation' AND held.relation = class.oid
              AND held.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
              AND held.mode = 'AccessExclusiveLock');
    END IF;
    IF is_locked THEN
        obstacle := pg_temp.upgrade_prereq_obstacle(
            '55P03', format('table "%s" is locked by another session', table_name), NULL,
            'Try again when the other session has finished.');
        RETURN;
    END IF;
    IF class.relkind NOT IN ('r', 'p') THEN
        obstacle := pg_temp.upgrade_prereq_obstacle(
            '42809', format('"%s" is not a table', table_name), NULL,
            'A view or foreign table in the place of one of OpenMetadata''s tables is not read.');
        RETURN;
    END IF;

    IF NOT may_use OR NOT may_read THEN
        grants := format('GRANT SELECT ON TABLE %I.%I TO %I;', schema_name, table_name, current_user);
        IF NOT may_use THEN
            grants := format('GRANT USAGE ON SCHEMA %I TO %I; %s', schema_name, current_user, grants);
        END IF;
        obstacle := pg_temp.upgrade_prereq_obstacle(
            '42501',
            CASE WHEN may_use THEN format('permission denied for table "%s"', table_name)
                 ELSE format('permission denied for schema "%s"', schema_name) END,
            NULL,
            'Run the check as the owner of the table, or ask the owner for the GRANT given as the fix.',
            grants);
        RETURN;
    END IF;
    IF row_security_active(class.oid) THEN
        obstacle := pg_temp.upgrade_prereq_obstacle(
            '42501',
            format('row-level security of table "%s" may hide rows from role "%s"', table_name, current_user), NULL,
            'Run the check as a role that row-level security does not apply to.');
        RETURN;
    END IF;

    code := pg_temp.upgrade_prereq_foreign_code(class.oid);
    IF code IS NOT NULL AND pg_get_userbyid(class.relowner) <> current_user THEN
        obstacle := pg_temp.upgrade_prereq_obstacle(
            '42501', format('reading table "%s" could run code of its owner with the rights of role "%s"', table_name, current_user),
            format('It depends on %s.', code),
            'Run the script as the owner of the table; the extension reads it with the rights of the owner.');
        RETURN;
    END IF;
    table_oid := class.oid;
END
$$;

-- Prepare the tables that a query needs, and note the names of their columns
-- of this era, as a JSON object.
CREATE FUNCTION pg_temp.upgrade_prereq_prepare(
    needs jsonb, schema_oid oid, schema_name name, OUT names jsonb, OUT obstacle jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    need jsonb;
    alternatives text;
    column_name text;
    type_oid oid;
    table_oid oid;
    owner oid;
    first_owner oid;
BEGIN
    names := '{}';
    FOR need IN SELECT value FROM jsonb_array_elements(needs)
    LOOP
        SELECT t.table_oid, t.obstacle INTO table_oid, obstacle
        FROM pg_temp.upgrade_prereq_table_obstacle(schema_oid, schema_name, need ->> 'table') AS t;
        IF obstacle IS NOT NULL THEN
            RETURN;
        END IF;

        FOR alternatives IN SELECT value FROM jsonb_array_elements_text(need -> 'columns')
        LOOP
            column_name := pg_temp.upgrade_prereq_column(table_oid, alternatives);
            IF column_name IS NULL THEN
                obstacle := pg_temp.upgrade_prereq_obstacle(
                    '42703', format('table "%s" has no column "%s"', need ->> 'table', alternatives));
                RETURN;
            END IF;
            -- of two tables with such a column the first counts
            names := jsonb_build_object(split_part(alternatives, '|', 1), quote_ident(column_name)) || names;
            SELECT atttypid INTO type_oid FROM pg_attribute WHERE attrelid = table_oid AND attname = column_name;
            IF type_oid >= 10000 THEN       -- FirstGenbkiObjectId
                obstacle := pg_temp.upgrade_prereq_obstacle(
                    '42804',
                    format('column "%s" of table "%s" is of type %s', column_name, need ->> 'table', format_type(type_oid, NULL)),
                    NULL, 'A column of a type that is not PostgreSQL''s own is not read.');
                RETURN;
            END IF;
        END LOOP;

        IF need ? 'index' THEN
            column_name := pg_temp.upgrade_prereq_column(table_oid, need ->> 'index');
            IF column_name IS NULL OR NOT pg_temp.upgrade_prereq_has_index(table_oid, column_name) THEN
                obstacle := pg_temp.upgrade_prereq_obstacle(
                    '55000',
                    format('no valid index of table "%s" begins with column "%s"',
                           need ->> 'table', COALESCE(column_name, need ->> 'index')),
                    'Without it the check would read the whole table.',
                    'Restore the index that OpenMetadata creates on this table.');
                RETURN;
            END IF;
            PERFORM set_config('enable_seqscan', 'off', true),
                    set_config('enable_bitmapscan', 'off', true),
                    set_config('enable_sort', 'off', true);
        END IF;

        SELECT relowner INTO owner FROM pg_class WHERE oid = table_oid;
        first_owner := COALESCE(first_owner, owner);
        IF owner <> first_owner THEN
            obstacle := pg_temp.upgrade_prereq_obstacle(
                '42501',
                format('tables "%s" and "%s" belong to different roles', needs -> 0 ->> 'table', need ->> 'table'),
                'Tables are read with the rights of their owner only.',
                'Give OpenMetadata''s tables to one role, as its migration needs to own them.');
            RETURN;
        END IF;
    END LOOP;
END
$$;

-- Put names into a query, in one pass: what was put in is not looked at again,
-- whatever a schema may be called.
CREATE FUNCTION pg_temp.upgrade_prereq_apply(query text, names jsonb) RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(piece.text || COALESCE(names ->> btrim(word.text, '@'), word.text, ''), '' ORDER BY piece.place)
    FROM unnest(regexp_split_to_array(query, '@[a-z0-9_]+@')) WITH ORDINALITY AS piece (text, place)
    LEFT JOIN LATERAL (
        SELECT found[1], place FROM regexp_matches(query, '@[a-z0-9_]+@', 'g') WITH ORDINALITY AS m (found, place)
    ) AS word (text, place) USING (place)
$$;
