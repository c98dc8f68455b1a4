"""Measurements. They print ratios of things run interleaved in one run, and assert no wall time."""
