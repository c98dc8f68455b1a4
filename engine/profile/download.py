"""Fetch what a profile names and is not there: `quintet check PROFILE --fetch`, the only place that opens a connection.

Only https, only files and archives; a data YAML's `download:` that is a script is refused, never run. It writes only below
the data YAML's folder and in quintet's data folder, and what is not fetched whole leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib.util
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from quintet.engine.errors import BadInput
from quintet.engine.profile import assets, pins
from quintet.engine.profile.schema import Lane, Profile
from quintet.engine.profile.unpack import PIECE_BYTES, Limits, Meter, unpack

ASSETS = "https://github.com/ultralytics/assets/releases/download"
WEIGHTS_RELEASE, DATA_RELEASE = "v8.4.0", "v0.0.0"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
TIMEOUT_S = 30.0
MOST_LETTERS = 4096
DEFAULT = Limits()

Progress = Callable[[int, int], None]
"""Called with bytes so far and bytes in all, 0 when the server does not say."""


class Item(NamedTuple):
    """One thing to fetch: a file to `to`, or an archive whose folder becomes `to`."""

    name: str
    url: str
    to: Path
    archive: bool
    sha256: str | None = None
    """What it must be, where that is known."""
    memory: Path | None = None
    """The file that remembers the SHA-256 of its first fetch."""
    beside: tuple[Path, Path] | None = None
    """A data YAML as Ultralytics ships it, and where it goes once the data is there."""


class Fetched(NamedTuple):
    """The SHA-256 of what was fetched, and how it is known, in words."""

    sha256: str
    known: str


def wanted(profile: Profile) -> list[Item]:
    """What the profile names and is not there, each once, in the profile's order. Copies YAMLs whose data is there.

    Raises BadInput with one sentence for what is never fetched.
    """
    found: dict[Path, Item] = {}
    for lane in profile.lanes:
        for item in (_weights(lane), _data(lane.data.inference), _data(lane.data.validation)):
            if item is not None:
                found.setdefault(item.to, item)
    return list(found.values())


def _weights(lane: Lane) -> Item | None:
    path = Path(lane.weights)
    name = assets.name_of(path) if lane.weights else None
    if name is None or path.exists():
        return None
    item = _of_ultralytics(name, f"{WEIGHTS_RELEASE}/{path.name}", path, archive=False)
    return item._replace(sha256=lane.weights_sha256) if lane.weights_sha256 else item


def _of_ultralytics(name: str, asset: str, to: Path, *, archive: bool) -> Item:
    return Item(name, f"{ASSETS}/{asset}", to, archive, pins.PINS.get(asset), _memory(to, asset))


def _memory(to: Path, asset: str) -> Path:
    return to.parent / f"{asset.rpartition('/')[2]}.sha256"


def _data(given: str | None) -> Item | None:
    if given is None:
        return None
    path, name = Path(given), assets.name_of(Path(given))
    if name is not None and path.suffix != ".yaml":
        asset = f"{DATA_RELEASE}/{path.name}.zip"
        return None if path.exists() else _of_ultralytics(name, asset, path, archive=True)
    if path.suffix not in (".yaml", ".yml"):
        return None
    if path.is_file():
        return _download(path, path, name)
    return _shipped(path, name) if name is not None else None


def _shipped(path: Path, name: str) -> Item | None:
    """The data of a YAML that the installed Ultralytics ships; the YAML itself is copied when its data is there."""
    spec = importlib.util.find_spec("ultralytics")
    folders = [Path(place) / "cfg" / "datasets" for place in spec.submodule_search_locations or ()] if spec else []
    shipped = next((folder / path.name for folder in folders if (folder / path.name).is_file()), None)
    if shipped is None:
        raise BadInput(f"Ultralytics knows no data set {path.name}. Fix `data` in the profile.")
    item = _download(shipped, path, name)
    if item is not None:
        return item._replace(beside=(shipped, path))
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shipped, path)
    return None


def _download(source: Path, path: Path, name: str | None) -> Item | None:
    """The archive that the data YAML `path` names, as `source` has its text, when its folder is not there."""
    import yaml

    try:
        raw: Any = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadInput(f"{path} cannot be read as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(raw, dict) or not raw.get("download"):
        return None
    root = _root(path, raw.get("path") or ".")
    if root is None:
        return None
    url = raw["download"].strip() if isinstance(raw["download"], str) else ""
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MOST_LETTERS
    if not plain or not url.startswith("https://") or not url.endswith(ARCHIVES):
        raise BadInput(
            f"`download` in {path} is not an https archive, and nothing else is fetched or run. "
            f"Put the data at {root} yourself."
        )
    asset = url.removeprefix(f"{ASSETS}/")
    return Item(
        name or path.name, url, root, archive=True, sha256=pins.PINS.get(asset),
        memory=_memory(root, asset) if name is not None else None,
    )  # fmt: skip


def _root(path: Path, given: Any) -> Path | None:
    """The folder that a data YAML names as `path`, links resolved; None when it is there already.

    Raises BadInput when it is nowhere that a fetch may write.
    """
    if not isinstance(given, str | int | float) or len(str(given)) > MOST_LETTERS:
        raise BadInput(f"`path` in {path} must be text of at most {MOST_LETTERS} letters.")
    try:
        if (path.parent / str(given)).is_dir():
            return None
        root = (path.parent / str(given)).resolve()
        allowed, taken = _may_write(root, path.parent.resolve()), root.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
        raise BadInput(f"`path` in {path} cannot be a folder: {error}.") from error
    if not allowed:
        raise BadInput(
            f"`path` in {path} is {root}, and nothing is fetched to a place that is hidden or not below {path.parent}. "
            "Put the data there yourself, or change `path`."
        )
    if taken:
        raise BadInput(f"`path` in {path} is {root}, which is not a folder. Remove it, or change `path`.")
    return root


def _may_write(root: Path, folder: Path) -> bool:
    """Whether a fetch may make this folder: below a data YAML's folder, or among quintet's own data sets.

    Never where its name or one on the way is hidden, which is where programs keep what they run and trust, and never where
    it would be or hold quintet's own weights.
    """
    own = assets.folder().resolve()
    sets = own / "datasets"
    below = next((place for place in (sets, folder) if root != place and root.is_relative_to(place)), None)
    if below is None or any(part.startswith((".", "~")) for part in root.relative_to(below).parts):
        return False
    return below == sets or not (root.is_relative_to(own) or own.is_relative_to(root))


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        """Follow a redirect to https only."""
        if not newurl.startswith("https://"):
            fp.close()
            raise urllib.error.URLError(f"it leads to {newurl}, which is not https")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None:
            request.method = req.get_method()
        return request


@contextlib.contextmanager
def _answer(item: Item, method: str) -> Iterator[Any]:
    """A server's answer. Raises BadInput with one sentence for all that can go wrong until it is read whole."""
    try:
        request = urllib.request.Request(item.url, method=method)
        with urllib.request.build_opener(_OnlyHttps).open(request, timeout=TIMEOUT_S) as answer:
            yield answer
    except (OSError, ValueError, http.client.HTTPException) as error:  # URLError is an OSError
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise BadInput(f"{item.url} cannot be fetched: {reason}. Try again, or put it at {item.to}.") from error


