"""Do the arguments fit?"""

from yett.validation.cache import SchemaCache
from yett.validation.port import OutputCheck, SchemaCheck
from yett.validation.stage import Validator

__all__ = ["OutputCheck", "SchemaCache", "SchemaCheck", "Validator"]
