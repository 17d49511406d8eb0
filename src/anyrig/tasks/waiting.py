"""Where a task waits: its frames, from the outermost to the one that does the waiting."""

from __future__ import annotations

from collections.abc import Iterator
from types import FrameType
from typing import Any

from .. import polled, safe
from ..origins import Origins, RawFrame, frame_within, raw_frames
from ..own import sys, traceback
from ..seams.cpython.asyncgen import wrapped
from ..seams.unittest_mock import is_async_mock

# where a coroutine, a generator and an async generator keep their frame and what they wait for
_AWAITED = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


def chain(coroutine: Any) -> Iterator[Any]:
    """A coroutine, what it waits for, and so on."""
    while coroutine is not None:
        names = next((pair for pair in _AWAITED if hasattr(coroutine, pair[0])), None)
        if names is not None:
            yield coroutine
            coroutine = getattr(coroutine, names[1])
        else:
            coroutine = wrapped(coroutine)


def frames(coroutine: Any) -> list[RawFrame]:
    """The frames of a coroutine and of what it waits for, outermost first."""
    if getattr(coroutine, "cr_running", False):
        return _running(coroutine.cr_frame)
    inner = (frame_within(one) for one in chain(coroutine))
    return raw_frames((frame, frame.f_lineno) for frame in inner if frame is not None)


def _running(outermost: FrameType) -> list[RawFrame]:
    """The frames from one of the calling code's to the calling code; none where it is no such."""
    walk = list(traceback.walk_stack(sys._getframe()))
    index = next((n for n, (frame, _) in enumerate(walk) if frame is outermost), None)
    return [] if index is None else raw_frames(walk[: index + 1])[::-1]


def awaited(coroutine: Any, origins: Origins) -> str | None:
    """What a coroutine waits for, in words: "the Event `ready`"; None where it can't be told.

    It is the object whose method the user's innermost line awaits, under the name that this line
    has for it, with who holds it and, where tracemalloc is on, where it was made.
    """
    user: FrameType | None = None
    inner: FrameType | None = None  # the one below the user's innermost
    for one in chain(coroutine):
        frame = frame_within(one)
        if frame is None:
            continue
        if origins.is_users(frame.f_code.co_filename):
            user, inner = frame, None
        elif inner is None:
            inner = frame
    if user is None or inner is None or "self" not in inner.f_locals:
        return None
    return _in_words(inner.f_locals["self"], user, origins)


def _in_words(thing: Any, user: FrameType, origins: Origins) -> str:
    if is_async_mock(thing):
        return polled.words(thing, user.f_locals)  # and no attribute of it: a mock has them all
    name = polled.name_among(user.f_locals, thing)
    words = f"the {type(thing).__name__}" + ("" if name is None else f" `{name}`")
    statistics = getattr(thing, "statistics", None)
    owner = getattr(statistics(), "owner", None) if callable(statistics) else None
    if owner is not None:
        words += f", held by {owner.name}"
    made = _made(thing)
    if made is not None:
        frames = [(one.filename, one.lineno, "?") for one in reversed(made)]
        origin = origins.locate(frames)
        words += "" if origin is None else f", made at {origin}"
    return words


def _made(thing: Any) -> Any:
    import tracemalloc  # with pickle and more: only a report needs it

    return tracemalloc.get_object_traceback(thing)


def lines(coroutine: Any, origins: Origins) -> list[str]:
    """The user's own lines in it, two lines of text for each; else the innermost frame's."""
    return user_lines(frames(coroutine), origins)


def user_lines(found: list[RawFrame], origins: Origins) -> list[str]:
    """The user's own lines among frames, outermost first; else the innermost frame's."""
    inner = origins.within(found[::-1])[::-1]
    shown = [frame for frame in inner if origins.is_users(frame[0])] or found[-1:]
    return [line for frame in shown for line in _shown(frame, origins)]


def _shown(frame: RawFrame, origins: Origins) -> list[str]:
    from .. import source

    filename, lineno, function = frame
    text = source.line(filename, lineno)  # empty where the file is not there
    place = f"{safe.path(origins.path(filename))}:{lineno} in {function}"
    return [place, f">   {text}"] if text else [place]
