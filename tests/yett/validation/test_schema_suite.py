"""The public JSON Schema 2020-12 suite, with each difference named. The list may only shrink."""

import json
from pathlib import Path
from typing import Any

from tests.needs import CORPORA, needs_corpus
from yett.validation.references import SchemaRefused
from yett.validation.schema import compile_any

CORPUS = CORPORA / "json_schema_2020_12.jsonl"

FETCHES = "the schema names a document outside itself, and the gate fetches nothing"
DIALECT = "the schema names a meta-schema of its own, and only two dialects are judged by"
FORMAT = "the suite takes `format` as a note by default; the gate checks it"

# (file, optional, start of the description) → why; each must still differ, or the test fails.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("dynamicRef.json", "strict-tree schema, guards against misspelled properties"): FETCHES,
    ("dynamicRef.json", "tests for implementation dynamic anchor and reference link"): FETCHES,
    ("dynamicRef.json", "$ref and $dynamicAnchor are independent of order"): FETCHES,
    ("dynamicRef.json", "$ref to $dynamicRef finds detached $dynamicAnchor"): FETCHES,
    ("format.json", "only an annotation by default"): FORMAT,
    ("cross-draft.json", "refs to historic drafts are processed as historic drafts"): FETCHES,
    ("format-assertion.json", "schema that uses custom metaschema"): DIALECT,
    ("refRemote.json", ""): FETCHES,
    ("vocabulary.json", ""): DIALECT,
}


def judge(case: dict[str, Any]) -> str:
    try:
        compiled = compile_any(case["schema"], open_=True)
    except SchemaRefused:
        return "refused"
    return "valid" if compiled.first_problem(case["data"]) is None else "invalid"


@needs_corpus(CORPUS.name)
def test_the_public_suite_is_judged_as_it_says() -> None:
    used: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for row in map(json.loads, CORPUS.read_text(encoding="utf-8").splitlines()):
        judged = judge(row["case"])
        if judged == row["label"]:
            continue
        file = Path(row["source_ref"]).name
        known = [key for key in EXCEPTIONS if key[0] == file and key[1] in row["desc"]]
        expected = (
            "invalid" if EXCEPTIONS.get(known[0] if known else ("", "")) is FORMAT else "refused"
        )
        used.update(known)
        if not known or judged != expected:
            wrong.append(f"{row['id']} {file}: {row['desc']}: {row['label']}, judged {judged}")
    assert wrong == []
    assert set(EXCEPTIONS) - used == set(), "no longer needed"
