"""What a tool's section says about its answers."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, final

import msgspec

from yett.sanitising.detectors.rules import Kind, kind_of
from yett.sanitising.rows import RowPlaces

Handling = Literal["flag", "redact", "spotlight", "block"]
What = Literal["secrets", "personal_data", "injections", "links"]
DetectorName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
_Pattern = Annotated[str, msgspec.Meta(max_length=1_000)]
_Texts = Annotated[tuple[str, ...], msgspec.Meta(max_length=100)]


@final
class Detector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked for in answers besides what Yett knows, under the name that it has in findings and
    where it is replaced. kind: what the tools' sections say of these is done with it. pattern: in the syntax of RE2. matches: texts in which
    it must be found; they are tried whenever the configuration is read. passes: texts in which it must not
    be found, tried likewise."""

    kind: What = "secrets"
    pattern: _Pattern = ""
    matches: _Texts = ()
    passes: _Texts = ()


@final
class AnswerRules(msgspec.Struct, frozen=True):
    """What to do with what is found in an answer: note it, replace it, mark the texts of the answer as
    data, or refuse the answer. Control and hidden characters are always removed. spotlight: mark the texts of
    every answer, whatever is found. link_hosts: where links may lead, with what is below each. rows: where
    its rows are; None: callers may see all of it."""

    secrets: Handling = "redact"
    personal_data: Handling = "flag"
    injections: Handling = "flag"
    links: Handling = "flag"
    spotlight: bool = False
    link_hosts: tuple[str, ...] = ()
    rows: RowPlaces | None = None

    @property
    def handling(self) -> dict[Kind, Handling]:
        return {
            "secret": self.secrets,
            "personal": self.personal_data,
            "injection": self.injections,
            "link": self.links,
        }

    def blocks(self, found: Iterable[str]) -> bool:
        """Tell whether an answer with these findings may not leave."""
        handling = self.handling
        return any(handling.get(kind_of(name)) == "block" for name in found)

    def marks(self, found: Iterable[str]) -> bool:
        """Tell whether the texts of an answer with these findings are marked as data."""
        handling = self.handling
        return self.spotlight or any(handling.get(kind_of(name)) == "spotlight" for name in found)

    def left(self, found: Mapping[str, int]) -> dict[str, int]:
        """Return the findings that stay in an answer as they were."""
        handling = self.handling
        return {
            name: count
            for name, count in found.items()
            if handling.get(kind_of(name)) in ("flag", "spotlight")
        }
