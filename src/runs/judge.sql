-- What most kinds of runs have in common: from facts of a run to a verdict.
-- The query of a kind returns, by name,
--
--   name, run_id, state, key, row_text, data
--                  as they are
--   is_known       whether the state is one that OpenMetadata is known to write
--   epoch          when it began, epoch milliseconds, or seconds below 10^11
--   sign           when it was last seen alive, likewise; null: never since
--   has_time       whether there has to be a time
--   age_limit      how old it may become; null: age says nothing
--   superseded_by, orphaned_by, dead_by, at_work_by
--                  a sentence of evidence, or null
--   confidence     of a verdict by one of these sentences
--   note           further sentences
--   corrected_state, patch, old_values
--
-- as run.  What begins in seconds or lies in the future is said to do so.
SELECT run.name, run.run_id, left(run.state, 100) AS state,
       CASE WHEN moment.ms IS NOT NULL THEN to_timestamp((moment.ms / 1000.0)::double precision) END AS started_at,
       NULL::interval AS typical_duration,
       CASE judgement.word
           WHEN 'state' THEN 'unknown'
           WHEN 'time' THEN 'unknown'
           WHEN 'young' THEN 'running'
           WHEN 'dead' THEN 'stuck'
           WHEN 'old' THEN 'stuck'
           ELSE judgement.word
       END AS verdict,
       CASE WHEN judgement.word IN ('orphaned', 'superseded', 'dead')
                 OR judgement.word = 'running' AND run.at_work_by IS NOT NULL THEN run.confidence
            ELSE 'low'
       END AS confidence,
       concat_ws(' ',
           CASE judgement.word
               WHEN 'state' THEN CASE WHEN run.state IS NULL THEN 'It has no state that can be read.'
                                      ELSE 'Its state is none that OpenMetadata is known to write.' END
               WHEN 'time' THEN
                   CASE WHEN run.epoch IS NULL THEN 'It has no time that can be read.'
                        WHEN run.epoch < 0 THEN format('Its time, %s, lies before 1970.', run.epoch)
                        WHEN moment.ms IS NULL THEN format('Its time, %s, lies after the year 9999.', run.epoch)
                        ELSE 'Its time lies in the future.'
                   END
               WHEN 'young' THEN 'It showed signs of life less than two minutes ago.'
               WHEN 'orphaned' THEN run.orphaned_by
               WHEN 'superseded' THEN run.superseded_by
               WHEN 'dead' THEN run.dead_by
               WHEN 'old' THEN format('It is older than its limit of %s.', run.age_limit)
               ELSE COALESCE(run.at_work_by, format('It is younger than its limit of %s.', run.age_limit))
           END,
           CASE WHEN run.epoch BETWEEN 0 AND 99999999999 THEN 'Its time is in seconds.' END,
           run.note) AS evidence,
       CASE WHEN judgement.word <> 'state' THEN run.corrected_state END AS corrected_state,
       CASE WHEN judgement.word <> 'state' THEN run.patch END AS patch,
       run.old_values, run.key, run.row_text,
       run.data || jsonb_build_object('timestamp', run.epoch) AS data
FROM run, fact
CROSS JOIN LATERAL (
    SELECT CASE WHEN run.epoch BETWEEN 0 AND 99999999999 THEN run.epoch * 1000
                WHEN run.epoch BETWEEN 0 AND 253402300799999 THEN run.epoch
           END AS ms,
           CASE WHEN run.sign BETWEEN 0 AND 99999999999 THEN run.sign * 1000
                WHEN run.sign BETWEEN 0 AND fact.latest_ms THEN run.sign
           END AS sign_ms
) AS moment
CROSS JOIN LATERAL (
    SELECT fact.now_ms - GREATEST(moment.ms, moment.sign_ms) AS age_ms
) AS age
CROSS JOIN LATERAL (
    SELECT CASE
               WHEN run.is_known IS NOT TRUE THEN 'state'
               WHEN run.has_time AND (moment.ms <= fact.latest_ms) IS NOT TRUE THEN 'time'
               -- what is said to begin later than that says nothing of its age
               WHEN age.age_ms BETWEEN -300000 AND 119999 THEN 'young'
               WHEN run.orphaned_by IS NOT NULL THEN 'orphaned'
               WHEN run.superseded_by IS NOT NULL THEN 'superseded'
               WHEN run.dead_by IS NOT NULL THEN 'dead'
               WHEN run.at_work_by IS NOT NULL THEN 'running'
               WHEN age.age_ms > extract(epoch FROM run.age_limit) * 1000 THEN 'old'
               ELSE 'running'
           END AS word
) AS judgement
