"""The tests that take too long for every change: ./check long [PART ...] [words to pytest].

A test of a part is marked `@pytest.mark.long("kills")`; tests/conftest.py leaves it out unless its part is asked for.
"""

from __future__ import annotations

import sys

import pytest

PARTS = {
    "soaks": "sessions of many minutes: nothing is lost, nothing grows",
    "kills": "signals and SIGKILL at many moments",
    "noise": "the promises of the statistics on many simulated sessions",
    "nulls": "every switch where it cannot matter: no change is found",
    "fuzz": "every byte of a log cut or flipped, and many random inputs",
    "equality": "further tasks and levels in which scores must equal those of model.val",
    "reverts": "every fix taken back: its test must fail",
}


def main(words: list[str]) -> int:
    """Run parts (all, when none is named); returns the exit status: 2 when a part is unknown."""
    place = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    for word in words[:place]:
        if word not in PARTS:
            print(f"check: unknown part '{word}'; known parts: {', '.join(PARTS)}", file=sys.stderr)
            return 2
    return pytest.main(["--long", ",".join(words[:place] or PARTS), "-n", "3", "--dist", "worksteal", *words[place:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
