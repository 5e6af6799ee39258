--
-- Running the checks, each alone, and what they find: src/check_run.c.
--

-- Why a check cannot be run by the script, or null: it is written in C, or its
-- query asks functions or facts of the extension.
CREATE FUNCTION pg_temp.upgrade_prereq_extension_only(id text) RETURNS text
LANGUAGE sql AS $$
    WITH chosen AS (
        SELECT c.id, c.facts, COALESCE(c.query, other.query) AS query
        FROM pg_temp.upgrade_prereq_check AS c
        LEFT JOIN pg_temp.upgrade_prereq_check AS other ON other.id = c.query_of
        WHERE c.id = upgrade_prereq_extension_only.id
    ),
    missing AS (
        SELECT string_agg(DISTINCT found[1] || '()', ', ' ORDER BY found[1] || '()') AS functions
        FROM chosen, regexp_matches(query, '@extschema@\.([a-z0-9_]+)', 'g') AS found
        WHERE to_regproc('pg_temp.' || found[1]) IS NULL AND to_regtype('pg_temp.' || found[1]) IS NULL
    )
    SELECT CASE
               WHEN chosen.query IS NULL AND to_regproc('pg_temp.upgrade_prereq_check_' || chosen.id) IS NULL THEN
                   COALESCE(reason.text, 'the check is in the library of the extension')
               WHEN missing.functions IS NOT NULL THEN format('the check asks %s of the extension', missing.functions)
               WHEN NOT chosen.facts <@ '{runs}' THEN
                   'the memory and the disk space that the migration needs are estimated by the library of the extension'
           END
    FROM chosen
    CROSS JOIN missing
    LEFT JOIN (VALUES
        ('acknowledgements', 'acknowledgements are kept in the journal of the extension'),
        ('backup', 'backups are recorded in the journal of the extension, and read by its library'),
        ('extension_version', 'there is no extension whose version could differ'),
        ('raise_left_behind', 'what was raised is kept in the journal of the extension; the script leaves a file on the client')
    ) AS reason (id, text) ON reason.id = chosen.id
$$;

-- A finding about nothing in particular, from the check's header: a JSON
-- object of texts.
CREATE FUNCTION pg_temp.upgrade_prereq_new_finding(id text, status text, message text) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'check_id', c.id, 'status', status, 'category', c.category, 'message', message,
        'level', CASE status WHEN 'passed' THEN 'info' ELSE c.level END,
        'applies_to', CASE WHEN c.reaching IS NULL THEN 'all versions'
                           ELSE format('upgrades that reach %s', c.reaching) END,
        'doc_ref', format('doc/checks/%s.md', c.id),
        'finding_key', c.id)
    FROM pg_temp.upgrade_prereq_check AS c
    WHERE c.id = upgrade_prereq_new_finding.id
$$;

-- The finding that says why a check could not look.
CREATE FUNCTION pg_temp.upgrade_prereq_obstacle_finding(id text, obstacle jsonb) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_new_finding(id, 'unknown', format('could not check: %s', obstacle ->> 'message'))
           || jsonb_build_object(
               'detail', CASE WHEN obstacle ->> 'detail' IS NULL THEN format('SQLSTATE %s.', obstacle ->> 'sqlstate')
                              ELSE format('%s (SQLSTATE %s)', obstacle ->> 'detail', obstacle ->> 'sqlstate') END,
               'hint', obstacle ->> 'hint',
               'fix_sql', obstacle ->> 'fix_sql',
               'data', format('{"sqlstate": "%s"}', obstacle ->> 'sqlstate'))
$$;

-- Turn one row of a check's result into a finding.
CREATE FUNCTION pg_temp.upgrade_prereq_row_finding(id text, result json) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    status text := COALESCE(lower(result ->> 'status'), 'found');
    finding jsonb := pg_temp.upgrade_prereq_new_finding(id, status, result ->> 'message');
