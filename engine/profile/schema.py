"""What a profile may say: its lanes and their settings, as checked, frozen values."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from quintet.engine.protocol import switches
from quintet.engine.protocol.events import WHOLE_MOST, Levels

MOST_LANES = 16


Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=WHOLE_MOST)]
LaneName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,24}\Z")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Fa-f]{64}\Z")]
ProfileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")]


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths of a lane's two data sets; None where it has none."""

    inference: str | None = None
    validation: str | None = None


class Lane(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One lane's settings. Paths are absolute once the profile is loaded."""

    name: LaneName
    task: Literal["cls", "detect", "pose", "seg", "obb"]
    weights: str = ""
    weights_sha256: Sha256 | None = None
    data: Data = Data()
    imgsz: Annotated[int, msgspec.Meta(ge=32, le=8192)] = 640
    rect: bool = False
    """Whether pictures are padded as `model.val(rect=True)` does, each to its own shape; cls has none."""
    device: str = "auto"
    conf: Fraction = 0.25
    iou: Fraction = 0.7
    max_det: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 300
    half: bool = False
    threads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 1
    python: str | None = None
    env: dict[str, str] = {}
    backend: Literal["yolo", "sleep", "simulated"] = "yolo"
    switches: dict[str, str | int | float] = {}

    def levels(self) -> Levels:
        """The levels at the start. Raises ValueError with one sentence."""
        fixed = {**switches.starting_levels(self.threads), "half": "yes" if self.half else "no"}
        return switches.changed(fixed, self.switches)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole profile; `text` is the file verbatim, `path` where it was read."""

    name: str
    lanes: tuple[Lane, ...]
    path: str
    text: str
    seed: int = 0
    keep_bytes: int | None = None
