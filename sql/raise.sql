-- Raising the memory settings of this session, and putting them back.

\set setup `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/setup.sql"`
\set teardown `echo "$UPGRADE_PREREQ_FIXTURE/../sql/include/teardown.sql"`
\set era 1.8
\i :setup

CREATE VIEW pg_temp.now AS
    SELECT name, setting, source FROM pg_settings
    WHERE name IN ('work_mem', 'maintenance_work_mem') AND source = 'session' ORDER BY name DESC;
CREATE TEMP TABLE at_start AS SELECT name, setting, source FROM pg_settings WHERE name ~ 'work_mem';
CREATE VIEW pg_temp.differs AS
    SELECT n.name, n.setting, n.source FROM pg_settings AS n JOIN at_start AS s USING (name)
    WHERE (n.setting, n.source) IS DISTINCT FROM (s.setting, s.source);

-- both, to what is given
\x on
SELECT setting, after, raised_for, changed, note FROM upgrade_prereq_raise('256MB', '1GB');
\x off
SELECT * FROM pg_temp.now;
SELECT setting, before, changed, note FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.differs;
SELECT setting, changed, note FROM upgrade_prereq_restore();

-- null: what the migration needs; never lower
SET work_mem = '4MB';
SET maintenance_work_mem = '65MB';
SELECT setting, before, after, changed, note FROM upgrade_prereq_raise();
SELECT setting, before, after, changed FROM upgrade_prereq_raise(work_mem => '64kB', maintenance_work_mem => '1MB');
SELECT setting, before, after, changed, note FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.now;
RESET work_mem;
RESET maintenance_work_mem;

-- a raise on top of a raise: one restore takes both back
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
SELECT setting, before, after, changed FROM upgrade_prereq_raise('2GB', '2GB');
SELECT setting, before, changed FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.differs;

-- what was set in the session before comes back as such
SET work_mem = '7MB';
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
SELECT setting, after FROM upgrade_prereq_restore() WHERE setting = 'work_mem';
SELECT * FROM pg_temp.now;
RESET work_mem;

-- rolled back: it never happened
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
ROLLBACK;
SELECT * FROM pg_temp.differs;
SELECT setting, changed, note FROM upgrade_prereq_restore();
-- a restore that is rolled back can be done again
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
BEGIN;
SELECT setting, changed FROM upgrade_prereq_restore();
ROLLBACK;
SELECT * FROM pg_temp.now;
SELECT setting, changed FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.differs;
-- with a savepoint
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
SAVEPOINT s;
SELECT setting, changed FROM upgrade_prereq_raise('3GB', '3GB');
ROLLBACK TO s;
SELECT * FROM pg_temp.now;
SELECT setting, before, changed FROM upgrade_prereq_restore();
COMMIT;
SELECT * FROM pg_temp.differs;

-- after an error
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
SELECT 1 / 0;
SELECT setting, before, changed FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.differs;

-- for one transaction
BEGIN;
SELECT setting, after, raised_for, changed FROM upgrade_prereq_raise('1GB', '2GB', 'transaction');
SELECT * FROM pg_temp.now;
COMMIT;
SELECT * FROM pg_temp.differs;
SELECT setting, changed, note FROM upgrade_prereq_restore();
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB', 'Transaction');
SELECT setting, before, changed FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.differs;
COMMIT;
-- for a transaction on top of the session
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('3GB', '3GB', 'transaction');
COMMIT;
SELECT * FROM pg_temp.now;
BEGIN;
SELECT setting, changed FROM upgrade_prereq_raise('3GB', '3GB', 'transaction');
SELECT setting, before, changed FROM upgrade_prereq_restore();
COMMIT;
SELECT * FROM pg_temp.differs;

-- somebody else's change stays
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
SET work_mem = '9MB';
SELECT setting, before, after, changed, note FROM upgrade_prereq_restore();
SELECT * FROM pg_temp.now;
DISCARD ALL;
SELECT setting, changed, note FROM upgrade_prereq_restore();
SELECT setting, changed FROM upgrade_prereq_raise('1GB', '2GB');
DISCARD ALL;
SELECT setting, changed, note FROM upgrade_prereq_restore();

-- the record is a setting, and anybody may write into it
SET upgrade_prereq.raised_work_mem = 'session -1 4096';
SELECT setting, changed, note FROM upgrade_prereq_restore();
SET upgrade_prereq.raised_work_mem = 'nonsense';
SELECT setting, changed, note FROM upgrade_prereq_restore();
SET upgrade_prereq.raised_work_mem = 'sessionsessionsessionsessionsession 99999999999999999999 99999999999999999999';
SELECT setting, changed, note FROM upgrade_prereq_restore();

-- what is not accepted
SELECT upgrade_prereq_raise('lots');
SELECT upgrade_prereq_raise('-1');
SELECT upgrade_prereq_raise('0');
SELECT upgrade_prereq_raise('64MB', '3TB');
SELECT upgrade_prereq_raise('64MB', '64MB', 'galaxy');
SELECT upgrade_prereq_raise('64MB', '64MB', NULL);
SELECT upgrade_prereq_raise('64MB', '64MB', force => NULL);
SELECT upgrade_prereq_raise('64MB', '64MB', force => true);
SELECT upgrade_prereq_raise('64MB', '64MB', valid_for => NULL);
SELECT upgrade_prereq_raise('64MB', '64MB', role_name => 'regress_openmetadata');
SET SESSION AUTHORIZATION regress_openmetadata;
SELECT upgrade_prereq_raise('64MB', '64MB');
SELECT upgrade_prereq_restore();
RESET SESSION AUTHORIZATION;
-- nothing is half done
CREATE TEMP TABLE at_start AS SELECT name, setting, source FROM pg_settings WHERE name ~ 'work_mem';
SELECT upgrade_prereq_raise('1GB', '3TB');
SELECT n.name, n.setting FROM pg_settings AS n JOIN at_start AS s USING (name) WHERE n.setting <> s.setting;

\i :teardown
-- without an installation there is nothing to recommend
SELECT upgrade_prereq_raise();