BEGIN
    PERFORM status::pg_temp.upgrade_prereq_status, lower(result ->> 'level')::pg_temp.upgrade_prereq_level;
    IF result ->> 'message' IS NULL THEN
        RAISE EXCEPTION 'check "%" returned a finding without a message', id USING ERRCODE = 'internal_error';
    END IF;
    finding := finding || jsonb_build_object(
        'object_type', result ->> 'object_type', 'object_identity', result ->> 'object_identity',
        'detail', result ->> 'detail', 'hint', result ->> 'hint',
        'fix_sql', result ->> 'fix_sql', 'undo_sql', result ->> 'undo_sql', 'data', result ->> 'data');
    IF result ->> 'level' IS NOT NULL AND status <> 'passed' THEN
        finding := finding || jsonb_build_object('level', lower(result ->> 'level'));
    END IF;
    IF result ->> 'object_identity' IS NOT NULL THEN
        finding := finding || jsonb_build_object('finding_key', format('%s:%s', id, result ->> 'object_identity'));
    END IF;
    RETURN finding;
END
$$;

-- Run the query of a check; for upgrade_prereq_guard().
CREATE FUNCTION pg_temp.upgrade_prereq_run_query(check_id jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    header pg_temp.upgrade_prereq_check := (SELECT c FROM pg_temp.upgrade_prereq_check AS c WHERE c.id = check_id #>> '{}');
    prepared record;
    findings jsonb;
BEGIN
    SELECT * INTO prepared
    FROM pg_temp.upgrade_prereq_prepare(header.needs, call.schema_oid, call.schema_name);
    IF prepared.obstacle IS NOT NULL THEN
        RETURN jsonb_build_array(pg_temp.upgrade_prereq_obstacle_finding(header.id, prepared.obstacle));
    END IF;
    IF header.query IS NULL AND header.query_of IS NULL THEN
        EXECUTE format('SELECT pg_temp.%I()', 'upgrade_prereq_check_' || header.id) INTO findings;
        RETURN findings;
    END IF;
    SELECT jsonb_agg(pg_temp.upgrade_prereq_row_finding(header.id, row)) INTO findings
    FROM pg_temp.upgrade_prereq_rows(
        COALESCE(header.query, (SELECT other.query FROM pg_temp.upgrade_prereq_check AS other WHERE other.id = header.query_of)),
        prepared.names,
        jsonb_build_object('check_id', header.id,
                           'runs', CASE WHEN 'runs' = ANY (header.facts) THEN call.runs END)) AS row;
    RETURN findings;
END
$$;

-- Add findings to the report.
CREATE FUNCTION pg_temp.upgrade_prereq_report(findings jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO pg_temp.upgrade_prereq_finding
        (check_id, level, status, category, object_type, object_identity, message, detail, hint, fix_sql,
         undo_sql, applies_to, doc_ref, finding_key, data)
    SELECT row.*
    FROM jsonb_to_recordset(findings) AS row (
        check_id text, level text, status text, category text, object_type text, object_identity text,
        message text, detail text, hint text, fix_sql text, undo_sql text, applies_to text, doc_ref text,
        finding_key text, data text)
$$;

-- The findings of a check that need not be run, or null.
CREATE FUNCTION pg_temp.upgrade_prereq_skip(id text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    header pg_temp.upgrade_prereq_check := (SELECT c FROM pg_temp.upgrade_prereq_check AS c WHERE c.id = upgrade_prereq_skip.id);
    obstacle jsonb := pg_temp.upgrade_prereq_installation_obstacle();
    reason text := pg_temp.upgrade_prereq_extension_only(id);
    need jsonb;
BEGIN
    IF reason IS NOT NULL THEN
        RETURN pg_temp.upgrade_prereq_new_finding(id, 'not_run', format('not run: %s', reason))
               || '{"data": "{\"edition\": \"extension\"}"}';
    ELSIF header.heavy AND NOT call.deep THEN
        RETURN pg_temp.upgrade_prereq_new_finding(id, 'not_run', 'not run: the check is heavy, -v deep=on runs it');
    ELSIF obstacle IS NOT NULL THEN
        IF call.obstacle IS NULL AND header.any_installation THEN
            RETURN NULL;
        END IF;
        RETURN pg_temp.upgrade_prereq_obstacle_finding(id, obstacle);
    ELSIF header.reaching IS NOT NULL AND NOT pg_temp.upgrade_prereq_reaches(header.reaching) THEN
        RETURN pg_temp.upgrade_prereq_new_finding(
            id, 'not_applicable', format('this upgrade does not run the migration of OpenMetadata %s', header.reaching));
    END IF;
    need := pg_temp.upgrade_prereq_not_yet(header.needs);
    IF need IS NOT NULL THEN
        RETURN pg_temp.upgrade_prereq_new_finding(
            id, 'not_applicable', format('table "%s" came with OpenMetadata %s', need ->> 'table', need ->> 'since'));
    END IF;
    RETURN NULL;
END
$$;

-- Run one check: its findings, at least one.
CREATE FUNCTION pg_temp.upgrade_prereq_check_findings(id text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    header pg_temp.upgrade_prereq_check := (SELECT c FROM pg_temp.upgrade_prereq_check AS c WHERE c.id = upgrade_prereq_check_findings.id);
    skipped jsonb := pg_temp.upgrade_prereq_skip(id);
    answer record;
BEGIN
    IF skipped IS NOT NULL THEN
        RETURN jsonb_build_array(skipped);
    END IF;
    -- the steps before have read them
    IF 'runs' = ANY (header.facts) THEN
        UPDATE pg_temp.upgrade_prereq_call SET runs = pg_temp.upgrade_prereq_runs_json()
        WHERE runs IS NULL AND state = 'found';
    END IF;
    SELECT * INTO answer FROM pg_temp.upgrade_prereq_guard('upgrade_prereq_run_query', to_jsonb(id));
    IF answer.obstacle IS NOT NULL THEN
        RETURN jsonb_build_array(pg_temp.upgrade_prereq_obstacle_finding(id, answer.obstacle));
    ELSIF answer.result IS NULL OR answer.result = '[]' THEN
        RETURN jsonb_build_array(pg_temp.upgrade_prereq_new_finding(id, 'passed', header.passed));
    END IF;
    RETURN answer.result;
END
$$;

-- The statements that make the report, one after the other: each has a time
-- limit of its own.
CREATE FUNCTION pg_temp.upgrade_prereq_steps() RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT format('DO %L', format('BEGIN PERFORM pg_temp.%s(%s); END',
                                  step.function, array_to_string(ARRAY(SELECT quote_literal(a) FROM unnest(step.arguments) AS a), ', ')))
    FROM pg_temp.upgrade_prereq_call AS call
    CROSS JOIN unnest(call.selected) WITH ORDINALITY AS selected (id, place)
    CROSS JOIN LATERAL (
        -- what several checks ask for has the time of a step of its own
        SELECT 0, 'upgrade_prereq_read_run_kind', ARRAY[kind.name], kind.place
        FROM pg_temp.upgrade_prereq_kind AS kind
        WHERE call.state = 'found' AND call.obstacle IS NULL
          AND (call.deep OR NOT kind.heavy)
          AND selected.place = (SELECT min(s.place)
                                FROM unnest(call.selected) WITH ORDINALITY AS s (id, place)
                                JOIN pg_temp.upgrade_prereq_check AS c USING (id)
                                WHERE 'runs' = ANY (c.facts))
        UNION ALL
        SELECT 1, 'upgrade_prereq_ask_change', ARRAY[selected.id, change.id], change.place
        FROM pg_temp.upgrade_prereq_change AS change
        WHERE pg_temp.upgrade_prereq_change_is_of(change.id, selected.id)
          AND pg_temp.upgrade_prereq_skip(selected.id) IS NULL
        UNION ALL
        SELECT 2, 'upgrade_prereq_run_check', ARRAY[selected.id], 0
    ) AS step (part, function, arguments, number)
    ORDER BY selected.place, step.part, step.number
$$;

-- Run one check, and add what it finds to the report.
CREATE FUNCTION pg_temp.upgrade_prereq_run_check(id text) RETURNS void
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_report(pg_temp.upgrade_prereq_check_findings(id))
$$;
