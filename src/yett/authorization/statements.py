"""Finds where each policy of a Cedar file begins and ends, so that a problem can be given its line.

Only positions come from here: what a policy means is Cedar's own parser's business, and the two are
compared by count (see `build.py`).
"""

import re
from typing import Final

from yett.authorization.compile import Statement

# In Cedar a `;` ends a policy unless it stands in a string or in a comment.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|//[^\n\r]*|;|[^\s"/;]+|/', re.DOTALL)


def split(text: str, file: str) -> list[Statement]:
    """Return the policies of a file in order. A last one without `;` is returned as well."""
    statements: list[Statement] = []
    start: int | None = None
    end = 0
    counted, line = 0, 1
    for token in _TOKEN.finditer(text):
        if token.group().startswith("//"):
            continue
        end = token.end()
        if start is None:
            start = token.start()
            line += text.count("\n", counted, start)
            counted = start
        if token.group() == ";":
            statements.append(Statement(text[start:end], file, line))
            start = None
    if start is not None:
        statements.append(Statement(text[start:end], file, line))
    return statements
