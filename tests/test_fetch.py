"""`quintet check --fetch`: only https archives, only to its own places, only within limits, and whole or not at all.

Against a real https server on this machine, with archives made to do harm.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import http.server
import io
import os
import signal
import ssl
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from quintet.engine import fetch, named, pins, profile
from quintet.engine.errors import BadInput
from quintet.engine.fetch import Item
from quintet.engine.profile import FOLDER
from quintet.engine.unpack import Limits
from tests.running import PATIENCE_S, wait_until

MICRO = FOLDER / "micro"
MB = 1_000_000


class Served(NamedTuple):
    """A server's address, the folder that it serves, and what it was asked."""

    address: str
    folder: Path
    asked: list[tuple[str, str]]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An https server on this machine that is trusted."""
    authority = trustme.CA()
    folder = tmp_path / "served"
    folder.mkdir()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    asked: list[tuple[str, str]] = []
    over = threading.Event()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def do_HEAD(self) -> None:
            asked.append(("HEAD", self.path))
            if self.path in ("/endless.zip", "/stalls.zip"):
                self.send_error(405)
            else:
                super().do_HEAD()

        def do_GET(self) -> None:
            asked.append(("GET", self.path))
            if self.path == "/to-http":
                self.send_response(302)
                self.send_header("Location", "http://localhost:1/x.zip")
                self.end_headers()
            elif self.path == "/endless.zip":
                self.send_response(200)
                self.end_headers()
                while not over.is_set():
                    self.wfile.write(bytes(1 << 16))
            elif self.path == "/stalls.zip":
                self.send_response(200)
                self.send_header("Content-Length", str(MB))
                self.end_headers()
                self.wfile.write(bytes(200_000))
                over.wait()
            else:
                super().do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    class Serving(http.server.ThreadingHTTPServer):
        daemon_threads = False  # each is waited for, and with it its socket

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that leaves is what some tests want

    serving = Serving(("localhost", 0), Quiet)
    serving.socket = context.wrap_socket(serving.socket, server_side=True)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield Served(f"https://localhost:{serving.server_port}", folder, asked)
    over.set()
    serving.shutdown()
    thread.join()
    serving.server_close()


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


def refused(item: Item, tmp_path: Path, limits: Limits = fetch.DEFAULT) -> str:
    """The sentence of a fetch that leaves everything as it was."""
    before = listing(tmp_path)
    with pytest.raises(BadInput) as told:
        fetch.fetch(item, silent, limits)
    assert listing(tmp_path) == before
    return str(told.value)


def test_an_archive_becomes_its_folder(server: Served, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    to = tmp_path / "deep" / "datasets" / "coco8"
    content = zipped(**{"coco8/images/a.jpg": b"x", "coco8/empty/": b""})
    found = fetch.fetch(archived(server, "coco8.zip", content, to), lambda done, of: told.append((done, of)))
    assert listing(to) == ["empty", "images", "images/a.jpg"]
    assert (to / "images/a.jpg").read_bytes() == b"x"
    assert told[-1] == (len(content), len(content))
    assert found == (hashlib.sha256(content).hexdigest(), "not pinned")
    assert listing(to.parent) == ["coco8", "coco8/empty", "coco8/images", "coco8/images/a.jpg"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tgz", "tar.xz", "tar.bz2"])
def test_every_kind_of_tar_file_is_unpacked(server: Served, tmp_path: Path, kind: str) -> None:
    mode = f"w:{ {'tar': '', 'tgz': 'gz'}.get(kind, kind.removeprefix('tar.')) }"
    content = tarred(("x/", tarfile.DIRTYPE, b""), ("x/a.txt", tarfile.REGTYPE, b"a" * 100_000), mode=mode)
    fetch.fetch(archived(server, f"x.{kind}", content, tmp_path / "x"), silent)
    assert (tmp_path / "x/a.txt").read_bytes() == b"a" * 100_000


def test_weights_come_whole_or_not_at_all(server: Served, tmp_path: Path) -> None:
    to = tmp_path / "weights" / "yolo11n.pt"
    fetch.fetch(archived(server, "yolo11n.pt", b"weights", to), silent)
    assert to.read_bytes() == b"weights"
    missing = Item("x.pt", f"{server.address}/x.pt", tmp_path / "weights" / "x.pt", archive=False)
    assert "cannot be fetched: File not found. Try again" in refused(missing, tmp_path)


def test_a_redirect_away_from_https_is_not_followed(server: Served, tmp_path: Path) -> None:
    assert "is not https" in refused(Item("x", f"{server.address}/to-http", tmp_path / "x", archive=True), tmp_path)


OUTSIDE = {
    "zip-up.zip": lambda: zipped(**{"x/a.txt": b"a", "x/../../escaped.txt": b"e"}),
    "zip-root.zip": lambda: zipped(**{"/tmp/escaped.txt": b"e"}),
    "zip-link.zip": lambda: linked_zip("x/link", "../../authority.pem"),
    "tar-up.tar.gz": lambda: tarred(("x/../../escaped.txt", tarfile.REGTYPE, b"e")),
    "tar-root.tar.gz": lambda: tarred(("/tmp/escaped.txt", tarfile.REGTYPE, b"e")),
    "tar-through.tar.gz": lambda: tarred(
        ("x/link", tarfile.SYMTYPE, "../.."), ("x/link/escaped.txt", tarfile.REGTYPE, b"e")
    ),
    "tar-link.tar.gz": lambda: tarred(("x/link", tarfile.SYMTYPE, "/etc/passwd")),
    "tar-hard.tar.gz": lambda: tarred(("x/link", tarfile.LNKTYPE, "../authority.pem")),
    "tar-hard-root.tar.gz": lambda: tarred(("x/link", tarfile.LNKTYPE, "/etc/passwd")),
    "tar-pipe.tar.gz": lambda: tarred(("x/pipe", tarfile.FIFOTYPE, b"")),
    "tar-device.tar.gz": lambda: tarred(("x/null", tarfile.CHRTYPE, b"")),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_archive_that_reaches_outside_its_folder_is_refused_whole(server: Served, tmp_path: Path, name: str) -> None:
    item = archived(server, name, OUTSIDE[name](), tmp_path / "sets" / "x")
    said = refused(item, tmp_path)
    assert any(words in said for words in ("outside", "no file before it", "neither a file nor a folder")), said


def test_links_inside_an_archive_become_copies(server: Served, tmp_path: Path) -> None:
    content = tarred(
        ("x/a/one.jpg", tarfile.REGTYPE, b"picture"),
        ("x/b/hard.jpg", tarfile.LNKTYPE, "x/a/one.jpg"),
        ("x/b/soft.jpg", tarfile.SYMTYPE, "../a/one.jpg"),
    )
    fetch.fetch(archived(server, "x.tar.gz", content, tmp_path / "x"), silent)
    assert {path.name: path.read_bytes() for path in (tmp_path / "x/b").iterdir()} == {
        "hard.jpg": b"picture",
        "soft.jpg": b"picture",
    }
    assert not any(path.is_symlink() or path.stat().st_nlink > 1 for path in (tmp_path / "x").rglob("*.jpg"))


def in_bzip2(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x/zeros", content)
    return out.getvalue()


def headed(of_bytes: int) -> bytes:
    """A tar file whose first header is said to go on for so many bytes; tarfile would read them all into memory."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, of_bytes
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(of_bytes))


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "ratio.zip": (lambda: zipped(**{"x/zeros": bytes(300 * MB)}), "unpacks to more than 5 MB"),
    "many.zip": (lambda: zipped(**{f"x/{number}": b"" for number in range(200)}), "more than 100 files"),
    "folders.zip": (lambda: zipped(**{f"{n}/a/b/c/d/e/": b"" for n in range(20)}), "more than 100 files"),
    "deep.zip": (lambda: zipped(**{"x/" * 51 + "a": b""}), "nested more than 50 deep"),
    "other.zip": (lambda: in_bzip2(bytes(50 * MB)), "in another way than deflate"),
    "ratio.tar.gz": (lambda: tarred(("x/zeros", tarfile.REGTYPE, bytes(50 * MB))), "unpacks to more than 5 MB"),
    "links.tar.gz": (
        lambda: tarred(("x/a", tarfile.REGTYPE, bytes(MB)), *((f"x/{n}", tarfile.LNKTYPE, "x/a") for n in range(10))),
        "unpacks to more than 5 MB",
    ),
    "many.tar.gz": (
        lambda: tarred(*((f"x/{n}", tarfile.REGTYPE, b"") for n in range(200))),
        "more than 100 files",
    ),
    "header.tar.gz": (lambda: headed(64 * MB), "a header of more than 1 MB"),
    "empty.zip": (zipped, "is an empty archive"),
    "torn.zip": (lambda: zipped(**{"x/a": os.urandom(9999)})[:5000], "cannot be unpacked"),
    "torn.tar.bz2": (lambda: bz2.compress(b"no tar file"), "cannot be unpacked"),
    "folder.zip": (lambda: zipped(**{"x/a": b"", "x/a/b": b""}), "cannot be unpacked"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_stops_at_the_limit_and_leaves_nothing(server: Served, tmp_path: Path, name: str) -> None:
    make, words = BOMBS[name]
    item = archived(server, name, make(), tmp_path / "sets" / "x")
    assert words in refused(item, tmp_path, Limits(unpacked_bytes=5 * MB, files=100))


def test_nothing_more_is_written_when_the_disk_would_become_full(server: Served, tmp_path: Path) -> None:
    item = archived(server, "x.zip", zipped(**{"x/a": b"a"}), tmp_path / "x")
    said = refused(item, tmp_path, Limits(left_free_bytes=1 << 60))
    assert "needs more room than the disk" in said


def test_a_download_without_an_end_stops_at_the_limit(server: Served, tmp_path: Path) -> None:
    item = Item("endless", f"{server.address}/endless.zip", tmp_path / "x", archive=True)
    assert fetch.size_bytes(item) is None
    assert "has more than 1 MB" in refused(item, tmp_path, Limits(download_bytes=MB))


# Where


def lane_of(folder: Path, path: str, download: str) -> Path:
    """A profile of one sleeping lane whose data YAML names this path and this archive; its folder is made."""
    folder.mkdir(exist_ok=True)
    (folder / "mine.yaml").write_text(f"path: {path}\nval: images\nnames: [a]\ndownload: {download}\n")
    (folder / "mine.toml").write_text(
        '[[lane]]\nname = "a"\ntask = "detect"\nbackend = "sleep"\ndata.validation = "mine.yaml"\n'
    )
    return folder / "mine.toml"


def check(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-m", "quintet", "check", *words],
        capture_output=True, text=True, timeout=180, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert "Traceback" not in ran.stderr
    return ran


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with nothing in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / ".local/share"))
    return folder


