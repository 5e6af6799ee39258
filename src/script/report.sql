--
-- The report as text and as JSON, and its verdict: src/report.c and
-- src/report_formats.c.
--

CREATE FUNCTION pg_temp.upgrade_prereq_level_number(level text) RETURNS int
LANGUAGE sql AS $$
    SELECT array_position('{info,notice,warning,error}', level)
$$;

-- The findings in the order of the report; is_only_elsewhere for what only the
-- extension could have looked at.
CREATE FUNCTION pg_temp.upgrade_prereq_sorted() RETURNS TABLE (
    number bigint, is_only_elsewhere boolean, finding pg_temp.upgrade_prereq_finding)
LANGUAGE sql AS $$
    SELECT row_number() OVER (ORDER BY pg_temp.upgrade_prereq_level_number(f.level) DESC, f.check_id COLLATE "C",
                                       f.object_identity COLLATE "C" NULLS FIRST, f.object_type COLLATE "C" NULLS FIRST,
                                       f.message COLLATE "C", f.place),
           f.status = 'not_run' AND f.data IS NOT NULL, f
    FROM pg_temp.upgrade_prereq_finding AS f
$$;

-- The number of findings of each kind there is, in words.
CREATE FUNCTION pg_temp.upgrade_prereq_counts() RETURNS text
LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', count, CASE count WHEN 1 THEN one ELSE many END), ', ' ORDER BY place)
    FROM (VALUES (1, 'found', 'error', 'error', 'errors'),
                 (2, 'found', 'warning', 'warning', 'warnings'),
                 (3, 'found', 'notice', 'notice', 'notices'),
                 (4, 'found', 'info', 'info', 'infos'),
                 (5, 'passed', NULL, 'passed', 'passed'),
                 (6, 'unknown', NULL, 'unknown', 'unknown'),
                 (7, 'not_run', NULL, 'not run', 'not run'),
                 (8, 'not_applicable', NULL, 'not applicable', 'not applicable'),
                 (9, 'acknowledged', NULL, 'acknowledged', 'acknowledged')) AS kind (place, status, level, one, many)
    CROSS JOIN LATERAL (
        SELECT count(*) AS count FROM pg_temp.upgrade_prereq_finding AS f
        WHERE f.status = kind.status AND (kind.level IS NULL OR f.level = kind.level)
    ) AS counted
    WHERE count > 0
$$;

-- The checks that were left out, by their ids.
CREATE FUNCTION pg_temp.upgrade_prereq_excluded() RETURNS text[]
LANGUAGE sql AS $$
    SELECT COALESCE(array_agg(id ORDER BY place), '{}')
    FROM pg_temp.upgrade_prereq_check AS c, pg_temp.upgrade_prereq_call AS call
    WHERE c.id <> ALL (call.selected)
$$;

-- The verdict: pass, incomplete or fail.  What only the extension can look at
-- is listed, but does not count: it could not be had here at all.
CREATE FUNCTION pg_temp.upgrade_prereq_judge(fail_level text) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE
               WHEN bool_or((finding).status = 'found'
                            AND pg_temp.upgrade_prereq_level_number((finding).level) >= pg_temp.upgrade_prereq_level_number(fail_level)) THEN 'fail'
               WHEN bool_or((finding).status IN ('unknown', 'not_run') AND NOT is_only_elsewhere)
                    OR pg_temp.upgrade_prereq_excluded() <> '{}' THEN 'incomplete'
               ELSE 'pass'
           END
    FROM pg_temp.upgrade_prereq_sorted()
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_verdict_line() RETURNS text
LANGUAGE sql AS $$
    SELECT format('Verdict: %s (%s).',
                  CASE pg_temp.upgrade_prereq_judge('error')
                      WHEN 'pass' THEN 'the upgrade may start'
                      WHEN 'incomplete' THEN 'not everything was checked, the upgrade should wait'
                      ELSE 'do not start the upgrade' END,
                  pg_temp.upgrade_prereq_counts())
$$;

