"""A test's setup, call and teardown: what is asked at each, and what becomes of the answer.

`Phases` is a plugin object with pytest's hooks for a test. The hooks frame what runs in between;
where a healthy test gives nothing to tell, they do next to nothing, for every test pays for them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest

from . import safe, unseen
from .allowances import Permit, author_permits, author_permits_loss
from .backend_fixture import is_ours, leaves_out, settings_for, with_marks
from .backends import Backend, backend_of, running_name, unsay
from .checks import (
    leaked_asyncgen,
    leaked_contextvar,
    leaked_task,
    leaked_thread,
    lost_exception,
    never_ran,
    wrong_backend,
)
from .checks.lost_exception import Lost
from .checks.missed_await import IDLE_DEPTH, ORIGIN_DEPTH, RUNNER_DEPTH, Missed, explain_mocks
from .ends import as_told
from .findings import ClockError, Finding, FindingError, Kind, Phase, Place, merge
from .holders import Held, Holder
from .known import is_known_task, is_known_thread
from .live_fixtures import code_of
from .loop_riddles import Known
from .own import gc, inspect, sys, threading
from .report import words
from .riddles import Riddles
from .rig import BETWEEN_TESTS, Checks, Rig
from .rulings import Watch, is_lenient, is_migrating, warned
from .seams.cpython import lines
from .seams.cpython.threads import is_pooled
from .seams.pytest_skips import gave_up
from .settings import Scope
from .tasks.waiting import chain
from .who_runs import (
    NEED_RUNNER,
    SERVICE,
    VIRTUAL,
    is_crowded,
    is_pytest_asyncios,
    needs_runner,
    other_runner,
    unknown_runner,
    word_for_sync,
)

if TYPE_CHECKING:
    import asyncio

    from anyio import TaskInfo

    from .contexts import Change
    from .runners import Runner
    from .settings import Settings

Wrapper = Generator[None, Any, Any]
_SCOPES = get_args(Scope)  # the widest first
_SPOKEN = frozenset({"anyrig", "filterwarnings"})  # the marks that say something to us


class Phases:
    """The hooks that frame each phase of each test."""

    def __init__(self, rig: Rig, checks: Checks) -> None:
        self._rig = rig
        self._limits = rig.limits
        guard, self._internal = rig.internal.guard, rig.internal
        # entered once for each phase; what gives something to tell has a guard of its own within
        self._opening = guard("beginning to watch a test")
        self._entering = guard("beginning a phase of a test")
        self._ending = guard("ending a phase of a test")
        self._judging = guard("judging the coroutines that nobody awaited")
        self._hearing = guard("hearing what was lost")
        self._asking = guard("asking whether a test's body ran")
        self._looking = guard("looking for what a test has left")
        self._ruling = guard("ruling on what was found")
        self._hidden = unseen.Hidden()
        self._riddles = Riddles()
        missed = self._missed = checks.missed
        self._lost = checks.lost
        self._generators = checks.generators
        self._threads = checks.threads
        # whether code of the user's runs in this setup or teardown: without it there is nothing to
        # look for at its end
        self._users_ran = False
        self._is_users = False  # whether it does in each phase of this test
        # whether a fixture was, in this setup, whosever it is, or something else may have made
        # what is to be seen at the end of the call
        self._was_set_up = False
        self._had_threads = False  # whether there were some that are new, when the last test ended
        # the node of the last test, and the settings as the marks on it and above change them
        self._parent: pytest.Item | pytest.Collector | None = None
        self._inherited = rig.settings
        # the settings of the last test, and what they say of the kinds that are asked for each
        self._settings = rig.settings
        self._wants_missed = self._run_wants_missed = rig.settings.is_on(Kind.MISSED_AWAIT)
        self._wants_body = rig.settings.is_on(Kind.NEVER_RAN)
        self._wants_lost = rig.settings.is_on(Kind.LOST_EXCEPTION)
        self._wants_generators = rig.settings.is_on(Kind.LEAKED_ASYNCGEN)
        # with --setup-only no body runs, and with --setup-plan no fixture either: nothing needs a
        # permission there
        self._bodies_run = not rig.config.getoption("setuponly", False)
        # the depth while a runner is at work before code of the test's begins
        self._depth = IDLE_DEPTH
        # the last value of `anyio_backend`, and the backend that it names
        self._value: object = None
        self._named: Backend | None = None
        rig.runners.tell_left = self._tell_left
        rig.runners.left_elsewhere = self._left_elsewhere
        rig.runners.tell_left_calls = self._tell_left_calls
        rig.runners.nothing_left = self._nothing_left
        rig.runners.failed_beside = self._failed_beside
        self._body_begins = functools.partial(missed.track, ORIGIN_DEPTH)
        self._body_ends = functools.partial(missed.track, RUNNER_DEPTH)

    # -- setup -----------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    @unseen.wrapper
    def pytest_runtest_setup(self, item: pytest.Item) -> Wrapper:
        self._rig.watch = self._rig.last = None
        try:
            self._open(item)
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self._opening.take(fault)
        try:
            result = yield
            if type(item) is not pytest.Function or self._is_crowded:
                self._ask_who_runs(item)
        except BaseException as error:
            told = as_told(lines.mended(error), self._rig.runners.ended)
            self._end_setup(told)
            if told is not error:
                raise told from None
            raise
        self._end_setup(None)
        return result

    @functools.cached_property
    def _is_crowded(self) -> bool:
        return is_crowded(self._rig.config.pluginmanager)

    def _ask_who_runs(self, item: Any) -> None:
        """Refuse what is up for a test that anyio's plugin does not run, and does nothing for it.

        A fixture of its own was refused when it was to be set up: `pytest_fixture_setup`.
        """
        watch = self._rig.watch
        is_async = watch is not None and watch.code is not None
        runner = other_runner(item) if is_async else None
        if runner is None:
            return
        for definition in self._rig.fixtures.among(item.fixturenames):
            asked = needs_runner(definition)
            if asked is not None:
                raise runner.refusal(asked)
        if self._settings.is_virtual:
            raise runner.refusal(VIRTUAL)

    def _open(self, item: pytest.Item) -> Watch:
        rig = self._rig
        if item.parent is not self._parent:
            self._parent = item.parent
            self._inherited = settings_for(item.parent, rig.settings)
        settings = self._inherited
        permits: Sequence[Permit] = ()
        if settings.allowed or not _SPOKEN.isdisjoint([mark.name for mark in item.own_markers]):
            settings = with_marks(settings, item)
            permits = author_permits(item, settings)
        nodeid = item.nodeid
        if settings is not self._settings:
            self._settings = settings
            rig.runners.cancel_timeout = settings.cancel_timeout
            self._wants_missed = settings.is_on(Kind.MISSED_AWAIT)
            self._wants_body = settings.is_on(Kind.NEVER_RAN)
            self._wants_lost = settings.is_on(Kind.LOST_EXCEPTION)
            self._wants_generators = settings.is_on(Kind.LEAKED_ASYNCGEN)
        if settings is not rig.settings:
            rig.rulings.note(nodeid, settings)
        function = getattr(item, "obj", None)
        if function is None:
            rig.note_doctest(item)
        else:
            names = getattr(item, "fixturenames", ())
            if "anyrig_clock" in names or (settings.is_virtual and _has_backend(item, names)):
                _put_first(item, "anyrig_clock")
            if "anyrig_fast_sleep" in names:
                _put_first(item, "anyrig_fast_sleep")
            if "subtests" in names:
                rig.announce()  # they make reports of their own
        codes = never_ran.bodies_of(function)
        code = codes[-1] if codes else None
        is_sure = code is None or never_ran.is_awaited(function, codes)
        body = None if code is None or is_sure else never_ran.Body(code)
        place = Place(nodeid, Phase.SETUP)
        rig.runners.test = nodeid
        rig.runners.ended = None
        self._limits.is_open = True
        watch = rig.watch = rig.last = Watch(item, settings, place, code, body, permits)
        if settings.timeout and settings.is_on(Kind.TIMEOUT):
            self._limits.begin(watch)
        self._limits.watch_loops()
        # what is no function may have a setup of its own
        self._users_ran = self._is_users = rig.has_own_hooks or function is None
        missed = self._missed
        if rig.is_between:
            missed.settle()
            rig.is_between = rig.has_own_hooks
        missed.enabled = self._wants_missed
        self._lost.enabled = self._wants_lost
        self._generators.enabled = self._wants_generators
        # who calls the function of a test and drops what that gives (``--trace``) drops ours
        missed.bodies = (wrong_backend.CODE, *codes) if codes and self._wants_body else ()
        missed.enter(place)
        if self._users_ran:
            missed.ensure()
        # a fixture of wider scope may have tasks running
        have_users = rig.fixtures.have_users()
        self._was_set_up = have_users or rig.has_others_hooks or self._had_threads
        self._depth = RUNNER_DEPTH if have_users else IDLE_DEPTH
        missed.track(ORIGIN_DEPTH if self._users_ran else self._depth)
        return watch

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    @unseen.wrapper
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Wrapper:
        self._was_set_up = True
        with self._entering:
            if self._rig.fixtures.begin(fixturedef, request):
                self._users_ran = True
                self._depth = RUNNER_DEPTH
                self._missed.ensure()
                self._missed.track(ORIGIN_DEPTH)
        if fixturedef.argname in NEED_RUNNER or hasattr(fixturedef.func, SERVICE):
            with self._refusing(fixturedef):
                return (yield)
        if self._is_crowded:
            with self._rig.runners.owned(self._rig.runners.owner(fixturedef)):
                return (yield)
        return (yield)

    def _refusal(self, definition: pytest.FixtureDef[Any]) -> Exception | None:
        """The error where a fixture of ours does nothing, for who runs the test is another."""
        asked = needs_runner(definition)
        watch = self._rig.watch
        if watch is None or asked is None:
            return None
        item: Any = watch.item
        if watch.code is not None:  # its function may be another by now, and a sync one
            runner = other_runner(item)
            return None if runner is None else runner.refusal(asked)
        word = word_for_sync(item, definition) if isinstance(item, pytest.Function) else None
        try:
            if word is not None:
                item.warn(pytest.PytestWarning(word))
        except pytest.PytestWarning as error:  # a filter makes an error of it
            return error
        return None

    @contextmanager
    def _refusing(self, definition: Any) -> Iterator[None]:
        """Have a fixture that would do nothing raise that, and the next test get another.

        It is raised where its function is called, or pytest would find it half set up.
        """
        refusal = self._refusal(definition)
        if refusal is None:
            yield
            return
        function = definition.func
        if definition.scope != "function":
            self._rig.runners.spoil(definition)
        definition.func = functools.partial(_raise, refusal)
        try:
            yield
        finally:
            definition.func = function

    @pytest.hookimpl(trylast=True)
    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        with self._ending:
            self._rig.fixtures.end(fixturedef)
        if self._rig.runners.ended is not None:
            self._limits.goes_on()

    def _end_setup(self, error: BaseException | None) -> None:
        watch = self._rig.watch
        if watch is None:
            return
        missed = self._missed
        try:
            self._limits.is_open = False
            if self._users_ran:
                missed.settle()
            if missed.dead:
                with self._judging:
                    self._hear(watch, missed.drain())
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self._ending.take(fault)
        if error is not None or self._lost.dead or self._generators.dropped:
            self._hear_rest(watch, error)
        self._rule(watch, error)

    # -- call ------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    @unseen.wrapper
    def pytest_runtest_call(self, item: pytest.Item) -> Wrapper:
        watch = body = replaced = say_again = owned = None
        try:
            try:
                if type(item) is not pytest.Function or self._is_crowded:
                    say_again = None if other_runner(item) is None else unsay()
                    owned = self._owned(item.nodeid)
                watch = self._enter(item, Phase.CALL)
                if type(item) is pytest.Function and not self._may_have_made():
                    self._missed.window.pass_over()  # pytest's own, and what there is for reports
                self._missed.ensure()
                body = watch.body if self._wants_body else None
                replaced = self._compare_backend(watch)
            except BaseException as fault:  # noqa: BLE001 - noted, or raised again
                self._entering.take(fault)
            try:
                result = (yield) if body is None else (yield from self._observed(body))
            finally:
                if replaced is not None:
                    setattr(*replaced)
                if say_again is not None:
                    say_again()
                if owned is not None:
                    owned.__exit__(None, None, None)
        except BaseException as error:
            told = as_told(lines.mended(error), self._rig.runners.ended)
            self._end_call(watch, told)
            if told is not error:
                raise told from None
            raise
        self._end_call(watch, None)
        return result

    def _owned(self, owner: object) -> AbstractContextManager[None]:
        """Entered: what is made in loops of others is known by this owner."""
        owned = self._rig.runners.owned(owner)
        owned.__enter__()
        return owned

    def _may_have_made(self) -> bool:
        """Whether anything may have been made since the last test that the call's end is to see."""
        return self._was_set_up or self._users_ran or self._limits.are_threads_new()

    def _observed(self, body: never_ran.Body) -> Wrapper:
        with ExitStack() as stack:
            with self._entering:
                stack.enter_context(body.observed())
            try:
                return (yield)
            finally:
                with self._ending:
                    stack.close()

    def _compare_backend(self, watch: Watch) -> tuple[object, str, Any] | None:
        """Have a test that anyio runs compare its backend with the one it names, when it begins.

        Returns what puts its function back where it was, for ``setattr``.
        """
        item: Any = watch.item
        holder, name = item, "obj"
        function: Any = getattr(item, "obj", None)
        value = None
        # what pytest calls by its own hook, as pytest-asyncio does in the end
        if type(item).runtest is pytest.Function.runtest or is_pytest_asyncios(item):
            value = item.funcargs.get("anyio_backend")
        if value is None:
            self._missed.track(ORIGIN_DEPTH)
            return None
        if value is not self._value:
            self._value, self._named = value, backend_of(value)
        named = self._named
        is_plain = watch.code is not None and watch.body is None
        if not is_plain:
            handle = getattr(function, "hypothesis", None)
            if handle is not None:
                self._users_ran = True  # strategies run between one runner and the next
                holder, name, function = handle, "inner_test", handle.inner_test
            code = getattr(function, "__code__", None)
            is_plain = code is not None and bool(code.co_flags & inspect.CO_COROUTINE)
        if named is None or not (is_plain or inspect.iscoroutinefunction(function)):
            self._missed.track(ORIGIN_DEPTH)
            return None
        if watch.settings.only is not None and leaves_out(watch.settings, value):
            chosen = ", ".join(backend.name for backend in watch.settings.chosen)
            pytest.skip(f"its own anyio_backend is {value!r}; this run is narrowed to {chosen}")
        if self._users_ran or not is_plain:
            # what is no plain `async def` makes its coroutine in code of the user's
            self._missed.track(self._depth if is_plain else ORIGIN_DEPTH)

        def compare() -> None:
            try:
                if not named.is_running():
                    self._is_elsewhere(watch, named)
                runner = self._rig.runners.current
                if runner is None or not runner.is_busy:
                    self._refuse_unknown(watch.item)
            except BaseException as fault:  # noqa: BLE001 - noted, or raised again
                self._entering.take(fault)

        framed = wrong_backend.framed(function, compare, self._body_begins, self._body_ends)
        setattr(holder, name, framed)
        return holder, name, function

    def _refuse_unknown(self, item: Any) -> None:
        """Raise where fixtures of ours do nothing, for a test has begun in no runner of ours."""
        asked = map(needs_runner, self._rig.fixtures.among(item.fixturenames))
        first = next(filter(None, asked), None)
        if first is not None:
            raise (other_runner(item) or unknown_runner(item)).refusal(first)

    def _is_elsewhere(self, watch: Watch, named: Backend) -> None:
        if not watch.settings.is_on(Kind.WRONG_BACKEND):
            return
        rig = self._rig
        other, running = other_runner(watch.item), running_name()
        elsewhere = None if other is None else (other.name, other.ways)
        finding = wrong_backend.finding(
            rig.origins, watch.place, watch.code, named, running, elsewhere, self._keeper()
        )
        finding = rig.rulings.of_one(watch, finding)
        watch.found.append(finding)
        if finding.is_failing:
            # at once: what a test shows on the wrong backend is worth nothing
            raise words.error([finding])

    def _keeper(self) -> wrong_backend.Keeper | None:
        """The fixture that keeps the runner of another backend, and what it takes to follow."""
        rig = self._rig
        keeper = rig.fixtures.keeper()
        if keeper is None:
            return None
        code = code_of(keeper.func)
        own = [one for one in rig.fixtures.among(("anyio_backend",)) if not is_ours(one.func)]
        own_code = code_of(own[0].func) if own else None
        taken = () if code is None else code.co_varnames[: code.co_argcount]
        return wrong_backend.Keeper(
            keeper.argname,
            keeper.scope,
            None if code is None else rig.origins.definition(code),
            "anyio_backend" in taken or hasattr(keeper.func, SERVICE),
            None if own_code is None else rig.origins.definition(own_code),
            not own or _SCOPES.index(own[0].scope) <= _SCOPES.index(keeper.scope),
        )

    def _end_call(self, watch: Watch | None, error: BaseException | None) -> None:
        if watch is None:
            return
        try:
            self._limits.is_open = False
            missed = self._missed
            missed.settle()
            if missed.dead or missed.alive:
                with self._judging:
                    self._judge_call(watch)
            if watch.body is not None and error is None:
                with self._asking:
                    self._ask_body(watch, watch.body)
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self._ending.take(fault)
        if error is not None or self._lost.dead or self._generators.dropped:
            self._hear_rest(watch, error)
        self._rule(watch, error)

    def _judge_call(self, watch: Watch) -> None:
        own_teardown = self._rig.fixtures.have_own_teardown()
        judged = self._missed.judge(
            self._rig.holder,
            lambda place: place == watch.place,
            lambda holder: _may_still_await(holder, own_teardown=own_teardown),
        )
        self._hear(watch, self._missed.drain() + judged)

    def _ask_body(self, watch: Watch, body: never_ran.Body) -> None:
        if body.ran or watch.told_never_ran:
            return
        rig = self._rig
        finding = never_ran.finding(
            rig.origins, watch.place, watch.item.name, body.code, started=body.starts > 0
        )
        watch.found.append(rig.rulings.of_one(watch, finding))

    def _tell_left(self, runner: Runner, infos: Sequence[TaskInfo]) -> None:
        """Tasks were left in a runner that closes, or that the next test gets."""
        rig = self._rig
        watch = rig.watch or rig.last
        if watch is None or not watch.settings.is_on(Kind.LEAKED_TASK):
            return
        found: list[Finding] = []
        for info in infos:
            with self._looking:
                maker = runner.maker_of(info)
                if isinstance(maker, str) and maker != watch.place.test:
                    self._tell_of_earlier(maker, info)  # a wider fixture has kept it until now
                    continue
                finding = self._left(
                    *(watch.place, watch.settings, str(info.name), info.coro), maker
                )
                found += [] if finding is None else [self._of_left(watch, finding)]
        told = merge(found)
        if rig.watch is not None:
            watch.found = merge([*watch.found, *told])
        elif told:
            # fixtures that a stopped run ends after its last test
            rig.strays += [replace(finding, place=BETWEEN_TESTS) for finding in told]
            rig.announce()

    def _tell_of_earlier(self, test: str, info: TaskInfo) -> None:
        """A task is told of a test before the running one, which has made it."""
        place, settings = Place(test, Phase.CALL), self._rig.rulings.settings_of(test)
        if settings.is_on(Kind.LEAKED_TASK):
            finding = self._left(place, settings, str(info.name), info.coro, test)
            if finding is not None:
                self._tell_stray(finding, None)

    def _tell_stray(self, finding: Finding, permit: object) -> None:
        """A finding of a test that is over."""
        self._rig.strays += self._rig.rulings.of_others([(finding, permit)])
        self._rig.announce()

    def _tell_left_calls(self, functions: Sequence[Callable[..., object]]) -> None:
        """Calls were left in the executor of a loop that closes."""
        watch = self._rig.watch
        if watch is None or not watch.settings.is_on(Kind.LEAKED_TASK):
            return
        for function in functions:
            with self._looking:
                finding = leaked_task.of_call(self._rig.origins, watch.place, function, watch.code)
                watch.found.append(self._of_left(watch, finding))

    def _of_left(self, watch: Watch, finding: Finding) -> Finding:
        """Rule on the finding for a leaked task."""
        finding = self._rig.rulings.of_one(watch, finding)
        if finding.is_failing and is_lenient(watch):
            return warned(finding)
        return finding

    def _failed_beside(self, runner: Runner, infos: Sequence[TaskInfo]) -> None:
        """The test, or a fixture of it, has failed while other tasks were running."""
        from .tasks.tree import draw_beside

        watch = self._rig.watch
        if watch is None:
            return
        names = getattr(watch.item, "fixturenames", ())
        # a fixture that the test does not use has nothing to do with it
        own = [one for one in infos if _is_used(runner.maker_of(one), names)]
        watch.beside = draw_beside(self._rig.origins, own)
        self._rig.announce()

    def _nothing_left(self) -> None:
        """A runner closes, and what it makes to do so is none of ours, unless the user has code.

        That may be a generator's that the loop closes, a fixture's or a hook's.
        """
        are_known = self._wants_generators and not self._generators.have_begun
        if are_known and not self._users_ran:
            self._missed.track(IDLE_DEPTH)

    def _left_elsewhere(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        """Tasks were left in a loop of the test's own, or of another plugin's."""
        for task in tasks:
            with self._looking:
                self._tell_elsewhere(task)

    def _tell_elsewhere(self, task: asyncio.Task[Any]) -> None:
        rig, watch = self._rig, self._rig.watch
        maker = rig.runners.maker_of(task)
        place = self._missed.place_of(threading.current_thread())
        if isinstance(maker, str):
            place = Place(maker, Phase.CALL)
        is_own = watch is not None and place.test == watch.place.test
        if watch is not None and is_own:
            place, settings = watch.place, watch.settings
        else:
            settings = rig.rulings.settings_of(place.test)
        if place.test is None or not settings.is_on(Kind.LEAKED_TASK):
            return
        finding = self._left(place, settings, task.get_name(), task.get_coro(), maker)
        if finding is None or finding.origin is None:
            return  # a library's, and no line of the user's asked for it
        if watch is not None and is_own:
            watch.found.append(_lenient(rig.rulings.of_one(watch, finding), settings))
        else:  # an earlier test's: of a thread that it started, or of a loop wider than it
            others = rig.rulings.of_others([(finding, None)])
            rig.strays += [_lenient(one, settings) for one in others]
            if threading.current_thread() is threading.main_thread():
                rig.announce()

    def _left(
        self, place: Place, settings: Settings, name: str, coroutine: Any, maker: object
    ) -> Finding | None:
        """The finding for a task that was left; None for one that a setting names."""
        if is_known_task(name, chain(coroutine), settings.known_tasks):
            return None
        rig = self._rig
        whose = None if maker is None or isinstance(maker, str) else rig.runners.name_of(maker)
        return leaked_task.finding(rig.origins, place, name, coroutine, whose)

    # -- teardown --------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    @unseen.wrapper
    def pytest_runtest_teardown(self, item: pytest.Item) -> Wrapper:
        rig = self._rig
        watch = None
        try:
            watch = self._enter(item, Phase.TEARDOWN)
            self._users_ran = self._is_users or rig.fixtures.have_own_teardown()
            if self._users_ran:
                self._missed.ensure()
                self._missed.track(ORIGIN_DEPTH)
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self._entering.take(fault)
        try:
            try:
                result = yield
            finally:
                if rig.runners.spoilt:
                    self._end_spoilt()
        except BaseException as error:
            told = as_told(lines.mended(error), self._rig.runners.ended)
            self._end_teardown(watch, told)
            if told is not error:
                raise told from None
            raise
        self._end_teardown(watch, None)
        return result

    def _end_spoilt(self) -> None:
        """Raise what the teardown of the spoilt fixtures raises, beside what the teardown did."""
        errors: list[BaseException] = []
        with self._internal.guard("ending the fixtures that nothing can use any more"):
            errors = self._rig.runners.end_spoilt()
        failed = sys.exception()
        if failed is not None and errors:
            errors.insert(0, failed)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            # each of them is told in the group, once
            raise BaseExceptionGroup("errors while tearing down", errors) from None

    def _end_teardown(self, watch: Watch | None, error: BaseException | None) -> None:
        if watch is None:
            return
        rig, missed = self._rig, self._missed
        try:
            self._limits.is_open = False
            if self._users_ran:
                missed.settle()
            try:
                rig.runners.look_for_left()
                if rig.runners.spoilt:  # what was left lets nothing run beside it
                    rig.runners.late += rig.runners.end_spoilt()
                self._look_for_changed(watch)
                if self._threads.noted:
                    self._look_for_threads(watch)
            except BaseException as fault:  # noqa: BLE001 - noted, or raised again
                self._looking.take(fault)
            missed.collect()
            if missed.dead or missed.alive:
                with self._judging:
                    judged = missed.judge(rig.holder, *self._last_asked(watch))
                    self._hear(watch, missed.drain() + judged)
            if self._lost.held:
                with self._hearing:
                    self._lost.judge(rig.holder, *self._last_asked(watch))
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self._ending.take(fault)
        if error is not None or self._lost.dead or self._generators.dropped:
            self._hear_rest(watch, error)
        try:
            self._close()
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self._ending.take(fault)
        self._rule(watch, error)
        unused = None
        if watch.permits and not watch.has_failed and self._bodies_run:
            with self._ruling:
                unused = watch.unused()
        if unused is not None:
            rig.announce()
            raise unused

    def _look_for_threads(self, watch: Watch) -> None:
        rig = self._rig
        is_on = watch.settings.is_on(Kind.LEAKED_THREAD)
        fixtures = rig.fixtures
        left = self._threads.left(
            *(watch.place.test or "", fixtures.is_live, fixtures.keeper_of),
            functools.partial(_let_go, watch.item),
        )
        for leaked in left:
            if not is_on or is_known_thread(leaked.thread, watch.settings.known_threads):
                continue
            owner, place = leaked.start.owner, leaked.start.place
            is_own = isinstance(owner, str)
            finding = leaked_thread.finding(
                rig.origins,
                leaked,
                place if is_own else watch.place,
                None if is_own else rig.runners.name_of(owner),
            )
            if is_own and place.test != watch.place.test:
                self._tell_stray(finding, leaked.start.permit)  # a wider fixture has kept it
            else:
                watch.found.append(rig.rulings.of_one(watch, finding, leaked.start.permit))
        watch.found = merge(watch.found)

    def _look_for_changed(self, watch: Watch) -> None:
        rig = self._rig
        changes = rig.runners.left_changed()
        if changes and watch.settings.is_on(Kind.LEAKED_CONTEXTVAR):
            findings = [self._changed(watch, change) for change in changes]
            watch.found += [rig.rulings.of_one(watch, finding) for finding in findings]

    def _changed(self, watch: Watch, change: Change) -> Finding:
        rig, fixture = self._rig, change.fixture
        code = code_of(getattr(watch.item, "obj", None) if fixture is None else fixture.func)
        origin = None if code is None else rig.origins.definition(code)
        maker = None if fixture is None else rig.runners.name_of(fixture)
        return leaked_contextvar.finding(watch.place, change, origin, maker)

    def _last_asked(self, watch: Watch) -> tuple[Callable[[Place], bool], Callable[[Holder], bool]]:
        """Whose things are judged at the end of a test, and whose holders may still use them."""
        rig = self._rig
        everything = rig.fixtures.wide_one_ended

        def chosen(place: Place) -> bool:
            # what no test made is judged when the run ends
            return place.test == watch.place.test or (everything and place.test is not None)

        def waits(holder: Holder) -> bool:
            if holder.held in (Held.GLOBAL, Held.CLASS):
                return rig.fixtures.may_reach(holder, watch.item)
            return _may_await_ever(holder)

        return chosen, waits

    def _close(self) -> None:
        rig, missed = self._rig, self._missed
        rig.watch = None
        self._limits.limit = None
        rig.fixtures.wide_one_ended = False
        self._had_threads = self._limits.are_threads_new()
        lost = self._lost
        lost.enabled = False
        self._generators.forget()
        if rig.rulings.have_noted:
            late = missed.dead, missed.alive, lost.dead, lost.held, self._threads.have_starts
            if not any(late):
                marks = missed.births.marks()
                rig.rulings.forget(but={one.test for one in marks if isinstance(one, Place)})
        missed.here = BETWEEN_TESTS
        missed.enabled = self._run_wants_missed

    # -- each ------------------------------------------------------------------------------------

    def _enter(self, item: pytest.Item, phase: Phase) -> Watch:
        watch = self._rig.watch
        if watch is None or watch.item is not item:
            watch = self._open(item)  # something else than pytest's own protocol runs the phases
        watch.found = []
        watch.causes = []
        watch.late = []
        watch.beside = []
        watch.riddle = None
        watch.place = self._missed.here = Place(watch.place.test, phase)
        self._rig.runners.ended = None
        self._limits.is_open = True
        if self._limits.limit is not None:
            self._limits.enter(self._limits.limit)
        return watch

    def _hear(self, watch: Watch, missed: list[Missed]) -> None:
        """Rule on what was found in a phase: the test's own, and what others left."""
        rulings = self._rig.rulings
        mine = [one for one in missed if one.place.test == watch.place.test]
        others = [one for one in missed if one.place.test != watch.place.test]
        watch.found += rulings.of_test(watch, mine)
        self._rig.strays += rulings.of_run(others)
        if self._rig.strays:
            self._rig.announce()

    def _hear_rest(self, watch: Watch, error: BaseException | None) -> None:
        """Hear what was lost and dropped in a phase that has ended, maybe in an error."""
        if error is not None:
            self._hidden.ensure()
            if isinstance(error, ClockError):
                self._rig.announce()  # its report has the words alone
            with self._hearing:
                watch.told |= _errors_in(error)
                explain_mocks(error)
                known = Known(
                    *(watch.item, self._rig.origins, self._rig.fixtures),
                    *(self._rig.runners.loop, self._missed.births.mark_of),
                )
                watch.riddle = self._riddles.explain(error, known)
                if watch.riddle is not None:
                    self._rig.announce()
                if isinstance(error, KeyboardInterrupt):
                    self._limits.whereabouts.interrupted_at(watch, error)
        if self._lost.dead:
            with self._hearing:
                self._hear_lost(watch)
        if self._generators.dropped:
            with self._hearing:
                self._hear_dropped(watch, error)

    def _hear_lost(self, watch: Watch) -> None:
        """Rule on what was lost in a phase, but for what the test heard or fails with."""
        rig = self._rig
        new = [lost for lost in self._lost.drain() if id(lost.loss.error) not in watch.told]
        others = [lost for lost in new if lost.place.test != watch.place.test]
        ruled: list[Finding] = []
        for lost in new:
            if lost in others or _was_heard(watch.item, lost):
                continue
            permit = lost.permit or author_permits_loss(watch.item, lost.loss.way)
            finding = lost_exception.finding(rig.origins, lost)
            ruled.append(rig.rulings.of_one(watch, finding, permit))
            if ruled[-1].is_failing:
                watch.causes.append(lost.loss.error)
        watch.found = merge([*watch.found, *ruled])
        rig.strays += rig.lost_by_others(others)
        if rig.strays:
            rig.announce()

    def _hear_dropped(self, watch: Watch, error: BaseException | None) -> None:
        """Rule on the async generators that were dropped in a phase, but by its own failure."""
        rig = self._rig
        for dropped in self._generators.drain():
            finding, permit = leaked_asyncgen.finding(rig.origins, dropped), dropped.token[1]
            if finding.place.test not in (None, watch.place.test):
                self._tell_stray(finding, permit)  # of an earlier test's task, on a wider loop
            elif error is None or dropped.by_leaving:
                watch.found.append(rig.rulings.of_one(watch, finding, permit))
        watch.found = merge(watch.found)

    def _rule(self, watch: Watch, error: BaseException | None) -> None:
        """Raise a `FindingError` where a finding has to fail the phase that has just ended.

        ``error`` is what the phase itself raised: where that fails the test, nothing is raised,
        and the report gets the findings in addition.
        """
        rig = self._rig
        has_more = rig.runners.late or self._limits.noted or self._internal.new
        if error is None and not (watch.found or has_more):
            return
        with self._ruling:
            noted = self._limits.drain() if self._limits.noted else []
            watch.found += [rig.rulings.of_one(watch, finding) for finding in noted]
        late, rig.runners.late = rig.runners.late, []
        if watch.found or isinstance(error, FindingError) or late or self._internal.new:
            rig.announce()
        watch.has_skipped |= error is not None and _is_skip(error) and not gave_up(error)
        if watch.has_skipped:
            watch.found = [*map(warned, watch.found)]
        failing = [finding for finding in watch.found if finding.is_failing]
        watch.has_failed |= bool(failing or late) or error is not None
        if error is not None and not _is_skip(error):
            watch.late += late
            return
        if failing:
            self._hidden.ensure()  # pytest parses the whole file of each frame that it would show
            cause = _cause_of(watch) or error
            raise self._worded(failing, late) from cause
        if late:
            raise late[0] if len(late) == 1 else BaseExceptionGroup("at the end of loops", late)

    def _worded(self, failing: Sequence[Finding], late: Sequence[BaseException]) -> FindingError:
        """What fails the test: it does, also where there are no more words than the summaries."""
        with self._ruling:
            after = "".join(f"\n\n{words.of_late(one)}" for one in late)
            return words.error(failing, after=after)
        self._rig.announce()
        return FindingError("\n".join(one.summary for one in failing), failing)


def _lenient(finding: Finding, settings: Settings) -> Finding:
    """A task left in a loop of another's: suites that nobody has written for this have many."""
    return finding if Kind.LEAKED_TASK in settings.chosen_kinds else warned(finding)


def _is_skip(error: BaseException) -> bool:
    """Whether it is what a test is skipped by, pytest's or unittest's."""
    unittest: Any = sys.modules.get("unittest")
    skips = (pytest.skip.Exception, *(() if unittest is None else (unittest.SkipTest,)))
    return isinstance(error, skips)


def _raise(error: BaseException, **_: object) -> None:
    __tracebackhide__ = True
    raise error


def _has_backend(item: pytest.Item, names: Sequence[str]) -> bool:
    """Whether a test runs on a backend: a mark on a class or a module is for these alone."""
    return "anyio_backend" in names or is_migrating(item)


def _is_used(owner: object, names: Sequence[str]) -> bool:
    """Whether it is the test itself that a task was made for, or a wider fixture that it uses."""
    return owner is None or isinstance(owner, str) or getattr(owner, "argname", "") in names


def _let_go(item: Any, generation: int) -> None:
    """Take the values of a test's fixtures from it, those that nothing else holds any more.

    pytest does so after the test's last report; what ends with its object ends no sooner. An error
    that the test has caught holds its frames, and what they used: it goes with a collection.
    """
    gc.collect(generation)
    values: dict[str, Any] = getattr(item, "funcargs", None) or {}
    for name in list(values):
        # the dict and the argument
        if sys.getrefcount(values[name]) <= 2:
            del values[name]


def _put_first(item: Any, fixture: str) -> None:
    """Have a fixture set up before all others of a test: with the marker, one that it lacks."""
    # a list of its own: the items of one function share theirs
    item.fixturenames = [fixture, *(name for name in item.fixturenames if name != fixture)]


def _cause_of(watch: Watch) -> BaseException | None:
    """The exceptions that the failing findings are about, as one."""
    causes, watch.causes = [one for one in watch.causes if safe.can_be_shown(one)], []
    if len(causes) > 1:
        return BaseExceptionGroup("lost exceptions", causes)
    return causes[0] if causes else None


def _was_heard(item: pytest.Item, lost: Lost) -> bool:
    """Whether an exception that nobody saw was raised into the test's own function afterwards."""
    name = getattr(item, "originalname", None) or item.name
    return lost_exception.reached_later(lost, str(item.path), name)


def _errors_in(error: BaseException) -> set[int]:
    """The ids of an error, and of all in it and behind it."""
    ids: set[int] = set()
    rest: list[BaseException | None] = [error]
    while rest:
        one = rest.pop()
        if one is not None and id(one) not in ids:
            ids.add(id(one))
            rest += (one.__cause__, one.__context__)
            rest += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
    return ids


def _may_await_ever(holder: Holder) -> bool:
    """Whether what a holder keeps after its test can still be awaited by somebody who means to."""
    if holder.held is Held.SCHEDULER:
        is_closed = getattr(holder.owner, "is_closed", None)
        return is_closed is None or not is_closed()
    if holder.held is Held.THREAD:
        return bool(holder.owner.is_alive())
    if holder.held is Held.OTHER:
        return any(
            thread is not threading.current_thread() and not is_pooled(thread)
            for thread in threading.enumerate()
        )
    return holder.held is Held.FIXTURE


def _may_still_await(holder: Holder, *, own_teardown: bool) -> bool:
    """Whether what a holder keeps after a test's call can still be awaited."""
    if holder.held in (Held.SCHEDULER, Held.FIXTURE, Held.THREAD):
        return _may_await_ever(holder)
    if holder.held is Held.FRAME:
        return False
    return holder.held in (Held.OTHER, Held.INSTANCE) or own_teardown
