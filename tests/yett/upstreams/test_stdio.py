"""Servers that are processes: what they see, how they misbehave, and that they end."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest

from tests.yett.upstreams.scene import NOBODY, SERVER, call, make, started, text_of
from yett.core.bounds import ANSWER_BYTES_MAX
from yett.core.errors import Fault
from yett.core.reasons import Reason
from yett.core.secret import Secret
from yett.upstreams.backends.stdio.child import Launch
from yett.upstreams.backends.stdio.transport import StdioTransport
from yett.upstreams.config import UpstreamConfig
from yett.upstreams.port import Era

ODD = '{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"%s"}]}}'


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def until_gone(pid: int, seconds: float = 2.0) -> bool:
    for _ in range(int(seconds / 0.02)):
        if not is_running(pid):
            return True
        await asyncio.sleep(0.02)
    return False


def process_of(transport: StdioTransport) -> int:
    conversation = transport._conversation
    assert conversation is not None
    return conversation._child._pid


async def words_with(transport: StdioTransport, text: str) -> str:
    for _ in range(100):
        for line in transport.last_words():
            if text in line:
                return line
        await asyncio.sleep(0.01)
    raise AssertionError(transport.last_words())


# what it sees


async def test_a_server_sees_its_own_environment_and_nothing_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YETT_CANARY", "ours")
    async with started("modern", TOKEN="secret-value") as transport:
        seen = json.loads(text_of(await call(transport, odd="environment")))

    seen.pop("LC_CTYPE", None)  # Python's own, made of the missing locale
    assert seen == {"PATH": os.environ["PATH"], "TOKEN": "secret-value"}


def with_tokens(*tokens: str) -> StdioTransport:
    """Each process gets the next of them."""
    left = iter(tokens)

    async def command() -> tuple[str, ...]:
        return (sys.executable, str(SERVER), "modern")

    async def environment() -> dict[str, Secret]:
        return {"TOKEN": Secret(next(left))}

    return StdioTransport(Launch(command, environment, {}))


async def test_command_and_secrets_are_asked_at_each_start() -> None:
    transport = with_tokens("first", "second")
    first = json.loads(text_of(await call(transport, odd="environment")))
    with pytest.raises(Fault):
        await call(transport, odd="die")
    second = json.loads(text_of(await call(transport, odd="environment")))
    await transport.close()

    assert (first["TOKEN"], second["TOKEN"]) == ("first", "second")


async def test_what_is_under_way_is_answered_when_it_is_started_anew() -> None:
    transport = with_tokens("first", "second")
    await transport.renew()  # there is nothing yet
    await call(transport, message="x")
    before = process_of(transport)
    slow = asyncio.create_task(call(transport, message="slow", odd="wait", seconds=0.5))
    await asyncio.sleep(0.05)
    renewal = asyncio.create_task(transport.renew())
    await asyncio.sleep(0)
    second = json.loads(text_of(await call(transport, odd="environment")))
    assert text_of(await slow) == "slow"
    await renewal
    assert await until_gone(before)
    await transport.close()
    await transport.renew()

    assert second["TOKEN"] == "second"


async def test_what_does_not_end_is_ended_when_it_is_started_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yett.upstreams.backends.stdio.transport._RENEWAL_SECONDS", 0.1)
    async with started("modern") as transport:
        await call(transport, message="x")
        before = process_of(transport)
        stuck = asyncio.create_task(call(transport, odd="silent"))
        await asyncio.sleep(0.05)
        await transport.renew()
        with pytest.raises(Fault) as caught:
            await stuck
        assert await until_gone(before)

    assert caught.value.sent


async def test_no_secret_stands_in_the_process_list() -> None:
    async with started("modern", TOKEN="canary-secret") as transport:
        await transport.start()
        line = Path(f"/proc/{process_of(transport)}/cmdline").read_bytes()

    assert b"canary-secret" not in line


async def test_a_server_leads_a_group_of_its_own_without_core_dumps() -> None:
    async with started("modern") as transport:
        await transport.start()
        pid = process_of(transport)
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
        group = os.getpgid(pid)
        session = os.getsid(pid)

    assert group == session == pid
    assert re.search(r"Max core file size\s+0\s+0", limits)
    files = re.search(r"Max open files\s+(\d+)", limits)
    assert files is not None
    assert int(files[1]) <= 4096


async def test_it_starts_in_the_directory_that_is_configured(tmp_path: Path) -> None:
    config = UpstreamConfig(
        name="s", command=(sys.executable, str(SERVER), "modern"), cwd=str(tmp_path)
    )
    transport = make(config)
    await call(transport, message="x")
    cwd = Path(f"/proc/{process_of(transport)}/cwd").readlink()  # type: ignore[arg-type]  # it is one
    await transport.close()

    assert cwd == tmp_path


# starting


async def test_nothing_is_started_before_the_first_use() -> None:
    async with started("modern") as transport:
        assert transport._conversation is None
        assert transport.era is None


async def test_calls_that_come_together_start_one_process() -> None:
    async with started("modern", "slow") as transport:
        await asyncio.gather(*(call(transport, message="x") for _ in range(10)))
        first = process_of(transport)
        await call(transport, message="y")

        assert process_of(transport) == first


@pytest.mark.parametrize(
    ("oddities", "era"),
    [
        (("legacy",), Era.LEGACY),
        (("legacy", "dies-on-probe"), Era.LEGACY),
        (("legacy", "greets"), Era.LEGACY),
        (("modern",), Era.MODERN),
        (("modern", "greets"), Era.MODERN),
        (("modern", "slow"), Era.MODERN),
    ],
)
async def test_the_era_is_found_without_breaking_the_server(
    oddities: tuple[str, ...], era: Era
) -> None:
    async with started(*oddities) as transport:
        exchange = await call(transport, message="x")

        assert text_of(exchange) == "x"
        assert transport.era is era


async def test_a_server_that_ignores_the_probe_is_legacy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yett.upstreams.backends.stdio.opening.PROBE_SECONDS", 0.1)
    async with started("legacy", "ignores-probe") as transport:
        exchange = await call(transport, message="x")

    assert text_of(exchange) == "x"


async def test_a_modern_server_that_starts_slowly_stays_modern(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its answer to the probe comes after `initialize` was sent."""
    monkeypatch.setattr("yett.upstreams.backends.stdio.opening.PROBE_SECONDS", 0.05)
    async with started("modern", "slow") as transport:
        exchange = await call(transport, message="x")

        assert text_of(exchange) == "x"
        assert transport.era is Era.MODERN


