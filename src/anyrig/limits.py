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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from . import elsewhere, frozen
from .backends import running_library, who_froze_it
from .elsewhere import Elsewhere
from .ends import Stopped
from .findings import Finding, FindingError, Kind, Place, Policy, merge
from .internal import Internal
from .interrupts import Interrupts
from .origins import Origins, RawFrame
from .own import os, threading, time, traceback, weakref
from .polled import Polled
from .report import words
from .seams import anyio as anyio_seam
from .seams.cpython import stacks
from .wakers import Wakers
from .watchdog import Beats, Watchdog
from .whereabouts import Whereabouts

if TYPE_CHECKING:
    import pytest

    from .rulings import Rulings, Watch
    from .runner_host import RunnerHost
    from .runners import Runner
    from .seams.asyncio_threads import Call as ThreadCall
    from .seams.asyncio_threads import Untold
    from .settings import Settings

_WRONG_THREAD = Kind.WRONG_THREAD
_GRACE = 1.0  # seconds that a loop may take to turn before it counts as held
_PAUSE = 0.1  # seconds between two looks
_MOST = 30  # times that the end of a test is put off
_LOOKS = 3  # that have to see the same wait before it is a deadlock
_MOST_NOTED = 100  # things that other threads have seen or done, in one phase
_ALL = 3  # tries, of which the last is no signal, but an exception that is set in the thread
_EXIT_STATUS = 1


class Run(Protocol):
    """What the limits ask of the run: a rig."""

    config: pytest.Config
    origins: Origins
    rulings: Rulings
    runners: RunnerHost
    internal: Internal
    watch: Watch | None
    announce: Callable[[], None]
    write_now: Callable[[Sequence[Finding]], None]

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
    put_off: int = 0  # and how often a runner was being made, or it or pytest was at work itself
    is_told: bool = False  # in this phase of it
    is_due: bool = False  # whether the signal is for it, however often that comes in a phase

    def enter(self) -> None:
        """A phase of the test begins; after one that was ended, it has the whole time."""
        self.is_due = False
        if self.tries or self.is_told:
            self.tries, self.is_told = 0, False
            self.deadline = time.perf_counter() + self.seconds


@dataclass(eq=False, slots=True)
class End:
    """How the phase was ended that runs, and what has come of it."""

    at: float = 0.0  # when that was, or when the last part of it has ended
    again: float = 0.0  # when it is to be looked at again
    tries: int = 0  # how often a signal was sent since
    thrown: Callable[[], object] = lambda: None  # what that has raised, until it is handled
    thrown_at: float | None = None
    asked: float | None = None  # when its loop was asked, and has not turned since
    call: object = None  # the call of a runner that has begun since
    elsewhere: Elsewhere | None = None  # where it was ended in another's loop

    def begins(self, now: float) -> None:
        """The phase was ended, or a part of it has come to its end."""
        self.at, self.again, self.thrown_at, self.asked = now, now + _GRACE, None, None

    def put_off(self, seconds: float) -> None:
        """Somebody sits at a prompt."""
        self.at += seconds
        self.again += seconds

    def is_unheard(self, now: float) -> bool:
        """Whether its loop does not turn."""
        return self.asked is not None and now >= self.asked + _GRACE

    def due(self, seconds: float) -> float:
        """When a call that goes on is to be interrupted; who handles the end has some seconds."""
        if self.asked is not None:
            return self.asked + _GRACE
        if self.thrown_at is not None and self.thrown() is None:
            return self.thrown_at + (_GRACE if self.tries < 2 else _PAUSE)
        return max(self.at, self.thrown_at or 0.0) + seconds


