"""`quintet check --fetch`: only https archives, only to its own places, only within limits, and whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quintet.engine.errors import BadInput
from quintet.engine.profile import assets as named
from quintet.engine.profile import download as fetch
from quintet.engine.profile import load, pins
from quintet.engine.profile.download import Item
from quintet.engine.profile.unpack import Limits
from tests.running import PATIENCE_S, wait_until
from tests.serving import MB, Served, archived, listing, refused, silent, zipped


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


def test_weights_come_whole_or_not_at_all(server: Served, tmp_path: Path) -> None:
    to = tmp_path / "weights" / "yolo11n.pt"
    fetch.fetch(archived(server, "yolo11n.pt", b"weights", to), silent)
    assert to.read_bytes() == b"weights"
    missing = Item("x.pt", f"{server.address}/x.pt", tmp_path / "weights" / "x.pt", archive=False)
    assert "cannot be fetched: File not found. Try again" in refused(missing, tmp_path)


def test_a_redirect_away_from_https_is_not_followed(server: Served, tmp_path: Path) -> None:
    assert "is not https" in refused(Item("x", f"{server.address}/to-http", tmp_path / "x", archive=True), tmp_path)


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
    lanes, _ = load.examine(str(mine))
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
        lanes, _ = load.examine(str(lane_of(tmp_path, path, "https://localhost:1/x.zip")))
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
    loaded, faults = load.examine("yolo11n")
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
    lanes, _ = load.examine(str(folder / "named.toml"))
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
