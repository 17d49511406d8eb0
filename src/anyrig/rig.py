"""The run: what all of its tests share, and what is asked at its beginning and its end.

`phases` does the same for each test. One `Rig` for a pytest run, on ``config.stash``.
"""

from __future__ import annotations

import importlib
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from . import own, seams
from ._version import __version__
from .allowances import Permit
from .backends import backend_of
from .checks import lost_exception, unused_stub
from .checks.leaked_asyncgen import LeakedGenerators
from .checks.leaked_thread import LeakedThreads
from .checks.lost_exception import Lost, LostExceptions
from .checks.missed_await import WANTED, MissedAwaits, is_pending
from .findings import ClockError, Finding, Kind, Phase, Place
from .holders import Held, Holder
from .internal import Internal
from .limits import Limits
from .live_fixtures import LiveFixtures
from .losses import Loss
from .origins import Origins, RawFrame, stack_of
from .own import sys, threading
from .rulings import Rulings, Watch
from .runner_host import RunnerHost
from .seams.cpython.young import YoungObjects, choose_window
from .seams.parts import DOUBLES
from .settings import Settings, read
from .who_runs import runs_unmarked

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from anyio.abc import TaskGroup

    from .clock.course import Course
    from .clock.face import Clock
    from .clock.fast import FastSleep
    from .clock.holds import Holds
    from .mocks.unused import Unused
    from .seams.cpython.stacks import Doing

RIG = pytest.StashKey["Rig"]()
_EXPLAINS = ".mocks.misawaited"
# What an async test needs to run, and what tells how it ended; each with the library it stands on.
_AT_HAND = {
    ".runners.on_asyncio": "anyio",
    ".runners.on_trio": "trio",
    ".tasks.tree": "anyio",
    ".checks.timeout": "anyio",
    ".checks.deadlock": "anyio",
    ".checks.blocked_loop": "anyio",
    ".checks.missed_words": "anyio",
    _EXPLAINS: "unittest.mock",
    ".report.terminal": "anyio",
}
# whose hooks for a test make no coroutine that they keep
_HARMLESS = frozenset(
    {"_pytest", "anyio", "anyrig", "anyrig_compat", "pytest_mock", "pytest_timeout", "xdist"}
)
BETWEEN_TESTS = Place(None, Phase.BETWEEN)
# what pytest ends a test or the run with
_MEANT = (
    *(pytest.exit.Exception, pytest.skip.Exception, pytest.fail.Exception),
    pytest.UsageError,
)


class Checks(NamedTuple):
    """The checks that record what happens while a test runs; `Phases` asks them after."""

    missed: MissedAwaits
    lost: LostExceptions
    generators: LeakedGenerators
    threads: LeakedThreads


