"""The supervisor's end of the control socket. A client that is not what it should be is refused, counted and forgotten.

What then happens to a session because of an ask is in the journal.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quintet.engine.control.framing import frames
from quintet.engine.protocol.codec import encode
from quintet.engine.protocol.control_messages import FROM_CLIENT, Ask, Beat, Hello, Refused, Reply, ScreenOrder, Welcome
from quintet.engine.protocol.events import FORMAT, Frame
from quintet.engine.protocol.stream import BadFrame

Answerer = Callable[[Ask, str], Reply]
"""Takes an ask and who asked; returns the reply."""

MOST_CLIENTS = 64
HELLO_S = 5.0
"""A client that has not said hello after so long is refused."""
KIND_LETTERS = 24


class _Refusal(Exception):
    """The client is refused; the text is one sentence for it."""


class _Client:
    """One connection: its hello once it was taken, and a screen's last beat."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.hello: Hello | None = None
        self.beat: Beat | None = None

    @property
    def is_screen(self) -> bool:
        """Whether it has said hello as a screen."""
        return self.hello is not None and self.hello.columns > 0

    @property
    def name(self) -> str:
        """Who it says it is."""
        return "a client" if self.hello is None else f"{self.hello.kind[:KIND_LETTERS]} {self.hello.pid}"


class Server:
    """Listens for clients; `screens` counts those that said hello as a screen. A bad frame ends its connection."""

    def __init__(
        self,
        path: Path,
        journal: Path,
        answer: Answerer,
        on_screens: Callable[[int], None],
        hello_s: float = HELLO_S,
    ) -> None:
        self.refused = 0
        """How many clients were refused or cut off."""
        self.refused_last = ""
        """Why the last of them was, with who it was."""
        self.screens_on = True
        """Whether screens read and paint: the switch `screen`."""
        self._path, self._journal, self._answer, self._on_screens = path, journal, answer, on_screens
        self._hello_s = hello_s
        self._server: asyncio.AbstractServer | None = None
        self._clients: set[_Client] = set()

    @property
    def screens(self) -> int:
        """How many screens are attached."""
        return sum(client.is_screen for client in self._clients)

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
        for client in tuple(self._clients):
            client.writer.close()
        self._path.unlink(missing_ok=True)

    def told(self) -> dict[str, Any]:
        """What telemetry says of clients: each screen's own cost, and how many clients were refused, if any."""
        screens = [
            {"pid": client.hello.pid, **client.beat._asdict()}
            for client in self._clients
            if client.hello is not None and client.beat is not None
        ]
        refused = {"refused_clients": self.refused, "refused_last": self.refused_last} if self.refused else {}
        return {"screens": screens, **refused}

    def show(self, on: bool) -> None:
        """Tell every screen, and those that come, whether to read and paint."""
        if on != self.screens_on:
            self.screens_on = on
            for client in self._clients:
                if client.is_screen:
                    client.writer.write(encode(ScreenOrder(on)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end: whatever goes wrong in it stays in it."""
        client = _Client(writer)
        try:
            self._refuse_at_once(writer)
            self._clients.add(client)
            await self._converse(client, reader)
        except (BadFrame, _Refusal) as why:
            self._refuse(client, str(why) if isinstance(why, _Refusal) else f"It sent an invalid frame: {why}.")
        except (ConnectionError, asyncio.CancelledError):
            pass
        except Exception as error:
            traceback.print_exc()
            self._refuse(client, f"Its request could not be handled ({type(error).__name__}).")
        finally:
            was_screen = client.is_screen
            self._clients.discard(client)
            if was_screen:
                self._on_screens(self.screens)
            writer.close()

    async def _converse(self, client: _Client, reader: asyncio.StreamReader) -> None:
        """Hello and welcome, then asks and beats. Raises _Refusal, BadFrame or ConnectionError."""
        received = frames(reader, FROM_CLIENT)
        try:
            hello = await asyncio.wait_for(anext(received), self._hello_s)
        except asyncio.TimeoutError as error:
            raise _Refusal(f"It did not say hello within {self._hello_s:g} s.") from error
        except StopAsyncIteration:
            return
        if not isinstance(hello, Hello):
            raise _Refusal("The first frame must be hello.")
        if hello.format != FORMAT:
            raise _Refusal(f"This session speaks format {FORMAT}, not {hello.format}: use the quintet that started it.")
        client.hello = hello
        client.writer.write(encode(Welcome(FORMAT, str(self._journal))))
        if client.is_screen:
            if not self.screens_on:
                client.writer.write(encode(ScreenOrder(False)))
            self._on_screens(self.screens)
        async for frame in received:
            await self._take(client, frame)

    async def _take(self, client: _Client, frame: Frame) -> None:
        if isinstance(frame, Ask):
            client.writer.write(encode(self._answer(frame, client.name)))
            await client.writer.drain()
            await asyncio.sleep(0)  # lanes and other clients have their turn between two asks of one client
        elif isinstance(frame, Beat) and client.is_screen:
            client.beat = frame
        else:
            raise _Refusal(f"It sent {type(frame).__name__.lower()} out of turn.")

    def _refuse_at_once(self, writer: asyncio.StreamWriter) -> None:
        """Raises _Refusal for another user's client and for one too many."""
        peer = writer.get_extra_info("socket")
        if sys.platform == "linux" and peer is not None:
            credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            if struct.unpack("3i", credentials)[1] != os.getuid():
                raise _Refusal("This session belongs to another user.")
        if len(self._clients) >= MOST_CLIENTS:
            raise _Refusal(f"This session has {MOST_CLIENTS} clients already.")

    def _refuse(self, client: _Client, sentence: str) -> None:
        self.refused += 1
        self.refused_last = f"{client.name}: {sentence}"
        if not client.writer.is_closing():
            client.writer.write(encode(Refused(sentence)))
