"""Where a task waits: its frames, from the outermost to the one that does the waiting."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ..origins import Origins, RawFrame

# where a coroutine, a generator and an async generator keep their frame and what they wait for
_AWAITED = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def chain(coroutine: Any) -> Iterator[Any]:
    """A coroutine, what it waits for, and so on."""
    while coroutine is not None:
        names = next((pair for pair in _AWAITED if hasattr(coroutine, pair[0])), None)
        if names is None:
            break
        yield coroutine
        coroutine = getattr(coroutine, names[1])


def frames(coroutine: Any) -> list[RawFrame]:
    """The frames of a coroutine and of what it waits for, outermost first."""
    if getattr(coroutine, "cr_running", False):
        return _running(coroutine.cr_frame)
    inner = (getattr(one, name, None) for one in chain(coroutine) for name, _ in _AWAITED)
    return [
        (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        for frame in inner
        if frame is not None
    ]


def _running(outermost: FrameType) -> list[RawFrame]:
    """The frames from one of the calling code's to the calling code; none where it is no such."""
    found: list[RawFrame] = []
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        if frame is outermost:
            return found[::-1]
        frame = frame.f_back
    return []


def lines(coroutine: Any, origins: Origins) -> list[str]:
    """The user's own lines among them, two lines of text for each; else the innermost frame's."""
    found = frames(coroutine)
    shown = [frame for frame in found if origins.is_users(frame[0])] or found[-1:]
    return [line for frame in shown for line in _shown(frame, origins)]


def _shown(frame: RawFrame, origins: Origins) -> list[str]:
    from .. import source

    filename, lineno, function = frame
    return [
        f"{origins.path(filename)}:{lineno} in {function}",
        f">   {source.line(filename, lineno)}",
    ]
