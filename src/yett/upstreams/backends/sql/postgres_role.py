"""May the role do more than read? Asked of each new connection, so that a right given later is noticed."""

from typing import Any, Final

from yett.core.errors import Fault
from yett.core.reasons import Reason

_SHOWN_MAX: Final = 3

RIGHTS: Final = """
select
  r.rolname::text as role,
  exists (
    select from pg_catalog.pg_roles m
    where (m.rolsuper or m.rolbypassrls or m.rolcreaterole or m.rolreplication)
      and pg_catalog.pg_has_role(r.oid, m.oid, 'member')
  ) as is_mighty,
  pg_catalog.array(
    select m.rolname::text from pg_catalog.pg_roles m
    where m.rolname in (
        'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program',
        'pg_write_all_data', 'pg_signal_backend', 'pg_read_all_stats', 'pg_monitor',
        'pg_maintain', 'pg_checkpoint', 'pg_database_owner'
      )
      and pg_catalog.pg_has_role(r.oid, m.oid, 'member')
  ) as memberships,
  pg_catalog.array(
    select pg_catalog.format('%s.%s', n.nspname, c.relname)
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
      and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
      and (
        pg_catalog.pg_has_role(r.oid, c.relowner, 'member')
        or pg_catalog.has_table_privilege(c.oid, 'insert, update, delete, truncate')
        or pg_catalog.has_any_column_privilege(c.oid, 'insert, update')
      )
    order by 1 limit 4
  ) as writable
from pg_catalog.pg_roles r
where r.rolname = current_user
""".replace("pg_catalog.array(", "array(")


def check_rights(rights: Any) -> None:
    """Look at what `RIGHTS` returned.

    Raises:
        Fault: UPSTREAM_INVALID, the role may do more than read; with what to do.
    """
    role = rights["role"]
    if rights["is_mighty"]:
        raise _too_much(
            role,
            "is a superuser, passes over row security, or can make roles",
            f"Make another role: {_RECIPE}",
        )
    if rights["memberships"]:
        names = ", ".join(rights["memberships"])
        raise _too_much(
            role,
            f"is a member of {names}",
            f"REVOKE {names} FROM {role}, or make another: {_RECIPE}",
        )
    writable = rights["writable"]
    if writable:
        more = " and others" if len(writable) > _SHOWN_MAX else ""
        names = ", ".join(writable[:_SHOWN_MAX])
        raise _too_much(
            role,
            f"owns or may write {names}{more}",
            f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {names} FROM {role} (and from PUBLIC); if it"
            f" owns them, make another role: {_RECIPE}",
        )


def check_behind(names: list[str]) -> None:
    """Look at what `BEHIND` returned: a statement that names such a table locks the same as one that reads the view.

    Raises:
        Fault: UPSTREAM_INVALID, there is something.
    """
    if names:
        raise Fault(
            Reason.UPSTREAM_INVALID,
            f"the role may read {', '.join(names[:_SHOWN_MAX])}, which is not in `tables`, but behind or below"
            " something that is: nothing is run with it. Name it in `tables` as well, or REVOKE SELECT on it",
        )


_RECIPE: Final = (
    "CREATE ROLE reader LOGIN PASSWORD '…'; GRANT USAGE ON SCHEMA public TO reader;"
    " GRANT SELECT ON orders, customers TO reader"
)


def _too_much(role: str, what: str, fix: str) -> Fault:
    return Fault(
        Reason.UPSTREAM_INVALID, f"the role `{role}` {what}: nothing is run with it. {fix}"
    )
