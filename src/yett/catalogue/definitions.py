"""What a server says it offers, and whether it can be taken at all. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final, final

import msgspec
import orjson

from yett.catalogue.port import Definitions, SchemaCheck
from yett.core.bounds import (
    DEFINITION_BYTES_MAX,
    DOCUMENT_DEPTH_MAX,
    TOOLS_PER_SERVER_MAX,
    URI_CHARS_MAX,
)
from yett.core.document import DocumentError, check_depth
from yett.core.errors import Fault
from yett.core.operations import Kind
from yett.core.reasons import Reason
from yett.core.target import JSON

IDENTITY: Final[Mapping[Kind, str]] = {
    Kind.TOOL: "name",
    Kind.PROMPT: "name",
    Kind.RESOURCE: "uri",
    Kind.RESOURCE_TEMPLATE: "uriTemplate",
}
"""The member by which a definition is known, by kind."""

# The lock file nests a definition five levels deep and must be readable again.
DEFINITION_DEPTH_MAX: Final = DOCUMENT_DEPTH_MAX - 8
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:[^\s\x00-\x20\x7f]+")
_UNREADABLE: Final = "unreadable"


@final
class Offered(msgspec.Struct, frozen=True):
    """digest: of `definition`. problem: why it cannot be taken; empty if it can. like: the digest of the
    pin that it means the same as, though it is written otherwise. changed: the digest of the pin that it
    differs from, and how."""

    definition: dict[str, JSON]
    digest: str
    problem: str = ""
    like: str = ""
    changed: tuple[str, str] = ("", "")

    def means(self, digest: str) -> bool:
        """Tell whether it is what was pinned under this digest, or written otherwise and means that."""
        return digest in (self.digest, self.like)


Sight = dict[Kind, dict[str, Offered]]
"""All that one server offers, by kind and own name."""


def digest_of(server: str, definition: Mapping[str, JSON]) -> str:
    """SHA-256 (hex) of the whole definition and the server it is of, in canonical JSON.

    Canonical: keys sorted by code point, no spaces, UTF-8; a number as the shortest text that reads
    back as the same double, so 1.0 and 1 differ (RFC 8785 sorts by UTF-16 unit and joins the two).

    Raises:
        ValueError: the definition is no JSON.
    """
    whole = {"definition": definition, "server": server}
    try:
        canonical = orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits
        try:
            canonical = json.dumps(
                whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
            ).encode()
        except (TypeError, RecursionError) as error:
            raise ValueError("the definition is no JSON") from error
    return hashlib.sha256(canonical).hexdigest()


def examine(server: str, definitions: Definitions, schema_check: SchemaCheck) -> Sight:
    """Judge each definition by itself; one that cannot be taken spoils no other.

    Raises:
        Fault: UPSTREAM_INVALID if there are too many of one kind.
    """
    lists = {
        Kind.TOOL: definitions.tools,
        Kind.PROMPT: definitions.prompts,
        Kind.RESOURCE: definitions.resources,
        Kind.RESOURCE_TEMPLATE: definitions.resource_templates,
    }
    sight: Sight = {}
    for kind, offered in lists.items():
        if len(offered) > TOOLS_PER_SERVER_MAX:
            raise Fault(
                Reason.UPSTREAM_INVALID,
                f"server `{server}` offers {len(offered)} of kind {kind}; {TOOLS_PER_SERVER_MAX} are allowed",
            )
        sight[kind] = {}
        for definition in offered:
            name = _name_of(kind, definition)
            judged = _judge(server, kind, definition, schema_check)
            if name in sight[kind]:
                judged = Offered({}, _UNREADABLE, "it is offered twice")
            sight[kind][name] = judged
    return sight


def _name_of(kind: Kind, definition: Any) -> str:
    name = definition.get(IDENTITY[kind]) if isinstance(definition, dict) else None
    # A name that cannot be one is shortened: it is only shown, never matched.
    return name[:URI_CHARS_MAX] if isinstance(name, str) else ""


def _judge(server: str, kind: Kind, definition: Any, schema_check: SchemaCheck) -> Offered:
    if not isinstance(definition, dict):
        return Offered({}, _UNREADABLE, "it is no JSON object")
    try:
        check_depth(definition, DEFINITION_DEPTH_MAX)
        digest = digest_of(server, definition)
        size = len(orjson.dumps(definition, default=str))
    except (ValueError, TypeError) as error:
        told = str(error) if isinstance(error, DocumentError) else "it is not readable as JSON"
        return Offered({}, _UNREADABLE, told)
    problem = _problem(kind, definition, size, schema_check)
    return Offered(definition, digest, problem)


def _problem(kind: Kind, definition: dict[str, JSON], size: int, schema_check: SchemaCheck) -> str:
    name = definition.get(IDENTITY[kind])
    form = _NAME if IDENTITY[kind] == "name" else _URI
    if not isinstance(name, str) or not form.fullmatch(name) or len(name) > URI_CHARS_MAX:
        return f"its {IDENTITY[kind]} is missing or has characters that are not allowed"
    if size > DEFINITION_BYTES_MAX:
        return f"it has {size} bytes; {DEFINITION_BYTES_MAX} are allowed"
    if kind is not Kind.TOOL:
        return ""
    if not isinstance(definition.get("inputSchema"), dict):
        return "it has no inputSchema"
    return schema_check(definition) or ""
