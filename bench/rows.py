"""What it costs to keep back the rows that a caller may not see: part of `make decisions`. CPU time of this
process, the least of several rounds, for an answer with 1,000 rows of ten fields, half of them the caller's.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from yett.core import predicate
from yett.core.document import encode, parse
from yett.core.predicate import All, Compare, Has, RowRule
from yett.sanitising.row_judging import Judges, judge_of
from yett.sanitising.rows import RowFilter, read_places

ROUNDS: Final = 200
ROWS: Final[list[dict[str, Any]]] = [
    {
        "id": number,
        "tenant": "acme" if number % 2 else "globex",
        "name": f"customer {number}",
        "email": f"customer{number}@example.com",
        "amount": number * 3,
        "city": "Berlin",
        "level": number % 7,
        "open": True,
        "note": "nothing to be said of it",
        "since": "2026-01-01",
    }
    for number in range(1_000)
]
OWN: Final = Compare(("tenant",), "==", "acme")
ONE: Final = RowRule((OWN,), (), ("own",))
FOUR: Final = RowRule(
    permits=(
        All((Has(("tenant",)), OWN)),
        predicate.Any((Compare(("level",), "<", 2), Compare(("open",), "==", value=False))),
    ),
    forbids=(Compare(("amount",), ">", 2_990), Compare(("city",), "==", "Paris")),
    policies=("a", "b", "c", "d"),
)


def main() -> None:
    structured = {"content": [], "structuredContent": {"rows": ROWS}}
    text = {"content": [{"type": "text", "text": encode({"rows": ROWS}).decode()}]}
    hide = ("email", "note")
    print(f"{'1,000 rows':<34}{'ms of CPU':>10}")
    for name, rule in (("one policy", ONE), ("four policies", FOUR)):
        judge = judge_of(rule)
        plain, hiding = _filter(()), _filter(hide)
        _show(f"{name}: judged", partial(judge, ROWS))
        _show(f"{name}: structured answer", partial(plain.result, structured, rule))
        _show(f"{name}: and two fields hidden", partial(hiding.result, structured, rule))
        _show(f"{name}: answer in a text", partial(plain.result, text, rule))
    _show("to read such a text and write it", lambda: encode(_read(text)))


def _read(result: dict[str, Any]) -> Any:
    return parse(result["content"][0]["text"].encode())


def _filter(hide: tuple[str, ...]) -> RowFilter:
    places = read_places(["/structuredContent/rows"], hide, text=True, at_most=500)
    return RowFilter(places, Judges())


def _show(name: str, work: Callable[[], object]) -> None:
    least = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    print(f"{name:<34}{least * 1e3:>10.2f}")


if __name__ == "__main__":
    main()
