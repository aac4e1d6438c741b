"""What is asked of the statements of one argument, whatever the dialect."""

from typing import final

import msgspec


@final
class Rules(msgspec.Struct, frozen=True, gc=False):
    """writes: may data be changed. functions: in lower case, allowed beside the harmless ones, with their
    schema if they are called with it. parameters: literals are refused. tables: in lower case, the only
    ones; none: all but those with secrets."""

    writes: bool = False
    functions: frozenset[str] = frozenset()
    parameters: bool = False
    tables: frozenset[str] = frozenset()
