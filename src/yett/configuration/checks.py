"""Does the configuration make sense, and is it safe? Each question is one small pure function.

What production demands beside this is in `production.py`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from yett.configuration.addresses import parse_listen, split_url
from yett.configuration.alert_checks import alert_problems
from yett.configuration.audit_checks import audit_problems
from yett.configuration.databases import (
    database_problems,
    is_before_database,
    problems_of_others,
)
from yett.configuration.literals import literal_secrets
from yett.configuration.model import Configuration, ServerSection
from yett.configuration.production import production_problems
from yett.configuration.row_checks import row_problems
from yett.configuration.secret_finder import find_in_url
from yett.configuration.shipping_checks import shipping_problems
from yett.configuration.store_checks import store_problems
from yett.core.address import is_loopback
from yett.core.errors import ConfigurationError, Problem
from yett.credentials.headers import header_forms
from yett.credentials.references import references_of
from yett.sanitising.own import problems_of

_SCHEMES: Final = ("http", "https")


def check(configuration: Configuration, data: Path, *, passphrase: bool) -> list[Problem]:
    """Return everything that is wrong. data: the data directory. passphrase: of the vault, is set."""
    problems: list[Problem] = []
    for name, server in configuration.servers.items():
        problems += _server(configuration, name, server)
        problems += literal_secrets(name, server)
        problems += row_problems(name, server)
        problems += _link_hosts(name, server)
    problems += _grants(configuration)
    problems += _listeners(configuration)
    problems += _tls(configuration)
    problems += _browser_names(configuration)
    problems += _telemetry(configuration)
    problems += _approvals(configuration)
    problems += store_problems(configuration)
    problems += shipping_problems(configuration, _told_at(configuration))
    problems += alert_problems(configuration, _told_at(configuration))
    problems += audit_problems(configuration.audit)
    problems += [
        Problem(message, fix=fix, path=("detectors", *path))
        for path, message, fix in problems_of(configuration.detectors)
    ]
    if passphrase and configuration.vault.key_file is not None:
        problems.append(
            Problem(
                "there is a key file, and YETT_VAULT_PASSPHRASE is set as well",
                fix="Keep one of the two: remove this line, or unset the variable.",
                path=("vault", "key_file"),
            )
        )
    if configuration.mode == "production":
        problems += production_problems(configuration, data, passphrase=passphrase)
    return problems


def _approvals(configuration: Configuration) -> Iterator[Problem]:
    config, path = configuration.approvals, ("approvals", "webhook")
    if (config.webhook is None) != (config.secret is None):
        yield Problem(
            "a webhook and the secret that signs its messages go together",
            fix="Write approvals: {webhook: https://…, secret: secret:NAME}, or neither.",
            path=("approvals",),
        )
    if config.webhook is not None:
        yield from _told_at(configuration)(config.webhook, path)


def _told_at(configuration: Configuration) -> Callable[[str, tuple[str, ...]], Iterator[Problem]]:
    """Return what finds problems of an address to which the gate itself sends messages."""

    def problems_of_address(url: str, path: tuple[str, ...]) -> Iterator[Problem]:
        yield from _url(url, path, production=configuration.mode == "production")
        parts = split_url(url)
        if find_in_url(url) or (parts is not None and "@" in parts.netloc):
            yield Problem(
                "this address seems to hold a secret, and addresses end in logs",
                fix="Take it out: each message is signed, so that its receiver can tell who sent it.",
                path=path,
            )

    return problems_of_address


def _server(configuration: Configuration, name: str, server: ServerSection) -> Iterator[Problem]:
    path = ("servers", name)
    if is_before_database(server):
        yield from database_problems(path, server)
    else:
        yield from _elsewhere(configuration, path, server)
    if (server.client_certificate is None) != (server.client_key is None):
        yield Problem(
            "a client certificate and its key go together",
            fix="Write both client_certificate and client_key, or neither.",
            path=(*path, "client_certificate" if server.client_certificate else "client_key"),
        )
    yield from _references(path, server)


def _link_hosts(name: str, server: ServerSection) -> Iterator[Problem]:
    """One that no link can have would let nothing through, and look as if it did."""
    for tool, section in server.tools.items():
        for number, host in enumerate(section.link_hosts):
            if host.startswith(".") or host.count(":") == 1 or set(host) & set("/*@"):
                yield Problem(
                    f"`{host}` is no name of a host",
                    fix="Write it alone, such as example.com; every host below it is meant as well.",
                    path=("servers", name, "tools", tool, "link_hosts", number),
                )


def _elsewhere(
    configuration: Configuration, path: tuple[str, ...], server: ServerSection
) -> Iterator[Problem]:
    if (server.url is None) == (not server.command):
        yield Problem(
            "a server has exactly one of `url` and `command`, or `kind: sql` with a `database`",
            fix="Write url: https://… or command: [program, argument].",
            path=path,
        )
    if server.url is not None:
        yield from _url(server.url, (*path, "url"), production=configuration.mode == "production")
        yield from _only_for_programs(path, server)
        yield from _pins(path, server)
    if server.command:
        yield from _only_for_urls(path, server)
    yield from problems_of_others(path, server)


def _url(url: str, path: tuple[str, ...], *, production: bool) -> Iterator[Problem]:
    parts = split_url(url)
    if parts is None or parts.scheme not in _SCHEMES:
        yield Problem(
            "this is not the address of a server", fix="Write https://host/path.", path=path
        )
        return
    if parts.fragment:
        yield Problem("a fragment (`#…`) is never sent", fix="Remove it.", path=path)
    if parts.scheme == "http" and (production or not is_loopback(parts.hostname or "")):
        where = "in production" if production else "beyond this machine"
        yield Problem(
            f"plain http is not used {where}: everybody on the way reads the secrets",
            fix="Write https://.",
            path=path,
        )


def _pins(path: tuple[str, ...], server: ServerSection) -> Iterator[Problem]:
    if server.pins and server.url is not None and server.url.lower().startswith("http:"):
        yield Problem(
            "plain http shows no key that could be compared",
            fix="Write https://, or remove the pins.",
            path=(*path, "pins"),
        )


def _only_for_programs(path: tuple[str, ...], server: ServerSection) -> Iterator[Problem]:
    for key in ("env", "cwd", "allow_stdio_in_production"):
        if getattr(server, key):
            yield Problem(
                f"`{key}` is for servers with a `command`", fix="Remove it.", path=(*path, key)
            )


def _only_for_urls(path: tuple[str, ...], server: ServerSection) -> Iterator[Problem]:
    if server.credential is not None:
        yield Problem(
            "`credential` is sent in headers, and a program has none",
            fix="Give the secret in env: {NAME: secret:NAME}.",
            path=(*path, "credential"),
        )
    for key in ("ca", "client_certificate", "client_key", "pins"):
        if getattr(server, key):
            yield Problem(
                f"`{key}` is for servers with a `url`", fix="Remove it.", path=(*path, key)
            )
    if not server.command[0].strip():
        yield Problem("the program has no name", fix="Name it.", path=(*path, "command", 0))
    if any("\0" in text for text in (*server.command, *server.env, *server.env.values())):
        yield Problem("no program can be given a NUL", fix="Remove it.", path=(*path, "command"))
    for name in server.env:
        if not name or "=" in name:
            yield Problem(
                "this cannot be the name of a variable", fix="Remove the `=`.", path=(*path, "env")
            )


def _references(path: tuple[str, ...], server: ServerSection) -> list[Problem]:
    """Ask the domain that will resolve them, so that `yett check` and `yett up` agree."""
    problems: list[Problem] = []
    try:
        header_forms(path[-1], server.credential)
    except ConfigurationError as error:
        problems += error.problems
    try:
        references_of(None, server.env, server.command)
    except ConfigurationError as error:
        for problem in error.problems:
            problem.path = (*path, *problem.path)
        problems += error.problems
    return problems


def _grants(configuration: Configuration) -> Iterator[Problem]:
    for role, grants in configuration.roles.items():
        for index, grant in enumerate(grants):
            server = grant.split(".", maxsplit=1)[0]
            if server not in configuration.servers:
                known = ", ".join(configuration.servers) or "none yet"
                yield Problem(
                    f"the grant names the server `{server}`, which is not configured",
                    fix=f"Configured: {known}.",
                    path=("roles", role, index),
                )


def _listeners(configuration: Configuration) -> Iterator[Problem]:
    listeners = {
        ("listen",): configuration.listen,
        ("admin", "listen"): configuration.admin.listen,
    }
    for path, text in listeners.items():
        listen = parse_listen(text)
        if listen is None:
            yield Problem("there is no such port", fix="Ports end at 65535.", path=path)
        elif configuration.tls is None and not is_loopback(listen.host):
            yield Problem(
                f"`{listen.host}` can be reached from other machines, and there is no TLS",
                fix="Add tls: {certificate: …, key: …}, or listen on 127.0.0.1.",
                path=path,
            )
    if configuration.listen == configuration.admin.listen and not configuration.listen.endswith(
        ":0"
    ):
        yield Problem(
            "agents and operators would share one address",
            fix="Give admin.listen a port of its own.",
            path=("admin", "listen"),
        )


def _tls(configuration: Configuration) -> Iterator[Problem]:
    tls = configuration.tls
    if tls is None:
        return
    if (tls.certificate is None) != (tls.key is None):
        yield Problem("a certificate and its key go together", fix="Write both.", path=("tls",))
    elif tls.development_ca == (tls.certificate is not None):
        yield Problem(
            "TLS wants either a certificate with its key or Yett's development CA",
            fix="Write certificate and key, or development_ca: true.",
            path=("tls",),
        )


def _browser_names(configuration: Configuration) -> Iterator[Problem]:
    for index, host in enumerate(configuration.allowed_hosts):
        if not host or any(c in "/*@ " for c in host):
            yield Problem(
                "this is not a host",
                fix="Write the name alone, such as gate.example.com or gate.example.com:8443.",
                path=("allowed_hosts", index),
            )
    for index, origin in enumerate(configuration.allowed_origins):
        parts = split_url(origin)
        if (
            parts is None
            or parts.scheme not in _SCHEMES
            or parts.path
            or parts.query
            or "*" in origin
        ):
            yield Problem(
                "this is not an origin",
                fix="Write scheme and host alone, such as https://app.example.com.",
                path=("allowed_origins", index),
            )


def _telemetry(configuration: Configuration) -> Iterator[Problem]:
    endpoint = configuration.telemetry.otlp_endpoint
    if endpoint is None:
        return
    path = ("telemetry", "otlp_endpoint")
    parts = split_url(endpoint)
    if parts is None or parts.scheme not in _SCHEMES or "@" in parts.netloc:
        yield Problem(
            "this is not the address of a collector", fix="Write https://host:4318.", path=path
        )
