"""What a database consists of beside its rows, from its catalogues: names and definitions, in a form that survives dump and restore.

The queries run with an empty search_path, so that every name comes with its schema. Definitions are the server's own text of a parsed expression,
and that text is not always the same after a round trip: casts and brackets move (`(s)::text = ANY ((ARRAY['a'::character varying])::text[])` comes
back as `(s)::text = ANY (ARRAY[('a'::character varying)::text])`). So they are compared without casts, brackets and blanks; the names, the operators,
the constants and their order stay.
"""

from __future__ import annotations

import hashlib
import re

from trueup.jobs.backup.sources.postgresql.session import Session

_OURS = """n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""


def _not_of_extension(catalogue: str, oid: str) -> str:
    return (
        f"NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.{catalogue}'::regclass"
        f" AND d.objid = {oid} AND d.deptype = 'e')"
    )


def _acl(value: str, kind: str, owner: str) -> str:
    """Grants as text: who may do what, in one order; the grantor may become the owner in a restore."""
    return f"""(SELECT string_agg(one, ',' ORDER BY one COLLATE "C") FROM (SELECT format('%s %s%s',
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END, a.privilege_type,
        CASE WHEN a.is_grantable THEN ' +' END) AS one
        FROM aclexplode(coalesce({value}, acldefault('{kind}', {owner}))) a) AS grants)"""


_TABLE = "format('%s.%s', n.nspname, c.relname)"
_RELATIONS = f"pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND {_OURS} AND c.relpersistence <> 't'"
_OWN = _not_of_extension("pg_class", "c.oid")

TABLES = f"""
SELECT c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text,
  CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid) ELSE 0 END,
  CASE WHEN c.relkind = 'r' THEN pg_table_size(c.oid) ELSE 0 END,
  ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY a.attname COLLATE "C"),
  coalesce((SELECT array_agg(i.inhparent::bigint) FROM pg_inherits i WHERE i.inhrelid = c.oid), ARRAY[]::bigint[])
FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'm', 'f') AND {_OWN}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""

SEQUENCES = f"""
SELECT c.oid::bigint, n.nspname::text, c.relname::text FROM {_RELATIONS}
WHERE c.relkind = 'S' AND {_OWN} ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""

ANY_RELATION = f"SELECT FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {_OWN}"

_SIGNATURE = "format('%s.%s(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))"
_ROUTINES = f"""pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND {_OURS} JOIN pg_language l ON l.oid = p.prolang
  WHERE {_not_of_extension("pg_proc", "p.oid")}"""

_TYPES = f"""pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND {_OURS} LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c') AND {_not_of_extension("pg_type", "t.oid")}"""

OWNERS = f"""
SELECT 'schema ' || n.nspname, pg_get_userbyid(n.nspowner)::text FROM pg_namespace n
  WHERE {_OURS} AND {_not_of_extension("pg_namespace", "n.oid")}
UNION ALL SELECT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialised view ' WHEN 'S' THEN 'sequence ' WHEN 'f' THEN 'foreign table '
    ELSE 'table ' END || {_TABLE}, pg_get_userbyid(c.relowner)::text
  FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND {_OWN}
UNION ALL SELECT 'routine ' || {_SIGNATURE}, pg_get_userbyid(p.proowner)::text FROM {_ROUTINES}
UNION ALL SELECT 'type ' || format('%s.%s', n.nspname, t.typname), pg_get_userbyid(t.typowner)::text FROM {_TYPES}
"""

EXTENSIONS = 'SELECT extname::text FROM pg_extension ORDER BY extname COLLATE "C"'

