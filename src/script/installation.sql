--
-- OpenMetadata's versions, and which of them this database holds: what
-- src/release.c does in the extension.
--

-- A version such as "1.13.4" as three numbers, or null.
CREATE FUNCTION pg_temp.upgrade_prereq_version(version text) RETURNS int[]
LANGUAGE sql AS $$
    SELECT ARRAY[part[1]::int, part[2]::int, COALESCE(part[3]::int, 0)]
    FROM regexp_match(version, '^([0-9]{1,6})\.([0-9]{1,6})(?:\.([0-9]{1,6})(?:\.[0-9]{1,6})?)?(?:-[A-Za-z0-9._-]+)?$') AS part
    WHERE part IS NOT NULL
$$;

-- The number of one of Flyway's scripts as a version.
CREATE FUNCTION pg_temp.upgrade_prereq_flyway_version(version text) RETURNS int[]
LANGUAGE sql AS $$
    SELECT CASE WHEN version::int >= 9 THEN '{1,0,0}' ELSE ARRAY[0, 0, version::int] END
    WHERE version ~ '^[0-9]{1,6}$'
$$;

-- Raise an error for a variable that is not accepted (22023).
CREATE FUNCTION pg_temp.upgrade_prereq_refuse(message text, hint text, detail text DEFAULT '') RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'invalid_parameter_value', HINT = hint, DETAIL = detail;
END
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_setting(setting text) RETURNS text
LANGUAGE sql AS $$
    SELECT COALESCE(current_setting('upgrade_prereq.' || setting, true), '')
$$;

