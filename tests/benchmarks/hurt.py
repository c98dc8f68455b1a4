"""Every byte of a short log: cut there, and one bit of it flipped. Whatever is then read must be right, or named as missing.

python -m tests.benchmarks.hurt        (about ten minutes; the tests take every 127th byte)
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.hurting import Read, frames, read, write, wrong


def main() -> int:
    """Print how the hurt logs were read, and every wrong reading; returns the number of those."""
    began, kinds, defects = time.monotonic(), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        whole = write(path, frames())
        truth = read(path)
        assert isinstance(truth, Read)
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            for how, content in (("cut", whole[:place]), ("flipped", bytes(flipped))):
                path.write_bytes(content)
                found = read(path)
                fault = wrong(found, truth)
                if fault is None and how == "flipped" and isinstance(found, Read) and not found.said:
                    fault = "nothing is named"
                if fault is not None:
                    defects += 1
                    print(f"{how} at byte {place}: {fault}")
                kinds[f"{how}, {'refused' if isinstance(found, str) else 'read'}"] += 1
    print(f"{len(whole)} bytes, {time.monotonic() - began:.0f} s: {dict(kinds)}, {defects} wrong")
    return defects


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
