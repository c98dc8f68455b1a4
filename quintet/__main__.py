"""Where a `quintet` process begins: the console script, and `python -m quintet`.

Nothing is imported or changed here until `main` is called, so that a program may import any part of quintet.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Make this process ready for the command line, then run it."""
    # Until something is started Ctrl-C simply ends this process: an exception that is raised amid imports can be swallowed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for number in range(3):  # a closed one would be the next file's, and what is printed would land in it
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout, sys.stderr = (old or open(os.devnull, "w") for old in (sys.stdout, sys.stderr))  # noqa: SIM115, PTH123

    from quintet.cli import main as cli

    cli.main()


if __name__ == "__main__":
    main()