@pytest.mark.parametrize(
    ("command", "cwd", "says"),
    [
        (("no-such-program-anywhere",), None, "`no-such-program-anywhere`: no such program"),
        (("/etc",), None, "`/etc`: Permission denied"),
        ((sys.executable,), "/no/such/place", "the directory `/no/such/place` does not exist"),
        (("a\x00b",), None, "NUL"),
    ],
)
async def test_a_program_that_cannot_be_started_is_named(
    command: tuple[str, ...], cwd: str | None, says: str
) -> None:
    transport = make(UpstreamConfig(name="s", command=command, cwd=cwd))
    with pytest.raises(Fault) as caught:
        await call(transport, message="x")
    await transport.close()

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent
    assert says in caught.value.private


async def test_a_program_that_ends_at_once_says_how_and_is_not_started_in_a_loop() -> None:
    starts = 0

    async def command() -> tuple[str, ...]:
        nonlocal starts
        starts += 1
        return ("sh", "-c", "echo no licence found >&2; exit 4")

    async def environment() -> dict[str, Secret]:
        return {}

    transport = StdioTransport(Launch(command, environment, {"PATH": os.environ["PATH"]}))
    with pytest.raises(Fault) as caught:
        await call(transport, message="x", deadline=2.0)
    transport._next_start += 60.0  # as after many failures
    before = starts
    with pytest.raises(Fault) as later:
        await call(transport, message="x", deadline=2.0)
    await transport.close()

    assert "status 4" in caught.value.private
    assert "no licence found" in transport.last_words()
    assert starts == before == 2  # the second without the probe
    assert later.value.retry_after_seconds is not None
    assert not later.value.sent


