"""A thread beside pytest's own, and what it looks at: a loop that does not turn.

Problem: who is held up can't say so.
Approach: a thread looks every so often. Where the loop's thread is in the loop's own wait, all is
well, and nothing is touched: a loop that waits is never woken, so no test sees another order, and
none goes on that would not have gone on. Else a function is called when the loop comes to wait;
where that does not happen for some time, one call holds it, and the thread's frames say which, and
the looks until then what mock it asked again and again.
Limits: uvloop has to be asked to call it, and that is a turn more. A call that begins just after a
look is seen one look later. A thread makes ``os.fork()`` warn, so it ends before one and begins
again after it.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from .latches import End, Latch
from .origins import RawFrame, stack_of
from .own import os, sys, time, weakref
from .polled import Polled, Polling
from .seams.cpython import stacks

if TYPE_CHECKING:
    from anyio import TaskInfo

_LOOKS = 8  # in the time that a loop may be held


class Watchdog:
    """Calls ``look`` in a thread of its own, which answers how many seconds to wait for the next.

    The thread is no `threading.Thread`: tests that count those count their own alone.
    """

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self._bell = Latch()
        self._end = End()
        self._is_over = False
        self._native: int | None = None
        self.ident: int | None = None
        me: weakref.ref[Watchdog] = weakref.ref(self)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=lambda: _pause(me), after_in_parent=lambda: _resume(me))
        self._was_running = False

    def start(self) -> None:
        """Begin, where it has not begun."""
        if self.ident is None:
            self._is_over = False
            self._end = End()
            self.ident = _thread.start_new_thread(self._run, (self._end,))

    def stop(self) -> None:
        """End, and wait for the end."""
        if self.ident is None:
            return
        self._is_over = True
        self._bell.set()
        self._end.join()
        self.ident = None

    def wake(self) -> None:
        """Have it look now."""
        self._bell.set()

    def _run(self, end: End) -> None:
        self._native = _thread.get_native_id()
        try:
            while not self._is_over:
                self._bell.wait(self._look())
        finally:
            end.set()

    def pause(self) -> None:
        """End before a fork."""
        self._was_running = self.ident is not None
        self.stop()
        # the thread has nothing left to do, but the system may not have noticed
        task = f"/proc/self/task/{self._native}"
        for _ in range(100):
            if not (self._was_running and os.path.exists(task)):
                break
            time.sleep(0.0001)

    def resume(self) -> None:
        """Begin again after it."""
        if self._was_running:
            self._was_running = False
            self.start()


def _pause(watchdog: weakref.ref[Watchdog]) -> None:
    # uvloop starts processes by a fork of its own, in its loop: Python does not warn of that one
    names = sys._getframe(2).f_code.co_names
    alive = watchdog()
    if alive is not None and ("fork" in names or "forkpty" in names):
        alive.pause()


def _resume(watchdog: weakref.ref[Watchdog]) -> None:
    alive = watchdog()
    if alive is not None:
        alive.resume()


class Loop(Protocol):
    """What is asked of a runner."""

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way."""
        raise NotImplementedError

    def when_turns(self, function: Callable[[], object]) -> None:
        """Have a function called when the loop turns next, and don't wake it for that."""

    def infos(self) -> list[TaskInfo] | None:
        """Its tasks, as anyio tells of them, from any thread; None where it has to be asked."""

    def is_waiting(self, frame: FrameType) -> bool:
        """Whether its thread, whose innermost frame this is, is in its own wait."""
        raise NotImplementedError

    def called_in_c(self, frame: FrameType) -> str | None:
        """The name of what it has called and has no frame, "" where nobody knows it."""
        raise NotImplementedError


class Beats:
    """Knows how long a loop has not turned, from looks at it."""

    def __init__(
        self,
        thread: int,
        note: Callable[[list[RawFrame], float, Polled | None, str | None], None],
    ) -> None:
        self._thread = thread
        # called with the frames that hold a loop, innermost first, the mock asked meanwhile, and
        # the name of what the loop has called that has no frame
        self._note = note
        self._asked: float | None = None  # when the loop was asked to turn
        self._loop: Loop | None = None
        self._is_told = False
        self._polling = Polling()

    def look(self, loop: Loop | None, after: float, now: float) -> float:
        """Look once; the seconds until the next look."""
        pause = after / _LOOKS
        frame = stacks.frame_of(self._thread)
        if loop is None or frame is None or not loop.is_busy or loop.is_waiting(frame):
            self._forget()
            return pause
        asked = self._asked  # the loop may turn at any moment, and forget it
        if asked is None or self._loop is not loop:
            self._asked, self._loop, self._is_told = now, loop, False
            self._polling = Polling()
            loop.when_turns(self._turned(now))
        elif not self._is_told and not stacks.is_debugged(frame):
            self._look_at_held(frame, now - asked, after, loop.called_in_c(frame))
        return pause

    def _look_at_held(
        self, frame: FrameType, seconds: float, after: float, called: str | None
    ) -> None:
        polling = self._polling
        polling.look(frame)
        if seconds >= after:
            self._is_told = True
            polled = polling.polled()
            stack = stack_of(frame) if polled is None else list(polled.stack)
            self._note(stack, after, polled, called)

    def _forget(self) -> None:
        self._asked = None
        self._polling = Polling()  # it holds mocks

    def _turned(self, asked: float) -> Callable[[], None]:
        def turned() -> None:
            if self._asked == asked:
                self._forget()

        return turned
