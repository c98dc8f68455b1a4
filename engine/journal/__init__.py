"""The log of one session on disk: its format, the writing end, and the reading one."""
