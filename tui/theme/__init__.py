"""Colours, signs, keys, and what the terminal can show."""
