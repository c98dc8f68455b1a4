"""Profiles that ship with quintet: the TOML files, and what they point to."""
