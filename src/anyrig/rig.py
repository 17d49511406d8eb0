"""The run: opens a watch for each test, asks the checks, hands what they found to the rulings.

One `Rig` for a pytest run, on ``config.stash``.
"""

from __future__ import annotations

import functools
import inspect
import platform
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ._version import __version__
from .allowances import Permit, author_permits
from .backend_fixture import leaves_out, settings_for
from .backends import Backend, backend_of
from .checks import never_ran, wrong_backend
from .checks.missed_await import (
    ORIGIN_DEPTH,
    RUNNER_DEPTH,
    WANTED,
    MissedAwaits,
    is_pending,
)
from .checks.missed_words import Missed
from .findings import (
    ERRORS,
    Finding,
    FindingError,
    Kind,
    Phase,
    Place,
)
from .holders import Held, Holder
from .live_fixtures import LiveFixtures
from .origins import Origins
from .report import words
from .rulings import WATCH, Rulings, Watch
from .seams.cpython.threads import is_pooled
from .seams.cpython.young import choose_window
from .settings import read

RIG = pytest.StashKey["Rig"]()


class Rig:
    """One pytest run: its settings, its checks, its findings."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = read(config)
        self.origins = Origins(config.rootpath)
        self.fixtures = LiveFixtures(self.origins)
        self.missed: MissedAwaits | None = None
        self.watch: Watch | None = None
        self.session: pytest.Session | None = None
        self.rulings = Rulings(self)
        # whether code of the user's runs in this setup or teardown: without it there is nothing to
        # look for at its end
        self._users_ran = False
        # what turned up outside of the test that made it, until a report or the end takes it
        self.strays: list[Finding] = []
        # whether each test that was found is going to run: what is kept for one that does not is
        # not judged
        self.is_whole = not any("::" in arg for arg in config.args)

    # -- the run ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch this process; also where all is off, for a marker may turn a kind on."""
        missed = self.missed = MissedAwaits(self.origins)
        missed.owner = self
        missed.fixture_of = self.fixtures.name_of
        missed.enabled = self.settings.is_on(Kind.MISSED_AWAIT)
        missed.install()

    def stop(self) -> None:
        """Put the interpreter back as it was."""
        if self.missed is not None:
            self.missed.uninstall()
            self.missed = None

    def header(self) -> str:
        """The line under pytest's header: what is tested on."""
        names = ", ".join(backend.name for backend in self.settings.chosen)
        return f"anyrig: {__version__}, backends: {names}"

    def facts(self) -> dict[str, Any]:
        """What the first line of ``--anyrig-report`` says of the run."""
        return {
            "anyrig": __version__,
            "python": platform.python_version(),
            "backends": [backend.name for backend in self.settings.chosen],
            "policies": {kind.value: self.settings.policies[kind].value for kind in Kind},
            "window": choose_window(WANTED, is_pending).name,
        }

    def collecting(self) -> None:
        """The collection begins."""
        if self.missed is not None:
            self.missed.enter(Place(None, Phase.COLLECT))

    def collected(self, session: pytest.Session) -> None:
        """The collection is over; what it left pending is judged at the end of the run."""
        self.session = session
        if self.missed is not None:
            self.missed.settle()

    def finish(self, *, was_stopped: bool) -> None:
        """The last test is over: judge all that is left, of whichever test.

        A run that ``was_stopped`` before its end has not come to what would have awaited it.
        """
        missed = self.missed
        if missed is None:
            return
        self.is_whole &= not was_stopped
        missed.enter(Place(None, Phase.BETWEEN))
        missed.settle()
        missed.window.collect()
        found = missed.drain()
        found += missed.judge(self._holder, lambda place: True, lambda holder: False)
        self.strays += self.rulings.of_run(found)

    def is_stopping(self) -> bool:
        """Whether the run ends before its last test."""
        session = self.session
        return session is None or bool(session.shouldstop or session.shouldfail)

    # -- a test ----------------------------------------------------------------------------------

    def phase(self, item: pytest.Item, phase: Phase) -> Generator[None, Any, Any]:
        """Frame a phase of a test; what the phase returns or raises passes through."""
        watch = self._begin(item, phase)
        try:
            result = (yield from self._run(watch)) if phase is Phase.CALL else (yield)
        except BaseException as error:
            self._end(watch, error)
            raise
        self._end(watch, None)
        return result

    def _run(self, watch: Watch) -> Generator[None, Any, Any]:
        body = watch.body
        if body is None or not watch.settings.is_on(Kind.NEVER_RAN):
            return (yield)
        function = getattr(watch.item, "obj", None)
        if len(body.codes) == 1 and getattr(function, "__code__", None) is body.code:
            # nothing stands between what runs the test and its body
            return (yield)
        with body.observed():
            return (yield)

    def _begin(self, item: pytest.Item, phase: Phase) -> Watch:
        watch = item.stash.get(WATCH, None)
        if watch is None or phase is Phase.SETUP:
            watch = self._open(item)
        watch.phase = phase
        watch.found = []
        missed = self.missed
        if missed is not None:
            if phase is Phase.SETUP:
                missed.settle()  # what was made between the tests
            missed.enabled = watch.settings.is_on(Kind.MISSED_AWAIT)
            wants_body = watch.settings.is_on(Kind.NEVER_RAN)
            missed.bodies = watch.body.codes if watch.body and wants_body else frozenset()
            missed.enter(watch.place)
            missed.track(self._depth(watch))
        return watch

    def _depth(self, watch: Watch) -> int:
        self._users_ran = False
        if watch.phase is Phase.SETUP:
            return RUNNER_DEPTH  # until a fixture of the user's begins
        if watch.phase is Phase.TEARDOWN:
            self._users_ran = self.fixtures.have_own_teardown()
            return ORIGIN_DEPTH if self._users_ran else RUNNER_DEPTH
        # what pytest calls by its own hook gets its depth there
        has_hook = type(watch.item) is pytest.Function
        return RUNNER_DEPTH if has_hook else ORIGIN_DEPTH

    def _end(self, watch: Watch, error: BaseException | None) -> None:
        """A phase ended; raises a `FindingError` where a finding has to fail it.

        ``error`` is what the phase itself raised: where that fails the test, nothing is raised,
        and the report gets the findings in addition.
        """
        self._hear(watch, error)
        if watch.phase is Phase.TEARDOWN:
            self._close(watch)
        failing = [finding for finding in watch.found if finding.is_failing]
        watch.has_failed |= bool(failing) or error is not None
        if failing and not _fails_by_itself(error):
            kind = failing[0].kind
            raise ERRORS[kind](words.text(failing), failing) from error
        if watch.phase is Phase.TEARDOWN and not watch.has_failed:
            watch.complain_of_unused()

    def _open(self, item: pytest.Item) -> Watch:
        settings = settings_for(item, self.settings)
        codes = never_ran.bodies_of(getattr(item, "obj", None))
        watch = Watch(
            item=item,
            settings=settings,
            body=never_ran.Body(codes) if codes else None,
            permits=author_permits(item, settings),
        )
        item.stash[WATCH] = self.watch = watch
        self.rulings.note(item.nodeid, settings)
        test = getattr(item, "dtest", None)
        if test is not None:
            self.origins.doctests = {test.name: test}
        return watch

    def _close(self, watch: Watch) -> None:
        self.watch = None
        if self.missed is not None:
            if not self.missed.has_alive():
                self.rulings.forget()
            self.missed.here = Place(None, Phase.BETWEEN)
            self.missed.enabled = self.settings.is_on(Kind.MISSED_AWAIT)

    def _hear(self, watch: Watch, error: BaseException | None) -> None:
        missed = self.missed
        if missed is None:
            return
        at_end = watch.phase is Phase.TEARDOWN
        if watch.phase is Phase.CALL or self._users_ran:
            missed.settle()
        if at_end:
            missed.collect()
        found = missed.drain()
        if watch.phase is not Phase.SETUP and missed.has_alive():
            found += self._judged(missed, watch, at_end)
        if found:
            mine = [one for one in found if one.place.test == watch.item.nodeid]
            watch.found += self.rulings.of_test(watch, mine)
            self.strays += self.rulings.of_run(one for one in found if one not in mine)
        if watch.phase is Phase.CALL and error is None:
            self._ask_body(watch)

    def _judged(self, missed: MissedAwaits, watch: Watch, at_end: bool) -> list[Missed]:
        nodeid = watch.item.nodeid
        everything = at_end and self.fixtures.wide_one_ended
        self.fixtures.wide_one_ended = False

        def chosen(place: Place) -> bool:
            if at_end:
                # what no test made is judged when the run ends
                return place.test == nodeid or (everything and place.test is not None)
            return place == watch.place

        own_teardown = not at_end and self.fixtures.have_own_teardown()

        def waits(holder: Holder) -> bool:
            if holder.held in (Held.GLOBAL, Held.CLASS) and at_end:
                return self.fixtures.may_reach(holder, watch.item)
            return _may_still_await(holder, at_end=at_end, own_teardown=own_teardown)

        return missed.judge(self._holder, chosen, waits)

    def _holder(self, referrer: object) -> Holder | None:
        watch = self.watch
        if watch is not None:
            if referrer is watch.item:
                return Holder(Held.INSTANCE, "the running test")
            if referrer is getattr(watch.item, "instance", None):
                return Holder(Held.INSTANCE, f"an attribute of {type(referrer).__name__}")
        return self.fixtures.holder(referrer)

    # -- the call of an async test ---------------------------------------------------------------

    def _ask_body(self, watch: Watch) -> None:
        body = watch.body
        if body is None or body.ran or watch.told_never_ran:
            return
        started = body.starts > 0
        finding = never_ran.finding(
            self.origins, watch.place, watch.item.name, body.code, started=started
        )
        watch.found.append(self.rulings.of_one(watch, finding))

    def compared(self, item: pytest.Function) -> Generator[None, Any, Any]:
        """Frame anyio's call of a test: its function first compares the backend with its name."""
        watch = item.stash[WATCH]
        value = item.funcargs.get("anyio_backend")
        named = backend_of(value) if value is not None else None
        holder, name = _function_of(item)
        function = getattr(holder, name)
        if named is None or not inspect.iscoroutinefunction(function):
            self._track(ORIGIN_DEPTH)
            return (yield)
        if leaves_out(watch.settings, value):
            chosen = ", ".join(backend.name for backend in watch.settings.chosen)
            pytest.skip(f"its own anyio_backend is {value!r}; this run is narrowed to {chosen}")
        begin = functools.partial(self._body_begins, watch)
        end = functools.partial(self._track, RUNNER_DEPTH)
        setattr(holder, name, wrong_backend.compared(function, named, begin, end))
        try:
            return (yield)
        finally:
            setattr(holder, name, function)

    def _body_begins(self, watch: Watch, named: Backend, running: str | None) -> None:
        self._track(ORIGIN_DEPTH)
        if running is None or not watch.settings.is_on(Kind.WRONG_BACKEND):
            return
        body = watch.body.code if watch.body is not None else None
        finding = wrong_backend.finding(self.origins, watch.place, body, named, running)
        finding = self.rulings.of_one(watch, finding)
        watch.found.append(finding)
        if finding.is_failing:
            # at once: what a test shows on the wrong backend is worth nothing
            raise ERRORS[Kind.WRONG_BACKEND](words.text([finding]), [finding])

    def fixture_begins(self, definition: pytest.FixtureDef[Any]) -> None:
        """A fixture's setup begins."""
        if self.fixtures.begin(definition):
            self._users_ran = True
            self._track(ORIGIN_DEPTH)

    def _track(self, depth: int) -> None:
        if self.missed is not None:
            self.missed.track(depth)

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
            missed.settle()
        finally:
            missed.permit = before
        settings = self.watch.settings if self.watch is not None else self.settings
        permit.used |= Kind.MISSED_AWAIT in permit.kinds and missed.was_made_under(permit)
        permit.used |= not any(map(settings.is_on, permit.kinds))


def _may_still_await(holder: Holder, *, at_end: bool, own_teardown: bool) -> bool:
    """Whether what a holder keeps can still be awaited by somebody who means to."""
    if holder.held is Held.SCHEDULER:
        is_closed = getattr(holder.owner, "is_closed", None)
        return is_closed is None or not is_closed()
    if holder.held is Held.FIXTURE:
        return True
    if holder.held is Held.THREAD:
        return bool(holder.owner.is_alive())
    if holder.held is Held.OTHER:
        return not at_end or any(
            thread is not threading.current_thread() and not is_pooled(thread)
            for thread in threading.enumerate()
        )
    if holder.held is Held.FRAME:
        return False
    return not at_end and (own_teardown or holder.held is Held.INSTANCE)


def _fails_by_itself(error: BaseException | None) -> bool:
    return error is not None and not isinstance(error, pytest.skip.Exception)


def _function_of(item: pytest.Function) -> tuple[Any, str]:
    """Where the function stands that anyio calls: the item's own, or Hypothesis's inner one."""
    handle = getattr(item.obj, "hypothesis", None)
    return (item, "obj") if handle is None else (handle, "inner_test")


__all__ = ["RIG", "WATCH", "FindingError", "Rig", "Watch"]
