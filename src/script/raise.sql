--
-- Raising work_mem and maintenance_work_mem for the role that migrates, in this
-- database, and putting them back: scope "role" of upgrade_prereq_raise().  The
-- extension keeps a journal; here a file on the client has the undo, written
-- before anything is changed.
--

-- An amount of memory in kB as SHOW prints it: in the largest unit that is
-- exact.
CREATE FUNCTION pg_temp.upgrade_prereq_memory_text(kb bigint) RETURNS text
LANGUAGE sql AS $$
    SELECT CASE WHEN kb % 1073741824 = 0 THEN kb / 1073741824 || 'TB'
                WHEN kb % 1048576 = 0 THEN kb / 1048576 || 'GB'
                WHEN kb % 1024 = 0 THEN kb / 1024 || 'MB'
                ELSE kb || 'kB' END
$$;

-- The role that is to get the values; an error if that is not clear.
CREATE FUNCTION pg_temp.upgrade_prereq_raised_role(given text) RETURNS name
LANGUAGE plpgsql AS $$
DECLARE
    query text := (SELECT text FROM pg_temp.upgrade_prereq_text WHERE name = 'role_candidates_query');
    chosen text := COALESCE(NULLIF(given, ''), NULLIF(pg_temp.upgrade_prereq_setting('migration_role'), ''));
    obstacle jsonb := pg_temp.upgrade_prereq_installation_obstacle();
    candidates text[];
BEGIN
    IF chosen IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = chosen) THEN
            RAISE EXCEPTION 'role "%" does not exist', chosen USING ERRCODE = 'undefined_object';
        END IF;
        RETURN chosen;
    ELSIF obstacle IS NOT NULL THEN
        RAISE EXCEPTION '%', obstacle ->> 'message' USING ERRCODE = obstacle ->> 'sqlstate', HINT = 'Name the role by -v role=NAME.';
    END IF;
    -- those who cannot log in only if nobody can
    EXECUTE format('SELECT array_agg(rolname) FROM (SELECT *, bool_or(rolcanlogin) OVER () AS any_can FROM (%s) AS c) AS c '
                   'WHERE rolcanlogin = any_can', query)
    INTO candidates
    USING (SELECT schema_name::text FROM pg_temp.upgrade_prereq_call);
    IF cardinality(candidates) > 1 THEN
        RAISE EXCEPTION 'it is not clear which role runs OpenMetadata''s migration'
            USING ERRCODE = 'ambiguous_parameter',
                  DETAIL = format('It may be one of %s: they own OpenMetadata''s tables, or are connected for an application.',
                                  (SELECT string_agg('"' || c || '"', ', ') FROM unnest(candidates) AS c)),
                  HINT = 'Name one by -v role=NAME.';
    END IF;
    RETURN candidates[1];
END
$$;

-- What is stored for a role in this database, as it was written; null if
-- nothing is.
CREATE FUNCTION pg_temp.upgrade_prereq_stored_text(role_name name, setting text) RETURNS text
LANGUAGE sql AS $$
    SELECT substr(element, length(setting) + 2)
    FROM pg_db_role_setting AS s
    CROSS JOIN unnest(s.setconfig) AS element
    WHERE s.setrole = (SELECT oid FROM pg_roles WHERE rolname = role_name)
      AND s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND lower(split_part(element, '=', 1)) = setting
$$;

