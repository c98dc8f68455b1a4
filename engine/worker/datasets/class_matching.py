"""Which of a model's classes a name or a category in a data set means. What was matched or guessed becomes a note."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ultralytics.data.converter import coco91_to_coco80_class

from quintet.engine.worker.backend import LoadFault
from quintet.engine.worker.datasets.problem_report import Tally


def plain(name: str) -> str:
    """A class name as it is compared: without capitals and outer blanks."""
    return name.casefold().strip()


def by_name(names: Mapping[int, str], spelled: Callable[[str], str] = plain) -> dict[str, int]:
    """Class numbers by compared name; the first number counts where two classes have one name."""
    numbers: dict[str, int] = {}
    for number, name in names.items():
        numbers.setdefault(spelled(name), number)
    return numbers


def some(names: Collection[str], most: int = 8) -> str:
    """The first few of many names."""
    return ", ".join([*names][:most]) + (", ..." if len(names) > most else "")


def category_classes(
    categories: Mapping[int | str, str], used: Collection[Any], names: Mapping[int, str], tally: Tally, where: str
) -> dict[int | str, int | None]:
    """Class numbers of COCO `categories` (names by id); None for one that `names` lacks. Raises LoadFault.

    By name when all that are `used` by annotations are known; else COCO's own 91 ids to 80 classes; else those that are
    known by name. When none is, by the order of their ids if there are as many as classes, not counting a root category 0
    that no annotation uses (Roboflow writes one); else they do not fit.
    """
    known = by_name(names)
    matched = {key: known.get(plain(name)) for key, name in categories.items()}
    wanted = [key for key in matched if key in used] or [*matched]
    if all(matched[key] is not None for key in wanted):
        return matched
    coco: dict[int | str, int | None] = {
        key: number for key, number in enumerate(coco91_to_coco80_class(), 1) if number is not None
    }
    if matched.keys() == coco.keys() and len(names) == len(coco):
        tally.note("classes", f"{where}: the categories have COCO's own ids, so they are numbered as its 80 classes")
        return coco
    unknown = [categories[key] for key in wanted if matched[key] is None]
    if len(unknown) < len(wanted):
        note = f"{where}: {len(unknown)} of the {len(wanted)} categories in use are not classes of the model: {some(unknown)}"
        tally.note("classes", note)
        return matched
    return _in_order(categories, used, names, tally, where)


def _in_order(
    categories: Mapping[int | str, str], used: Collection[Any], names: Mapping[int, str], tally: Tally, where: str
) -> dict[int | str, int | None]:
    order = sorted(categories, key=lambda key: (isinstance(key, str), key))
    root = order[:1] if order[:1] == [0] and 0 not in used and len(order) == len(names) + 1 else []
    if len(order) - len(root) != len(names):
        raise LoadFault(
            f"{where} has {len(order)} categories ({some([categories[key] for key in order], 4)}), the model has "
            f"{len(names)} classes ({some([*names.values()], 4)}), and no name fits: write a data YAML with `annotations: "
            f"{where}` and `names`, which calls the model's classes as the categories are called"
        )
    without = f", without the unused category {categories[0]!r}" if root else ""
    first, last = order[len(root)], order[-1]
    tally.note(
        "classes",
        f"{where}: no category is named like a class of the model, so they are matched in the order of their ids{without}: "
        f"{categories[first]!r} is {names[0]!r}, {categories[last]!r} is {names[len(names) - 1]!r}",
    )
    numbers: dict[int | str, int | None] = {key: number for number, key in enumerate(order[len(root) :])}
    return {**numbers, **dict.fromkeys(root)}
