"""The seal of a line, and the characters that never reach a terminal."""

import json
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from yett.audit.chain import escape_hidden, is_sealed, seal, unseal

ZERO = bytes(32)


def test_the_chain_value_is_the_digest_of_the_last_one_and_the_line_without_it() -> None:
    line, chain = seal(7, ZERO, '"kind":"own"')

    assert chain == sha256(b"\0" + ZERO + b'{"sequence":7,"kind":"own"').digest()
    assert line == b'{"sequence":7,"kind":"own","chain":"%b"}\n' % chain.hex().encode()


def test_what_was_sealed_can_be_unsealed() -> None:
    line, chain = seal(1, ZERO, '"kind":"own"')

    opened = unseal(line[:-1])

    assert opened is not None
    assert opened[1].sequence == 1
    assert is_sealed(ZERO, opened[0], chain)
    assert not is_sealed(chain, opened[0], chain)


def test_what_has_not_the_form_of_a_line_is_not_unsealed() -> None:
    line = seal(1, ZERO, '"kind":"own"')[0][:-1]

    for wrong in (b"", b"{}", line[1:], line[:-1], line.upper(), line.replace(b":1,", b":01,")):
        assert unseal(wrong) is None


@given(st.text())
def test_one_record_is_one_line_and_keeps_its_meaning_whatever_it_quotes(text: str) -> None:
    quoted = json.dumps(text, ensure_ascii=False)
    try:
        line, _ = seal(1, ZERO, f'"tool":{quoted}')
    except UnicodeEncodeError:
        return  # a lone surrogate cannot come out of the encoder

    assert line.count(b"\n") == 1
    assert line.decode().splitlines() == [line.decode()[:-1]]
    assert json.loads(line)["tool"] == text
    assert not any(0x7F <= ord(c) < 0xA0 or 0x202A <= ord(c) < 0x202F for c in line.decode())


def test_a_character_beyond_the_first_plane_is_escaped_as_two_units() -> None:
    assert escape_hidden('"\U000e0041"') == '"\\udb40\\udc41"'
    assert json.loads(escape_hidden('"\U000e0041"')) == "\U000e0041"


def test_white_space_in_a_redacted_document_cannot_split_a_line() -> None:
    line, _ = seal(1, ZERO, '"input":{\n"a":1}')

    assert line.count(b"\n") == 1
