"""The admin listener from outside: nothing without the token, everything recorded first."""

import asyncio
import http.client
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, final

import pytest

from yett.admin.application import openapi
from yett.admin.port import AdminAlerts
from yett.admin.server import AdminServer
from yett.admin.token import TOKEN_FILE, matches, open_token
from yett.authorization.approval.request import Approver
from yett.core.clock import SystemClock
from yett.core.errors import CommandError, Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.core.target import JSON
from yett.limits.build import open_strangers
from yett.limits.strangers import OF_ONE, Failure


@final
class Book:
    """Notes what it is asked."""

    def __init__(self, asked: list[tuple[Any, ...]]) -> None:
        self.asked = asked

    def search(
        self, filters: dict[str, str], members: list[str], limit: int, before: int | None
    ) -> dict[str, JSON]:
        self.asked.append(("records", filters, members, limit, before))
        return {"records": [], "before": None, "complete": True}

    def show(self, identifier: str) -> dict[str, JSON]:
        raise CommandError(f"no record has the id `{identifier}`")

    def holds(self) -> list[dict[str, JSON]]:
        return []

    def add_hold(self, said: dict[str, str], actor: str) -> dict[str, JSON]:
        self.asked.append(("hold", said, actor))
        return {"id": "h1"}

    def release_hold(self, identifier: str, reason: str, actor: str) -> dict[str, JSON]:
        self.asked.append(("release", identifier, reason, actor))
        return {"id": identifier}


class ScriptedDesk:
    """Answers what it is asked and keeps what is to be recorded."""

    def __init__(self) -> None:
        self.events: list[dict[str, JSON]] = []
        self.asked: list[tuple[Any, ...]] = []
        self.full = False
        self.strangers = open_strangers(SystemClock(), "admin")

    @property
    def alerts(self) -> AdminAlerts:
        raise AssertionError("nobody asks for alerts here")

    def status(self) -> dict[str, JSON]:
        return {"ready": True}

    def metrics(self) -> bytes:
        return b"yett_calls_total 1\n"

    def keys(self) -> list[dict[str, JSON]]:
        return [{"id": "k1"}]

    def revoke(self, reference: str) -> dict[str, JSON]:
        self.asked.append(("revoke", reference))
        if reference == "nobody":
            raise CommandError("There is no key `nobody`")
        if reference == "broken":
            raise Fault(Reason.INTERNAL_ERROR, "PRIVATE")
        return {"id": reference}

    def tools(self) -> list[dict[str, JSON]]:
        return []

    @property
    def book(self) -> "Book":
        return Book(self.asked)

    def verify(self) -> dict[str, JSON]:
        return {"ok": True}

    def approver(self, secret: bytes) -> Approver | None:
        if secret == b"broken":
            raise Fault(Reason.INTERNAL_ERROR, "PRIVATE")
        bo = Approver("a1", "bo", "approver:bo", "acme")
        return bo if secret == b"secret-of-bo" else None

    def approvals(self, tenant: str | None, *, with_closed: bool) -> list[dict[str, JSON]]:
        self.asked.append(("approvals", tenant, with_closed))
        return []

    def approval(self, identifier: str, tenant: str | None) -> dict[str, JSON]:
        return {"id": identifier, "tenant": tenant}

    def approve(
        self, identifier: str, by: Approver, *, break_glass: bool, reason: str
    ) -> dict[str, JSON]:
        self.asked.append(("approve", identifier, by.actor, break_glass, reason))
        return {"id": identifier}

    def deny(self, identifier: str, by: Approver, *, reason: str) -> dict[str, JSON]:
        self.asked.append(("deny", identifier, by.actor, reason))
        return {"id": identifier}

    def fail(self, peer: str) -> Failure:
        return self.strangers.fail(peer)

    def record(self, event: dict[str, JSON]) -> None:
        if self.full:
            raise Fault(Reason.AUDIT_UNAVAILABLE, "full")
        self.events.append(event)


