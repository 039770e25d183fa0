# All that the extension has put into the catalog, as lines that do not depend on oids or on the order in which it was made:
# definitions, comments, rights, and what pg_dump takes.
package Catalog;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(catalog_of);

my $query = <<'SQL';
SET search_path = pg_catalog;
WITH member AS (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
	WHERE e.extname = 'synergy' AND d.deptype = 'e'),
relation AS (SELECT c.* FROM pg_class c WHERE c.relnamespace = 'synergy'::regnamespace),
line (what, name, text) AS (
	SELECT 'member', pg_describe_object(classid, objid, 0), '' FROM member
	UNION ALL SELECT 'relation', relname, concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions::text, relacl::text, relowner::regrole) FROM relation
	UNION ALL SELECT 'column', relname || '.' || attname, concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
		attstorage, attacl::text, (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum))
		FROM relation JOIN pg_attribute a ON a.attrelid = relation.oid WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'v')
	UNION ALL SELECT 'sequence', relname, concat_ws(' ', format_type(seqtypid, NULL), seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle)
		FROM relation JOIN pg_sequence ON seqrelid = relation.oid
	UNION ALL SELECT 'view', relname, pg_get_viewdef(oid) FROM relation WHERE relkind = 'v'
	UNION ALL SELECT 'index', relname, pg_get_indexdef(oid) FROM relation WHERE relkind = 'i'
	UNION ALL SELECT 'constraint', conname, concat_ws(' ', conrelid::regclass, contypid::regtype, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'synergy'::regnamespace
	UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(t.oid) || tgenabled::text FROM pg_trigger t JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
	UNION ALL SELECT 'policy', polname || ' on ' || relname, concat_ws(' ', polcmd, polpermissive, polroles::regrole[]::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
		FROM pg_policy JOIN relation ON relation.oid = polrelid
	UNION ALL SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid) || coalesce(proacl::text, 'public') || proowner::regrole FROM pg_proc
		WHERE pronamespace = 'synergy'::regnamespace AND prokind <> 'a'
	UNION ALL SELECT 'type', typname, concat_ws(' ', typtype, typacl::text, (SELECT string_agg(enumlabel, ' ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid),
		format_type(typbasetype, typtypmod), typnotnull, typdefault) FROM pg_type t WHERE typnamespace = 'synergy'::regnamespace
	UNION ALL SELECT 'schema', nspname, concat_ws(' ', nspacl::text, nspowner::regrole) FROM pg_namespace WHERE nspname = 'synergy'
	UNION ALL SELECT 'default rights', defaclobjtype::text, defaclacl::text FROM pg_default_acl WHERE defaclnamespace = 'synergy'::regnamespace
	UNION ALL SELECT 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), description FROM pg_description d JOIN member ON (classid, objid) = (classoid, objoid)
	UNION ALL SELECT 'dumped', t.config::regclass::text, t.condition FROM pg_extension, unnest(extconfig, extcondition) t (config, condition) WHERE extname = 'synergy'
	UNION ALL SELECT 'version', extname, extversion FROM pg_extension WHERE extname = 'synergy')
SELECT what || ' ' || name || ': ' || replace(text, E'\n', ' ') FROM line ORDER BY what COLLATE "C", name COLLATE "C", text COLLATE "C"
SQL

sub catalog_of
{
	my ($node, $database) = @_;
	return split /\n/, $node->safe_psql($database, $query);
}

1;
