"""What the server offers: its three tools, as they are pinned and shown."""

from typing import Final

from yett.core.target import JSON
from yett.upstreams.backends.sql.engine import ROWS_MAX, TABLES_MAX
from yett.upstreams.databases import Dialect

SQL_CHARS_MAX: Final = 20_000
PARAMETERS_MAX: Final = 100
PARAMETER_CHARS_MAX: Final = 20_000
TABLE_CHARS_MAX: Final = 127
ROWS_DEFAULT: Final = 100

_NAMES: Final = {"postgres": "PostgreSQL", "sqlite": "SQLite"}
_PLACEHOLDERS: Final = {"postgres": "$1, $2, …", "sqlite": "?, ?, …"}
_ONLY_READS: Final[dict[str, JSON]] = {
    "readOnlyHint": True,
    "destructiveHint": False,
    "idempotentHint": True,
    "openWorldHint": False,
}
_TEXT: Final[dict[str, JSON]] = {"type": "string"}


def definitions(dialect: Dialect) -> tuple[dict[str, JSON], ...]:
    return _query(dialect), _list_tables(), _describe_table()


def _query(dialect: Dialect) -> dict[str, JSON]:
    return {
        "name": "query",
        "title": "Read from the database",
        "description": (
            f"Runs one {_NAMES[dialect]} statement that reads (SELECT, WITH, VALUES) and returns its rows."
            f" Write every value as a placeholder ({_PLACEHOLDERS[dialect]}) and give it in `parameters`."
            " Each column of the result needs a name of its own (use AS). `truncated` says that there"
            " are more rows than were returned."
        ),
        "inputSchema": _object(
            {
                "sql": {"type": "string", "minLength": 1, "maxLength": SQL_CHARS_MAX},
                "parameters": {
                    "type": "array",
                    "description": "The values of the placeholders, in order",
                    "maxItems": PARAMETERS_MAX,
                    "items": {
                        "type": ["string", "number", "boolean", "null"],
                        "maxLength": PARAMETER_CHARS_MAX,
                    },
                },
                "max_rows": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": ROWS_MAX,
                    "default": ROWS_DEFAULT,
                },
            },
            required=["sql"],
        ),
        "outputSchema": _object(
            {
                "columns": _array(_object({"name": _TEXT, "type": _TEXT})),
                "rows": _array({"type": "object"}, ROWS_MAX),
                "truncated": {"type": "boolean"},
            }
        ),
        "annotations": _ONLY_READS,
    }


def _list_tables() -> dict[str, JSON]:
    table = _object({"schema": _TEXT, "name": _TEXT, "kind": _TEXT})
    return {
        "name": "list_tables",
        "title": "List the tables",
        "description": "Lists the tables and views of the database that can be read.",
        "inputSchema": _object({}),
        "outputSchema": _object(
            {"tables": _array(table, TABLES_MAX), "truncated": {"type": "boolean"}}
        ),
        "annotations": _ONLY_READS,
    }


def _describe_table() -> dict[str, JSON]:
    column = _object(
        {
            "name": _TEXT,
            "type": _TEXT,
            "nullable": {"type": "boolean"},
            "primary_key": {"type": "boolean"},
        }
    )
    return {
        "name": "describe_table",
        "title": "Describe a table",
        "description": "Returns the columns of one table or view: names, types, what may be null.",
        "inputSchema": _object(
            {
                "table": {
                    "type": "string",
                    "description": "As list_tables writes it: `name` or `schema.name`",
                    "minLength": 1,
                    "maxLength": TABLE_CHARS_MAX,
                }
            },
            required=["table"],
        ),
        "outputSchema": _object({"schema": _TEXT, "name": _TEXT, "columns": _array(column)}),
        "annotations": _ONLY_READS,
    }


def _object(properties: dict[str, JSON], required: list[str] | None = None) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _array(items: JSON, most: int | None = None) -> dict[str, JSON]:
    return {"type": "array", "items": items} | ({} if most is None else {"maxItems": most})
