"""What the runners ask of the run: whose fixture, whose line, and which fixtures are spoilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from .ends import Stopped, as_told
from .findings import TaskDidNotEnd
from .internal import Internal
from .live_fixtures import LiveFixtures
from .losses import Loss
from .origins import Origins, RawFrame, raw_frames
from .own import inspect, threading
from .own import traceback as tracebacks
from .seams import anyio as anyio_seam
from .seams import asyncio as asyncio_seam
from .seams import asyncio_errors
from .who_runs import SERVICE

if TYPE_CHECKING:
    import asyncio

    from anyio import TaskInfo

    from .clock.course import Course
    from .contexts import Change
    from .seams.asyncio_threads import Call as ThreadCall
    from .seams.asyncio_threads import StartOf


class RunnerHost:
    """Makes a run's runners, and tears down early what a runner can't use again."""

    def __init__(
        self,
        fixtures: LiveFixtures,
        origins: Origins,
        cancel_timeout: float,
        internal: Internal,
    ) -> None:
        self.cancel_timeout = cancel_timeout
        self.internal = internal
        guard = internal.guard
        # what guards a call's begin and end, what explains its end, and what looks after it
        self.guards = (
            guard("beginning a call"),
            guard("ending a call"),
            guard("explaining what cut off a call"),
            guard("looking for what was left in a loop"),
        )
        self._fixtures = fixtures
        self._origins = origins
        self._stack = ExitStack()
        # fixtures whose cancel scope is cancelled while they are up: no test can await in them
        self.spoilt: list[pytest.FixtureDef[Any]] = []
        self.late: list[BaseException] = []  # what the ends of runners raised in this phase
        # the runners that are open, the one that runs or ran a call last at the end: anyio's plugin
        # has one at a time, the shim one for each scope of a loop
        self._runners: list[Any] = []
        self._create: Callable[..., Any] | None = None
        # the tests that have left what a wider fixture keeps, in their order
        self._kept_of: dict[object, None] = {}
        self.test: str | None = None  # the id of the running one
        self.course: Course | None = None  # the virtual time that it is in
        # what the running phase of it was ended for: nothing begins in that phase any more
        self.ended: BaseException | None = None
        self.made: Callable[[], None] = lambda: None  # called when there is a new runner
        # who the task is for that runs, as `owner` says it; None outside of those of a runner
        self._current_owner: Callable[[], object] = lambda: None
        # called with the tasks that were left in a loop that is no runner's of ours
        self.left_elsewhere: Callable[[Sequence[asyncio.Task[Any]]], object] = lambda tasks: None
        # called with the functions that were left running in a loop's executor
        self.tell_left_calls: Callable[[Sequence[Callable[..., object]]], None] = lambda calls: None
        # called when a runner closes in which nothing was left
        self.nothing_left: Callable[[], None] = lambda: None
        # called with the tasks of a loop that Ctrl-C interrupts
        self.interrupted: Callable[[Sequence[TaskInfo]], None] = lambda infos: None
        # called with a runner and the tasks beside which a call has failed in it
        self.failed_beside: Callable[[Any, Sequence[TaskInfo]], None] = lambda runner, infos: None
        # called with a call of another thread that an asyncio loop was not told of
        self.called_from_thread: Callable[[ThreadCall], None] = lambda call: None
        # what gives the frames that have started a thread
        self.start_of: StartOf = lambda thread: ()
        # called with a runner and the tasks that were left in it
        self.tell_left: Callable[[Any, Sequence[TaskInfo]], None] = lambda runner, infos: None
        # called with an exception that was lost, and the thread if it may be another test's;
        # answers whether it is told
        self.take_loss: Callable[[Loss, threading.Thread | None], bool]
        self.take_loss = lambda loss, thread: False
        # the same for a loop that is no runner's of ours
        self.lose_elsewhere: Callable[[Loss, asyncio.AbstractEventLoop], bool]
        self.lose_elsewhere = lambda loss, loop: False
        # what is entered for each call, inside of the loop
        self.watching: Callable[[], AbstractContextManager[object]] = nullcontext

    def install(self) -> None:
        """Have anyio's plugin ask us for its runners, from now to `uninstall`."""
        self._stack.enter_context(anyio_seam.provided(self._make))
        self._stack.enter_context(asyncio_seam.noting_left(self.left_elsewhere))
        self._stack.enter_context(asyncio_errors.overhearing(self.lose_elsewhere))

    def uninstall(self) -> None:
        """Let anyio's plugin make its own runners again."""
        self._stack.close()

    def _make(self, library: str, options: dict[str, Any]) -> Any:
        if self._create is None:  # an import costs each test that gets a runner
            from .runners import OWNER, create

            self._create, self._current_owner = create, OWNER.get
        runner = self._create(self, library, options)
        self._runners.append(runner)
        self.made()
        return runner

    @property
    def current(self) -> Any:
        """The runner that runs a call, or ran the last one; None where there is none."""
        return self._runners[-1] if self._runners else None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of that runner; None where it has none, or none that is asyncio's."""
        current: Any = self.current
        loop: asyncio.AbstractEventLoop | None = None if current is None else current.loop
        return loop

    def runs(self, runner: Any) -> None:
        """A runner is about to run a call."""
        if self._runners[-1] is not runner:
            self._runners.remove(runner)
            self._runners.append(runner)

    def is_cut_off(self, error: BaseException) -> bool:
        """Whether an error ends what runs, and nobody has a right to take it for his own.

        That is what ends the phase, and a cancellation by the scope of a fixture.
        """
        if self.ended is not None or isinstance(error, Stopped):
            return as_told(error, self.ended) is not error
        runner = self.current
        if runner is None or runner.call is None or not runner.is_running():
            return False
        return isinstance(error, runner.cancelled) and runner.is_cancelled()

    def give_up(self, error: BaseException) -> None:
        """End what runs in the runner with this error, and have the next test get a new one.

        To be called in the runner's loop; see `Runner.give_up`.
        """
        self.current.give_up(error)

    def look_for_left(self) -> None:
        """Tell what the running test has left, where its runner is kept for the next.

        What the value of a wider fixture holds is that one's until it ends; then it is told of the
        test that made it.
        """
        makers: list[object] = [self.test]
        if self._kept_of and self._fixtures.wide_one_ended:
            makers += [maker for maker in self._kept_of if maker != self.test]
            self._kept_of.clear()
        for runner in [one for one in self._runners if one.given_up is None]:
            for maker in makers:
                left = self._not_kept(runner, runner.left(maker), maker)
                if left:
                    self.tell_left(runner, left)

    def _not_kept(
        self, runner: Any, infos: Sequence[TaskInfo], maker: object
    ) -> Sequence[TaskInfo]:
        """Those of the tasks that no live fixture's value holds; the others will be asked again."""
        if not infos:
            return infos
        tasks, keeper_of = runner.by_id(), self._fixtures.keeper_of
        kept = [one.id for one in infos if one.id in tasks and keeper_of(tasks[one.id]) is not None]
        if kept:
            runner.ask_again([tasks[one] for one in kept])
            self._kept_of[maker] = None
        return [info for info in infos if info.id not in kept]

    def left_changed(self) -> list[Change]:
        """The context variables that the running test leaves changed for the next one."""
        if self.test is None:
            return []
        return [change for runner in self._runners for change in runner.left_changed(self.test)]

    def lose(self, loss: Loss) -> bool:
        """An exception was lost; whether it is told, so that it need not be raised."""
        return self.take_loss(loss, None)

    def lose_here(self, loss: Loss) -> bool:
        """The same, where this thread may be one that another test has started."""
        return self.take_loss(loss, threading.current_thread())

    def did_not_end(self, coroutines: Sequence[tuple[str, Any]]) -> TaskDidNotEnd:
        """The error for tasks, by their names, that went on when their loop closed."""
        from .tasks.tree import Node, did_not_end
        from .tasks.waiting import lines

        tree = [Node(name, (), [], []) for name, _ in coroutines]
        with self.internal.guard("drawing the tasks that do not end"):
            tree = [Node(name, (), lines(coro, self._origins), []) for name, coro in coroutines]
        return did_not_end(tree, self.cancel_timeout)

    def close(self, runner: Any, error: BaseException | None) -> None:
        """A runner runs nothing any more; what its end raised fails the phase."""
        if runner in self._runners:
            self._runners.remove(runner)
        if error is not None:
            self.late.append(error)

    @contextmanager
    def owned(self, owner: object) -> Iterator[None]:
        """Have tasks that another plugin's loop makes while entered be known by who made them.

        They descend from a copy of this context, where that plugin takes one (pytest-asyncio).
        """
        from .runners import OWNER

        token = OWNER.set(owner)
        try:
            yield
        finally:
            OWNER.reset(token)

    def maker_of(self, task: asyncio.Task[Any]) -> object:
        """Who a task of another's loop was made for, as `owner` says it; None if nobody knows."""
        from .runners import owner_in

        return owner_in(asyncio_errors.context_of(task))

    # -- what a runner asks ------------------------------------------------------------------------

    def current_fixture(self) -> pytest.FixtureDef[Any] | None:
        """The fixture that is being set up."""
        return self._fixtures.latest()

    def owner(self, fixture: pytest.FixtureDef[Any] | None) -> object:
        """Who a call is for: the running test's id, or this fixture where it is wider."""
        return self.test if fixture is None or fixture.scope == "function" else fixture

    def running_owner(self, frames: Sequence[RawFrame]) -> object:
        """Who the code is for that runs in these frames; None where only its thread can tell."""
        return self._fixtures.wider_one(frames) or self._current_owner()

    def name_of(self, fixture: Any) -> str:
        """A fixture in words: "the fixture `x`", or "the service `x`"."""
        if fixture is None:
            return "a fixture"
        is_service = hasattr(inspect.unwrap(fixture.func), SERVICE)
        return f"the {'service' if is_service else 'fixture'} `{fixture.argname}`"

    def is_failure(self, error: BaseException) -> bool:
        """Whether it fails the test: it neither skips it nor ends the run."""
        skips = isinstance(error, pytest.skip.Exception | pytest.xfail.Exception)
        return not (skips or self.ends_run(error))

    def ends_run(self, error: BaseException) -> bool:
        """Whether it is no failure of one test, but the end of the whole run."""
        return isinstance(error, KeyboardInterrupt | SystemExit | pytest.exit.Exception)

    def spoil(self, fixture: pytest.FixtureDef[Any]) -> None:
        """Have a fixture, and all async ones set up since, torn down when the test ends."""
        if fixture not in self.spoilt:
            self.spoilt.append(fixture)

    def users_line(self, traceback: TracebackType | None) -> str | None:
        """The innermost line of the user's in a traceback, as ``path:line: source``."""
        origin = None
        with self.internal.guard("locating a line of a traceback"):
            frames = raw_frames(tracebacks.walk_tb(traceback))
            if any(self._origins.is_users(frame[0]) for frame in frames):
                origin = self._origins.locate(frames[::-1])
        return None if origin is None else f"{origin}: {origin.source}"

    # -- what the end of a test asks ---------------------------------------------------------------

    def end_spoilt(self) -> list[BaseException]:
        """Tear the spoilt fixtures down, so that the next test gets new ones; what that raised."""
        errors: list[BaseException] = []
        for fixture, request in self._to_end():
            try:
                fixture.finish(request)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | pytest.exit.Exception):
                    raise
                errors.append(error)
        self.spoilt.clear()
        return errors

    def _to_end(self) -> Iterator[tuple[pytest.FixtureDef[Any], Any]]:
        """Those, last first, with all async ones that were set up after the first of them.

        These are enclosed by the same cancel scope, whether or not they depend on it; also one
        whose setup it cancelled, for pytest keeps the error for the next test that asks for it.
        """
        live = self._fixtures.requests()
        first = next((index for index, one in enumerate(live) if one[0] in self.spoilt), len(live))
        for fixture, request in reversed(live[first:]):
            function = inspect.unwrap(fixture.func)
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
                yield fixture, request
