--
-- The breaking changes: src/breaking_probe.c and src/checks/breaking_changes.c.
--

-- What the probes of this call answered, and about how many objects.
CREATE TEMP TABLE upgrade_prereq_answer (
    id text, answer text, reason text, objects text[], object_count bigint, obstacle jsonb) ON COMMIT DROP;

-- Is a change one that a check reports, for this upgrade?
CREATE FUNCTION pg_temp.upgrade_prereq_change_is_of(change_id text, check_id text) RETURNS boolean
LANGUAGE sql AS $$
    SELECT change.probe !~ '^check '
           AND check_id = CASE change.probe WHEN 'heavy' THEN 'breaking_changes_deep' ELSE 'breaking_changes' END
           AND call.installed < pg_temp.upgrade_prereq_version(change.release)
           AND CASE WHEN call.target IS NULL THEN NOT change.development
                    ELSE pg_temp.upgrade_prereq_version(change.release) <= call.target END
    FROM pg_temp.upgrade_prereq_change AS change, pg_temp.upgrade_prereq_call AS call
    WHERE change.id = change_id
$$;

-- The objects that a probe finds in the tables it needs; for
-- upgrade_prereq_guard().
CREATE FUNCTION pg_temp.upgrade_prereq_probe(request jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    change pg_temp.upgrade_prereq_change := (SELECT c FROM pg_temp.upgrade_prereq_change AS c WHERE c.id = request ->> 'id');
    objects_query text := (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'objects_query');
    prepared record;
BEGIN
    SELECT * INTO prepared FROM pg_temp.upgrade_prereq_prepare(request -> 'needs', call.schema_oid, call.schema_name);
    IF prepared.obstacle IS NOT NULL THEN
        RETURN jsonb_build_object('obstacle', prepared.obstacle);
    END IF;
    RETURN (
        SELECT jsonb_build_object('objects', jsonb_agg(row ->> 'object'), 'count', max((row ->> 'count')::bigint))
        FROM pg_temp.upgrade_prereq_rows(
            format('SELECT * FROM (%s) AS shown (object, count)', format(replace(objects_query, '%d', '20'), change.query)),
            prepared.names || jsonb_strip_nulls(jsonb_build_object('table', quote_ident(request ->> 'table')))) AS row);
END
$$;

-- Does a change affect this database?  The answer goes to upgrade_prereq_answer.
CREATE FUNCTION pg_temp.upgrade_prereq_ask_change(check_id text, change_id text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    change pg_temp.upgrade_prereq_change := (SELECT c FROM pg_temp.upgrade_prereq_change AS c WHERE c.id = change_id);
    need jsonb := pg_temp.upgrade_prereq_not_yet(change.needs);
    table_name text;
    answer record;
    obstacle jsonb;
    first_obstacle jsonb;
    objects text[] := '{}';
    object_count bigint := 0;
BEGIN
    IF change.probe = 'by hand' THEN
        INSERT INTO pg_temp.upgrade_prereq_answer VALUES (change_id, 'check by hand', 'the database cannot tell');
        RETURN;
    ELSIF need IS NOT NULL THEN
        INSERT INTO pg_temp.upgrade_prereq_answer VALUES (change_id, 'not affected');
        RETURN;
    END IF;

    FOREACH table_name IN ARRAY COALESCE(change.each, ARRAY[NULL]::text[])
    LOOP
        CONTINUE WHEN table_name IS NOT NULL
                      AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = call.schema_oid AND relname = table_name);
        SELECT * INTO answer
        FROM pg_temp.upgrade_prereq_guard(
            'upgrade_prereq_probe',
            jsonb_build_object('id', change_id, 'table', table_name,
                               'needs', CASE WHEN table_name IS NULL THEN change.needs
                                             ELSE jsonb_build_array(jsonb_build_object('table', table_name, 'columns', '["json"]'::jsonb)) END));
        obstacle := COALESCE(answer.obstacle, answer.result -> 'obstacle');
        IF first_obstacle IS NULL THEN
            first_obstacle := obstacle;
        ELSIF strpos(first_obstacle ->> 'fix_sql', obstacle ->> 'fix_sql') = 0 THEN
            first_obstacle := first_obstacle || jsonb_build_object('fix_sql', concat(first_obstacle ->> 'fix_sql', ' ', obstacle ->> 'fix_sql'));
        END IF;
        IF jsonb_typeof(answer.result -> 'objects') = 'array' THEN
            objects := objects || ARRAY(SELECT jsonb_array_elements_text(answer.result -> 'objects'));
            object_count := object_count + (answer.result ->> 'count')::bigint;
        END IF;
    END LOOP;

    INSERT INTO pg_temp.upgrade_prereq_answer
    SELECT change_id,
           CASE WHEN object_count > 0 THEN 'affected'
                WHEN first_obstacle IS NOT NULL THEN 'unknown'
                WHEN change.doubt IS NOT NULL THEN 'check by hand'
                ELSE 'not affected' END,
           CASE WHEN first_obstacle IS NOT NULL THEN
                    format('could not look: %s (SQLSTATE %s)', first_obstacle ->> 'message', first_obstacle ->> 'sqlstate')
                WHEN object_count = 0 THEN 'nothing was found, but ' || change.doubt END,
           objects[1:20], object_count, first_obstacle;
END
$$;

-- The finding that the answer on a change makes.
CREATE FUNCTION pg_temp.upgrade_prereq_change_finding(check_id text, change_id text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    change pg_temp.upgrade_prereq_change := (SELECT c FROM pg_temp.upgrade_prereq_change AS c WHERE c.id = change_id);
    answer pg_temp.upgrade_prereq_answer := (SELECT a FROM pg_temp.upgrade_prereq_answer AS a WHERE a.id = change_id);
    finding jsonb;
BEGIN
    IF answer.answer = 'unknown' THEN
        finding := pg_temp.upgrade_prereq_obstacle_finding(check_id, answer.obstacle) || jsonb_build_object('level', change.level);
    ELSE
        finding := pg_temp.upgrade_prereq_new_finding(check_id, 'found', format('OpenMetadata %s: %s', change.release, change.change))
            || jsonb_build_object(
                'level', 'notice', 'hint', change.action,
                'detail', 'The database does not tell whether this affects the installation.',
                'data', format('{"release": %s, "area": %s, %s}', to_json(change.release), to_json(change.area),
                               CASE WHEN answer.answer = 'affected' THEN format('"objects": %s', answer.object_count)
                                    ELSE format('"reason": %s', to_json(answer.reason)) END));
    END IF;
    IF answer.answer = 'affected' THEN
        finding := finding || jsonb_build_object(
            'level', change.level,
            'detail', format('This affects (%s): %s%s.%s', answer.object_count, array_to_string(answer.objects[1:5], ', '),
                             CASE WHEN answer.object_count > 5 THEN format(' and %s more', answer.object_count - 5) END,
                             ' There may be more: ' || answer.reason || '.'));
    END IF;
    RETURN finding || jsonb_build_object(
        'object_type', 'breaking change', 'object_identity', change.id,
        'applies_to', format('upgrades that reach %s', change.release),
        'doc_ref', format('doc/breaking-changes.md#%s', change.id),
        'finding_key', format('%s:%s', check_id, change.id));
END
$$;

-- The findings on the changes that a check reports, and one that counts what
-- was looked for in vain.
CREATE FUNCTION pg_temp.upgrade_prereq_change_findings(check_id text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    findings jsonb;
    passed text[];
BEGIN
    SELECT jsonb_agg(pg_temp.upgrade_prereq_change_finding(check_id, change.id) ORDER BY change.place)
               FILTER (WHERE answer.answer <> 'not affected'),
           array_agg(to_json(change.id)::text ORDER BY change.place) FILTER (WHERE answer.answer = 'not affected')
    INTO findings, passed
    FROM pg_temp.upgrade_prereq_change AS change
    JOIN pg_temp.upgrade_prereq_answer AS answer USING (id)
    WHERE pg_temp.upgrade_prereq_change_is_of(change.id, check_id);
    IF passed IS NOT NULL THEN
        findings := COALESCE(findings, '[]') || jsonb_build_array(
            pg_temp.upgrade_prereq_new_finding(
                check_id, 'passed', format('breaking changes that do not affect this database: %s', cardinality(passed)))
            || jsonb_build_object('data', format('{"changes": [%s]}', array_to_string(passed, ', '))));
    END IF;
    RETURN findings;
END
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_check_breaking_changes() RETURNS jsonb
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_change_findings('breaking_changes')
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_check_breaking_changes_deep() RETURNS jsonb
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_change_findings('breaking_changes_deep')
$$;
