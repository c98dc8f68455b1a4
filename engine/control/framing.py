"""Frames from an asyncio stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from quintet.engine.protocol.events import Frame
from quintet.engine.protocol.stream import CLIENT_FRAME_BYTES, FrameStream

READ_BYTES = 1 << 16


async def frames(reader: asyncio.StreamReader, kinds: dict[str, type]) -> AsyncIterator[Frame]:
    """Checked frames until the other end closes. Raises BadFrame at the first bad one."""
    stream = FrameStream(kinds, CLIENT_FRAME_BYTES)
    while content := await reader.read(READ_BYTES):
        for frame in stream.feed(content):
            yield frame
