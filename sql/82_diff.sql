-- 82_diff.sql: how a script of definitions and the database differ. See docs/definitions.md.

-- The script sees the caller's search_path: so none is pinned here, and names are those of when this was created.
CREATE FUNCTION synergy.diff(script text)
	RETURNS TABLE (kind text, name text, what text, attribute text, in_script text, in_database text)
	LANGUAGE sql VOLATILE SET jit = off
BEGIN ATOMIC
	WITH wanted AS MATERIALIZED (SELECT s.kind, s.name, s.attribute, s.value FROM synergy.definitions_of(diff.script) s),
	present AS MATERIALIZED (
		SELECT d.kind, d.name, d.attribute, d.value FROM synergy.definition_attributes() d
		-- a script that grants nothing says nothing of what is granted
		UNION ALL SELECT 'privilege', r.rolname::text, p.privilege, 'granted' FROM pg_roles r, unnest(synergy.privileges_of(r.oid::regrole)) p (privilege)
			WHERE EXISTS (SELECT FROM wanted s WHERE s.kind = 'privilege')),
	-- on one side only; a timetable that comes with its process is told by that
	lone AS (
		SELECT coalesce(s.kind, d.kind) AS kind, coalesce(s.name, d.name) AS name, s.kind IS NOT NULL AS in_script
		FROM (SELECT DISTINCT w.kind, w.name FROM wanted w WHERE w.kind <> 'privilege') s
		FULL JOIN (SELECT DISTINCT p.kind, p.name FROM present p WHERE p.kind <> 'privilege') d ON (d.kind, d.name) = (s.kind, s.name)
		WHERE (s.kind IS NULL OR d.kind IS NULL) AND NOT EXISTS (SELECT FROM (TABLE wanted UNION ALL TABLE present) o
			WHERE (o.kind, o.name, o.attribute, o.value) = (coalesce(s.kind, d.kind), coalesce(s.name, d.name), 'comes with its process', 'true')))
	SELECT l.kind, l.name, CASE WHEN l.in_script THEN 'missing' ELSE 'extra' END AS what, NULL::text AS attribute, NULL::text, NULL::text FROM lone l
	UNION ALL
	SELECT s.kind, s.name, 'differs', s.attribute, s.value, d.value
	FROM wanted s JOIN present d ON (d.kind, d.name, d.attribute) = (s.kind, s.name, s.attribute)
	WHERE s.value IS DISTINCT FROM d.value AND s.attribute <> 'comes with its process'
	-- what it does not say: see definitions_of
	AND NOT (s.attribute = 'owner' AND s.value IS NULL) AND NOT (s.kind = 'process' AND s.attribute = 'start_timeperiod' AND s.value LIKE '0001%')
	UNION ALL
	SELECT 'privilege', coalesce(s.name, d.name), CASE WHEN d.kind IS NULL THEN 'missing' ELSE 'extra' END, coalesce(s.attribute, d.attribute), s.value, d.value
	FROM (SELECT * FROM wanted w WHERE w.kind = 'privilege') s FULL JOIN (SELECT * FROM present p WHERE p.kind = 'privilege') d
		ON (d.name, d.attribute) = (s.name, s.attribute) WHERE s.kind IS NULL OR d.kind IS NULL
	ORDER BY 1, 2, 4;
END;
COMMENT ON FUNCTION synergy.diff(text) IS
'How a script of definitions, as synergy.export writes it or any other that calls register functions, and the database differ: missing (only the script has it), extra (only the database), differs (an attribute). No row: they are the same. What the script does not say (owners, starts, privileges) is not compared. For the admin; runs the script as definitions_of does. ERROR as there';
REVOKE ALL ON FUNCTION synergy.diff(text) FROM PUBLIC;
