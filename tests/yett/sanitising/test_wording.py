"""How a signal is written, and the pattern that it stands for."""

import pytest

from yett.sanitising.detectors.wording import in_json, in_text

BLANK, PERHAPS, GAP = r"[\s*_>`\"']+", r"[\s*_>`\"']*", "[^.!?]{0,80}?"


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("a b", f"a{BLANK}b"),
        ("a ?b", f"a{PERHAPS}b"),
        ("a *b", f"a{PERHAPS}b"),
        ("a~b", f"a{GAP}b"),
        ("  ?", f"{BLANK}{PERHAPS}"),
        (r"\ \~", r"\ \~"),
        (r"\\~", rf"\\{GAP}"),
        (r"[a ~]~", rf"[a ~]{GAP}"),
        (r"[] ~]~", rf"[] ~]{GAP}"),
        (r"[^] ~]~", rf"[^] ~]{GAP}"),
        (r"[\] ~]~", rf"[\] ~]{GAP}"),
        (r"[[ ]~", rf"[[ ]{GAP}"),
    ],
)
def test_a_blank_is_what_stands_between_words_but_in_a_class_or_an_escape(
    written: str, spelt: str
) -> None:
    assert in_text(written) == f"(?is){spelt}".encode()


def test_a_line_break_has_two_characters_in_json_but_in_a_class() -> None:
    assert in_json(r"a\nb[\n]") == rb"(?is)a\\nb[\n]"
