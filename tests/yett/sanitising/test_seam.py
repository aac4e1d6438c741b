"""A secret in two notices: the second piece does not leave."""

import pytest

from yett.sanitising.seam import Seam

TOKEN = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.mark.parametrize("cut", range(5, len(TOKEN) - 4, 7))
def test_the_end_of_a_secret_is_known_by_its_beginning(cut: int) -> None:
    seam = Seam()

    assert not seam.is_crossed({"message": "the token is " + TOKEN[:cut]})
    assert seam.is_crossed({"message": TOKEN[cut:] + " and no more"})
    assert not seam.is_crossed({"message": "as I said"})


def test_what_lies_in_one_message_is_no_seam() -> None:
    seam = Seam()

    assert not seam.is_crossed({"data": "one"})
    assert not seam.is_crossed({"data": f"two {TOKEN} two"})
    assert not seam.is_crossed({"data": {"three": 3}})


def test_what_was_said_long_ago_is_forgotten() -> None:
    seam = Seam()
    seam.is_crossed({"message": TOKEN[:20]})
    seam.is_crossed({"message": " word" * 100})

    assert not seam.is_crossed({"message": TOKEN[20:]})
