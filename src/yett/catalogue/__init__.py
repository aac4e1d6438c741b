"""Which tool is meant? Definitions as reviewed, and whether the servers still show exactly them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yett.catalogue.names import public_uri
    from yett.catalogue.port import Definitions, Discoverer, LockStore
    from yett.catalogue.stage import Catalogue
else:
    from yett.core.lazy import lazily

    __getattr__ = lazily(
        __name__,
        public_uri="names",
        Definitions="port",
        Discoverer="port",
        LockStore="port",
        Catalogue="stage",
    )

__all__ = ["Catalogue", "Definitions", "Discoverer", "LockStore", "public_uri"]
