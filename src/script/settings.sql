--
-- What a setting will be for a role at its next login: src/role_setting.c.
--

-- Read a value as the server would, into the unit of the setting; null if the
-- server would not take it.  What only a superuser may set is not to be had so:
-- it is read as work_mem, which has the same unit.
CREATE FUNCTION pg_temp.upgrade_prereq_normalise(setting text, raw text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    value text;
    spare text := CASE setting WHEN 'temp_file_limit' THEN 'work_mem' ELSE setting END;
BEGIN
    IF (SELECT kind = 'text' FROM pg_temp.upgrade_prereq_setting_definition AS d WHERE d.name = setting) THEN
        RETURN raw;         -- search_path: not to be tried out
    ELSIF setting = 'temp_file_limit' AND raw ~ '^\s*(-1|[0-9]{1,9})\s*$' THEN
        RETURN btrim(raw);
    END IF;
    BEGIN
        PERFORM set_config(spare, raw, true);
        SELECT s.setting INTO value FROM pg_settings AS s WHERE s.name = spare;
        RAISE EXCEPTION USING ERRCODE = 'UP000';
    EXCEPTION
        WHEN SQLSTATE 'UP000' THEN
            NULL;
        WHEN OTHERS THEN
            value := NULL;
    END;
    RETURN value;
END
$$;

-- What this session would fall back to without a SET of its own.
CREATE FUNCTION pg_temp.upgrade_prereq_base_setting(name text, OUT setting text, OUT source text)
LANGUAGE plpgsql AS $$
DECLARE
    found_setting text;
    found_source text;
    is_known boolean;
BEGIN
    BEGIN
        -- whoever may not set it has not set it
        BEGIN
            EXECUTE format('SET LOCAL %I TO DEFAULT', name);
        EXCEPTION WHEN insufficient_privilege THEN
            NULL;
        END;
        -- search_path is that of the session now, if it is the setting
        SELECT s.setting, s.source,
               s.source OPERATOR(pg_catalog.=) ANY ('{default,configuration file,command line,environment variable}'::pg_catalog.text[])
        INTO found_setting, found_source, is_known
        FROM pg_catalog.pg_settings AS s
        WHERE s.name OPERATOR(pg_catalog.=) upgrade_prereq_base_setting.name;
        RAISE EXCEPTION USING ERRCODE = 'UP000';
    EXCEPTION WHEN SQLSTATE 'UP000' THEN
        NULL;
    END;
    source := found_source;
    setting := CASE WHEN is_known THEN found_setting END;
END
$$;

-- Every level that has a value for a setting of a role, as far as this session
-- can tell, the one that counts first.  role_name may be null, for what holds
-- for every role that has no value of its own.
CREATE FUNCTION pg_temp.upgrade_prereq_setting_levels(
    role_name text, name text, OUT place int, OUT setting text, OUT source text, OUT stored_text text)
RETURNS SETOF record
LANGUAGE plpgsql AS $$
DECLARE
    query text := (SELECT text FROM pg_temp.upgrade_prereq_text AS t WHERE t.name = 'level_query');
    level record;
BEGIN
    -- not every server has every setting
    IF NOT EXISTS (SELECT FROM pg_settings AS s WHERE s.name = upgrade_prereq_setting_levels.name) THEN
        RETURN;
    END IF;
    place := 0;
    FOR level IN EXECUTE format('SELECT * FROM (%s) AS level (raw, source)', query) USING role_name, name
    LOOP
        setting := pg_temp.upgrade_prereq_normalise(name, level.raw);
        CONTINUE WHEN setting IS NULL;
        source := level.source;
        stored_text := level.raw;
        place := place + 1;
        RETURN NEXT;
    END LOOP;
    place := place + 1;
    stored_text := NULL;
    SELECT base.setting, base.source INTO setting, source FROM pg_temp.upgrade_prereq_base_setting(name) AS base;
    RETURN NEXT;
END
$$;

-- As the function of that name in the extension; nothing is proved by a login.
CREATE FUNCTION pg_temp.upgrade_prereq_effective_settings(
    INOUT role_name name DEFAULT NULL, prove boolean DEFAULT false,
    OUT name text, OUT setting text, OUT unit text, OUT source text, OUT stored_text text,
    OUT found_by text, OUT note text)
RETURNS SETOF record
LANGUAGE sql AS $$
    SELECT role_name, definition.name, level.setting, definition.unit, level.source, level.stored_text, 'catalog', NULL::text
    FROM pg_temp.upgrade_prereq_setting_definition AS definition
    CROSS JOIN LATERAL (
        SELECT * FROM pg_temp.upgrade_prereq_setting_levels(role_name::text, definition.name) ORDER BY place LIMIT 1
    ) AS level
    ORDER BY definition.name
$$;
