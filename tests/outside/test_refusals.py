"""Every refusal from outside: what is told, what is recorded, and that nothing was touched.

All scenes are played once, by one gate, and its record is read once; each test then looks at one.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.outside.gate import DOORS, REST, Answer, Gate, running
from tests.outside.refusing import (
    ELSEWHERE,
    ERRORS,
    FORM,
    POLICY,
    SCENES,
    TOOLS,
    Day,
    Scene,
    begin,
    configuration,
    make_keys,
)
from tests.outside.upstream import MODERN, serving, tool
from yett.core.reasons import Reason, public_reason


def _cases() -> Iterator[tuple[Scene, str]]:
    """Each reason at each door, by its first scene; every further scene at one door, in turn."""
    reasons: set[Reason] = set()
    for number, scene in enumerate(SCENES):
        if scene.reason in reasons:
            yield scene, scene.doors[number % len(scene.doors)]
        else:
            reasons.add(scene.reason)
            yield from ((scene, door) for door in scene.doors)


CASES = list(_cases())


@dataclass
class Played:
    """alive: a good call of another kind worked right afterwards. peer: where it came from."""

    answer: Answer | None = None
    error: Exception | None = None
    reached: int = 0
    alive: bool = False
    peer: str = "127.0.0.1"


@dataclass
class Story:
    """records: all decisions, by id. private: what no answer may hold."""

    played: dict[tuple[str, str], Played]
    records: dict[str, list[dict[str, Any]]]
    private: tuple[str, ...]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("refusals")
    secret = folder / "bearer"
    secret.write_text("canary-of-the-upstream")
    secret.chmod(0o600)
    (folder / "policies").mkdir()
    (folder / "policies" / "house.cedar").write_text(POLICY)
    with serving(*TOOLS) as rec, serving(tool("look")) as gone, serving(tool("look")) as armless:
        gate = Gate(folder, configuration(rec, gone, armless, secret))
        keys = make_keys(gate)
        with running(gate):
            day = begin(gate, keys, rec, gone, secret)
            played = {
                (scene.id, door): _play(day, scene, door, number)
                for number, (scene, door) in enumerate(CASES)
            }
            time.sleep(0.1)  # who hung up is recorded a moment later
            found = gate.records()
        records: dict[str, list[dict[str, Any]]] = {}
        for record in found:
            records.setdefault(record["id"], []).append(record)
        ports = [str(item.port) for item in (rec, gone, armless)]
        names = [text for key in keys.values() for text in (key.secret, key.id)]
        private = (str(folder), "canary-of-the-upstream", "no-evil", "yett.lock", *ports, *names)
        yield Story(played, records, private)


def _play(day: Day, scene: Scene, door: str, number: int) -> Played:
    played = Played()
    if not scene.named:  # one address may not fail that often
        played.peer = f"127.0.1.{number}"
    before = len(day.rec.works)
    day.gate.source = played.peer
    try:
        played.answer = scene.provoke(day, door)
    except Exception as error:  # noqa: BLE001 - told by the test of this scene
        played.error = error
    day.gate.source = "127.0.0.1"
    played.reached = len(day.rec.works) - before
    good = day.gate.execute("rec", "look", day.keys["main"], word="good")
    played.alive = good.status == 200
    return played


@pytest.fixture
def played(story: Story, scene: Scene, door: str) -> Played:
    found = story.played[scene.id, door]
    if found.error is not None:
        raise found.error
    return found


@pytest.fixture
def record(story: Story, played: Played, scene: Scene, door: str) -> dict[str, Any]:
    """The one record of this scene."""
    if played.answer is None:
        protocol = [
            record
            for records in story.records.values()
            for record in records
            if record["reason"] == scene.reason.value and record["protocol"] == door
        ]
        assert len(protocol) == 1
        return protocol[0]
    found = story.records.get(played.answer.request_id, [])
    assert len(found) == 1, found
    return found[0]


def of_all_scenes(test: Any) -> Any:
    names = [f"{scene.id} @ {door}" for scene, door in CASES]
    return pytest.mark.parametrize(("scene", "door"), CASES, ids=names)(test)


ANSWERED = [(scene, door) for scene, door in CASES if scene.reason is not Reason.CANCELLED]


def of_all_answers(test: Any) -> Any:
    names = [f"{scene.id} @ {door}" for scene, door in ANSWERED]
    return pytest.mark.parametrize(("scene", "door"), ANSWERED, ids=names)(test)


def is_tool_error(scene: Scene, door: str) -> bool:
    return scene.reason is Reason.INVALID_INPUT and door in ("2025-11-25", MODERN)


@of_all_answers
def test_a_refusal_has_its_one_form_and_shows_nothing_private(
    scene: Scene, door: str, played: Played, story: Story
) -> None:
    answer = played.answer
    assert answer is not None

    _has_its_form(scene, door, answer)
    _says_how_to_go_on(scene, answer)
    _shows_nothing_private(scene, answer, story)


def _has_its_form(scene: Scene, door: str, answer: Answer) -> None:
    rest, legacy, modern, code, text = FORM[scene.reason]
    status = rest if door == REST else modern if door == MODERN else legacy
    refusal = answer.refusal
    assert answer.status == status, answer.body
    assert refusal["reason"] == public_reason(scene.reason).value
    assert refusal["request_id"] == answer.request_id
    shown = refusal["detail"].removeprefix(text).removeprefix(": ")
    assert refusal["detail"].startswith(text)
    assert shown == scene.shown or (scene.shown == "*" and shown)
    if door == REST or code is None:
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.json["status"], answer.json["title"]) == (status, text)
    elif is_tool_error(scene, door):
        assert answer.json["result"]["isError"] is True
        assert answer.json["result"]["content"][0]["text"].startswith(text)
    else:
        assert answer.code == (scene.code or code)
        assert answer.json["error"]["message"] == refusal["detail"]


def _says_how_to_go_on(scene: Scene, answer: Answer) -> None:
    refusal, headers = answer.refusal, answer.headers
    match scene.reason:
        case Reason.UNAUTHENTICATED:
            assert headers["www-authenticate"].startswith("Bearer")
        case Reason.RATE_LIMITED | Reason.CIRCUIT_OPEN:
            assert int(headers["retry-after"]) == refusal["retry_after_seconds"] >= 1
        case Reason.BUDGET_EXHAUSTED:
            assert refusal["resets_at"].startswith("20")
        case Reason.INVALID_INPUT:
            assert "pointer" in refusal
        case Reason.METHOD_NOT_ALLOWED:
            assert "POST" in headers["allow"]
        case Reason.UNSUPPORTED_VERSION:
            assert MODERN in refusal["supported"]
        case _:
            pass
    assert refusal.get("outcome_unknown", False) is bool(scene.reaches)


def _shows_nothing_private(scene: Scene, answer: Answer, story: Story) -> None:
    told = answer.body.decode() + json.dumps(answer.headers)
    found = story.records.get(answer.request_id, [])
    # A single word such as `path` says nothing that the refusal does not say.
    private = [text for record in found if " " in (text := record["private"] or "")]
    shown = answer.refusal["detail"]
    assert [text for text in story.private if text in told] == []
    assert [text for text in private if text in told and text not in shown] == []
    assert [text for text in private if scene.shown != "*" and text in told] == []


@of_all_scenes
def test_the_upstream_saw_what_it_was_meant_to_see_and_the_gate_lives(
    scene: Scene, door: str, played: Played
) -> None:
    assert played.reached == scene.reaches
    assert played.alive


RECORDED = [(scene, door) for scene, door in CASES if scene.reason is not Reason.AUDIT_UNAVAILABLE]


@pytest.mark.parametrize(
    ("scene", "door"), RECORDED, ids=[f"{scene.id} @ {door}" for scene, door in RECORDED]
)
def test_exactly_one_complete_record_exists(
    scene: Scene, door: str, record: dict[str, Any], played: Played
) -> None:
    expected_target = scene.target
    caller = record["caller"]

    assert record["reason"] == scene.reason.value
    assert record["decision"] == ("error" if scene.reason in ERRORS else "denied")
    assert record["status"] == ("unknown" if scene.reaches else "refused")
    assert record["latency_ms"] >= 0
    assert record["peer"] == played.peer
    assert record["at"].endswith("Z")
    if scene.named:
        assert caller["name"] in ("main", "clumsy", "spender")
        assert record["tenant"] == "acme"
    else:
        assert (caller, record["tenant"]) == (None, None)
    if expected_target != (None, None):
        assert (record["server"], record["tool"]) == expected_target
        assert record["door"] == ("rest" if door == REST else "mcp")
        assert record["protocol"] == door
        assert record["definition"]
    else:
        assert record["definition"] is None


def test_what_could_not_be_recorded_left_nothing(story: Story) -> None:
    for door in DOORS:
        played = story.played["audit_unavailable, disk full", door]
        assert played.error is None
        assert played.answer is not None
        assert story.records.get(played.answer.request_id, []) == []


def test_a_name_that_means_nothing_is_recorded_as_it_was_asked_for(story: Story) -> None:
    for door in DOORS:
        answer = story.played["unknown_tool, no such tool", door].answer
        assert answer is not None
        [record] = story.records[answer.request_id]
        asked = ("rec", "nothing") if door == REST else (None, "rec__nothing")
        assert (record["server"], record["tool"]) == asked


@pytest.mark.parametrize("same", ["unauthenticated", "unknown"])
@pytest.mark.parametrize("door", DOORS)
def test_refusals_that_must_not_be_told_apart_are_the_same_bytes(
    same: str, door: str, story: Story
) -> None:
    forms = set()
    for scene, at in CASES:
        if scene.same_as == same and at == door:
            answer = story.played[scene.id, door].answer
            assert answer is not None
            text = answer.body.decode().replace(answer.request_id, "ID")
            headers = {name: value for name, value in answer.headers.items() if name != "yett-request-id"}  # fmt: skip
            parsed = json.loads(text)
            if "jsonrpc" in parsed:
                parsed["id"] = "ID"
            body = json.dumps(parsed) if "jsonrpc" in parsed else text
            headers.pop("content-length")
            forms.add((answer.status, body, json.dumps(headers)))

    assert len(forms) == 1, forms


def test_every_reason_is_provoked_or_says_why_not() -> None:
    provoked = {scene.reason for scene in SCENES}

    assert provoked | ELSEWHERE.keys() == set(Reason)
    assert provoked & ELSEWHERE.keys() == set()
