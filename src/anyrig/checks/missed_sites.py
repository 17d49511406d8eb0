"""The expression that a missed await is about: from the line that made the coroutine outwards.

What a function returns it hands to its caller, which is where it was to be awaited; so the walk
goes from the innermost frame up, as long as the coroutine is what the function returns.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import sites, source
from ..origins import Origins, RawFrame, is_in_between
from ..own import ast
from ..sites import How, Path, Scope
from .missed_await import Missed


class Found(NamedTuple):
    """Where a coroutine was to be awaited, as far as the source tells."""

    frame: RawFrame
    how: How
    file: source.File
    paths: list[Path]
    handed_by: tuple[str, ...] = ()  # the functions that returned it, the innermost first

    @property
    def node(self) -> ast.expr:
        node = self.paths[0][-1]
        assert isinstance(node, ast.expr)
        return node


class Dropped(NamedTuple):
    """A library's line that made a coroutine and has not returned it."""

    frame: RawFrame


def find(origins: Origins, missed: Missed, names: frozenset[str]) -> Found | Dropped | None:
    """The expression, or the library's line that made it for itself; None where nothing tells."""
    frames = list(missed.frames)
    if missed.mock is not None or not (missed.exact or missed.is_far):
        first = origins.users_frame(frames)
        frames = frames[frames.index(first) :] if first is not None else []
    classes = frozenset(missed.name.split(".")[:-1])
    handed_by: tuple[str, ...] = ()
    last: Found | None = None
    for frame in frames:
        if is_in_between(frame[0]):
            if last is not None:  # what a mock was told to call: nobody's to await above it
                return last
            continue
        is_users = origins.is_users(frame[0])
        file = source.parsed(frame[0])
        found = None if file is None else sites.find(file, frame[1], names, classes)
        if file is None or found is None:
            return None if is_users else Dropped(frame)
        how, paths = found
        if not _is_handed_up(how, paths, missed):
            return Found(frame, how, file, paths, handed_by) if is_users else Dropped(frame)
        last = Found(frame, how, file, paths, handed_by) if is_users else None
        names = frozenset({frame[2]})
        handed_by += (frame[2],)
    return None


def _is_handed_up(how: How, paths: list[Path], missed: Missed) -> bool:
    """Whether a function gives it to its caller; what a test gives, nobody gets."""
    if how is How.PASSED or len(paths) != 1 or not sites.is_returned(paths[0]):
        return False
    around = sites.around(paths[0])
    if around.scope is Scope.LAMBDA:
        return True
    test = (missed.place.test or "").rpartition("::")[2].partition("[")[0]
    return around.scope is Scope.SYNC and getattr(around.node, "name", None) != test