def size_bytes(item: Item) -> int | None:
    """How many bytes the server says that an item has; None where it does not. Raises BadInput when it cannot be asked."""
    try:
        with _answer(item, "HEAD") as answer:
            return _length(answer)
    except BadInput as error:
        if isinstance(error.__cause__, urllib.error.HTTPError):  # some servers answer GET only
            return None
        raise


def _length(answer: Any) -> int | None:
    said = answer.headers.get("Content-Length") or ""
    return int(said) if said.isdecimal() else None


def check_sizes(items: list[Item], sizes: list[int | None], limits: Limits) -> None:
    """See, before anything is fetched, that each item and all together may come. Raises BadInput."""
    for item, size in zip(items, sizes, strict=True):
        meter = Meter(item.url, _first_there(item.to.parent), limits, downloading=True)
        if size is not None and size > limits.download_bytes:
            raise meter.too_large()
        meter.need(sum(size or 0 for size in sizes))


def _first_there(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def fetch(item: Item, progress: Progress, limits: Limits = DEFAULT) -> Fetched:
    """Fetch one item to a temporary name, then put it in its place. Raises BadInput with one sentence, leaving nothing."""
    parents = [place for place in (item.to.parent, *item.to.parent.parents) if not place.exists()]
    try:
        with _told(item.to):
            item.to.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=item.to.parent, prefix=".fetching-") as folder:
                return _fetch_into(Path(folder), item, progress, limits)
    except BaseException:
        for place in parents:
            with contextlib.suppress(OSError):
                place.rmdir()
        raise


@contextlib.contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"{place} cannot be written: {error.strerror or error}.") from error


def _fetch_into(folder: Path, item: Item, progress: Progress, limits: Limits) -> Fetched:
    part, digest = folder / "part", hashlib.sha256()
    meter = Meter(item.url, item.to.parent, limits, downloading=True)
    with _answer(item, "GET") as answer, part.open("wb") as out:
        _copy(answer, out, digest, meter, progress)
    known = pins.check(item.url, digest.hexdigest(), item.sha256, item.memory)
    ready = part
    if item.archive:
        unpack(part, item.url, folder / "out", limits)
        ready = folder / "out" / item.to.name
        ready = ready if ready.is_dir() else folder / "out"
    _put(folder, item, ready, digest.hexdigest())
    return Fetched(digest.hexdigest(), known)


def _put(folder: Path, item: Item, ready: Path, digest: str) -> None:
    """Move what was fetched to its place, with its YAML and its SHA-256, all written beforehand."""
    moves = [(ready, item.to)]
    if item.beside is not None:
        shutil.copyfile(item.beside[0], folder / "yaml")
        moves.append((folder / "yaml", item.beside[1]))
    if item.memory is not None:
        (folder / "memory").write_text(pins.memory_of(digest, item.memory.stem), encoding="utf-8")
        moves.append((folder / "memory", item.memory))
    for source, to in moves:
        source.replace(to)


def _copy(answer: Any, out: IO[bytes], digest: Any, meter: Meter, progress: Progress) -> None:
    said = _length(answer)
    if said is not None:
        meter.need(said)
    while piece := answer.read(PIECE_BYTES):
        meter.take(piece)
        out.write(piece)
        digest.update(piece)
        progress(meter.bytes, said or 0)
    if said is not None and meter.bytes != said:
        raise OSError(f"it ended after {meter.bytes} of {said} bytes")
