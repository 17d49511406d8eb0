"""Sleeps that take no time: who slept, for how long, and where."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

from ..findings import Origin


class Sleep(NamedTuple):
    """One sleep."""

    seconds: float | None  #: what the call asked for; None where it named a point in time
    task: str  #: the name of the task that slept
    origin: Origin | None  #: the line of yours that slept


class FastSleep:
    """What the fixture ``fast_sleep`` gives: the sleeps of the test so far."""

    def __init__(self, locate: Callable[[FrameType], Origin | None]) -> None:
        self._locate = locate
        self.calls: list[Sleep] = []  #: each sleep, in the order in which they began

    @property
    def total(self) -> float:
        """The sum of what the calls asked for, in seconds."""
        return sum(call.seconds or 0.0 for call in self.calls)

    def note(self, seconds: float | None, task: str, frame: FrameType) -> None:
        """A task begins to sleep."""
        self.calls.append(Sleep(seconds, task, self._locate(frame)))

    def __repr__(self) -> str:
        return f"<anyrig.FastSleep: {len(self.calls)} sleeps, {self.total:g} s>"
