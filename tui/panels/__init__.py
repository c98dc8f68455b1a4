"""Panels over the screen."""
