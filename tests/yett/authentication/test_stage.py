from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clock import HandClock
from tests.yett.authentication.calls import BOTH, PEPPER, call
from yett.authentication.backends.memory import MemoryKeyStore
from yett.authentication.digest import KeyedHash
from yett.authentication.keys import make_key
from yett.authentication.port import StoredKey
from yett.authentication.stage import Authenticator
from yett.core.errors import Denied, Fault, Refusal
from yett.core.operations import OPERATIONS
from yett.core.reasons import Reason
from yett.core.secret import Secret

KEY = make_key("live", "AAAAAAAAAAAA")
OLD_KEY = make_key("live", "AAAAAAAAAAAA")
NOW = 1_800_000_000.0


def stored(**changes: Any) -> StoredKey:
    hashed = KeyedHash(PEPPER)
    fields: dict[str, Any] = {
        "id": "AAAAAAAAAAAA",
        "name": "laptop",
        "tenant": "acme",
        "environment": "live",
        "roles": ("reader",),
        "digest": hashed.digest(KEY.reveal()),
        "previous_digest": hashed.digest(OLD_KEY.reveal()),
        "previous_until": NOW + 10,
        "created_at": NOW - 10,
        "expires_at": NOW + 100,
    }
    return StoredKey(**(fields | changes))


