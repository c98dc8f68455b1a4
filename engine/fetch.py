"""Fetch what a profile names and is not there: `quintet check PROFILE --fetch`, the only place that opens a connection.

Only https, only files and archives; a data YAML's `download:` that is a script is refused, never run.
"""

from __future__ import annotations

import importlib.util
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from quintet.engine import named
from quintet.engine.errors import BadInput
from quintet.engine.profile import Profile

ASSETS = "https://github.com/ultralytics/assets/releases/download"
WEIGHTS_RELEASE, DATA_RELEASE = "v8.4.0", "v0.0.0"
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
PIECE_BYTES = 1 << 16
TIMEOUT_S = 30.0

Progress = Callable[[int, int], None]
"""Called with bytes so far and bytes in all, 0 when the server does not say."""


class Item(NamedTuple):
    """One thing to fetch: a file to `to`, or an archive whose folder becomes `to`."""

    name: str
    url: str
    to: Path
    archive: bool


def wanted(profile: Profile) -> list[Item]:
    """What the profile names and is not there, each once, in the profile's order. Copies Ultralytics' YAMLs.

    Raises BadInput with one sentence for what is never fetched.
    """
    found: dict[Path, Item] = {}
    for lane in profile.lanes:
        for item in (_weights(lane.weights), _data(lane.data.inference), _data(lane.data.validation)):
            if item is not None:
                found.setdefault(item.to, item)
    return list(found.values())


def _weights(given: str) -> Item | None:
    path = Path(given)
    name = named.name_of(path) if given else None
    if name is None or path.exists():
        return None
    return Item(name, f"{ASSETS}/{WEIGHTS_RELEASE}/{path.name}", path, archive=False)


def _data(given: str | None) -> Item | None:
    if given is None:
        return None
    path, name = Path(given), named.name_of(Path(given))
    if name is not None and path.suffix != ".yaml":
        return None if path.exists() else Item(name, f"{ASSETS}/{DATA_RELEASE}/{path.name}.zip", path, archive=True)
    if name is not None and not path.exists():
        _copy_yaml(path)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return None
    return _download(path, name or path.name)


def _copy_yaml(path: Path) -> None:
    """Put the YAML of this name, as the installed Ultralytics ships it, where it belongs."""
    spec = importlib.util.find_spec("ultralytics")
    folders = [Path(place) / "cfg" / "datasets" for place in spec.submodule_search_locations or ()] if spec else []
    shipped = next((folder / path.name for folder in folders if (folder / path.name).is_file()), None)
    if shipped is None:
        raise BadInput(f"Ultralytics knows no data set {path.name}. Mend `data` in the profile.")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shipped, path)


def _download(path: Path, name: str) -> Item | None:
    """The archive that a data YAML names, when its folder is not there."""
    import yaml

    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path} cannot be read as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(raw, dict) or not raw.get("download"):
        return None
    root = path.parent / str(raw.get("path") or ".")
    if root.is_dir():
        return None
    url = str(raw["download"]).strip()
    if not url.startswith("https://") or not url.endswith(ARCHIVES) or len(url.split()) > 1:
        raise BadInput(
            f"`download` in {path} is no https archive, and nothing else is fetched or run. "
            f"Put the data at {root} yourself."
        )
    return Item(name, url, root, archive=True)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        """Follow a redirect to https only."""
        if not newurl.startswith("https://"):
            raise urllib.error.URLError(f"it leads to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(item: Item, progress: Progress) -> None:
    """Fetch one item to a temporary name, then put it in its place. Raises BadInput with one sentence."""
    item.to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=item.to.parent, prefix=".fetching-") as folder:
        part = Path(folder) / item.url.rpartition("/")[2]
        try:
            opener = urllib.request.build_opener(_OnlyHttps)
            with opener.open(item.url, timeout=TIMEOUT_S) as answer, part.open("wb") as out:
                _copy(answer, out, int(answer.headers.get("Content-Length") or 0), progress)
        except (OSError, ValueError) as error:  # URLError is an OSError
            reason = getattr(error, "reason", None) or error
            raise BadInput(f"{item.url} cannot be fetched: {reason}. Try again, or put it at {item.to}.") from error
        if not item.archive:
            part.replace(item.to)
            return
        _unpack(part, Path(folder) / "out", item)


def _copy(answer: Any, out: IO[bytes], size_bytes: int, progress: Progress) -> None:
    done = 0
    while piece := answer.read(PIECE_BYTES):
        out.write(piece)
        done += len(piece)
        progress(done, size_bytes)
    if size_bytes and done != size_bytes:
        raise OSError(f"it ended after {done} of {size_bytes} bytes")


def _unpack(archive: Path, out: Path, item: Item) -> None:
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(out)  # leaves out `..` and roots by itself
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(out, filter="data")
    except (OSError, zipfile.BadZipFile, tarfile.TarError, TypeError) as error:
        raise BadInput(f"{item.url} is no archive that can be unpacked: {error}.") from error
    inside = out / item.to.name
    if not inside.is_dir():
        inside = out
    inside.replace(item.to)