def test_a_data_yaml_cannot_write_into_a_home_folder(server: Served, tmp_path: Path, home: Path) -> None:
    """The archive is real and would come; only where its YAML says that it goes is wrong."""
    (server.folder / "keys.zip").write_bytes(zipped(authorized_keys=b"ssh-ed25519 AAAA mallory"))
    mine = lane_of(tmp_path / "work", str(home / ".ssh"), f"{server.address}/keys.zip")
    before = listing(tmp_path)
    ran = check(str(mine), "--fetch")
    assert ran.returncode == 2
    assert ran.stderr == (
        f"quintet: `path` in {mine.with_suffix('.yaml')} is {home}/.ssh, and nothing is fetched to a place that is hidden or "
        f"not below {mine.parent}. Put the data there yourself, or change `path`.\n"
    )
    assert listing(tmp_path) == before
    assert server.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "../elsewhere", "/nowhere/at/all", "~/sets", '"~"', ".hidden/set", "link/set", "set/../../elsewhere", "home/.ssh",
        "home/.local/share/quintet/ultralytics/weights", "[a, b]", '"a\\0b"', "circle/x", "mine.toml",
    ],
)  # fmt: skip
def test_data_is_fetched_to_no_other_place(tmp_path: Path, home: Path, path: str) -> None:
    """Links, `..`, `~`, absolute and hidden places, quintet's own weights, and what can be no folder."""
    mine = lane_of(tmp_path, path, "https://localhost:1/x.zip")
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "circle").symlink_to("circle")
    lanes, _ = profile.examine(str(mine))
    before = listing(tmp_path)
    with pytest.raises(BadInput, match=r"`path` in .*mine\.yaml (is|must be|cannot be) "):
        fetch.wanted(lanes)
    assert listing(tmp_path) == before