# Kind (as it stands in sentences): a query for names and definitions. An empty definition: the name alone counts.
_KINDS: dict[str, str] = {
    "schema": f"SELECT n.nspname, '' FROM pg_namespace n WHERE {_OURS} AND {_not_of_extension('pg_namespace', 'n.oid')}",
    "extension": "SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    "table": f"""SELECT {_TABLE}, concat_ws(E'\\n', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
        pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
        (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid),
        (SELECT string_agg(o, ',' ORDER BY o COLLATE "C") FROM unnest(c.reloptions) o))
      FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'f') AND {_OWN}""",
    "columns of": f"""SELECT {_TABLE}, (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
          CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'identity=' || a.attidentity::text, 'generated=' || a.attgenerated::text,
          'collation=' || (SELECT o.collname FROM pg_collation o WHERE o.oid = a.attcollation AND o.oid <> t.typcollation),
          'default=' || pg_get_expr(d.adbin, d.adrelid)), E'\\n' ORDER BY a.attname COLLATE "C")
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
      FROM {_RELATIONS} WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {_OWN}""",
    "view": f"""SELECT {_TABLE}, concat_ws(E'\\n', c.relkind, c.relispopulated, c.reloptions::text, pg_get_viewdef(c.oid))
      FROM {_RELATIONS} WHERE c.relkind IN ('v', 'm') AND {_OWN}""",
    # An invalid index (a CREATE INDEX CONCURRENTLY that failed) is not dumped.
    "index": f"""SELECT format('%s.%s', n.nspname, i.relname), concat_ws(E'\\n', pg_get_indexdef(x.indexrelid), x.indisclustered, x.indisreplident)
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN {_RELATIONS} ON c.oid = x.indrelid
      WHERE c.relkind IN ('r', 'p', 'm') AND (x.indisvalid OR c.relkind = 'p') AND {_OWN}""",
    # Of a constraint that partitions inherit, the copies may have other names after a restore.
    "constraint": f"""SELECT format('%s on %s', k.conname, {_TABLE}), concat_ws(E'\\n', pg_get_constraintdef(k.oid), k.convalidated)
      FROM pg_constraint k JOIN {_RELATIONS} ON c.oid = k.conrelid WHERE k.conparentid = 0 AND {_OWN}
      UNION ALL SELECT format('%s on %s.%s', k.conname, n.nspname, t.typname), pg_get_constraintdef(k.oid)
      FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN pg_namespace n ON n.oid = t.typnamespace AND {_OURS}
      WHERE {_not_of_extension("pg_type", "t.oid")}""",
    "trigger": f"""SELECT format('%s on %s', g.tgname, {_TABLE}), concat_ws(E'\\n', pg_get_triggerdef(g.oid), g.tgenabled)
      FROM pg_trigger g JOIN {_RELATIONS} ON c.oid = g.tgrelid
      WHERE NOT g.tgisinternal AND coalesce(to_jsonb(g) ->> 'tgparentid', '0') = '0' AND {_OWN}""",
    "event trigger": f"""SELECT g.evtname, concat_ws(E'\\n', g.evtevent, g.evtenabled, g.evttags::text, g.evtfoid::regprocedure)
      FROM pg_event_trigger g WHERE {_not_of_extension("pg_event_trigger", "g.oid")}""",
    "rule": f"""SELECT format('%s on %s', r.rulename, {_TABLE}), concat_ws(E'\\n', pg_get_ruledef(r.oid), r.ev_enabled)
      FROM pg_rewrite r JOIN {_RELATIONS} ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN' AND {_OWN}""",
    "policy": f"""SELECT format('%s on %s', p.polname, {_TABLE}), concat_ws(E'\\n', p.polcmd, p.polpermissive,
        (SELECT string_agg(coalesce(pg_get_userbyid(nullif(o, 0)), 'PUBLIC'), ',' ORDER BY 1) FROM unnest(p.polroles) o),
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
      FROM pg_policy p JOIN {_RELATIONS} ON c.oid = p.polrelid WHERE {_OWN}""",
    "routine": f"""SELECT {_SIGNATURE}, concat_ws(E'\\n', p.prokind, l.lanname, p.provolatile, p.proisstrict, p.prosecdef, p.proleakproof,
        p.proparallel, p.procost, p.prorows, p.proconfig::text, p.probin, pg_get_function_result(p.oid), pg_get_function_arguments(p.oid),
        md5(p.prosrc), CASE WHEN p.prokind <> 'a' AND p.prosrc = '' THEN pg_get_functiondef(p.oid) END,
        (SELECT concat_ws(',', g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.agginitval, g.aggtranstype::regtype)
          FROM pg_aggregate g WHERE g.aggfnoid = p.oid)) FROM {_ROUTINES}""",
    "type": f"""SELECT format('%s.%s', n.nspname, t.typname), concat_ws(E'\\n', t.typtype, t.typnotnull, t.typdefault,
        CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
        (SELECT string_agg(e.enumlabel, E'\\n' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
        (SELECT r.rngsubtype::regtype::text FROM pg_range r WHERE r.rngtypid = t.oid)) FROM {_TYPES}""",
    "sequence": f"""SELECT {_TABLE}, concat_ws(E'\\n', format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache,
        s.seqcycle, (SELECT format('%s %s', d.refobjid::regclass, a.attname) FROM pg_depend d
          JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass))
      FROM pg_sequence s JOIN {_RELATIONS} ON c.oid = s.seqrelid WHERE {_OWN}""",
    "grants on": f"""SELECT {_TABLE}, {_acl("c.relacl", "r", "c.relowner")} FROM {_RELATIONS}
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_OWN}
      UNION ALL SELECT 'sequence ' || {_TABLE}, {_acl("c.relacl", "s", "c.relowner")} FROM {_RELATIONS} WHERE c.relkind = 'S' AND {_OWN}
      UNION ALL SELECT format('%s.%s', {_TABLE}, a.attname), {_acl("a.attacl", "c", "c.relowner")} FROM {_RELATIONS}
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL AND a.attnum > 0 AND NOT a.attisdropped WHERE {_OWN}
      UNION ALL SELECT 'schema ' || n.nspname, {_acl("n.nspacl", "n", "n.nspowner")} FROM pg_namespace n
        WHERE {_OURS} AND {_not_of_extension("pg_namespace", "n.oid")}
      UNION ALL SELECT 'routine ' || {_SIGNATURE}, {_acl("p.proacl", "f", "p.proowner")} FROM {_ROUTINES}""",
    "comment on": """SELECT concat_ws(' ', i.type, i.identity), c.description FROM pg_description c,
        LATERAL pg_identify_object(c.classoid, c.objoid, c.objsubid) i
      WHERE c.objoid >= 16384 AND c.classoid <> 'pg_extension'::regclass AND i.identity !~ '^pg_(temp|toast)'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = c.classoid AND d.objid = c.objoid AND d.deptype = 'e')""",
}

