"""Short statements that tell what there is, and that sqlglot does not know well: EXPLAIN, DESCRIBE, SHOW
and the PRAGMAs of SQLite that only read. They are known by their whole text."""

import re
from typing import Final

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_$]*"
_DOTTED: Final = rf"(?:{_NAME}|`{_NAME}`|\"{_NAME}\")(?:\.(?:{_NAME}|`{_NAME}`|\"{_NAME}\")){{0,2}}"
_END: Final = r"\s*;?\s*"

_LISTED: Final = (
    r"(?:full\s+|extended\s+|all\s+|terse\s+)?"
    r"(?:tables|databases|schemas|columns|fields|views|indexes|index|keys|table\s+status|collation|"
    r"character\s+set|engines|variables|status|warnings|errors|functions|warehouses|catalogs)"
)
_SHOW: Final = re.compile(
    rf"show\s+(?:(?:global|session)\s+)?{_LISTED}(?:\s+(?:from|in)\s+{_DOTTED}){{0,2}}"
    rf"(?:\s+like\s+'[A-Za-z0-9_%. -]*')?{_END}|show\s+create\s+(?:table|view)\s+{_DOTTED}{_END}",
    re.IGNORECASE,
)
_DESCRIBE: Final = re.compile(
    rf"(?:describe|desc)\s+(?:(?:table|view|extended|formatted)\s+)?{_DOTTED}{_END}", re.IGNORECASE
)
_PRAGMA: Final = re.compile(
    rf"pragma\s+(?:{_NAME}\.)?(?:"
    r"(?:table_info|table_xinfo|table_list|index_list|index_info|index_xinfo|foreign_key_list)"
    rf"\s*\(\s*(?:{_NAME}|'{_NAME}'|\"{_NAME}\")\s*\)"
    r"|table_list|database_list|collation_list|compile_options|function_list|user_version|schema_version"
    rf"|page_count|page_size|encoding|foreign_keys|journal_mode){_END}",
    re.IGNORECASE,
)
_EXPLAIN: Final = {
    "sqlite": re.compile(
        r"explain(?:\s+query\s+plan)?\s+(?=select\b|with\b|values\b)", re.IGNORECASE
    ),
    "mysql": re.compile(
        r"explain\s+(?:analyze\s+|extended\s+|format\s*=\s*(?:json|tree|traditional)\s+)?(?=select\b|with\b|\()",
        re.IGNORECASE,
    ),
    "duckdb": re.compile(r"explain\s+(?:analyze\s+)?(?=select\b|with\b|from\b)", re.IGNORECASE),
    "clickhouse": re.compile(
        r"explain\s+(?:ast\s+|syntax\s+|plan\s+|pipeline\s+|estimate\s+)?(?=select\b|with\b)",
        re.IGNORECASE,
    ),
    "snowflake": re.compile(
        r"explain\s+(?:using\s+(?:tabular|json|text)\s+)?(?=select\b|with\b)", re.IGNORECASE
    ),
}
_KNOWN: Final = {
    "sqlite": (_PRAGMA,),
    "mysql": (_SHOW, _DESCRIBE),
    "duckdb": (_SHOW, _DESCRIBE),
    "clickhouse": (_SHOW, _DESCRIBE),
    "snowflake": (_SHOW, _DESCRIBE),
}


def is_harmless(text: str, dialect: str) -> bool:
    """Tell whether it is one that only tells what there is."""
    stripped = text.strip()
    return any(form.fullmatch(stripped) for form in _KNOWN.get(dialect, ()))


def explained(text: str, dialect: str) -> tuple[str, str]:
    """Return (EXPLAIN and its options, or nothing; the rest)."""
    stripped = text.lstrip()
    form = _EXPLAIN.get(dialect)
    found = form.match(stripped) if form is not None else None
    return ("", text) if found is None else (found.group(), stripped[found.end() :])
