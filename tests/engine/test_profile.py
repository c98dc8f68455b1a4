"""Profiles: what ships is sound, and every mistake gets one sentence that names the file, the lane, the key and the mend."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from quintet.engine.errors import BadInput
from quintet.engine.profile import load as profiles
from quintet.engine.profile.lane_check import peek_task
from quintet.engine.profile.load import FOLDER
from quintet.engine.profile.schema import Profile

LANE = '[[lane]]\nname = "a"\ntask = "cls"\nbackend = "sleep"\n'


def load(folder: Path, text: str, *sets: str) -> Profile:
    path = folder / "mine.toml"
    path.write_text(text)
    return profiles.load(str(path), list(sets))


def test_the_shipped_profiles_load() -> None:
    assert "micro" in profiles.names()
    micro = profiles.load("micro")
    assert [lane.task for lane in micro.lanes] == ["cls", "detect", "pose", "seg", "obb"]
    assert all(Path(lane.weights).is_absolute() and lane.weights_sha256 for lane in micro.lanes)
    assert {lane.levels()["mode"] for lane in micro.lanes} == {"validation"}


def test_defaults_fill_lanes_and_paths_are_relative_to_the_profile(tmp_path: Path) -> None:
    defaults = '[defaults]\nbackend = "sleep"\nimgsz = 96\ndata.validation = "v"\n'
    text = defaults + '[[lane]]\nname = "a"\ntask = "cls"\ndata.inference = "i"\n'
    lane = load(tmp_path, text).lanes[0]
    assert (lane.imgsz, lane.data.validation, lane.data.inference) == (96, str(tmp_path / "v"), str(tmp_path / "i"))


def test_rect_is_off_unless_a_lane_or_the_defaults_say_so(tmp_path: Path) -> None:
    lanes = '[[lane]]\nname = "a"\ntask = "seg"\n[[lane]]\nname = "b"\ntask = "seg"\nrect = {}\n'
    profile = tmp_path / "p.toml"

    profile.write_text('[defaults]\nbackend = "sleep"\n' + lanes.format("true"))
    assert [lane.rect for lane in profiles.load(str(profile)).lanes] == [False, True]

    profile.write_text('[defaults]\nbackend = "sleep"\n' + lanes.format("1"))
    with pytest.raises(BadInput, match="lane b: `rect` is 1; expected true or false"):
        profiles.load(str(profile))


def test_the_forms_of_weights(tmp_path: Path) -> None:
    lane = LANE.replace("sleep", "yolo") + 'data.validation = "v"\n'
    (tmp_path / "v").mkdir()
    for folder in ("a_openvino_model", "yolo11n.v2_openvino_model", "folder.pt", "other"):
        (tmp_path / folder).mkdir()
    for file in ("a.onnx", "file_openvino_model", "a.yaml"):
        (tmp_path / file).touch()

    for name in ("a_openvino_model", "yolo11n.v2_openvino_model", "a.onnx"):
        assert load(tmp_path, lane + f'weights = "{name}"\n').lanes[0].weights == str(tmp_path / name)
    for name in ("folder.pt", "other", "file_openvino_model", "a.yaml"):
        with pytest.raises(BadInput, match=r"cannot be loaded as weights\. Give a \.pt, \.onnx or \.engine file"):
            load(tmp_path, lane + f'weights = "{name}"\n')


def test_set_changes_one_lane_or_all(tmp_path: Path) -> None:
    two = LANE + LANE.replace('"a"', '"b"')
    changed = load(tmp_path, two, "all.mode=withoutval", "b.keep=results")
    assert [lane.levels()["score"] for lane in changed.lanes] == ["off", "off"]
    assert [lane.levels()["keep"] for lane in changed.lanes] == ["off", "results"]
    assert [lane.levels()["mode"] for lane in changed.lanes] == ["withoutval", None]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "mine.toml is not valid TOML"),
        ("colour = 1\n" + LANE, "mine.toml has an unknown key `colour`"),
        ("seed = 1\n", "1 to 16 tables"),
        (LANE * 17, "1 to 16 tables"),
        (LANE + LANE, "two lanes 'a'"),
        (LANE + "imgzs = 4\n", "mine.toml, lane a: unknown key `imgzs`. Allowed are name, task"),
        (LANE + 'imgsz = "big"\n', "mine.toml, lane a: `imgsz` is 'big'; expected a whole number, got text"),
        (LANE.replace("cls", "fly"), "`task` is 'fly'; choose one of cls, detect"),
        (LANE + "imgsz = -5\n", "mine.toml, lane a: `imgsz` is -5; expected a whole number >= 32"),
        (LANE + "threads = 0\n", "`threads` is 0; expected a whole number >= 1"),
        (LANE + "conf = 7\n", "`conf` is 7; expected a number <= 1"),
        (LANE.replace('"a"', '"a b/c"'), "a name is 1 to 24 letters, digits, - or _"),
        (LANE + "conf = nan\n", "`conf` is nan; expected a number"),
        (LANE + "max_det = 99999999999999999999999\n", "`max_det` is 99999999999999999999999; "),
        (LANE + f"imgsz = 0x{'f' * 5000}\n", "`imgsz` is a number of very many digits; "),
        (LANE + f"imgsz = {'9' * 5000}\n", "mine.toml is not valid TOML"),
        (f"x = {'[' * 5000}", "mine.toml is not valid TOML"),
        (LANE + f"switches.think = {'9' * 400}\n", "think has no level 999"),
        (f"seed = {1 << 64}\n" + LANE, "mine.toml: `seed` is 18446744073709551616; "),
        ("seed = -1\n" + LANE, "mine.toml: `seed` is -1; expected a whole number >= 0"),
        ("keep_bytes = 99999999999999999999999\n" + LANE, "mine.toml: `keep_bytes` is 99999999999999999999999; "),
        (f'name = "{"a" * 300}"\n' + LANE, "mine.toml: `name` is 'aaaa"),
        (
            'name = "a/../../b"\n' + LANE,
            "mine.toml: `name` is 'a/../../b'; a name is 1 to 64 letters, digits, -, _ or .",
        ),
        ('name = "\\u001b[31m"\n' + LANE, "mine.toml: `name` is '\\x1b[31m'; a name is"),
        ('name = "猫"\n' + LANE, "mine.toml: `name` is '猫'; a name is"),
        ('name = ".."\n' + LANE, "mine.toml: `name` is '..'; a name is"),
        (LANE + 'env."A=B" = "c"\n', "mine.toml, lane a: `env` has 'A=B'; a variable's name is not empty and has no ="),
        (LANE + 'env.A = "c\\u0000d"\n', "mine.toml, lane a: `env` has 'A'; "),
        (LANE + 'env."" = "c"\n', "mine.toml, lane a: `env` has ''; "),
        (LANE.replace('"a"', '"a\\n"'), "mine.toml, lane 'a\\n': `name` is 'a\\n'; a name is 1 to 24 letters"),
        (LANE.replace('"a"', '"a\\u001b[31m"'), "mine.toml, lane 'a\\x1b[31m': `name` is"),
        (LANE + '"\\u001b[31m" = 1\n', "mine.toml, lane a: unknown key `\\x1b[31m`"),
        (LANE.replace('"a"', '"all"'), "no lane may be called `all`"),
        (LANE.replace('task = "cls"\n', ""), "mine.toml, lane a: `task` is missing"),
        (
            LANE + 'switches = { score = "loud" }\n',
            "mine.toml, lane a: score has no level 'loud'; its levels are off, inline",
        ),
        (LANE.replace("sleep", "yolo"), "mine.toml, lane a: `weights` is missing"),
        (LANE.replace("sleep", "yolo") + 'weights = "w.pt"\n', "there are no weights at"),
        (
            LANE + 'weights_sha256 = "abc"\n',
            "lane a: `weights_sha256` is 'abc'; a SHA-256 is 64 digits from 0 to 9 and a to f",
        ),
        (LANE + f'weights_sha256 = "{"g" * 64}"\n', "a SHA-256 is 64 digits from 0 to 9 and a to f"),
        (LANE + f'weights_sha256 = "{"a" * 65}"\n', "a SHA-256 is 64 digits from 0 to 9 and a to f"),
    ],
)
def test_a_mistake_gets_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(tmp_path, text)
    assert says in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [("score=off", "LANE.SWITCH=LEVEL"), ("a.score", "LANE.SWITCH=LEVEL"), ("z.score=off", "there is no lane 'z'"),
     ("a.score=x", "score has no level 'x'"), ("a.x=1", "there is no switch 'x'"), ("a.threads=2", "fixed at start")],
)  # fmt: skip
def test_a_wrong_set_gets_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        load(tmp_path, LANE, text)


def test_a_wrong_set_is_told_as_such_and_not_as_a_fault_of_the_file(tmp_path: Path) -> None:
    two = LANE + LANE.replace('"a"', '"b"')
    with pytest.raises(BadInput) as caught:
        load(tmp_path, two, "all.mode=foo")
    said = "--set all.mode=foo: mode has no level 'foo'; its levels are inference, validation, withoutval."
    assert str(caught.value) == said
    with pytest.raises(BadInput, match="`hue`"):  # of a lane that is there, and broken: the file's own fault first
        load(tmp_path, two + "hue = 1\n", "b.score=off")


def test_what_lists_more_faults_has_the_same_sets(tmp_path: Path) -> None:
    path = tmp_path / "two lanes.toml"
    head = f'task = "detect"\nweights = "{FOLDER}/micro/detect.pt"\ndata.inference = "{tmp_path}"\n'
    head += 'switches = { data = "inference", score = "off" }\n'
    path.write_text(f'[[lane]]\nname = "a"\n{head}[[lane]]\nname = "b"\n{head}')
    assert profiles.load(str(path))
    with pytest.raises(BadInput, match=r"`data.validation` is missing.* 1 more fault: `quintet check '.*two lanes\.toml' --set "
                                       r"all\.data=validation` lists"):  # fmt: skip
        profiles.load(str(path), ["all.data=validation"])


def test_a_profile_without_a_name_is_called_as_its_file_as_far_as_a_log_can_be(tmp_path: Path) -> None:
    for file, called in (
        ("mine", "mine"),
        ("my models", "my-models"),
        ("猫", "profile"),
        (".x..", "x"),
        ("a" * 90, "a" * 64),
    ):
        path = tmp_path / f"{file}.toml"
        path.write_text(LANE)
        assert profiles.load(str(path)).name == called


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LANE.encode())
    assert [lane.name for lane in profiles.load(str(path)).lanes] == ["a"]


def test_what_stands_in_a_profiles_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "loop.toml").symlink_to("loop.toml")
    (tmp_path / "link.toml").symlink_to("nowhere")
    for name, says in (
        ("folder", "is a folder"), ("pipe", "is a pipe or a device"), ("loop", "is a link that leads in a circle"),
        ("link", "is a link that leads nowhere"), ("x" * 300, "cannot be read: File name too long"),
    ):  # fmt: skip
        with pytest.raises(
            BadInput, match=rf"{name}\.toml {says}.* A profile is a \.toml file, or one that ships: micro"
        ):
            profiles.load(str(tmp_path / f"{name}.toml"))
    for name in ("", "~nobody-of-this-name/x.toml"):
        with pytest.raises(BadInput, match="There is no profile"):
            profiles.load(name)


def test_an_unknown_profile_names_those_that_ship(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"There is no profile 'nano'\. Use one that ships \(micro"):
        profiles.load("nano")
    with pytest.raises(BadInput, match="There is no profile at"):
        profiles.load(str(tmp_path / "x.toml"))


def test_weights_of_another_task_are_found_without_unpickling(tmp_path: Path) -> None:
    weights = FOLDER / "micro" / "seg.pt"
    assert peek_task(weights) == "seg"
    text = f'[[lane]]\nname = "a"\ntask = "detect"\nweights = "{weights}"\n'
    with pytest.raises(BadInput, match=r"seg\.pt is a seg model, the lane's task is detect"):
        load(tmp_path, text)


def test_peeking_never_runs_what_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    assert peek_task(path) is None
    assert not (tmp_path / "ran").exists()
    path.write_bytes(b"no zip")
    assert peek_task(path) is None


def test_data_that_is_missing_is_named(tmp_path: Path) -> None:
    weights = FOLDER / "micro" / "detect.pt"
    head = f'[[lane]]\nname = "a"\ntask = "detect"\nweights = "{weights}"\n'
    with pytest.raises(BadInput, match=r"there is no .*/nowhere\. Check `data.inference`"):
        load(tmp_path, head + 'data.inference = "nowhere"\n')
    with pytest.raises(BadInput, match=r"`data.validation` is missing"):
        load(tmp_path, head)
    assert load(tmp_path, head + f'data.inference = "{tmp_path}"\nswitches.mode = "inference"\n')


def test_all_faults_are_found_in_one_go_and_the_sound_lanes_remain(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'colour = 1\nkeep_bytes = "much"\n' + LANE + "imgsz = 5\nconf = 2\nhue = 1\n"
        + LANE.replace('"a"', '"b"') + LANE.replace('"a"', '"b"') + '[[lane]]\nname = "c"\ntask = "cls"\n'
    )  # fmt: skip
    profile, faults = profiles.examine(str(path))
    assert [lane.name for lane in profile.lanes] == ["b", "c"]
    assert [fault.lane for fault in faults] == [None, None, "a", "a", "a", "b", "c", "c"]
    said = " ".join(fault.text for fault in faults)
    for words in ("`colour`", "`keep_bytes` is 'much'", "`imgsz` is 5", "`conf` is 2", "unknown key `hue`",
                  "two lanes 'b'", "`weights` is missing", "`data.validation` is missing"):  # fmt: skip
        assert words in said
    with pytest.raises(BadInput, match="7 more faults: `quintet check"):
        profiles.load(str(path))