async def test_it_is_started_again_when_it_ends_and_says_so() -> None:
    async with started("modern") as transport:
        changes: list[bool] = []
        transport.on_changed = lambda: changes.append(transport._conversation is not None)
        await call(transport, message="x")
        first = process_of(transport)
        with pytest.raises(Fault):
            await call(transport, odd="die")
        async with asyncio.timeout(3.0):
            while len(changes) < 2:  # by itself, without a call
                await asyncio.sleep(0.01)

        assert process_of(transport) != first
        assert changes == [False, True]


# misbehaving


@pytest.mark.parametrize(
    "garbage",
    [
        "hello\n",
        "[]\n",
        "{}\n",
        '{"jsonrpc":"2.0","id":ID,"result":{}',
        "\xff\xfe\n",
        '{"a":1,"a":2}\n',
    ],
)
async def test_garbage_on_standard_output_ends_all_calls_and_the_process(garbage: str) -> None:
    async with started("modern") as transport:
        await call(transport, message="warm")
        pid = process_of(transport)
        other = asyncio.create_task(call(transport, odd="silent"))
        await asyncio.sleep(0.02)
        with pytest.raises(Fault) as caught:
            await call(
                transport, odd="raw", bytes=garbage if garbage.endswith("\n") else garbage + "\n"
            )
        with pytest.raises(Fault) as also:
            await other
        after = await call(transport, message="again")

        assert await until_gone(pid)
    assert caught.value.reason is also.value.reason is Reason.UPSTREAM_INVALID
    assert caught.value.sent
    assert text_of(after) == "again"


async def test_a_line_beyond_the_bound_is_cut_off() -> None:
    async with started("modern") as transport:
        await call(transport, message="warm")
        with pytest.raises(Fault) as caught:
            await call(transport, odd="long", size=ANSWER_BYTES_MAX + 1_000_000)
        after = await call(transport, message="again")

    assert caught.value.reason is Reason.UPSTREAM_INVALID
    assert text_of(after) == "again"


@pytest.mark.parametrize(
    "line",
    [
        ODD.replace("ID", "99999") % "foreign",
        ODD.replace("ID", '"1"') % "text",
        ODD.replace("ID", "true") % "true",
        ODD.replace("ID", "1.0") % "float",
        ODD.replace('"id":ID,', "") % "none",
    ],
)
async def test_an_answer_to_nobody_is_dropped(line: str) -> None:
    async with started("modern") as transport:
        await call(transport, message="warm")
        with pytest.raises(Fault) as caught:
            await call(transport, odd="raw", bytes=line + "\n", deadline=0.1)
        after = await call(transport, message="again")

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert text_of(after) == "again"


async def test_a_second_answer_goes_to_nobody() -> None:
    line = ODD % "one"
    async with started("modern") as transport:
        first = await call(transport, odd="raw", bytes=f"{line}\n{line.replace('one', 'two')}\n")
        after = await call(transport, message="again")

    assert text_of(first) == "one"
    assert text_of(after) == "again"


async def test_a_malformed_answer_is_invalid_for_its_call_only() -> None:
    async with started("modern") as transport:
        other = asyncio.create_task(call(transport, message="fine", odd="wait", seconds=0.05))
        await call(transport, message="warm")
        with pytest.raises(Fault) as caught:
            await call(transport, odd="raw", bytes='{"jsonrpc":"2.0","id":ID,"result":[]}\n')

        assert text_of(await other) == "fine"
    assert caught.value.reason is Reason.UPSTREAM_INVALID


async def test_a_result_that_asks_for_input_is_invalid() -> None:
    line = '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"input_required"}}\n'
    async with started("modern") as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, odd="raw", bytes=line)

    assert caught.value.reason is Reason.UPSTREAM_INVALID


async def test_a_changed_list_is_heard_and_questions_are_declined() -> None:
    changes = []
    async with started("legacy") as transport:
        transport.on_changed = lambda: changes.append(1)
        await call(transport, odd="changed")
        await call(transport, odd="ask")

        declined = await words_with(transport, "s1")
        alive = await words_with(transport, "s2")
    assert changes == [1]
    assert "-32601" in declined
    assert '"result": {}' in alive


