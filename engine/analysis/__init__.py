"""Blocks, contrasts, intervals, verdicts and tables. Pure: no clock, no files."""
