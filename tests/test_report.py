"""`quintet report` as a person meets it: formats, files, exit statuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from quintet.engine.journal.writer import Journal
from quintet.engine.plan import plan
from tests.engine.report.made import effects_ms
from tests.making import NAMES
from tests.planned import planned
from tests.test_cli import quintet


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("logs") / "ab.msgpack"
    journal = Journal(path)
    for frame in planned(plan.ab(NAMES, rounds=6), effects_ms()):
        journal.append(frame)
    journal.close()
    return str(path)


def test_every_format_goes_to_the_output_or_to_a_file(log: str, tmp_path: Path) -> None:
    for form, begins in (
        ("text", "With accuracy"),
        ("md", "With accuracy"),
        ("json", "{"),
        ("html", "<!doctype html>"),
    ):
        ran = quintet("report", log, "--format", form)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(begins)
        out = tmp_path / f"report.{form}"
        ran = quintet("report", log, "--format", form, "--out", str(out))
        assert ran.stdout == f"{out}\n"
        assert out.read_text().startswith(begins)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "report.json",
        "report.md",
        "report.text",
    ]


def test_the_files_ending_chooses_and_nothing_is_overwritten_unasked(log: str, tmp_path: Path) -> None:
    out = tmp_path / "a.json"
    assert quintet("report", log, "--out", str(out)).returncode == 0
    assert json.loads(out.read_text())["schema"] == 1
    out.write_text("mine")
    ran = quintet("report", log, "--out", str(out))
    assert (ran.returncode, ran.stderr.count("\n"), "Give --force" in ran.stderr) == (2, 1, True)
    assert out.read_text() == "mine"
    assert quintet("report", log, "--out", str(out), "--force").returncode == 0
    assert json.loads(out.read_text())["schema"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_log_or_a_special_file_is_never_replaced(log: str, tmp_path: Path) -> None:
    own = tmp_path / "own.msgpack"
    shutil.copy(log, own)
    before = own.read_bytes()
    for words in (("report", str(own)), ("export", str(own), "--format", "perfetto")):
        ran = quintet(*words, "--out", str(own), "--force")
        assert (ran.returncode, ran.stderr) == (
            2, f"quintet: {own} is a log, and a log is never overwritten. Give another path.\n",
        )  # fmt: skip
        pipe = tmp_path / "pipe"
        if not pipe.exists():
            os.mkfifo(pipe)
        ran = quintet(*words, "--out", str(pipe), "--force")
        assert (ran.returncode, "is no plain file" in ran.stderr) == (2, True)
        assert pipe.is_fifo()
    assert own.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--format", "pdf"), "--format pdf: there are text, md, json, html."),
        (("--outcome", "speed"), "--outcome speed: there are infer, predict, scored, request, cycle, images_per_s."),
        (("--outcome", ""), "--outcome : there are infer, predict"),
        (("--margin", "-1"), "--margin -1: give a number from 0 to 1000000."),
        (("--margin", "1e9"), "--margin 1e+09: give a number from 0 to 1000000."),
        (("--burn-in", "nan"), "--burn-in nan: give a number from 0 to 1000000."),
        (("--burn-in-images", "9" * 400), "give a number from 0 to 1000000."),
        (("--block-images", "1000000000"), "--block-images 1000000000: give a number from 0 to 1000000."),
        (("--strict",), "--strict is about --fail-if. Give an expression with it"),
        (("--out", "/nowhere/at/all/a.md"), "there is no folder"),
        (("--out", "/proc/a.md"), "cannot be written"),
        (("--fail-if", "nonsense"), "write TABLE.LANE > NUMBER"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_printed(log: str, words: tuple[str, ...], says: str) -> None:
    ran = quintet("report", log, *words)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert says in ran.stderr


def test_limits_are_status_3_and_the_report_is_there_all_the_same(log: str, tmp_path: Path) -> None:
    out = tmp_path / "a.md"
    slow, quick = "accuracy_off.together.detect > 10", "accuracy_off.together.detect > 60"
    ran = quintet("report", log, "--fail-if", quick, "--fail-if", slow, "--out", str(out))
    assert ran.returncode == 3
    assert out.exists()
    assert "> 10 % holds" in ran.stderr
    assert quintet("report", log, "--fail-if", quick).returncode == 0
    rate = ("--outcome", "images_per_s", "--fail-if", "accuracy_off.together.detect < -3")
    assert quintet("report", log, *rate).returncode == 0


def test_a_limit_on_what_there_is_none_of_is_status_2_and_costs_neither_the_report_nor_other_limits(
    log: str, tmp_path: Path
) -> None:
    out = tmp_path / "a.md"
    ran = quintet(
        "report", log, "--fail-if", "accuracy_off.alone.cls > 1", "--fail-if", "accuracy_off.together.detect > 10",
        "--out", str(out),
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, f"{out}\n")
    assert "there are accuracy_off.together" in ran.stderr
    assert "> 10 % holds" in ran.stderr
    assert out.read_text().startswith("With accuracy")
    ran = quintet("report", log, "--fail-if", "bogus > 1")
    assert (ran.returncode, ran.stdout[:13], ran.stderr.count("\n")) == (2, "With accuracy", 1)


def test_without_an_interval_it_is_a_warning_and_strict_is_3(tmp_path: Path) -> None:
    path = tmp_path / "short.msgpack"
    journal = Journal(path)
    for frame in planned(plan.ab(NAMES, rounds=2), effects_ms()):
        journal.append(frame)
    journal.close()
    words = ("report", str(path), "--fail-if", "accuracy_off.together.detect > 10")
    ran = quintet(*words)
    assert (ran.returncode, "has no interval (too few rounds)" in ran.stderr) == (0, True)
    assert quintet(*words, "--strict").returncode == 3


def test_another_burn_in_reaches_planned_blocks(log: str) -> None:
    usual, longer = (json.loads(quintet("report", log, "--format", "json", *words).stdout)
                     for words in ((), ("--burn-in", "3")))  # fmt: skip
    assert longer["cells"][0]["images"] < usual["cells"][0]["images"]
    assert "burn in 3 s" in longer["session"]["method"]["rules"]
