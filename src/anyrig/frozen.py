"""A clock that a test has frozen, and the loop's with it.

Problem: freezegun, or a mock of `time.monotonic`, stops the loop's clock as well: no timer of the
loop comes due, those of ours neither.
Approach: who has replaced the clock is seen in the module `time`, and that it stands by reading it
twice; then a thread of ours knows the real time.
Limits: a clock that is frozen after we have set a timer is not noticed.
"""

from __future__ import annotations

import _thread
import time as replaced
from collections.abc import Callable
from contextlib import suppress

from .own import threading, time


def who_froze(library: str, read: Callable[[], float]) -> str | None:
    """Who stopped the clock that a library's loop reads: a package's name; None where it runs.

    ``read`` gives the loop's time. A loop may have a clock of its own that stands: nobody froze it.
    """
    name = "perf_counter" if library == "trio" else "monotonic"
    now = getattr(replaced, name)
    if now is getattr(time, name):
        return None
    before, began = read(), time.monotonic()
    while time.monotonic() == began:
        pass
    if read() != before:
        return None
    module = getattr(now, "__module__", None) or type(now).__module__
    return str(module).partition(".")[0]


def in_words(library: str, who: str) -> tuple[str, str]:
    """That the clock stands, and what to type."""
    if who == "freezegun":
        # both, whichever has frozen: the test may run on the other one as well
        how, mend = "time is frozen (freezegun)", 'freeze_time(..., ignore=["asyncio", "trio"])'
    else:
        clock = "perf_counter" if library == "trio" else "monotonic"
        how, mend = f"`time.{clock}` is replaced ({who})", "replace it in your own module alone"
    return (f"{how}: the loop's clock stands still, and no sleep and no timeout ends", mend)


def call_after(seconds: float, function: Callable[[], object]) -> Callable[[], None]:
    """Call a function in a thread after so many seconds of real time; returns what prevents it."""
    held = _thread.allocate_lock()
    held.acquire()

    def wait() -> None:
        if not held.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            function()

    def prevent() -> None:
        with suppress(RuntimeError):  # it has been prevented
            held.release()

    _thread.start_new_thread(wait, ())
    return prevent
