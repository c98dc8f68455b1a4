"""Which image comes next, and that one which cannot be read any more never does again."""

from __future__ import annotations

import pytest

from quintet.engine.worker.cursor import Cursor


def taken(cursor: Cursor, calls: int, count: int = 1) -> list[int]:
    found = []
    for _ in range(calls):
        found += cursor.next(count)
        cursor.advance(count)
    return found


def test_it_goes_round_and_counts_its_passes() -> None:
    cursor = Cursor(3)

    assert taken(cursor, 2, 2) == [0, 1, 2, 0]
    assert cursor.passes == 1
    assert taken(cursor, 1, 7) == [1, 2, 0, 1, 2, 0, 1]
    assert cursor.passes == 3


@pytest.mark.parametrize(
    ("gone", "after"), [(0, [2, 3, 1, 2]), (1, [2, 3, 0, 2]), (2, [3, 0, 1, 3]), (3, [2, 0, 1, 2])]
)
def test_an_image_that_is_left_out_moves_no_other(gone: int, after: list[int]) -> None:
    cursor = Cursor(4)
    taken(cursor, 2)

    cursor.leave_out(gone)

    assert taken(cursor, 4) == after


def test_the_last_one_left_out_ends_the_pass() -> None:
    cursor = Cursor(2)
    taken(cursor, 1)

    cursor.leave_out(1)

    assert (cursor.next(1), cursor.passes) == ([0], 1)


def test_with_none_left_it_says_so() -> None:
    cursor = Cursor(1)
    cursor.leave_out(0)

    with pytest.raises(LookupError):
        cursor.next(1)
