"""Unpack a stranger's archive into a new folder: only plain files and folders, only inside it, within limits.

Nothing is believed that an archive says of itself: bytes are counted as they come out, links become copies of files that were
unpacked before them, and modes, owners and times are left out.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import posixpath
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

from quintet.engine.analysis.formatting import size
from quintet.engine.errors import BadInput

GB = 1_000_000_000
SIZE_VARIABLE, FILES_VARIABLE = "QUINTET_FETCH_SIZE", "QUINTET_FETCH_FILES"
"""Environment variables that raise the limits."""
PIECE_BYTES = 1 << 16
HEADER_BYTES = 1 << 20
"""The most that is read of a tar file between two members; more is no header of an honest one."""
TABLE_BYTES = 512
"""The most that an entry of a zip file's table of contents takes on average."""
LINK_BYTES = 4096
MOST_DEPTH = 50
OPENERS: dict[str, Callable[[Path], Any]] = {
    ".tar": lambda path: path.open("rb"), ".gz": gzip.open, ".tgz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open,
}  # fmt: skip
BROKEN = (
    OSError, EOFError, ValueError, RuntimeError, OverflowError, struct.error, zlib.error, lzma.LZMAError, tarfile.TarError,
    zipfile.BadZipFile,
)  # fmt: skip
"""What the readers raise for archives that are damaged, locked, or packed in a way they do not know."""


class Limits(NamedTuple):
    """The most that a fetch may take: of one download, of what one archive becomes, and of the disk."""

    download_bytes: int = 20 * GB
    unpacked_bytes: int = 20 * GB
    files: int = 2_000_000
    left_free_bytes: int = GB


class Meter:
    """Counts bytes and files as they are written below `folder`, and refuses the first beyond a limit. Raises BadInput."""

    def __init__(self, what: str, folder: Path, limits: Limits, *, downloading: bool) -> None:
        self._what, self._folder, self._limits, self._downloading = what, folder, limits, downloading
        self._most_bytes = limits.download_bytes if downloading else limits.unpacked_bytes
        self.bytes = self.files = 0

    def take(self, content: bytes) -> None:
        """Count what is about to be written."""
        self.bytes += len(content)
        if self.bytes > self._most_bytes:
            raise self.too_large()
        self.need(len(content))

    def file(self) -> None:
        """Count a file or folder that is about to be made."""
        self.files += 1
        if self.files > self._limits.files:
            raise self.too_many()
        self.need(0)

    def too_large(self) -> BadInput:
        """The sentence for a file or an archive of too many bytes."""
        has = "has" if self._downloading else "unpacks to"
        return BadInput(
            f"{self._what} {has} more than {size(self._most_bytes)}. Nothing of it is kept. "
            f"Set {SIZE_VARIABLE} to allow more."
        )

    def too_many(self) -> BadInput:
        """The sentence for an archive of too many files."""
        return BadInput(
            f"{self._what} has more than {self._limits.files:,} files and folders. Nothing of it is kept. "
            f"Set {FILES_VARIABLE} to allow more."
        )

    def need(self, more_bytes: int) -> None:
        """See that so many bytes can be written and enough of the disk stays free."""
        if shutil.disk_usage(self._folder).free - more_bytes < self._limits.left_free_bytes:
            raise BadInput(
                f"{self._what} needs more room than the disk of {self._folder} has, of which "
                f"{size(self._limits.left_free_bytes)} must stay free. Nothing of it is kept."
            )

    @property
    def most_files(self) -> int:
        """How many files and folders are allowed."""
        return self._limits.files


class Member(NamedTuple):
    """One entry of an archive. A link has the name it leads to, seen from the top of the archive."""

    name: str
    folder: bool
    link: str | None
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, url: str, out: Path, limits: Limits) -> int:
    """Unpack an archive, whose kind its URL's ending tells, into the new folder `out`; returns how many files and folders.

    Raises BadInput with one sentence; what was unpacked until then is left to the caller. `out` lies in a temporary folder.
    """
    out.mkdir()
    meter = Meter(url, out.parent.parent, limits, downloading=False)
    made = {out}
    try:
        for member in _zipped(archive, meter) if url.endswith(".zip") else _tarred(archive, url):
            place = _place(out, member.name, url)
            if member.folder:
                _make(place, made, meter)
            else:
                _make(place.parent, made, meter)
                meter.file()
                _write(member, place, out, url, meter)
    except BROKEN as error:
        raise BadInput(f"{url} cannot be unpacked: {' '.join(str(error).split()) or type(error).__name__}.") from error
    if not meter.files:
        raise BadInput(f"{url} is an empty archive.")
    return meter.files


def _place(out: Path, name: str, url: str) -> Path:
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise BadInput(f"{url} has {_short(name)}, which is outside of its own folder. Nothing of it is kept.")
    inner = [part for part in parts if part not in ("", ".")]
    if len(inner) > MOST_DEPTH:
        raise BadInput(f"{url} has folders that are nested more than {MOST_DEPTH} deep. Nothing of it is kept.")
    return out.joinpath(*inner)


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:97]}..."


