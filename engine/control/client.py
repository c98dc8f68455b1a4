"""The asking end of the control socket: screens and tools ask, the supervisor replies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from quintet.engine.control.framing import frames
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.control_messages import TO_CLIENT, Ask, Beat, Hello, Refused, Reply, ScreenOrder, Welcome
from quintet.engine.protocol.events import Frame


class Client:
    """A screen's end. `on_gone` is called once when the supervisor's end closes, `on_screen` by the switch `screen`."""

    def __init__(self, on_gone: Callable[[], None], on_screen: Callable[[bool], None] = lambda _: None) -> None:
        self._on_gone, self._on_screen = on_gone, on_screen
        self._writer: asyncio.StreamWriter | None = None
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._next = 0
        self._reading: asyncio.Task[None] | None = None
        self._why_over = "The session has ended."

    async def open(self, path: Path, hello: Hello) -> str:
        """Connect and say hello; returns the journal's path. Raises OSError or ConnectionError with a sentence."""
        reader, self._writer = await asyncio.open_unix_connection(str(path))
        self._writer.write(encode(hello))
        received = frames(reader, TO_CLIENT)
        try:
            first = await anext(received)
        except StopAsyncIteration as error:
            raise ConnectionError("The session ended before it answered.") from error
        if not isinstance(first, Welcome):
            raise ConnectionError(first.text if isinstance(first, Refused) else "The session sent an unexpected reply.")
        self._reading = asyncio.create_task(self._read(received))
        return first.journal

    async def ask(self, what: str, arguments: dict[str, Any], timeout_s: float = 5.0) -> Reply:
        """Ask and wait for the reply. Raises ConnectionError when the session is gone or does not reply."""
        if self._writer is None or self._reading is None or self._reading.done():
            raise ConnectionError(self._why_over)
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

    async def _read(self, received: AsyncIterator[Frame]) -> None:
        try:
            async for frame in received:
                if isinstance(frame, ScreenOrder):
                    self._on_screen(frame.on)
                elif isinstance(frame, Refused):
                    self._why_over = frame.text
                elif isinstance(frame, Reply) and frame.id in self._waiting:
                    waiting = self._waiting.pop(frame.id)
                    if not waiting.done():
                        waiting.set_result(frame)
        except (ConnectionError, ValueError):
            pass
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError(self._why_over))
        self._on_gone()
