"""The forms of weights that a lane may name, by their files' names. Standard library only, since workers read it."""

from __future__ import annotations

from pathlib import Path

OPENVINO = "_openvino_model"
"""How the name of an OpenVINO export ends. It is a folder, whose name may have dots."""
FILES = (".pt", ".onnx", ".engine")
EXPECTED = f"a .pt, .onnx or .engine file, or a folder *{OPENVINO}"


def form_of(weights: Path) -> str | None:
    """`.pt`, `.onnx`, `.engine` or `_openvino_model`; None for anything else."""
    if weights.is_dir():
        return OPENVINO if weights.name.endswith(OPENVINO) else None
    return weights.suffix if weights.suffix in FILES and weights.is_file() else None
