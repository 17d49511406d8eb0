"""Imports of our own modules that pytest does not rewrite.

Problem: pytest rewrites the asserts in all modules of a plugin, and then reads them in a slow way
of its own: half of what anyrig adds to the start of a run, and each one anew where nothing is kept
from the last run, as in a fresh container.
Approach: a finder of ours stands before pytest's, and finds our modules as Python does. Their
asserts are for ourselves, and show nothing to a user.
Limits: `anyrig` itself and this module are read before it is there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_OURS = (f"{__package__}.", f"{__package__}_compat.")


class PlainFinder:
    """A `importlib.abc.MetaPathFinder` for the modules of this package and of its shim."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module of ours is; None for all others."""
        return PathFinder.find_spec(fullname, path) if fullname.startswith(_OURS) else None


def install() -> None:
    """Have our modules found by us, to the end of the process: some are imported late."""
    if PlainFinder not in sys.meta_path:
        sys.meta_path.insert(0, PlainFinder)
