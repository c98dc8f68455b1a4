"""The commands that carry out a plan: what was asked becomes a plan, and what it will buy is said before it starts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from quintet.cli.options import checked, seconds, words
from quintet.engine.analysis.formatting import listed
from quintet.engine.errors import BadInput
from quintet.engine.plan.plan import Plan
from quintet.engine.profile.schema import Profile
from quintet.engine.protocol.backends import facts

ProfileName = Annotated[str, typer.Argument(help="A shipped profile's name, or the path of a .toml file.")]
Minutes = Annotated[float | None, typer.Option("--minutes", help="How long the plan may take, warm-up not counted.")]
Rounds = Annotated[int | None, typer.Option("--rounds", help="Number of rounds, instead of --minutes.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed for the block order (default: the profile's).")]
Lanes = Annotated[str | None, typer.Option("--lanes", metavar="NAME,NAME", help="Only these lanes take part.")]
Headless = Annotated[
    bool, typer.Option("--headless", help="No screen: the journal's path to stdout, progress to stderr.")
]
Log = Annotated[Path | None, typer.Option("--log", metavar="PATH", help="The journal's path; it must not exist yet.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="LANE.SWITCH=LEVEL", help="A level at the start.")]
Switch = Annotated[str, typer.Option("--switch", help="Which switch is compared.")]
Levels = Annotated[str | None, typer.Option("--levels", metavar="A,B", help="Its two levels, A first.")]
Timeout = Annotated[str, typer.Option("--start-timeout", metavar="TIME", help="How long a lane may take to be ready.")]
ACCURACY = "validation,withoutval"


def study(
    profile: ProfileName = "micro", minutes: Minutes = None, rounds: Rounds = None, seed: Seed = None,
    modes: Annotated[
        str | None, typer.Option("--modes", metavar="MODE,MODE", help="inference, validation, withoutval: which of them.")
    ] = None,
    lanes: Lanes = None, headless: Headless = False, log: Log = None, set_: Sets = None, start_timeout: Timeout = "120s",
) -> None:  # fmt: skip
    """The study's table, with intervals. Every mode, every lane alone and all together, in rounds; 15 minutes unless told."""
    asked = {
        "kind": "study",
        "minutes": minutes,
        "rounds": rounds,
        "seed": seed,
        "modes": words("--modes", modes),
        "lanes": lanes,
    }
    _carry_out(profile, asked, headless, log, set_, start_timeout)


def ab(
    profile: ProfileName = "micro", minutes: Minutes = None, rounds: Rounds = None, seed: Seed = None,
    switch: Switch = "mode", levels: Levels = None,
    regime: Annotated[
        str, typer.Option("--regime", help="together, alone (each lane in turn), or lanes' names joined by +.")
    ] = "together",
    lanes: Lanes = None, headless: Headless = False, log: Log = None, set_: Sets = None, start_timeout: Timeout = "120s",
) -> None:  # fmt: skip
    """One switch, level A against level B. In all active lanes; 5 minutes unless told."""
    asked = {
        "kind": "ab", "minutes": minutes, "rounds": rounds, "seed": seed, "switch": switch,
        "levels": _two(switch, levels), "regime": regime, "lanes": lanes,
    }  # fmt: skip
    _carry_out(profile, asked, headless, log, set_, start_timeout)


def matrix(
    profile: ProfileName = "micro", minutes: Minutes = None, rounds: Rounds = None, seed: Seed = None,
    switch: Switch = "mode", levels: Levels = None, lanes: Lanes = None, headless: Headless = False, log: Log = None,
    set_: Sets = None, start_timeout: Timeout = "120s",
) -> None:  # fmt: skip
    """Whose switch slows whom. Every lane's effect on every lane, in one run; 6 minutes unless told."""
    asked = {
        "kind": "matrix", "minutes": minutes, "rounds": rounds, "seed": seed, "switch": switch,
        "levels": _two(switch, levels), "lanes": lanes,
    }  # fmt: skip
    _carry_out(profile, asked, headless, log, set_, start_timeout)


