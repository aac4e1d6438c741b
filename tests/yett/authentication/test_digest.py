import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yett.authentication.digest import KeyedHash
from yett.core.secret import Secret


@given(st.binary(max_size=64), st.binary(max_size=300))
def test_the_digest_is_hmac_sha_256(pepper: bytes, text: bytes) -> None:
    assert KeyedHash(Secret(pepper)).digest(text) == hmac.digest(pepper, text, "sha256")


def test_a_pepper_beyond_one_block_is_refused() -> None:
    with pytest.raises(ValueError, match="one block"):
        KeyedHash(Secret(b"x" * 65))