class Admin(NamedTuple):
    desk: ScriptedDesk
    port: int
    token: str

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        token: str | None = "",
        body: bytes | None = None,
        **headers: str,
    ) -> tuple[int, bytes]:
        return await asyncio.to_thread(self._ask, path, method, token, body, headers)

    def _ask(
        self, path: str, method: str, token: str | None, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            headers |= {"Authorization": f"Bearer {token or self.token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@pytest.fixture
async def admin(tmp_path: Path) -> AsyncIterator[Admin]:
    desk = ScriptedDesk()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = AdminServer(desk, data=tmp_path, listen=f"127.0.0.1:{port}")
        await server.start(taken)
        try:
            yield Admin(desk, port, (tmp_path / TOKEN_FILE).read_text().strip())
        finally:
            await server.stop()


async def test_who_fails_very_often_is_counted_and_the_token_is_good_all_the_same(
    admin: Admin,
) -> None:
    for _ in range(OF_ONE.count):
        assert (await admin.ask("/api/v1/keys", token="wrong"))[0] == 401
    for _ in range(30):
        # Whoever asks may say that it asks for somebody else; that changes nothing.
        status, body = await admin.ask("/", token="wrong", X_Forwarded_For="192.0.2.7")
        assert (status, admin.token.encode() in body) == (429, False)
        assert (await admin.ask("/metrics"))[0] == 200

    refused = [event for event in admin.desk.events if event["event"] == "admin.refused"]
    assert len(refused) == OF_ONE.count + 1
    assert {event["actor"] for event in refused} == {"admin:127.0.0.1"}


async def test_what_is_not_http_is_recorded_and_no_more_often_than_else(admin: Admin) -> None:
    for _ in range(OF_ONE.count + 5):
        reader, writer = await asyncio.open_connection("127.0.0.1", admin.port)
        writer.write(b"\x16\x03\x01 not HTTP\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()

    assert [event["why"] for event in admin.desk.events] == ["not HTTP"] * (OF_ONE.count + 1)


PATHS = ["/", "/metrics", "/api/v1/status", "/api/v1/keys", "/api/v1/tools", "/api/v1/audit/records",
         "/api/v1/audit/verify", "/api/v1/openapi.json", "/docs", "/nothing"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_token_nothing_is_told_and_it_is_recorded(
    path: str, admin: Admin
) -> None:
    for token in (None, "wrong", admin.token[:-1], admin.token + "x"):
        status, body = await admin.ask(path, token=token)
        assert status == 401
        assert b"admin-token" in body
    assert [event["event"] for event in admin.desk.events] == ["admin.refused"] * 4
    assert admin.desk.asked == []


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_of_somebody_else_gets_nothing_even_with_the_token(
    path: str, admin: Admin
) -> None:
    assert (await admin.ask(path, Host="evil.example"))[0] == 403
    assert (await admin.ask(path, Origin="https://evil.example"))[0] == 403
    assert (await admin.ask(path, Host=f"x/admin?y=:{admin.port}"))[0] in {400, 403}


async def test_what_is_asked_with_the_token_is_answered_and_recorded(admin: Admin) -> None:
    answers = {path: await admin.ask(path) for path in PATHS[2:8]}

    assert {status for status, _ in answers.values()} == {200}
    assert json.loads(answers["/api/v1/keys"][1]) == {"keys": [{"id": "k1"}]}
    assert [event["path"] for event in admin.desk.events] == PATHS[2:8]
    assert (await admin.ask("/nothing"))[0] == 404
    assert b"/api/v1/status" in (await admin.ask("/"))[1]


async def test_a_scrape_is_not_recorded(admin: Admin) -> None:
    assert await admin.ask("/metrics") == (200, b"yett_calls_total 1\n")
    assert admin.desk.events == []


async def test_what_cannot_be_recorded_is_not_done(admin: Admin) -> None:
    admin.desk.full = True

    assert (await admin.ask("/api/v1/keys/k1/revoke", "POST"))[0] == 503
    assert admin.desk.asked == []


async def test_a_key_is_revoked_by_post_only_and_mistakes_are_said(admin: Admin) -> None:
    assert (await admin.ask("/api/v1/keys/k1/revoke"))[0] == 405
    assert await admin.ask("/api/v1/keys/k1/revoke", "POST") == (200, b'{"id":"k1"}')
    status, body = await admin.ask("/api/v1/keys/nobody/revoke", "POST")
    assert (status, json.loads(body)["detail"]) == (400, "There is no key `nobody`")
    status, body = await admin.ask("/api/v1/keys/broken/revoke", "POST")
    assert status == 503
    assert b"PRIVATE" not in body


async def test_records_are_filtered_within_bounds(admin: Admin) -> None:
    await admin.ask(
        "/api/v1/audit/records?tool=notes&limit=5&before=77&where=peer=::1&where=door=mcp"
    )
    assert admin.desk.asked == [("records", {"tool": "notes"}, ["peer=::1", "door=mcp"], 5, 77)]
    for bad in ("limit=0", "limit=x", "limit=99999", "color=red", "before=-1", "before=%C2%B2"):
        assert (await admin.ask(f"/api/v1/audit/records?{bad}"))[0] == 400
    assert (await admin.ask("/api/v1/audit/records/nothing"))[0] == 400


def test_the_token_is_made_once_private_and_refused_when_others_can_read_it(tmp_path: Path) -> None:
    token = open_token(tmp_path)
    assert open_token(tmp_path) == token
    assert (tmp_path / TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    (tmp_path / TOKEN_FILE).chmod(0o644)
    with pytest.raises(CommandError, match="chmod 600"):
        open_token(tmp_path)
    (tmp_path / TOKEN_FILE).chmod(0o600)
    (tmp_path / TOKEN_FILE).write_text("changeme")
    with pytest.raises(CommandError, match="no admin token"):
        open_token(tmp_path)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic t", "t", "Bearer tt", "Bearer é"])  # fmt: skip
def test_nothing_but_the_token_matches(header: str | None) -> None:
    assert not matches(Secret("t"), header)
    assert matches(Secret("t"), "bearer t")


async def test_who_has_the_token_and_approvers_answer_calls_that_wait(admin: Admin) -> None:
    path = "/api/v1/approvals/apr_1"
    assert await admin.ask(f"{path}/approve", "POST") == (200, b'{"id":"apr_1"}')
    words = b'{"reason": "burns", "break_glass": true}'
    await admin.ask(f"{path}/approve", "POST", token="secret-of-bo", body=words)
    await admin.ask(f"{path}/deny", "POST", token="secret-of-bo", body=b'{"reason": "no"}')

    assert admin.desk.asked == [
        ("approve", "apr_1", "admin:127.0.0.1", False, ""),
        ("approve", "apr_1", "approver:bo", True, "burns"),
        ("deny", "apr_1", "approver:bo", "no"),
    ]
    assert [event["actor"] for event in admin.desk.events][1:] == ["approver:bo"] * 2


async def test_an_approver_gets_nowhere_else(admin: Admin) -> None:
    for path in (*PATHS, "/api/v1/approvalsx", "/api/v1/approvals/../keys", "//api/v1/approvals"):
        status, body = await admin.ask(path, token="secret-of-bo")
        assert status == (404 if ".." in path else 401), path
        assert admin.token.encode() not in body
    assert admin.desk.asked == []
    assert (await admin.ask("/api/v1/approvals", token="secret-of-bo"))[0] == 200
    assert (await admin.ask("/api/v1/approvals", token="secret-of-cy"))[0] == 401
    assert (await admin.ask("/api/v1/approvals", token="secret-of-bo", Origin="https://x"))[
        0
    ] == 403
    status, body = await admin.ask("/api/v1/approvals", token="broken")
    assert (status, b"PRIVATE" in body) == (503, False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b" ", 200),
        (b"{}", 200),
        (b"[]", 400),
        (b"null", 400),
        (b'{"reason": null}', 400),
        (b'{"break_glass": 1}', 400),
        (b'{"people": 1}', 400),
        (b'{"reason": "a", "reason": "b"}', 400),
        (b"\xff", 400),
        (b'{"reason": "' + b"x" * 5_000 + b'"}', 413),
    ],
)
async def test_what_is_said_with_an_answer_is_read_strictly(
    body: bytes, status: int, admin: Admin
) -> None:
    found, _ = await admin.ask("/api/v1/approvals/apr_1/approve", "POST", body=body)
    assert found == status
    assert len(admin.desk.asked) == (status == 200)


async def test_what_is_closed_is_listed_only_if_it_is_asked_for(admin: Admin) -> None:
    for query, expected in (("", False), ("?all=true", True), ("?all=false", False)):
        assert (await admin.ask(f"/api/v1/approvals{query}"))[0] == 200
        assert admin.desk.asked.pop() == ("approvals", None, expected)
    await admin.ask("/api/v1/approvals", token="secret-of-bo")
    assert admin.desk.asked.pop() == ("approvals", "acme", False)
    shown = await admin.ask("/api/v1/approvals/apr_1", token="secret-of-bo")
    assert json.loads(shown[1])["tenant"] == "acme"
    for bad in ("?all=maybe", "?everything=true"):
        assert (await admin.ask(f"/api/v1/approvals{bad}"))[0] == 400


def test_the_description_names_every_route() -> None:
    described = openapi()

    assert set(described["paths"]) >= {"/api/v1/status", "/api/v1/keys/{key}/revoke"}
    agreeing = described["paths"]["/api/v1/approvals/{approval}/approve"]["post"]
    assert agreeing["parameters"][0]["name"] == "approval"
    assert (
        "break_glass"
        in agreeing["requestBody"]["content"]["application/json"]["schema"]["properties"]
    )
    assert described["paths"]["/api/v1/keys/{key}/revoke"]["post"]["parameters"][0]["in"] == "path"
