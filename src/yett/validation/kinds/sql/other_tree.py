"""Statements of databases other than PostgreSQL as sqlglot sees them: read, and written anew.

sqlglot is no database's own parser. It passes over comments that MySQL executes and takes for one
statement what SQL Server takes for two. So a statement is never sent as it came: what is sent is written
from the tree, without comments, must give the same tree again, and is what is judged.
"""

import logging
from typing import Any, ClassVar, Final, final

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.generators.mysql import MySQLGenerator
from sqlglot.tokenizer_core import Token, TokenType

from yett.validation.kinds.port import Unfit
from yett.validation.kinds.sql.names import words

PIECES_MAX: Final = 1_000
"""A tenth of a millisecond each."""

_BEGINNINGS: Final = words("""
    BACKUP BEGIN BULK CHECKPOINT CLOSE COMMIT DBCC DEALLOCATE DECLARE DENY DISABLE ENABLE EXEC EXECUTE GOTO GRANT
    KILL LOAD OPEN PRINT RAISERROR READTEXT RECONFIGURE RESTORE RETURN REVERT REVOKE ROLLBACK SAVE SEND SETUSER
    SHUTDOWN THROW TRUNCATE UPDATETEXT USE WAITFOR WHILE WRITETEXT
    """)
TEXTS: Final = frozenset(
    {
        TokenType.STRING, TokenType.NATIONAL_STRING, TokenType.RAW_STRING, TokenType.BYTE_STRING,
        TokenType.UNICODE_STRING, TokenType.HEREDOC_STRING,
    }
)  # fmt: skip
QUOTED: Final = TEXTS | {TokenType.IDENTIFIER}
"""Words of which it does not matter what they say."""
_UNREADABLE: Final = "is no statement of the declared dialect"


@final
class _MySQL(MySQLGenerator):
    """Writes REGEXP as it was said: MariaDB has no REGEXP_LIKE."""

    TRANSFORMS: ClassVar = {
        **MySQLGenerator.TRANSFORMS,
        exp.RegexpLike: lambda self, node: (
            self.function_fallback_sql(node)
            if node.args.get("flag")
            else self.binary(node, "REGEXP")
        ),
    }


_WRITERS: Final = {"mysql": _MySQL}
_STEPS_MAX: Final = 1_000
_STEPS_PER_WORD_MAX: Final = 40
"""Of the parser from word to word. People's statements take one or two for each word."""

# It would write the statements of callers to the log.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL + 1)


def parse(text: str, dialect: str, tokens: list[Token] | None = None) -> exp.Expr:
    """tokens: of the text, if they are known.

    Raises:
        Unfit: it cannot be parsed, is not exactly one statement, or is nested too deep.
    """
    found_in = tokens_of(text, dialect) if tokens is None else tokens
    try:
        statements = _parser_of(dialect, len(found_in)).parse(found_in, text)
    except Unfit:
        raise
    except RecursionError:
        raise Unfit("is nested too deep") from None
    except (SqlglotError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        raise Unfit(_UNREADABLE) from None
    found = [one for one in statements if one is not None and not isinstance(one, exp.Semicolon)]
    if len(found) != 1:
        raise Unfit("is more than one statement" if found else "is no statement")
    tree = found[0]
    if not isinstance(tree, exp.Expr):
        raise Unfit(_UNREADABLE)
    return tree


def _parser_of(dialect: str, words_count: int) -> Any:
    """Return a parser that gives up in time: sqlglot's tries some nestings, as of `date(`, in two ways each, which
    is twice the time for each level (CWE-407)."""
    known = Dialect.get_or_raise(dialect)
    parser: Any = known.parser(error_level=ErrorLevel.IMMEDIATE)
    advance, left = parser._advance, _STEPS_MAX + _STEPS_PER_WORD_MAX * words_count  # noqa: SLF001 - there is no other place where each of its steps is seen

    def step(times: int = 1) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Unfit("is nested in a way that takes too long to read")
        advance(times)

    parser._advance = step  # noqa: SLF001 - as above
    return parser


def write(tree: exp.Expr, dialect: str) -> str:
    """Raises:
    Unfit: it has no form in this dialect.
    """
    try:
        writer = _WRITERS.get(dialect) or Dialect.get_or_raise(dialect).generator_class
        return writer(
            dialect=dialect,
            comments=False,
            identify=dialect == "tsql",  # where a word after a table may begin another statement
            normalize_functions=False,
            unsupported_level=ErrorLevel.RAISE,
        ).generate(tree)
    except RecursionError:
        raise Unfit("is nested too deep") from None
    except (SqlglotError, ValueError, TypeError, AttributeError, KeyError):
        raise Unfit("cannot be written anew") from None


def rewritten(
    text: str, dialect: str, forbidden: frozenset[str]
) -> tuple[exp.Expr, str, list[Token]]:
    """Return a tree, its text, each made from the other, and the words of the text. forbidden: words that
    it may not have.

    Raises:
        Unfit: see `parse` and `write`, or they do not agree.
    """
    if dialect == "tsql":
        _check_words(text, _BEGINNINGS | forbidden)
    given = parse(text, dialect)
    anew = write(given, dialect)
    tokens = tokens_of(anew, dialect)
    tree = parse(anew, dialect, tokens)
    if tree != given and write(tree, dialect) != anew:
        raise Unfit("cannot be written anew with the same meaning")
    return tree, anew, tokens


def _check_words(text: str, beginnings: frozenset[str]) -> None:
    """SQL Server needs nothing between two statements, so a word that begins one is no alias.

    Raises:
        Unfit: there is one that is not quoted.
    """
    for token in tokens_of(text, "tsql")[1:]:
        if token.token_type not in QUOTED and token.text.upper() in beginnings:
            raise Unfit("has a word that may begin another statement; quote it if it is a name")


def tokens_of(text: str, dialect: str) -> list[Token]:
    """Raises:
    Unfit: it has none.
    """
    try:
        return Dialect.get_or_raise(dialect).tokenize(text)
    except SqlglotError:
        raise Unfit(_UNREADABLE) from None
