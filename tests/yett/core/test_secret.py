"""A secret leaves through `reveal` and through nothing else (CWE-532)."""

import copy
import pickle
import traceback

import msgspec
import orjson
import pytest

from yett.core.secret import Secret

VALUE = "hunter2-hunter2"


def test_a_secret_is_revealed_on_demand_only() -> None:
    assert Secret(VALUE).reveal() == VALUE.encode()
    assert Secret(VALUE.encode()).reveal_text() == VALUE
    assert len(Secret(VALUE)) == len(VALUE)


def test_no_way_of_printing_shows_it() -> None:
    secret = Secret(VALUE)
    held = [secret]

    for shown in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>40}",
        f"{secret!r}",
        f"{secret}",
        str(held),
        str({"k": secret}),
    ):
        assert VALUE not in shown
        assert "***" in shown


def test_a_traceback_does_not_show_it() -> None:
    secret = Secret(VALUE)
    try:
        raise ValueError(secret)
    except ValueError as error:
        captured = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert VALUE not in "".join(captured.format())
    del secret


def test_no_encoder_takes_it() -> None:
    secret = Secret(VALUE)

    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        orjson.dumps(secret)
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_it_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(Secret(VALUE))


def test_it_equals_only_another_secret_with_the_same_value() -> None:
    assert Secret(VALUE) == Secret(VALUE.encode())
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE) != VALUE.encode()
