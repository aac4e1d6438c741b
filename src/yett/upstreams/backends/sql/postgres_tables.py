"""Which tables a statement touches, as PostgreSQL itself sees it: by the locks that it took.

A statement locks what it names, and what stands behind that, when it is read and before it runs. So without
a parser of our own it is known whether it stays within the tables that the operator named, and out of the
system's catalogs, which show what other callers do.
"""

from typing import Final, final

LOCKED: Final = """
select coalesce(pg_catalog.array_agg(distinct l.relation::int8), '{}') from pg_catalog.pg_lock_status() l
where l.pid = pg_catalog.pg_backend_pid() and l.relation is not null
"""
"""Names no table, so that it does not add to what it finds."""

_SYSTEM: Final = """
(n.nspname in ('pg_catalog', 'information_schema') or n.nspname ~ '^pg_')
"""

_REACHED: Final = f"""
with recursive reached (oid) as (
  select c.oid
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and not {_SYSTEM}
    and ($1::text[] is null or pg_catalog.format('%s.%s', n.nspname, c.relname) = any ($1::text[]))
  union
  select next.oid
  from reached,
  lateral (
    select i.inhrelid as oid from pg_catalog.pg_inherits i where i.inhparent = reached.oid
    union all
    select d.refobjid
    from pg_catalog.pg_rewrite w join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid
      and d.refclassid = 'pg_catalog.pg_class'::regclass
    where w.ev_class = reached.oid
  ) next
)
"""  # noqa: S608 - of constants

ALLOWED: Final = f"""
{_REACHED}, stored (oid) as (
  select r.oid from reached r
  union
  select c.reltoastrelid from pg_catalog.pg_class c join reached r on r.oid = c.oid
)
select s.oid::int8 as oid from stored s
union
select i.indexrelid::int8 from pg_catalog.pg_index i join stored s on s.oid = i.indrelid
"""  # noqa: S608 - of constants
"""All that may be locked. $1: `schema.table` of the only ones that may be read; null: all but the system's.
Behind a view, and below a partitioned table, everything may be."""

BEHIND: Final = f"""
{_REACHED}
select pg_catalog.format('%s.%s', n.nspname, c.relname) as name
from reached r join pg_catalog.pg_class c on c.oid = r.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where pg_catalog.format('%s.%s', n.nspname, c.relname) <> all ($1::text[])
  and pg_catalog.has_any_column_privilege(c.oid, 'select')
  and pg_catalog.has_schema_privilege(n.oid, 'usage')
order by 1 limit 4
"""  # noqa: S608 - of constants
"""What is not named, stands behind something that is, and may be read by the role directly. $1: as above."""

LISTED: Final = f"""
select n.nspname::text as schema, c.relname::text as name,
  case c.relkind when 'v' then 'view' when 'm' then 'view' else 'table' end as kind
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and not {_SYSTEM}
  and ($1::text[] is null or pg_catalog.format('%s.%s', n.nspname, c.relname) = any ($1::text[]))
  and ($2::text is null or pg_catalog.format('%s.%s', n.nspname, c.relname) = $2::text
    or (c.relname = $2::text and pg_catalog.pg_table_is_visible(c.oid)))
  and pg_catalog.has_schema_privilege(n.oid, 'usage')
  and pg_catalog.has_any_column_privilege(c.oid, 'select')
order by 1, 2 limit $3::int8
"""  # noqa: S608 - of constants
"""$1: as above. $2: one name, with or without its schema, or null. $3: at most so many."""

DESCRIBED: Final = """
select a.attname::text as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
  not a.attnotnull as nullable,
  exists (
    select from pg_catalog.pg_index i
    where i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey)
  ) as primary_key
from pg_catalog.pg_attribute a
where a.attrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, $2::text))
  and a.attnum > 0 and not a.attisdropped
  and pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'select')
order by a.attnum
"""


def full_names(tables: tuple[str, ...]) -> list[str] | None:
    """Return them with their schema: what the operator wrote without one is meant in `public`. None: all."""
    return [table if "." in table else f"public.{table}" for table in tables] or None


@final
class Tables:
    """The tables that may be read, and what is known of them until something unknown is locked."""

    __slots__ = ("_allowed", "named")

    def __init__(self, named: list[str] | None) -> None:
        self.named = named
        self._allowed: frozenset[int] = frozenset()

    def allow(self, locked: list[int]) -> bool:
        """Tell whether all of this is known to be allowed."""
        return self._allowed.issuperset(locked)

    def learn(self, allowed: list[int]) -> None:
        self._allowed = frozenset(allowed)