# What is rarer: that it is there.
_NAMED = (
    *("collation", "operator", "opclass", "opfamily", "cast", "conversion", "ts_config", "ts_dict", "statistic_ext"),
    *("publication", "foreign_server", "foreign_data_wrapper", "language", "transform", "default_acl", "am"),
)
_OTHERS = " UNION ALL ".join(
    f"""SELECT concat_ws(' ', i.type, i.identity), '' FROM pg_{one} o, LATERAL pg_identify_object('pg_{one}'::regclass, o.oid, 0) i
      WHERE o.oid >= 16384 AND {_not_of_extension(f"pg_{one}", "o.oid")} AND i.identity !~ '(^|[ .])pg_temp'"""
    for one in _NAMED
)

_TYPE = (
    r"character varying|bit varying|double precision|(?:timestamp|time)(?:\(\d\))? with(?:out)? time zone|interval[a-z ]*"
    r"|(?:\"(?:[^\"]|\"\")+\"|[\w$]+)(?:\.(?:\"(?:[^\"]|\"\")+\"|[\w$]+))?"
)
_UNSTABLE = re.compile(rf"::(?:{_TYPE})(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])*|[\s()]+")


def digest(definition: str) -> str:
    """A definition as it is kept in the manifest: its text may hold what is not for everybody, as the body of a function."""
    return hashlib.blake2b(_UNSTABLE.sub("", definition).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def objects(session: Session) -> dict[str, dict[str, str]]:
    """Everything but rows: kind ("trigger") -> name -> digest of the definition ("" where the name alone counts)."""
    found = {}
    for kind, query in {**_KINDS, "object": _OTHERS}.items():
        rows = session.rows(query, what=f"could not read the catalogue ({kind})")
        found[kind] = {str(name): digest(text) if text else "" for name, text in rows}
    return found


def owners(session: Session) -> dict[str, str]:
    """Who owns what: "table public.orders" -> role."""
    return {str(name): str(owner) for name, owner in session.rows(OWNERS, what="could not read the owners")}
