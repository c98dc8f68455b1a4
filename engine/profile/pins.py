"""What fetched files must be: SHA-256 that quintet knows, and those that it remembers from the first fetch.

The table has files of Ultralytics' releases whose SHA-256 at least two independent public sources give alike. A file that is
not in it is accepted when it is first fetched, its SHA-256 is written beside it, and a later fetch must give the same.
"""

from __future__ import annotations

import re
from pathlib import Path

from quintet.engine.errors import BadInput

PINS = {
    "v8.4.0/yolo11n.pt": "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1",
    "v8.4.0/yolo11s.pt": "85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5",
    "v8.4.0/yolo11m.pt": "d5ffc1a674953a08e11a8d21e022781b1b23a19b730afc309290bd9fb5305b95",
    "v8.4.0/yolo11l.pt": "9ebd0e09d59811db4b1d61e2bc6730649608b1ac47f8dd01e2da6bca7c20023f",
    "v8.4.0/yolo11x.pt": "7bc158aa95c0ebfdd87f70f01653c1131b93e92522dbe15c228bcd742e773a24",
    "v8.4.0/yolo11n-cls.pt": "c62d41bf9625777760018bf914d2e6cd472420ccd01706d97a61cb6c82502bd7",
    "v8.4.0/yolo11n-pose.pt": "869e83fcdffdc7371fa4e34cd8e51c838cc729571d1635e5141e3075e9319dc0",
    "v8.4.0/yolo11n-seg.pt": "55ed65c56c91713d23e8402371c6c49a6fd84f257f7dce452e8d70e41dcbe152",
    "v8.4.0/yolo11s-seg.pt": "1caa81c0195412efa411b632bcfb8c184939dddb6ae41f6a80c41b211ff257c3",
    "v8.4.0/yolo11m-seg.pt": "eb9a06f63e2206c35d68d839b08c362429ebecf933ad54c1ad68b2fd001c17cf",
    "v8.4.0/yolo11l-seg.pt": "cabe90049795dfc9a370b7934d6dec7f6b9e44a20e573b0ff81b7e205512c872",
    "v8.4.0/yolo11x-seg.pt": "4e53a5f5fd3ee2ae3361c62169c6bb3ed4ae251dd0e57606e230955aa52d919c",
    "v0.0.0/coco8.zip": "54c67fe9ef88313e021ec0e92b73c200167bb0a86633e8df8658d832cca828c9",
    "v0.0.0/coco8-seg.zip": "82c651abd01d556c77769ea834ebff1e77f76a291463e987fb69b63a87e8eb80",
    "v0.0.0/coco128.zip": "61e5e3028863d8ffc3b81d6a514603954889f0edd5e4b44c4ce60b2da99aeb8e",
}
"""By release and name, as in the URL below Ultralytics' releases."""


def check(what: str, digest: str, wanted: str | None, memory: Path | None) -> str:
    """Compare a fetched file's SHA-256 with the one that is wanted, or else remembered in the file `memory`.

    Returns in words how it is known. Raises BadInput when it is another file.
    """
    if wanted is not None:
        if digest != wanted.lower():
            raise BadInput(
                f"{what} is not the file that is pinned: its SHA-256 is {digest}, not {wanted.lower()}. Nothing of it is kept."
            )
        return "as pinned"
    if memory is None:
        return "not pinned"
    before = remembered(memory)
    if before is None:
        return f"not pinned; remembered in {memory.name}"
    if digest != before:
        raise BadInput(
            f"{what} has changed since it was first fetched: its SHA-256 is {digest}, not {before}. Nothing of it is kept. "
            f"If you expect a new file, remove {memory} and try again."
        )
    return "as when it was first fetched"


def remembered(memory: Path) -> str | None:
    """The SHA-256 in a file as sha256sum writes it; None where there is none."""
    try:
        found = re.match(r"[0-9a-f]{64}\b", memory.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    return found[0] if found else None


def memory_of(digest: str, name: str) -> str:
    """What is written to remember a file, for sha256sum --check."""
    return f"{digest}  {name}\n"
