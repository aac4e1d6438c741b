"""What was approved, as policies are held against it."""

from collections.abc import Iterator

from yett.authorization.offers import Offer
from yett.authorization.shapes import Member, Shape, shape_of
from yett.catalogue.lock import Lock, Pin
from yett.configuration.model import Configuration, ToolSection


def approved(configuration: Configuration, lock: Lock) -> list[Offer]:
    """Return the approved tools and prompts of the servers that are configured."""
    return [*_offers(configuration, lock)]


def _offers(configuration: Configuration, lock: Lock) -> Iterator[Offer]:
    for server, section in configuration.servers.items():
        pins = lock.servers.get(server)
        if pins is None:
            continue
        for name, pin in pins.tools.items():
            rules = section.tools.get(name, ToolSection())
            yield Offer(
                kind="Tool",
                server=server,
                name=name,
                access=rules.access or pin.access,
                shape=shape_of(pin.definition, undeclared=rules.open),
            )
        for name, pin in pins.prompts.items():
            shape = Shape(_prompt_members(pin), open=False)
            yield Offer(kind="Prompt", server=server, name=name, access="read", shape=shape)


def _prompt_members(pin: Pin) -> dict[str, Member]:
    """Arguments of prompts are texts (MCP, Prompts)."""
    arguments = pin.definition.get("arguments")
    return {
        argument["name"]: Member("String", bool(argument.get("required")))
        for argument in (arguments if isinstance(arguments, list) else [])
        if isinstance(argument, dict) and isinstance(argument.get("name"), str)
    }