def test_data_may_go_below_its_yaml_and_among_quintets_own_sets(tmp_path: Path, home: Path) -> None:
    sets = named.folder() / "datasets"
    for path, to in (
        ("sets/mine", tmp_path / "sets/mine"),
        (str(tmp_path / "mine"), tmp_path / "mine"),
        (str(sets / "mine"), sets / "mine"),
    ):
        lanes, _ = profile.examine(str(lane_of(tmp_path, path, "https://localhost:1/x.zip")))
        assert [item.to for item in fetch.wanted(lanes)] == [to]


@pytest.mark.parametrize(
    "download",
    [
        "http://example.org/x.zip", "https://example.org/x.py", "import os; os.system('touch ran')", "ftp://x/x.zip",
        '"https://example.org/\\e[2J.zip"', "[https://example.org/x.zip]", "https://example.org/a b.zip",
    ],
)  # fmt: skip
def test_a_download_that_is_no_https_archive_is_refused(tmp_path: Path, download: str) -> None:
    mine = lane_of(tmp_path / "work", "nowhere", f"{download!r}" if "import" in download else download)
    before = listing(tmp_path)
    ran = check(str(mine), "--fetch")
    assert ran.returncode == 2
    assert "is not an https archive" in ran.stderr
    assert listing(tmp_path) == before


