-- every object of the extension has a COMMENT
SELECT o.kind, o.name FROM (
	SELECT 'schema' AS kind, nspname::text AS name, obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = 'synergy'
	UNION ALL SELECT 'relation', relname, obj_description(oid, 'pg_class') FROM pg_class
		WHERE relnamespace = 'synergy'::regnamespace AND (relkind IN ('r', 'v') OR (relkind = 'S' AND NOT EXISTS
			(SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'i')))
	UNION ALL SELECT 'column', attrelid::regclass || '.' || attname, col_description(attrelid, attnum) FROM pg_attribute
		JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'synergy'::regnamespace AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped
	UNION ALL SELECT 'function', oid::regprocedure::text, obj_description(oid, 'pg_proc') FROM pg_proc WHERE pronamespace = 'synergy'::regnamespace
	UNION ALL SELECT 'type', typname, obj_description(oid, 'pg_type') FROM pg_type
		WHERE typnamespace = 'synergy'::regnamespace AND typtype IN ('e', 'd')) o
WHERE comment IS NULL ORDER BY 1, 2;
-- and nothing is left over when it goes
DROP EXTENSION synergy;
SELECT count(*) FROM pg_class WHERE relnamespace = 'synergy'::regnamespace;
CREATE EXTENSION synergy;
