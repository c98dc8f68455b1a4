"""The commands' socket, both ends: screens and tools ask, the supervisor replies; what then happened is in the journal."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quintet.engine.protocol.codec import encode, unpacker
from quintet.engine.protocol.control_messages import (
    FROM_CLIENT,
    TO_CLIENT,
    Ask,
    Beat,
    Hello,
    Refused,
    Reply,
    ScreenOrder,
    Welcome,
)
from quintet.engine.protocol.events import FORMAT, Frame
from quintet.engine.protocol.validation import validated

Answerer = Callable[[Ask, str], Reply]
"""Takes an ask and who asked; returns the reply."""


class Server:
    """Listens for clients; `screens` counts those that said hello as a screen. A bad frame ends its connection."""

    def __init__(self, path: Path, journal: Path, answer: Answerer, on_screens: Callable[[int], None]) -> None:
        self.screens = 0
        self.refused = 0
        self.screens_on = True
        """Whether screens read and paint: the switch `screen`."""
        self.beats: dict[int, Beat] = {}
        """The last beat of every screen, by its pid."""
        self._path, self._journal, self._answer, self._on_screens = path, journal, answer, on_screens
        self._server: asyncio.AbstractServer | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._of_screens: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Bind the socket, readable and writable by this user only."""
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path))
        finally:
            os.umask(before)

    async def close(self) -> None:
        """End every connection and remove the socket."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        is_screen = False
        frames = _frames(reader, FROM_CLIENT)
        try:
            hello = await anext(frames)
            refusal = self._refusal(hello, writer)
            if refusal or not isinstance(hello, Hello):
                writer.write(encode(Refused(refusal or "The first frame must be hello.")))
                await writer.drain()
                self.refused += 1
                return
            writer.write(encode(Welcome(FORMAT, str(self._journal))))
            is_screen = hello.columns > 0
            if is_screen:
                self._of_screens.add(writer)
                if not self.screens_on:
                    writer.write(encode(ScreenOrder(False)))
            self._count(is_screen)
            async for frame in frames:
                if isinstance(frame, Beat):
                    self.beats[hello.pid] = frame
                elif isinstance(frame, Ask):
                    writer.write(encode(self._answer(frame, f"{hello.kind} {hello.pid}")))
                    await writer.drain()
        except (ValueError, StopAsyncIteration):
            self.refused += 1
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            if is_screen:
                self._count(is_screen, -1)
                self.beats.pop(hello.pid, None)
            self._writers.discard(writer)
            self._of_screens.discard(writer)
            writer.close()

    def show(self, on: bool) -> None:
        """Tell every screen, and those that come, whether to read and paint."""
        if on != self.screens_on:
            self.screens_on = on
            for writer in self._of_screens:
                writer.write(encode(ScreenOrder(on)))

    def _count(self, is_screen: bool, by: int = 1) -> None:
        if is_screen:
            self.screens += by
            self._on_screens(self.screens)

    @staticmethod
    def _refusal(hello: Frame, writer: asyncio.StreamWriter) -> str:
        peer = writer.get_extra_info("socket")
        if sys.platform == "linux" and peer is not None:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            if struct.unpack("3i", credentials)[1] != os.getuid():
                return "This session belongs to another user."
        if isinstance(hello, Hello) and hello.format != FORMAT:
            return f"This session speaks format {FORMAT}, not {hello.format}: use the quintet that started it."
        return ""


async def _frames(reader: asyncio.StreamReader, kinds: dict[str, type]) -> Any:
    """Checked frames until end-of-file. Raises ValueError at the first bad one."""
    source = unpacker()
    while content := await reader.read(65536):
        source.feed(content)
        for array in source:
            frame = validated(array, kinds)
            if frame is not None:
                yield frame


class Client:
    """A screen's end. `on_gone` is called once when the supervisor's end closes, `on_screen` by the switch `screen`."""

    def __init__(self, on_gone: Callable[[], None], on_screen: Callable[[bool], None] = lambda _: None) -> None:
        self._on_gone, self._on_screen = on_gone, on_screen
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._next = 0
        self._reading: asyncio.Task[None] | None = None

    async def open(self, path: Path, hello: Hello) -> str:
        """Connect and say hello; returns the journal's path. Raises OSError or ConnectionError with a sentence."""
        reader, self._writer = await asyncio.open_unix_connection(str(path))
        self._writer.write(encode(hello))
        frames = _frames(reader, TO_CLIENT)
        try:
            first = await anext(frames)
        except StopAsyncIteration as error:
            raise ConnectionError("The session ended before it answered.") from error
        if not isinstance(first, Welcome):
            raise ConnectionError(first.text if isinstance(first, Refused) else "The session spoke out of turn.")
        self._reading = asyncio.create_task(self._read(frames))
        return first.journal

    async def ask(self, what: str, arguments: dict[str, Any], timeout_s: float = 5.0) -> Reply:
        """Ask and wait for the reply. Raises ConnectionError when the session is gone or does not reply."""
        if self._writer is None or self._reading is None or self._reading.done():
            raise ConnectionError("The session has ended.")
        self._next += 1
        waiting = self._waiting[self._next] = asyncio.get_running_loop().create_future()
        self._writer.write(encode(Ask(self._next, what, arguments)))
        try:
            return await asyncio.wait_for(waiting, timeout_s)
        except asyncio.TimeoutError as error:
            raise ConnectionError(f"The session did not reply to {what} within {timeout_s:g} s.") from error

    def beat(self, beat: Beat) -> None:
        """Tell this screen's own cost."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(encode(beat))

    async def close(self) -> None:
        """Leave; the session goes on."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.close()

    async def _read(self, frames: Any) -> None:
        try:
            async for frame in frames:
                if isinstance(frame, ScreenOrder):
                    self._on_screen(frame.on)
                elif isinstance(frame, Reply) and frame.id in self._waiting:
                    waiting = self._waiting.pop(frame.id)
                    if not waiting.done():
                        waiting.set_result(frame)
        except (ConnectionError, ValueError):
            pass
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("The session has ended."))
        self._on_gone()
