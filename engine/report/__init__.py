"""Reports on a session, one module a format."""
