"""The life of a session: workers, commands, the running plan, telemetry, the log."""
