"""A plan on the simulated machine, written as a journal at once: tens of minutes of it in some seconds."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from quintet.cli.output import print_path
from quintet.engine.errors import BadInput
from quintet.engine.journal.format import JournalBroken
from quintet.engine.journal.writer import Journal
from quintet.engine.plan.simulated_machine import Machine, services
from quintet.engine.plan.simulation import rehearse
from quintet.engine.profile.schema import Profile
from quintet.engine.protocol import requests
from quintet.engine.protocol.backends import facts
from quintet.engine.protocol.events import End, Samples, Start
from quintet.engine.storage import locations
from quintet.engine.supervisor import plan_runner
from quintet.engine.supervisor.manifest import manifest

SAID_S = 5.0


def is_simulated(profile: Profile) -> bool:
    """Whether all its lanes are simulated. Raises BadInput when only some are: they would share no device."""
    kinds = {facts(lane.backend).one_process for lane in profile.lanes}
    if len(kinds) > 1:
        raise BadInput(f"{Path(profile.path).name}: all lanes are simulated or none. Change `backend`.")
    return kinds == {True}


def carry_out(profile: Profile, asked: requests.Plan, log: Path | None) -> int:
    """Write the journal of a plan in simulated time; its path alone to stdout. Raises BadInput."""
    levels = [lane.levels() for lane in profile.lanes]
    plan = plan_runner.made(asked, profile.seed, [lane.name for lane in profile.lanes], dict(enumerate(levels)))
    begin_ns = time.monotonic_ns()
    machine = Machine(services([lane.task for lane in profile.lanes]), levels, plan.seed, begin_ns=begin_ns)
    path = locations.new_journal(profile.name, log)
    try:
        journal = Journal(path)
    except OSError as error:
        raise BadInput(locations.unwritable(path, error)) from error
    print_path(path)
    said, images = time.monotonic(), [0] * len(levels)
    try:
        for frame in rehearse(plan, machine):
            told = frame
            if isinstance(frame, Start):
                told = Start(frame.format, frame.t_ns, time.time_ns(), manifest(profile, []))
            elif isinstance(frame, Samples):
                images[frame.lane] += len(frame.rows)
            elif isinstance(frame, End):
                told = End(frame.t_ns, frame.reason, {"images": images})
            journal.append(told)
            if time.monotonic() - said > SAID_S:
                said = time.monotonic()
                print(f"{(machine.now_ns - begin_ns) / 60e9:.1f} simulated minutes", file=sys.stderr, flush=True)
        journal.close()
    except JournalBroken as error:
        print(f"fault (disk): {error}", file=sys.stderr)
        return 1
    return 0
