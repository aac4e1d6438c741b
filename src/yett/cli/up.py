"""`yett up`: serve in the foreground until SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""

import asyncio
import gc
import logging
import signal
import ssl
from typing import TYPE_CHECKING, Final

import click

from yett.cli.command import Place, command
from yett.core.errors import CommandError

if TYPE_CHECKING:
    from yett.app import Gateway
    from yett.configuration.model import Configuration
    from yett.edge import Listener

log: Final = logging.getLogger("yett")

DRAIN_SECONDS: Final = 30.0


@click.command("up")
@command()
@click.option(
    "--first-key",
    "first_role",
    metavar="ROLE",
    help="Development: if there is no key yet, create one with this role and show it once.",
)
def group(place: Place, first_role: str | None) -> None:
    """Serve, in the foreground, until SIGTERM or Ctrl-C."""
    import uvloop  # noqa: PLC0415 - only this command needs it

    uvloop.run(_serve(place, first_role))


async def _serve(place: Place, first_role: str | None) -> None:
    from yett.app import open_gateway  # noqa: PLC0415 - heavy
    from yett.telemetry.logs import configure  # noqa: PLC0415 - heavy

    configuration = place.configuration()
    place.make_data()
    gateway = open_gateway(place.config_path, data=place.data, clock=place.clock)
    configure(
        configuration.telemetry.log_level, redact_text=gateway.estate.redactor.redact_text
    )
    try:
        listener = await _listen(place, configuration, gateway)
        try:
            gateway.start()
            _say_ready(place, configuration, listener)
            if first_role is not None:
                _show_first_key(place, configuration, first_role)
            await _until_told_to_stop(place, configuration, gateway)
        finally:
            await listener.stop(grace_seconds=DRAIN_SECONDS)
    finally:
        await gateway.close()


async def _listen(place: Place, configuration: "Configuration", gateway: "Gateway") -> "Listener":
    from yett.edge import Listener, Router  # noqa: PLC0415 - heavy
    from yett.edge.origin import OriginPolicy, own_hosts  # noqa: PLC0415 - heavy

    host, port = address(configuration.listen)
    hosts = own_hosts(host, port, configuration.allowed_hosts)
    origins = frozenset(item.lower().encode() for item in configuration.allowed_origins)
    router = Router(gateway, place.clock, OriginPolicy(hosts, origins))
    gateway.estate.on_catalogue_change = router.changes.announce
    listener = Listener(router)
    try:
        await listener.start(host, port, context=_tls(place, configuration, gateway))
    except OSError as error:
        raise CommandError(
            f"{configuration.listen} cannot be listened on: {error.strerror or error}. "
            "Stop what uses it, or set another `listen:`"
        ) from error
    return listener


def _tls(place: Place, configuration: "Configuration", gateway: "Gateway") -> ssl.SSLContext | None:
    section = configuration.tls
    if section is None:
        return None
    from yett.edge.authority import ensure_development_certificate  # noqa: PLC0415 - only with TLS
    from yett.edge.tls import ReloadingContext  # noqa: PLC0415 - only with TLS

    folder = place.config_path.resolve().parent
    if section.development_ca:
        hosts = (address(configuration.listen)[0], *configuration.allowed_hosts)
        certificate, key, _ = ensure_development_certificate(place.data, hosts, clock=place.clock)
    else:
        certificate, key = folder / (section.certificate or ""), folder / (section.key or "")
    context = ReloadingContext(
        certificate, key, clock=place.clock, report=lambda error: log.warning("TLS: %s", error)
    )
    gateway.also_refresh(context.refresh)
    return context.context


async def _until_told_to_stop(
    place: Place, configuration: "Configuration", gateway: "Gateway"
) -> None:
    from yett.admin import AdminServer  # noqa: PLC0415 - its framework takes a moment; calls are served already
    from yett.app.desk import AdminDesk  # noqa: PLC0415 - with the next

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload)
    admin = AdminServer(AdminDesk(gateway), data=place.data, listen=configuration.admin.listen)
    await admin.start()
    gc.collect()
    gc.freeze()  # what is there now stays; the collector need not look at it again
    try:
        await stop.wait()
    finally:
        await admin.stop()


def _say_ready(place: Place, configuration: "Configuration", listener: "Listener") -> None:
    scheme = "http" if configuration.tls is None else "https"
    protection = (
        "TLS"
        if configuration.tls
        else "plain HTTP, which is accepted on loopback in development only"
    )
    if place.as_json:
        place.print_record(
            {
                "ready": True,
                "url": f"{scheme}://{configuration.listen}",
                "admin": f"http://{configuration.admin.listen}",
                "mode": configuration.mode,
                "servers": list(configuration.servers),
            }
        )
        return
    click.echo(
        f"yett: ready on {scheme}://{configuration.listen} ({protection}), "
        f"admin on http://{configuration.admin.listen}, {configuration.mode} mode, "
        f"servers: {', '.join(configuration.servers) or 'none yet (yett import, or edit the configuration)'}"
    )
    del listener


def _show_first_key(place: Place, configuration: "Configuration", role: str) -> None:
    from yett.authentication.build import build_registry  # noqa: PLC0415 - only at the first start
    from yett.cli.snippets import snippets  # noqa: PLC0415 - likewise
    from yett.core.quantities import duration_seconds  # noqa: PLC0415 - likewise

    registry = build_registry(
        database=place.database(), data=place.data, clock=place.clock, actor=place.actor
    )
    if registry.list():
        click.echo("keys: yett key list; another one: yett key create NAME --role ROLE")
        return
    if configuration.mode != "development" or role not in configuration.roles:
        raise CommandError(f"--first-key {role}: only in development, and for a role that exists")
    created = registry.create(
        "first",
        (role,),
        lifetime_seconds=duration_seconds(configuration.authentication.key_lifetime),
    )
    scheme = "http" if configuration.tls is None else "https"
    click.echo(
        f"\nYour first key, shown this once: {created.key.reveal_text()}\n\nPaste one of these:"
    )
    for client, text in snippets(
        f"{scheme}://{configuration.listen}", created.key.reveal_text()
    ).items():
        click.echo(f"\n# {client}\n{text}")
    click.echo("\nTry: yett demo, yett audit tail, yett audit verify. Stop with Ctrl-C.")


def address(listen: str) -> tuple[str, int]:
    """Split `host:port`."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)
