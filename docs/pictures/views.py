"""Pictures of every view, from the journal in tests/data, in a real terminal (tmux) and without any model.

python docs/pictures/views.py [NAME...]     # all, or those whose names begin so; about a minute
python docs/pictures/views.py show NAME     # one of them in this terminal; ctrl+c leaves
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]  # make.py is no module of the package

from make import PAPER, Look, Terminal  # noqa: E402

JOURNAL = HERE.parent.parent / "tests" / "data" / "replay.msgpack"
NARROW, WIDE = (80, 24), (120, 40)


class View(NamedTuple):
    """One picture: how the screen is looked at, at which second, and in what terminal."""

    seconds: float = 191.0
    sizes: tuple[tuple[int, int], ...] = (WIDE, NARROW)
    how: str = "live"
    """`live`, `frozen` or `replay`."""
    look: dict[str, str] = {}  # noqa: RUF012
    environ: dict[str, str] = {}  # noqa: RUF012
    paper: Look = PAPER
    keys: tuple[str, ...] = ("1",)
    plan: str = ""
    """`study`, `ab` or `matrix` on the simulated machine instead of the journal."""


BLACK, PAPERLESS = Look("#c8c8c8", "#000000"), Look("#d8d8d8", "#101010")
VIEWS = {
    "A-live": View(sizes=(WIDE, NARROW, (200, 50), (100, 30), (60, 20))),
    "A-light": View(environ={"QUINTET_THEME": "light"}, paper=Look("#303030", "#ffffff")),
    "A-rows": View(sizes=(WIDE,), look={"view": "rows"}),
    "D-frozen": View(167.0, how="frozen"),
    "D-replay": View(167.0, how="replay"),
    "D-table": View(167.0, sizes=(NARROW,), how="replay", keys=("1", "tab")),
    "F-16colour": View(environ={"QUINTET_COLORS": "16"}, paper=BLACK),
    "F-nocolour": View(environ={"NO_COLOR": "1"}, paper=PAPERLESS),
    "F-ascii": View(environ={"NO_COLOR": "1", "QUINTET_GLYPHS": "ascii"}, paper=PAPERLESS),
    "F-ascii-frozen": View(
        167.0, sizes=(WIDE,), how="frozen", environ={"NO_COLOR": "1", "QUINTET_GLYPHS": "ascii"}, paper=PAPERLESS
    ),
    "F-nocolour-frozen": View(167.0, sizes=(WIDE,), how="frozen", environ={"NO_COLOR": "1"}, paper=PAPERLESS),
    "G-log": View(look={"scale": "log"}),
    "G-own": View(look={"scale": "own"}),
    "G-help": View(keys=("1", "question_mark")),
    "G-palette": View(sizes=(WIDE,), keys=("1", "ctrl+p")),
    "G-alone": View(126.0, sizes=(WIDE,)),
    "G-failed": View(145.0, sizes=(WIDE,)),
    "B-study": View(1200.0, plan="study", keys=("0",)),
    "B-study-early": View(330.0, plan="study", sizes=(NARROW,), keys=("0",)),
    "B-study-together": View(1200.0, plan="study", sizes=(WIDE,), keys=("0", "tab")),
    "B-ab": View(200.0, plan="ab", keys=("0",)),
    "B-matrix": View(100_000.0, plan="matrix", sizes=(WIDE,), keys=("0",)),
    "B-begin": View(126.0, sizes=(WIDE,), keys=("1", "b")),
}


def rehearsed(kind: str) -> Path:
    """The journal of a plan on the simulated machine, made anew: it is the same each time."""
    from quintet.engine.journal.writer import Journal
    from quintet.engine.plan import plan as plans
    from quintet.engine.plan.simulated_machine import Machine, services
    from quintet.engine.plan.simulation import rehearse
    from quintet.engine.protocol.events import Start

    names = ("cls", "detect", "pose", "seg", "obb")
    maker = {"study": plans.study, "ab": plans.ab, "matrix": plans.matrix}[kind]
    plan = maker(names, seed=1, **({"minutes": 40.0} if kind == "study" else {}))
    path = Path(tempfile.mkdtemp()) / f"simulated-{kind}.msgpack"
    journal = Journal(path)
    for frame in rehearse(plan, Machine(services(names), seed=1)):
        journal.append(frame._replace(manifest={**frame.manifest, "seed": 1}) if isinstance(frame, Start) else frame)
    journal.close()
    return path


def show(name: str) -> None:
    """Run the screen as this view until it is ended from outside."""
    view = VIEWS[name]
    os.environ.update({"QUINTET_COLORS": "256", **view.environ})
    if "NO_COLOR" in view.environ:
        del os.environ["QUINTET_COLORS"]
    from quintet.tui.theme import terminal

    terminal.prepare()
    from quintet.engine.journal.reader import read
    from quintet.engine.session.session import folded
    from quintet.tui.app import QuintetApp

    journal = rehearsed(view.plan) if view.plan else JOURNAL
    session = folded(read(journal))
    moment = session.origin_ns + round(view.seconds * 1e9)
    edge = session.origin_ns + 191_000_000_000

    class Shown(QuintetApp):
        """Stands at one moment."""

        async def on_ready(self) -> None:
            """Look as the view says, then press its keys."""
            self.state = self.state._replace(look=self.state.look._replace(**view.look))
            if view.how != "live":
                self.playhead.seek(moment, self.session)
            self.moved()
            for key in view.keys:
                self.simulate_key(key)

    Shown(
        journal, None, clock=lambda: edge if view.how == "frozen" else moment,
        replay_speed=4.0 if view.how == "replay" else None,
    ).run()  # fmt: skip


def main(wanted: list[str]) -> None:
    """Take the pictures."""
    for name, view in VIEWS.items():
        if wanted and not any(name.startswith(word) for word in wanted):
            continue
        for columns, rows in view.sizes:
            terminal = Terminal(columns, rows, f"{sys.executable} {Path(__file__).resolve()} show {name}")
            try:
                terminal.wait_for("help")
                terminal.settle()
                terminal.picture(name, view.paper)
            finally:
                terminal.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["show"]:
        show(sys.argv[2])
    else:
        main(sys.argv[1:])
