"""The house keeps its order: small folders, files of a readable length, imports without circles, every package on the map."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("engine", "tui", "quintet/cli")
MOST_MODULES = 14
MOST_LINES = 420
MOST_LINES_OF_A_FUNCTION = 57


def packages() -> Iterator[Path]:
    """Every folder with modules."""
    for folder in FOLDERS:
        yield from sorted(path.parent for path in (ROOT / folder).rglob("__init__.py"))


def modules() -> list[Path]:
    return [path for folder in packages() for path in sorted(folder.glob("*.py"))]


@pytest.mark.parametrize("folder", packages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_holds_few_modules(folder: Path) -> None:
    found = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(found) <= MOST_MODULES, found


def test_files_and_functions_have_a_readable_length() -> None:
    files = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules()}
    assert {name: lines for name, lines in files.items() if lines > MOST_LINES} == {}
    functions = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in functions.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Lazy and type-checking imports count. The package `quintet` itself, which loads frames lazily, is left out."""
    graph = grimp.build_graph("quintet", exclude_type_checking_imports=False, cache_dir=None)
    graph.remove_module("quintet")
    left = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while ends := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in ends}
    assert sorted(left) == []


def test_every_package_is_on_the_map() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rows = " ".join(re.findall(r"^\| (.*?) \|", page, re.MULTILINE))
    for folder in packages():
        name = folder.relative_to(ROOT)
        if len(name.parts) == 2 or name == Path("quintet/cli"):
            assert f"`{name}/`" in rows or f"`{name.name}/`" in page, name


def test_no_text_cites_a_page_that_is_not_here() -> None:
    """The repository explains itself; `docs/architecture.md` and `docs/decisions/` are what a text may point to."""
    outside = re.compile(
        r"\bdesign(?:'s|, section)|\bthe design (?:says|knows|wants|has|fixes)|\bshared/|\bprototypes/"
    )
    pages = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *modules(), *(ROOT / "tests").rglob("*.py")]
    found = {
        f"{page.relative_to(ROOT)}: {line.strip()}"
        for page in pages
        if page != Path(__file__)
        for line in page.read_text().splitlines()
        if outside.search(line)
    }
    assert found == set()
