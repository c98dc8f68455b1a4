"""Lanes without a model: sleeping and simulated ones."""
