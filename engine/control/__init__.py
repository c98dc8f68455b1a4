"""The control socket of a session: what clients ask, and what the supervisor replies."""
