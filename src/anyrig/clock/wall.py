"""The clocks on the wall, moved in step with virtual time: for code that reads them itself.

Problem: a loop's timers follow virtual time, and code that compares `time.time()` does not.
Approach: time-machine (the extra ``wallclock``) moves what tells the date, in every module, for it
changes the functions themselves. It leaves `time.monotonic` alone, which is replaced in `time`.
Limits: who has imported `monotonic` by name keeps the real one, as ``threading`` and ``queue`` do.
What waits in a thread by ``time.monotonic()`` waits as long as virtual time stands still.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Self
from unittest.mock import patch

from ..findings import ClockError

_NANOSECONDS = 10**9


class WallClocks:
    """What `time.time`, `datetime.now` and `time.monotonic` say while virtual time goes by."""

    def __init__(self, to: datetime | float | str | None, elapsed: float) -> None:
        self._machine: Any = _time_machine()
        self._began = elapsed  # virtual seconds of the test
        self._moved = 0  # nanoseconds since
        self._to = time.time() if to is None else to
        self._monotonic = time.monotonic_ns()
        self._travel: Any = None
        self._patches: list[Any] = []
        self._traveller: Any = None

    def start(self) -> Self:
        """Begin, or go on after `stop`."""
        if self._travel is not None:
            return self
        self._travel = self._machine.travel(self._to, tick=False)
        self._traveller = self._travel.start()
        self._traveller.shift(self._moved / _NANOSECONDS)
        self._patches = [
            patch.object(time, "monotonic", lambda: self._monotonic_ns() / _NANOSECONDS),
            patch.object(time, "monotonic_ns", self._monotonic_ns),
        ]
        for one in self._patches:
            one.start()
        return self

    def stop(self) -> None:
        """Let the clocks tell the real time."""
        if self._travel is not None:
            self._travel.stop()
            self._travel = None
            for one in self._patches:
                one.stop()

    def follow(self, elapsed: float) -> None:
        """So many virtual seconds of the test have passed."""
        moved = round((elapsed - self._began) * _NANOSECONDS)
        if self._travel is not None:
            self._traveller.shift((moved - self._moved) / _NANOSECONDS)
        self._moved = moved

    def _monotonic_ns(self) -> int:
        return self._monotonic + self._moved


def _time_machine() -> Any:
    try:
        import time_machine
    except ImportError:
        raise ClockError(
            "clock.travel needs the package time-machine: pip install 'anyrig[wallclock]'"
        ) from None
    return time_machine
