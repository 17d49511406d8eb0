"""The version of anyrig, read by the build."""

__version__ = "0.1.0"
