"""The clock as a test sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from .course import Course
    from .holds import Holds


class Clock:
    """The virtual clock of one test: what sleeps and timeouts follow, from its setup to its end.

    It stands still while anything runs or may still happen, and then jumps to the next timer: the
    fixture ``clock`` gives it, or ``@pytest.mark.anyrig(clock="virtual")`` without the fixture.
    """

    def __init__(self, course: Course, holds: Holds) -> None:
        self._course = course
        self._holds = holds

    @property
    def autojump(self) -> bool:
        """Whether it jumps by itself; where it does not, `advance` moves it."""
        return self._course.autojump

    @autojump.setter
    def autojump(self, value: bool) -> None:
        self._course.autojump = value

    @property
    def patience(self) -> float:
        """How long what may never end holds the clock: real seconds of a standstill.

        That is a thread that the test did not hand to its loop, and a socket or a pipe of another
        process. It begins with 1; ``math.inf`` has the clock wait for them as long as it takes.
        """
        return self._holds.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._holds.patience = _checked(seconds, "patience")

    def time(self) -> float:
        """Virtual seconds since the test began, to the nanosecond.

        To the microsecond, where the loop's own clock is past 48 days.
        """
        return self._course.elapsed()

    async def advance(self, seconds: float) -> None:
        """Let so many virtual seconds pass, with all that is due on the way, in its order.

        Also where `autojump` is off. It comes back when what was due has run until it waits again.
        What holds the clock holds it here as well. Raises `ValueError` for less than nothing.
        """
        from ..own import anyio
        from ..waiting.settled import settled

        target = self._course.now + _checked(seconds, "advance")
        self._course.head_for(target)
        try:
            await anyio.sleep(seconds)
        finally:
            self._course.arrive(target)
        await settled()

    def travel(self, to: datetime | float | str | None = None) -> None:
        """Have the clocks on the wall go with this one, from here (or now) to the test's end.

        ``to`` is a `datetime`, a timestamp or an ISO date, as time-machine takes it. What moves is
        all that tells the date (`time.time`, `datetime.datetime.now`, ...) and `time.monotonic`.
        Raises `ClockError` without the extra ``wallclock``.
        """
        from .wall import WallClocks

        if self._course.wall is not None:
            self._course.wall.stop()
        self._course.wall = WallClocks(to, self._course.elapsed()).start()

    def held_by(self) -> list[str]:
        """What keeps the clock from moving at this moment, in words; nothing where it may jump."""
        return self._holds.words()

    def __repr__(self) -> str:
        return f"<anyrig.Clock at {self.time():g} s>"


def _checked(seconds: object, what: str) -> float:
    if isinstance(seconds, int | float) and seconds >= 0:  # so is no NaN
        return seconds
    raise ValueError(f"clock.{what}: {seconds!r} is no number of seconds that time can move by")
