--
-- The check setting_has_no_effect: src/checks/setting_has_no_effect.c, for
-- whoever is no superuser and cannot read the server's files.
--

-- What a level is called in the report.
CREATE FUNCTION pg_temp.upgrade_prereq_level_name(source text) RETURNS text
LANGUAGE sql AS $$
    SELECT COALESCE(max(l.name), upgrade_prereq_level_name.source)
    FROM (VALUES ('default', 'PostgreSQL''s default'),
                 ('configuration file', 'the configuration files'),
                 ('command line', 'the server''s command line'),
                 ('global', 'ALTER ROLE ALL'),
                 ('database', 'ALTER DATABASE'),
                 ('user', 'ALTER ROLE'),
                 ('database user', 'ALTER ROLE ... IN DATABASE'),
                 ('client', 'the client of this session')) AS l (source, name)
    WHERE l.source = upgrade_prereq_level_name.source
$$;

-- A finding about a setting.
CREATE FUNCTION pg_temp.upgrade_prereq_setting_finding(
    setting text, status text, message text, detail text, hint text, fix_sql text DEFAULT NULL, undo_sql text DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql AS $$
    SELECT pg_temp.upgrade_prereq_new_finding('setting_has_no_effect', status, message)
           || jsonb_build_object('object_type', 'setting', 'object_identity', setting, 'detail', detail, 'hint', hint,
                                 'fix_sql', fix_sql, 'undo_sql', undo_sql,
                                 'finding_key', format('setting_has_no_effect:%s', setting))
$$;

-- Look at one setting; null if all is well.
CREATE FUNCTION pg_temp.upgrade_prereq_check_setting(role_name name, setting_name text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    in_catalog text[] := '{global,database,user,database user}';
    unit text := (SELECT d.unit FROM pg_temp.upgrade_prereq_setting_definition AS d WHERE d.name = setting_name);
    alter_role text := format('ALTER ROLE %I IN DATABASE %I', role_name, current_database());
    effective record;
    hidden record;
    of_client text;
BEGIN
    SELECT l.*, COALESCE(l.stored_text, l.setting || COALESCE(unit, '')) AS value INTO effective
    FROM pg_temp.upgrade_prereq_setting_levels(role_name, setting_name) AS l ORDER BY l.place LIMIT 1;

    SELECT l.*, COALESCE(l.stored_text, l.setting || COALESCE(unit, '')) AS value INTO hidden
    FROM pg_temp.upgrade_prereq_setting_levels(role_name, setting_name) AS l
    WHERE l.setting::float8 > effective.setting::float8
      AND (l.source = ANY (in_catalog)
           OR l.source = 'configuration file' AND effective.source <> ALL (in_catalog))
    ORDER BY l.setting::float8 DESC, l.place LIMIT 1;
    IF FOUND THEN
        RETURN pg_temp.upgrade_prereq_setting_finding(
            setting_name, 'found',
            format('%s = %s of %s has no effect', setting_name, hidden.value, pg_temp.upgrade_prereq_level_name(hidden.source)),
            format('Role "%s" gets %s at its next login to this database, from %s.',
                   role_name, effective.value, pg_temp.upgrade_prereq_level_name(effective.source)),
            CASE effective.source
                WHEN 'command line' THEN 'Give the value to the role that migrates; or take the option out of the command that starts the server, and restart it.'
                ELSE 'Give the value to the role that migrates in this database, or take back the one that was not meant.' END,
            format('%s SET %s = %L;', alter_role, setting_name, hidden.value),
            CASE effective.source WHEN 'database user' THEN format('%s SET %s = %L;', alter_role, setting_name, effective.stored_text)
                ELSE format('%s RESET %s;', alter_role, setting_name) END);
    ELSIF effective.setting IS NULL OR effective.source = 'command line' THEN
        RETURN pg_temp.upgrade_prereq_setting_finding(
            setting_name, 'unknown',
            format('could not check: this session does not show what is hidden by the value of %s', setting_name),
            format('The value comes from %s, which hides those below.', pg_temp.upgrade_prereq_level_name(effective.source)),
            'Run the check as a superuser.');
    END IF;

    -- this session may have been given less by its client
    SELECT s.setting INTO of_client FROM pg_settings AS s
    WHERE s.name = setting_name AND s.source = 'client' AND session_user = role_name
      AND s.setting::float8 < effective.setting::float8;
    IF FOUND THEN
        RETURN pg_temp.upgrade_prereq_setting_finding(
            setting_name, 'found',
            format('%s = %s of %s has no effect in this session', setting_name, effective.value,
                   pg_temp.upgrade_prereq_level_name(effective.source)),
            format('This session of role "%s" has %s%s, which its client asked for when it connected.', role_name, of_client, unit),
            'If the migration connects in the same way, take the setting out of the options of its connection (DB_PARAMS of OpenMetadata, PGOPTIONS).');
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION pg_temp.upgrade_prereq_check_setting_has_no_effect() RETURNS jsonb
LANGUAGE sql AS $$
    SELECT jsonb_agg(finding ORDER BY place)
    FROM pg_temp.upgrade_prereq_call AS call,
         unnest('{work_mem,maintenance_work_mem,hash_mem_multiplier}'::text[]) WITH ORDINALITY AS s (name, place)
    CROSS JOIN LATERAL pg_temp.upgrade_prereq_check_setting(call.role_name, s.name) AS finding
    WHERE finding IS NOT NULL
$$;
