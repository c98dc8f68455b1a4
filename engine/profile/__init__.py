"""Profiles: reading and checking them, and what they name."""