-- Text that can be sent to a terminal: control characters, and those that
-- change the direction of writing, are shown by their bytes; line feeds are
-- replaced by the character given.
CREATE FUNCTION pg_temp.upgrade_prereq_printable(text text, line_feed text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    encoding int := (SELECT d.encoding FROM pg_database AS d WHERE datname = current_database());
    encoding_name name := pg_encoding_to_char(encoding);
    control text := CASE
        WHEN encoding_name = 'UTF8' THEN '[\u0001-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]'
        WHEN pg_encoding_max_length(encoding) = 1 THEN '[\u0001-\u0009\u000b-\u001f\u007f-\u009f]'
        ELSE '[\u0001-\u0009\u000b-\u001f\u007f]' END;
BEGIN
    IF text ~ control THEN
        text := (
            SELECT string_agg(CASE WHEN letter ~ control
                                   THEN regexp_replace(upper(encode(convert_to(letter, encoding_name), 'hex')), '(..)', '\\x\1', 'g')
                                   ELSE letter END, '' ORDER BY place)
            FROM unnest(string_to_array(text, NULL)) WITH ORDINALITY AS l (letter, place));
    END IF;
    RETURN replace(text, E'\n', line_feed);
END
$$;

-- "label text", if there is a text.  Its further lines are indented, so that
-- nothing in it can pass for a line of the report.
CREATE FUNCTION pg_temp.upgrade_prereq_labelled(label text, text text) RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT CASE WHEN row_number() OVER (ORDER BY place) = 1 THEN label ELSE '             ' END || line
    FROM unnest(string_to_array(pg_temp.upgrade_prereq_printable(text, E'\n'), E'\n')) WITH ORDINALITY AS l (line, place)
    WHERE line <> ''
    ORDER BY place
$$;

-- The title of the report.
CREATE FUNCTION pg_temp.upgrade_prereq_headline() RETURNS text
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_printable(
        CASE WHEN installed_text IS NULL THEN format('OpenMetadata of unknown version in database "%s"', current_database())
             ELSE format('OpenMetadata %s in schema "%s" of database "%s"', installed_text, schema_name, current_database()) END
        || CASE WHEN target_text IS NULL THEN ', upgrade to the next releases' ELSE format(', upgrade to %s', target_text) END,
        ' ')
    FROM pg_temp.upgrade_prereq_call
$$;

-- What was found comes first, then what could not be looked at.  A block is one
-- finding, or several that could not look for one reason, or several notices
-- that could not be tied to this database for one reason.
CREATE FUNCTION pg_temp.upgrade_prereq_blocks() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    block record;
    finding pg_temp.upgrade_prereq_finding;
    message text;
BEGIN
    FOR block IN
        SELECT array_agg(s.finding ORDER BY number) AS findings,
               (SELECT string_agg(id, ', ' ORDER BY place)
                FROM (SELECT id, min(place) AS place
                      FROM unnest(array_agg((s.finding).check_id ORDER BY number)) WITH ORDINALITY AS u (id, place) GROUP BY id) AS u) AS ids
        FROM pg_temp.upgrade_prereq_sorted() AS s
        CROSS JOIN LATERAL (
            SELECT CASE
                       WHEN (s.finding).status = 'unknown' THEN
                           jsonb_build_array((s.finding).message, (s.finding).detail, (s.finding).hint, (s.finding).fix_sql)
                       WHEN (s.finding).level = 'notice' AND (s.finding).detail IS NOT NULL AND (s.finding).fix_sql IS NULL THEN
                           jsonb_build_array((s.finding).check_id, (s.finding).detail)
                       ELSE to_jsonb(number)
                   END AS reason
        ) AS key
        WHERE (s.finding).status IN ('found', 'unknown')
        GROUP BY (s.finding).status, key.reason
        ORDER BY (s.finding).status = 'unknown', min(number)
    LOOP
        finding := block.findings[1];
        IF finding.status = 'found' AND cardinality(block.findings) > 1 THEN
            RETURN NEXT format('NOTICE:  %s notices for one reason  (%s)', cardinality(block.findings), block.ids);
            RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    DETAIL:  ', finding.detail);
            RETURN NEXT '    HINT:    What to do stands in the hint of each, which -v format=json shows.';
            FOR message IN SELECT f.message FROM unnest(block.findings) AS f
            LOOP
                RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('      - ', message);
            END LOOP;
            CONTINUE;
        END IF;
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled(
            format('%s:  ', upper(CASE finding.status WHEN 'found' THEN finding.level ELSE finding.status END)),
            format('%s  (%s)', finding.message, block.ids));
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    DETAIL:  ', finding.detail);
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    HINT:    ', finding.hint);
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    FIX:     ', finding.fix_sql);
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    UNDO:    ', finding.undo_sql);
        IF finding.status = 'found' THEN
            RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_labelled('    DATA:    ', finding.data);
        END IF;
    END LOOP;
END
$$;

-- The checks with a finding of some status, each once.
CREATE FUNCTION pg_temp.upgrade_prereq_summary() RETURNS SETOF text
LANGUAGE sql AS $$
    WITH checked AS (
        SELECT (finding).status || CASE WHEN is_only_elsewhere THEN ' here' ELSE '' END AS status,
               (finding).check_id AS id, min(number) AS number
        FROM pg_temp.upgrade_prereq_sorted()
        GROUP BY 1, 2
        UNION ALL
        SELECT 'excluded', id, place FROM unnest(pg_temp.upgrade_prereq_excluded()) WITH ORDINALITY AS e (id, place)
    )
    SELECT format('%s (%s): %s', label, count(*), string_agg(id, ', ' ORDER BY number))
    FROM (VALUES (1, 'passed', 'Passed'),
                 (2, 'not_applicable', 'Not applicable'),
                 (3, 'unknown', 'Unknown'),
                 (4, 'not_run', 'Not run, -v deep=on runs them'),
                 (5, 'not_run here', 'Only the extension can'),
                 (6, 'excluded', 'Left out')) AS kind (place, status, label)
    JOIN checked USING (status)
    GROUP BY kind.place, label
    ORDER BY kind.place
$$;

-- The report as lines to read.
CREATE FUNCTION pg_temp.upgrade_prereq_text_report() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    line text;
    blocks int := 0;
BEGIN
    RETURN NEXT pg_temp.upgrade_prereq_headline();
    RETURN NEXT '';
    FOR line IN SELECT * FROM pg_temp.upgrade_prereq_blocks()
    LOOP
        RETURN NEXT line;
        blocks := blocks + 1;
    END LOOP;
    IF blocks > 0 THEN
        RETURN NEXT '';
    END IF;
    RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_summary();
    RETURN NEXT pg_temp.upgrade_prereq_verdict_line();
END
$$;

-- The report as one JSON document, which is that of the extension but for
-- "edition".
CREATE FUNCTION pg_temp.upgrade_prereq_json_report() RETURNS text
LANGUAGE sql AS $$
    SELECT '{"format_version": 1, "edition": "script", "extension_version": "@version@", '
           || format('"server_version_num": %s, "database": %s, "schema": %s, "source_version": %s, "target_version": %s, '
                     '"started_at": %s, "fail_level": "error", "verdict": "%s", "counts": {%s}, "findings": [%s], "excluded": [%s]}',
                     current_setting('server_version_num'),
                     to_json(current_database()::text),
                     COALESCE(to_json(call.schema_name::text)::text, 'null'),
                     COALESCE(to_json(call.installed_text)::text, 'null'),
                     COALESCE(to_json(call.target_text)::text, 'null'),
                     to_json(now()),
                     pg_temp.upgrade_prereq_judge('error'),
                     (SELECT string_agg(format('"%s": %s', name, (
                                 SELECT count(*) FROM pg_temp.upgrade_prereq_finding AS f
                                 WHERE CASE WHEN n.place <= 4 THEN f.status = 'found' AND f.level = n.name ELSE f.status = n.name END)),
                             ', ' ORDER BY n.place)
                      FROM unnest('{error,warning,notice,info,passed,unknown,not_run,not_applicable,acknowledged}'::text[])
                          WITH ORDINALITY AS n (name, place)),
                     (SELECT string_agg(pg_temp.upgrade_prereq_finding_json(finding), ', ' ORDER BY number) FROM pg_temp.upgrade_prereq_sorted()),
                     (SELECT string_agg(to_json(id)::text, ', ' ORDER BY place)
                      FROM unnest(pg_temp.upgrade_prereq_excluded()) WITH ORDINALITY AS e (id, place)))
    FROM pg_temp.upgrade_prereq_call AS call
$$;

-- A finding; its keys are the columns of upgrade_prereq_findings().
CREATE FUNCTION pg_temp.upgrade_prereq_finding_json(finding pg_temp.upgrade_prereq_finding) RETURNS text
LANGUAGE sql AS $$
    SELECT format('{%s, "data": %s}',
                  string_agg(format('"%s": %s', key, COALESCE(to_json(value)::text, 'null')), ', ' ORDER BY place),
                  COALESCE(finding.data, 'null'))
    FROM unnest('{check_id,level,status,category,object_type,object_identity,message,detail,hint,fix_sql,undo_sql,applies_to,doc_ref,finding_key}'::text[])
        WITH ORDINALITY AS n (key, place)
    CROSS JOIN LATERAL (SELECT to_jsonb(finding) ->> key) AS v (value)
$$;

-- For upgrade-prereq-fleet: a line of what its table shows, with tabs between
-- and control characters shown, then the JSON document.
CREATE FUNCTION pg_temp.upgrade_prereq_fleet_report() RETURNS SETOF text
LANGUAGE sql AS $$
    SELECT concat_ws(E'\t', 'upgrade_prereq',
                     COALESCE(pg_temp.upgrade_prereq_printable(call.installed_text, ' '), 'unknown'),
                     pg_temp.upgrade_prereq_judge(call.fail_level),
                     COALESCE((
                         SELECT concat_ws(E'\t',
                                          CASE (finding).status WHEN 'found' THEN (finding).level ELSE (finding).status END,
                                          format('%s: %s', (finding).check_id, pg_temp.upgrade_prereq_printable((finding).message, ' ')))
                         FROM pg_temp.upgrade_prereq_sorted()
                         WHERE (finding).status IN ('found', 'unknown')
                         ORDER BY pg_temp.upgrade_prereq_level_number((finding).level) DESC, (finding).status = 'unknown', number LIMIT 1), E'-\t'))
    FROM pg_temp.upgrade_prereq_call AS call
    UNION ALL
    SELECT pg_temp.upgrade_prereq_json_report()
$$;

-- The report in the format of the call.
CREATE FUNCTION pg_temp.upgrade_prereq_lines() RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
    format text := (SELECT c.format FROM pg_temp.upgrade_prereq_call AS c);
BEGIN
    IF format = 'json' THEN
        RETURN NEXT pg_temp.upgrade_prereq_json_report();
    ELSIF format = 'fleet' THEN
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_fleet_report();
    ELSE
        RETURN QUERY SELECT * FROM pg_temp.upgrade_prereq_text_report();
    END IF;
END
$$;

-- The gate: raises UP001 or UP002 if it is asked for and has to refuse.
CREATE FUNCTION pg_temp.upgrade_prereq_close_gate() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    verdict text := pg_temp.upgrade_prereq_judge(call.fail_level);
    reasons text[];
BEGIN
    IF NOT call.gate OR verdict = 'pass' OR (verdict = 'incomplete' AND call.allow_unknown) THEN
        RETURN;
    END IF;
    SELECT array_agg(format('%s: %s (%s)', CASE (finding).status WHEN 'found' THEN (finding).level ELSE (finding).status END,
                            pg_temp.upgrade_prereq_printable((finding).message, ' '), (finding).check_id) ORDER BY number)
    INTO reasons
    FROM pg_temp.upgrade_prereq_sorted()
    WHERE CASE (finding).status
              WHEN 'found' THEN pg_temp.upgrade_prereq_level_number((finding).level) >= pg_temp.upgrade_prereq_level_number(call.fail_level)
              ELSE (finding).status IN ('unknown', 'not_run') AND NOT is_only_elsewhere END;
    RAISE EXCEPTION '%: %',
                    CASE verdict WHEN 'fail' THEN 'the upgrade is blocked' ELSE 'the upgrade could not be checked completely' END,
                    pg_temp.upgrade_prereq_counts()
        USING ERRCODE = CASE verdict WHEN 'fail' THEN 'UP001' ELSE 'UP002' END,
              DETAIL = COALESCE(array_to_string(reasons[1:20], E'\n'), 'Checks were left out.')
                       || CASE WHEN cardinality(reasons) > 20 THEN format(E'\nand %s more', cardinality(reasons) - 20) ELSE '' END;
END
$$;
