-- 76_export.sql: definitions as a script, and how a script and a database differ. See docs/definitions.md.

CREATE FUNCTION synergy.quoted(value text, tag text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN value !~ E'[\n''\\\\]' THEN quote_literal(value)
		ELSE coalesce((SELECT d.delimiter || value || d.delimiter
			FROM (SELECT '$' || tag || CASE WHEN n > 0 THEN n::text ELSE '' END || '$' AS delimiter FROM generate_series(0, 9) n) d
			WHERE strpos(value || d.delimiter, d.delimiter) = length(value) + 1 LIMIT 1), quote_literal(value)) END;
COMMENT ON FUNCTION synergy.quoted(text, text) IS
'A text as a literal that people can read: between dollars with this tag when it has lines, quotes or backslashes';

CREATE FUNCTION synergy.call_text(function text, literals text[], named text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN 'SELECT synergy.' || function || '('
		|| (SELECT string_agg(quote_nullable(v.value), ', ' ORDER BY v.n) FROM unnest(literals) WITH ORDINALITY v (value, n))
		|| coalesce((SELECT string_agg(E',\n\t' || a.argument, '' ORDER BY a.n) FROM unnest(named) WITH ORDINALITY a (argument, n)
			WHERE a.argument IS NOT NULL), '') || ');';
COMMENT ON FUNCTION synergy.call_text(text, text[], text[]) IS
'The call of one of our functions as a statement: values as literals, named arguments as they are, a line each';

CREATE FUNCTION synergy.freerun_text(definition jsonb) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN synergy.call_text('register_freerun', ARRAY[definition->>'process_name', definition->>'entry_name', definition->>'trigger_frequency'], ARRAY[
		CASE WHEN definition->>'worker' <> 'sql' THEN format('worker => %L', definition->>'worker') END,
		CASE WHEN definition->'arguments' <> '{}' THEN format('arguments => %L', definition->'arguments') END,
		'description => ' || quote_literal(definition->>'description'),
		CASE WHEN definition->>'timezone' <> 'UTC' THEN format('timezone => %L', definition->>'timezone') END,
		CASE WHEN definition->>'is_on' = 'false' THEN 'is_on => false' END,
		CASE WHEN definition->'options' <> '{}' THEN format('options => %L', definition->'options') END,
		'command => ' || synergy.quoted(definition->>'command', CASE definition->>'worker' WHEN 'exec' THEN 'sh' ELSE 'sql' END)]);
COMMENT ON FUNCTION synergy.freerun_text(jsonb) IS 'The call of synergy.register_freerun that makes a row of synergy.freerun, with what is not by default';

-- a timetable that register_process makes by itself
CREATE VIEW synergy.own_timetable AS
SELECT t.tree_name FROM synergy.timetable t JOIN synergy.process p ON p.process_name = t.tree_name AND p.tree_name = t.tree_name AND p.owner = t.owner
WHERE t.dependent_on = '{}' AND t.start_timeperiod IS NULL AND t.end_timeperiod IS NULL;
COMMENT ON VIEW synergy.own_timetable IS 'Timetables that say nothing: each is named like a process of it, and comes with that';
COMMENT ON COLUMN synergy.own_timetable.tree_name IS 'The timetable';

-- each statement of a script, by kind and name; number: the order of kinds, and how deep a timetable depends on others
CREATE VIEW synergy.definition_text AS
WITH RECURSIVE depth (tree_name, number) AS (
	SELECT t.tree_name, 0 FROM synergy.timetable t
	UNION
	SELECT t.tree_name, d.number + 1 FROM depth d JOIN synergy.timetable t ON d.tree_name = ANY (t.dependent_on)
)
SELECT 'timetable' AS kind, t.tree_name AS name, (SELECT max(d.number) FROM depth d WHERE d.tree_name = t.tree_name) AS number, t.owner,
	synergy.call_text('register_timetable', ARRAY[t.tree_name], ARRAY[
		CASE WHEN t.dependent_on <> '{}' THEN format('dependent_on => %L', ARRAY(SELECT n FROM unnest(t.dependent_on) n ORDER BY n COLLATE "C")) END,
		'start_timeperiod => ' || quote_literal(t.start_timeperiod), 'end_timeperiod => ' || quote_literal(t.end_timeperiod)]) AS statement
FROM synergy.timetable t
WHERE t.tree_name NOT IN (SELECT o.tree_name FROM synergy.own_timetable o) OR t.tree_name IN (SELECT unnest(d.dependent_on) FROM synergy.timetable d)
UNION ALL
SELECT 'process', p.process_name, 1000000, p.owner,
	synergy.call_text('register_process', ARRAY[p.process_name, p.time_qualifier], ARRAY[
		CASE WHEN p.tree_name <> p.process_name THEN format('tree_name => %L', p.tree_name) END,
		CASE WHEN p.worker <> 'sql' THEN format('worker => %L', p.worker) END,
		CASE WHEN p.trigger_frequency <> 'every 60' THEN format('trigger_frequency => %L', p.trigger_frequency) END,
		CASE WHEN p.state_machine <> 'discrete' THEN format('state_machine => %L', p.state_machine) END,
		CASE WHEN p.blocking_type <> 'normal' THEN format('blocking_type => %L', p.blocking_type) END,
		CASE WHEN p.time_grouping <> 1 THEN format('time_grouping => %s', p.time_grouping) END,
		'source => ' || quote_literal(coalesce(p.source_table, p.source)), 'sink => ' || quote_literal(p.sink),
		CASE WHEN p.arguments <> '{}' THEN format('arguments => %L', p.arguments) END,
		CASE WHEN p.start_timeperiod IS DISTINCT FROM t.start_timeperiod THEN format('start_timeperiod => %L', p.start_timeperiod) END,
		CASE WHEN NOT p.is_on THEN 'is_on => false' END,
		CASE WHEN p.options <> '{}' THEN format('options => %L', p.options) END,
		'command => ' || synergy.quoted(p.command, CASE p.worker WHEN 'exec' THEN 'sh' ELSE 'sql' END)])
FROM synergy.process p LEFT JOIN synergy.timetable t ON t.tree_name = p.tree_name
UNION ALL
SELECT 'freerun', format('%I.%I', f.process_name, f.entry_name), 1000001, f.owner, synergy.freerun_text(to_jsonb(f)) FROM synergy.freerun f
UNION ALL
SELECT 'daemon', d.process_name, 1000002, d.owner,
	synergy.call_text('register_daemon', ARRAY[d.process_name], ARRAY[
		CASE WHEN d.present_on_boxes <> '{}' THEN format('present_on_boxes => %L', d.present_on_boxes) END,
		CASE WHEN NOT d.is_on THEN 'is_on => false' END,
		CASE WHEN d.options <> '{}' THEN format('options => %L', d.options) END,
		'command => ' || synergy.quoted(d.command, 'sh')])
FROM synergy.daemon d;
COMMENT ON VIEW synergy.definition_text IS 'The call that registers each definition, see synergy.export';
COMMENT ON COLUMN synergy.definition_text.kind IS 'timetable, process, freerun, daemon';
COMMENT ON COLUMN synergy.definition_text.name IS 'Its name; of a freerun process.entry, quoted as identifiers are';
COMMENT ON COLUMN synergy.definition_text.number IS 'Definitions are registered in this order, and by name';
COMMENT ON COLUMN synergy.definition_text.owner IS 'The role that it belongs to';
COMMENT ON COLUMN synergy.definition_text.statement IS 'The call; only arguments that are not as they are by default';

-- whose definitions are only as good as his right to register them
CREATE FUNCTION synergy.may_register(role oid) RETURNS boolean
	LANGUAGE sql STABLE STRICT
	RETURN has_schema_privilege(role, 'synergy', 'USAGE')
		AND has_function_privilege(role, 'synergy.register_freerun(text, text, text, text, text, jsonb, text, text, boolean, jsonb)', 'EXECUTE');
COMMENT ON FUNCTION synergy.may_register(oid) IS 'Is the role an author, or has it the rights of one?';

-- without JIT: the planner takes these views to be so expensive that it would compile for seconds
CREATE FUNCTION synergy.export() RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	script text := '';
	granted text := '';
	present regrole;
	d record;
	lent text[];
BEGIN
	-- a name may have lines, and a comment ends with its first one
	SELECT string_agg(regexp_replace(quote_ident(o.rolname), '[[:cntrl:]]', '?', 'g'), ', ' ORDER BY o.rolname COLLATE "C"),
			array_agg(o.rolname::text ORDER BY o.rolname COLLATE "C") FILTER (WHERE NOT synergy.may_register(o.oid))
		INTO d FROM pg_roles o WHERE o.oid IN (SELECT t.owner::oid FROM synergy.timetable t UNION SELECT p.owner::oid FROM synergy.process p
			UNION SELECT f.owner::oid FROM synergy.freerun f UNION SELECT m.owner::oid FROM synergy.daemon m);
	lent := coalesce(d.array_agg, '{}');
	script := E'-- Definitions of Synergy, as synergy.export() writes them. Can be run again: psql -1 -v ON_ERROR_STOP=1 -f FILE\n';
	IF d.string_agg IS NOT NULL THEN
		script := script || format(E'-- by a superuser, or a member of all these roles: %s\n', d.string_agg);
	END IF;
	-- who may not call synergy.grant could not run it either
	IF has_function_privilege('synergy.grant(text, name)', 'EXECUTE') THEN
		FOR d IN SELECT r.rolname, p.privilege FROM pg_roles r, unnest(synergy.privileges_of(r.oid::regrole)) p (privilege)
			ORDER BY r.rolname COLLATE "C", p.privilege COLLATE "C"
		LOOP
			granted := granted || format(E'SELECT synergy.grant(%L, %L);\n', d.privilege, d.rolname);
		END LOOP;
	END IF;
	IF lent <> '{}' THEN
		granted := granted || E'-- these may not register anything by themselves: lent, and taken back below\n';
		FOR d IN SELECT unnest(lent) AS rolname LOOP
			granted := granted || format(E'SELECT synergy.grant(''author'', %L);\n', d.rolname);
		END LOOP;
	END IF;
	IF granted <> '' THEN
		script := script || E'\n' || granted;
	END IF;
	FOR d IN SELECT t.owner, r.rolname, t.statement FROM synergy.definition_text t LEFT JOIN pg_roles r ON r.oid = t.owner::oid
		ORDER BY t.number, t.name COLLATE "C"
	LOOP
		IF d.owner IS DISTINCT FROM present THEN
			script := script || CASE WHEN d.rolname IS NULL THEN E'\nRESET ROLE;	-- the role that owned these is no longer there\n'
				ELSE format(E'\nSET ROLE %I;\n', d.rolname) END;
			present := d.owner;
		END IF;
		script := script || d.statement || E'\n';
	END LOOP;
	IF present IS NOT NULL THEN
		script := script || E'\nRESET ROLE;\n';
	END IF;
	FOR d IN SELECT unnest(lent) AS rolname LOOP
		script := script || format(E'SELECT synergy.revoke(''author'', %L);\n', d.rolname);
	END LOOP;
	RETURN script;
END;
$$;
COMMENT ON FUNCTION synergy.export() IS
'All definitions that the caller sees as an SQL script: timetables, processes, freeruns, daemons, whose they are, and for the admin also what was granted. Run in an empty database it makes the same ones, run again it changes nothing; the same definitions give the same text';

CREATE FUNCTION synergy.definition_attributes() RETURNS TABLE (kind text, name text, attribute text, value text)
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT 'timetable', t.tree_name, a.attribute, a.value FROM synergy.timetable t CROSS JOIN LATERAL (VALUES
		('dependent_on', ARRAY(SELECT n FROM unnest(t.dependent_on) n ORDER BY n COLLATE "C")::text), ('start_timeperiod', t.start_timeperiod),
		('end_timeperiod', t.end_timeperiod), ('owner', t.owner::text),
		('comes with its process', (t.tree_name IN (SELECT o.tree_name FROM synergy.own_timetable o))::text)) a (attribute, value)
	UNION ALL
	SELECT 'process', p.process_name, a.attribute, a.value FROM synergy.process p CROSS JOIN LATERAL (VALUES
		('time_qualifier', p.time_qualifier), ('tree_name', p.tree_name), ('worker', p.worker), ('trigger_frequency', p.trigger_frequency),
		('state_machine', p.state_machine), ('blocking_type', p.blocking_type), ('time_grouping', p.time_grouping::text),
		('source', coalesce(p.source_table, p.source)), ('sink', p.sink), ('arguments', p.arguments::text),
		('start_timeperiod', p.start_timeperiod), ('is_on', p.is_on::text), ('options', p.options::text), ('command', p.command),
		('owner', p.owner::text)) a (attribute, value)
	UNION ALL
	SELECT 'freerun', format('%I.%I', f.process_name, f.entry_name), a.attribute, a.value FROM synergy.freerun f CROSS JOIN LATERAL (VALUES
		('trigger_frequency', f.trigger_frequency), ('worker', f.worker), ('arguments', f.arguments::text), ('description', f.description),
		('timezone', f.timezone), ('is_on', f.is_on::text), ('options', f.options::text), ('command', f.command),
		('owner', f.owner::text)) a (attribute, value)
	UNION ALL
	SELECT 'daemon', d.process_name, a.attribute, a.value FROM synergy.daemon d CROSS JOIN LATERAL (VALUES
		('present_on_boxes', d.present_on_boxes::text), ('is_on', d.is_on::text), ('options', d.options::text), ('command', d.command),
		('owner', d.owner::text)) a (attribute, value);
END;
COMMENT ON FUNCTION synergy.definition_attributes() IS
'All definitions that the caller sees, an attribute a row: what synergy.diff compares. A freerun is named process.entry, quoted as identifiers are';

CREATE FUNCTION synergy.definitions_of(script text) RETURNS TABLE (kind text, name text, attribute text, value text)
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'synergy_definitions_of';
COMMENT ON FUNCTION synergy.definitions_of(text) IS
'What synergy.definition_attributes would say in a database in which nothing but this script has been run; with kind privilege what it grants. The script is run as the caller, and rolled back, under the lock that rounds take. owner is NULL when no SET ROLE says it. ERROR 22004, 0A000 for ROLLBACK and the like, and what the script raises';
