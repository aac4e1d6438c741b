"""What somebody finds who looks for what happened, while the gate goes on: by command and by the admin API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.outside.gate import Gate, Key, running
from tests.outside.upstream import serving, tool, wait_until

CALLS = 24


@dataclass
class Scene:
    gate: Gate
    keys: dict[str, Key]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with serving(tool("look"), tool("find")) as rec:
        configuration = (
            f'servers: {{rec: {{url: {rec.url}}}}}\nroles: {{reader: ["rec.look:read"]}}\n'
        )
        gate = Gate(tmp_path_factory.mktemp("finding"), configuration)
        keys = {
            tenant: gate.key(f"agent-{tenant}", "reader", tenant=tenant)
            for tenant in ("acme", "globex")
        }
        with running(gate):
            wait_until(
                lambda: gate.execute("rec", "look", keys["acme"], word="first").status == 200
            )
            for number in range(CALLS):
                key = keys["acme" if number % 3 else "globex"]
                gate.execute(
                    "rec",
                    "find" if number % 4 == 0 else "look",
                    key,
                    word=f"parcel {number} of five",
                )
            yield Scene(gate, keys)


def found(scene: Scene, *question: str) -> list[str]:
    return [record["id"] for record in scene.gate.records(*question)]


def asked(scene: Scene, question: str) -> list[str]:
    page = scene.gate.admin(f"/api/v1/audit/records?{question}&limit=1000").json
    assert page["complete"] is True
    return [record["id"] for record in page["records"]]


def test_each_member_and_each_word_leads_to_the_records_that_have_it(scene: Scene) -> None:
    everything = scene.gate.records("--text", "of five")
    assert len(everything) == CALLS
    some = everything[7]
    for name, fits in (
        (f"tenant={some['tenant']}", lambda r: r["tenant"] == some["tenant"]),
        ("decision=denied", lambda r: r["decision"] == "denied"),
        ("reason=not_permitted", lambda r: r["reason"] == "not_permitted"),
        ("status=ok", lambda r: r["status"] == "ok"),
        (f"key={some['caller']['id']}", lambda r: r["caller"] == some["caller"]),
        ("tool=rec/look", lambda r: r["tool"] == "look"),
        (f"id={some['id']}", lambda r: r == some),
        ("text=PARCEL%207%20of", lambda r: r == some),
        ("where=door=rest&where=server=rec", lambda _: True),
        (f"since={some['at']}&until={everything[9]['at']}", lambda r: r in everything[7:9]),
    ):  # fmt: skip
        expected = [record["id"] for record in everything if fits(record)]
        assert expected
        assert [
            id_ for id_ in asked(scene, name) if id_ in {r["id"] for r in everything}
        ] == expected
    by_command = found(
        scene, "--where", "door=rest", "--text", "of fi*", "--since", some["at"], "--until", "0s"
    )
    assert by_command == [record["id"] for record in everything[7:]]


def test_pages_are_the_whole_and_no_record_is_in_two(scene: Scene) -> None:
    pages: list[str] = []
    before = ""
    while True:
        page = scene.gate.admin(f"/api/v1/audit/records?text=of%20five&limit=7{before}").json
        pages = [record["id"] for record in page["records"]] + pages
        if page["before"] is None:
            break
        before = f"&before={page['before']}"

    assert pages == asked(scene, "text=of%20five")


def test_a_tenants_view_holds_nothing_of_another(scene: Scene) -> None:
    acme, globex = scene.keys["acme"].id, scene.keys["globex"].id
    shown = scene.gate.yett("audit", "search", "--tenant", "acme", "--json", "--kind", "all")
    assert acme in shown
    assert globex not in shown


def test_one_record_is_shown_whole_at_both_doors(scene: Scene) -> None:
    answer = scene.gate.execute("rec", "look", scene.keys["acme"], word="whole")
    by_command = json.loads(scene.gate.yett("audit", "show", answer.request_id, "--json"))
    by_admin = scene.gate.admin(f"/api/v1/audit/records/{answer.request_id}").json

    assert by_command == by_admin
    assert by_command["input"] == {"word": "whole"}
    assert by_command["outcome_sequence"] > by_command["sequence"]
    assert scene.gate.admin("/api/v1/audit/records/nothing").status == 400


@pytest.mark.parametrize(
    ("question", "meant"), [("reason=rate_limitd", "rate_limited"), ("tool=rec.look", "rec/look")]
)
def test_what_is_mistyped_is_not_answered_with_nothing(
    scene: Scene, question: str, meant: str
) -> None:
    answer = scene.gate.admin(f"/api/v1/audit/records?{question}")

    assert answer.status == 400
    assert f"Did you mean `{meant}`?" in answer.body.decode()


def test_a_table_ends_with_a_word_about_what_it_leaves_out(scene: Scene) -> None:
    done = scene.gate.run("audit", "search", "--limit", "5", "--text", "of five")
    assert len(done.stdout.splitlines()) == 6
    assert "more" in done.stderr


def test_a_hold_is_placed_by_the_admin_api_and_recorded_with_who_did_it(scene: Scene) -> None:
    path = "/api/v1/audit/holds"
    made = scene.gate.admin(path, method="POST", body={"reason": "case 4", "tenant": "acme"})
    assert made.status == 200
    [listed] = json.loads(f"[{scene.gate.yett('audit', 'hold', 'list', '--json')}]")
    assert listed == made.json
    assert scene.gate.admin(path, method="POST", body={"tenant": "acme"}).status == 400

    released = scene.gate.admin(
        f"{path}/{listed['id']}/release", method="POST", body={"reason": "done"}
    )
    assert released.json["release_reason"] == "done"
    wait_until(lambda: len(scene.gate.events("hold.released")) == 1)
    [event] = scene.gate.events("hold.added")
    assert event["actor"].startswith("admin:")


def test_an_export_has_every_record_and_is_for_its_owner(scene: Scene, tmp_path: Path) -> None:
    output = tmp_path / "records.csv"
    words = ("--format", "csv", "--text", "of five", "--output", str(output), "--json")
    told = json.loads(scene.gate.yett("audit", "export", *words))

    assert told["records"] == CALLS
    assert len(output.read_text().splitlines()) == CALLS + 1
    assert output.stat().st_mode & 0o777 == 0o600
