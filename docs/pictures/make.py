"""Pictures of the real screen: runs quintet in tmux, presses keys, and writes what the terminal shows as SVG.

    python docs/pictures/make.py [PROFILE [SIZE...]]    # all moments, at 120x40 and 80x24, about two minutes
    python docs/pictures/views.py [NAME...]             # views of a committed journal, without any model

Needs tmux and the models extra. The SVGs have no links to anything outside; blocks are drawn as rectangles, so they
look the same whatever the font.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from html import escape
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CELL_W, CELL_H, MARGIN = 10, 20, 8
GROUND, TEXT = "#1c1c1c", "#d0d0d0"
LOWER_BLOCKS = "▁▂▃▄▅▆▇█"
SGR = re.compile(r"\x1b\[([0-9;]*)m")
BASIC = ("#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5",
         "#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff")  # fmt: skip


class Look(NamedTuple):
    """How a cell is painted; an empty colour is the terminal's own."""

    front: str = ""
    back: str = ""
    bold: bool = False
    reverse: bool = False
    dim: bool = False


PAPER = Look(TEXT, GROUND)


def colour(index: int) -> str:
    """The hex of an entry of the 256-colour table."""
    if index < 16:
        return BASIC[index]
    if index >= 232:
        return "#" + f"{8 + 10 * (index - 232):02x}" * 3
    index -= 16
    return "#" + "".join(
        f"{0 if part == 0 else 55 + 40 * part:02x}" for part in (index // 36, index // 6 % 6, index % 6)
    )


def changed(look: Look, codes: list[int]) -> Look:
    """The look after one SGR sequence."""
    place = 0
    while place < len(codes):
        code = codes[place]
        if code == 0:
            look = Look()
        elif code in (1, 2):
            look = look._replace(**{"bold" if code == 1 else "dim": True})
        elif code == 22:
            look = look._replace(bold=False, dim=False)
        elif code in (7, 27):
            look = look._replace(reverse=code == 7)
        elif code in (38, 48) and codes[place + 1 : place + 2] == [5]:
            look = look._replace(**{"front" if code == 38 else "back": colour(codes[place + 2])})
            place += 2
        elif code in (38, 48) and codes[place + 1 : place + 2] == [2]:
            red, green, blue = codes[place + 2 : place + 5]
            look = look._replace(**{"front" if code == 38 else "back": f"#{red:02x}{green:02x}{blue:02x}"})
            place += 4
        elif 30 <= code <= 37 or 90 <= code <= 97:
            look = look._replace(front=BASIC[code % 10 + (8 if code >= 90 else 0)])
        elif 40 <= code <= 47 or 100 <= code <= 107:
            look = look._replace(back=BASIC[code % 10 + (8 if code >= 100 else 0)])
        elif code == 39:
            look = look._replace(front="")
        elif code == 49:
            look = look._replace(back="")
        place += 1
    return look


def cells(line: str, look: Look) -> tuple[list[tuple[str, Look]], Look]:
    """A captured line as letters with their looks, and the look at its end, with which tmux begins the next."""
    found, at = [], 0
    for match in [*SGR.finditer(line), None]:
        found += [(letter, look) for letter in line[at : match.start() if match else len(line)]]
        if match:
            look = changed(look, [int(code or 0) for code in match[1].split(";")])
            at = match.end()
    return found, look


def svg(capture: str, columns: int, rows: int, paper: Look = PAPER) -> str:
    """A capture of `tmux capture-pane -e` as one SVG; paper: the terminal's own front and back."""
    width, height = columns * CELL_W + 2 * MARGIN, rows * CELL_H + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="16.6">'
        f'<rect width="{width}" height="{height}" fill="{paper.back}"/>'
    ]
    look = Look()
    for y, line in enumerate(capture.split("\n")[:rows]):
        found, look = cells(line, look)
        row = [(letter, _painted(its, paper)) for letter, its in found]
        parts += _grounds(row, y, paper)
        parts += _letters(row, y)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _painted(look: Look, paper: Look) -> Look:
    """The look on this paper: the terminal's own two colours, dim, and reverse as a terminal does them."""
    front, back = look.front or paper.front, look.back or paper.back
    if look.dim:
        front = halfway(front, paper.back)
    return Look(back, front, look.bold) if look.reverse else Look(front, back, look.bold)


