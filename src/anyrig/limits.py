"""What ends a test that takes too long or waits for ever, and tells what holds its loop.

Problem: a test that hangs takes the run with it, and nobody is told why.
Approach: a thread looks at the time and at the loop. A test that is too late is ended where it
waits, in its own loop; where the loop does not turn, or there is none, a signal raises the error
in the call that holds it. A loop notes that it waits for nothing it knows of; where the looks find
nothing else that could wake it, that is a deadlock.
Limits: what goes on whatever is raised in it is ended with the process, its stack on the terminal.
C code that keeps the interpreter to itself can't be ended. On Windows there is no such signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from . import frozen
from .backends import running_library, who_froze_it
from .findings import Finding, FindingError, Kind, Place, Policy
from .origins import Origins, RawFrame
from .own import os, signal, threading, time, traceback
from .polled import Polled
from .report import words
from .seams import anyio as anyio_seam
from .seams.cpython import stacks
from .watchdog import Beats, Watchdog
from .whereabouts import Whereabouts

if TYPE_CHECKING:
    import pytest

    from .rulings import Rulings, Watch
    from .runner_host import RunnerHost
    from .runners import Runner
    from .settings import Settings

_GRACE = 1.0  # seconds that a loop may take to turn before it counts as held
_PAUSE = 0.1  # seconds between two looks
_MOST = 10  # times that the end of a test is put off
_LOOKS = 3  # that have to see the same wait before it is a deadlock
_SIGNALS = ("SIGUSR2", "SIGUSR1", "SIGALRM")  # the first that nobody has a use for is ours
_EXIT_STATUS = 1


class Run(Protocol):
    """What the limits ask of the run: a rig."""

    config: pytest.Config
    origins: Origins
    rulings: Rulings
    runners: RunnerHost
    watch: Watch | None

    @property
    def current_settings(self) -> Settings:
        """The settings of the running test."""
        raise NotImplementedError


@dataclass(eq=False)
class Limit:
    """The time that one test has."""

    watch: Watch
    seconds: float
    deadline: float  # of `time.perf_counter`, which no test moves
    tries: int = 0  # how often its end was tried
    put_off: int = 0  # and how often a runner was being made or was at work itself just then
    error: FindingError | None = None  # what this phase of it was ended with
    is_due: bool = False  # whether the signal is for it, however often that comes in a phase
    is_open: bool = False  # whether a phase of the test runs that an error may be raised in

    def enter(self) -> None:
        """A phase of the test begins; after one that was ended, it has the whole time."""
        if self.tries:
            self.tries, self.deadline = 0, time.perf_counter() + self.seconds
        self.is_open, self.error, self.is_due = True, None, False

    def leave(self) -> None:
        """A phase of the test has ended: nothing is raised until the next."""
        self.is_open = False


class Limits:
    """The limits of a run's tests."""

    def __init__(self, rig: Run) -> None:
        self._rig = rig
        self._thread = threading.get_ident()
        self._watchdog = Watchdog(self._look)
        self._beats = Beats(self._thread, self._note_blocked)
        self.whereabouts = Whereabouts(rig.origins, self._thread, self._standing)
        self._known: frozenset[int] = frozenset()
        self._handlers: dict[int, Any] = {}
        self._signal: int | None = None
        self._stuck: object = None  # the wait that the last look saw, and how many looks have
        self._looks = 0
        self.limit: Limit | None = None
        # what the watchdog has seen, until the phase ends: where, the frames that hold a loop, and
        # the mock that it asked meanwhile
        self.blocked: list[tuple[Place, list[RawFrame], float, Polled | None]] = []

    # -- the run ---------------------------------------------------------------------------------

    def start(self) -> None:
        """The run begins: what threads and handlers of signals there are now wakes no loop."""
        self._known = stacks.threads()
        self._handlers = _handlers()
        self._rig.runners.made = self.watch_loops
        self._rig.runners.interrupted = self._note_interrupt
        self.whereabouts.start()

    def stop(self) -> None:
        """The run ends."""
        self._watchdog.stop()
        self.whereabouts.stop()
        if self._signal is not None:
            signal.signal(self._signal, signal.SIG_DFL)
            self._signal = None

    def known_threads(self) -> frozenset[int]:
        """The threads that were there when the run began, and pytest's own."""
        return self._known | {self._thread}

    def watch_loops(self) -> None:
        """Begin to look at loops, where it has not begun: something async is about to run."""
        if self._watchdog.ident is not None:
            return
        settings = self._rig.current_settings
        are_on = settings.is_on(Kind.BLOCKED_LOOP) or settings.is_on(Kind.DEADLOCK)
        if are_on or settings.tell_after:
            self._watchdog.start()

    # -- the time of a test ----------------------------------------------------------------------

    def begin(self, watch: Watch) -> None:
        """A test begins that has a limit."""
        seconds = watch.settings.timeout
        self.limit = Limit(watch, seconds, time.perf_counter() + seconds)
        if self._signal is None and threading.current_thread() is threading.main_thread():
            self._choose_signal()
        self._watchdog.start()
        self._watchdog.wake()
        self.limit.enter()

    def _choose_signal(self) -> None:
        if not hasattr(signal, "pthread_kill"):
            return
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._interrupt)
                self._signal = number
                return

    # -- the watchdog's thread ---------------------------------------------------------------------

    def _look(self) -> float:
        now = time.perf_counter()
        settings = self._rig.current_settings
        runner = self._rig.runners.current
        pause = _PAUSE
        if settings.is_on(Kind.BLOCKED_LOOP):
            pause = min(pause, self._beats.look(runner, settings.blocked_loop_after, now))
        if runner is not None and runner.is_busy and settings.is_on(Kind.DEADLOCK):
            self._look_at_wait(runner)
        self.whereabouts.look(self._rig.watch, runner, now)
        limit = self.limit
        if limit is None:
            return pause
        if now >= limit.deadline:
            self._try_to_end(limit, runner, now)
        return max(0.0, min(pause, limit.deadline - now))

    def _look_at_wait(self, runner: Runner) -> None:
        frame = stacks.frame_of(self._thread)
        is_waiting = frame is not None and runner.is_waiting(frame)
        if is_waiting:
            runner.ask_wait()
        if not runner.is_stuck:
            return
        wait = (runner, runner.waits)
        if not is_waiting or not self._is_alone():
            self._looks = 0
        elif wait != self._stuck:
            self._stuck, self._looks = wait, 1
        else:
            self._looks += 1
            # a pool's thread that looks idle may just be about to take what it was given
            if self._looks == _LOOKS:
                runner.call_soon(lambda: self._tell_deadlock(*wait))

    def _try_to_end(self, limit: Limit, runner: Runner | None, now: float) -> None:
        limit.tries += 1
        limit.deadline = now + _GRACE
        if stacks.is_debugged(stacks.frame_of(self._thread)):
            limit.tries = 0
        elif limit.tries == 1 and runner is not None and runner.is_busy:
            runner.call_soon(lambda: self._pass(limit, runner))
        elif not limit.is_open:
            limit.tries = 0  # between two phases: the next one is ended
        elif limit.tries < 4:
            limit.deadline = now + max(_GRACE, limit.watch.settings.cancel_timeout)
            limit.is_due = True
            if self._signal is not None:
                signal.pthread_kill(self._thread, self._signal)
        elif limit.watch.settings.policies[Kind.TIMEOUT] is Policy.FAIL:
            self._exit(limit)

    def _exit(self, limit: Limit) -> None:
        """End the process: the call that holds it can't be ended."""
        capture: Any = self._rig.config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture()
        terminal = self._rig.config.get_terminal_writer()
        frame = stacks.frame_of(self._thread)
        stack = "".join(traceback.format_stack(frame))
        terminal.line(
            f"\n\nanyrig: {limit.watch.place.test} has not ended {limit.seconds:g} s after its "
            f"beginning, and the call that holds it can't be ended. The process ends.\n\n{stack}"
        )
        terminal.flush()
        os._exit(_EXIT_STATUS)

    def _note_blocked(self, frames: list[RawFrame], seconds: float, polled: Polled | None) -> None:
        watch = self._rig.watch
        if watch is not None:
            self.blocked.append((watch.place, frames, seconds, polled))

    # -- in the loop -------------------------------------------------------------------------------

    def _pass(self, limit: Limit, runner: Runner) -> None:
        """The time is over, and the loop turns."""
        if limit is not self.limit or limit.error is not None:
            return
        from .checks import timeout
        from .guests import running_tasks

        limit.deadline = time.perf_counter() + 2 * limit.watch.settings.cancel_timeout + _GRACE
        finding = timeout.in_loop(
            self._rig.origins,
            limit.watch.place,
            limit.seconds,
            running_tasks(),
            self._standing(),
            self._frozen(),
        )
        limit.error = self._told(limit.watch, finding)
        if limit.error is not None:
            runner.stop_call(limit.error)

    def _standing(self) -> tuple[str, ...]:
        """Where virtual time stands, where the test is in one."""
        course = self._rig.runners.course
        return () if course is None else course.standing()

    def _frozen(self) -> tuple[str, str] | None:
        """That the test has frozen the loop's clock, and what to type; called in the loop."""
        who = who_froze_it() if self._rig.runners.course is None else None
        return None if who is None else frozen.in_words(running_library(), who)

    def _note_interrupt(self, infos: Sequence[Any]) -> None:
        self.whereabouts.interrupt(self._rig.watch, infos)

    def _tell_deadlock(self, runner: Runner, waits: int) -> None:
        from .checks import deadlock
        from .guests import running_tasks

        watch = self._rig.watch
        if watch is None or any(one.kind is Kind.DEADLOCK for one in watch.found):
            return  # it was told, and its author lets it wait
        if runner.is_busy and runner.waits == waits and self._is_alone():
            course = self._rig.runners.course
            finding = deadlock.finding(
                self._rig.origins,
                watch.place,
                running_tasks(),
                is_halted=course is not None and not course.autojump,
            )
            error = self._told(watch, finding)
            if error is not None:
                runner.stop_call(error)

    def _told(self, watch: Watch, finding: Finding) -> FindingError | None:
        """Note a finding; what the test is to be ended with, where it fails the test."""
        finding = self._rig.rulings.of_one(watch, finding)
        watch.found.append(finding)
        return words.error([finding]) if finding.is_failing else None

    # -- in the main thread ------------------------------------------------------------------------

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """The time is over, and something holds the thread: raise the error in it."""
        limit = self.limit
        if limit is None or not limit.is_due or not limit.is_open:
            return
        if limit.put_off < _MOST and (
            anyio_seam.is_getting_runner(frame) or stacks.is_in_trio(frame)
        ):
            # it would be left open or broken; its loop ends the test, if there is one by then
            limit.put_off += 1
            limit.tries = 0
            limit.deadline = time.perf_counter() + _PAUSE
            return
        if limit.error is None:
            from .checks import timeout

            finding = timeout.held(self._rig.origins, limit.watch.place, limit.seconds, frame)
            limit.error = self._told(limit.watch, finding)
        if limit.error is not None:
            raise limit.error

    def drain_blocked(self) -> list[Finding]:
        """The findings of what has held the loop since the last drain."""
        from .checks import blocked_loop

        noted, self.blocked = self.blocked, []
        return [blocked_loop.finding(self._rig.origins, *one) for one in noted]

    # -- deadlocks ---------------------------------------------------------------------------------

    def _is_alone(self) -> bool:
        """Whether no other thread and no handler of a signal can wake the loop."""
        known = {*self._known, self._thread, self._watchdog.ident}
        if stacks.busy_threads(known):
            return False
        return all(
            handler is self._handlers.get(number)
            for number, handler in _handlers().items()
            # Ctrl-C is trio's own
            if number not in (signal.SIGINT, self._signal)
        )


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in signal.valid_signals()}
