"""Where logs and sessions lie, which sessions live, and how a log is opened and followed."""
