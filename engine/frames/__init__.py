"""A journal as pandas data frames, for analysis after the fact, and its export to files. Columns: docs/frames.md."""

from quintet.engine.frames.load import Frames, HurtJournal, load

__all__ = ["Frames", "HurtJournal", "load"]
