"""Is the answer fit to leave?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.sanitising.looking import findings
    from yett.sanitising.port import OutputCheck
    from yett.sanitising.redactor import Redactor
    from yett.sanitising.stage import Sanitiser
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        findings="looking",
        OutputCheck="port",
        Redactor="redactor",
        Sanitiser="stage",
    )

__all__ = ["OutputCheck", "Redactor", "Sanitiser", "findings"]
