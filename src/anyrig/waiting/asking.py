"""A predicate that is asked again and again, until it gives something true.

Problem: nothing tells when what it asks about has changed.
Approach: it is asked after each turn of the loop in which anything ran, before the loop waits, so
that no virtual clock jumps over a moment in which it was true. A thread has the loop turn every few
milliseconds of real time, for what other threads change. One that is async is awaited in the task
that waits, after such a turn.
Limits: on uvloop, which tells nothing of its turns, it is asked every few milliseconds alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from outcome import Error, Value, capture

from .bell import Bell

EVERY = 0.002  # seconds between two times that other threads may have changed something


class Asking:
    """One predicate, and who waits for it."""

    def __init__(self, predicate: Callable[[], Any], bell: Bell) -> None:
        self._predicate = predicate
        self._bell = bell
        self._context = copy_context()
        self._answer: Value[Any] | Error | None = None
        self._is_async = False
        # whether its own awaits make the loop turn: no reason to ask again
        self._is_busy = True
        self.last: Any = None

    async def ask(self) -> Any:
        """Ask in the running task; raises what it raises."""
        __tracebackhide__ = True
        self._is_busy = True
        answer, self._answer = self._answer, None
        value = self._predicate() if answer is None else answer.unwrap()
        if inspect.isawaitable(value):
            self._is_async = True
            value = await value
        self.last = value
        return value

    def wait(self) -> None:
        """The task is about to wait for the bell."""
        self._bell.mute()
        if not self._is_async:
            self._is_busy = False

    def look(self) -> None:
        """A turn of the loop has ended."""
        if self._is_async:
            # the first one is that in which it was asked
            if self._is_busy:
                self._is_busy = False
            else:
                self._bell.ring()
        elif not self._is_busy:
            # a checker takes what returns Any for what never returns
            asked: Callable[..., Value[Any] | Error] = capture
            answer = self._context.run(asked, self._predicate)
            if isinstance(answer, Error) or answer.value:
                self._is_busy, self._answer = True, answer
                self._bell.ring()
            else:
                self.last = answer.value
