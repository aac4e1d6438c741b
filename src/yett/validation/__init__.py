"""Do the arguments fit?"""

from yett.validation.cache import SchemaCache
from yett.validation.stage import Validator

__all__ = ["SchemaCache", "Validator"]
