"""Do the arguments fit?"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.validation.cache import SchemaCache
    from yett.validation.stage import Validator
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        SchemaCache="cache",
        Validator="stage",
    )

__all__ = ["SchemaCache", "Validator"]
