-- id: users_differing_by_case
-- title: no two users differ only by the case of their name or e-mail address
-- category: data
-- level: error
-- cost: light
-- versions: all
-- needs: user_entity (name, email)
-- passed: no two users differ only by the case of their name or e-mail address
-- do: Decide which of the users is to stay, give the other's ownerships and
--     roles to it, and delete the other for good, in OpenMetadata.
-- undo: A user that was deleted has to be made anew, or comes back with the backup.
--
-- The migrations of 1.1.2 and 1.1.6 write the hash of every user's name in lower
-- case, which has to be unique: they stop at the second of two users whose names
-- differ by case only (OM#12486, OM#12942).  Users that are deleted softly count.
-- Later releases write names and addresses in lower case.  From 2.1.0 on, users
-- are looked for by the lower case of their e-mail address (remarks in the script of
-- that release); which of two is found is then left to chance (inferred).
WITH upgrade AS (
    SELECT fact.schema_name,
           fact.installed_version < '{1,1,6}'
           AND (fact.target_version IS NULL OR fact.target_version >= '{1,1,2}') AS lowers_names,
           fact.installed_version < '{2,1,0}'
           AND (fact.target_version IS NULL OR fact.target_version >= '{2,1,0}') AS looks_up_lower
    FROM fact
),
spelling AS (
    SELECT spelled.what, lower(spelled.spelling) AS folded, spelled.spelling
    FROM @schema@.user_entity AS entity
    CROSS JOIN LATERAL (VALUES ('name', entity.name), ('e-mail address', entity.email)) AS spelled (what, spelling)
    WHERE (SELECT lowers_names OR looks_up_lower FROM upgrade)
),
ambiguous AS (
    SELECT what, folded, count(*) AS users,
           string_agg(left(spelling, 100), ' = ' ORDER BY spelling COLLATE "C") AS spellings
    FROM spelling
    WHERE folded IS NOT NULL
    GROUP BY what, folded
    HAVING count(*) > 1
)
SELECT CASE WHEN lowers_names AND what = 'name' THEN 'error' ELSE 'warning' END AS level,
       'table' AS object_type,
       format('%I.user_entity, %s', schema_name, what) AS object_identity,
       format('there are users whose %s differs only by case', what) AS message,
       format('Groups (%s), of users (%s): %s%s. %s', count(*), sum(users),
              array_to_string((array_agg(spellings ORDER BY folded COLLATE "C"))[1:10], '; '),
              CASE WHEN count(*) > 10 THEN '; ...' ELSE '' END,
              CASE WHEN lowers_names AND what = 'name' THEN 'The migration writes names in lower case, and stops at the second of a group.'
                   ELSE 'OpenMetadata writes them in lower case, and looks for them so: it finds one of a group, or cannot store the other.' END) AS detail,
       'Merge them by hand: only one of each group can stay.' AS hint,
       jsonb_build_object('objects', count(*), 'users', sum(users)) AS data
FROM upgrade, ambiguous
GROUP BY schema_name, lowers_names, what
