"""Async mocks that are awaited again and again: which, and how often.

Problem: who asks a mock in a loop until it gives what it never gives spins for ever, and the frames
of a spinning thread are the mock library's.
Approach: each look at a loop that is held notes the mocks whose calls are under way, and how often
each was awaited by then. One that was at work in most looks, and was awaited many times in between,
is what the loop is held with.
Limits: the count begins with the first look that finds the mock at work. Where the code around it
takes more time than the mock, that code is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

from .origins import RawFrame, stack_of
from .seams.unittest_mock import is_double, mock_name, mocks_at_work

MANY = 100  # who asks so often asks without end


class Polled(NamedTuple):
    """A mock that was awaited many times: its words ("the double `store.poll`"), and how often.

    ``others`` are the names of those that were awaited beside it; ``stack`` is that of the code
    which was last seen asking it, innermost first.
    """

    words: str
    name: str
    is_double: bool
    times: int
    others: tuple[str, ...] = ()
    stack: Sequence[RawFrame] = ()


@dataclass(slots=True)
class _Seen:
    mock: Any
    name: str
    before: int  # how often it was awaited before it was seen
    looks: int = 0  # that have found it at work
    stack: Sequence[RawFrame] = ()  # of the code that asks it, innermost first


class Polling:
    """What the looks at one held loop have found."""

    def __init__(self) -> None:
        self._looks = 0
        self._seen: dict[int, _Seen] = {}  # by the mock's id

    def look(self, frame: FrameType) -> None:
        """Note the mocks that a thread is in, by its innermost frame."""
        self._looks += 1
        for mock, caller in mocks_at_work(frame):
            seen = self._seen.get(id(mock))
            if seen is None:
                name = _name(mock, caller.f_locals)
                seen = self._seen[id(mock)] = _Seen(mock, name, mock.await_count)
            seen.looks += 1
            # not the last look's: that one may find the code beside the line that asks
            seen.stack = stack_of(caller)

    def polled(self) -> Polled | None:
        """The mock that the loop is held with; None where it is something else."""
        all_seen = list(self._seen.values())
        if 2 * sum(seen.looks for seen in all_seen) < self._looks:
            return None
        found = [(seen, seen.mock.await_count - seen.before) for seen in all_seen]
        found = sorted((one for one in found if one[1] >= MANY), key=lambda one: -one[0].looks)
        if not found:
            return None
        (first, times), *others = found
        polled = _polled(first.mock, first.name, times, [seen.name for seen, _ in others])
        return polled._replace(stack=first.stack)


def words(mock: Any, names: Mapping[str, Any]) -> str:
    """A mock that a task is in; how often it was awaited in all, where that is many times."""
    polled = _polled(mock, _name(mock, names), mock.await_count)
    times = f", awaited {polled.times:,} times" if polled.times >= MANY else ""
    return polled.words + times


def name_among(names: Mapping[str, Any], thing: object) -> str | None:
    """The name that a frame's variables have for a thing: a variable, or an attribute of one."""
    for name, value in names.items():
        if value is thing:
            return name
    for name, value in names.items():
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict):
            for attribute, one in attributes.items():
                if one is thing:
                    return f"{name}.{attribute}"
    return None


def _name(mock: Any, names: Mapping[str, Any]) -> str:
    """The name its author gave it; else the one that the code which calls it has for it."""
    name = mock_name(mock)
    is_named = name != type(mock).__name__
    return name if is_named else name_among(names, mock) or name


def _polled(mock: Any, name: str, times: int, others: Iterable[str] = ()) -> Polled:
    ours = is_double(mock)
    kind = "double" if ours else type(mock).__name__
    return Polled(f"the {kind} `{name}`", name, ours, times, tuple(others))
