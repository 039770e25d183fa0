-- 90_dump.sql: all of our tables hold the user's data: pg_dump takes it along.
SELECT pg_catalog.pg_extension_config_dump('synergy.' || c.relname, '')
FROM pg_catalog.pg_class c
WHERE c.relnamespace = 'synergy'::regnamespace AND c.relkind IN ('r', 'S')
ORDER BY c.oid;
