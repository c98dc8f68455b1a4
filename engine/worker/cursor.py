"""Which image of a data set comes next: in order, round its end, without those that can no longer be read."""

from __future__ import annotations


class Cursor:
    """A place in a data set of so many images."""

    def __init__(self, images: int) -> None:
        self.passes = 0
        """How often it has gone round."""
        self._order = list(range(images))
        self._place = 0

    def next(self, count: int) -> list[int]:
        """The next `count` images; one comes twice only where fewer are left. Raises LookupError when none is."""
        if not self._order:
            raise LookupError("no image is left")
        return [self._order[(self._place + offset) % len(self._order)] for offset in range(count)]

    def advance(self, count: int) -> None:
        """Go past the next `count` images."""
        passes, self._place = divmod(self._place + count, len(self._order))
        self.passes += passes

    def leave_out(self, image: int) -> None:
        """Never come to an image again."""
        place = self._order.index(image)
        del self._order[place]
        self._place -= place < self._place
        if self._place == len(self._order):
            self._place = 0
            self.passes += 1
