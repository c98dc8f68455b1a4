"""`./check long reverts`: every fix of tests/reverting.toml is taken back, and its test must fail."""

from __future__ import annotations

import pytest

from tests.reverting import Fix, fixes, wrong


@pytest.mark.long("reverts")
@pytest.mark.parametrize("fix", fixes(), ids=lambda fix: fix.name)
def test_the_test_of_a_fix_fails_without_it(fix: Fix) -> None:
    assert wrong(fix) is None


@pytest.mark.long("reverts")
def test_a_test_that_does_not_fail_is_told() -> None:
    idle = Fix(
        "", "tests/test_micro.py::test_it_is_small", "engine/storage/atomic_write.py", "import os\n", "import os\n\n"
    )
    assert "does not fail without it" in (wrong(idle) or "")
    assert "stands 0 times" in (wrong(idle._replace(fixed="no such text")) or "")


def test_names_are_told_apart_and_each_fix_changes_something() -> None:
    table = fixes()
    assert len({fix.name for fix in table}) == len(table) >= 2
    assert [fix.name for fix in table if fix.fixed == fix.before] == []
