"""`quintet check --fetch`: says what would be fetched, from where, to where and within which limits, and then fetches it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

from quintet.cli.options import size_bytes
from quintet.engine.analysis.formatting import size
from quintet.engine.errors import BadInput
from quintet.engine.profile import assets, download
from quintet.engine.profile.schema import Profile
from quintet.engine.profile.unpack import FILES_VARIABLE, SIZE_VARIABLE, Limits
from quintet.engine.visible_text import visible

MB = 1_000_000


def fetch_missing(profile: Profile) -> None:
    """Fetch what the profile names and is not there. Raises BadInput, then nothing of the item in hand is left."""
    items, limits = download.wanted(profile), _limits()
    if not items:
        print(f"nothing to fetch; fetched files lie in {assets.folder()}")
        return
    sizes = [download.size_bytes(item) for item in items]
    for item, said in zip(items, sizes, strict=True):
        how_large = "of a size that the server does not say" if said is None else size(said)
        print(visible(f"to fetch: {item.name}, {how_large}, from {item.url}"))
        print(visible(f"      to {item.to}"))
    print(
        f"at most {size(limits.download_bytes)} a download, {size(limits.unpacked_bytes)} and {limits.files:,} files "
        f"unpacked ({SIZE_VARIABLE} and {FILES_VARIABLE} raise that); {size(limits.left_free_bytes)} of the disk stays free",
        flush=True,
    )
    download.check_sizes(items, sizes, limits)
    with _removed_when_interrupted():
        for item in items:
            found = download.fetch(item, _Shown(item.name), limits)
            print(visible(f"fetched {item.name}, SHA-256 {found.sha256}, {found.known}"), flush=True)


def _limits() -> Limits:
    """The limits, raised or lowered by the environment. Raises BadInput."""
    limits = Limits()
    text = os.environ.get(SIZE_VARIABLE)
    if text:
        most = size_bytes(SIZE_VARIABLE, text)
        limits = limits._replace(download_bytes=most, unpacked_bytes=most)
    text = os.environ.get(FILES_VARIABLE)
    if text:
        if not re.fullmatch(r"[1-9][0-9]{0,11}", text.strip()):
            raise BadInput(f"{FILES_VARIABLE} {text}: give a whole number above 0, as in 5000000.")
        limits = limits._replace(files=int(text))
    return limits


@contextlib.contextmanager
def _removed_when_interrupted() -> Iterator[None]:
    """Let a signal that ends this process do so by way of an exception, so that what was begun is removed."""
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]

    def leave(number: int, _: FrameType | None) -> None:
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)  # a second one would leave something behind
        print("interrupted: nothing is left of what was not fetched whole", file=sys.stderr, flush=True)
        sys.exit(128 + number)

    before = [(number, signal.signal(number, leave)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


class _Shown:
    """Says on stderr how far a download is, about once a second."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said = 0.0

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() - self._said > 1 or done == of:
            self._said = time.monotonic()
            share = f" of {of / MB:.1f}" if of else ""
            print(visible(f"{self._name}: {done / MB:.1f}{share} MB"), file=sys.stderr, flush=True)
