"""Where a test is that goes on: told while it runs, and at the end of a run that Ctrl-C has ended.

Problem: a run that hangs shows a dot too few, and whoever ends it never learns where it was.
Approach: the watchdog's thread looks how long the test has been running. After some time, and each
time that has doubled, the loop is asked where its tasks wait; where it does not turn, the thread's
frames say what holds it. That goes to the standard error that the process had before pytest
captured it. What Ctrl-C interrupts is noted before any of it ends.
Limits: the first async test starts the looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from . import columns, safe
from .origins import Origins, raw_frames, stack_of
from .own import os, sys, time, traceback, weakref
from .seams import anyio as anyio_seam
from .seams.cpython import stacks
from .watchdog import Loop

if TYPE_CHECKING:
    from .rulings import Watch

_GRACE = 1.0  # seconds that a loop may take to turn before the thread's frames are told
_HINT = (
    "It goes on. anyrig_timeout ends a test that takes too long; anyrig_tell_after",
    "sets when this is told.",
)


class Whereabouts:
    """Knows how long the running test has been running, and what to say of it."""

    def __init__(
        self, origins: Origins, thread: int, standing: Callable[[], Sequence[str]]
    ) -> None:
        self._origins = origins
        self._thread = thread  # that the tests run in
        self._standing = standing  # says where virtual time stands
        self._output: int | None = None  # the descriptor that is written to
        # the test of the last look, which it does not keep
        self._test: Callable[[], Watch | None] = lambda: None
        self._since = 0.0  # when it was seen first, by `time.perf_counter`
        self._due = 0.0  # when it is to be told
        self._asked: float | None = None  # when the loop was asked
        self.interrupted: list[str] = []  # the picture of the last interrupt, under its title

    # -- the run ---------------------------------------------------------------------------------

    def start(self) -> None:
        """The run begins; nothing is captured yet."""
        with suppress(AttributeError, OSError, ValueError):  # there may be none, or none of its own
            self._output = os.dup(sys.stderr.fileno())

    def stop(self) -> None:
        """The run ends."""
        if self._output is not None:
            os.close(self._output)
            self._output = None

    # -- the watchdog's thread -------------------------------------------------------------------

    def look(self, watch: Watch | None, runner: Loop | None, now: float) -> None:
        """Look once; tell where the test is, when that is due."""
        if watch is None:
            return
        if watch is not self._test():
            self._test, self._since, self._asked = weakref.ref(watch), now, None
            self._due = now + watch.settings.tell_after
        if now < self._due or not watch.settings.tell_after:
            return
        frame = stacks.frame_of(self._thread)
        if stacks.is_debugged(frame):
            self._put_off(now)
        elif self._asked is None:
            self._asked = now  # the loop may answer at any moment
            if not self._ask(watch, runner, frame):
                self._tell_held(watch, frame, now)
        elif now >= self._asked + _GRACE:
            self._tell_held(watch, frame, now)

    def _tell_held(self, watch: Watch, frame: FrameType | None, now: float) -> None:
        from .tasks.waiting import user_lines

        lines = user_lines(stack_of(frame)[::-1], self._origins)
        self._tell(watch, now, "This holds its thread:", _indented(lines))

    def _ask(self, watch: Watch, runner: Loop | None, frame: FrameType | None) -> bool:
        """Ask the loop that the thread runs, also where it is no runner's; whether there is one."""
        if runner is not None and runner.is_busy:
            infos = runner.infos() if frame is not None and runner.is_waiting(frame) else None
            if infos is not None:
                self._tell_tasks(watch, infos)  # who wakes it may let it go on
            else:
                runner.when_turns(lambda: self._tell_tasks(watch, runner.infos()))
            return True
        loop = stacks.loop_in(frame)
        if loop is None:
            return False
        if frame is not None and stacks.is_waiting(frame):
            from .guests import tasks_in

            self._tell_tasks(watch, tasks_in(loop))
            return True
        with suppress(RuntimeError):  # it has closed meanwhile
            loop.call_soon_threadsafe(self._tell_tasks, watch, context=anyio_seam.on_asyncio())
        return True

    # -- in the loop, or in the watchdog's thread while the loop sleeps ---------------------------

    def _tell_tasks(self, watch: Watch, infos: Sequence[Any] | None = None) -> None:
        from .guests import running_tasks
        from .tasks.tree import picture

        if watch is self._test() and self._asked is not None:
            infos = running_tasks() if infos is None else infos
            lines = [*picture(self._origins, infos), *self._standing()]
            self._tell(watch, time.perf_counter(), "Its tasks wait here:", lines)

    # -- in the thread of the tests --------------------------------------------------------------

    def interrupt(self, watch: Watch | None, infos: Sequence[Any]) -> None:
        """Ctrl-C is about to end what runs; the tasks are as anyio tells of them."""
        from .runners.base import TASK_NAME
        from .tasks.tree import picture

        # without it the test did not wait: what was raised in it has its lines
        if watch is not None and any(info.name == TASK_NAME for info in infos):
            self._note(watch, "Its tasks waited here:", picture(self._origins, infos))

    def interrupted_at(self, watch: Watch, error: KeyboardInterrupt) -> None:
        """Ctrl-C has ended a phase; where that was, where the tasks have not told."""
        from .tasks.waiting import user_lines

        frames = raw_frames(traceback.walk_tb(error.__traceback__))
        is_users = any(self._origins.is_users(frame[0]) for frame in frames)
        if is_users and not self.interrupted:
            lines = user_lines(frames, self._origins)
            self._note(watch, "It was here:", _indented(lines))

    def _note(self, watch: Watch, heading: str, lines: Iterable[str]) -> None:
        title = f"interrupted: {watch.place.test}, in its {watch.place.phase.value}"
        self.interrupted = [safe.line(title), heading, "", *safe.lines(lines), ""]

    # -- wording ---------------------------------------------------------------------------------

    def _tell(self, watch: Watch, now: float, heading: str, lines: Iterable[str]) -> None:
        seconds = now - self._since
        self._put_off(now)
        title = f"anyrig: {watch.place.test} has been running for {seconds:.1f} s."
        shown = ["", safe.line(title), heading, "", *safe.lines(lines), "", *_HINT, ""]
        text = "\n".join(shown)
        output = self._output
        if output is not None:
            with suppress(OSError):  # nobody reads it any more
                os.write(output, text.encode(errors="backslashreplace"))

    def _put_off(self, now: float) -> None:
        """Until twice the time has passed."""
        self._due, self._asked = now + (now - self._since), None


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"   {line}" for line in columns.fitted(lines, columns.TERMINAL - 3)]
