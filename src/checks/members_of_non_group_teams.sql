-- id: members_of_non_group_teams
-- title: only teams of type Group have users of their own
-- category: data
-- level: error
-- cost: light
-- versions: all
-- needs: team_entity (id, name, teamtype)
-- needs: user_entity (id, name)
-- needs: entity_relationship (fromid, toid, fromentity, toentity, relation)
-- index: entity_relationship (fromid)
-- passed: no user belongs directly to a business unit, division or department
-- do: Move the users to teams of type Group, in OpenMetadata, before the upgrade.
--
-- A user who belongs to a team of type BusinessUnit, Division or Department, by
-- a row of entity_relationship with relation 10, can neither be taken out of it
-- nor be changed in releases that allow users in groups only (OM#31770).  The
-- migration of 2.0.2 deletes these rows, and the users fall back to
-- Organization (OM#33116, OM#33352; its script postDataMigrationSQLScript.sql):
-- who belonged where is lost.  The team of type Organization may have users.
--
-- Below 2.0.2 it is no fault, and nothing is said unless the upgrade runs that
-- migration.  From there on such a row can only be a new one.
WITH member AS MATERIALIZED (
    SELECT team.@name@::text AS team, team.@teamtype@::text AS type, users.@name@::text AS name
    FROM fact, @schema@.team_entity AS team
    CROSS JOIN LATERAL (
        SELECT edge.@toid@ AS id
        FROM @schema@.entity_relationship AS edge
        WHERE edge.@fromid@ = team.@id@ AND edge.@relation@ = 10
          AND edge.@fromentity@ = 'team' AND edge.@toentity@ = 'user'
        OFFSET 0
    ) AS edge
    JOIN @schema@.user_entity AS users ON users.@id@ = edge.id
    WHERE team.@teamtype@ IN ('BusinessUnit', 'Division', 'Department')
      AND (fact.installed_version >= '{2,0,2}'
           OR fact.target_version IS NULL OR fact.target_version >= '{2,0,2}')
),
total AS (
    SELECT count(*) AS members, count(DISTINCT team) AS teams, count(DISTINCT name) AS users,
           (array_agg(format('%s in %s "%s"', name, type, team)
                      ORDER BY team COLLATE "C", name COLLATE "C"))[1:10] AS first
    FROM member
)
SELECT CASE WHEN fact.installed_version < '{2,0,2}' THEN 'error' ELSE 'warning' END AS level,
       'schema' AS object_type,
       quote_ident(fact.schema_name) AS object_identity,
       CASE WHEN fact.installed_version < '{2,0,2}'
            THEN 'the migration of OpenMetadata 2.0.2 takes users out of teams that are not of type Group'
            ELSE 'users belong directly to teams that are not of type Group, and cannot be changed'
       END AS message,
       format('Memberships: %s, of users: %s, in teams: %s. %s: %s.', members, users, teams,
              CASE WHEN members > 10 THEN 'The first ten' ELSE 'They are' END,
              array_to_string(first, ', ')) AS detail,
       CASE WHEN fact.installed_version < '{2,0,2}'
            THEN 'Move them to teams of type Group before the upgrade. Only a backup keeps who belonged where.'
            ELSE 'Move them to teams of type Group. Where OpenMetadata refuses to, only the row of entity_relationship can be deleted, after a backup.'
       END AS hint,
       jsonb_build_object('objects', members, 'users', users, 'teams', teams,
                          'members', to_jsonb(first)) AS data
FROM fact, total
WHERE members > 0
