"""Every test that a page names exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"((?:tests/[\w/]*)?\btest_\w+\.py)(?:::(\w+)(\.\.\.)?)?")
"""A file, with or without its folders, and perhaps one of its tests: whole, or its beginning and three dots."""


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of a file's tests."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return frozenset(
        node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )  # fmt: skip


def exists(file: str, test: str, dots: str) -> bool:
    """Whether such a test is there."""
    files = (ROOT / "tests").rglob(Path(file).name)
    names = {name for found in files if "/" not in file or found == ROOT / file for name in names_in(found)}
    return bool(names) and (not test or any(name.startswith(test) if dots else name == test for name in names))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    missing = [found[0] for found in NAMED.finditer(page.read_text(encoding="utf-8")) if not exists(*found.groups(""))]
    assert missing == []


def test_names_are_found_in_the_pages_and_ones_that_are_not_there_are_noticed() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert len(NAMED.findall(pages)) > 40
    for words, there in (
        ("`test_docs.py`", True), ("test_docs.py::test_every_test_...", True), ("tests/test_docs.py", True),
        ("test_doc.py", False), ("test_docs.py::test_every_test", False), ("test_docs.py::test_no_...", False),
        ("tests/tui/test_docs.py", False),
    ):  # fmt: skip
        found = NAMED.search(words)
        assert found is not None
        assert exists(*found.groups("")) is there, words
