"""The virtual time of one test: where it stands, and whether it may move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from math import ceil
from types import FrameType
from typing import Protocol

from ..own import time

_NANOSECONDS, _MICROSECONDS = 1e9, 1e6  # in a second
# beyond it (48 days, of what may be the time since the machine was started) a sum of two values of
# a loop's clock is not exact to the nanosecond
_EXACT = 2.0**22


class Keeper(Protocol):
    """Knows what keeps the time from moving."""

    def begin(self, descriptors: Callable[[], Iterable[int]], calls: Callable[[], int]) -> None:
        """A loop begins to follow the course.

        To be asked: which descriptors it waits for, and how many calls are under way in executors.
        """

    def look(self, distance: float) -> float:
        """How many real seconds to wait before the next look; 0 where nothing keeps it.

        The distance is that to the next timer, in virtual seconds.
        """
        raise NotImplementedError

    def has_threads(self) -> bool:
        """Whether another thread is at work."""
        raise NotImplementedError

    def named(self, words: str) -> AbstractContextManager[None]:
        """Keep the time while entered, for what the words say."""
        raise NotImplementedError

    def words(self) -> list[str]:
        """What keeps it at this moment."""
        raise NotImplementedError


class Wall(Protocol):
    """Clocks that go in step."""

    def start(self) -> object:
        """The time is virtual from now on."""

    def stop(self) -> None:
        """It is real again."""

    def follow(self, elapsed: float) -> None:
        """So many virtual seconds of the test have passed."""


class Course:
    """What the loops of a test follow, one after the other."""

    # what notes each sleep, where time skips sleeps alone
    sleeps: Sleeps | None = None

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.now = 0.0  # seconds, of the clock of the loop that follows
        self._elapsed = 0  # virtual nanoseconds since the test began
        self.autojump = True
        self._targets: list[float] = []  # where `advance` is on its way to
        self.wall: Wall | None = None  # what goes in step with it

    def begin(
        self,
        now: float,
        descriptors: Callable[[], Iterable[int]],
        calls: Callable[[], int] = lambda: 0,
    ) -> None:
        """A loop whose clock says this begins to follow."""
        elapsed = self.elapsed()
        # whole numbers, for sums of them and of binary fractions are exact
        self.now = float(ceil(now)) + elapsed % 1
        self.keeper.begin(descriptors, calls)
        if self.wall is not None:
            self.wall.start()

    def end(self) -> None:
        """The loop that follows does so no more."""
        if self.wall is not None:
            self.wall.stop()

    def jump(self, when: float) -> None:
        """The time of the next timer has come."""
        # each step for itself: of sums of a large clock's values the errors would add up
        step = when - self.now
        is_exact = when < _EXACT
        self._elapsed += (
            round(step * _NANOSECONDS) if is_exact else 1000 * round(step * _MICROSECONDS)
        )
        self.now = when
        if self.wall is not None:
            self.wall.follow(self.elapsed())

    def time(self) -> float:
        """What the loop's clock says."""
        return self.now

    def elapsed(self) -> float:
        """Virtual seconds since the test began, to the nanosecond."""
        return self._elapsed / _NANOSECONDS

    def may_jump(self, when: float) -> bool:
        """Whether the time may jump to the next timer, where nothing keeps it."""
        return self.autojump or any(when <= target for target in self._targets)

    def standing(self) -> tuple[str, ...]:
        """Where it stands and why, in words."""
        held = self.keeper.words()
        if held:
            why = "held by " + ", ".join(held)
        else:
            why = "nothing holds it" if self.autojump else "`clock.autojump` is off"
        return (f"virtual time stands at {self.elapsed():g} s: {why}",)

    def head_for(self, target: float) -> None:
        """Let it jump up to here, whether or not it jumps by itself."""
        self._targets.append(target)

    def arrive(self, target: float) -> None:
        """It is there, or nobody waits for that any more."""
        self._targets.remove(target)


class Sleeps(Protocol):
    """Hears of the sleeps of a test."""

    def note(self, seconds: float | None, task: str, frame: FrameType) -> None:
        """A task begins to sleep; the frame is that of the library's function, or within.

        It sleeps for so many seconds, where that function was told so.
        """


class Skipping(Course):
    """Real time, but for what sleeps have skipped."""

    def __init__(self, keeper: Keeper, sleeps: Sleeps) -> None:
        self._ahead = 0.0  # of the real time
        super().__init__(keeper)
        self.sleeps = sleeps

    @property
    def now(self) -> float:
        """What the loop's clock says."""
        return time.monotonic() + self._ahead

    @now.setter
    def now(self, when: float) -> None:
        self._ahead = when - time.monotonic()

    def begin(
        self,
        now: float,
        descriptors: Callable[[], Iterable[int]],
        calls: Callable[[], int] = lambda: 0,
    ) -> None:
        """A loop whose clock says this begins to follow."""
        self.now = now

    def standing(self) -> tuple[str, ...]:
        """Nothing to tell: it goes on as the real one does."""
        return ()

    def jump(self, when: float) -> None:
        """The end of the next sleep has come."""
        by = when - self.now
        if by > 0:
            self._ahead += by


class Follower:
    """The clock of one loop; real until it follows a course, and whenever it does not."""

    def __init__(self) -> None:
        self._course: Course | None = None
        self.is_skipping = False  # whether the course is of sleeps alone

    def _enter(self, course: Course) -> None:
        """The clock is the course's from now on."""
        raise NotImplementedError

    def _leave(self, course: Course) -> None:
        """It is real again, and does not run back behind the course."""
        raise NotImplementedError

    def follow(self, course: Course | None) -> None:
        """Follow this course from now on, or none; to be called in the loop."""
        before = self._course
        if course is before:
            return
        self._course, self.is_skipping = None, False
        if before is not None:
            before.end()
            self._leave(before)
        if course is not None:
            self._enter(course)
            self._course, self.is_skipping = course, course.sleeps is not None


# the virtual time that the running test, and each task that descends from it, is in
COURSE: ContextVar[Course | None] = ContextVar("anyrig_course", default=None)
