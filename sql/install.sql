-- What the extension puts into a database, and what of it anybody may call.

CREATE EXTENSION upgrade_prereq;

-- (what \dx+ lists, without the array types, which it lists from 17 on)
SELECT pg_describe_object(classid, objid, 0) AS object
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'upgrade_prereq')
  AND deptype = 'e'
  AND (classid, objid) NOT IN
      (SELECT 'pg_type'::regclass, typarray FROM pg_type
       UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typrelid <> 0)
ORDER BY 1;

-- every object says what it is
SELECT pg_describe_object(classid, objid, 0) AS object_without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'upgrade_prereq')
  AND deptype = 'e'
  AND obj_description(objid, classid::regclass::name) IS NULL
  AND (classid, objid) NOT IN
      (SELECT 'pg_type'::regclass, typarray FROM pg_type
       UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typrelid <> 0);

-- volatility, parallel safety, security, and whether PUBLIC may call it
SELECT proname, provolatile, proparallel, prosecdef,
       has_function_privilege('public', oid, 'EXECUTE') AS public_may_call
FROM pg_proc
WHERE proname LIKE 'upgrade\_prereq\_%'
ORDER BY proname;

-- the C symbol carries the name of the function
SELECT proname, prosrc FROM pg_proc
WHERE proname LIKE 'upgrade\_prereq\_%' AND prosrc <> proname;

-- levels are in order
SELECT enum_range(NULL::upgrade_prereq_level);
SELECT enum_range(NULL::upgrade_prereq_status);
SELECT enum_range(NULL::upgrade_prereq_verdict);
SELECT enum_range(NULL::upgrade_prereq_confidence);

-- the settings, and what is refused
SELECT name, boot_val, unit, context, short_desc
FROM pg_settings
WHERE name LIKE 'upgrade\_prereq.%'
ORDER BY name;
\set VERBOSITY sqlstate
SET upgrade_prereq.check_timeout = -1;
\set VERBOSITY default
SET upgrade_prereq.queued_after = 'soon';

-- nothing is left behind
DROP EXTENSION upgrade_prereq;
SELECT pg_describe_object(classid, objid, 0)
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid NOT IN (SELECT oid FROM pg_extension);
SELECT count(*) FROM pg_proc WHERE proname LIKE 'upgrade\_prereq%';
SELECT count(*) FROM pg_type WHERE typname LIKE '%upgrade\_prereq%';

-- it goes into a schema of any name, and works from there
CREATE SCHEMA "it's @schema@";
CREATE EXTENSION upgrade_prereq SCHEMA "it's @schema@";
SELECT check_id, status FROM "it's @schema@".upgrade_prereq_findings(include => '{extension_version,work_mem}');
DROP EXTENSION upgrade_prereq;
DROP SCHEMA "it's @schema@";

CREATE EXTENSION upgrade_prereq;
