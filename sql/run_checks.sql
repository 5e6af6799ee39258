-- Checks of runs and of what will start them: each finds what is planted, is
-- repaired by its own fix where it has one, and passes then.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.13
\i :setup

CREATE FUNCTION pg_temp.ago(age interval) RETURNS bigint
LANGUAGE sql AS $$ SELECT trunc(extract(epoch FROM now() - age) * 1000)::bigint $$;
-- What a check says, without what depends on the moment.
CREATE FUNCTION pg_temp.report(check_id text, OUT level upgrade_prereq_level, OUT status upgrade_prereq_status,
                               OUT object_identity text, OUT message text, OUT detail text, OUT hint text,
                               OUT can_fix boolean) RETURNS SETOF record
LANGUAGE sql AS $$
    SELECT level, status, object_identity, message, detail, hint, fix_sql || undo_sql IS NOT NULL
    FROM upgrade_prereq_findings(include => ARRAY[report.check_id], deep => true)
$$;

--
-- pipelines_about_to_fire: cron expressions.  The query of the check itself
-- runs over a table of this test, at a moment of this test.
--

-- (none of the documents here is unreadable)
\set query `sed "s/@unreadable([^()]*)@/false/" "$UPGRADE_PREREQ_FIXTURE/../src/checks/pipelines_about_to_fire.sql"`
CREATE TEMP TABLE source AS
    SELECT replace(replace(:'query', '@schema@', 'pg_temp'), '@fqnhash@', 'fqnhash') AS query;
CREATE TEMP TABLE ingestion_pipeline_entity (fqnhash text, json json);
-- What comes up for the pipelines of the table: name, when, and why not.
CREATE FUNCTION pg_temp.due(at timestamptz, length interval, client text)
RETURNS TABLE (fqn text, next timestamptz, problem text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'WITH fact AS (SELECT ''x''::name AS schema_name, %L::interval AS maintenance_window,'
        ' %L::text AS pipeline_service_client, %L::timestamptz AS now)'
        ' SELECT first.pipeline, first.at, CASE WHEN finding.status = ''unknown'' THEN finding.message END'
        ' FROM (%s) AS finding'
        ' CROSS JOIN LATERAL (SELECT x ->> ''pipeline'', (x ->> ''at'')::timestamptz'
        '                     FROM jsonb_array_elements(CASE WHEN finding.status = ''found'' THEN finding.data -> ''first'' ELSE ''[]'' END) AS x'
        '                     UNION ALL'
        '                     SELECT jsonb_array_elements_text(CASE WHEN finding.status = ''unknown'' THEN finding.data -> ''pipelines'' ELSE ''[]'' END), NULL'
        '                    ) AS first (pipeline, at)',
        length, client, at, (SELECT replace(query, '[1:20]', '[1:1000]') FROM source));
END
$$;
CREATE FUNCTION pg_temp.next_run(schedule text, zone text, at timestamptz, length interval,
                                 client text DEFAULT 'auto', config jsonb DEFAULT '{}', pipeline jsonb DEFAULT '{}')
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM ingestion_pipeline_entity;
    INSERT INTO ingestion_pipeline_entity
        SELECT 'key', jsonb_build_object('fullyQualifiedName', 'p', 'deployed', true, 'enabled', true, 'airflowConfig',
                                         jsonb_build_object('scheduleInterval', schedule, 'pipelineTimezone', zone) || config) || pipeline;
    RETURN (SELECT COALESCE(to_char(next AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), problem)
            FROM pg_temp.due(at, length, client));
END
$$;
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'ISO';