async def test_a_call_that_nobody_waits_for_is_cancelled() -> None:
    async with started("legacy") as transport:
        await call(transport, message="warm")
        with pytest.raises(Fault):
            await call(transport, odd="silent", deadline=0.05)

        assert "requestId" in await words_with(transport, "notifications/cancelled")


async def test_last_words_are_bounded_and_cannot_drive_a_terminal() -> None:
    async with started("modern") as transport:
        await call(
            transport, odd="stderr", bytes="\x1b[2Jred\x9b31m\x07 alert\r\n" + "x" * 9000 + "\n"
        )
        await call(transport, odd="stderr", bytes="flood\n" * 100_000)
        await call(transport, odd="stderr", bytes="the end\n")
        await words_with(transport, "the end")
        words = transport.last_words()

    assert len(words) <= 100
    assert all(len(line) <= 500 for line in words)
    assert not any(re.search(r"[\x00-\x1f\x7f-\x9f]", line) for line in words)


async def test_a_process_that_does_not_read_is_not_written_to_without_end() -> None:
    async with started("modern") as transport:
        await call(transport, message="warm")
        pid = process_of(transport)
        os.kill(pid, 19)  # SIGSTOP
        big = "x" * 1_000_000
        calls = [asyncio.create_task(call(transport, message=big, deadline=0.3)) for _ in range(20)]
        faults = await asyncio.gather(*calls, return_exceptions=True)
        os.kill(pid, 18)

    reasons = [(fault.reason, fault.sent) for fault in faults if isinstance(fault, Fault)]
    assert set(reasons) == {
        (Reason.UPSTREAM_TIMEOUT, True),
        (Reason.UPSTREAM_UNREACHABLE, False),
    }


# ending


async def test_a_polite_server_ends_by_itself_when_its_input_ends() -> None:
    async with started("modern") as transport:
        await transport.start()
        pid = process_of(transport)
        began = asyncio.get_running_loop().time()
    took = asyncio.get_running_loop().time() - began

    assert not is_running(pid)
    assert took < 0.9


async def test_a_stubborn_server_and_its_children_are_gone_in_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("yett.upstreams.backends.stdio.child._AFTER_INPUT_SECONDS", 0.1)
    monkeypatch.setattr("yett.upstreams.backends.stdio.child._AFTER_TERMINATE_SECONDS", 0.2)
    async with started("modern", "stays", "ignores-terminate", "has-child") as transport:
        await transport.start()
        pid = process_of(transport)
        child = int((await words_with(transport, "child ")).split()[1])
        assert is_running(child)
        pending = asyncio.create_task(call(transport, odd="silent"))
        await asyncio.sleep(0.02)
        began = asyncio.get_running_loop().time()
        await transport.close()
        took = asyncio.get_running_loop().time() - began
        with pytest.raises(Fault) as caught:
            await pending

    assert await until_gone(pid)
    assert await until_gone(child)
    assert took < 1.5
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert caught.value.sent


async def test_what_a_server_started_does_not_outlive_it() -> None:
    async with started("modern", "has-child") as transport:
        await transport.start()
        child = int((await words_with(transport, "child ")).split()[1])
        with pytest.raises(Fault):
            await call(transport, odd="die")

        assert await until_gone(child)


async def test_closing_while_it_starts_leaves_nothing_behind() -> None:
    async with started("modern", "slow") as transport:
        waiting = asyncio.create_task(call(transport, message="x"))
        await asyncio.sleep(0.1)
        await transport.close()
        with pytest.raises(Fault) as caught:
            await waiting

    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE
    assert not caught.value.sent


async def test_a_server_that_starts_too_slowly_is_a_timeout_and_nothing_was_sent() -> None:
    async with started("modern", "slow") as transport:
        with pytest.raises(Fault) as caught:
            await call(transport, message="x", deadline=0.05)
        exchange = await call(transport, message="y")

    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT
    assert not caught.value.sent
    assert text_of(exchange) == "y"


async def test_capabilities_decide_what_is_listed() -> None:
    async with started("legacy") as transport:
        found = await transport.discover(NOBODY)

    assert len(found.tools) == 3
