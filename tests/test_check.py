"""`quintet check`: what is well is told, and every fault in one go; and that nothing is fetched but https archives."""

from __future__ import annotations

import http.server
import io
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import trustme

from quintet.engine import data_notes, fetch, named, profile
from quintet.engine.errors import BadInput
from quintet.engine.fetch import Item
from quintet.engine.journal import read
from quintet.engine.profile import FOLDER
from quintet.engine.session import Session
from tests.running import PATIENCE_S, Headless, wait_until

MICRO = FOLDER / "micro"


def check(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "quintet", "check", *words], capture_output=True, text=True, timeout=180, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_micro_is_well() -> None:
    status, said = check("micro")
    assert status == 0, said
    assert said.count("✓") == 5
    assert "ok: all 5 lanes load and run" in said
    assert "32 pictures for inference, 64 for validation" in said


TEN = f"""
colour = "red"
[[lane]]
name = "a"
task = "cls"
weights = "{MICRO}/cls.pt"
imgsz = 5
hue = 1
[[lane]]
name = "b"
task = "detect"
weights = "{MICRO}/seg.pt"
data.validation = "{MICRO}/detect.yaml"
[[lane]]
name = "c"
task = "seg"
weights = "nowhere.pt"
data.validation = "nowhere.yaml"
[[lane]]
name = "d"
task = "detect"
weights = "{MICRO}/detect.pt"
data.validation = "{MICRO}/detect.yaml"
switches.score = "loud"
[[lane]]
name = "e"
task = "detect"
weights = "{MICRO}/detect.pt"
weights_sha256 = "{"0" * 64}"
imgsz = 192
data.validation = "{MICRO}/detect.yaml"
[[lane]]
name = "f"
task = "cls"
weights = "{MICRO}/cls.pt"
imgsz = 192
data.validation = "classes.csv"
[[lane]]
name = "g"
task = "pose"
weights = "{MICRO}/pose.pt"
imgsz = 192
device = "cuda:7"
data.validation = "{MICRO}/pose.yaml"
[[lane]]
name = "h"
task = "obb"
weights = "{MICRO}/obb.pt"
imgsz = 192
device = "cpu"
data.validation = "{MICRO}/obb.yaml"
"""