def halfway(front: str, back: str) -> str:
    """A colour a little more than half way from the ground."""
    mixed = (round(0.6 * int(front[at : at + 2], 16) + 0.4 * int(back[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _runs(row: list[tuple[str, Look]]) -> list[tuple[int, str, Look]]:
    runs: list[tuple[int, str, Look]] = []
    for x, (letter, look) in enumerate(row):
        block = letter in LOWER_BLOCKS
        if (
            runs
            and not block
            and runs[-1][2] == look
            and runs[-1][1][-1] not in LOWER_BLOCKS
            and letter != " " != runs[-1][1][-1]
        ):
            runs[-1] = (runs[-1][0], runs[-1][1] + letter, look)
        else:
            runs.append((x, letter, look))
    return runs


def _grounds(row: list[tuple[str, Look]], y: int, paper: Look) -> list[str]:
    parts, begin = [], 0
    for x in range(1, len(row) + 1):
        if x == len(row) or row[x][1].back != row[begin][1].back:
            back = row[begin][1].back
            if back != paper.back:
                parts.append(_rect(begin * CELL_W, y * CELL_H, (x - begin) * CELL_W, CELL_H, back))
            begin = x
    return parts


def _letters(row: list[tuple[str, Look]], y: int) -> list[str]:
    parts = []
    for x, words, look in _runs(row):
        if words in LOWER_BLOCKS:
            tall = CELL_H * (LOWER_BLOCKS.index(words) + 1) / 8
            parts.append(_rect(x * CELL_W, (y + 1) * CELL_H - tall, CELL_W, tall, look.front))
        elif words.strip():
            weight = ' font-weight="bold"' if look.bold else ""
            parts.append(
                f'<text xml:space="preserve" x="{MARGIN + x * CELL_W}" y="{MARGIN + y * CELL_H + 15}" '
                f'textLength="{len(words) * CELL_W}" fill="{look.front}"{weight}>{escape(words)}</text>'
            )
    return parts


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{MARGIN + x:g}" y="{MARGIN + y:g}" width="{width:g}" height="{height:g}" fill="{fill}"/>'


_numbers = itertools.count()


class Terminal:
    """quintet in a tmux of its own."""

    def __init__(self, columns: int, rows: int, command: str) -> None:
        self.columns, self.rows = columns, rows
        self._socket = f"pictures-{os.getpid()}-{next(_numbers)}"  # a server that was just killed still holds its name
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-s", "it", command)

    def _tmux(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", "-u", "-L", self._socket, *words], capture_output=True, text=True, check=True
        ).stdout

    def press(self, *keys: str) -> None:
        """Send keys, as tmux names them."""
        self._tmux("send-keys", "-t", "it", *keys)

    def text(self) -> str:
        """The plain characters on the screen."""
        return self._tmux("capture-pane", "-p", "-t", "it")

    def wait_for(self, words: str, seconds: float = 60) -> None:
        """Wait until the screen shows these words. Raises TimeoutError with the screen."""
        end = time.monotonic() + seconds
        while words not in self.text():
            if time.monotonic() > end:
                raise TimeoutError(f"no {words!r} on the screen:\n{self.text()}")
            time.sleep(0.1)

    def settle(self) -> None:
        """Wait until the screen has stood still for half a second."""
        before = ""
        while before != (now := self._tmux("capture-pane", "-e", "-p", "-t", "it")):
            before = now
            time.sleep(0.5)

    def picture(self, name: str, paper: Look = PAPER) -> None:
        """Write the screen as NAME-COLUMNSxROWS.svg beside this file."""
        path = HERE / f"{name}-{self.columns}x{self.rows}.svg"
        path.write_text(svg(self._tmux("capture-pane", "-e", "-p", "-t", "it"), self.columns, self.rows, paper))
        print(path.name)

    def close(self) -> None:
        """End the terminal."""
        self._tmux("kill-server")


def moments(columns: int, rows: int, profile: str) -> None:
    """The moments of a first session: loading, live, flipped, one lane flipped, alone, help, the question at the end."""
    with tempfile.TemporaryDirectory() as folder:
        log = f"{folder}/picture.msgpack"
        terminal = Terminal(columns, rows, f"{sys.executable} -m quintet {profile} --log {log}; sleep 60")
        try:
            terminal.wait_for("loading")
            terminal.wait_for(" of 30" if columns >= 100 else "✓ ground truth", 60)
            terminal.picture("1-loading")
            terminal.wait_for("● on for")
            time.sleep(14)
            terminal.picture("2-live")
            terminal.press("0", "a")
            time.sleep(18)
            terminal.picture("3-flipped")
            terminal.press("2", "a")
            time.sleep(8)
            terminal.picture("4-one-lane")
            terminal.press("?")
            terminal.wait_for("how to read it" if columns >= 100 else "look")
            terminal.picture("5-help")
            terminal.press("x")
            terminal.press("t")
            time.sleep(8)
            terminal.picture("6-alone")
            terminal.press("q")
            terminal.wait_for("leave?")
            terminal.picture("7-leave")
            terminal.press("s")
            terminal.wait_for("picture.msgpack")
        except BaseException:  # a closed terminal ends the screen only
            subprocess.run([sys.executable, "-m", "quintet", "stop", log], check=False)
            raise
        finally:
            terminal.close()


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "micro"
    sizes = [tuple(map(int, word.split("x"))) for word in sys.argv[2:]] or [(120, 40), (80, 24)]
    for columns, rows in sizes:
        moments(columns, rows, chosen)