-- Something speaks against the raise: an error, unless forced.
CREATE FUNCTION pg_temp.upgrade_prereq_refuse_unless_forced(force boolean, code text, message text, hint text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT force THEN
        RAISE EXCEPTION '%', message
            USING ERRCODE = code, HINT = hint || ' Or give -v force=on.';
    END IF;
END
$$;

-- The body of a DO block that changes what is stored for a role in a database,
-- from what has to be there to what it is to be: [{setting, from, to}, ...].
-- What somebody else changed is left as it is; that is an error if is_strict.
CREATE FUNCTION pg_temp.upgrade_prereq_change_block(role_name name, changes jsonb, is_strict boolean) RETURNS text
LANGUAGE sql AS $$
    SELECT format('DO %L;', format($block$
DECLARE
    role_name pg_catalog.name := (SELECT rolname FROM pg_catalog.pg_roles WHERE oid OPERATOR(pg_catalog.=) %s);
    change pg_catalog.jsonb;
    stored pg_catalog.text;
    pass pg_catalog.int4;
BEGIN
    -- names resolve in pg_catalog only, whatever the session has
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF NOT EXISTS (SELECT FROM pg_database WHERE oid = %s AND datname = current_database()) THEN
        RAISE EXCEPTION 'this is not the database whose settings these are'
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = %L;
    ELSIF role_name IS NULL THEN
        RAISE EXCEPTION 'the role does not exist any more' USING ERRCODE = 'undefined_object', DETAIL = %L;
    END IF;
    FOR change IN SELECT value FROM jsonb_array_elements(%L)
    LOOP
        -- before: what has to be there; after: what has come of it
        FOR pass IN 1 .. 2
        LOOP
            stored := (SELECT substr(element, strpos(element, '=') + 1)
                       FROM pg_db_role_setting AS s CROSS JOIN unnest(s.setconfig) AS element
                       WHERE s.setrole = %1$s AND s.setdatabase = %2$s
                         AND lower(split_part(element, '=', 1)) = change ->> 'setting');
            IF pass = 2 THEN
                IF stored IS DISTINCT FROM change ->> 'to' THEN
                    RAISE EXCEPTION '%% of role %% is not what it was set to', change ->> 'setting', role_name;
                END IF;
                RAISE NOTICE '%% of role "%%" in this database is now %%', change ->> 'setting', role_name,
                    COALESCE(quote_literal(stored), 'not set');
            ELSIF stored IS DISTINCT FROM change ->> 'from' THEN
                IF %6$s THEN
                    RAISE EXCEPTION 'somebody else changed %% of role "%%"', change ->> 'setting', role_name
                        USING ERRCODE = 'object_in_use', HINT = 'Look at it again.';
                END IF;
                RAISE WARNING '%% of role "%%" in this database is %%, and not what the raise wrote: it is left as it is',
                    change ->> 'setting', role_name, COALESCE(quote_literal(stored), 'not set');
                EXIT;
            ELSE
                EXECUTE format('ALTER ROLE %%I IN DATABASE %%I %%s', role_name, current_database(),
                               CASE WHEN change ->> 'to' IS NULL THEN format('RESET %%I', change ->> 'setting')
                                    ELSE format('SET %%I = %%L', change ->> 'setting', change ->> 'to') END);
            END IF;
        END LOOP;
    END LOOP;
END
$block$,
        r.oid, d.oid,
        format('They are of role "%s" in database "%s".', role_name, current_database()),
        format('It was called "%s".', role_name),
        changes, CASE WHEN is_strict THEN 'true' ELSE 'false' END))
    FROM pg_roles AS r, pg_database AS d
    WHERE r.rolname = role_name AND d.datname = current_database()
$$;

-- What a raise will do: the lines to print; the block that does it, and the one
-- that takes it back, both null if nothing has to be raised.  Errors: 22023 for
-- an amount that is none; 42704 if there is no such role, 42P08 if it is not
-- clear; unless forced, 55006 while the role is connected, 55000 where the
-- values would have no effect or are not known.
CREATE FUNCTION pg_temp.upgrade_prereq_plan_raise(
    work_mem text, maintenance_work_mem text, given_role text, force_text text,
    OUT lines text, OUT apply_block text, OUT undo_block text)
LANGUAGE plpgsql AS $$
DECLARE
    force boolean := pg_temp.upgrade_prereq_boolean('force', force_text);
    role_name name := pg_temp.upgrade_prereq_raised_role(given_role);
    wanted record;
    present record;
    kb bigint;
    stored text;
    changes jsonb := '[]';
    undo jsonb := '[]';
    sessions bigint;
    alter_role text := format('ALTER ROLE %I IN DATABASE %I', role_name, current_database());
    fixes text := '';
    undos text := '';
BEGIN
    lines := '';
    IF work_mem = '' AND maintenance_work_mem = '' THEN
        PERFORM pg_temp.upgrade_prereq_refuse('variables "work_mem" and "maintenance_work_mem" are empty',
                                              'Give an amount of memory to at least one of them, such as -v work_mem=64MB.');
    END IF;
    FOR wanted IN
        SELECT v.name, v.value FROM (VALUES ('work_mem', work_mem), ('maintenance_work_mem', maintenance_work_mem)) AS v (name, value)
        WHERE v.value <> ''
    LOOP
        kb := pg_temp.upgrade_prereq_normalise(wanted.name, wanted.value);
        IF kb IS NULL THEN
            PERFORM pg_temp.upgrade_prereq_refuse(format('invalid value for variable "%s": "%s"', wanted.name, wanted.value),
                                                  'An amount of memory is accepted, such as "64MB".');
        END IF;
        SELECT level.setting::bigint AS kb, level.source INTO present
        FROM pg_temp.upgrade_prereq_setting_levels(role_name, wanted.name) AS level ORDER BY level.place LIMIT 1;
        IF present.kb >= kb THEN
            lines := lines || format(E'-- %s: %s, not lower than what is asked for, is left as it is\n',
                                     wanted.name, pg_temp.upgrade_prereq_memory_text(present.kb));
            CONTINUE;
        ELSIF present.kb IS NULL THEN
            PERFORM pg_temp.upgrade_prereq_refuse_unless_forced(
                force, '55000', format('it is not known which %s role "%s" gets now', wanted.name, role_name),
                'Connect as a role that has no value of its own for the setting.');
        END IF;
        stored := pg_temp.upgrade_prereq_stored_text(role_name, wanted.name);
        lines := lines || format(E'-- %s: %s (source: %s) until now\n', wanted.name,
                                 COALESCE(pg_temp.upgrade_prereq_memory_text(present.kb), 'unknown'), present.source);
        changes := changes || jsonb_build_object('setting', wanted.name, 'from', stored, 'to', pg_temp.upgrade_prereq_memory_text(kb));
        undo := undo || jsonb_build_object('setting', wanted.name, 'from', pg_temp.upgrade_prereq_memory_text(kb), 'to', stored);
        fixes := fixes || format(E'%s SET %s = %L;\n', alter_role, wanted.name, pg_temp.upgrade_prereq_memory_text(kb));
        undos := undos || CASE WHEN stored IS NULL THEN format(E'%s RESET %s;\n', alter_role, wanted.name)
                               ELSE format(E'%s SET %s = %L;\n', alter_role, wanted.name, stored) END;
    END LOOP;
    IF changes = '[]' THEN
        lines := lines || '-- nothing has to be raised';
        RETURN;
    END IF;

    IF NOT (SELECT rolcanlogin FROM pg_roles WHERE rolname = role_name) THEN
        PERFORM pg_temp.upgrade_prereq_refuse_unless_forced(
            force, '55000', format('role "%s" cannot log in', role_name),
            'Settings of a role only count for the role that logs in: name it by -v role=NAME.');
    END IF;
    SELECT count(*) INTO sessions FROM pg_stat_activity AS a
    WHERE a.usename = role_name AND a.datname = current_database() AND a.pid <> pg_backend_pid();
    IF sessions > 0 THEN
        PERFORM pg_temp.upgrade_prereq_refuse_unless_forced(
            force, '55006', format('sessions of role "%s" in database "%s" are open: %s', role_name, current_database(), sessions),
            'Stop OpenMetadata before: every one of them would get the values when it connects again.');
    END IF;
    lines := lines || E'-- it counts from the next login of the role on:\n' || fixes || E'-- what was there before comes back by:\n' || btrim(undos, E'\n');
    apply_block := pg_temp.upgrade_prereq_change_block(role_name, changes, true);
    undo_block := format(E'-- Undo of upgrade_prereq_check.sql -v action=raise, written %s.\n'
                         '-- For psql, or upgrade_prereq_check.sql -v action=restore -v undo_file=...\n',
                         date_trunc('second', now())) || pg_temp.upgrade_prereq_change_block(role_name, undo, false) || E'\n';
END
$$;
