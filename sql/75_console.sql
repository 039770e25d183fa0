-- 75_console.sql: what the console (`synergy mx`) needs besides what everybody uses.

CREATE FUNCTION synergy.json_arguments(body jsonb, known text[]) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	unknown text;
BEGIN
	IF jsonb_typeof($1) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'the arguments are not a JSON object, but %', coalesce(jsonb_typeof($1), 'nothing')
			USING ERRCODE = '22023', HINT = format('Known are %s.', array_to_string($2, ', '));
	END IF;
	SELECT k INTO unknown FROM jsonb_object_keys($1) k WHERE k <> ALL ($2) ORDER BY k LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown argument "%"', unknown
			USING ERRCODE = '22023', HINT = format('Known are %s.', array_to_string($2, ', '));
	END IF;
	RETURN $1;
END;
$$;
COMMENT ON FUNCTION synergy.json_arguments(jsonb, text[]) IS
'The body, when it is a JSON object with no other keys than the known ones. ERROR 22023 else';
