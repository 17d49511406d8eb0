"""What could wake a loop that waits for nothing it knows of: other threads, handlers of signals.

What was there before the tests began is told apart: threads that ran when the run began, handlers
of signals that plugins have set. So are pytest-timeout's own timer and handler, which end a test
and wake no loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .known import without_known
from .origins import Origins, stack_of
from .own import signal, threading
from .seams import pytest_timeout
from .seams.cpython import stacks


class Wakers:
    """Knows what wakes no loop, and asks whether anything else is there."""

    def __init__(self, thread: int, patterns: Callable[[], Iterable[str]] = tuple) -> None:
        self._thread = thread  # of the tests
        self._patterns = patterns  # of the threads that a setting names
        self.threads: frozenset[int] = frozenset()
        self._handlers: dict[int, Any] = {}

    def know_threads(self) -> None:
        """Take the threads that there are for such as wake no loop."""
        self.threads = stacks.threads()

    def know_handlers(self) -> None:
        """Take the handlers of signals that there are for such as wake no loop."""
        self._handlers = _handlers()

    def one(self, watchdog: int | None, signals: tuple[int, ...]) -> int | str | None:
        """A thread's id, or the name of a signal with a handler; None where nothing is there.

        0 stands for all threads, where nobody knows what they do. The thread and the signals
        given are ours.
        """
        busy = stacks.busy_threads({*self.threads, self._thread, watchdog})
        for ident in without_known(busy, self._patterns):
            if not pytest_timeout.is_timer(stacks.frame_of(ident) if ident else None):
                return ident
        for number, handler in _handlers().items():
            # Ctrl-C is trio's own
            if number == signal.SIGINT or number in signals:
                continue
            if handler is not self._handlers.get(number) and not _is_idle(handler):
                return _name(number)
        return None

    def words(self, one: int | str, origins: Origins) -> str:
        """What `one` has found, in words."""
        if isinstance(one, str):
            return f"a handler of {one} could wake a task"
        if not one:
            return stacks.why_unknown()
        name = next((each.name for each in threading.enumerate() if each.ident == one), "?")
        origin = origins.locate(stack_of(stacks.frame_of(one)))
        where = "" if origin is None else f" ({origin})"
        return f"the thread `{name}`{where} is at work, and could wake a task"


def _is_idle(handler: object) -> bool:
    return handler in (signal.SIG_DFL, signal.SIG_IGN) or pytest_timeout.is_handler(handler)


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
