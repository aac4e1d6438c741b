"""A tool's schema, compiled once under bounds, with patterns in linear time and no way outside.

JSON Schema 2020-12 (the default of MCP) and draft-07 (what many servers still send). `format` is
checked, not only noted: an argument that claims to be a URI or an address is one.
"""

from collections.abc import Callable
from typing import Any, Final, final

import jsonschema_rs

from yett.core.bounds import (
    SCHEMA_PATTERN_BYTES_MAX,
    VALIDATION_DETAIL_WORK_MAX,
    VALIDATION_TEXT_WORK_MAX,
    VALIDATION_WORK_MAX,
)
from yett.core.document import encode
from yett.core.target import JSON
from yett.validation.arguments import extent, pointer_to
from yett.validation.closing import close, may_loosen
from yett.validation.costs import HUGE_INTEGERS_MAX, cost_of_numbers
from yett.validation.effort import Effort, check_size
from yett.validation.mirroring import Mirror, mirrors_of
from yett.validation.patterns import Counter, counting, most_places
from yett.validation.references import SchemaRefused

Finding = tuple[str, str]
"""Where (JSON Pointer, RFC 6901) and what, in a sentence that quotes no value."""

_DRAFT7: Final = "http://json-schema.org/draft-07/schema"
_DIALECTS: Final[dict[str, type[Any]]] = {
    "https://json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012Validator,
    _DRAFT7: jsonschema_rs.Draft7Validator,
}
_DEFAULT_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_MASK: Final = "the value"
_NO_PATTERN: Final = f'{_MASK} is not a "regex"'
_MESSAGE_CHARS_MAX: Final = 200
_UNEXPLAINED: Final = ("", "does not fit the schema")
_LITTLE_WORK: Final = 200
_WORK_OF_ONE_NODE_MAX: Final = 10_000
_UNDECLARED: Final = frozenset({"additionalProperties", "unevaluatedProperties"})


@final
class CompiledSchema:
    """Answers whether a value fits. `original` is asked too where closing could have loosened.

    texts: bounds what its patterns may cost; None if it has none. mirrors: arguments that a caller
    repeats in headers.
    """

    __slots__ = ("_by_depth", "_is_valid", "_original", "_texts", "_validator", "mirrors")

    def __init__(
        self,
        validator: Any,
        original: Any | None,
        by_depth: tuple[int, ...],
        texts: "_Texts | None" = None,
    ) -> None:
        self._validator = validator
        self._is_valid: Callable[[JSON], bool] = validator.is_valid
        self._original = original
        self._by_depth = by_depth
        self._texts = texts
        self.mirrors: tuple[Mirror, ...] = ()

    def verdict_on_few(self, nodes: int) -> Callable[[JSON], bool] | None:
        """Return what says alone whether flat values of up to `nodes` nodes fit; None: it takes more."""
        if self._texts is not None or self._original is not None or self.mirrors:
            return None
        return self._is_valid if self._work(nodes, 1) <= _LITTLE_WORK else None

    def first_problem(self, value: JSON, nodes: int = 1, depth: int = 1) -> Finding | None:
        """Return what is wrong, or None when the value fits.

        nodes, depth: upper bounds of the value's size, which bound the work.
        """
        work = self._work(nodes, depth)
        if work > _LITTLE_WORK:  # nearly no call
            cost, huge = cost_of_numbers(value)
            if huge > HUGE_INTEGERS_MAX:
                return "", f"has more than {HUGE_INTEGERS_MAX} integers beyond 64 bits"
            work = self._work(nodes + cost, depth)
        if work > VALIDATION_WORK_MAX:
            return "", "is nested too deep for this schema"
        if self._texts is not None and self._texts.are_too_long(value, self._by_depth[-1]):
            return "", "is too long for the patterns of this schema"
        if not self._is_valid(value):
            return self._explain(self._validator, value, work)
        if self._original is not None and not self._original.is_valid(value):
            return self._explain(self._original, value, work)
        return None

    def is_steep(self, nodes: int, depth: int) -> bool:
        """Tell whether such bounds are too wide, so that the exact size is worth counting."""
        return self._work(nodes, depth) > VALIDATION_DETAIL_WORK_MAX

    def _work(self, nodes: int, depth: int) -> int:
        by_depth = self._by_depth
        return nodes * (by_depth[depth] if depth < len(by_depth) else by_depth[-1])

    def first_problem_of_answer(self, value: JSON) -> Finding | None:
        """The same for a value whose size is bounded elsewhere."""
        nodes_at_most = len(encode(value)) // 2 + 1
        if self._work(nodes_at_most, len(self._by_depth)) <= _LITTLE_WORK:
            return self.first_problem(value, nodes=nodes_at_most, depth=len(self._by_depth))
        nodes, depth = extent(value)
        return self.first_problem(value, nodes=nodes, depth=depth)

    def _explain(self, validator: Any, value: JSON, work: int) -> Finding:
        # Finding the place can take exponentially longer than finding that there is one.
        if work > VALIDATION_DETAIL_WORK_MAX:
            return _UNEXPLAINED
        return next(map(_finding, validator.iter_errors(value)), _UNEXPLAINED)


