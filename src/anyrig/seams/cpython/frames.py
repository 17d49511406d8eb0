"""The innermost frame of each thread of this interpreter.

Problem: ``sys._current_frames()`` makes frames for the threads of all interpreters, out of the
memory of the one that asks. Since Python 3.12 another one may have a lock and a memory of its own,
frees them as its own, and the process is aborted (seen on CPython 3.12.1 and 3.13.0: ``free():
invalid pointer``; told of 3.14.7 and 3.15.0rc1). Later releases leave the other interpreters out:
3.13.18, 3.14.10 and 3.15.2 stood a million calls beside two of them. Approach: before these, where
there is another one, nothing is asked. ``_interpreters.list_all``, on Python 3.12
``_xxsubinterpreters.list_all``, knows them all; who makes one has imported it.

Problem: who keeps what he was told while he looks at it is in it himself, and with him the frames
of all threads live until the next collection. What that then finalises together may lose an error:
a buffer beside a view of it raises ``BufferError`` (seen on CPython 3.13.0).
Approach: of the thread that asks, the frame is given from which that one was called who asks.
Limits: two threads that ask in the same moment may find each other.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from ...own import sys, threading
from ..needs import Need, Table, optional

# minor version -> the first release that was seen to leave other interpreters out
_HARMLESS = {13: 18, 14: 10, 15: 2}
_NAMES = ("_interpreters", "_xxsubinterpreters")


_PART = "frames of threads beside other interpreters"
NEEDS = Table(
    Need("the frames of threads", "sys", "", ("_current_frames",)),
    *(optional(_PART, name, "", ("list_all",)) for name in _NAMES),
)


def is_harmless(version: tuple[int, int, int]) -> bool:
    """Whether the frames of threads can be asked for beside other interpreters.

    All interpreters of Python 3.11 share a lock and a memory.
    """
    _, minor, micro = version
    return minor < 12 or minor > max(_HARMLESS) or micro >= _HARMLESS.get(minor, micro + 1)


IS_HARMLESS = is_harmless(sys.version_info[:3])


def current() -> dict[int, FrameType] | None:
    """The frames by the ids of their threads; None where that would harm other interpreters.

    That of this thread is the one that has called who asks.
    """
    if not IS_HARMLESS:
        modules = (sys.modules.get(name) for name in _NAMES)
        known: Any = next((module for module in modules if module is not None), None)
        if known is not None and (NEEDS.gone() or len(known.list_all()) > 1):
            return None
    found = sys._current_frames()
    asker = sys._getframe(1)
    found[threading.get_ident()] = asker.f_back or asker
    return found


def of(thread: int | None) -> FrameType | None:
    """The innermost frame of the thread of this id, where it can be told."""
    return (current() or {}).get(thread or 0)
