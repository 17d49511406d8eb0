"""What interrupts a call that holds the thread of the tests, from another thread.

Problem: a signal does, and the test, or the code under test, may take ours for itself, ignore it,
or give it back to the system, which then ends the process by it.
Approach: two signals are ours, of those that nobody has a use for. Their handlers are looked at
before each use, and at the beginning of each phase others take the place of those that are gone.
Where none is left, an exception is set in the thread.
Limits: that ends no call that stays in C. A handler that is set by a C function (`faulthandler`,
say) can't be seen; then the other signal is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from .own import signal, threading
from .seams.cpython import raising

_MANY = 2  # signals that are ours at a time
_NAMES = ("SIGUSR2", "SIGUSR1", "SIGALRM")  # where there are no real-time signals


def _candidates() -> Iterator[int]:
    # nobody has a use for the last real-time signals; the others have their meanings
    last, first = getattr(signal, "SIGRTMAX", 0), getattr(signal, "SIGRTMIN", 0)
    yield from range(last - 2, first, -1)
    yield from (getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class Interrupts:
    """Calls a handler in the thread of the tests, where that can be had."""

    def __init__(self, thread: int, handler: Callable[[int, FrameType | None], object]) -> None:
        self._thread = thread
        self._handler = handler
        self._ours: list[int] = []
        self.lost: list[str] = []  # the names of the signals that somebody has taken away

    @property
    def signals(self) -> tuple[int, ...]:
        """Those that are ours, as far as we know."""
        return tuple(self._ours)

    def ensure(self) -> None:
        """Take what is needed; to be called in the thread of the tests."""
        are_all = len(self._ours) == _MANY and all(map(self._is_ours, self._ours))
        if are_all or not self._is_of_use():
            return
        self._drop_lost()
        for number in _candidates():
            if len(self._ours) == _MANY:
                break
            if number not in self._ours and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._handler)
                self._ours.append(number)

    def unblock(self) -> None:
        """Let them come, where an earlier test has left all signals blocked."""
        if self._ours and hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, self._ours)

    def send(self, number_of_try: int) -> bool:
        """Interrupt the thread; each time by another signal, as one may be blocked.

        From any thread. False where none is ours any more: see `raise_there`.
        """
        if not hasattr(signal, "pthread_kill"):
            return False
        self._drop_lost()
        if not self._ours:
            return False
        signal.pthread_kill(self._thread, self._ours[number_of_try % len(self._ours)])
        return True

    def raise_there(self, error: BaseException, kind: type[BaseException]) -> bool:
        """Raise an exception in the thread at its next instruction; ``kind`` takes it."""

        def fill(self: BaseException) -> None:
            kind.__init__(self, error)

        return raising.raise_in(self._thread, type(kind.__name__, (kind,), {"__init__": fill}))

    def words(self) -> str:
        """What was taken away, as a sentence with a space after it; empty where nothing was."""
        if not self.lost:
            return ""
        return f"Somebody has taken {' and '.join(self.lost)} away, which it was to be ended by. "

    def close(self) -> None:
        """Give back what is still ours."""
        for number in self._ours:
            if self._is_ours(number):
                signal.signal(number, signal.SIG_DFL)
        self._ours.clear()

    def _is_of_use(self) -> bool:
        # handlers run in the main thread alone
        is_main = self._thread == threading.main_thread().ident
        return is_main and hasattr(signal, "pthread_kill")

    def _is_ours(self, number: int) -> bool:
        handler: Any = signal.getsignal(number)
        return bool(handler == self._handler)

    def _drop_lost(self) -> None:
        for number in [one for one in self._ours if not self._is_ours(one)]:
            self._ours.remove(number)
            name = _name(number)
            if name not in self.lost:
                self.lost.append(name)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
