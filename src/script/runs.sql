--
-- The runs that are not finished: src/runs/run_list.c and run_fix.c.
--

-- The runs that were read, with all values as text.
CREATE TEMP TABLE upgrade_prereq_run (
    kind_place int, kind text, number int, name text, run_id text, state text, started_at text, age text,
    typical_duration text, verdict text, confidence text, evidence text, corrected_state text,
    fix_sql text, undo_sql text, data text, patch text) ON COMMIT DROP;

-- How many sessions of OpenMetadata's servers are connected; null where that is
-- not known.
CREATE FUNCTION pg_temp.upgrade_prereq_count_sessions(nothing jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    query text := (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'session_query');
    result bigint;
BEGIN
    EXECUTE query INTO result
    USING (SELECT role_name::text FROM pg_temp.upgrade_prereq_call), (SELECT schema_oid FROM pg_temp.upgrade_prereq_call);
    RETURN to_jsonb(result);
END
$$;

-- The runs of one kind, as an array of objects; for upgrade_prereq_guard().
CREATE FUNCTION pg_temp.upgrade_prereq_query_kind(request jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    kind pg_temp.upgrade_prereq_kind := (SELECT k FROM pg_temp.upgrade_prereq_kind AS k WHERE k.name = request ->> 'kind');
    query text := COALESCE(kind.query, (SELECT other.query FROM pg_temp.upgrade_prereq_kind AS other WHERE other.name = kind.query_of));
    prepared record;
BEGIN
    SELECT * INTO prepared FROM pg_temp.upgrade_prereq_prepare(kind.needs, call.schema_oid, call.schema_name);
    IF prepared.obstacle IS NOT NULL THEN
        RETURN jsonb_build_object('obstacle', prepared.obstacle);
    END IF;
    prepared.names := prepared.names
        || jsonb_strip_nulls(jsonb_build_object('table', quote_ident(kind.table_name), 'parent', quote_ident(kind.parent)));
    IF NOT kind.is_judged THEN
        query := format('WITH run AS (%s) %s', query,
                        (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'run_judge_query'));
    END IF;
    RETURN (
        SELECT jsonb_build_object('runs', COALESCE(jsonb_agg(row), '[]'))
        FROM pg_temp.upgrade_prereq_rows(
            format('SELECT run.*, date_trunc(''second'', fact.now - run.started_at) AS age '
                   'FROM (%s) AS run, fact '
                   'WHERE fact.older_than IS NULL OR run.started_at IS NULL '
                   'OR fact.now - run.started_at >= fact.older_than '
                   'ORDER BY run.started_at, run.run_id COLLATE "C"', query),
            prepared.names,
            jsonb_build_object('kind', kind.name, 'include_history', false, 'live_sessions', request -> 'live_sessions')) AS row);
END
$$;

-- The statements that settle runs, and that take it back; for
-- upgrade_prereq_guard().
CREATE FUNCTION pg_temp.upgrade_prereq_fixes(runs jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    query text := (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'fix_query');
    fix record;
    result jsonb := '{}';
BEGIN
    FOR fix IN
        EXECUTE format('SELECT * FROM (%s) AS fix (place, fix_sql, undo_sql, note)', query)
        USING runs::text, (SELECT schema_name::text FROM pg_temp.upgrade_prereq_call)
    LOOP
        result := result || jsonb_build_object(runs -> fix.place::int ->> 'number', jsonb_build_array(fix.fix_sql, fix.undo_sql, fix.note));
    END LOOP;
    RETURN result;
END
$$;

-- The row that says why the runs of a kind could not be read.
CREATE FUNCTION pg_temp.upgrade_prereq_unread_runs(place int, kind text, name text, obstacle jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO pg_temp.upgrade_prereq_run (kind_place, kind, number, name, verdict, evidence, data)
    VALUES (place, kind, 0, name, 'unknown',
            format('could not look: %s%s (SQLSTATE %s)', obstacle ->> 'message',
                   ': ' || (obstacle ->> 'detail'), obstacle ->> 'sqlstate'),
            jsonb_strip_nulls(jsonb_build_object('sqlstate', obstacle -> 'sqlstate', 'hint', obstacle -> 'hint',
                                                 'fix_sql', obstacle -> 'fix_sql'))::text)
$$;

-- Read the runs of one kind, with the statements that settle them.
CREATE FUNCTION pg_temp.upgrade_prereq_read_run_kind(kind_name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    kind pg_temp.upgrade_prereq_kind := (SELECT k FROM pg_temp.upgrade_prereq_kind AS k WHERE k.name = kind_name);
    sessions record;
    answer record;
    to_fix jsonb;
    fixes record;
BEGIN
    -- what this release does not have has no runs
    IF EXISTS (SELECT FROM jsonb_array_elements(kind.needs) AS need
               WHERE CASE WHEN need ? 'since' THEN call.installed < pg_temp.upgrade_prereq_version(need ->> 'since')
                          ELSE NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = call.schema_oid AND relname = need ->> 'table') END) THEN
        RETURN;
    END IF;

    SELECT * INTO sessions FROM pg_temp.upgrade_prereq_guard('upgrade_prereq_count_sessions', NULL);
    SELECT * INTO answer
    FROM pg_temp.upgrade_prereq_guard('upgrade_prereq_query_kind',
                                      jsonb_build_object('kind', kind.name, 'live_sessions', sessions.result));
    answer.obstacle := COALESCE(answer.obstacle, answer.result -> 'obstacle');
    IF answer.obstacle IS NOT NULL THEN
        PERFORM pg_temp.upgrade_prereq_unread_runs(kind.place, kind.name, NULL, answer.obstacle);
        RETURN;
    END IF;

    SELECT jsonb_agg(jsonb_build_object(
               'number', number, 'wants_fix', wants_fix, 'table', kind.table_name, 'run_id', run ->> 'run_id', 'run_id_expression', kind.run_id,
               'state', run ->> 'state', 'state_expression', kind.state,
               'key', run -> 'key', 'patch', run -> 'patch', 'old_values', run -> 'old_values') ORDER BY number)
    INTO to_fix
    FROM jsonb_array_elements(answer.result -> 'runs') WITH ORDINALITY AS r (run, number)
    CROSS JOIN LATERAL (
        SELECT run ->> 'patch' IS NOT NULL AND run ->> 'key' IS NOT NULL
               AND run ->> 'state' IS NOT NULL AND kind.state IS NOT NULL
               AND (run ->> 'run_id' IS NOT NULL OR kind.run_id IS NULL)
               AND (run ->> 'verdict')::pg_temp.upgrade_prereq_verdict >= 'finished_elsewhere' AS wants_fix
    ) AS wish;
    IF to_fix @> '[{"wants_fix": true}]' THEN
        SELECT * INTO fixes FROM pg_temp.upgrade_prereq_guard('upgrade_prereq_fixes', to_fix);
        IF fixes.obstacle IS NOT NULL THEN
            PERFORM pg_temp.upgrade_prereq_unread_runs(kind.place, kind.name, NULL, fixes.obstacle);
        END IF;
    ELSE
        SELECT NULL::jsonb AS result INTO fixes;
    END IF;

    INSERT INTO pg_temp.upgrade_prereq_run
    SELECT kind.place, kind.name, number, run ->> 'name', run ->> 'run_id', run ->> 'state',
           (run ->> 'started_at')::timestamptz::text, run ->> 'age', run ->> 'typical_duration',
           run ->> 'verdict', run ->> 'confidence',
           concat_ws(' ', run ->> 'evidence', fixes.result -> number::text ->> 2), run ->> 'corrected_state',
           fixes.result -> number::text ->> 0, fixes.result -> number::text ->> 1, run ->> 'data', run ->> 'patch'
    FROM jsonb_array_elements(answer.result -> 'runs') WITH ORDINALITY AS r (run, number);

    IF kind.name = 'ingestion_pipeline' AND jsonb_array_length(answer.result -> 'runs') > 0
       AND pg_temp.upgrade_prereq_setting('airflow_server') <> '' THEN
        PERFORM pg_temp.upgrade_prereq_unread_runs(
            kind.place, 'airflow', pg_temp.upgrade_prereq_setting('airflow_server'),
            pg_temp.upgrade_prereq_obstacle('0A000', 'only the extension asks Airflow''s database'));
    END IF;
END
$$;

-- The rows in the order of upgrade_prereq_runs(): by kind, then by verdict, the
-- worst first, then by name.
CREATE FUNCTION pg_temp.upgrade_prereq_runs() RETURNS SETOF pg_temp.upgrade_prereq_run
LANGUAGE sql AS $$
    SELECT *
    FROM pg_temp.upgrade_prereq_run
    ORDER BY kind_place, kind = 'airflow', verdict::pg_temp.upgrade_prereq_verdict DESC, name COLLATE "C" NULLS FIRST, number
$$;

-- The fact "runs": all values but data are strings.
CREATE FUNCTION pg_temp.upgrade_prereq_runs_json() RETURNS text
LANGUAGE sql AS $$
    SELECT COALESCE(jsonb_agg(to_jsonb(run) - '{kind_place,number,patch}'::text[] || jsonb_build_object('data', run.data::jsonb)), '[]')::text
    FROM pg_temp.upgrade_prereq_runs() AS run
$$;

-- What upgrade_prereq_resolve() would do with a run by its defaults, as a
-- sentence; and whether it would settle it.
CREATE FUNCTION pg_temp.upgrade_prereq_resolution(run pg_temp.upgrade_prereq_run, OUT note text, OUT settles boolean)
LANGUAGE sql AS $$
    SELECT CASE
               WHEN run.kind = 'airflow' OR run.name IS NULL AND run.confidence IS NULL THEN
                   'There may be runs that could not be looked at.'
               WHEN run.patch IS NULL THEN 'There is nothing to write: see evidence.'
               WHEN run.verdict NOT IN ('stuck', 'superseded', 'finished_elsewhere') THEN
                   format('Runs judged %s are not asked for.', run.verdict)
               WHEN run.confidence <> 'high' THEN 'Its confidence is below high.'
               ELSE format('It would write %s.', run.patch)
           END,
           run.patch IS NOT NULL AND run.verdict IN ('stuck', 'superseded', 'finished_elsewhere') AND run.confidence = 'high'
$$;

-- The runs that are not finished, and what settling them would do, as text.
CREATE FUNCTION pg_temp.upgrade_prereq_runs_text() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    run pg_temp.upgrade_prereq_run;
    resolution record;
    runs int := 0;
    settled int := 0;
BEGIN
    RETURN NEXT pg_temp.upgrade_prereq_headline();
    RETURN NEXT '';
    FOR run IN SELECT * FROM pg_temp.upgrade_prereq_runs()
    LOOP
        SELECT * INTO resolution FROM pg_temp.upgrade_prereq_resolution(run);
        runs := runs + 1;
        settled := settled + resolution.settles::int;
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled(
            format('%s:  ', upper(run.verdict)),
            format('%s "%s"%s%s  (%s)', run.kind, run.name, ', run ' || run.run_id, format(', state "%s"', run.state),
                   COALESCE('confidence ' || run.confidence, 'could not look')));
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    BEGAN:   ', run.started_at || COALESCE(', ' || run.age || ' ago', ''));
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    EVIDENCE:', ' ' || run.evidence);
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    SETTLE:  ', resolution.note);
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    FIX:     ', run.fix_sql);
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    UNDO:    ', run.undo_sql);
    END LOOP;
    RETURN NEXT format('Runs that are not finished: %s, of which settling would write: %s. Nothing was written.', runs, settled);
END
$$;

-- The same as JSON: an array of objects with the columns of
-- upgrade_prereq_runs(), and "note" and "settles".
CREATE FUNCTION pg_temp.upgrade_prereq_runs_lines() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    obstacle jsonb := pg_temp.upgrade_prereq_installation_obstacle();
BEGIN
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION '%', obstacle ->> 'message'
            USING ERRCODE = obstacle ->> 'sqlstate', DETAIL = COALESCE(obstacle ->> 'detail', ''), HINT = COALESCE(obstacle ->> 'hint', '');
    ELSIF (SELECT format FROM pg_temp.upgrade_prereq_call) = 'json' THEN
        RETURN QUERY
        SELECT format('[%s]', string_agg(element::text, ', '))
        FROM (SELECT to_jsonb(run) - '{kind_place,number,patch}'::text[]
                     || jsonb_build_object('data', run.data::jsonb, 'note', resolution.note, 'settles', resolution.settles)
              FROM pg_temp.upgrade_prereq_runs() AS run
              CROSS JOIN LATERAL pg_temp.upgrade_prereq_resolution(run) AS resolution) AS list (element);
    ELSE
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_runs_text();
    END IF;
END
$$;