class Gate:
    """An authenticator over a store of one key, and the clock it reads."""

    def __init__(self, key: StoredKey, environments: frozenset[str] = BOTH) -> None:
        self.clock = HandClock(NOW)
        self.store = MemoryKeyStore([key])
        self.authenticator = Authenticator(
            self.store, PEPPER, clock=self.clock, environments=environments
        )
        self.authenticator.refresh()

    async def refusal(self, credential: Secret | bytes | None, **changes: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            self.authenticator.identify(call(credential, **changes))
        return caught.value


async def test_a_good_key_is_its_principal() -> None:
    gate = Gate(stored())
    identified = gate.authenticator.identify(call(KEY))
    principal = identified.principal
    assert (principal.id, principal.name, principal.tenant) == ("AAAAAAAAAAAA", "laptop", "acme")
    assert (principal.roles, principal.environment) == (("reader",), "live")
    assert gate.authenticator.describe(identified) == {
        "id": "AAAAAAAAAAAA",
        "name": "laptop",
        "roles": ["reader"],
        "tenant": "acme",
        "environment": "live",
        "created_at": "2027-01-15T07:59:50Z",
        "expires_at": "2027-01-15T08:01:40Z",
    }


@pytest.mark.parametrize(
    ("credential", "key", "told"),
    [
        (None, stored(), "no credential"),
        (b"", stored(), "not a key"),
        (b"x" * 257, stored(), "too long"),
        (b"\xff\xfe" * 40, stored(), "not a key"),
        (KEY.reveal().upper(), stored(), "not a key"),
        (KEY.reveal() + b" ", stored(), "not a key"),
        (KEY.reveal()[:-1], stored(), "not a key"),
        (make_key("live", "BBBBBBBBBBBB").reveal(), stored(), "no key has the id `BBBBBBBBBBBB`"),
        (make_key("live", "AAAAAAAAAAAA").reveal(), stored(), "secret is wrong"),
        (make_key("test", "AAAAAAAAAAAA").reveal(), stored(), "secret is wrong"),
        (KEY.reveal(), stored(revoked_at=NOW), "revoked"),
        (KEY.reveal(), stored(expires_at=NOW), "expired"),
        (KEY.reveal(), stored(expires_at=NOW - 1), "expired"),
        (OLD_KEY.reveal(), stored(previous_until=NOW), "rotated away"),
        (OLD_KEY.reveal(), stored(previous_until=None), "rotated away"),
        (OLD_KEY.reveal(), stored(previous_digest=None), "secret is wrong"),
        (OLD_KEY.reveal(), stored(revoked_at=NOW), "revoked"),
    ],
    ids=range(17),
)
async def test_every_bad_credential_gets_the_same_public_no(
    credential: bytes | None, key: StoredKey, told: str
) -> None:
    refusal = await Gate(key).refusal(credential)
    assert isinstance(refusal, Denied)
    assert refusal.reason is Reason.UNAUTHENTICATED
    public = (refusal.pointer, refusal.shown, refusal.retry_after_seconds, refusal.resets_at)
    assert public == (None, None, None, None)
    assert told in refusal.private
    if credential:
        assert credential.decode("latin-1") not in refusal.private


async def test_the_old_secret_works_until_the_overlap_ends() -> None:
    gate = Gate(stored())
    gate.authenticator.identify(call(OLD_KEY))
    gate.clock.pass_seconds(4)
    gate.authenticator.refresh()
    gate.authenticator.identify(call(OLD_KEY))
    gate.clock.pass_seconds(6)
    gate.authenticator.refresh()
    assert (await gate.refusal(OLD_KEY)).reason is Reason.UNAUTHENTICATED
    gate.authenticator.identify(call(KEY))


async def test_a_key_without_expiry_or_rotation_works() -> None:
    gate = Gate(stored(expires_at=None, previous_digest=None, previous_until=None))
    gate.authenticator.identify(call(KEY))


async def test_production_takes_no_test_key() -> None:
    test_key = make_key("test", "AAAAAAAAAAAA")
    key = stored(environment="test", digest=KeyedHash(PEPPER).digest(test_key.reveal()))
    Gate(key).authenticator.identify(call(test_key))
    refusal = await Gate(key, frozenset({"live"})).refusal(test_key)
    assert refusal.reason is Reason.UNAUTHENTICATED
    assert "environment `test`" in refusal.private


async def test_the_session_of_another_key_is_as_if_there_were_none() -> None:
    gate = Gate(stored())
    gate.authenticator.identify(call(KEY, owner="AAAAAAAAAAAA"))
    refusal = await gate.refusal(KEY, owner="BBBBBBBBBBBB")
    assert refusal.reason is Reason.UNKNOWN_SESSION
    assert (await gate.refusal(b"bad", owner="BBBBBBBBBBBB")).reason is Reason.UNAUTHENTICATED


async def test_identity_comes_from_the_credential_only() -> None:
    """A09: nothing else in the call names a caller."""
    gate = Gate(stored())
    hostile = call(
        None,
        operation=OPERATIONS["tools/call"],
        params={"_meta": {"user": "AAAAAAAAAAAA"}, "clientInfo": {"name": "laptop"}},
    )
    with pytest.raises(Denied):
        gate.authenticator.identify(hostile)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"id": "BBBBBBBBBBBB"}, False),
        ({"digest": b"x" * 32, "previous_until": NOW + 50}, False),
        ({"expires_at": NOW + 500}, False),
        ({"roles": ("reader", "writer")}, True),
        ({"tenant": "other"}, True),
        ({"revoked_at": NOW}, True),
    ],
    ids=str,
)
def test_others_are_told_of_a_change_only_if_what_a_key_may_do_did(
    changes: dict[str, Any],
    told: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """Or each new key would make every agent list everything again, and know of it."""
    gate = Gate(stored())
    gate.store.put(stored(**changes))

    assert gate.authenticator.refresh() is told


async def test_a_revocation_counts_after_the_next_refresh() -> None:
    gate = Gate(stored())
    assert gate.authenticator.is_live("AAAAAAAAAAAA")
    gate.store.put(stored(revoked_at=NOW))
    assert gate.authenticator.refresh() is True
    assert gate.authenticator.refresh() is False
    assert "revoked" in (await gate.refusal(KEY)).private
    assert not gate.authenticator.is_live("AAAAAAAAAAAA")


async def test_nobody_gets_in_while_revocations_cannot_be_learnt() -> None:
    gate = Gate(stored())
    gate.store.broken = True
    gate.clock.pass_seconds(4.9)
    with pytest.raises(Fault):
        gate.authenticator.refresh()
    gate.authenticator.identify(call(KEY))
    gate.clock.pass_seconds(0.2)
    for credential in (KEY, b"bad", None):
        refusal = await gate.refusal(credential)
        assert isinstance(refusal, Fault)
    assert not gate.authenticator.is_live("AAAAAAAAAAAA")
    gate.store.broken = False
    gate.authenticator.refresh()
    gate.authenticator.identify(call(KEY))


async def test_nobody_gets_in_before_the_keys_were_read() -> None:
    unread = Authenticator(MemoryKeyStore(), PEPPER, clock=HandClock(), environments=BOTH)
    with pytest.raises(Fault):
        unread.identify(call(KEY))


async def test_a_jump_of_the_wall_clock_does_not_hide_a_dead_store() -> None:
    gate = Gate(stored())
    gate.clock.now -= 3600
    gate.clock.running += 5.1
    assert isinstance(await gate.refusal(KEY), Fault)


async def test_setting_the_clock_back_revives_no_expired_key() -> None:
    gate = Gate(stored())
    gate.clock.pass_seconds(101)
    gate.authenticator.refresh()
    assert "expired" in (await gate.refusal(KEY)).private
    gate.clock.now = NOW
    gate.authenticator.refresh()
    assert "expired" in (await gate.refusal(KEY)).private
    assert not gate.authenticator.is_live("AAAAAAAAAAAA")


async def test_setting_the_clock_back_across_a_restart_revives_no_expired_key() -> None:
    gate = Gate(stored())
    gate.clock.pass_seconds(101)
    gate.authenticator.refresh()
    restarted = Authenticator(gate.store, PEPPER, clock=HandClock(NOW), environments=BOTH)
    restarted.refresh()
    with pytest.raises(Denied, match="expired"):
        restarted.identify(call(KEY))


async def test_an_operator_may_accept_a_clock_that_had_run_ahead() -> None:
    gate = Gate(stored())
    gate.clock.now += 1_000_000_000
    gate.authenticator.refresh()
    gate.clock.now = NOW
    assert "expired" in (await gate.refusal(KEY)).private
    gate.store.forget_time(NOW)
    gate.authenticator.refresh()
    gate.authenticator.identify(call(KEY))


async def test_the_newest_time_is_not_written_each_second() -> None:
    gate = Gate(stored())
    gate.authenticator.refresh()
    kept = gate.store.state().newest_time
    gate.clock.pass_seconds(59)
    gate.authenticator.refresh()
    assert gate.store.state().newest_time == kept
    gate.clock.pass_seconds(1)
    gate.authenticator.refresh()
    assert gate.store.state().newest_time == kept + 60


async def test_an_unknown_principal_is_not_live() -> None:
    gate = Gate(stored())
    assert not gate.authenticator.is_live("")
    assert not gate.authenticator.is_live("ZZZZZZZZZZZZ")


async def test_what_a_refusal_says_names_no_secret() -> None:
    gate = Gate(stored())
    wrong = make_key("live", "AAAAAAAAAAAA")
    refusal = await gate.refusal(wrong)
    assert wrong.reveal_text()[23:] not in refusal.private
    assert KEY.reveal_text() not in repr(msgspec.structs.asdict(stored()))


async def test_the_same_credential_is_judged_anew_when_its_key_expires_or_is_rotated_away() -> None:
    credential = Secret(KEY.reveal())
    gate = Gate(stored())
    gate.authenticator.identify(call(credential))
    gate.clock.now = NOW + 101
    assert "expired" in (await gate.refusal(credential)).private

    rotated = Gate(stored())
    rotated.authenticator.identify(call(credential))
    rotated.store.put(stored(digest=b"\1" * 32, previous_until=NOW + 10))
    rotated.authenticator.refresh()
    assert "secret is wrong" in (await rotated.refusal(credential)).private


async def test_a_credential_that_is_good_at_one_gate_is_nothing_at_another() -> None:
    credential = Secret(KEY.reveal())
    Gate(stored()).authenticator.identify(call(credential))

    other = Gate(stored(digest=b"\1" * 32))
    assert "secret is wrong" in (await other.refusal(credential)).private


async def test_no_note_is_kept_of_a_bad_credential() -> None:
    credential = Secret(make_key("live", "AAAAAAAAAAAA").reveal())
    await Gate(stored()).refusal(credential)

    assert credential.note is None


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.sampled_from([0.4, 3.0, 5.0, 60.0])),
    st.tuples(st.just("jump"), st.sampled_from([-200.0, 50.0, 101.0])),
    st.tuples(st.just("break"), st.just(0.0)),
    st.tuples(st.just("refresh"), st.just(0.0)),
    st.tuples(st.sampled_from(["revoke", "rotate", "restore", "shorten"]), st.just(0.0)),
)
KEYS: dict[str, dict[str, Any]] = {
    "revoke": {"revoked_at": NOW},
    "rotate": {"digest": b"\1" * 32, "previous_digest": KeyedHash(PEPPER).digest(KEY.reveal())},
    "restore": {"roles": ("reader", "writer")},
    "shorten": {"expires_at": NOW + 40},
}


def said(gate: Gate, credential: Secret, owner: str | None) -> object:
    try:
        return gate.authenticator.identify(call(credential, owner=owner)).principal
    except Refusal as refusal:
        return type(refusal), refusal.reason, refusal.private


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=12), st.sampled_from([None, "AAAAAAAAAAAA", "BBBBBBBBBBBB"]))
def test_a_credential_that_was_met_before_is_judged_like_one_that_was_not(
    steps: list[tuple[str, float]], owner: str | None
) -> None:
    gate, known = Gate(stored()), Secret(KEY.reveal())
    for name, seconds in [("refresh", 0.0), *steps]:
        match name:
            case "pass":
                gate.clock.pass_seconds(seconds)
            case "jump":
                gate.clock.now += seconds
            case "break":
                gate.store.broken = not gate.store.broken
            case "refresh":
                with suppress(Fault):
                    gate.authenticator.refresh()
            case _:
                gate.store.put(stored(**KEYS[name]))

        assert said(gate, known, owner) == said(gate, Secret(KEY.reveal()), owner)
