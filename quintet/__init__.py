"""quintet: a terminal monitor and live experiment bench for vision models that share one machine."""

__version__ = "0.1.0"
