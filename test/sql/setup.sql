-- the tests step through time by themselves: the scheduler of this database is switched off
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synergy.enabled = off', current_database()); END $$;
CREATE EXTENSION synergy;
SELECT extname, extversion FROM pg_extension WHERE extname = 'synergy';
