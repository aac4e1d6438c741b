"""`yett up`: serve in the foreground until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""

import asyncio
import ctypes
import gc
import importlib
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, final

import click

from yett.cli.command import Place, command
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.admin.server import AdminServer
    from yett.app.gateway import Gateway
    from yett.configuration.model import Configuration
    from yett.edge import Listener, Router

log: Final = logging.getLogger("yett")

DRAIN_SECONDS: Final = 30.0
# A call makes about a hundred objects and no cycles: to look for some every seven calls is waste.
_GC_THRESHOLDS: Final = (20_000, 20, 50)
_SWITCH_SECONDS: Final = 0.0005
"""A thread that computes beside the loop (alerts, signing) lets it go on after so long; Python's own 5 ms are more than a
call takes."""
_FIRST_SIGHT_SECONDS_MAX: Final = 1.0
"""So long the admin side waits for the servers to be asked, since agents come first."""


@click.command("up")
@command()
@click.option(
    "--first-key",
    "first_role",
    metavar="ROLE",
    help="Development: if there is no key yet, create one with this role and show it once.",
)
def group(place: Place, first_role: str | None) -> None:
    """Serve, in the foreground, until SIGTERM or Ctrl-C.

    Running calls get 30 seconds to end; a second signal does not wait for them. SIGHUP reads the
    configuration again, as a change of the file does.
    """
    gc.disable()  # what is made while starting stays; see `_settle`
    sys.setswitchinterval(_SWITCH_SECONDS)
    import uvloop

    configuration = place.configuration()
    if first_role is not None:
        from yett.cli.welcome import check_first_role

        check_first_role(configuration, first_role)
    uvloop.run(_serve(place, configuration, first_role))


@final
class _Signals:
    """stop: somebody wants the end. hurry: twice. on_reload: what SIGHUP does, once there is a gate."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self.on_reload: Callable[[], object] = lambda: None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        self.on_reload()

    def _end(self) -> None:
        if self.stop.is_set():
            self.hurry.set()
        else:
            log.info("stopping: running calls have %g s, or until a second signal", DRAIN_SECONDS)
            self.stop.set()


async def _serve(place: Place, configuration: "Configuration", first_role: str | None) -> None:
    # Before anything is opened: whoever is told to stop while starting puts things away, too.
    signals = _Signals()
    from yett.admin.token import open_token
    from yett.app.gateway import open_gateway
    from yett.telemetry.logs import configure

    place.make_data()
    gateway = open_gateway(
        place.config_path, data=place.data, clock=place.clock, loaded=place.loaded()
    )
    configure(configuration.telemetry.log_level, redact_text=gateway.estate.redactor.redact_text)
    signals.on_reload = gateway.reload
    try:
        await gateway.refresh()  # the first caller may be a thief with a honeytoken
        with _bound(configuration.admin.listen, "admin.listen") as admin_socket:
            listener, router, port = await _listen(place, configuration, gateway)
            admin: AdminServer | None = None
            try:
                # Who is told that the gate is ready may go there at once, and waits a moment for the answer.
                open_token(place.data)
                admin_socket.listen()
                gateway.start()
                await _prepare()
                url = _url(configuration, port)
                _say_ready(place, configuration, url, admin_socket.getsockname()[1])
                if first_role is not None:
                    from yett.cli.welcome import show_first_key

                    show_first_key(place, configuration, first_role, url)
                    await gateway.refresh()  # who pastes quickly must not be a stranger
                await gateway.first_sight(_FIRST_SIGHT_SECONDS_MAX)
                _settle()
                if await _is_visited(admin_socket, signals.stop):
                    admin = await _start_admin(place, configuration, gateway, admin_socket)
                    _settle()
                await signals.stop.wait()
            finally:
                await _drain(listener, signals)
                await router.close()
                if admin is not None:
                    await admin.stop()
    finally:
        await gateway.close()


async def _prepare() -> None:
    """Make what the first instruction in an answer would have to wait for, while the servers are asked what they offer."""
    from yett.sanitising.detectors.injection import prepare

    for _ in prepare():
        await asyncio.sleep(0)


