"""Who is told: pure, so that the configuration's meaning is in one place."""

from collections.abc import Iterable

from yett.alerts.alert import Sighting
from yett.alerts.config import AlertsConfig, Route


def destinations_for(config: AlertsConfig, seen: Sighting) -> tuple[str, ...]:
    """Return the names of those who are told of it, sorted.

    What fits no route is not lost, but must not reach those who are there for one tenant.
    """
    if not config.routes:
        names: Iterable[str] = config.to
    else:
        fitting = [route for route in config.routes if _fits(route, seen)]
        of_tenants = {name for route in config.routes if route.tenants for name in route.to}
        names = (
            {name for route in fitting for name in route.to}
            if fitting
            else config.to.keys() - of_tenants
        )
    failing = seen.subject if seen.kind == "destination" else ""
    return tuple(sorted(name for name in names if f"destination:{name}" != failing))


def _fits(route: Route, seen: Sighting) -> bool:
    return (
        (not route.kinds or any(_is_kind(pattern, seen.kind) for pattern in route.kinds))
        and (not route.tenants or seen.tenant in route.tenants)
        and route.severity in (None, seen.severity)
    )


def _is_kind(pattern: str, kind: str) -> bool:
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern
