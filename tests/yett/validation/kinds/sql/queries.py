"""Random queries over two tables of the same columns, and random rules about their rows."""

import random
from typing import Final

from yett.core.predicate import (
    All,
    Any,
    Compare,
    Comparison,
    Has,
    Like,
    Not,
    OneOf,
    Predicate,
    RowRule,
    Truth,
)

TABLES: Final = ("orders", "lines")
COLUMNS: Final = ("id", "tenant", "amount", "note")
TENANTS: Final = ("acme", "Acme", "it's", "b%c_d", "b*c?d", "[x]", "", "back\\slash", "größe")
_COMPARISONS: Final[tuple[Comparison, ...]] = ("==", "!=", "<", "<=", ">", ">=")


class Dice:
    """seed: the same one gives the same queries."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._names = 0

    def rule(self) -> RowRule:
        permits = tuple(self.predicate(2) for _ in range(self._random.choice((1, 1, 1, 2, 3))))
        forbids = tuple(self.predicate(1) for _ in range(self._random.choice((0, 0, 1, 2))))
        return RowRule(permits, forbids, ())

    def predicate(self, depth: int) -> Predicate:
        choice = self._random.random()
        if depth and choice < 0.45:
            parts = tuple(self.predicate(depth - 1) for _ in range(self._random.randint(1, 3)))
            return self._random.choice((All(parts), Any(parts), Not(parts[0])))
        if choice < 0.6:
            values = tuple(self._random.sample(TENANTS, self._random.randint(0, 3)))
            return OneOf(("tenant",), values)
        if choice < 0.75:
            return Compare(("amount",), self._random.choice(_COMPARISONS), self._number())
        if choice < 0.8:
            return Has((self._random.choice(COLUMNS),))
        if choice < 0.85:
            return Truth(self._random.random() < 0.5)
        if choice < 0.92:
            text = self._random.choice(TENANTS)
            cut = self._random.randint(0, len(text))
            return Like((self._random.choice(("tenant", "note")),), (text[:cut], text[cut + 1 :]))
        return Compare(
            (self._random.choice(("tenant", "note")),),
            self._random.choice(("==", "!=")),
            self._random.choice(TENANTS),
        )

    def row(self, number: int) -> dict[str, object]:
        return {
            "id": number,
            "tenant": self._random.choice((*TENANTS, None)),
            "amount": self._random.choice((None, 0, 1, 2, 3, -1)),
            "note": self._random.choice((*TENANTS, None, "5", "plain")),
        }

    def query(self, depth: int = 3) -> str:
        choice = self._random.random()
        if depth and choice < 0.15:
            word = self._random.choice(("UNION", "UNION ALL", "EXCEPT", "INTERSECT"))
            return f"{self._plain(depth - 1)} {word} {self._plain(depth - 1)}"
        if depth and choice < 0.3:
            name = self._name()
            inner = self._plain(depth - 1)
            return f"WITH {name} AS ({inner}) SELECT {_listed('a')} FROM {name} AS a, {self._table()} AS b"
        if choice < 0.4:
            table = self._table()
            return f"SELECT count(*), sum({table}.amount), min({table}.note), 1 FROM {table} WHERE {self._condition([table], depth)}"
        return self._plain(depth)

    def _plain(self, depth: int) -> str:
        first, second = self._name(), self._name()
        source, names = self._source(first, depth), [first]
        if self._random.random() < 0.5:
            word = self._random.choice(("JOIN", "LEFT JOIN", "CROSS JOIN"))
            source += f" {word} {self._source(second, depth)}"
            names.append(second)
            if word != "CROSS JOIN":
                source += f" ON {self._condition(names, 0)}"
        return f"SELECT {_listed(names[-1])} FROM {source} WHERE {self._condition(names, depth)}"

    def _source(self, name: str, depth: int) -> str:
        if depth and self._random.random() < 0.3:
            return f"({self._plain(depth - 1)}) AS {name}"
        return f"{self._table()} AS {name}"

    def _condition(self, names: list[str], depth: int) -> str:
        name, choice = self._random.choice(names), self._random.random()
        if depth and choice < 0.15:
            inner = self._name()
            return f"EXISTS (SELECT 1 FROM {self._table()} AS {inner} WHERE {self._condition([*names, inner], depth - 1)})"
        if depth and choice < 0.3:
            inner = self._name()
            return f"{name}.id IN (SELECT {inner}.id FROM {self._table()} {inner} WHERE {self._condition([inner], depth - 1)})"
        if depth and choice < 0.4:
            return f"{name}.amount = (SELECT max(amount) FROM {self._table()})"
        if depth and choice < 0.6:
            word = self._random.choice(("AND", "OR"))
            return f"({self._condition(names, depth - 1)} {word} NOT {self._condition(names, depth - 1)})"
        if choice < 0.7:
            return f"({name}.note IS NULL)"
        if choice < 0.8:
            return "(1 = 1)"
        if choice < 0.9:
            return f"({name}.amount >= {self._number()})"
        return f"({name}.tenant <> 'acme')"

    def _number(self) -> int:
        return self._random.choice((0, 1, 2, -1))

    def _table(self) -> str:
        return self._random.choice(TABLES)

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}"


def _listed(name: str) -> str:
    return ", ".join(f"{name}.{column}" for column in COLUMNS)
