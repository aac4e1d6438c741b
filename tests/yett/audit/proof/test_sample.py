"""Too many checkpoints to look at all: none of them is safe from being looked at."""

from yett.audit.proof.sample import newest_and_some

COUNT = 32


def test_few_are_all_looked_at() -> None:
    for count in (0, 1, COUNT, 2 * COUNT):
        assert newest_and_some(range(count), COUNT) == list(range(count))


def test_of_many_the_newest_are_and_nobody_knows_which_others() -> None:
    """Attack: who has the key signs another past, and puts as many checkpoints behind the honest ones as it takes."""
    many = range(5 * COUNT)
    first, second = newest_and_some(many, COUNT), newest_and_some(many, COUNT)

    assert first == sorted(set(first))
    assert first[-COUNT:] == list(many[-COUNT:])
    assert len(first) == 2 * COUNT
    assert first != second
