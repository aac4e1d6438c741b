"""`email`: one address, which no header and no command line reads as anything else. Pure.

RFC 5321, 4.1.2, without quoted names, address literals and source routes (CWE-93, CWE-88).
"""

import re
from typing import Final, final

from yett.core.target import Access
from yett.validation.config import EmailArgument
from yett.validation.kinds.port import Unfit, WrongForm

_ATOM: Final = r"[A-Za-z0-9_+'=][A-Za-z0-9_+'=-]*"  # of what is allowed, what is used
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"(?=.{{1,64}}@)({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+(?![0-9]+$){_LABEL})"
)
_CHARS_MAX: Final = 254


@final
class EmailGuard:
    __slots__ = ("_below", "_exact")

    def __init__(self, options: EmailArgument) -> None:
        domains = tuple(domain.lower() for domain in options.domains)
        self._below = tuple(domain[1:] for domain in domains if domain.startswith("*."))
        self._exact = frozenset(domain for domain in domains if not domain.startswith("*."))

    def check(self, value: str, access: Access) -> str:
        """Raises:
        WrongForm: it is not exactly one address.
        Unfit: its domain is not allowed.
        """
        del access
        found = _ADDRESS.fullmatch(value) if len(value) <= _CHARS_MAX else None
        if found is None:
            raise WrongForm("is not one plain e-mail address such as name@example.com")
        domain = found[2].lower()
        limited = self._exact or self._below
        if limited and domain not in self._exact and not domain.endswith(self._below or "\0"):
            raise Unfit("is an address of a domain that is not allowed")
        return value