-- A variable that is on or off; empty is off.
CREATE FUNCTION pg_temp.upgrade_prereq_boolean(variable text, value text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RETURN value <> '' AND value::boolean;
EXCEPTION WHEN invalid_text_representation THEN
    PERFORM pg_temp.upgrade_prereq_refuse(format('invalid value for variable "%s": "%s"', variable, value),
                                          'Accepted values are "on" and "off".');
END
$$;

-- One of some words, in small letters; the first of them stands for an empty
-- value.
CREATE FUNCTION pg_temp.upgrade_prereq_word(variable text, value text, VARIADIC words text[]) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF value = '' THEN
        RETURN words[1];
    ELSIF lower(value) <> ALL (words) THEN
        PERFORM pg_temp.upgrade_prereq_refuse(
            format('invalid value for variable "%s": "%s"', variable, value),
            format('Accepted values are %s.',
                   (SELECT string_agg('"' || word || '"', CASE place WHEN cardinality(words) THEN ' and ' ELSE ', ' END ORDER BY place)
                    FROM unnest(words) WITH ORDINALITY AS w (word, place))));
    END IF;
    RETURN lower(value);
END
$$;

-- The checks that a list of ids names.
CREATE FUNCTION pg_temp.upgrade_prereq_ids(variable text, list text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
    ids text[] := regexp_split_to_array(btrim(list, ' {}'), '\s*,\s*');
    missing text;
BEGIN
    IF list = '' THEN
        RETURN NULL;
    END IF;
    SELECT id INTO missing FROM unnest(ids) AS id
    WHERE NOT EXISTS (SELECT FROM pg_temp.upgrade_prereq_check AS c WHERE c.id = id.id) LIMIT 1;
    IF FOUND THEN
        PERFORM pg_temp.upgrade_prereq_refuse(
            format('invalid value for variable "%s": there is no check "%s"', variable, missing),
            format('Accepted values are %s.', (SELECT string_agg(id, ', ' ORDER BY place) FROM pg_temp.upgrade_prereq_check)));
    END IF;
    RETURN ids;
END
$$;

-- Read the variables of the call into upgrade_prereq_call.
CREATE FUNCTION pg_temp.upgrade_prereq_begin(
    target text, format text, include text, exclude text, deep text, gate text, fail_level text, allow_unknown text)
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    included text[] := pg_temp.upgrade_prereq_ids('include', include);
    excluded text[] := pg_temp.upgrade_prereq_ids('exclude', exclude);
    chosen text[];
    is_gate boolean := pg_temp.upgrade_prereq_boolean('gate', gate);
    wrong text;
BEGIN
    SELECT id INTO wrong FROM unnest(included) AS id WHERE id = ANY (excluded) LIMIT 1;
    IF FOUND THEN
        PERFORM pg_temp.upgrade_prereq_refuse(format('check "%s" is both in "include" and in "exclude"', wrong), '');
    END IF;
    SELECT array_agg(id ORDER BY place) INTO chosen
    FROM pg_temp.upgrade_prereq_check
    WHERE (included IS NULL OR id = ANY (included)) AND (excluded IS NULL OR id <> ALL (excluded));
    IF chosen IS NULL THEN
        PERFORM pg_temp.upgrade_prereq_refuse('variables "include" and "exclude" leave no check to run', '');
    END IF;

    IF target <> '' AND pg_temp.upgrade_prereq_version(target) IS NULL THEN
        PERFORM pg_temp.upgrade_prereq_refuse(
            format('invalid value for variable "target": "%s"', target),
            'A release of OpenMetadata is accepted, such as "1.13.4", or nothing for the next releases.');
    END IF;
    IF pg_temp.upgrade_prereq_setting('migration_role') <> ''
       AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = pg_temp.upgrade_prereq_setting('migration_role')) THEN
        PERFORM pg_temp.upgrade_prereq_refuse(
            format('invalid value for parameter "upgrade_prereq.migration_role": "%s"', pg_temp.upgrade_prereq_setting('migration_role')),
            'An empty string stands for the owner of OpenMetadata''s tables.', 'There is no role of that name.');
    END IF;

    INSERT INTO pg_temp.upgrade_prereq_call
        (target_text, target, format, fail_level, gate, allow_unknown, deep, selected, state)
    SELECT NULLIF(target, ''), pg_temp.upgrade_prereq_version(target),
           pg_temp.upgrade_prereq_word('format', format, 'text', 'json', 'fleet'),
           pg_temp.upgrade_prereq_word('fail_level', fail_level, 'error', 'warning', 'notice', 'info'),
           is_gate, pg_temp.upgrade_prereq_boolean('allow_unknown', allow_unknown),
           is_gate OR pg_temp.upgrade_prereq_boolean('deep', deep), chosen, 'none';
END
$$;

-- Find the schemas with OpenMetadata's tables, and choose one.
CREATE FUNCTION pg_temp.upgrade_prereq_find_schema() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    wanted text := pg_temp.upgrade_prereq_setting('schema');
    query text := (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'candidates_query');
    candidate record;
    names text[] := '{}';
    chosen record;
BEGIN
    FOR candidate IN EXECUTE query
    LOOP
        names := names || candidate.nspname::text;
        IF wanted IN ('', candidate.nspname) THEN
            chosen := candidate;
        END IF;
    END LOOP;

    IF wanted <> '' AND wanted <> ALL (names) THEN
        PERFORM pg_temp.upgrade_prereq_refuse(
            format('invalid value for parameter "upgrade_prereq.schema": "%s"', wanted),
            CASE WHEN names = '{}' THEN 'No schema of this database holds them.'
                 ELSE format('Schemas that hold them: %s.', (SELECT string_agg('"' || n || '"', ', ' ORDER BY place)
                                                             FROM unnest(names) WITH ORDINALITY AS u (n, place))) END,
            'That schema does not hold OpenMetadata''s tables.');
    END IF;
    UPDATE pg_temp.upgrade_prereq_call SET schema_names = names;
    IF names <> '{}' THEN
        UPDATE pg_temp.upgrade_prereq_call
        SET state = CASE WHEN wanted = '' AND cardinality(names) > 1 THEN 'several' ELSE 'no_history' END,
            schema_name = chosen.nspname, schema_oid = chosen.oid;
    END IF;
END
$$;

-- The rows of a history table, as a JSON array of arrays [version, status]; for
-- upgrade_prereq_guard().
CREATE FUNCTION pg_temp.upgrade_prereq_read_history(table_name jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    name text := table_name #>> '{}';
    columns text[] := '{version}';
    prepared record;
    result jsonb;
BEGIN
    -- those that are not there are not needed
    SELECT columns || COALESCE(array_agg(attname::text), '{}') INTO columns
    FROM pg_attribute
    WHERE attrelid = (SELECT oid FROM pg_class WHERE relnamespace = call.schema_oid AND relname = name)
      AND attname IN ('status', 'success') AND NOT attisdropped;
    SELECT * INTO prepared
    FROM pg_temp.upgrade_prereq_prepare(
        jsonb_build_array(jsonb_build_object('table', name, 'columns', columns)), call.schema_oid, call.schema_name);
    IF prepared.obstacle IS NOT NULL THEN
        RETURN jsonb_build_object('obstacle', prepared.obstacle);
    END IF;

    EXECUTE format(
        'SELECT jsonb_agg(jsonb_build_array(version, status)) FROM (SELECT h.version::text, %s AS status FROM %I.%I AS h ORDER BY 1) AS h',
        CASE WHEN 'status' = ANY (columns) THEN 'COALESCE(upper(h.status::text), ''COMPLETED'')'
             WHEN 'success' = ANY (columns) THEN 'CASE WHEN h.success::text = ''false'' THEN ''FAILED'' ELSE ''COMPLETED'' END'
             ELSE '''COMPLETED''' END,
        call.schema_name, name) INTO result;
    RETURN jsonb_build_object('rows', result);
END
$$;

-- Take over the rows of a history table; false if it is not there, is empty or
-- cannot be read.
CREATE FUNCTION pg_temp.upgrade_prereq_take_history(name text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    is_flyway boolean := name = 'DATABASE_CHANGE_LOG';
    answer record;
    entry record;
    json text := '';
    newest int[];
    newest_text text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = call.schema_oid AND relname = name) THEN
        RETURN false;
    END IF;
    SELECT * INTO answer FROM pg_temp.upgrade_prereq_guard('upgrade_prereq_read_history', to_jsonb(name));
    answer.obstacle := COALESCE(answer.obstacle, answer.result -> 'obstacle');
    IF answer.obstacle IS NOT NULL THEN
        UPDATE pg_temp.upgrade_prereq_call SET obstacle = answer.obstacle;
        RETURN false;
    END IF;
    IF jsonb_typeof(answer.result -> 'rows') IS DISTINCT FROM 'array' THEN
        RETURN false;
    END IF;

    FOR entry IN
        SELECT COALESCE(value ->> 0, '') AS version, value ->> 1 AS status,
               CASE WHEN is_flyway THEN pg_temp.upgrade_prereq_flyway_version(value ->> 0)
                    ELSE pg_temp.upgrade_prereq_version(value ->> 0) END AS number
        FROM jsonb_array_elements(answer.result -> 'rows') WITH ORDINALITY AS row (value, place)
        ORDER BY place
    LOOP
        json := json || format('%s{"version": %s, "status": %s, "valid": %s}', CASE WHEN json = '' THEN '' ELSE ', ' END,
                               to_json(entry.version), to_json(entry.status), (entry.number IS NOT NULL)::text);
        CONTINUE WHEN entry.number IS NULL OR entry.status <> 'COMPLETED'
                      OR entry.number < newest OR (entry.number = newest AND NOT is_flyway);
        newest := entry.number;
        newest_text := CASE WHEN is_flyway THEN format('%s (Flyway script %s)', CASE WHEN newest[1] > 0 THEN '1.0' ELSE 'before 1.0' END, entry.version)
                            ELSE entry.version END;
    END LOOP;
    UPDATE pg_temp.upgrade_prereq_call
    SET history_table = name, history = '[' || json || ']',
        state = CASE WHEN newest IS NULL THEN state ELSE 'found' END,
        installed = newest, installed_text = newest_text;
    RETURN true;
END
$$;

-- Find out what is installed in this database.
CREATE FUNCTION pg_temp.upgrade_prereq_find_installation() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    owner_query text := (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'owner_query');
    call pg_temp.upgrade_prereq_call;
    owner name;
BEGIN
    PERFORM pg_temp.upgrade_prereq_find_schema();
    SELECT * INTO call FROM pg_temp.upgrade_prereq_call;
    IF call.state <> 'no_history' THEN
        RETURN;
    END IF;
    EXECUTE owner_query INTO owner USING call.schema_name::text;
    UPDATE pg_temp.upgrade_prereq_call
    SET owner_name = owner,
        role_name = COALESCE(NULLIF(pg_temp.upgrade_prereq_setting('migration_role'), ''), owner);
    IF NOT pg_temp.upgrade_prereq_take_history('server_change_log') THEN
        -- a statement of its own: it has to see what that one wrote
        PERFORM pg_temp.upgrade_prereq_take_history('DATABASE_CHANGE_LOG')
        FROM pg_temp.upgrade_prereq_call AS c WHERE c.obstacle IS NULL;
    END IF;
END
$$;

-- What keeps the installation from being known, or null.
CREATE FUNCTION pg_temp.upgrade_prereq_installation_obstacle() RETURNS jsonb
LANGUAGE sql AS $$
    SELECT CASE
               WHEN obstacle IS NOT NULL THEN obstacle
               WHEN state = 'none' THEN pg_temp.upgrade_prereq_obstacle(
                   '55000', 'this database does not hold OpenMetadata''s tables', NULL,
                   'Connect to the database that OpenMetadata uses.')
               WHEN state = 'several' THEN pg_temp.upgrade_prereq_obstacle(
                   '55000', 'OpenMetadata''s tables are in more than one schema', NULL,
                   'Choose one with the setting upgrade_prereq.schema.')
               WHEN state = 'no_history' THEN pg_temp.upgrade_prereq_obstacle(
                   '55000', 'the installed version of OpenMetadata is not known',
                   format('Schema "%s" has no usable migration history.', schema_name))
           END
    FROM pg_temp.upgrade_prereq_call
$$;

-- Does the upgrade asked about run the migration of a release?
CREATE FUNCTION pg_temp.upgrade_prereq_reaches(release text) RETURNS boolean
LANGUAGE sql AS $$
    SELECT installed < pg_temp.upgrade_prereq_version(release)
           AND (target IS NULL OR pg_temp.upgrade_prereq_version(release) <= target)
    FROM pg_temp.upgrade_prereq_call
$$;

-- The table that is not there as the installed release did not have it yet, or
-- null.
CREATE FUNCTION pg_temp.upgrade_prereq_not_yet(needs jsonb) RETURNS jsonb
LANGUAGE sql AS $$
    SELECT need
    FROM pg_temp.upgrade_prereq_call AS call,
         jsonb_array_elements(needs) WITH ORDINALITY AS n (need, place)
    WHERE need ? 'since'
      AND call.installed < pg_temp.upgrade_prereq_version(need ->> 'since')
      AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = call.schema_oid AND relname = need ->> 'table')
    ORDER BY place
    LIMIT 1
$$;

-- Run a query of ours that may use the row "fact" and the names; each of its
-- rows is a JSON object.
CREATE FUNCTION pg_temp.upgrade_prereq_rows(query text, names jsonb, facts jsonb DEFAULT '{}') RETURNS SETOF json
LANGUAGE plpgsql AS $$
DECLARE
    call pg_temp.upgrade_prereq_call := (SELECT c FROM pg_temp.upgrade_prereq_call AS c);
    fact_query text := (SELECT regexp_replace(text, '\$[0-9]+::([a-z]+(?:\[\])?) AS ([a-z_]+)',
                                              '($1 ->> ''\2'')::\1 AS \2', 'g')
                        FROM pg_temp.upgrade_prereq_text WHERE name = 'fact_query');
    all_facts jsonb := jsonb_build_object(
        'installation', call.state,
        'schema_name', call.schema_name,
        'schema_names', call.schema_names::text,
        'history_table', call.history_table,
        'history', call.history,
        'installed_version', call.installed::text,
        'installed', call.installed_text,
        'target_version', call.target::text,
        'target', call.target_text,
        'owner_name', call.owner_name,
        'role_name', call.role_name,
        'queued_after', pg_temp.upgrade_prereq_setting_ms('queued_after', 's', 3600000) / 1000 || ' seconds',
        'running_after', pg_temp.upgrade_prereq_setting_ms('running_after', 's', 7200000) / 1000 || ' seconds',
        'maintenance_window', pg_temp.upgrade_prereq_setting_ms('maintenance_window', 's', 14400000) / 1000 || ' seconds',
        'pipeline_service_client', COALESCE(NULLIF(lower(pg_temp.upgrade_prereq_setting('pipeline_service_client')), ''), 'auto'),
        'unreadable_json', (SELECT text FROM pg_temp.upgrade_prereq_text
                            WHERE name = CASE (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database())
                                             WHEN 'UTF8' THEN 'unreadable_in_utf8' ELSE 'unreadable_elsewhere' END),
        'now', statement_timestamp(),
        'now_ms', trunc(extract(epoch FROM statement_timestamp()) * 1000)::bigint,
        'latest_ms', trunc(extract(epoch FROM statement_timestamp()) * 1000)::bigint + 300000) || facts;
BEGIN
    IF call.schema_name IS NOT NULL THEN
        names := names || jsonb_build_object('schema', quote_ident(call.schema_name));
    END IF;
    RETURN QUERY EXECUTE
        format('%s SELECT row_to_json(answer) FROM (%s) AS answer', fact_query,
               pg_temp.upgrade_prereq_apply(query, names || '{"extschema": "pg_temp"}'))
        USING all_facts;
END
$$;
