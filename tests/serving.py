"""An https server on this machine that is trusted, archives of any kind to serve, and fetches that must leave nothing."""

from __future__ import annotations

import contextlib
import http.server
import io
import ssl
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from quintet.engine.errors import BadInput
from quintet.engine.profile import download
from quintet.engine.profile.download import Item
from quintet.engine.profile.unpack import Limits

MB = 1_000_000


class Served(NamedTuple):
    """A server's address, the folder that it serves, and what it was asked."""

    address: str
    folder: Path
    asked: list[tuple[str, str]]


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder, and what no folder has: /to-http leads away, /endless.zip never ends, /stalls.zip stops on its way."""

    daemon_threads = False  # each is waited for, and with it its socket

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.over = threading.Event()
        super().__init__(("localhost", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is what some tests want."""


class _Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def __init__(self, request: object, address: object, server: Server) -> None:
        super().__init__(request, address, server, directory=str(server.folder))  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        self.server.asked.append(("HEAD", self.path))
        if self.path in ("/endless.zip", "/stalls.zip"):
            self.send_error(405)
        else:
            super().do_HEAD()

    def do_GET(self) -> None:
        self.server.asked.append(("GET", self.path))
        if self.path == "/to-http":
            self._head(302, Location="http://localhost:1/x.zip")
        elif self.path == "/endless.zip":
            self._head(200)
            while not self.server.over.is_set():
                self.wfile.write(bytes(1 << 16))
        elif self.path == "/stalls.zip":
            self._head(200, **{"Content-Length": str(MB)})
            self.wfile.write(bytes(200_000))
            self.server.over.wait()
        else:
            super().do_GET()

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[Served, Path]]:
    """A server of `folder`/served, and the file of the authority that vouches for it."""
    authority, trusted, served = trustme.CA(), folder / "authority.pem", folder / "served"
    served.mkdir()
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = Server(served)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Served(f"https://localhost:{server.server_port}", served, server.asked), trusted
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def linked_zip(name: str, target: str) -> bytes:
    """A zip file with a symbolic link, as Info-ZIP's `zip -y` writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    return out.getvalue()


def tarred(*members: tuple[str, bytes, bytes | str], mode: str = "w:gz") -> bytes:
    """A tar file of (name, type, content or the name that a link leads to)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if isinstance(content, str):
                info.linkname = content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def archived(server: Served, name: str, content: bytes, to: Path) -> Item:
    """What to fetch, once the server has it."""
    (server.folder / name).write_bytes(content)
    return Item(name, f"{server.address}/{name}", to, archive=not name.endswith(".pt"))


def silent(done: int, of: int) -> None:
    pass


def refused(item: Item, tmp_path: Path, limits: Limits = download.DEFAULT) -> str:
    """The sentence of a fetch that leaves everything as it was."""
    before = listing(tmp_path)
    with pytest.raises(BadInput) as told:
        download.fetch(item, silent, limits)
    assert listing(tmp_path) == before
    return str(told.value)
