from hypothesis import given
from hypothesis import strategies as st

from yett.core.pointer import join_pointer, split_pointer


def test_the_examples_of_the_rfc() -> None:
    names = {"": (), "/foo": ("foo",), "/foo/0": ("foo", "0"), "/": ("",), "/a~1b": ("a/b",), "/m~0n": ("m~n",), "/~01": ("~1",)}  # fmt: skip

    assert {pointer: split_pointer(pointer) for pointer in names} == names
    assert [join_pointer(path) for path in names.values()] == list(names)


@given(st.lists(st.text("~/01a*", max_size=4), max_size=3).map(tuple))
def test_what_is_joined_is_split_again(names: tuple[str, ...]) -> None:
    assert split_pointer(join_pointer(names)) == names
