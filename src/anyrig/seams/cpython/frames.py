"""The innermost frame of each thread of this interpreter.

Problem: ``sys._current_frames()`` makes frames for the threads of all interpreters, out of the
memory of the one that asks. Since Python 3.12 another one may have a lock and a memory of its own,
frees them as its own, and the process is aborted (seen on CPython 3.13.0: ``free(): invalid
pointer``). Approach: where there is another one, nothing is asked. ``_interpreters.list_all``, on
Python 3.12 ``_xxsubinterpreters.list_all``, knows them all; who makes one has imported it.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from ...own import sys

_NAMES = ("_interpreters", "_xxsubinterpreters")


def current() -> dict[int, FrameType] | None:
    """The frames by the ids of their threads; None while there are other interpreters."""
    if sys.version_info >= (3, 12):
        modules = (sys.modules.get(name) for name in _NAMES)
        known: Any = next((module for module in modules if module is not None), None)
        if known is not None and len(known.list_all()) > 1:
            return None
    return sys._current_frames()


def of(thread: int | None) -> FrameType | None:
    """The innermost frame of the thread of this id, where it can be told."""
    return (current() or {}).get(thread or 0)
