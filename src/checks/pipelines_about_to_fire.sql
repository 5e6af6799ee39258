-- id: pipelines_about_to_fire
-- title: no schedule starts an ingestion pipeline during the maintenance window
-- category: runs
-- level: warning
-- cost: light
-- versions: all
-- needs: ingestion_pipeline_entity (json, fqnhash | fullyqualifiedname)
-- passed: no ingestion pipeline is scheduled to start during the maintenance window
--
-- The scheduler (Airflow, Kubernetes) does not stop with OpenMetadata.  A run
-- that it starts meanwhile does not reach the server, and what it reported as
-- running stays so for good.  The window begins now and is as long as the
-- setting upgrade_prereq.maintenance_window says.
--
-- `airflowConfig` (OpenMetadata's ingestionPipeline.json) has the schedule: a
-- cron expression of five fields, or a name such as @daily.  Read as Airflow's
-- croniter reads it: where day of month and day of week are both restricted,
-- one of them is enough; 7 is Sunday, too.  Each distinct schedule is worked
-- out once.  OpenMetadata's Airflow plug-in (build_dag_configs) does not hand
-- on `pipelineTimezone`, so that Airflow takes a schedule as UTC; the
-- Kubernetes runner (K8sPipelineClient, buildCronJob) does.  Which of them
-- runs the pipelines is not in the database, so the earlier of the two times
-- counts, unless the setting upgrade_prereq.pipeline_service_client tells.  A
-- time that the clock skips or repeats counts in every reading.
--
-- Out of the question are pipelines that are deleted, not deployed, not
-- enabled, or whose `startDate` comes later; behind `endDate` Airflow runs the
-- last interval that began before it (CronDataIntervalTimetable), which of a rare
-- schedule may end years later.  Those that
-- were deployed with `pausePipeline` may have been resumed in Airflow since.
-- Kubernetes knows none of these three.
WITH clock AS (
    SELECT fact.now, fact.now + fact.maintenance_window AS window_end
    FROM fact
),
entity AS MATERIALIZED (
    SELECT entity.@fqnhash@::text AS key,
           readable.document,
           COALESCE(readable.document ->> 'fullyQualifiedName', entity.@fqnhash@) AS fqn,
           btrim(readable.document #>> '{airflowConfig,scheduleInterval}', E' \t\r\n') AS schedule
    FROM fact, @schema@.ingestion_pipeline_entity AS entity
    -- many keys are read, and json would be parsed for each
    CROSS JOIN LATERAL (
        SELECT CASE WHEN @unreadable(entity.json)@ THEN NULL ELSE entity.json::jsonb END AS document
        OFFSET 0
    ) AS readable
),
pipeline AS MATERIALIZED (
    SELECT entity.fqn, entity.schedule, zone.own AS zone,
           CASE fact.pipeline_service_client WHEN 'kubernetes' THEN zone.own ELSE 'UTC' END AS other_zone,
           fact.pipeline_service_client <> 'kubernetes'
           AND COALESCE(entity.document #>> '{airflowConfig,pausePipeline}', '') = 'true' AS paused,
           -- the first run after this is the next one
           CASE WHEN fact.pipeline_service_client = 'kubernetes' THEN clock.now
                ELSE GREATEST(LEAST(clock.now, bound.ends_at), bound.starts_at - interval '1 microsecond')
           END AS after
    FROM fact, clock, entity
    CROSS JOIN LATERAL (
        SELECT CASE fact.pipeline_service_client WHEN 'airflow' THEN 'UTC'
                    ELSE COALESCE(NULLIF(entity.document #>> '{airflowConfig,pipelineTimezone}', ''), 'UTC')
               END AS own
    ) AS zone
    -- a time that cannot be read is no bound
    CROSS JOIN LATERAL (
        SELECT max(moment.at) FILTER (WHERE key = 'startDate') AS starts_at,
               max(moment.at) FILTER (WHERE key = 'endDate') AS ends_at
        FROM unnest('{startDate,endDate}'::text[]) AS key,
             regexp_match(entity.document #>> ARRAY['airflowConfig', key],
                          '^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
                          '(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?(?:Z|\+00:00))?$') AS part,
             LATERAL (SELECT (timestamp '2000-01-01'
                              + make_interval(part[1]::int - 2000, part[2]::int - 1, 0, part[3]::int - 1,
                                              COALESCE(part[4], '0')::int, COALESCE(part[5], '0')::int,
                                              COALESCE(part[6], '0')::int)) AT TIME ZONE 'UTC') AS moment (at)
    ) AS bound
    WHERE COALESCE(entity.document ->> 'deleted', '') <> 'true'
      AND entity.document ->> 'deployed' = 'true'
      AND COALESCE(entity.document ->> 'enabled', '') <> 'false'
      AND lower(entity.schedule) NOT IN ('', 'none', 'null', '@once')
),
expression AS MATERIALIZED (
    SELECT schedule,
           regexp_split_to_array(COALESCE(preset.cron, lower(schedule)), '\s+') AS fields
    FROM (SELECT DISTINCT schedule FROM pipeline) AS distinct_schedule
    LEFT JOIN (VALUES ('@continuous', '* * * * *'),
                      ('@hourly', '0 * * * *'),
                      ('@daily', '0 0 * * *'),
                      ('@midnight', '0 0 * * *'),
                      ('@weekly', '0 0 * * 0'),
                      ('@monthly', '0 0 1 * *'),
                      ('@quarterly', '0 0 1 */3 *'),
                      ('@yearly', '0 0 1 1 *'),
                      ('@annually', '0 0 1 1 *')) AS preset (name, cron)
        ON preset.name = lower(schedule)
),
-- the items of a field are "low-high/step", or what is short for it
item AS (
    SELECT part_of.place, part_of.field,
           known.low AS lowest, known.highest, known.high - known.low + 1 AS size,
           CASE WHEN part[1] IS NOT NULL THEN known.low ELSE number.low END AS low,
           CASE WHEN part[1] IS NOT NULL THEN known.high
                WHEN part[3] IS NOT NULL THEN number.high
                WHEN part[4] IS NOT NULL THEN known.high
                ELSE number.low
           END AS high,
           NULLIF(COALESCE(part[4], '1')::int, 0) AS step
    FROM (SELECT DISTINCT place, fields[place] AS field FROM expression, generate_series(1, 5) AS place) AS part_of
    JOIN (VALUES (1, 0, 59, 59, ''),
                 (2, 0, 23, 23, ''),
                 (3, 1, 31, 31, ''),
                 (4, 1, 12, 12, 'janfebmaraprmayjunjulaugsepoctnovdec'),
                 (5, 0, 6, 7, 'sunmontuewedthufrisat')) AS known (place, low, high, highest, names)
        ON known.place = part_of.place
    CROSS JOIN LATERAL unnest(string_to_array(part_of.field, ',')) AS text
    CROSS JOIN LATERAL regexp_match(text, '^(?:([*?])|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:/([0-9]{1,2}))?$') AS part
    CROSS JOIN LATERAL (
        SELECT max(value) FILTER (WHERE nth = 2) AS low, max(value) FILTER (WHERE nth = 3) AS high
        FROM generate_series(2, 3) AS nth
        CROSS JOIN LATERAL (
            SELECT CASE WHEN part[nth] ~ '^[0-9]' THEN part[nth]::int
                        WHEN strpos(known.names, part[nth]) % 3 = 1 THEN strpos(known.names, part[nth]) / 3 + known.low
                   END) AS named (value)
    ) AS number
),
field AS MATERIALIZED (
    SELECT place, field,
           bool_and(is_sound) AS is_valid,
           array_agg(DISTINCT value) AS members
    FROM (SELECT item.*,
                 COALESCE(low BETWEEN lowest AND highest AND high BETWEEN lowest AND highest AND step IS NOT NULL,
                          false) AS is_sound
          FROM item) AS sound
    -- a range may go over the end; 7 is 0
    LEFT JOIN LATERAL (
        SELECT lowest + (n - lowest) % size AS value
        FROM generate_series(low, CASE WHEN high < low THEN high + size ELSE high END, step) AS n
    ) AS series ON is_sound
    GROUP BY place, field
),
cron AS MATERIALIZED (
    SELECT expression.schedule,
           COALESCE(array_length(fields, 1) = 5 AND minute.is_valid AND hour.is_valid AND day.is_valid
                    AND month.is_valid AND weekday.is_valid, false) AS is_valid,
           fields[3] IN ('*', '?') OR fields[5] IN ('*', '?') AS is_both_days,
           minute.members AS minutes, hour.members AS hours, day.members AS days, month.members AS months,
           weekday.members AS weekdays,
           -- it comes up at least as often: 29 February is eight years apart where
           -- a century has none
           CASE WHEN array_length(day.members, 1) = 31 AND array_length(month.members, 1) = 12 THEN interval '9 days'
                WHEN month.members = '{2}' AND day.members <@ '{29,30,31}' THEN interval '3000 days'
                ELSE interval '400 days'
           END AS longest_gap
    FROM expression
    LEFT JOIN field AS minute ON minute.place = 1 AND minute.field = fields[1]
    LEFT JOIN field AS hour ON hour.place = 2 AND hour.field = fields[2]
    LEFT JOIN field AS day ON day.place = 3 AND day.field = fields[3]
    LEFT JOIN field AS month ON month.place = 4 AND month.field = fields[4]
    LEFT JOIN field AS weekday ON weekday.place = 5 AND weekday.field = fields[5]
),
zoned AS MATERIALIZED (
    SELECT zone,
           upper(zone) = 'UTC'
           OR EXISTS (SELECT FROM pg_catalog.pg_timezone_names AS known WHERE lower(known.name) = lower(zone)) AS is_valid
    FROM (SELECT DISTINCT zone FROM pipeline) AS distinct_zone
),
-- when a schedule comes up in a zone for the first time after a moment
occurrence AS MATERIALIZED (
    SELECT cron.schedule, start.after, start.zone, tick.at
    FROM (SELECT DISTINCT pipeline.schedule, after, reading.zone
          FROM pipeline
          JOIN zoned ON zoned.zone = pipeline.zone AND zoned.is_valid
          CROSS JOIN LATERAL (VALUES (pipeline.zone), (pipeline.other_zone)) AS reading (zone)) AS start
    JOIN cron ON cron.schedule = start.schedule AND cron.is_valid
    CROSS JOIN clock
    CROSS JOIN LATERAL (
        SELECT min(instant.at) AS at
        FROM (
            -- the first has passed, the second may have, the third has not
            SELECT day
            FROM generate_series(date_trunc('day', start.after AT TIME ZONE start.zone) - interval '1 day',
                                 clock.window_end AT TIME ZONE start.zone, interval '1 day') AS day
            WHERE extract(month FROM day)::int = ANY (cron.months)
              AND CASE WHEN cron.is_both_days
                       THEN extract(day FROM day)::int = ANY (cron.days)
                            AND extract(dow FROM day)::int = ANY (cron.weekdays)
                       ELSE extract(day FROM day)::int = ANY (cron.days)
                            OR extract(dow FROM day)::int = ANY (cron.weekdays)
                  END
            ORDER BY day
            LIMIT 3
        ) AS day
        CROSS JOIN unnest(cron.hours) AS hour
        CROSS JOIN unnest(cron.minutes) AS minute
        CROSS JOIN LATERAL (SELECT day.day + make_interval(hours => hour, mins => minute)) AS local (time)
        CROSS JOIN LATERAL (SELECT local.time AT TIME ZONE start.zone) AS standard (at)
        -- of a time that comes twice this is the second
        CROSS JOIN LATERAL (
            SELECT min(standard.at - shift) AS at
            FROM unnest('{00:00,00:30,01:00}'::interval[]) AS shift
            WHERE standard.at - shift > start.after
              AND (shift = '0' OR (standard.at - shift) AT TIME ZONE start.zone = local.time)
        ) AS instant
    ) AS tick
    WHERE start.after > clock.now - cron.longest_gap AND start.after < clock.window_end
),
due AS (
    SELECT pipeline.fqn, pipeline.schedule, pipeline.paused, min(occurrence.at) AS at
    FROM clock, pipeline
    JOIN occurrence ON occurrence.schedule = pipeline.schedule AND occurrence.after = pipeline.after
                   AND occurrence.zone IN (pipeline.zone, pipeline.other_zone)
    WHERE occurrence.at > clock.now AND occurrence.at <= clock.window_end
    GROUP BY pipeline.fqn, pipeline.schedule, pipeline.paused
)
SELECT 'found' AS status,
       CASE WHEN due.paused THEN 'info' ELSE 'warning' END AS level,
       'schema' AS object_type,
       quote_ident(fact.schema_name) || CASE WHEN due.paused THEN ', paused' ELSE '' END AS object_identity,
       CASE WHEN due.paused
            THEN 'ingestion pipelines that were deployed as paused have a schedule in the maintenance window'
            ELSE 'ingestion pipelines are scheduled to start during the maintenance window'
       END AS message,
       format('There are %s, the first of them %s. The window is %s.',
              count(*), (array_agg(due.fqn ORDER BY due.at, due.fqn))[1], fact.maintenance_window) AS detail,
       CASE WHEN due.paused
            THEN 'Make sure in Airflow that they have not been resumed.'
            ELSE 'Pause them in OpenMetadata, or stop the scheduler, until the upgrade is done; or choose another time. The setting upgrade_prereq.maintenance_window says how long the window is.'
       END AS hint,
       jsonb_build_object('objects', count(*),
                          'pipelines', count(*),
                          'first_at', min(due.at),
                          'window_end', fact.window_end,
                          'schedules', count(DISTINCT due.schedule),
                          'first', to_jsonb((array_agg(jsonb_build_object('pipeline', due.fqn, 'schedule', due.schedule, 'at', due.at)
                                                       ORDER BY due.at, due.fqn))[1:20])) AS data
FROM due, (SELECT * FROM fact, clock) AS fact
GROUP BY due.paused, fact.schema_name, fact.maintenance_window, fact.window_end
UNION ALL
SELECT 'unknown', 'warning', 'schedule', pipeline.schedule,
       'could not check: the schedule of an ingestion pipeline cannot be read',
       format('The schedule is %s, of %s pipelines, among them %s.',
              to_json(left(pipeline.schedule, 100)), count(*), min(pipeline.fqn COLLATE "C")),
       'Five fields of a cron expression can be read, and names such as @daily. See in the scheduler when the pipeline will start.',
       jsonb_build_object('schedule', pipeline.schedule, 'pipelines', jsonb_agg(pipeline.fqn ORDER BY pipeline.fqn COLLATE "C"))
FROM pipeline
JOIN cron ON cron.schedule = pipeline.schedule AND NOT cron.is_valid
GROUP BY pipeline.schedule
UNION ALL
SELECT 'unknown', 'warning', 'time zone', pipeline.zone,
       'could not check: the time zone of an ingestion pipeline is not known',
       format('The time zone is %s, of %s pipelines, among them %s.',
              to_json(left(pipeline.zone, 100)), count(*), min(pipeline.fqn COLLATE "C")),
       'See in the scheduler when the pipeline will start.',
       jsonb_build_object('time_zone', pipeline.zone, 'pipelines', jsonb_agg(pipeline.fqn ORDER BY pipeline.fqn COLLATE "C"))
FROM pipeline
JOIN zoned ON zoned.zone = pipeline.zone AND NOT zoned.is_valid
JOIN cron ON cron.schedule = pipeline.schedule AND cron.is_valid
GROUP BY pipeline.zone
UNION ALL
SELECT 'unknown', 'warning', 'ingestion pipeline', entity.fqn,
       'could not check: the document of an ingestion pipeline cannot be read',
       format('Its key is %s. The document is missing, or holds characters that PostgreSQL cannot read.', entity.key),
       'See in the scheduler when the pipeline will start.',
       NULL
FROM entity
WHERE entity.document IS NULL
