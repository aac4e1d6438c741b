"""Reads policy texts, and remembers what it has read: a change of one policy among thousands takes no
longer than one."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, final

import msgspec

from yett.authorization.compile import Statement
from yett.authorization.policies import Policy, read_policy
from yett.authorization.size import overweight
from yett.core.errors import ConfigurationError, Problem
from yett.core.target import JSON

KNOWN_MAX: Final = 50_000
_AT_ONCE: Final = 50
"""Policies that Cedar parses at a time, some 10 ms: nothing else in the process runs meanwhile."""

ReadText = Callable[[str], list[dict[str, JSON]]]
"""Raises ValueError with a parser's message."""


@final
class Reader:
    """One for the life of the process. Whoever uses it holds `lock`."""

    __slots__ = ("_policies", "_read_text", "files", "lock", "sound")

    def __init__(self, read_text: ReadText) -> None:
        self._read_text = read_text
        self.lock = threading.Lock()
        self._policies: dict[str, Policy] = {}
        self.sound: set[str] = set()
        """Texts that fit the schema, as `build.py` has found."""
        self.files: dict[str, tuple[str, list[Policy]]] = {}
        """The policies of whole files, by name, with the text that they were read from."""

    def read(self, statements: Sequence[tuple[Statement, str]]) -> list[Policy]:
        """Return the policy of each statement. statements: with the id of those that name none.

        Raises:
            ConfigurationError: with all that are not Cedar, or are too large.
        """
        if len(self._policies) > KNOWN_MAX:
            self._policies.clear()
            self.sound.clear()
        fresh = {each.text: each for each, _ in statements if each.text not in self._policies}
        unread = [text for text, statement in fresh.items() if statement.form is None]
        for text, statement in fresh.items():
            if statement.form is not None:
                self._policies[text] = read_policy(statement.form, statement, default_id="")
        wrong: dict[str, str] = {}
        for start in range(0, len(unread), _AT_ONCE):
            wrong |= self._learn(unread[start : start + _AT_ONCE])
        problems = [
            _not_cedar(wrong[statement.text], statement)
            for statement, _ in statements
            if statement.text in wrong
        ]
        if not problems:
            problems = self._heavy(statements, frozenset(unread))
        if problems:
            for text in fresh:
                self._policies.pop(text, None)
            raise ConfigurationError(problems)
        return [self._placed(statement, default_id) for statement, default_id in statements]

    def _learn(self, texts: Sequence[str]) -> dict[str, str]:
        """Parse these together; return what is wrong with which, which only one by one can tell."""
        try:
            self._keep(texts, self._read_text("\n".join(texts)))
        except ValueError:
            return self._learn_each(texts)
        return {}

    def _learn_each(self, texts: Iterable[str]) -> dict[str, str]:
        wrong: dict[str, str] = {}
        for text in texts:
            try:
                self._keep([text], self._read_text(text))
            except ValueError as error:
                wrong[text] = str(error)
        return wrong

    def _keep(self, texts: Sequence[str], forms: Sequence[dict[str, JSON]]) -> None:
        if len(forms) != len(texts):
            raise ValueError("its policies cannot be told apart")
        for text, form in zip(texts, forms, strict=True):
            self._policies[text] = read_policy(form, Statement(text, ""), default_id="")

    def _heavy(
        self, statements: Sequence[tuple[Statement, str]], fresh: frozenset[str]
    ) -> list[Problem]:
        return [
            problem
            for statement, _ in statements
            if statement.text in fresh
            for problem in overweight(self._policies[statement.text].form, statement)
        ]

    def _placed(self, statement: Statement, default_id: str) -> Policy:
        known = self._policies[statement.text]
        return msgspec.structs.replace(known, id=known.id or default_id, statement=statement)


def _not_cedar(message: str, statement: Statement) -> Problem:
    return Problem(
        f"not a Cedar policy: {message}",
        fix="Mend the policy that begins here",
        file=statement.file,
        line=statement.line,
    )
