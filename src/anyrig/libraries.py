"""Which installed package some code is of, by the name that its users know it by."""

from __future__ import annotations


def library_of(filename: str, module: str) -> str | None:
    """The package of an installed file's code; None for a user's, and for Python's own."""
    path = filename.replace("\\", "/")
    is_installed = "/site-packages/" in path or "/dist-packages/" in path
    return module.partition(".")[0] if is_installed else None
