"""docs/journal.md is enough to read a journal: a reader written from that page alone agrees with quintet.load."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import quintet
from tests.engine.frames.made import lively, written

READER = """
import json, sys, zlib
import msgpack

content = open(sys.argv[1], "rb").read()
HEAD = b"\\x94\\xa5check\\xcf"

def number(at, size):
    return int.from_bytes(content[at:at + size], "big")

def values(stretch):
    unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=1 << 30)
    unpacker.feed(stretch)
    return list(unpacker)

events, left_out, begin, search = [], [], 0, 0
while (at := content.find(HEAD, search)) >= 0:
    offset, length, crc32 = number(at + 8, 8), number(at + 17, 4), number(at + 22, 4)
    if offset + length != at:
        search = at + 1
        continue
    if offset == begin and zlib.crc32(content[begin:at]) == crc32:
        events += values(content[begin:at])
    else:
        left_out.append([begin, at])
    begin = search = at + 26
unverified = len(content) - begin
events += values(content[begin:])

_, version, t_ns, wall_ns, manifest = events[0][:5]
assert events[0][0] == "start" and version == 1
names = [lane["name"] for lane in manifest["lanes"]]
times = {}
for kind, *fields in events:
    if kind == "samples":
        lane, arm, first_seq, rows = fields[:4]
        for row in rows:
            if not row[12] & 1:
                times.setdefault(f"{names[lane]} {arm}", []).append(row[7])
means = {key: sum(own) / len(own) / 1e6 for key, own in times.items()}
assert "quintet" not in sys.modules
print(json.dumps({"means": means, "left_out": left_out, "unverified": unverified}))
"""


@pytest.mark.parametrize("hurt", [False, True])
def test_forty_lines_from_the_documentation_agree_with_load(tmp_path: Path, hurt: bool) -> None:
    path = written(tmp_path / "log", lively(2), check_every=40)
    if hurt:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content + b"\x93")
    ran = subprocess.run([sys.executable, "-c", READER, path], stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(ran.stdout)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = quintet.load(path)
    timed = loaded.samples[~loaded.samples.warm_up]
    expected = timed.groupby(["lane", "arm"], observed=True).predict.mean()
    assert found["means"] == pytest.approx({f"{lane} {arm}": mean for (lane, arm), mean in expected.items()})
    assert len(found["means"]) > 8
    named = [f"bytes {begin} to {end} do not pass their check and were left out" for begin, end in found["left_out"]]
    assert named == [note for note in loaded.notes if note.startswith("bytes")]
    assert len(named) == hurt
    assert found["unverified"] == int(hurt)