class Limits:
    """The limits of a run's tests."""

    def __init__(self, rig: Run) -> None:
        self._rig = rig
        self._thread = threading.get_ident()
        self._watchdog = Watchdog(self._guarded_look)
        self._beats = Beats(self._thread, self._note_blocked)
        self.whereabouts = Whereabouts(rig.origins, self._thread, self._standing)
        self._interrupts = Interrupts(self._thread, self._interrupt)
        self._wakers = Wakers(self._thread, lambda: rig.current_settings.known_threads)
        self._waker: int | str | None = None  # what could wake the loop that waits, at that look
        self._stuck: object = None  # the wait that the last look saw, and how many looks have
        self._looks = 0
        # the test, and what a thread has made ready in a loop that sleeps
        self._untold: tuple[int, int] | None = None
        self._untold_looks = 0
        self._looked = 0.0  # when the last look was
        self._was_heard = True  # whether the last signal that was sent has come
        self.limit: Limit | None = None
        # whether a phase of a test runs that an error may be raised in; see `RunnerHost.ended`
        self.is_open = False
        self._end = End()
        # what other threads have seen or done, as the words of it, until the phase ends
        self.noted: list[Callable[[], Finding]] = []

    # -- the run ---------------------------------------------------------------------------------

    def start(self) -> None:
        """The run begins: what threads there are now wakes no loop."""
        self._wakers.know_threads()
        self._wakers.know_handlers()
        self._rig.runners.made = self.watch_loops
        self._rig.runners.interrupted = self._note_interrupt
        self._rig.runners.called_from_thread = self._note_call
        self.whereabouts.start()

    def testing(self) -> None:
        """The tests begin: the handlers of signals that other plugins have set wake no loop."""
        self._wakers.know_handlers()

    def finish(self) -> None:
        """The last test is over: what a look failed with is told in the section, and no later."""
        self._watchdog.stop()

    def stop(self) -> None:
        """The run ends."""
        self._watchdog.stop()
        self.whereabouts.stop()
        self._interrupts.close()

    def known_threads(self) -> frozenset[int]:
        """The threads that were there when the run began, and pytest's own."""
        return self._wakers.threads | {self._thread}

    def are_threads_new(self) -> bool:
        """Whether there are threads that were not there when the run began."""
        return threading.active_count() > 1 and any(
            thread.ident not in self._wakers.threads and thread.ident != self._thread
            for thread in threading.enumerate()
        )

    def watch_loops(self) -> None:
        """Begin to look, where it has not begun: a test is about to run."""
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
        self._waker = None
        self._interrupts.unblock()
        self.enter(self.limit)
        self._watchdog.start()
        self._watchdog.wake()

    def enter(self, limit: Limit) -> None:
        """A phase of a test begins that has a limit."""
        self._interrupts.ensure()
        limit.enter()

    def goes_on(self) -> None:
        """The phase was ended, and one part of it, a fixture, has come to its end."""
        self._end.begins(time.perf_counter())

    # -- the watchdog's thread ---------------------------------------------------------------------

    def _guarded_look(self) -> float:
        with self._rig.internal.guard("looking at the running test"):
            return self._look()
        return _PAUSE

    def _look(self) -> float:
        now = time.perf_counter()
        passed, self._looked = now - self._looked, now
        settings = self._rig.current_settings
        runner = self._rig.runners.current
        frame = stacks.frame_of(self._thread)
        pause = _PAUSE
        if settings.is_on(Kind.BLOCKED_LOOP):
            pause = min(pause, self._beats.look(runner, settings.blocked_loop_after, now))
        limit, ended = self.limit, self._rig.runners.ended
        if _is_debugged(frame, runner):
            self._end.put_off(passed)
            if limit is not None:
                limit.deadline += passed  # who reads takes the time that it takes
        else:
            if self.is_open and (settings.is_on(Kind.DEADLOCK) or settings.is_on(_WRONG_THREAD)):
                self._look_at_wait(runner, frame, settings)
            if ended is not None:
                self._press(ended, runner, frame, now)
            elif limit is not None and now >= limit.deadline:
                self._try_to_end(limit, runner, frame, now)
        self.whereabouts.look(self._rig.watch, runner, now)
        is_running = limit is not None and not limit.is_told
        return max(0.0, min(pause, limit.deadline - now)) if limit and is_running else pause

    def _look_at_wait(
        self, runner: Runner | None, frame: FrameType | None, settings: Settings
    ) -> None:
        run: Runner | Elsewhere | None = None
        wait: object = None
        is_stuck = False
        if frame is not None and runner is not None and runner.call is not None:
            if runner.is_busy and runner.is_waiting(frame):
                runner.look_at_wait()
                run, wait = runner, (runner, runner.waits)
                is_stuck = runner.is_stuck
        elif frame is not None and stacks.is_waiting(frame):
            run, wait = elsewhere.in_frames(frame), frame
            is_stuck = run is not None and run.is_stuck()
        untold = None if run is None or frame is None else run.untold(frame)
        self._look_at_untold(run, untold, settings)
        # who asks a loop that has something ready lets it go on with that
        is_stuck = is_stuck and untold is None and settings.is_on(Kind.DEADLOCK)
        self._waker = self._wakers.one(*self._own()) if run is not None and is_stuck else None
        if run is None or not is_stuck or self._waker is not None:
            self._stuck, self._looks = None, 0
        elif self._stuck is None or not _is_same(wait, self._stuck):
            self._stuck, self._looks = wait, 1
        else:
            self._looks += 1
            # a pool's thread that looks idle may just be about to take what it was given
            if self._looks == _LOOKS:
                waits = wait[1] if isinstance(wait, tuple) else None
                self._ask(run, "telling a deadlock", self._tell_deadlock, run, waits)

    def _look_at_untold(
        self, run: Runner | Elsewhere | None, untold: Untold | None, settings: Settings
    ) -> None:
        """Tell what another thread has made ready in a loop that sleeps without an end."""
        watch = self._rig.watch
        is_endless = untold is not None and untold.is_endless
        first = (id(watch), id(untold.handles[0])) if untold is not None and is_endless else None
        self._untold_looks = 1 if first != self._untold else self._untold_looks + 1
        self._untold = first
        # who has called may be about to wake it in a way of his own
        if run is None or untold is None or first is None or self._untold_looks < _LOOKS:
            return
        self._untold = None  # the next test's handle may have the same address
        if settings.is_on(_WRONG_THREAD):
            self._tell_untold(run, untold)
        elif not self._can_be_woken():
            self._tell_deadlock(run, None, run.infos())

    def _tell_untold(self, run: Runner | Elsewhere, untold: Untold) -> None:
        from .checks import wrong_thread

        watch = self._rig.watch
        if watch is None or self._rig.runners.ended is not None:
            return
        if any(one.kind is _WRONG_THREAD for one in watch.found):
            return  # it was told, and its author lets it wait
        finding = Finding(
            kind=_WRONG_THREAD,
            place=watch.place,
            what="the test",
            summary="another thread let it go on, and did not tell the loop",
        )
        with self._rig.internal.guard("wording a call from another thread"):
            finding = wrong_thread.finding(
                self._rig.origins,
                watch.place,
                run.calls_for(untold.handles),
                run.infos() or (),
                _main_id(run),
            )
        self._end_from_outside(watch, finding, run)

    def _end_from_outside(self, watch: Watch, finding: Finding, run: Runner | Elsewhere) -> None:
        """End what runs with a finding that stands before its loop is woken."""
        error = self._told(watch, finding)
        if error is not None:
            self._end.elsewhere = run if isinstance(run, Elsewhere) else None
            self._ask(run, "ending a test", run.stop_call, error)

    def _ask(
        self, run: Runner | Elsewhere, doing: str, function: Callable[..., object], *args: Any
    ) -> None:
        """Have a loop call a function of ours; what that raises is an internal error."""
        internal = self._rig.internal
        run.call_soon(lambda: internal.call(doing, function, *args))

    def _try_to_end(
        self, limit: Limit, runner: Runner | None, frame: FrameType | None, now: float
    ) -> None:
        if limit.is_told:  # and its author lets it go on
            limit.deadline = inf
            return
        limit.deadline = now + _GRACE
        if not self.is_open:
            limit.tries = 0  # between two phases: the next one is ended
            return
        limit.tries += 1
        run = _run(runner, frame)
        if limit.tries == 1 and run is not None:
            untold = None if frame is None else run.untold(frame)
            if untold is None:
                self._ask(run, "ending a test that is too late", self._pass, limit, run)
            else:
                self._pass(limit, run, untold)
        elif limit.tries < 5:
            self._signal(limit.tries, frame)
        elif limit.watch.settings.policies[Kind.TIMEOUT] is Policy.FAIL:
            self._exit(limit.watch, limit.seconds)

    def _signal(self, number_of_try: int, frame: FrameType | None) -> None:
        """Have the error raised in the call that holds the thread."""
        was_heard, self._was_heard = self._was_heard, False
        # where none of the signals was heard, they are blocked
        is_last = number_of_try % _ALL == 0 and not was_heard
        limit, ended = self.limit, self._rig.runners.ended
        if limit is not None:
            limit.is_due = True
        if not is_last and self._interrupts.send(number_of_try):
            return
        if ended is None and limit is not None:
            ended = self._end_held(limit, frame)
        if ended is not None and self.is_open:
            self._interrupts.raise_there(ended, Stopped)

    def _press(
        self, ended: BaseException, runner: Runner | None, frame: FrameType | None, now: float
    ) -> None:
        """A phase that was ended goes on: end it again, as often as it catches that."""
        end, watch = self._end, self._rig.watch
        if not self.is_open or watch is None or now < end.again:
            return
        seconds = max(_GRACE, watch.settings.cancel_timeout)
        call = None if runner is None else runner.call
        if call is not None and call is not end.call and call.error is None:
            # a fixture is torn down in the phase: it has some time as well
            end.begins(now)
            end.call, end.again = call, now + seconds
            return
        if now > end.at + 3 * seconds:
            self._exit(watch, watch.settings.timeout)
        end.again = now + _PAUSE
        run = _run(runner, frame)
        if run is None or end.is_unheard(now):
            if now >= end.due(seconds):
                end.tries += 1
                end.thrown_at, end.asked = now, None
                self._signal(end.tries, frame)
        elif end.asked is None:
            end.asked = now
            if isinstance(run, Elsewhere):
                run = end.elsewhere if run.is_same(end.elsewhere) and end.elsewhere else run
                end.elsewhere = run
            self._ask(run, "ending a test again", self._press_in_loop, run, call, ended)

    def _exit(self, watch: Watch, seconds: float) -> None:
        """End the process: the call that holds it can't be ended."""
        capture: Any = self._rig.config.pluginmanager.getplugin("capturemanager")
        if capture is not None:
            capture.suspend_global_capture()
        terminal = self._rig.config.get_terminal_writer()
        frame = stacks.frame_of(self._thread)
        with self._rig.internal.guard("writing what was found before the process ends"):
            if self._rig.runners.ended is None and self.limit is not None:
                self._end_held(self.limit, frame)  # whoever it was told to did not hear of it
            self._rig.write_now(watch.found)
        stack = "".join(traceback.format_stack(frame))
        since = f" {seconds:g} s after its beginning" if seconds else ""
        why = self._interrupts.words()
        terminal.line(
            f"\n\nanyrig: {watch.place.test} has not ended{since}, "
            f"and the call that holds it can't be ended. {why}The process ends.\n\n{stack}"
        )
        terminal.flush()
        os._exit(_EXIT_STATUS)

    def _can_be_woken(self) -> bool:
        """Whether another thread or a handler of a signal can wake the loop."""
        return self._wakers.one(*self._own()) is not None

    def _own(self) -> tuple[int | None, tuple[int, ...]]:
        """The thread and the signals that are ours."""
        return self._watchdog.ident, self._interrupts.signals

    def _note_blocked(
        self, frames: list[RawFrame], seconds: float, polled: Polled | None, called: str | None
    ) -> None:
        from .checks.blocked_loop import finding

        watch, origins = self._rig.watch, self._rig.origins
        if watch is not None:
            words = partial(finding, origins, watch.place, frames, seconds, polled, called)
            self.noted.append(words)

    def _note_call(self, call: ThreadCall) -> None:
        """Another thread has called the loop, which `until` kept awake: in that thread."""
        from .checks import wrong_thread

        watch, origins = self._rig.watch, self._rig.origins
        is_on = watch is not None and watch.settings.is_on(_WRONG_THREAD)
        if watch is not None and is_on and len(self.noted) < _MOST_NOTED:
            words = partial(wrong_thread.finding, origins, watch.place, [call], is_kept_awake=True)
            self.noted.append(words)

    # -- in the loop -------------------------------------------------------------------------------

    def _pass(self, limit: Limit, run: Runner | Elsewhere, untold: Untold | None = None) -> None:
        """The time is over, and the loop turns; or it sleeps, and was not told of something."""
        from .checks import timeout
        from .guests import running_tasks

        if limit is not self.limit or limit.is_told or not self.is_open:
            return
        infos = running_tasks() if untold is None else run.infos() or []
        if any(stacks.is_debugged_in(info.coro) for info in infos):
            limit.tries, limit.deadline = 0, time.perf_counter() + _PAUSE
            return
        limit.is_told = True
        finding = self._bare(Kind.TIMEOUT, limit.watch.place, "the test took too long")
        with self._rig.internal.guard("wording a timeout"):
            finding = timeout.in_loop(
                self._rig.origins,
                limit.watch.place,
                limit.seconds,
                infos,
                (*self._standing(), *self._why_it_waits(run, untold)),
                self._frozen() if untold is None else None,
                _main_id(run),
            )
        if untold is None:
            self._end_in_loop(limit.watch, finding, run)
        else:
            self._end_from_outside(limit.watch, finding, run)

    def _why_it_waits(self, run: Runner | Elsewhere, untold: Untold | None) -> tuple[str, ...]:
        from .checks import wrong_thread

        if untold is None:
            return self._not_looked_for()
        calls = run.calls_for(untold.handles)
        return tuple(wrong_thread.details(self._rig.origins, calls))

    def _end_in_loop(self, watch: Watch, finding: Finding, run: Runner | Elsewhere) -> None:
        error = self._told(watch, finding)
        if error is not None:
            self._end.elsewhere = run if isinstance(run, Elsewhere) else None
            run.stop_call(error)

    def _press_in_loop(self, run: Runner | Elsewhere, call: object, ended: BaseException) -> None:
        self._end.asked = None
        if ended is not self._rig.runners.ended:
            return  # the phase is over
        if isinstance(run, Elsewhere):
            run.press(ended)
        elif run.call is call:
            run.stop_call(ended)
            run.press()

    def _standing(self) -> tuple[str, ...]:
        """Where virtual time stands, where the test is in one."""
        course = self._rig.runners.course
        return () if course is None else course.standing()

    def _frozen(self) -> tuple[str, str] | None:
        """That the test has frozen the loop's clock, and what to type; called in the loop."""
        who = who_froze_it() if self._rig.runners.course is None else None
        return None if who is None else frozen.in_words(running_library(), who)

    def _not_looked_for(self) -> tuple[str, ...]:
        """Why a deadlock was not looked for, where the loop waits for nothing or nobody knows."""
        waker = self._waker
        if waker is None:
            is_on = self._rig.current_settings.is_on(Kind.DEADLOCK)
            if not is_on or stacks.frame_of(self._thread) is not None:
                return ()
            waker = 0  # without frames there was no look
        words = self._wakers.words(waker, self._rig.origins)
        return (f"deadlock was not looked for: {words}",)

    def _note_interrupt(self, infos: Sequence[Any]) -> None:
        self.whereabouts.interrupt(self._rig.watch, infos)

    def _tell_deadlock(
        self,
        run: Runner | Elsewhere,
        waits: int | None,
        outside: Sequence[Any] | None = None,
    ) -> None:
        """It waits for nothing; the tasks are told where the loop is not to be woken yet."""
        from .checks import deadlock
        from .guests import running_tasks

        watch, ended = self._rig.watch, self._rig.runners.ended
        is_same = isinstance(run, Elsewhere) or (run.is_busy and waits in (None, run.waits))
        if watch is None or not self.is_open or not is_same or self._can_be_woken():
            return
        if ended is not None:
            if outside is None and not isinstance(run, Elsewhere):
                run.stop_call(ended)  # another part of the phase that was ended
            return
        if any(one.kind is Kind.DEADLOCK for one in watch.found):
            return  # it was told, and its author lets it wait
        course = self._rig.runners.course
        infos = running_tasks() if outside is None else outside
        finding = self._bare(Kind.DEADLOCK, watch.place, "deadlock: every task waits")
        with self._rig.internal.guard("wording a deadlock"):
            finding = deadlock.finding(
                self._rig.origins,
                watch.place,
                infos,
                is_halted=course is not None and not course.autojump,
                main_id=_main_id(run),
            )
        end = self._end_in_loop if outside is None else self._end_from_outside
        end(watch, finding, run)

    def _bare(self, kind: Kind, place: Place, summary: str) -> Finding:
        """A finding without a picture: the test ends, also where nothing more can be said."""
        return Finding(kind=kind, place=place, what="the test", summary=summary)

    def _told(self, watch: Watch, finding: Finding) -> FindingError | None:
        """Note a finding; what the phase is ended for, where it fails the test."""
        finding = self._rig.rulings.of_one(watch, finding)
        watch.found.append(finding)
        self._rig.announce()
        if not finding.is_failing:
            return None
        error = words.error([finding])
        self._end = End()
        self._end.begins(time.perf_counter())
        self._rig.runners.ended = error
        return error

    # -- in the main thread ------------------------------------------------------------------------

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Something holds the thread of a test that is to end: raise the error in it."""
        self._was_heard = True
        limit, ended = self.limit, self._rig.runners.ended
        if not self.is_open or (ended is None and (limit is None or not limit.is_due)):
            return
        if self._is_put_off(limit, frame):
            return
        if ended is None and limit is not None and not limit.is_told:
            ended = self._end_held(limit, frame)
        if ended is not None:
            stopped = Stopped(ended)
            self._end.thrown = weakref.ref(stopped)
            self._end.thrown_at = time.perf_counter()
            try:
                raise stopped
            finally:
                del stopped  # its traceback has this frame, and it would not be gone when caught

    def _is_put_off(self, limit: Limit | None, frame: FrameType | None) -> bool:
        """Whether what the signal has met would be left open or broken; it comes again."""
        is_met = (
            anyio_seam.is_getting_runner(frame)
            or stacks.is_in_trio(frame)
            or (stacks.is_in_pytest(frame) and not self._is_in_loop(frame))
        )
        if not is_met:
            return False
        if limit is None:  # it was ended before, for a deadlock
            return self._end.tries < _ALL
        if limit.put_off >= _MOST:
            return False
        # its loop ends the test, if there is one by then
        limit.put_off += 1
        limit.tries = 0
        limit.deadline = time.perf_counter() + _PAUSE
        return True

    def _is_in_loop(self, frame: FrameType | None) -> bool:
        """Whether a frame of ours is where a loop waits, or calls, that has no frames (uvloop)."""
        runner = self._rig.runners.current
        return runner is not None and frame is not None and runner.is_in_loop(frame)

    def _end_held(self, limit: Limit, frame: FrameType | None) -> FindingError | None:
        from .checks import timeout

        limit.is_told = True
        finding = self._bare(Kind.TIMEOUT, limit.watch.place, "the test took too long")
        with self._rig.internal.guard("wording a timeout"):
            run = _run(self._rig.runners.current, frame)
            finding = timeout.held(
                self._rig.origins,
                limit.watch.place,
                limit.seconds,
                frame,
                () if run is None else self._not_looked_for(),
            )
        return self._told(limit.watch, finding)

    def drain(self) -> list[Finding]:
        """The findings of what was noted since the last drain."""
        noted, self.noted = self.noted, []
        return merge(words() for words in noted)


def _run(runner: Runner | None, frame: FrameType | None) -> Runner | Elsewhere | None:
    """What runs in the thread of the tests and has a loop: a runner of ours, or another's."""
    if runner is not None and runner.call is not None:
        return runner
    return elsewhere.in_frames(frame)


def _main_id(run: Runner | Elsewhere) -> int | None:
    return run.main_id if isinstance(run, Elsewhere) else None


def _is_same(wait: object, other: object) -> bool:
    # a frame is the same one for as long as a call is under way
    return wait == other if isinstance(wait, tuple) else wait is other


def _is_debugged(frame: FrameType | None, runner: Runner | None) -> bool:
    """Whether somebody sits at a debugger's prompt, or waits for what was typed there."""
    if stacks.is_debugged(frame):
        return True
    run = _run(runner, frame)
    return run is not None and stacks.is_debugged_in(run.coroutine)