class Rig:
    """One pytest run: its settings, its checks, its findings."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = read(config)
        self.origins = Origins(config.rootpath)
        self.fixtures = LiveFixtures(self.origins)
        # what fails in us, and is no test's fault
        self.internal = Internal(self._place, _MEANT)
        self.runners = RunnerHost(
            self.fixtures, self.origins, self.settings.cancel_timeout, self.internal
        )
        self.missed: MissedAwaits | None = None
        self.checks: Checks | None = None
        self.watch: Watch | None = None
        self.last: Watch | None = None  # the same, until its last report is made
        self.session: pytest.Session | None = None
        # called as soon as there is anything to tell: nothing is asked of reports before
        self.announce: Callable[[], None] = lambda: None
        # called with what was found in a phase that the process ends in
        self.write_now: Callable[[Sequence[Finding]], None] = lambda found: None
        self.rulings = Rulings(self)
        self.limits = Limits(self)
        # whether the user has hooks of their own that run with each test
        self.has_own_hooks = False
        # whether anybody has, but pytest, anyio and others that are known to make no coroutine
        self.has_others_hooks = True
        # whether code of the user's may have run since the last test, or before the first
        self.is_between = True
        self._is_over = False  # the last test
        self._told_off: set[str] = set()  # what the run does without, as it was told
        # what turned up outside of the test that made it, until a report or the end takes it
        # other threads add to it, too
        self.strays: deque[Finding] = deque()
        # whether each test that was found is going to run: what is kept for one that does not is
        # not judged
        self.is_whole = not any("::" in arg for arg in config.args)

    # -- the run ---------------------------------------------------------------------------------

    def start(self) -> Checks:
        """Begin to watch this process; also where all is off, for a marker may turn a kind on."""
        missed = self.missed = MissedAwaits(self.origins)
        missed.owner = self
        missed.running_owner = self.runners.running_owner
        missed.fixture_of = self.fixtures.name_of
        missed.birthplace, missed.place_born = self._birthplace, self._place_born
        missed.enabled = self.settings.is_on(Kind.MISSED_AWAIT)
        missed.runs_async = runs_unmarked(self.config)
        missed.install()
        self.limits.start()
        checks = self.checks = Checks(
            missed,
            LostExceptions(missed),
            LeakedGenerators(missed),
            LeakedThreads(self.origins, self._here, self.runners.running_owner),
        )
        missed.start_of = checks.threads.start_of
        checks.threads.heard = self._note_calls
        checks.threads.install()
        self.runners.start_of = self.start_of
        self.runners.take_loss = checks.lost.note
        self.runners.lose_elsewhere = self._lose_elsewhere
        self.runners.watching = checks.generators.watching
        return checks

    def _note_calls(self) -> None:
        """A thread is about to start: who calls the loop beside which it does is noted."""
        from .seams.asyncio_threads import note_running

        if self.current_settings.is_on(Kind.WRONG_THREAD):
            self.internal.call("noting calls from other threads", note_running, self.start_of)

    def start_of(self, thread: threading.Thread) -> Sequence[RawFrame]:
        """The frames that have started a thread."""
        return () if self.checks is None else self.checks.threads.frames_at_start(thread)

    def _lose_elsewhere(self, loss: Loss, loop: AbstractEventLoop) -> bool:
        """An exception was lost in a loop that is not ours; whether it is told."""
        from .seams.cpython import stacks

        if self.checks is None or self.missed is None:
            return False
        watch, thread = self.watch, stacks.thread_of(loop)
        is_own = thread is None or self.missed.place_of(thread).test == self.missed.here.test
        # who has the log of a test may look for asyncio's line
        names = getattr(watch.item, "fixturenames", ()) if watch is not None else ()
        is_heard = is_own and "caplog" in names
        return not is_heard and self.checks.lost.note(loss, thread)

    def stop(self) -> None:
        """Put the interpreter and anyio's plugin back as they were, however far `start` came."""
        missed, checks, self.missed, self.checks = self.missed, self.checks, None, None
        with ExitStack() as ends:  # each of them, whatever another one raises; the last one first
            if missed is not None:
                ends.callback(missed.uninstall)
            if checks is not None:
                ends.callback(checks.threads.uninstall)
                ends.callback(checks.lost.uninstall)
            ends.callback(self.limits.stop)
            ends.callback(self.runners.uninstall)

    def _place(self) -> Place:
        """The test and the phase that run, or whose last report is yet to be made."""
        watch = self.watch or self.last
        return BETWEEN_TESTS if watch is None or self._is_over else watch.place

    def _birthplace(self) -> Place:
        """The place that made what is new: none where a wider fixture may have, for all tests."""
        here = BETWEEN_TESTS if self.missed is None else self.missed.here
        is_for_all = here.phase is Phase.SETUP and self.fixtures.have_wide_users()
        return BETWEEN_TESTS if is_for_all else here

    def _place_born(self, place: Place) -> Place:
        """The place that is told of what an object does at its end, by the one that made it.

        What no test made may be a wide fixture's, and ends with that.
        """
        assert self.missed is not None
        here, fixtures = self.missed.here, self.fixtures
        if place.test is not None or here.phase is not Phase.TEARDOWN:
            return place
        ends = fixtures.wide_one_ended or fixtures.wider_one(stack_of(sys._getframe(1)))
        return here if ends else place

    def _here(self) -> tuple[Place, object]:
        """The place that is now, and the permission that is open."""
        missed = self.missed
        return (BETWEEN_TESTS, None) if missed is None else (missed.here, missed.permit)

    def header(self) -> str:
        """The lines under pytest's header: what is tested on, and what can't be watched there."""
        names = ", ".join(backend.name for backend in self.settings.chosen)
        first = f"anyrig: {__version__}, backends: {names}"
        return "\n".join([first, *self.newly_off()])

    def newly_off(self) -> list[str]:
        """What this run does without and was not told of yet, a line each."""
        lines = [line for line in seams.off() if line not in self._told_off]
        window = None if self.missed is None else self.missed.window
        if window is not None and window.name != YoungObjects.name and not self._told_off:
            lines.append(f"missed awaits that something holds are looked for in the {window.name}")
        self._told_off.update(lines)
        return [f"anyrig: {line}" for line in lines]

    def facts(self) -> dict[str, Any]:
        """What the first line of ``--anyrig-report`` says of the run."""
        return {
            "anyrig": __version__,
            "python": platform.python_version(),
            "backends": [backend.name for backend in self.settings.chosen],
            "policies": {kind.value: self.settings.policies[kind].value for kind in Kind},
            "window": self._window_name(),
        }

    def _window_name(self) -> str:
        """What window there is, or would be; to choose one is a walk over the heap."""
        if self.missed is None:
            return choose_window(WANTED, is_pending).name
        return self.missed.window.name

    def collecting(self) -> None:
        """The collection begins."""
        own.keep()
        if self.missed is not None:
            self.missed.enter(Place(None, Phase.COLLECT))
            self.missed.window.put_off()

    def collected(self, session: pytest.Session) -> None:
        """The collection is over; what it left pending is judged at the end of the run."""
        self.session = session
        self.runners.install()
        if self.checks is not None:
            self.checks.lost.install()  # by now pytest's own hooks are there, to stand before
        if self.missed is not None:
            self.missed.settle()
            self.missed.window.renew()  # or the first test looks through all that was imported
            self.missed.window.resume()
        # not `config.hook`: pytest 8's is another object, which has what was asked for by then
        relay = vars(session.config.pluginmanager.hook)
        hooks = (caller for name, caller in relay.items() if _is_of_test(name))
        functions = [impl.function for caller in hooks for impl in caller.get_hookimpls()]
        packages = {str(getattr(one, "__module__", "")).partition(".")[0] for one in functions}
        self.has_others_hooks = not packages <= _HARMLESS
        codes = (getattr(function, "__code__", None) for function in functions)
        self.has_own_hooks = any(code and self.origins.is_users(code.co_filename) for code in codes)

    def testing(self) -> None:
        """The tests begin: between them, warning filters are left alone where no user is there."""
        own.keep()
        _check()
        if self.session is not None:
            _have_at_hand(self.session.items)
        if self.missed is not None:
            self.limits.testing()
            if not self.has_own_hooks:
                self.missed.rest()

    def note_doctest(self, item: pytest.Item) -> None:
        """Have the lines of a doctest named by the file that holds it."""
        test = getattr(item, "dtest", None)
        if test is not None:
            self.origins.doctests = {test.name: test}

    def finish(self, *, was_stopped: bool) -> None:
        """The last test is over: judge all that is left, of whichever test.

        A run that ``was_stopped`` before its end has not come to what would have awaited it.
        """
        missed = self.missed
        self._is_over = True
        self.limits.finish()
        if missed is None:
            return
        self.is_whole &= not was_stopped
        missed.enter(BETWEEN_TESTS)
        missed.settle()
        missed.window.collect()
        found = missed.drain()
        found += missed.judge(self.holder, lambda place: True, lambda holder: False)
        self.strays += self.rulings.of_run(found)
        if self.checks is not None and self.is_whole:
            lost = self.checks.lost
            lost.judge(self.holder, lambda place: True, lambda holder: False)
            self.strays += self.lost_by_others(lost.drain())

    def lost_by_others(self, lost: Iterable[Lost]) -> list[Finding]:
        """The findings for exceptions that were lost by tests that are over."""
        return self.rulings.of_others(
            (lost_exception.finding(self.origins, one), one.permit) for one in lost
        )

    def take_strays(self) -> list[Finding]:
        """What turned up since it was last asked for."""
        taken = []
        while self.strays:
            taken.append(self.strays.popleft())
        return taken

    @property
    def current_settings(self) -> Settings:
        """The settings of the running test; those of the run where none is running."""
        return self.settings if self.watch is None else self.watch.settings

    def open_group(self) -> AbstractAsyncContextManager[TaskGroup]:
        """A task group that is joined at its end, within the bound of the settings."""
        from .tasks.group import open_group

        seconds = self.current_settings.cancel_timeout
        return open_group(seconds, self.origins, self.runners.give_up, self.internal)

    def tell_unused(self, unused: Iterable[Unused]) -> None:
        """The running test has ended with doubles that nobody asked for what they were told.

        A test that has failed or was skipped has not come to where they are asked.
        """
        watch = self.watch
        if watch is not None and not watch.has_failed:
            findings = (unused_stub.finding(self.origins, watch.place, one) for one in unused)
            watch.found += [self.rulings.of_one(watch, finding) for finding in findings]

    @contextmanager
    def open_clock(self, backend: object) -> Iterator[Clock]:
        """Have the running test be in virtual time while entered; raises `ClockError`."""
        from .clock.course import Course
        from .clock.face import Clock

        holds = self._holds()
        course = Course(holds)
        with self._following(course, backend):
            yield Clock(course, holds)

    def _holds(self) -> Holds:
        from .clock.holds import Holds

        limits, patterns = self.limits, self.current_settings.known_threads
        return Holds(limits.known_threads, self._thread_in_words, lambda: patterns)

    @contextmanager
    def open_fast_sleep(self, backend: object) -> Iterator[FastSleep]:
        """Have the sleeps of the running test take no time while entered; raises `ClockError`."""
        from .clock.course import Skipping
        from .clock.fast import FastSleep

        fast = FastSleep(lambda frame: self.origins.locate(stack_of(frame)))
        holds = self._holds()
        with self._following(Skipping(holds, fast), backend):
            yield fast

    @contextmanager
    def _following(self, course: Course, backend: object) -> Iterator[None]:
        """Have the loops of the running test follow a course while entered."""
        named = backend_of(backend)
        if named is not None and named.name == "asyncio+uvloop":
            raise ClockError(
                "the clock of asyncio+uvloop can't be virtual: its timers are libuv's. Run the "
                "test on the others: @pytest.mark.anyrig(backends=['asyncio', 'trio'])"
            )
        if self.runners.course is not None:
            raise ClockError(
                "a test has one clock: `clock` or `fast_sleep`. With `clock` sleeps take no time, "
                "and time waits for threads and I/O as well"
            )
        self.runners.course = course
        try:
            yield
        finally:
            course.end()
            self.runners.course = None

    def _thread_in_words(self, ident: int, doing: Doing) -> str:
        """What holds the clock: a thread, and the line of the user's that it is at."""
        from .seams.cpython import stacks

        name = next((one.name for one in threading.enumerate() if one.ident == ident), str(ident))
        origin = self.origins.locate(stack_of(stacks.frame_of(ident)))
        words = f"{doing.value} ({name})"
        return words if origin is None else f"{words} at {origin}: {origin.source}"

    def is_stopping(self) -> bool:
        """Whether the run ends before its last test."""
        session = self.session
        return session is None or bool(session.shouldstop or session.shouldfail)

    def holder(self, referrer: object) -> Holder | None:
        """What kind of holder an object is, where it is the running test's or a fixture's."""
        watch = self.watch
        if watch is not None:
            if referrer is watch.item:
                return Holder(Held.INSTANCE, "the running test")
            if referrer is getattr(watch.item, "instance", None):
                return Holder(Held.INSTANCE, f"an attribute of {type(referrer).__name__}")
        return self.fixtures.holder(referrer)

    # -- allowances ------------------------------------------------------------------------------

    @contextmanager
    def allowing(self, permit: Permit) -> Iterator[None]:
        """Permit what is made while entered."""
        missed = self.missed
        if missed is None:
            permit.used = True
            yield
            return
        missed.settle()
        before, missed.permit = missed.permit, permit
        try:
            yield
        finally:  # what is garbage of a block that was cut off was made in it, too
            missed.settle()
            missed.permit = before
        checks = [check for check in self.checks or () if check.kind in permit.kinds]
        permit.used |= any(check.was_made_under(permit) for check in checks)
        permit.used |= not any(map(self.current_settings.is_on, permit.kinds))


def _check() -> None:
    """End the run where what was loaded meanwhile lacks what anyrig stands on."""
    try:
        seams.check()
    except seams.SeamGone as error:
        raise pytest.UsageError(str(error)) from None


def _have_at_hand(items: Iterable[pytest.Item]) -> None:
    """Import what async tests need: while one runs, names may be replaced, and files used up."""
    if any("anyio_backend" in getattr(item, "fixturenames", ()) for item in items):
        for name, stands_on in _AT_HAND.items():
            if stands_on in sys.modules and not (name == _EXPLAINS and DOUBLES.gone()):
                importlib.import_module(name, __package__)


def _is_of_test(hook: str) -> bool:
    return hook.startswith(("pytest_runtest_", "pytest_fixture_", "pytest_report_teststatus"))