@pytest.mark.slow
def test_an_interrupted_check_calls_nothing_well(tmp_path: Path) -> None:
    profile = tmp_path / "slow.toml"
    lane = '[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\n'
    profile.write_text(f'name = "slow"\n{lane}env.QUINTET_SLEEP_HOLD = "{tmp_path}/never"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "quintet", "check", str(profile)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: bool(psutil.Process(process.pid).children()), "its worker")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "· a (cls): not loaded" in out
    assert out.endswith("interrupted: not all lanes were seen\n")


def test_ten_different_faults_are_told_in_one_go(tmp_path: Path) -> None:
    shutil.copy(next((MICRO / "val").iterdir()), tmp_path / "one.png")
    (tmp_path / "classes.csv").write_text("file,class\none.png,unicorn\n")
    (tmp_path / "ten.toml").write_text(TEN)
    status, said = check(str(tmp_path / "ten.toml"))
    assert status == 2
    for words in (
        "unknown key `colour`", "`imgsz` is 5", "unknown key `hue`", "seg.pt is a seg model", "no weights at",
        "nowhere.yaml",
        "score has no level 'loud'", "is not the file that `weights_sha256` pins", "unicorn",
        'device "cuda:7" is not available',
    ):  # fmt: skip
        assert words in said, said
    assert said.count("    ✗") == 7
    assert "✓ h" in said
    assert "10 faults" in said


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """An https server on this machine that is trusted; its address, and the folder it serves."""
    authority = trustme.CA()
    folder = tmp_path / "served"
    folder.mkdir()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.path == "/to-http":
                self.send_response(302)
                self.send_header("Location", "http://localhost:1/x.zip")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    serving = http.server.ThreadingHTTPServer(("localhost", 0), Quiet)
    serving.socket = context.wrap_socket(serving.socket, server_side=True)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    yield f"https://localhost:{serving.server_port}", folder
    serving.shutdown()
    thread.join()
    serving.server_close()


def packed(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def test_an_archive_becomes_its_folder_and_nothing_leaves_it(server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = server
    (folder / "coco8.zip").write_bytes(packed("coco8/images/a.jpg", "coco8/../../../escaped.txt"))
    told: list[tuple[int, int]] = []
    to = tmp_path / "deep" / "datasets" / "coco8"
    fetch.fetch(Item("coco8", f"{address}/coco8.zip", to, archive=True), lambda done, of: told.append((done, of)))
    assert (to / "images" / "a.jpg").read_text() == "x"
    assert told[-1][0] == told[-1][1] > 0
    assert [path.name for path in to.parent.iterdir()] == ["coco8"]
    assert all(path.is_relative_to(to) for path in tmp_path.rglob("escaped.txt"))


def test_weights_come_whole_or_not_at_all(server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = server
    (folder / "yolo11n.pt").write_bytes(b"weights")
    to = tmp_path / "weights" / "yolo11n.pt"
    fetch.fetch(Item("yolo11n.pt", f"{address}/yolo11n.pt", to, archive=False), lambda done, of: None)
    assert to.read_bytes() == b"weights"
    with pytest.raises(BadInput, match=r"cannot be fetched: (Not Found|File not found).* Try again"):
        fetch.fetch(
            Item("x.pt", f"{address}/x.pt", tmp_path / "weights" / "x.pt", archive=False), lambda done, of: None
        )
    assert [path.name for path in to.parent.iterdir()] == ["yolo11n.pt"]


def test_a_redirect_away_from_https_is_not_followed(server: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not https"):
        fetch.fetch(Item("x", f"{server[0]}/to-http", tmp_path / "x", archive=True), lambda done, of: None)


@pytest.mark.parametrize(
    "download",
    ["http://example.org/x.zip", "https://example.org/x.py", "import os\nos.system('touch ran')", "ftp://x/x.zip"],
)
def test_a_download_that_is_no_https_archive_is_refused(tmp_path: Path, download: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"path: nowhere\nval: images\nnames: [a]\ndownload: {download!r}\n")
    (tmp_path / "mine.toml").write_text(
        f'[[lane]]\nname = "a"\ntask = "detect"\nimgsz = 192\nweights = "{MICRO}/detect.pt"\ndata.validation = "mine.yaml"\n'
    )
    before = sorted(tmp_path.iterdir())
    status, said = check(str(tmp_path / "mine.toml"), "--fetch")
    assert status == 2
    assert "is no https archive" in said
    assert sorted(tmp_path.iterdir()) == before


def test_named_files_are_asked_for_at_ultralytics_and_lie_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
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
    assert named.path_of("ultralytics:../../x.yaml").name == "no-such-name"


def others(folder: Path, data: str, **keys: str) -> Path:
    """A profile of one detect lane on the CPU; `data` is its data keys as TOML."""
    path = folder / "mine.toml"
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    lane = f'name = "a"\ntask = "detect"\nimgsz = 64\ndevice = "cpu"\nweights = "{MICRO}/detect.pt"\n'
    path.write_text(f"[[lane]]\n{lane}{data}\n{more}")
    return path


def some_pictures(folder: Path, names: list[str]) -> None:
    """Micro pictures and their labels in Ultralytics' layout, under these names."""
    for sub in ("images/val", "labels/val"):
        (folder / sub).mkdir(parents=True)
    for number, name in enumerate(names):
        shutil.copy(MICRO / f"val/{number:06d}.jpg", folder / f"images/val/{name}.jpg")
        shutil.copy(MICRO / f"labels/detect/{number:06d}.txt", folder / f"labels/val/{name}.txt")


@pytest.mark.slow
def test_a_set_whose_classes_do_not_fit_is_a_warning_and_every_file_is_listed(tmp_path: Path) -> None:
    some_pictures(tmp_path, [f"p{number}" for number in range(12)])
    (tmp_path / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star]\n")

    status, said = check(str(others(tmp_path, 'data.validation = "data.yaml"')), "--list")

    assert status == 1, said
    left_out = [line for line in said.splitlines() if line.startswith("    left out")]
    assert f"⚠ {len(left_out)} of the 12 validation pictures are left out" in said
    assert 1 <= len(left_out) < 12
    assert all("unknown class" in line and "/images/val/p" in line for line in left_out)
    assert "✓ a (detect)" in said
    assert "\n1 warning, " in said


@pytest.mark.slow
def test_a_lane_with_pictures_for_inference_only_is_ok(tmp_path: Path) -> None:
    profile = others(tmp_path, f'data.inference = "{MICRO}/val"', switches='{ mode = "inference" }')

    status, said = check(str(profile))

    assert status == 0, said
    assert "64 pictures for inference, 0 for validation" in said


@pytest.mark.slow
def test_names_in_any_bytes_are_checked_and_run(tmp_path: Path) -> None:
    """Korean file names out of a zip file: the pictures are used, one broken one is named with replacement signs."""
    korean = os.fsdecode("가".encode("cp949"))
    some_pictures(tmp_path, [f"p{number}{korean}" for number in range(4)])
    Path(tmp_path / f"images/val/{korean}.jpg").write_bytes(b"nothing")
    (tmp_path / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star, bolt, fish]\n")
    profile = others(tmp_path, 'data.validation = "data.yaml"\ndata.inference = "images/val"')

    status, said = check(str(profile), "--list")
    assert status == 1, said
    assert said.count("left out  validation, corrupt") == said.count("left out  inference, corrupt") == 1
    assert "\N{REPLACEMENT CHARACTER}" in said

    run = Headless(profile, tmp_path, "--for", "1s", "--set", "all.source=path")
    assert run.end() == 0
    (lane,) = run.session().lanes
    assert lane.values[-1].images == lane.values[-1].of == 4
    assert [note.kind for note in data_notes.notes(lane)] == ["corrupt", "corrupt"]


@pytest.mark.slow
def test_a_set_in_a_folder_whose_name_is_not_utf8_runs_too(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode("가".encode("cp949"))
    some_pictures(folder, ["a", "b", "c"])
    (folder / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star, bolt, fish]\n")
    profile = others(folder, 'data.validation = "data.yaml"')

    run = Headless(profile, folder, "--for", "1s")

    assert run.end() == 0, run.errors.read_text()
    (lane,) = run.session().lanes
    assert lane.values[-1].images == 3


@pytest.mark.slow
def test_a_study_on_the_readmes_five_lines_has_every_cell(tmp_path: Path) -> None:
    """Only `data.validation`: the mode inference uses its pictures, which is said, and no block is refused."""
    some_pictures(tmp_path, [f"p{number}" for number in range(8)])
    (tmp_path / "data.yaml").write_text("val: images/val\nnames: [arrow, kite, egg, house, cross, star, bolt, fish]\n")
    profile = others(tmp_path, 'data.validation = "data.yaml"', switches='{ mode = "inference" }')

    run = Headless(profile, tmp_path, "--for", "1s")

    assert run.end() == 0
    (lane,) = run.session().lanes
    assert lane.ready is not None
    assert lane.ready.info["refusals"] == {
        "score=inline": "accuracy needs labels, which a has for its validation data only: switch data as well",
        "score=thread": "accuracy needs labels, which a has for its validation data only: switch data as well",
    }
    assert len(lane.rows) > 0
    assert "the mode inference uses the pictures of data.validation" in run.errors.read_text()


def test_a_plan_whose_lanes_lack_data_is_refused_before_anything_starts(tmp_path: Path) -> None:
    profile = others(tmp_path, f'data.inference = "{MICRO}/val"', switches='{ mode = "inference" }')

    done = subprocess.run(
        [sys.executable, "-m", "quintet", "study", str(profile), "--headless"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == (
        "quintet: mine: a has no `data.validation`, which validation and withoutval need. Add it to the profile, "
        "or leave a out with --lanes.\n"
    )


def test_a_plan_that_a_lane_would_refuse_does_not_begin(tmp_path: Path) -> None:
    profile = tmp_path / "one.toml"
    profile.write_text('[[lane]]\nname = "a"\ntask = "detect"\nbackend = "sleep"\n')
    log = tmp_path / "log.msgpack"
    words = [
        "ab",
        str(profile),
        "--switch",
        "data",
        "--levels",
        "inference,validation",
        "--headless",
        "--log",
        str(log),
    ]

    done = subprocess.run([sys.executable, "-m", "quintet", *words], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "a cannot be set to data inference: data inference has no labels: score stays off on it" in done.stderr
    session = Session()
    session.fold(read(log))
    assert session.blocks == []
