"""The JSON Schema (2020-12) of `yett.yaml`, made from the model: for editors and for the loader alike."""

from functools import cache
from typing import Any

import msgspec

from yett.configuration.model import Configuration


@cache
def json_schema() -> dict[str, Any]:
    """Return the schema; callers do not change it."""
    # Once through JSON, since the defaults come as tuples.
    schema = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Configuration)))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "yett.yaml",
        **schema,
    }
