"""Is the answer fit to leave?"""

from yett.sanitising.looking import findings
from yett.sanitising.port import OutputCheck
from yett.sanitising.redactor import Redactor
from yett.sanitising.stage import Sanitiser

__all__ = ["OutputCheck", "Redactor", "Sanitiser", "findings"]
