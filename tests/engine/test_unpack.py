"""Archives made to do harm: nothing outside their folder, nothing beyond the limits, and nothing left of what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from quintet.engine.profile import download
from quintet.engine.profile.unpack import Limits
from tests.serving import MB, Served, archived, linked_zip, refused, silent, tarred, zipped


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tgz", "tar.xz", "tar.bz2"])
def test_every_kind_of_tar_file_is_unpacked(server: Served, tmp_path: Path, kind: str) -> None:
    mode = f"w:{ {'tar': '', 'tgz': 'gz'}.get(kind, kind.removeprefix('tar.')) }"
    content = tarred(("x/", tarfile.DIRTYPE, b""), ("x/a.txt", tarfile.REGTYPE, b"a" * 100_000), mode=mode)
    download.fetch(archived(server, f"x.{kind}", content, tmp_path / "x"), silent)
    assert (tmp_path / "x/a.txt").read_bytes() == b"a" * 100_000


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
    download.fetch(archived(server, "x.tar.gz", content, tmp_path / "x"), silent)
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