-- schedule, zone, moment, window, when it comes up in UTC
CREATE TEMP TABLE cron_case (schedule text, zone text, at timestamptz, length interval, expected text);
INSERT INTO cron_case VALUES
-- single values, lists, ranges, steps
('* * * * *', NULL, '2026-03-04 10:15:30Z', '1 hour', '2026-03-04 10:16'),
('*/15 * * * *', NULL, '2026-03-04 10:15Z', '1 hour', '2026-03-04 10:30'),
('15 * * * *', NULL, '2026-03-04 10:15Z', '1 hour', '2026-03-04 11:15'),
('15 * * * *', NULL, '2026-03-04 10:15:01Z', '59 minutes', NULL),
('0 2 * * *', NULL, '2026-03-04 22:00Z', '4 hours', '2026-03-05 02:00'),
('0 2 * * *', NULL, '2026-03-04 21:59:59Z', '4 hours', NULL),
('5,50 1,23 * * *', NULL, '2026-03-04 22:00Z', '4 hours', '2026-03-04 23:05'),
('10-20/5 * * * *', NULL, '2026-03-04 10:16Z', '1 hour', '2026-03-04 10:20'),
('50/5 * * * *', NULL, '2026-03-04 10:52Z', '1 hour', '2026-03-04 10:55'),
('0 22-2 * * *', NULL, '2026-03-04 23:30Z', '1 hour', '2026-03-05 00:00'),
('0 9-17/4 * * *', NULL, '2026-03-04 09:30Z', '4 hours', '2026-03-04 13:00'),
('  30   3  *  *  * ', NULL, '2026-03-04 00:00Z', '4 hours', '2026-03-04 03:30'),
-- days of the month, and the ends of months and years
('0 0 31 * *', NULL, '2026-04-29 12:00Z', '3 days', NULL),
('0 0 31 * *', NULL, '2026-05-30 12:00Z', '1 day', '2026-05-31 00:00'),
('0 0 29 2 *', NULL, '2026-02-27 12:00Z', '7 days', NULL),
('0 0 29 2 *', NULL, '2028-02-28 12:00Z', '1 day', '2028-02-29 00:00'),
('0 0 29 2 *', NULL, '2100-02-27 12:00Z', '7 days', NULL),
('0 0 30 2 *', NULL, '2028-02-28 12:00Z', '7 days', NULL),
('0 0 1 1 *', NULL, '2026-12-31 23:00Z', '2 hours', '2027-01-01 00:00'),
('0 0 1 nov-FEB *', NULL, '2026-11-30 23:00Z', '2 hours', '2026-12-01 00:00'),
('0 0 1 nov-FEB *', NULL, '2026-02-28 23:00Z', '2 hours', NULL),
-- days of the week: 2026-03-04 is a Wednesday
('0 12 * * 3', NULL, '2026-03-04 10:00Z', '4 hours', '2026-03-04 12:00'),
('0 12 * * wed', NULL, '2026-03-04 10:00Z', '4 hours', '2026-03-04 12:00'),
('0 12 * * Mon-Tue,THU', NULL, '2026-03-04 10:00Z', '2 days', '2026-03-05 12:00'),
('0 12 * * 0', NULL, '2026-03-07 13:00Z', '1 day', '2026-03-08 12:00'),
('0 12 * * 7', NULL, '2026-03-07 13:00Z', '1 day', '2026-03-08 12:00'),
('0 12 * * 5-7', NULL, '2026-03-07 13:00Z', '1 day', '2026-03-08 12:00'),
('0 12 * * fri-mon', NULL, '2026-03-08 13:00Z', '1 day', '2026-03-09 12:00'),
('0 12 * * */2', NULL, '2026-03-07 13:00Z', '1 day', '2026-03-08 12:00'),
-- both kinds of days: one is enough, unless the other says nothing
('0 0 13 * 5', NULL, '2026-03-05 12:00Z', '1 day', '2026-03-06 00:00'),
('0 0 13 * 5', NULL, '2026-04-12 12:00Z', '1 day', '2026-04-13 00:00'),
('0 0 * * 5', NULL, '2026-04-12 12:00Z', '1 day', NULL),
('0 0 13 * *', NULL, '2026-03-05 12:00Z', '1 day', NULL),
('0 0 ? * 5', NULL, '2026-04-12 12:00Z', '1 day', NULL),
('0 0 */2 * 1', NULL, '2026-03-02 12:00Z', '1 day', '2026-03-03 00:00'),
-- names for schedules, and none
('@hourly', NULL, '2026-03-04 10:15Z', '1 hour', '2026-03-04 11:00'),
('@daily', NULL, '2026-03-04 22:15Z', '2 hours', '2026-03-05 00:00'),
('@midnight', NULL, '2026-03-04 22:15Z', '2 hours', '2026-03-05 00:00'),
('@Weekly', NULL, '2026-03-07 22:15Z', '2 hours', '2026-03-08 00:00'),
('@monthly', NULL, '2026-03-31 22:15Z', '2 hours', '2026-04-01 00:00'),
('@quarterly', NULL, '2026-03-31 22:15Z', '2 hours', '2026-04-01 00:00'),
('@quarterly', NULL, '2026-04-30 22:15Z', '2 hours', NULL),
('@yearly', NULL, '2026-12-31 22:15Z', '2 hours', '2027-01-01 00:00'),
('@annually', NULL, '2026-12-31 22:15Z', '2 hours', '2027-01-01 00:00'),
('@continuous', NULL, '2026-03-04 10:15Z', '1 hour', '2026-03-04 10:16'),
('@once', NULL, '2026-03-04 10:15Z', '7 days', NULL),
('None', NULL, '2026-03-04 10:15Z', '7 days', NULL),
('', NULL, '2026-03-04 10:15Z', '7 days', NULL),
('  ', NULL, '2026-03-04 10:15Z', '7 days', NULL),
(NULL, NULL, '2026-03-04 10:15Z', '7 days', NULL),
-- zones: UTC counts, too, since Airflow takes it
('0 9 * * *', 'Asia/Kolkata', '2026-03-04 01:00Z', '4 hours', '2026-03-04 03:30'),
('0 9 * * *', 'asia/kolkata', '2026-03-04 07:00Z', '4 hours', '2026-03-04 09:00'),
('0 9 * * *', 'America/New_York', '2026-03-04 12:00Z', '4 hours', '2026-03-04 14:00'),
('0 9 * * *', 'America/New_York', '2026-03-10 12:00Z', '4 hours', '2026-03-10 13:00'),
('0 0 1 * *', 'Pacific/Kiritimati', '2026-03-31 09:00Z', '4 hours', '2026-03-31 10:00'),
-- the clock skips 02:00 to 03:00 (01:00 in UTC), or repeats it
('30 2 * * *', 'Europe/Berlin', '2026-03-29 00:30Z', '1 hour', '2026-03-29 01:30'),
('30 2 * * *', 'Europe/Berlin', '2026-10-24 23:50Z', '1 hour', '2026-10-25 00:30'),
('30 2 * * *', 'Europe/Berlin', '2026-10-25 00:45Z', '1 hour', '2026-10-25 01:30'),
('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04 14:40Z', '30 minutes', '2026-04-04 14:45'),
-- what cannot be read is said
('60 * * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('* 24 * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 0 * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 32 * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * 13 *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * * 8', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * abc *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * * anf', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 jan * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('*/0 * * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('1, * * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('1-2-3 * * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * * * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 L * *', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('0 0 * * mon#2', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('@every 1h', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('{"cron": "* * * * *"}', NULL, '2026-03-04 10:15Z', '1 hour', 'schedule'),
('* * * * *', 'Mars/Olympus', '2026-03-04 10:15Z', '1 hour', 'time zone');
SELECT schedule, zone, at, expected, found
FROM cron_case
CROSS JOIN LATERAL (SELECT pg_temp.next_run(schedule, zone, at, length) AS found OFFSET 0) AS run
WHERE found IS DISTINCT FROM expected
  AND found NOT LIKE 'could not check: the ' || expected || ' of %';
SELECT count(*) AS cases, count(*) FILTER (WHERE expected ~ '^[0-9]') AS with_a_time FROM cron_case;

-- who reads what, and what is out of the question
SELECT what, pg_temp.next_run('0 9 * * *', 'Asia/Kolkata', '2026-03-04 03:00Z', '12 hours', client, config, pipeline) AS next
FROM (VALUES
    ('the earlier of the two', 'auto', '{}'::jsonb, '{}'::jsonb),
    ('Airflow: UTC', 'airflow', '{}', '{}'),
    ('Kubernetes: its zone', 'kubernetes', '{}', '{}'),
    ('not enabled', 'auto', '{}', '{"enabled": false}'),
    ('not deployed', 'auto', '{}', '{"deployed": false}'),
    ('deployed is not known', 'auto', '{}', '{"deployed": null}'),
    ('enabled is not known', 'auto', '{}', '{"enabled": null}'),
    ('deleted', 'auto', '{}', '{"deleted": true}'),
    ('deployed as paused', 'auto', '{"pausePipeline": true}', '{}'),
    ('starts before', 'auto', '{"startDate": "2026-03-04T02:00:00.000Z"}', '{}'),
    ('starts in the window', 'auto', '{"startDate": "2026-03-04T04:00:00.000Z"}', '{}'),
    ('starts when it comes up', 'auto', '{"startDate": "2026-03-04T09:00:00Z"}', '{}'),
    ('starts later', 'auto', '{"startDate": "2026-03-05"}', '{}'),
    ('Kubernetes knows no start', 'kubernetes', '{"startDate": "2026-03-05"}', '{}'),
    ('start cannot be read', 'auto', '{"startDate": "2026-02-31T99:99:99Z", "endDate": "soon"}', '{}'),
    ('ended a month ago', 'auto', '{"endDate": "2026-02-04T00:00:00Z"}', '{}'),
    ('ended a year ago', 'auto', '{"endDate": "2025-03-04T00:00:00Z"}', '{}'),
    ('ended: one run is owed', 'airflow', '{"endDate": "2026-03-03T10:00:00Z"}', '{}'),
    ('ended: none is owed', 'airflow', '{"endDate": "2026-03-03T08:00:00Z"}', '{}'),
    ('Kubernetes knows no end', 'kubernetes', '{"endDate": "2026-02-04T00:00:00Z"}', '{}')
) AS v (what, client, config, pipeline);

-- of a rare schedule the last interval before the end may end years later
SELECT schedule, at, ends, pg_temp.next_run(schedule, NULL, at, '1 day', client, jsonb_build_object('endDate', ends)) AS next
FROM (VALUES
    ('0 8 30 11 *', '2026-11-30 06:00Z'::timestamptz, '2026-06-30', 'airflow'),
    ('0 8 30 11 *', '2026-11-30 06:00Z', '2025-11-30T08:00:00Z', 'auto'),
    ('0 8 30 11 *', '2026-11-30 06:00Z', '2025-11-30T07:59:59Z', 'airflow'),
    ('0 8 30 11 *', '2026-11-30 06:00Z', '2020-01-01', 'airflow'),
    ('0 8 31 * *', '2026-05-31 06:00Z', '2026-03-31T09:00:00Z', 'airflow'),
    ('0 8 31 * *', '2026-05-31 06:00Z', '2026-03-31T07:00:00Z', 'airflow'),
    ('0 8 29 2 *', '2028-02-29 06:00Z', '2024-03-01', 'airflow'),
    ('0 8 29 2 *', '2104-02-29 06:00Z', '2096-03-01', 'airflow'),
    ('0 8 29 2 *', '2028-02-29 06:00Z', '2024-02-01', 'airflow'),
    ('0 8 30 2 *', '2028-02-29 06:00Z', '2024-02-01', 'airflow'),
    ('0 8 29 2 1', '2028-02-21 06:00Z', '2027-03-01', 'airflow'),
    ('0 8 29 2 1', '2028-02-21 06:00Z', '2028-02-15', 'airflow'),
    ('0 8 * * 1', '2026-03-09 06:00Z', '2026-03-02T08:00:00Z', 'airflow'),
    ('0 8 * * 1', '2026-03-09 06:00Z', '2026-03-02T07:00:00Z', 'airflow'),
    ('* * * * *', '2026-03-09 06:00Z', '2026-03-01', 'airflow'),
    ('* * 1-30 * *', '2026-03-09 06:00Z', '2025-03-09', 'airflow')
) AS v (schedule, at, ends, client);

-- against another way to the same: look at each minute and try each item.
-- What differs is shown with the seed.
CREATE FUNCTION pg_temp.names(field int) RETURNS text[] LANGUAGE sql AS $$
    SELECT CASE field WHEN 4 THEN '{zzz,jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'::text[]
                      WHEN 5 THEN '{sun,mon,tue,wed,thu,fri,sat,sun}'::text[] END
$$;
CREATE FUNCTION pg_temp.matches(items text, field int, value int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    item text;
    low int;
    high int;
    step int;
    last int := ('{59,23,31,12,6}'::int[])[field];
BEGIN
    FOREACH item IN ARRAY string_to_array(items, ',') LOOP
        step := COALESCE(NULLIF(split_part(item, '/', 2), '')::int, 1);
        IF split_part(item, '/', 1) = '*' THEN
            low := ('{0,0,1,1,0}'::int[])[field];
            high := last;
        ELSE
            low := COALESCE(array_position(pg_temp.names(field), split_part(split_part(item, '/', 1), '-', 1)) - 1,
                            split_part(split_part(item, '/', 1), '-', 1)::int);
            high := CASE WHEN strpos(item, '-') > 0
                         THEN COALESCE(array_position(pg_temp.names(field), split_part(split_part(item, '/', 1), '-', 2)) - 1,
                                       split_part(split_part(item, '/', 1), '-', 2)::int)
                         WHEN strpos(item, '/') > 0 THEN last
                         ELSE low END;
        END IF;
        WHILE low <= high LOOP
            IF low = value OR field = 5 AND low = 7 AND value = 0 THEN
                RETURN true;
            END IF;
            low := low + step;
        END LOOP;
    END LOOP;
    RETURN false;
END
$$;
CREATE FUNCTION pg_temp.brute_force(schedule text, zone text, at timestamptz, length interval)
RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    f text[] := string_to_array(schedule, ' ');
    t timestamptz := date_trunc('minute', at);
    l timestamp;
    minutes boolean[] := ARRAY(SELECT pg_temp.matches(f[1], 1, n) FROM generate_series(0, 59) AS n);
    hours boolean[] := ARRAY(SELECT pg_temp.matches(f[2], 2, n) FROM generate_series(0, 23) AS n);
BEGIN
    LOOP
        t := t + interval '1 minute';
        EXIT WHEN t > at + length;
        l := t AT TIME ZONE zone;
        CONTINUE WHEN NOT minutes[extract(minute FROM l)::int + 1] OR NOT hours[extract(hour FROM l)::int + 1]
            OR NOT pg_temp.matches(f[4], 4, extract(month FROM l)::int);
        IF f[3] = '*' OR f[5] = '*' THEN
            CONTINUE WHEN NOT pg_temp.matches(f[3], 3, extract(day FROM l)::int)
                OR NOT pg_temp.matches(f[5], 5, extract(dow FROM l)::int);
        ELSE
            CONTINUE WHEN NOT pg_temp.matches(f[3], 3, extract(day FROM l)::int)
                AND NOT pg_temp.matches(f[5], 5, extract(dow FROM l)::int);
        END IF;
        RETURN t;
    END LOOP;
    RETURN NULL;
END
$$;
CREATE FUNCTION pg_temp.random_field(field int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    least int := ('{0,0,1,1,0}'::int[])[field];
    most int := ('{59,23,31,12,7}'::int[])[field];
    result text;
    low int;
    high int;
BEGIN
    IF random() < ('{0.1,0.3,0.5,0.7,0.5}'::float[])[field] THEN
        RETURN '*';
    END IF;
    FOR n IN 1 .. 1 + trunc(random() * 2)::int LOOP
        low := least + trunc(random() * (most - least + 1))::int;
        high := low + trunc(random() * (most - low + 1))::int;
        result := concat_ws(',', result,
            CASE trunc(random() * 5)::int
                WHEN 0 THEN low::text
                WHEN 1 THEN low || '-' || high
                WHEN 2 THEN low || '-' || high || '/' || 1 + trunc(random() * 7)::int
                WHEN 3 THEN '*/' || 1 + trunc(random() * 9)::int
                ELSE COALESCE((pg_temp.names(field))[low + 1], low::text)
            END);
    END LOOP;
    RETURN result;
END
$$;
SELECT trunc(extract(epoch FROM clock_timestamp()))::bigint % 1000000 AS seed \gset
SELECT setseed(:seed / 1000000.0) \g /dev/null
CREATE TEMP TABLE moment AS
    SELECT timestamptz '2024-02-27 00:00Z' + random() * interval '2 years' AS at;
DELETE FROM ingestion_pipeline_entity;
INSERT INTO ingestion_pipeline_entity
    SELECT n::text, jsonb_build_object('fullyQualifiedName', n::text, 'deployed', true, 'airflowConfig', jsonb_build_object(
               'scheduleInterval', concat_ws(' ', pg_temp.random_field(1), pg_temp.random_field(2), pg_temp.random_field(3),
                                             pg_temp.random_field(4), pg_temp.random_field(5)),
               'pipelineTimezone', (ARRAY['UTC', 'Asia/Kolkata', 'Asia/Tokyo'])[1 + n % 3]))
    FROM generate_series(1, 60) AS n;
SELECT :seed AS seed, moment.at, schedule, zone, due.next, expected.next AS expected, due.problem
FROM moment, ingestion_pipeline_entity AS entity
CROSS JOIN LATERAL (SELECT json #>> '{airflowConfig,scheduleInterval}', json #>> '{airflowConfig,pipelineTimezone}') AS c (schedule, zone)
LEFT JOIN (SELECT due.* FROM moment, pg_temp.due(at, '30 hours', 'kubernetes') AS due) AS due ON due.fqn = fqnhash
CROSS JOIN LATERAL (SELECT pg_temp.brute_force(schedule, zone, moment.at, '30 hours') AS next) AS expected
WHERE due.problem IS NOT NULL OR due.next IS DISTINCT FROM expected.next;
DROP TABLE ingestion_pipeline_entity, source;
RESET TimeZone;
RESET DateStyle;

-- with the tables of OpenMetadata: nothing is due
\x on
SELECT level, status, message FROM pg_temp.report('pipelines_about_to_fire');
-- a schedule of each kind
CREATE PROCEDURE pg_temp.schedule(place int, config jsonb, pipeline jsonb DEFAULT '{}')
LANGUAGE sql AS $$
    UPDATE openmetadata.ingestion_pipeline_entity AS entity
    SET json = jsonb_set(entity.json::jsonb || schedule.pipeline, '{airflowConfig}',
                         entity.json::jsonb -> 'airflowConfig' || schedule.config)::json
    FROM (SELECT fqnhash, row_number() OVER (ORDER BY json ->> 'fullyQualifiedName' COLLATE "C") AS place
          FROM openmetadata.ingestion_pipeline_entity) AS pipeline
    WHERE pipeline.place = schedule.place AND entity.fqnhash = pipeline.fqnhash
$$;
SELECT jsonb_build_object('scheduleInterval', to_char(now() AT TIME ZONE 'UTC' + interval '61 minutes', 'MI HH24 "* * *"')) AS soon \gset
BEGIN;
CALL pg_temp.schedule(3, :'soon');
CALL pg_temp.schedule(2, :'soon');
CALL pg_temp.schedule(4, :'soon', '{"enabled": false}');
CALL pg_temp.schedule(5, :'soon', '{"deployed": false}');
CALL pg_temp.schedule(6, :'soon', '{"deleted": true}');
CALL pg_temp.schedule(7, :'soon'::jsonb || '{"pausePipeline": true}');
CALL pg_temp.schedule(8, '{"scheduleInterval": "every now and then"}');
CALL pg_temp.schedule(9, :'soon'::jsonb || '{"pipelineTimezone": "Europe/Atlantis"}');
SELECT * FROM pg_temp.report('pipelines_about_to_fire');
SELECT data ->> 'pipelines' AS pipelines, data ->> 'schedules' AS schedules,
       (data ->> 'first_at')::timestamptz BETWEEN now() + interval '1 hour' AND now() + interval '61 minutes' AS in_time,
       data #>> '{first,0,pipeline}' AS first
FROM upgrade_prereq_findings(include => '{pipelines_about_to_fire}') WHERE level = 'warning' AND status = 'found';
-- the window is a setting
SET LOCAL upgrade_prereq.maintenance_window = '1h';
SELECT level, status, message FROM pg_temp.report('pipelines_about_to_fire') WHERE status <> 'unknown';
SET LOCAL upgrade_prereq.maintenance_window = 0;
SELECT level, status, message FROM pg_temp.report('pipelines_about_to_fire') WHERE status <> 'unknown';
ROLLBACK;
-- a document that cannot be read hides none of the others
BEGIN;
CALL pg_temp.schedule(2, :'soon');
DO $$
DECLARE
    col name;
BEGIN
    -- it could not even be stored
    FOR col IN SELECT attname FROM pg_attribute
               WHERE attrelid = 'openmetadata.ingestion_pipeline_entity'::regclass AND attgenerated <> '' LOOP
        EXECUTE format('ALTER TABLE openmetadata.ingestion_pipeline_entity ALTER %I DROP EXPRESSION', col);
    END LOOP;
END
$$;
UPDATE openmetadata.ingestion_pipeline_entity SET json = '{"name": "\u0000"}' WHERE name LIKE 'OpenMetadata_app%';
SELECT level, status, object_identity, message, detail FROM pg_temp.report('pipelines_about_to_fire');
ROLLBACK;
SELECT status FROM pg_temp.report('pipelines_about_to_fire');

--
-- apps_about_to_fire
--

SELECT level, status, message FROM pg_temp.report('apps_about_to_fire');
BEGIN;
UPDATE openmetadata.qrtz_triggers SET next_fire_time = CASE job_name
    WHEN (SELECT min(job_name COLLATE "C") FROM openmetadata.qrtz_triggers) THEN pg_temp.ago('-1 hour')
    ELSE pg_temp.ago('1 hour') END;
UPDATE openmetadata.qrtz_triggers SET trigger_state = 'PAUSED'
WHERE job_name = (SELECT max(job_name COLLATE "C") FROM openmetadata.qrtz_triggers);
SELECT count(*) AS triggers FROM openmetadata.qrtz_triggers;
SELECT * FROM pg_temp.report('apps_about_to_fire');
SET LOCAL upgrade_prereq.maintenance_window = '50min';
SELECT message FROM pg_temp.report('apps_about_to_fire');
UPDATE openmetadata.qrtz_triggers SET next_fire_time = -1;
SELECT status FROM pg_temp.report('apps_about_to_fire');
UPDATE openmetadata.qrtz_triggers SET next_fire_time = NULL;
SELECT status FROM pg_temp.report('apps_about_to_fire');
ROLLBACK;

--
-- pipelines_without_service
--

SELECT level, status, message FROM pg_temp.report('pipelines_without_service');
-- a deleted pipeline, and one whose service is deleted, are as they should be
UPDATE openmetadata.ingestion_pipeline_entity SET json = jsonb_set(json::jsonb, '{deleted}', 'true')::json
WHERE json ->> 'name' LIKE 'kafka_events%';
UPDATE openmetadata.messaging_service_entity SET json = jsonb_set(json::jsonb, '{deleted}', 'true');
UPDATE openmetadata.entity_relationship SET deleted = true WHERE fromentity = 'messagingService';
SELECT status FROM pg_temp.report('pipelines_without_service');
CREATE TEMP TABLE edges AS SELECT * FROM openmetadata.entity_relationship;
DELETE FROM openmetadata.entity_relationship AS edge
USING openmetadata.ingestion_pipeline_entity AS entity
WHERE edge.toid = entity.id AND edge.relation = 0
  AND (entity.json ->> 'name' LIKE 'kafka_events%' OR entity.json ->> 'name' LIKE 'prod.postgres.eu_metadata%'
       OR entity.json ->> 'name' LIKE '%TestSuite%');
SELECT level, status, object_identity, message, regexp_replace(detail, '[0-9a-f-]{36}', 'ID', 'g') AS detail,
       regexp_replace(hint, '[0-9a-f-]{36}', 'ID', 'g') AS hint, can_fix
FROM pg_temp.report('pipelines_without_service');
CREATE TEMP TABLE planted AS SELECT * FROM upgrade_prereq_findings(include => '{pipelines_without_service}');
SELECT regexp_replace(fix_sql, '[0-9a-f-]{36}', 'ID', 'g') AS fix_sql,
       regexp_replace(undo_sql, '[0-9a-f-]{36}', 'ID', 'g') AS undo_sql FROM planted LIMIT 1;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM planted \gexec
\o
\set ECHO all
SELECT status FROM pg_temp.report('pipelines_without_service');
-- the edges are those that were there
SELECT count(*) AS differences
FROM (SELECT fromid, toid, fromentity, toentity, relation FROM edges
      EXCEPT SELECT fromid, toid, fromentity, toentity, relation FROM openmetadata.entity_relationship) AS missing;
\set ECHO none
\o /dev/null
SELECT undo_sql FROM planted \gexec
\o
\set ECHO all
SELECT count(*) AS found FROM pg_temp.report('pipelines_without_service') WHERE can_fix;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM planted \gexec
\o
\set ECHO all
DROP TABLE planted;
-- a name that tells nothing: no fix; a service that is gone
BEGIN;
DELETE FROM openmetadata.entity_relationship AS edge
USING openmetadata.ingestion_pipeline_entity AS entity
WHERE edge.toid = entity.id AND edge.relation = 0 AND entity.json ->> 'name' LIKE 'kafka_events%';
DELETE FROM openmetadata.messaging_service_entity;
DELETE FROM openmetadata.dashboard_service_entity;
SELECT level, status, message, regexp_replace(detail, '[0-9a-f-]{36}', 'ID', 'g') AS detail, hint, can_fix
FROM pg_temp.report('pipelines_without_service');
ROLLBACK;
-- the name is that of one service, the type of another: no fix
BEGIN;
DELETE FROM openmetadata.entity_relationship AS edge
USING openmetadata.ingestion_pipeline_entity AS entity
WHERE edge.toid = entity.id AND edge.relation = 0 AND entity.json ->> 'name' LIKE 'kafka_events%';
UPDATE openmetadata.ingestion_pipeline_entity
SET json = jsonb_set(json::jsonb, '{sourceConfig,config,type}', '"SearchMetadata"')::json WHERE json ->> 'name' LIKE 'kafka_events%';
SELECT regexp_replace(hint, '[0-9a-f-]{36}', 'ID', 'g') AS hint, can_fix FROM pg_temp.report('pipelines_without_service');
ROLLBACK;
-- through an index
BEGIN;
SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables
WHERE schemaname = 'openmetadata' AND relname = 'entity_relationship' \gset
SELECT status FROM pg_temp.report('pipelines_without_service');
SELECT seq_scan - :seq_scan AS seq_scan, idx_scan > :idx_scan AS by_index FROM pg_stat_xact_user_tables
WHERE schemaname = 'openmetadata' AND relname = 'entity_relationship';
ROLLBACK;

--
-- stuck_ingestion_pipelines: what it makes of verdicts that take Airflow; the
-- others are in runs.sql.
--

\set query `cat "$UPGRADE_PREREQ_FIXTURE/../src/checks/stuck_ingestion_pipelines.sql"`
CREATE TEMP TABLE source AS SELECT :'query' AS query;
CREATE FUNCTION pg_temp.findings_of(runs jsonb)
RETURNS TABLE (status text, level text, object_identity text, message text, detail text, hint text, can_fix boolean, data jsonb)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('WITH fact AS (SELECT ''x''::name AS schema_name, %L::jsonb AS runs)'
                                ' SELECT status, level, object_identity, message, detail, hint, fix_sql IS NOT NULL, data'
                                ' FROM (%s) AS finding', runs, (SELECT query FROM source));
END
$$;
SELECT * FROM pg_temp.findings_of(jsonb_build_array(
    '{"kind": "ingestion_pipeline", "name": "s.a", "run_id": "1", "state": "running", "verdict": "finished_elsewhere", "confidence": "high",
      "evidence": "It ended.", "fix_sql": "x", "undo_sql": "y", "data": {"service": "s", "newest": true}}'::jsonb,
    '{"kind": "ingestion_pipeline", "name": "s.a", "run_id": "0", "state": "running", "verdict": "finished_elsewhere", "confidence": "medium",
      "evidence": "It ended.", "corrected_state": "success", "fix_sql": "x", "data": {"service": "s", "newest": true}}'::jsonb,
    '{"kind": "ingestion_pipeline", "name": "s.b", "run_id": "2", "state": "running", "verdict": "orphaned", "confidence": "medium",
      "evidence": "It is gone.", "fix_sql": "x", "data": {"service": "s", "newest": true}}'::jsonb,
    '{"kind": "ingestion_pipeline", "name": "s.b", "run_id": "2", "state": "queued", "verdict": "orphaned", "confidence": "medium",
      "evidence": "No DAG.", "fix_sql": "x", "data": {"service": "s", "newest": true, "airflow": {"rule": 5}}}'::jsonb,
    '{"kind": "ingestion_pipeline", "name": "s.c", "run_id": "3", "state": "running", "verdict": "unknown", "confidence": "low",
      "evidence": "Its heartbeat is suspect.", "started_at": "2026-01-01", "data": {"service": "s", "newest": true}}'::jsonb,
    '{"kind": "ingestion_pipeline", "name": "s.c", "run_id": "4", "state": "running", "verdict": "superseded", "confidence": "high",
      "evidence": "x", "started_at": "2026-01-01", "data": {"service": "s", "newest": false}}'::jsonb,
    '{"kind": "ingestion_pipeline", "name": "s.d", "run_id": "5", "state": "running", "verdict": "unknown", "confidence": "low",
      "evidence": "Its heartbeat is suspect.", "data": {"service": "s", "newest": false, "airflow": {"rule": 18}}}'::jsonb,
    '{"kind": "airflow", "name": "af", "verdict": "unknown", "data": {"sqlstate": "08001", "hint": "Look."},
      "evidence": "could not look: could not connect to server \"af\" (SQLSTATE 08001)"}'::jsonb));
-- history of which it is not certain that nothing is at work
SELECT level, detail, hint FROM pg_temp.findings_of('[
    {"kind": "ingestion_pipeline", "name": "s.a", "verdict": "superseded", "confidence": "medium", "data": {"newest": false}},
    {"kind": "ingestion_pipeline", "name": "s.a", "verdict": "unknown", "confidence": "low", "data": {"newest": false}}]');
DROP TABLE source;

--
-- status_without_pipeline
--

SELECT level, status, message FROM pg_temp.report('status_without_pipeline');
BEGIN;
DELETE FROM openmetadata.ingestion_pipeline_entity
WHERE json ->> 'name' LIKE 'kafka_events%' OR json ->> 'name' LIKE 'prod.postgres.eu_metadata%';
UPDATE openmetadata.entity_extension_time_series AS series
SET json = series.json || '{"pipelineState": "running"}'
WHERE NOT EXISTS (SELECT FROM openmetadata.ingestion_pipeline_entity AS entity WHERE entity.fqnhash = series.entityfqnhash)
  AND extension = 'ingestionPipeline.pipelineStatus'
  AND "timestamp" = (SELECT max(newest."timestamp") FROM openmetadata.entity_extension_time_series AS newest
                     WHERE newest.entityfqnhash = series.entityfqnhash AND newest.extension = 'ingestionPipeline.pipelineStatus')
  AND entityfqnhash = (SELECT min(orphan.entityfqnhash) FROM openmetadata.entity_extension_time_series AS orphan
                       WHERE orphan.extension = 'ingestionPipeline.pipelineStatus'
                         AND NOT EXISTS (SELECT FROM openmetadata.ingestion_pipeline_entity AS entity
                                         WHERE entity.fqnhash = orphan.entityfqnhash));
SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables
WHERE schemaname = 'openmetadata' AND relname = 'entity_extension_time_series' \gset
SELECT * FROM pg_temp.report('status_without_pipeline');
SELECT data - 'keys' - 'newest' AS data, jsonb_array_length(data -> 'keys') AS keys
FROM upgrade_prereq_findings(include => '{status_without_pipeline}', deep => true);
SELECT seq_scan - :seq_scan AS seq_scan, idx_scan > :idx_scan AS by_index FROM pg_stat_xact_user_tables
WHERE schemaname = 'openmetadata' AND relname = 'entity_extension_time_series';
ROLLBACK;

--
-- stuck_app_runs
--

SELECT level, status, message FROM pg_temp.report('stuck_app_runs');
INSERT INTO openmetadata.apps_extension_time_series (json, extension)
SELECT jsonb_build_object('appId', id, 'appName', json ->> 'name', 'status', state,
                          'timestamp', pg_temp.ago(age), 'startTime', pg_temp.ago(age)), 'status'
FROM (SELECT *, row_number() OVER (ORDER BY name COLLATE "C") AS place FROM openmetadata.installed_apps) AS app
JOIN (VALUES (1, 'running', interval '3 days'), (1, 'running', interval '2 days'), (2, 'started', interval '3 hours'),
             (2, 'weird', interval '5 hours')) AS v (which, state, age)
    ON which = place;
SELECT * FROM pg_temp.report('stuck_app_runs');
CREATE TEMP TABLE planted AS SELECT * FROM upgrade_prereq_findings(include => '{stuck_app_runs}', deep => true);
CREATE TEMP TABLE before AS SELECT * FROM openmetadata.apps_extension_time_series;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM planted WHERE fix_sql IS NOT NULL \gexec
\o
\set ECHO all
SELECT message FROM pg_temp.report('stuck_app_runs');
\set ECHO none
\o /dev/null
SELECT undo_sql FROM planted WHERE undo_sql IS NOT NULL \gexec
\o
\set ECHO all
SELECT count(*) AS differences FROM ((TABLE before EXCEPT ALL TABLE openmetadata.apps_extension_time_series)
                                     UNION ALL (TABLE openmetadata.apps_extension_time_series EXCEPT ALL TABLE before)) AS d;
DELETE FROM openmetadata.apps_extension_time_series WHERE json ->> 'status' IN ('running', 'started', 'weird');
DROP TABLE planted, before;
SELECT status FROM pg_temp.report('stuck_app_runs');

--
-- stuck_workflows
--

SELECT level, status, message FROM pg_temp.report('stuck_workflows');
INSERT INTO openmetadata.automations_workflow (json, namehash)
SELECT jsonb_build_object('id', gen_random_uuid(), 'name', 'test-connection-' || n, 'workflowType', 'TEST_CONNECTION',
                          'status', 'Pending', 'updatedAt', pg_temp.ago('3 days'), 'updatedBy', 'admin', 'deleted', false), 'planted' || n
FROM generate_series(1, 2) AS n;
INSERT INTO openmetadata.workflow_instance_time_series (entityfqnhash, jsonschema, json)
SELECT 'planted', 'workflowInstance', jsonb_build_object('id', gen_random_uuid(), 'workflowDefinitionId', definition,
           'startedAt', pg_temp.ago('9 days'), 'timestamp', pg_temp.ago('9 days'), 'status', 'RUNNING')
FROM (SELECT id AS definition FROM openmetadata.workflow_definition_entity UNION ALL SELECT 'gone') AS v
CROSS JOIN generate_series(1, 2);
INSERT INTO openmetadata.workflow_instance_state_time_series (entityfqnhash, jsonschema, json)
SELECT 'planted', 'workflowInstanceState', json || jsonb_build_object('id', gen_random_uuid(), 'status', 'RUNNING')
FROM (SELECT json FROM openmetadata.workflow_instance_state_time_series ORDER BY "timestamp" LIMIT 1) AS state;
SELECT * FROM pg_temp.report('stuck_workflows');
CREATE TEMP TABLE planted AS SELECT * FROM upgrade_prereq_findings(include => '{stuck_workflows}', deep => true);
\set ECHO none
\o /dev/null
SELECT fix_sql FROM planted WHERE fix_sql IS NOT NULL \gexec
\o
\set ECHO all
SELECT message FROM pg_temp.report('stuck_workflows');
DELETE FROM openmetadata.automations_workflow WHERE namehash LIKE 'planted%';
DELETE FROM openmetadata.workflow_instance_time_series WHERE entityfqnhash = 'planted';
DELETE FROM openmetadata.workflow_instance_state_time_series WHERE entityfqnhash = 'planted';
DROP TABLE planted;
SELECT status FROM pg_temp.report('stuck_workflows');

--
-- stuck_jobs
--

SELECT level, status, message FROM pg_temp.report('stuck_jobs');
INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat)
SELECT 'CUSTOM_PROPERTY_ENUM_CLEANUP', 'enumCleanupHandler', '{}', state, 'admin', pg_temp.ago('2 days'), pg_temp.ago('2 days')
FROM unnest('{RUNNING,RUNNING,PENDING}'::text[]) AS state;
INSERT INTO openmetadata.search_index_job (id, status, jobconfiguration, totalrecords, processedrecords, successrecords,
                                           failedrecords, createdby, createdat, startedat, updatedat)
VALUES ('planted', 'RUNNING', '{}', 1000, 10, 10, 0, 'admin', pg_temp.ago('1 day'), pg_temp.ago('1 day'), pg_temp.ago('1 day'));
INSERT INTO openmetadata.qrtz_job_details (sched_name, job_name, job_group, job_class_name, is_durable,
                                           is_nonconcurrent, is_update_data, requests_recovery)
VALUES ('OpenMetadataScheduler', 'SearchIndexingApplication-OnDemandJob', 'OMAppsJobGroup', 'x', false, false, false, false);
SELECT * FROM pg_temp.report('stuck_jobs');
-- accepted, but no more of them
BEGIN;
SELECT count(upgrade_prereq_acknowledge(finding_key, 'known')) AS acknowledged
FROM upgrade_prereq_findings(include => '{stuck_jobs}') WHERE object_identity LIKE 'background_job%stuck';
SELECT status, message FROM pg_temp.report('stuck_jobs') WHERE object_identity LIKE 'background_job%stuck';
INSERT INTO openmetadata.background_jobs (jobtype, methodname, jobargs, status, createdby, createdat, updatedat)
SELECT jobtype, methodname, jobargs, status, createdby, createdat, updatedat FROM openmetadata.background_jobs WHERE status = 'RUNNING' LIMIT 1;
SELECT status, message FROM pg_temp.report('stuck_jobs') WHERE object_identity LIKE 'background_job%stuck';
ROLLBACK;
-- the upgrade that empties Quartz's tables
SELECT level, message FROM upgrade_prereq_findings('1.14.0', include => '{stuck_jobs}') WHERE object_type LIKE '%scheduler';
DELETE FROM openmetadata.server_change_log WHERE version LIKE '1.13%';
SELECT level, message FROM upgrade_prereq_findings('1.13.4', include => '{stuck_jobs}') WHERE object_type LIKE '%scheduler';
CREATE TEMP TABLE planted AS SELECT * FROM upgrade_prereq_findings(include => '{stuck_jobs}');
\set ECHO none
\o /dev/null
SELECT fix_sql FROM planted WHERE fix_sql IS NOT NULL \gexec
\o
\set ECHO all
SELECT message FROM pg_temp.report('stuck_jobs');
DELETE FROM openmetadata.background_jobs WHERE status IN ('RUNNING', 'PENDING');
DELETE FROM openmetadata.search_index_job WHERE id = 'planted';
DELETE FROM openmetadata.qrtz_job_details WHERE job_name LIKE '%OnDemand%';
DROP TABLE planted;
SELECT status FROM pg_temp.report('stuck_jobs');

--
-- held_locks; that of a search re-index is in runs.sql
--

INSERT INTO openmetadata.rdf_reindex_lock (lockkey, jobid, serverid, acquiredat, lastheartbeat, expiresat)
VALUES ('RDF_REINDEX_LOCK', 'job', 'pod one', pg_temp.ago('1 hour'), pg_temp.ago('1 minute'), pg_temp.ago('-4 minutes'));
INSERT INTO openmetadata.entity_deletion_lock (id, entityid, entitytype, entityfqn, locktype, lockedby, lockedat)
VALUES (gen_random_uuid(), gen_random_uuid(), 'table', 'a.b.c.d', 'DELETE_IN_PROGRESS', 'admin', now() AT TIME ZONE 'UTC' - interval '9 days');
SELECT * FROM pg_temp.report('held_locks');
DELETE FROM openmetadata.rdf_reindex_lock;
DELETE FROM openmetadata.entity_deletion_lock;
SELECT status FROM pg_temp.report('held_locks');

--
-- What cannot be looked at is unknown, with the GRANT.
--

CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA openmetadata TO regress_reader;
GRANT SELECT ON openmetadata.server_change_log TO regress_reader;
SET ROLE regress_reader;
SELECT check_id, level, status, object_identity, message, detail, fix_sql
FROM upgrade_prereq_findings(include => '{stuck_app_runs,stuck_workflows,stuck_jobs,held_locks,pipelines_about_to_fire,apps_about_to_fire,pipelines_without_service,status_without_pipeline,stuck_ingestion_pipelines}', deep => true)
WHERE status <> 'passed';
RESET ROLE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
\x off

-- in the oldest era the full name itself is kept
\set era 1.0
\i :setup
BEGIN;
DELETE FROM openmetadata.ingestion_pipeline_entity WHERE json ->> 'name' LIKE 'kafka_events%' OR json ->> 'name' LIKE 'prod.postgres.eu_metadata%';
SELECT level, status, message, detail FROM pg_temp.report('status_without_pipeline');
ROLLBACK;
DELETE FROM openmetadata.entity_relationship WHERE toentity = 'ingestionPipeline' AND relation = 0;
SELECT level, count(*), bool_and(can_fix) AS can_fix FROM pg_temp.report('pipelines_without_service') GROUP BY level;
\set ECHO none
\o /dev/null
SELECT fix_sql FROM upgrade_prereq_findings(include => '{pipelines_without_service}') \gexec
\o
\set ECHO all
SELECT status FROM pg_temp.report('pipelines_without_service');

DROP FUNCTION pg_temp.report(text);
\i :teardown