def compile_schema(schema: object, *, open_: bool) -> CompiledSchema:
    """Compile the schema of a tool's arguments; undeclared properties are refused unless `open_`.

    Raises:
        SchemaRefused: the schema is not one that can be judged by safely; says why.
    """
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise SchemaRefused("the schema of the arguments is not an object with `type: object`")
    compiled = compile_any(schema, open_=open_)
    compiled.mirrors = mirrors_of(schema)
    return compiled


def compile_any(schema: object, *, open_: bool) -> CompiledSchema:
    """Compile a schema for any kind of value, as `outputSchema` may be.

    Raises:
        SchemaRefused: the schema is not one that can be judged by safely; says why.
    """
    if isinstance(schema, bool):
        return CompiledSchema(_build(schema, _DEFAULT_DIALECT), None, (1,))
    if not isinstance(schema, dict):
        raise SchemaRefused("the schema is neither an object nor true or false")
    patterns = check_size(schema)
    dialect = _dialect(schema)
    effort = Effort(schema)
    if effort.by_depth[0] > _WORK_OF_ONE_NODE_MAX:
        raise SchemaRefused("the schema applies too many conditions to one value")
    original, texts = _build(schema, dialect, patterns), _texts(schema, dialect)
    if open_:
        return CompiledSchema(original, None, effort.by_depth, texts)
    closed = _build(close(schema, effort, draft7=dialect == _DRAFT7), dialect, patterns)
    loosened = original if may_loosen(schema) else None
    return CompiledSchema(closed, loosened, effort.by_depth, texts)


@final
class _Texts:
    """Bounds what the patterns of one schema may cost. most: places of the largest."""

    def __init__(self, schema: JSON, dialect: str, most: int) -> None:
        self._schema = schema
        self._dialect = dialect
        self._most = most
        self._counter = Counter(VALIDATION_TEXT_WORK_MAX)
        self._counting: Any = None

    def are_too_long(self, value: JSON, subschemas_max: int) -> bool:
        """subschemas_max: how many may judge the same text."""
        if len(encode(value)) * self._most * subschemas_max <= VALIDATION_TEXT_WORK_MAX:
            return False  # nearly every call, whichever text is under which pattern
        if self._counting is None:
            self._counting = self._compile()
        if self._counting is False:
            return True
        self._counter.begin()
        self._counting.is_valid(value)
        return self._counter.exhausted

    def _compile(self) -> Any:
        try:
            copied = counting(self._schema)
            return _build(copied, self._dialect, keywords=self._counter.keyword())
        except SchemaRefused:
            return False


def _texts(schema: JSON, dialect: str) -> _Texts | None:
    most = most_places(schema)
    return _Texts(schema, dialect, most) if most else None


def _dialect(schema: dict[str, JSON]) -> str:
    named = schema.get("$schema", _DEFAULT_DIALECT)
    dialect = named.removesuffix("#") if isinstance(named, str) else ""
    if dialect not in _DIALECTS:
        raise SchemaRefused("the schema is in a dialect other than 2020-12 and draft-07")
    return dialect


def _build(schema: JSON, dialect: str, patterns: int = 0, **more: Any) -> Any:
    """patterns: how many share the room that there is for them."""
    room = min(SCHEMA_PATTERN_BYTES_MAX, 4 * SCHEMA_PATTERN_BYTES_MAX // max(patterns, 1))
    try:
        return _DIALECTS[dialect](
            schema,
            **more,
            validate_formats=True,
            offline=True,
            mask=_MASK,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=room, dfa_size_limit=room),
        )
    except ValueError as error:
        said = str(error).partition("\n")[0]
        if said.endswith(_NO_PATTERN):
            said = "a pattern is too large, or no regular expression that takes linear time"
        raise SchemaRefused(f"the schema does not compile: {_printable(said)}") from error


def _finding(error: Any) -> Finding:
    path = tuple(error.instance_path)
    kind = error.kind
    if kind.name in _UNDECLARED:
        return pointer_to((*path, kind.unexpected[0])), "is not declared by the tool"
    if kind.name == "required":
        return pointer_to((*path, kind.property)), "is required"
    return pointer_to(path), _printable(error.message)


def _printable(text: str) -> str:
    cut = text[:_MESSAGE_CHARS_MAX]
    return "".join(char if char.isprintable() else " " for char in cut)