def test_named_files_are_asked_for_at_ultralytics_and_lie_in_the_data_folder(home: Path) -> None:
    loaded, faults = profile.examine("yolo11n")
    assert "ultralytics:yolo11n-cls.pt has not been fetched. Run `quintet check yolo11n --fetch`." in faults[0].text
    items = fetch.wanted(loaded)
    assert all(item.url.startswith("https://github.com/ultralytics/assets/") for item in items)
    assert {item.name for item in items} >= {
        "ultralytics:yolo11n.pt",
        "ultralytics:imagenet10",
        "ultralytics:coco8.yaml",
    }
    assert all(item.to.is_relative_to(named.folder()) for item in items)
    assert all(item.memory is not None and item.memory.parent == item.to.parent for item in items)
    assert named.path_of("ultralytics:../../x.yaml").name == "no-such-name"
    assert listing(home) == []


# How much, and what it is


def test_sizes_places_and_limits_are_said_before_anything_is_fetched(
    server: Served, tmp_path: Path, home: Path
) -> None:
    content = zipped(**{"x/a": os.urandom(200_000)})
    (server.folder / "x.zip").write_bytes(content)
    mine = lane_of(tmp_path / "work", "x", f"{server.address}/x.zip")
    before = listing(tmp_path)

    ran = check(str(mine), "--fetch", QUINTET_FETCH_SIZE="100kB")

    assert ran.returncode == 2
    assert ran.stdout == (
        f"to fetch: mine.yaml, 200.2 kB, from {server.address}/x.zip\n      to {mine.parent}/x\n"
        "at most 100 kB a download, 100 kB and 2,000,000 files unpacked (QUINTET_FETCH_SIZE and QUINTET_FETCH_FILES raise "
        "that); 1 GB of the disk stays free\n"
    )
    assert ran.stderr == (
        f"quintet: {server.address}/x.zip has more than 100 kB. Nothing of it is kept. Set QUINTET_FETCH_SIZE to allow more.\n"
    )
    assert listing(tmp_path) == before
    assert server.asked == [("HEAD", "/x.zip")]

    ran = check(str(mine), "--fetch", QUINTET_FETCH_FILES="0")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "QUINTET_FETCH_FILES 0: give a whole number above 0" in ran.stderr

    ran = check(str(mine), "--fetch")
    assert ran.returncode == 0, ran.stderr
    assert f"fetched mine.yaml, SHA-256 {hashlib.sha256(content).hexdigest()}, not pinned\n" in ran.stdout
    assert listing(mine.parent / "x") == ["a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fetch_leaves_nothing(
    server: Served, tmp_path: Path, home: Path, number: signal.Signals
) -> None:
    mine = lane_of(tmp_path / "work", "deep/x", f"{server.address}/stalls.zip")
    before = listing(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-m", "quintet", "check", str(mine), "--fetch"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_until(lambda: any(path.stat().st_size for path in mine.parent.rglob("part")), "its first bytes")
        process.send_signal(number)
        _, said = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 128 + number
    assert said.endswith("interrupted: nothing is left of what was not fetched whole\n")
    assert listing(tmp_path) == before


@pytest.fixture
def assets(server: Served, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The folder that stands for Ultralytics' releases."""
    monkeypatch.setattr(fetch, "ASSETS", server.address)
    for release in (fetch.WEIGHTS_RELEASE, fetch.DATA_RELEASE):
        (server.folder / release).mkdir()
    return server.folder


def only_item(folder: Path, **keys: str) -> Item:
    """What is fetched for a lane with these keys."""
    given = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    (folder / "named.toml").write_text(f'[[lane]]\nname = "a"\ntask = "detect"\nbackend = "sleep"\n{given}')
    lanes, _ = profile.examine(str(folder / "named.toml"))
    (item,) = fetch.wanted(lanes)
    return item


def test_a_file_that_is_not_the_pinned_one_is_refused(assets: Path, tmp_path: Path) -> None:
    (assets / "v8.4.0/yolo11n.pt").write_bytes(b"import os")
    item = only_item(tmp_path, weights="ultralytics:yolo11n.pt")
    said = refused(item, tmp_path)
    assert "is not the file that is pinned: its SHA-256 is" in said
    assert pins.PINS["v8.4.0/yolo11n.pt"] in said

    own = hashlib.sha256(b"import os").hexdigest()
    item = only_item(tmp_path, weights="ultralytics:yolo11n.pt", weights_sha256=own.upper())
    assert fetch.fetch(item, silent) == (own, "as pinned")


def test_a_file_that_changed_since_its_first_fetch_is_refused(assets: Path, tmp_path: Path) -> None:
    (assets / "v8.4.0/other.pt").write_bytes(b"first")
    item = only_item(tmp_path, weights="ultralytics:other.pt")
    digest = hashlib.sha256(b"first").hexdigest()
    assert fetch.fetch(item, silent) == (digest, "not pinned; remembered in other.pt.sha256")
    assert (item.to.parent / "other.pt.sha256").read_text() == f"{digest}  other.pt\n"

    item.to.unlink()
    assert fetch.fetch(item, silent) == (digest, "as when it was first fetched")

    item.to.unlink()
    (assets / "v8.4.0/other.pt").write_bytes(b"second")
    said = refused(item, tmp_path)
    assert f"has changed since it was first fetched: its SHA-256 is {hashlib.sha256(b'second').hexdigest()}" in said
    assert f"remove {item.to.parent / 'other.pt.sha256'} and try again" in said


def test_a_named_set_comes_with_its_yaml_or_not_at_all(assets: Path, tmp_path: Path) -> None:
    item = only_item(tmp_path, **{"data.validation": "ultralytics:dota8.yaml"})
    item = item._replace(url=f"{fetch.ASSETS}/v0.0.0/dota8.zip")  # the YAML names Ultralytics' own server
    sets = named.folder() / "datasets"
    assert "cannot be fetched" in refused(item, tmp_path)
    assert not sets.exists()

    (assets / "v0.0.0/dota8.zip").write_bytes(zipped(**{"dota8/images/a.jpg": b"x"}))
    fetch.fetch(item, silent)
    assert sorted(path.name for path in sets.iterdir()) == ["dota8", "dota8.yaml", "dota8.zip.sha256"]


def test_pins_are_whole_and_of_the_releases_that_are_asked() -> None:
    for asset, digest in pins.PINS.items():
        release, _, name = asset.partition("/")
        assert release == (fetch.WEIGHTS_RELEASE if name.endswith(".pt") else fetch.DATA_RELEASE)
        assert len(bytes.fromhex(digest)) == 32