def _settle() -> None:
    """What is there now stays, so the collector begins with what comes after it; what starting needed beside it is given
    back to the system, as far as the C library can be told to."""
    gc.freeze()
    with suppress(AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()


def _bound(listen: str, key: str) -> socket.socket:
    """Take the address before anybody is told that the gate is ready; serving there begins later.

    Raises:
        CommandError: it cannot be had.
    """
    host, port = address(listen)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        taken = socket.socket(family, kind, protocol)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(where)
        except OSError:
            taken.close()
            raise
    except OSError as error:
        raise _unavailable(listen, key, error) from error
    return taken


def _unavailable(listen: str, key: str, error: OSError) -> CommandError:
    # asyncio puts the address into `strerror` once more; the system's own word is enough.
    why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return CommandError(
        f"{listen} cannot be listened on: {why[:1].lower()}{why[1:]}. "
        f"Stop what uses it, or set another `{key}` in the configuration"
    )


async def _listen(
    place: Place, configuration: "Configuration", gateway: "Gateway"
) -> "tuple[Listener, Router, int]":
    from yett.edge import Listener, Router
    from yett.edge.origin import OriginPolicy, own_hosts

    host, port = address(configuration.listen)
    if port == 0:  # any that is free; the names by which callers reach it must be known before
        with _bound(configuration.listen, "listen") as free:
            port = free.getsockname()[1]
    hosts = own_hosts(host, port, configuration.allowed_hosts)
    origins = frozenset(item.lower().encode() for item in configuration.allowed_origins)
    router = Router(
        gateway,
        place.clock,
        OriginPolicy(hosts, origins),
        searching=configuration.discovery == "search",
    )
    gateway.estate.on_catalogue_change = router.changes.announce
    gateway.estate.on_resource_update = router.changes.update
    listener = Listener(router, connections_max=_places())
    context = _tls(place, configuration, gateway)
    try:
        await listener.start(host, port, context=context)
    except OSError as error:
        raise _unavailable(configuration.listen, "listen", error) from error
    return listener, router, port


def _places() -> int:
    """Return how many connections there is room for; a connection is an open file."""
    from yett.core.bounds import CONNECTIONS_MAX
    from yett.edge.http.places import places_for, raise_file_limit

    files = raise_file_limit()
    places = places_for(files)
    if places < CONNECTIONS_MAX:
        log.warning(
            "only %d connections at the same time, since no more than %d files may be open; "
            "raise the hard limit (`ulimit -Hn`)",
            places,
            files,
        )
    return places


def _tls(place: Place, configuration: "Configuration", gateway: "Gateway") -> ssl.SSLContext | None:
    section = configuration.tls
    if section is None:
        return None
    from yett.edge.authority import ensure_development_certificate
    from yett.edge.renewal import hourly_renewal
    from yett.edge.tls import ReloadingContext

    if section.development_ca:
        hosts = (address(configuration.listen)[0], *configuration.allowed_hosts)
        certificate, key, _ = ensure_development_certificate(place.data, hosts, clock=place.clock)
        gateway.also_refresh(
            hourly_renewal(place.data, hosts, clock=place.clock, report=log.warning)
        )
    else:
        certificate = place.folder / (section.certificate or "")
        key = place.folder / (section.key or "")
    context = ReloadingContext(
        certificate, key, clock=place.clock, report=lambda error: log.warning("TLS: %s", error)
    )
    gateway.also_refresh(context.refresh)
    return context.context


async def _is_visited(taken: socket.socket, stop: asyncio.Event) -> bool:
    """Wait until somebody connects to the admin side, which nobody may ever do: a tenth of what is loaded serves
    nobody else. False: the gate ends before."""
    loop = asyncio.get_running_loop()
    somebody = asyncio.Event()
    loop.add_reader(taken, somebody.set)
    waiting = [loop.create_task(event.wait()) for event in (somebody, stop)]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        loop.remove_reader(taken)
        for task in waiting:
            task.cancel()
    return not stop.is_set()


async def _start_admin(
    place: Place, configuration: "Configuration", gateway: "Gateway", taken: socket.socket
) -> "AdminServer | None":
    try:
        await asyncio.to_thread(
            importlib.import_module, "yett.admin.server"
        )  # calls go on meanwhile
        from yett.admin.server import AdminServer
        from yett.app.desk import AdminDesk

        admin = AdminServer(AdminDesk(gateway), data=place.data, listen=configuration.admin.listen)
        await admin.start(taken)
    except Exception:  # whoever knocks at this door must not end the calls at the other
        log.exception("the admin side cannot be served")
        taken.close()
        return None
    return admin


async def _drain(listener: "Listener", signals: _Signals) -> None:
    """Let running calls end, unless somebody is in a hurry."""
    loop = asyncio.get_running_loop()
    draining = loop.create_task(listener.stop(grace_seconds=DRAIN_SECONDS))
    hurrying = loop.create_task(signals.hurry.wait())
    await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    if not draining.done():
        draining.cancel()
        await listener.stop(grace_seconds=0.0)


def _url(configuration: "Configuration", port: int) -> str:
    scheme = "http" if configuration.tls is None else "https"
    return f"{scheme}://{_with_port(configuration.listen, port)}"


def _say_ready(place: Place, configuration: "Configuration", url: str, admin_port: int) -> None:
    admin = f"http://{_with_port(configuration.admin.listen, admin_port)}"
    if place.as_json:
        place.print_record(
            {
                "ready": True,
                "url": url,
                "admin": admin,
                "mode": configuration.mode,
                "servers": list(configuration.servers),
            }
        )
        return
    protection = (
        "TLS"
        if configuration.tls
        else "plain HTTP, which is accepted on loopback in development only"
    )
    servers = ", ".join(configuration.servers) or "none yet (yett server add, yett import)"
    click.echo(
        f"yett: ready on {url} ({protection}), admin on {admin}, {configuration.mode} mode, "
        f"servers: {servers}"
    )


def _with_port(listen: str, port: int) -> str:
    return f"{listen.rpartition(':')[0]}:{port}"


def address(listen: str) -> tuple[str, int]:
    """Split `host:port`."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)
