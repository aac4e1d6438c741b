"""Can what the configuration names be used? Asked before anything is opened or swapped."""

from collections.abc import Iterator
from pathlib import Path

import yett.authorization.build
import yett.catalogue.build
import yett.limits.build
from yett.app.servers import (
    policy_files,
    server_limits,
    tool_limits,
    tool_marks,
    undeclared_arguments,
)
from yett.configuration.load import Loaded, load_fingerprinted, located
from yett.configuration.model import Configuration, ServerSection, TlsSection
from yett.core.clock import Clock
from yett.core.errors import ConfigurationError, Problem


def load_proved(path: Path, *, data: Path, clock: Clock, loaded: Loaded | None = None) -> Loaded:
    """Load the configuration, and look into the files of certificates and keys that it names. loaded: it, if
    it was loaded already.

    Raises:
        ConfigurationError: everything that is wrong with it, or with them.
    """
    loaded = loaded or load_fingerprinted(path, data=data)
    problems = list(certificate_problems(loaded.configuration, clock))
    if problems:
        raise located(ConfigurationError(problems), path)
    return loaded


def prove_whole(path: Path, *, data: Path, clock: Clock) -> Configuration:
    """As `load_proved`, and ask each domain that reads a file or compares sections; opens nothing.

    Raises:
        ConfigurationError: everything that would keep `yett up` from using it.
    """
    configuration = load_proved(path, data=data, clock=clock).configuration
    folder = path.resolve().parent
    problems: list[Problem] = []
    try:
        policies = policy_files(configuration, folder)
        marks = tool_marks(configuration)
        yett.authorization.build.build(configuration.roles, policies, clock=clock, marks=marks)
    except ConfigurationError as error:
        problems += error.problems
    try:
        state = yett.limits.build.memory_state(clock)
        yett.limits.build.build(
            configuration.limits,
            tool_limits(configuration),
            server_limits(configuration),
            state=state,
        )
    except ConfigurationError as error:
        problems += error.problems
    try:
        yett.catalogue.build.open_lock(folder, configuration.lock.signed_by).read()
        problems += undeclared_arguments(configuration, folder)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise located(ConfigurationError(problems), path)
    return configuration


def certificate_problems(configuration: Configuration, clock: Clock) -> Iterator[Problem]:
    """Find files that are missing, unreadable, expired or not each other's, and, in production, a
    certificate that nobody vouches for. Reads nothing if none is named."""
    tls = configuration.tls
    if tls is not None and not tls.development_ca:
        yield from _own(tls, production=configuration.mode == "production", clock=clock)
    for name, section in configuration.servers.items():
        if section.ca or section.client_certificate:
            yield from _of_server(name, section)


def _own(tls: TlsSection, *, production: bool, clock: Clock) -> Iterator[Problem]:
    from yett.edge.authority import is_self_signed  # noqa: PLC0415 - cryptography, only with TLS
    from yett.edge.certificate import read_pair  # noqa: PLC0415 - likewise

    certificate, key = Path(tls.certificate or ""), Path(tls.key or "")
    try:
        read_pair(certificate, key, at=clock.wall())
        if production and is_self_signed(certificate):
            yield Problem(
                f"production does not serve {certificate}: it is self-signed, so no caller can tell"
                " it from an impostor's",
                fix="Name a certificate that an authority issued which your callers trust.",
                path=("tls", "certificate"),
            )
    except ConfigurationError as error:
        yield from error.problems


def _of_server(name: str, section: ServerSection) -> Iterator[Problem]:
    from yett.upstreams.tls import client_context  # noqa: PLC0415 - as above

    try:
        client_context(
            ca=section.ca,
            client_certificate=section.client_certificate,
            client_key=section.client_key,
            pins=section.pins,
        )
    except ConfigurationError as error:
        for problem in error.problems:
            problem.path = ("servers", name, *problem.path)
            yield problem