def observe(
    profile: ProfileName = "micro", minutes: Minutes = None, rounds: Rounds = None, seed: Seed = None, lanes: Lanes = None,
    log: Log = None, set_: Sets = None, start_timeout: Timeout = "120s",
) -> None:  # fmt: skip
    """What the screen costs the lanes. Measured on a screen of its own; 5 minutes unless told."""
    asked = {"kind": "observe", "minutes": minutes, "rounds": rounds, "seed": seed, "lanes": lanes}
    _carry_out(profile, asked, True, log, set_, start_timeout, observed=True)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line, once."""
    if not any(command.name == "study" for command in app.registered_commands):
        app.command(name="study")(study)
        app.command(name="ab")(ab)
        app.command(name="matrix")(matrix)
        app.command(name="observe")(observe)


def _two(switch: str, levels: str | None) -> list[str]:
    """Two levels: as asked, else accuracy on and off, else the switch's first two."""
    from quintet.engine.protocol.switches import BY_NAME

    found = words("--levels", levels if levels is not None or switch != "mode" else ACCURACY)
    if found is None:
        known = BY_NAME[switch].levels if switch in BY_NAME else ()
        found = [str(level) for level in known[:2]]
    return found


def _carry_out(
    name: str, asked: dict[str, Any], headless: bool, log: Path | None, sets: list[str] | None, start_timeout: str,
    observed: bool = False,
) -> None:  # fmt: skip
    """Check the plan, say what it buys, run it. Raises BadInput with one sentence."""
    from quintet.cli import sessions, simulate
    from quintet.engine.plan import plan as plans
    from quintet.engine.protocol import requests
    from quintet.engine.supervisor import plan_runner

    profile = checked(name, sets)
    asked["lanes"] = _lanes(profile, asked["lanes"])
    try:
        levels = {number: lane.levels() for number, lane in enumerate(profile.lanes)}
        request = requests.plan(asked)
        plan = plan_runner.made(request, profile.seed, [lane.name for lane in profile.lanes], levels)
    except ValueError as error:
        raise BadInput(f"{error}.".replace("..", ".")) from error
    _refuse_missing_data(profile, plan)
    simulated = simulate.is_simulated(profile)
    if headless or simulated:
        print(f"{plans.buys(plan)}; seed {plan.seed}", file=sys.stderr, flush=True)
    if simulated:
        raise typer.Exit(simulate.carry_out(profile, request, log))
    options = sessions.Asked(
        profile=profile, sets=sets or [], for_s=None, log=log, start_timeout_s=seconds("--start-timeout", start_timeout),
        forks=True, linger_s=None, plan=request, observed=observed,
    )  # fmt: skip
    raise typer.Exit(sessions.headless(options) if headless else sessions.on_screen(options))


def _refuse_missing_data(profile: Profile, plan: Plan) -> None:
    """Raises BadInput when a lane lacks the data that one of the plan's modes needs."""
    needing = (
        [str(mode) for mode in plan.levels if mode in ("validation", "withoutval")] if plan.switch == "mode" else []
    )
    lacking = [lane.name for number, lane in enumerate(profile.lanes)
               if number in plan.lanes and facts(lane.backend).has_models and not lane.data.validation]  # fmt: skip
    if needing and lacking:
        raise BadInput(
            f"{profile.name}: {listed(lacking)} {'has' if len(lacking) == 1 else 'have'} no `data.validation`, which "
            f"{listed(needing)} need. Add it to the profile, or leave {listed(lacking)} out with --lanes."
        )


def _lanes(profile: Profile, names: str | None) -> list[int] | None:
    wanted = words("--lanes", names)
    if wanted is None:
        return None
    known = [lane.name for lane in profile.lanes]
    for name in wanted:
        if name not in known:
            raise BadInput(f"--lanes {names}: there is no lane {name!r}. The lanes are {', '.join(known)}.")
    return [known.index(name) for name in wanted]
