"""Secrets that nobody has a use for: whoever sends one has read what it should not have (CWE-200).

A honeytoken lies in the vault under marks in place of servers, which are sealed with it, so no
configuration can be given it. The operator plants its value where only a thief looks. It is known
again in arguments as it is, and in the forms that a text is commonly put into; cut in pieces it is not.
"""

import base64
from collections.abc import Callable, Iterable
from typing import Any, Final, final
from urllib.parse import quote

import msgspec
import re2

from yett.core.document import encode
from yett.core.errors import Denied
from yett.core.proofs import Identified
from yett.core.reasons import Reason
from yett.core.secret import Secret

HONEYTOKEN: Final = "!honeytoken"
CUTS: Final = "!cuts-the-key"
"""In place of servers' names, which have no `!`."""

HONEYTOKENS_MAX: Final = 200
CHARS_MIN: Final = 12
CHARS_MAX: Final = 256
_BEGINNING_BYTES: Final = 24
"""Of a form, by which it is suspected; the automaton of whole ones would not fit."""
_AUTOMATON_BYTES_MAX: Final = 32 * 1024 * 1024


@final
class Trap(msgspec.Struct, frozen=True):
    """One honeytoken. cuts: the key of who sends it is revoked."""

    name: str
    value: Secret
    cuts: bool


@final
class Lookout:
    """traps: at least one. record_event: takes the alert; if it raises, the call ends. cut: revokes a key, soon."""

    def __init__(
        self,
        traps: Iterable[Trap],
        record_event: Callable[[dict[str, Any]], None],
        cut: Callable[[str], None],
    ) -> None:
        self._traps = tuple(
            (trap, tuple(form.lower() for form in _forms(trap.value))) for trap in traps
        )
        self._record_event = record_event
        self._cut = cut
        self._suspect = _suspect([form for _, forms in self._traps for form in forms])

    def __call__(self, identified: Identified) -> None:
        """Look at everything that a caller sends in one call.

        Raises:
            Denied: ARGUMENT_DENIED; a honeytoken is in it.
            Fault: that cannot be recorded.
        """
        call, principal = identified.call, identified.principal
        inputs = None if call.talk is None else call.talk.inputs
        said = encode([call.name, call.arguments, inputs]).lower()
        if self._suspect.search(said) is None:
            return
        found = (trap for trap, forms in self._traps if any(form in said for form in forms))
        trap = next(found, None)
        if trap is None:
            return
        self._record_event(
            {
                "event": "secret.honeytoken",
                "alert": "high",
                "actor": "gate",
                "name": trap.name,
                "caller": principal.id,
                "id": call.id,
                "key_cut": trap.cuts,
            }
        )
        if trap.cuts:
            self._cut(principal.id)
        raise Denied(Reason.ARGUMENT_DENIED, f"the honeytoken `{trap.name}` is in the arguments")


def check_honeytoken(value: Secret) -> None:
    """Refuse what would be met by accident.

    Raises:
        ValueError: says why.
    """
    try:
        text = value.reveal_text()
    except UnicodeDecodeError:
        raise ValueError("a honeytoken is text in UTF-8") from None
    if not CHARS_MIN <= len(text) <= CHARS_MAX or len(set(text)) < CHARS_MIN // 2:
        raise ValueError(
            f"a honeytoken has {CHARS_MIN} to {CHARS_MAX} characters, and not always the same ones, "
            "or others would send it by accident"
        )


def _suspect(forms: list[bytes]) -> Any:
    """Return what finds the beginning of any of them."""
    options = re2.Options()
    options.max_mem = _AUTOMATON_BYTES_MAX
    options.encoding = (
        re2.Options.Encoding.LATIN1
    )  # a beginning may end in the middle of a character
    return re2.compile(b"|".join(re2.escape(form[:_BEGINNING_BYTES]) for form in forms), options)


def _forms(value: Secret) -> Iterable[bytes]:
    """Yield the value as it stands in JSON, and in other clothes; base64 at each of three places."""
    plain, text = value.reveal(), value.reveal_text()
    yield encode(text)[1:-1]
    yield encode(text[::-1])[1:-1]
    yield plain.hex().encode()
    yield quote(plain, safe="").encode()
    for before in range(3):
        # What the bytes before and after have a share in is left out.
        start, end = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            yield alphabet(b"\0" * before + plain + b"\0\0")[start:end]
