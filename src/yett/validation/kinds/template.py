"""`template`: a text that no template engine takes for more than a text. Pure.

The marks by which common engines know what to compute (CWE-1336): of braces, `${…}`, `<%…%>`, `<#…>`, of
lines that begin with one, of format strings, and Python's way to the inside of an object.
"""

import unicodedata
from typing import Final, final

import re2

from yett.core.target import Access
from yett.validation.kinds.port import Unfit

_MARKS: Final = (
    r"\{[^\s]",  # {{ {% {# {$ {0.x} {name} {php}
    r"\{\s*\{|\}\s*\}",
    r"[$#@*~!%^&]\{",
    r"\$!?[A-Za-z_(\[]",  # $name $(…) $!name
    r"<[%#@?]|[%?]>",
    r"<!--\s*#",
    r"<xsl:",
    r"\[[#=\[(]\s*[$#*=]",  # [#if [=x [[${ [(${
    r"\[#[a-z]|\[=",
    r"#(?:set|if|foreach|parse|include|evaluate|macro|define)\b\s*\(",
    r"(?m)^\s*%\s*[a-z]",  # a line of Mako or ERB
    r"%\([^)\n]{0,200}\)",  # %(name)s
    r"%[0-9]+\$",
    r"(?:^|\W)@(?:\(|\{|[A-Za-z_]\w*(?:\.\w|[(\[]))",  # @(…) @Model.x
    r"\bT\s*\(\s*[a-z]\w*\.",  # T(java.lang…)
    r"__\w+__",
)
_SYNTAX: Final = re2.compile("|".join(f"(?:{mark})" for mark in _MARKS))


@final
class TemplateGuard:
    __slots__ = ()

    def check(self, value: str, access: Access) -> str:
        """Raises:
        Unfit: an engine would compute something in it.
        """
        del access
        if _SYNTAX.search(value) or (
            not value.isascii() and _SYNTAX.search(unicodedata.normalize("NFKC", value))
        ):
            raise Unfit("has the syntax of a template")
        return value
