"""Which tool is meant? Definitions as reviewed, and whether the servers still show exactly them."""

from yett.catalogue.names import public_uri
from yett.catalogue.port import Definitions, Discoverer, LockStore
from yett.catalogue.stage import Catalogue

__all__ = ["Catalogue", "Definitions", "Discoverer", "LockStore", "public_uri"]
