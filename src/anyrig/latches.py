"""What one thread sets and another waits for, whatever the handler of a signal raises.

Problem: `threading.Event` holds a lock for some of Python's own instructions. A handler that
raises between two of them (Ctrl-C, the end of a test's time) leaves the lock held, and whoever asks
for the event next waits for ever.
Approach: a lock of the interpreter's, let go to set the latch and taken to wait for it. Each is one
call of C, before or after which a handler runs.
Limits: one thread waits at a time, and the wait that hears of it takes it back.
"""

from __future__ import annotations

import _thread
from contextlib import suppress

_AGAIN = 0.1  # seconds: who was cut off may have taken what was set


class Latch:
    """Set once, it lets one wait pass."""

    def __init__(self) -> None:
        self._held = _thread.allocate_lock()
        self._held.acquire()

    def set(self) -> None:
        """Let who waits go on, or who is going to; from any thread."""
        with suppress(RuntimeError):  # it was set
            self._held.release()

    def wait(self, seconds: float) -> bool:
        """Whether it was set, within so many seconds; it is not any more."""
        return self._held.acquire(timeout=seconds)


class End(Latch):
    """The end of a thread, which may be waited for again where a handler has cut the wait off."""

    def __init__(self) -> None:
        super().__init__()
        self._has_come = False

    def set(self) -> None:
        """The thread has nothing left to do."""
        self._has_come = True
        super().set()

    def join(self) -> None:
        """Wait until it is set."""
        while not self._has_come:
            self.wait(_AGAIN)
