"""Results kept in memory while the switch `keep` is on, and what they hold there."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import torch

RESULT_BYTES = 2048
"""The Python objects of one result beside its arrays; measured 0.3 to 4 KiB."""


class KeptResults:
    """Results held in memory, newest last, within a bound of images and one of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self.size_bytes = 0
        self.short = 0
        """How many fitted when the bytes ran out before the images did; 0: they have not."""
        self._limit_bytes = limit_bytes
        self._results: deque[tuple[Any, int]] = deque()

    def __len__(self) -> int:
        return len(self._results)

    def add(self, result: Any, limit_images: int) -> None:
        """Hold a result; the oldest go when a bound is passed, this one too when it alone is over the bytes."""
        size = result_bytes(result)
        self._results.append((result, size))
        self.size_bytes += size
        while self._results and (len(self._results) > limit_images or self.size_bytes > self._limit_bytes):
            if len(self._results) <= limit_images:
                self.short = len(self._results) - 1
            self.size_bytes -= self._results.popleft()[1]

    def clear(self) -> None:
        """Free them all."""
        self._results.clear()
        self.size_bytes = self.short = 0


def result_bytes(result: Any) -> int:
    """Bytes that a Results keeps alive: its picture and its tensors, each whole buffer once, wherever they lie."""
    buffers: dict[int, int] = {}
    for part in vars(result).values():
        held: Any = part if isinstance(part, np.ndarray) or torch.is_tensor(part) else getattr(part, "data", None)
        if isinstance(held, np.ndarray):
            whole = held.base if isinstance(held.base, np.ndarray) else held
            buffers[id(whole)] = whole.nbytes
        elif torch.is_tensor(held):
            storage = held.untyped_storage()
            buffers[storage.data_ptr()] = storage.nbytes()
    return sum(buffers.values()) + RESULT_BYTES