def _make(folder: Path, made: set[Path], meter: Meter) -> None:
    """Make a folder and those above it, each counted once."""
    if folder not in made:
        _make(folder.parent, made, meter)
        meter.file()
        folder.mkdir(exist_ok=True)
        made.add(folder)


def _write(member: Member, place: Path, out: Path, url: str, meter: Meter) -> None:
    with member.open() if member.link is None else _linked(member, out, url) as source, place.open("wb") as to:
        while piece := source.read(PIECE_BYTES):
            meter.take(piece)
            to.write(piece)


def _linked(member: Member, out: Path, url: str) -> IO[bytes]:
    """The file that a link leads to. As no link is ever made, a name inside the folder is a place inside it."""
    target = _place(out, posixpath.normpath(member.link or "."), url)
    if not target.is_file() or target == _place(out, member.name, url):
        raise BadInput(
            f"{url} has a link, {_short(member.name)}, that leads to no file before it. Nothing of it is kept; "
            "unpack it yourself."
        )
    return target.open("rb")


def _zipped(archive: Path, meter: Meter) -> Iterator[Member]:
    with archive.open("rb") as file:
        _count_table(file, meter)
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            if info.compress_type not in (
                zipfile.ZIP_STORED,
                zipfile.ZIP_DEFLATED,
            ):  # others are unpacked without a bound
                raise ValueError(f"{_short(info.filename)} is compressed in another way than deflate")
            kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
                raise ValueError(f"{_short(info.filename)} is neither a file nor a folder")
            link = None
            if kind == stat.S_IFLNK:
                with packed.open(info) as source:
                    link = _from_top(info.filename, os.fsdecode(source.read(LINK_BYTES)))
            yield Member(info.filename, info.is_dir() or kind == stat.S_IFDIR, link, partial(packed.open, info))


def _from_top(name: str, target: str) -> str:
    return posixpath.join(posixpath.dirname(name), target)


def _count_table(file: IO[bytes], meter: Meter) -> None:
    """Count the entries of a zip file's table of contents, of which zipfile would make millions of objects. Raises BadInput.

    Where there is no table, zipfile says so afterwards. Records are as in PKWARE's APPNOTE 6.3.10, sections 4.3.12 to 4.3.16.
    """
    tail_at = max(0, file.seek(0, io.SEEK_END) - (1 << 16) - 22)
    file.seek(tail_at)
    tail = file.read()
    at = len(tail) - 22 if tail[-22:-18] == b"PK\x05\x06" and tail[-2:] == b"\0\0" else tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return
    (table_bytes,), end = struct.unpack("<L", tail[at + 12 : at + 16]), tail_at + at
    if tail[max(0, at - 20) : max(0, at - 16)] == b"PK\x06\x07" and end >= 76:
        end -= 76
        file.seek(end)
        record = file.read(56)
        table_bytes = struct.unpack("<Q", record[40:48])[0] if record[:4] == b"PK\x06\x06" else table_bytes
    if table_bytes > meter.most_files * TABLE_BYTES:
        raise meter.too_many()
    place, entries = end - table_bytes, 0
    while 0 <= place < end:
        file.seek(place)
        entry = file.read(46)
        if len(entry) < 46:
            return
        entries += 1
        if entries > meter.most_files:
            raise meter.too_many()
        place += 46 + sum(struct.unpack("<HHH", entry[28:34]))


class _Careful:
    """A tar file's bytes for tarfile, which reads headers of any size into memory: here they are bounded."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = HEADER_BYTES

    def next_header(self) -> None:
        """Allow another header's bytes."""
        self._left = HEADER_BYTES

    def content(self) -> None:
        """Allow as many as there are: what is read now is asked for in pieces."""
        self._left = 1 << 62

    def read(self, size: int = -1) -> bytes:
        """As a file's; raises ReadError beyond what is allowed."""
        if not 0 <= size <= self._left:
            raise tarfile.ReadError("it has a header of more than 1 MB")
        self._left -= size
        return self._file.read(size)

    def seek(self, place: int, whence: int = 0) -> int:
        """As a file's."""
        return self._file.seek(place, whence)

    def tell(self) -> int:
        """As a file's."""
        return self._file.tell()


def _tarred(archive: Path, url: str) -> Iterator[Member]:
    with OPENERS[url[url.rindex(".") :]](archive) as file:
        careful: Any = _Careful(file)
        with tarfile.open(fileobj=careful, mode="r:") as tar:
            keeps: Any = tar
            while True:
                careful.next_header()
                info = tar.next()
                if info is None:
                    return
                keeps.members = []  # it keeps all of them, and nobody asks for one again
                if not (info.isreg() or info.isdir() or info.issym() or info.islnk()):
                    raise tarfile.ReadError(f"{_short(info.name)} is neither a file nor a folder")
                link = info.linkname if info.islnk() else _from_top(info.name, info.linkname) if info.issym() else None
                careful.content()
                yield Member(info.name, info.isdir(), link, partial(_content, tar, info))


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    found = tar.extractfile(info)
    assert found is not None  # it is a file
    return found
