"""Writes the pictures and labels that ship with quintet. Run it as `python -m quintet.profiles.micro.draw FOLDER`.

The 64 validation pictures stand there once; each task has its labels beside them, named by a data YAML with a key `labels`.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import yaml

from quintet.profiles.micro import shapes
from quintet.profiles.micro.shapes import INFERENCE_COUNT, SEED, VAL_COUNT


def write(root: Path) -> None:
    """Write val/, inference/, labels/TASK/, classes.csv and a data YAML a task below root."""
    rows = ["file,class"]
    for folder in ("val", "inference", *(f"labels/{task}" for task in ("detect", "seg", "pose", "obb"))):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for index in range(VAL_COUNT):
        picture, drawn = shapes.draw(SEED, "val", index)
        (root / "val" / f"{index:06d}.jpg").write_bytes(shapes.encode(picture))
        for task, lines in shapes.label_lines(drawn, *picture.shape[:2]).items():
            (root / "labels" / task / f"{index:06d}.txt").write_text("\n".join(lines) + "\n")
        rows.append(f"val/{index:06d}.jpg,{shapes.NAMES[drawn[0].cls]}")
    for index in range(INFERENCE_COUNT):
        picture, _ = shapes.draw(SEED, "inference", index)
        (root / "inference" / f"{index:06d}.jpg").write_bytes(shapes.encode(picture, quality=80))
    (root / "classes.csv").write_text("\n".join(rows) + "\n")
    for task in ("detect", "seg", "pose", "obb"):
        pose = {"kpt_shape": [len(shapes.KEYPOINTS), 3], "flip_idx": list(shapes.FLIP_IDX)} if task == "pose" else {}
        data = {"path": ".", "val": "val", "labels": f"labels/{task}", **pose, "names": dict(enumerate(shapes.NAMES))}
        (root / f"{task}.yaml").write_text(yaml.safe_dump(data, sort_keys=False))


def checksums(root: Path) -> str:
    """One line a file, `SHA-256  path`, of everything that is not source, in the format of sha256sum."""
    files = sorted(f for f in root.rglob("*") if f.suffix in {".jpg", ".txt", ".csv", ".yaml", ".pt"})
    return "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(root).as_posix()}\n" for f in files)


def main() -> None:
    """Write everything, and SHA256SUMS of everything last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    root = parser.parse_args().folder
    write(root)
    (root / "SHA256SUMS").write_text(checksums(root))


if __name__ == "__main__":
    main()
