"""Make docs/data/study.msgpack, the log that docs/analysis.md reads: a small study with the real tool, then scrubbed.

    python docs/data/make.py [ROUNDS]       (3 rounds; about ten minutes on two cores)
    python docs/data/make.py --scrub LOG    (only the second half)

Scrubbing takes out what tells whose machine it was: the host's name, absolute paths, environments, other sessions, stderr. Of
telemetry every twentieth reading is kept, for the size. All other numbers stay as they were measured, and the checks are
computed anew.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgpack

from quintet.engine.journal.writer import Journal
from quintet.engine.protocol.codec import decode
from quintet.engine.protocol.events import JOURNAL

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = HERE / "study.msgpack"
KEPT_EVERY = 20


def scrubbed(value: Any) -> Any:
    """A value without host, paths and environments; maps, lists and numbers keep their form."""
    if isinstance(value, dict):
        blank = {"node": "host", "other_sessions": [], "python_path": "", "prefix": "", "environment": {}}
        return {key: blank[key] if key in blank else scrubbed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [scrubbed(one) for one in value]
    if isinstance(value, str):
        text = value.replace(f"{ROOT}/", "")
        return Path(text).name if text.startswith("/") else text
    return value


def scrub(log: Path, out: Path) -> None:
    """Write the scrubbed log, with a check wherever the log had one."""
    source = msgpack.Unpacker(strict_map_key=False, max_buffer_size=1 << 30)
    source.feed(log.read_bytes())
    journal = Journal(out)
    readings = 0
    for event in source:
        readings += event[0] == "telemetry"
        if event[0] == "telemetry" and readings % KEPT_EVERY != 1:
            continue
        if event[0] == "check":
            journal.check()
            continue
        if event[0] == "fault":
            event[5] = ""
        frame = decode(scrubbed(event), JOURNAL)
        if frame is not None:
            journal.append(frame)
    journal.close()


def main() -> None:
    """Run, scrub, and refuse a result that still holds a name."""
    words = sys.argv[1:]
    OUT.unlink(missing_ok=True)
    if words[:1] == ["--scrub"]:
        scrub(Path(words[1]), OUT)
    else:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "study.msgpack"
            subprocess.run(
                [sys.executable, "-m", "quintet", "study", str(HERE / "three.toml"), "--headless", "--log", str(log),
                 "--rounds", words[0] if words else "3"],
                check=True,
            )  # fmt: skip
            scrub(log, OUT)
    print(f"{OUT}: {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
