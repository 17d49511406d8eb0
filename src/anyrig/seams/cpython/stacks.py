"""What the threads of this process are doing at the moment.

Problem: a loop that waits may be woken by another thread, unless there is none that does anything.
Approach: ``sys._current_frames()`` has the innermost frame of each thread, also of those that
``threading`` does not list. A pool's thread that waits for work is known by the frame it waits in:
concurrent.futures' ``_worker``, trio's ``_work`` and its wait for I/O, and the ``run`` of anyio's
workers, which wait in a queue.
Limits: a thread in a wait of its own may wake somebody or nobody; it counts as busy. Seen on
CPython 3.11 to 3.13, anyio 4.13 to 4.16, trio 0.32 to 0.35.
"""

from __future__ import annotations

import sys
from collections.abc import Container
from types import FrameType
from typing import Any

_IDLE = (
    ("/concurrent/futures/thread.py", "_worker"),
    ("/trio/_core/_thread_cache.py", "_work"),
    ("/trio/_core/_io_epoll.py", "get_events"),
    ("/trio/_core/_io_kqueue.py", "get_events"),
    ("/trio/_core/_io_windows.py", "get_events"),
)
_QUEUES = ("/threading.py", "/queue.py")
_WAITS = ("/selectors.py", "/asyncio/windows_events.py")
_DEBUGGERS = ("/pdb.py", "/bdb.py", "/pydevd.py", "/pydevd_frame.py")


def threads() -> frozenset[int]:
    """The ids of all threads that run Python code."""
    return frozenset(sys._current_frames())


def busy_threads(known: Container[int | None]) -> list[int]:
    """The ids of the threads that do something or wait for it, known ones and idle pools' aside."""
    return [
        ident
        for ident, frame in sys._current_frames().items()
        if ident not in known and not _is_idle(frame)
    ]


def frame_of(thread: int) -> FrameType | None:
    """The innermost frame of a thread."""
    return sys._current_frames().get(thread)


def work_of(thread: int) -> Any:
    """What a thread of concurrent.futures' pool runs at the moment, a ``_WorkItem``; or None."""
    frame = frame_of(thread)
    while frame is not None:
        if frame.f_code.co_name == "run" and _path(frame).endswith(_IDLE[0][0]):
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


def is_waiting(frame: FrameType) -> bool:
    """Whether a frame is that of an asyncio event loop that waits for I/O or for time."""
    if not _path(frame).endswith(_WAITS):
        return False
    outer = frame.f_back
    while outer is not None and outer.f_code.co_name != "_run_once":
        # nothing but a selector's own `select` and what stands in its place is between
        if outer.f_code.co_name not in ("select", "_poll", "ours"):
            return False
        outer = outer.f_back
    return outer is not None


def is_debugged(frame: FrameType | None) -> bool:
    """Whether somebody sits at a debugger's prompt in it."""
    while frame is not None:
        if _path(frame).endswith(_DEBUGGERS):
            return True
        frame = frame.f_back
    return False


def _is_idle(frame: FrameType | None) -> bool:
    is_queued = False
    while frame is not None and _path(frame).endswith(_QUEUES):
        is_queued = True
        frame = frame.f_back
    if frame is None:
        return False
    path, name = _path(frame), frame.f_code.co_name
    if is_queued and name == "run" and path.endswith("/anyio/_backends/_asyncio.py"):
        return True
    return any(path.endswith(end) and name == function for end, function in _IDLE)


def _path(frame: FrameType) -> str:
    return frame.f_code.co_filename.replace("\\", "/")
