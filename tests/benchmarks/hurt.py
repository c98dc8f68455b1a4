"""Every byte of a short log: cut there, and one bit of it flipped. Whatever is then read must be right, or named as missing.

python -m tests.benchmarks.hurt        (about ten minutes; `./check long fuzz` does the same, the tests take every 509th byte)
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.hurting import Read, frames, read, write, wrong


def hurt_at(places: Iterable[int] | None, folder: Path) -> tuple[Counter[str], list[str]]:
    """How logs that were hurt at these bytes (None: all) were read, counted, and every wrong reading in words."""
    path, kinds, faults = folder / "log", Counter[str](), list[str]()
    whole = write(path, frames())
    truth = read(path)
    assert isinstance(truth, Read)
    for place in range(len(whole)) if places is None else places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        for how, content in (("cut", whole[:place]), ("flipped", bytes(flipped))):
            path.write_bytes(content)
            found = read(path)
            fault = wrong(found, truth)
            if fault is None and how == "flipped" and isinstance(found, Read) and not found.said:
                fault = "nothing is named"
            if fault is not None:
                faults.append(f"{how} at byte {place}: {fault}")
            kinds[f"{how}, {'refused' if isinstance(found, str) else 'read'}"] += 1
    return kinds, faults


def main() -> int:
    """Print how the hurt logs were read, and every wrong reading; returns the number of those."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        kinds, faults = hurt_at(None, Path(folder))
    print(*faults, sep="\n")
    print(f"{time.monotonic() - began:.0f} s: {dict(kinds)}, {len(faults)} wrong")
    return len(faults)


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
