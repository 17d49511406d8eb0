"""A predicate that is asked again and again, until it gives something true.

Problem: nothing tells when what it asks about has changed.
Approach: it is asked after each turn of the loop in which anything ran, before the loop waits, so
that no virtual clock jumps over a moment in which it was true. A thread has the loop turn every few
milliseconds of real time, for what other threads change. One that is async is awaited in the task
that waits, after such a turn: its own turns are no reason to ask again. Two of them would be a
reason for each other for ever, and keep a virtual clock where it is: so there is a limit.
Limits: on uvloop, which tells nothing of its turns, it is asked every few milliseconds alone. What
other tasks do in the turn in which an async one has ended is seen after the next.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from outcome import Error, Value

from ..clock.course import COURSE
from ..own import contextvars, inspect, outcome, time
from .bell import Bell

EVERY = 0.002  # seconds between two times that other threads may have changed something
_AT_ONCE = 20  # times that an async one is asked, at most, in so many seconds and no virtual time


class _State(Enum):
    ASKING = auto()  # it runs, or is about to
    ASKED = auto()  # an async one, until the turn is over in which it has ended
    WAITING = auto()


class Asking:
    """One predicate, and who waits for it."""

    def __init__(self, predicate: Callable[[], Any], bell: Bell) -> None:
        from ..own import anyio

        self._predicate = predicate
        self._bell = bell
        self._context = contextvars.copy_context()
        self._answer: Value[tuple[Any, bool]] | Error | None = None
        self._is_async = False
        self._state = _State.ASKING
        self._course = COURSE.get()
        self._moment: object = None
        self._count = 0  # how often it was asked in that moment
        self.last: Any = None
        self._new_scope: Callable[[], Any] = anyio.CancelScope
        self._scope: Any = None  # around an async one that is asked
        self.is_under_way = False  # whether that has given no answer yet, or was ended

    async def ask(self) -> Any:
        """Ask in the running task; raises what it raises."""
        __tracebackhide__ = True
        self._state = _State.ASKING
        answer, self._answer = self._answer, None
        value = self._predicate() if answer is None else answer.unwrap()[0]
        if inspect.isawaitable(value):
            self._is_async = True
            with self._new_scope() as scope:
                self._scope, self.is_under_way = scope, True
                value = await value
                self.is_under_way = False
            self._scope = None
            if scope.cancelled_caught:  # it is over
                return None
        self.last = value
        return value

    def stop(self) -> None:
        """The time is over: end an async one that has yet to answer. To be called in the loop."""
        if self._scope is not None:
            self._scope.cancel()

    def wait(self) -> None:
        """The task is about to wait for the bell."""
        self._bell.mute()
        self._state = _State.ASKED if self._is_async else _State.WAITING

    def look(self) -> None:
        """A turn of the loop has ended."""
        if self._state is _State.ASKED:
            self._state = _State.WAITING
        elif self._state is _State.WAITING and self._is_there():
            self._state = _State.ASKING
            self._bell.ring()

    def _is_there(self) -> bool:
        """Whether there is an answer for the task, or it is to ask."""
        if self._is_async:
            return not self._was_asked_often()
        # a checker takes what returns Any for what never returns
        asked: Callable[..., Value[tuple[Any, bool]] | Error] = outcome.capture
        answer = self._context.run(asked, self._judged)
        if isinstance(answer, Value) and not answer.value[1]:
            self.last = answer.value[0]
            return False
        self._answer = answer
        return True

    def _judged(self) -> tuple[Any, bool]:
        value = self._predicate()
        return value, bool(value)  # which may raise as well

    def _was_asked_often(self) -> bool:
        moment = (time.monotonic() // EVERY, self._course and self._course.now)
        self._count = self._count + 1 if moment == self._moment else 1
        self._moment = moment
        return self._count > _AT_ONCE
