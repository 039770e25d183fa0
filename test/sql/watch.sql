-- synergy.watch: what it accepts, and who may call it; what is told is in test/t/014_watch.pl
SELECT synergy.watch(NULL);
SELECT synergy.watch('999 milliseconds');
SELECT synergy.watch('10 minutes 1 microsecond');
SELECT synergy.watch('-1 minute');
SELECT synergy.watch('1 month -30 days -1 second');
SELECT synergy.watch('178000000 years');
-- the scheduler of this database is switched off, and can tell nothing
DO $$ BEGIN
	WHILE (SELECT scheduler_state <> 'disabled' FROM synergy.status()) LOOP
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT synergy.watch() IS NULL AS nothing, synergy.watch('1 second') IS NULL AS shortest, synergy.watch('10 minutes') IS NULL AS longest,
	synergy.watch('1 month -30 days 1 minute') IS NULL AS odd;
BEGIN READ ONLY;
SELECT synergy.watch() IS NULL AS may_be_read_only;
COMMIT;
CREATE ROLE synergy_test_nobody;
CREATE ROLE synergy_test_viewer;
SELECT synergy.grant('viewer', 'synergy_test_viewer');
SET ROLE synergy_test_nobody;
SELECT synergy.watch();
SET ROLE synergy_test_viewer;
SELECT synergy.watch() IS NULL AS may;
RESET ROLE;
DROP OWNED BY synergy_test_nobody, synergy_test_viewer;
DROP ROLE synergy_test_nobody, synergy_test_viewer;
