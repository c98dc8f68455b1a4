"""The fold of a log's events into a session, and what is asked of it. Pure."""
