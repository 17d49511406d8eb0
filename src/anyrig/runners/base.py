"""What the runners of both backends share: calls, who cancelled one, and each error told once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar
from weakref import WeakSet

from anyio import TaskInfo
from anyio.abc import TestRunner
from outcome import Error, Outcome, Value

from ..backends import call_later
from ..clock.course import COURSE, Course
from ..contexts import Change, Step, changes
from ..ends import Stopped, is_end
from ..findings import CancelledByFixture, ClockError, FindingError, TaskDidNotEnd
from ..internal import Guard, Internal
from ..losses import Loss
from ..own import asyncio, contextvars
from ..seams import anyio as anyio_seam

if TYPE_CHECKING:
    import threading
    from asyncio import AbstractEventLoop

    from ..seams.asyncio_threads import Call as ThreadCall
    from ..seams.asyncio_threads import Untold

T = TypeVar("T")


class Fixture(Protocol):
    """A fixture as pytest defines it."""

    @property
    def argname(self) -> str:
        """What tests call it."""
        raise NotImplementedError


class Host(Protocol):
    """What a runner asks of the run that it serves."""

    @property
    def internal(self) -> Internal:
        """Where what fails in us is noted, so that it harms no call."""
        raise NotImplementedError

    @property
    def test(self) -> str | None:
        """The id of the running test."""
        raise NotImplementedError

    @property
    def guards(self) -> tuple[Guard, Guard, Guard, Guard]:
        """What guards a call's begin and end, what explains its end, and what looks after it."""
        raise NotImplementedError

    def owner(self, fixture: Any) -> object:
        """Who a call is for: the running test's id, or this fixture where it is wider."""
        raise NotImplementedError

    @property
    def cancel_timeout(self) -> float:
        """How many seconds what is left may take to end once it is cancelled."""
        raise NotImplementedError

    @property
    def course(self) -> Course | None:
        """The virtual time of the running test, where it has one."""
        raise NotImplementedError

    @property
    def ended(self) -> BaseException | None:
        """What the running phase of the test was ended for, if it was: nothing begins in it."""
        raise NotImplementedError

    def did_not_end(self, coroutines: Sequence[tuple[str, Any]]) -> TaskDidNotEnd:
        """The error for tasks, by their names, that went on when their loop closed."""
        raise NotImplementedError

    def runs(self, runner: Any, /) -> None:
        """A runner is about to run a call."""

    def close(self, runner: Any, error: BaseException | None, /) -> None:
        """A runner runs nothing any more; what its end raised is to fail the phase.

        It does not raise this itself: anyio's plugin would keep the runner for the next test.
        """
        raise NotImplementedError

    def look_for_left(self) -> None:
        """Tell what the running test has left, where its runner is kept."""
        raise NotImplementedError

    def tell_left(self, runner: Any, infos: Sequence[TaskInfo], /) -> None:
        """Tasks were left."""
        raise NotImplementedError

    def watching(self) -> AbstractContextManager[object]:
        """To be entered inside of the loop for each call: what watches its async generators."""
        raise NotImplementedError

    def lose(self, loss: Loss, /) -> bool:
        """An exception was lost; whether it is told, so that it need not be raised."""
        raise NotImplementedError

    def lose_here(self, loss: Loss, /) -> bool:
        """The same, where this thread may be one that another test has started."""
        raise NotImplementedError

    def left_elsewhere(self, tasks: Sequence[asyncio.Task[Any]], /) -> object:
        """Tasks were left in a loop that is no runner's."""
        raise NotImplementedError

    def tell_left_calls(self, functions: Sequence[Callable[..., object]], /) -> None:
        """Calls in the loop's executor were left."""
        raise NotImplementedError

    def nothing_left(self) -> None:
        """Nothing was left in a runner that is about to close."""

    def interrupted(self, infos: Sequence[TaskInfo], /) -> None:
        """Ctrl-C is about to end what runs."""

    def called_from_thread(self, call: ThreadCall, /) -> None:
        """Another thread has called the loop, and did not tell it, while `until` keeps it awake."""

    def start_of(self, thread: threading.Thread, /) -> Sequence[tuple[str, int, str]]:
        """The frames that have started a thread, innermost first, where that was noted."""
        raise NotImplementedError

    def failed_beside(self, runner: Any, infos: Sequence[TaskInfo], /) -> None:
        """A call has failed while other tasks than its own were running."""

    def name_of(self, fixture: Any) -> str:
        """A fixture in words: "the fixture `x`", or what else it is; it may be None."""
        raise NotImplementedError

    def is_failure(self, error: BaseException) -> bool:
        """Whether it fails the test: it neither skips it nor ends the run."""
        raise NotImplementedError

    def ends_run(self, error: BaseException) -> bool:
        """Whether it is no failure of one test, but the end of the whole run."""
        raise NotImplementedError

    def current_fixture(self) -> Fixture | None:
        """The fixture that is being set up."""

    def spoil(self, fixture: Any) -> None:
        """Have a fixture, and all async ones set up since, torn down when the test ends."""

    def users_line(self, traceback: TracebackType | None) -> str | None:
        """The innermost line of the user's in a traceback, as ``path:line: source``."""


@dataclass(slots=True, eq=False)
class Call:
    """One call in the runner's task, and what became of it."""

    function: Callable[[], Awaitable[Any]]
    owner: object = None  # who it is for: see `OWNER`
    fixture: Fixture | None = None  # whose setup or teardown it is, if any's
    outcome: Outcome[Any] | None = None
    # the cancel scopes that were there before the call's own and are cancelled at its end
    broken: Sequence[object] = ()
    is_doomed: bool = False  # whether all of the run is cancelled that it was part of
    error: BaseException | None = None  # what it was ended with: see `Runner.stop_call`
    # what was raised in it for that, while anybody has yet to handle it
    thrown: Callable[[], object] = lambda: None
    forget_bound: Callable[[], object] = lambda: None


@dataclass(slots=True, eq=False)
class OpenFixture:
    """An async generator fixture, from its setup to its teardown."""

    fixture: Fixture | None
    owner: object = None
    scopes: list[object] = field(default_factory=list)  # the cancel scopes that it left open


# what a call, and each task that descends from it, is for: a test's id, or a wider fixture
OWNER: ContextVar[object] = ContextVar("anyrig_owner", default=None)


def owner_in(context: Context | None) -> object:
    """Who runs in this context: see `OWNER`; None where nobody knows."""
    return None if context is None else context.get(OWNER)


# what serves the run that the code is part of: see `watch_loop`
HOST: ContextVar[Host | None] = ContextVar("anyrig_host", default=None)
NOBODY = ""  # who a call is for, where that can't be told: nothing is looked for at its end
_TURNS = 10  # of the loop, before a task that is still there is one that was left

_CUTS_OFF = "something that a test left cancels the task of the tests and fixtures again and again"
ASKED = "answering what a loop was asked"  # what anyrig does in `Runner.call_soon`
TASK_NAME = "the test and its fixtures"  # what the runner's task is called


class Runner(TestRunner):
    """Runs calls one after the other in one task that outlives what cancels them."""

    # what the backend raises in a task that is cancelled
    cancelled: type[BaseException]

    def __init__(self, host: Host) -> None:
        self.host = host
        self._open: list[OpenFixture] = []
        # the errors of background tasks that a test was failed with: alive, so that no id is used
        # twice, until the last fixture has ended
        self._told: dict[int, BaseException] = {}
        self.given_up: BaseException | None = None
        # what a signal's handler (Ctrl-C, a timeout) raised between two lines of the runner's task
        self.interrupt: BaseException | None = None
        # whether the loop waits with nothing to run, no timer and no I/O; and how often it did
        self.is_stuck = False
        self.waits = 0
        self._next: Call | None = None
        self._unfinished: Call | None = None
        self._is_closing = False
        self._seen: WeakSet[Any] = WeakSet()  # the tasks that were told of
        self._steps: list[Step] = []  # the calls since the last test has ended
        self._course: Course | None = None  # the virtual time that the loop follows
        # the run's: each test may have a runner of its own. What each call comes by has a ``try``
        # in the place of a ``with``: see `Guard.take`
        self.beginning, self.ending, self.explaining, self.looking = host.guards

    # -- what a backend gives ----------------------------------------------------------------------

    @property
    def loop(self) -> AbstractEventLoop | None:
        """The event loop, where it is one of asyncio's."""
        return None

    def _run(self, call: Call) -> None:
        """Run a call to its end."""
        raise NotImplementedError

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have the loop call a function; from any thread. What it raises is an internal error.

        Where the loop has closed meanwhile, nothing happens.
        """
        raise NotImplementedError

    def when_turns(self, function: Callable[[], object]) -> None:
        """Have a function called when the loop turns next, from any thread.

        A loop that sleeps is not woken for it, where that could let it go on with what nobody has
        told it of: see `untold`.
        """
        self.call_soon(function)

    def is_waiting(self, frame: FrameType) -> bool:
        """Whether the loop's thread, whose innermost frame this is, is in the loop's own wait.

        To be asked in another one.
        """
        raise NotImplementedError

    def is_in_loop(self, frame: FrameType) -> bool:
        """Whether this frame is where the loop waits, or has called what has no frame."""
        return self.is_waiting(frame)

    def called_in_c(self, frame: FrameType) -> str | None:
        """The name of what the loop calls, from this frame, and has no frame itself.

        "" where nobody knows its name, None where it has one.
        """
        return None

    def untold(self, frame: FrameType) -> Untold | None:
        """What other threads have made ready in a loop that sleeps, without telling it.

        The frame is the innermost of the loop's thread. trio lets no thread do so.
        """
        return None

    def calls_for(self, handles: Iterable[Any]) -> Sequence[ThreadCall]:
        """The calls that have made these ready, as far as they were noted."""
        return ()

    def infos(self) -> list[TaskInfo] | None:
        """What anyio tells of the loop's tasks, from any thread; None where it has to be asked."""
        return None

    def _end_where_it_waits(self, call: Call) -> None:
        """Cancel what the runner's task awaits, whatever shields it; notes what is thrown."""
        raise NotImplementedError

    def _follow(self, course: Course | None) -> None:
        """Have the loop's clock follow virtual time, or the real one; raises `ClockError`."""
        raise NotImplementedError

    def _finish(self) -> None:
        """Let the runner's task end, and what was left; raises where something in it goes on."""
        raise NotImplementedError

    def _scopes(self) -> Iterable[object]:
        """The cancel scopes that are open on the runner's task, innermost first."""
        raise NotImplementedError

    def _errors_of(self, scope: object) -> list[BaseException]:
        """What the background tasks of a scope's task group have raised, cancellations left out."""
        raise NotImplementedError

    def _tasks(self) -> Iterable[Any]:
        """The tasks that have not ended, the runner's own and the library's left out."""
        raise NotImplementedError

    def _is_ending(self, task: Any) -> bool:
        """Whether a task was cancelled, and has yet to end."""
        raise NotImplementedError

    def _context_of(self, task: Any) -> Context | None:
        """The context that a task runs in."""
        raise NotImplementedError

    def _was_cancelled_at(self, scope: object) -> str:
        """Why a scope is cancelled, in words."""
        raise NotImplementedError

    @property
    def call(self) -> Call | None:
        """The call that is under way; it may have been ended."""
        return self._unfinished

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way, and nobody has ended it."""
        return self._unfinished is not None and self._unfinished.error is None

    def stop_call(self, error: BaseException) -> None:
        """End the call that is under way with this error: it is cancelled where it waits.

        To be called in the loop. A call that goes on for `Host.cancel_timeout` seconds takes the
        runner with it: see `give_up`.
        """
        call = self._unfinished
        if call is None or call.error is not None:
            return
        call.error = error
        self._end_where_it_waits(call)
        seconds = self.host.cancel_timeout
        insist = partial(self.host.internal.call, ASKED, self._insist, call, error)
        call.forget_bound = call_later(seconds, insist)

    @property
    def coroutine(self) -> Any:
        """What the runner's task runs; None before the first call."""
        raise NotImplementedError

    def is_cancelled(self) -> bool:
        """Whether the runner's task is being cancelled; to be called in it."""
        raise NotImplementedError

    def press(self) -> None:
        """End the call again that was ended, where it has caught that and waits for more.

        To be called in the loop. What is handling the end, a ``finally``, is left alone.
        """
        call = self._unfinished
        if call is not None and call.error is not None and call.thrown() is None:
            self._end_where_it_waits(call)

    def _insist(self, call: Call, error: BaseException) -> None:
        if self._unfinished is call:
            self.give_up(error)

    def look_at_wait(self) -> None:
        """See what a loop waits for that can't note it, while it waits.

        To be called in another thread.
        """

    def note_wait(self, begins: bool) -> None:
        """The loop begins, or ends, to wait for nothing that it knows of."""
        self.is_stuck = begins
        self.waits += begins

    @property
    def is_virtual(self) -> bool:
        """Whether the loop follows virtual time, and not the real one that skips sleeps."""
        return self._course is not None and self._course.sleeps is None

    @property
    def is_kept(self) -> bool:
        """Whether a fixture that is up keeps it for the next call."""
        return bool(self._open) and self.given_up is None

    def give_up(self, error: BaseException) -> None:
        """End the call that runs with this error, and run no other: something in it does not end.

        To be called in the loop. The fixtures that are up can't be torn down; the loop is dropped
        with all that is in it, and the next test gets a new one.
        """
        self.given_up = error
        if self._open and self._open[0].fixture is not None:
            self.host.spoil(self._open[0].fixture)

    # -- what anyio's plugin calls -----------------------------------------------------------------

    def run_asyncgen_fixture(
        self, fixture_func: Callable[..., AsyncGenerator[T, Any]], kwargs: dict[str, Any]
    ) -> Iterable[T]:
        __tracebackhide__ = True
        generator = fixture_func(**kwargs)
        opened = self._opened()
        call = Call(generator.__anext__, opened.owner, opened.fixture)
        value: T = self._of_fixture("setup", opened, partial(self._begin, call))
        with self.beginning:
            known = {id(scope) for one in self._open for scope in one.scopes}
            opened.scopes = [scope for scope in self._scopes() if id(scope) not in known]
        self._open.append(opened)
        yield value
        if not isinstance(opened.owner, str):
            # a test's own fixtures have ended; what it left in a wider one has a last chance here
            with self.looking:
                self.host.look_for_left()
        try:
            self._of_fixture("teardown", opened, partial(self._end, generator, opened))
        finally:
            self._open.remove(opened)
            if not self._open:
                self._told.clear()

    def run_fixture(
        self, fixture_func: Callable[..., Coroutine[Any, Any, T]], kwargs: dict[str, Any]
    ) -> T:
        __tracebackhide__ = True
        opened = self._opened()
        call = Call(partial(fixture_func, **kwargs), opened.owner, opened.fixture)
        value: T = self._of_fixture("setup", opened, partial(self._begin, call))
        return value

    def run_test(
        self, test_func: Callable[..., Coroutine[Any, Any, Any]], kwargs: dict[str, Any]
    ) -> None:
        __tracebackhide__ = True
        owner: object = NOBODY
        try:
            owner = self.host.owner(None)
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self.beginning.take(fault)
        self._begin(Call(partial(test_func, **kwargs), owner))

    def _opened(self) -> OpenFixture:
        """The fixture that is being set up, and who it is for."""
        opened = OpenFixture(None, NOBODY)
        with self.beginning:
            opened.fixture = self.host.current_fixture()
            opened.owner = self.host.owner(opened.fixture)
        return opened

    # -- calls -------------------------------------------------------------------------------------

    def _begin(self, call: Call) -> Any:
        """Call a test or a fixture's setup; raises what it raised, or what it was cancelled for."""
        __tracebackhide__ = True
        if self.host.ended is not None:
            raise Stopped(self.host.ended)  # who begins anew has caught the end
        self._perform(call)
        result = call.outcome
        assert result is not None, "a runner runs a call to its end"
        if call.broken and isinstance(result, Error):
            with self.explaining:
                result = Error(self._explained(result.error, call.broken))
        if call.error is not None:
            result = Error(self._as_ended(call.error, result))
        return self._given(result)

    def _perform(self, call: Call) -> None:
        """Run a call to its end; what it leaves cancelled is torn down early."""
        __tracebackhide__ = True
        self.host.runs(self)
        try:
            self._run(call)
        except BaseException as error:
            if error is self.host.ended:  # it was given up for that
                raise Stopped(error) from None
            raise
        finally:
            if call.broken or call.is_doomed:
                with self.explaining:
                    self._spoil(call.broken)

    def _end(self, generator: AsyncGenerator[Any, Any], opened: OpenFixture) -> None:
        """Resume a fixture for its teardown; raises what is new, and nothing that was told."""
        __tracebackhide__ = True
        if self.given_up is not None:
            return
        call = Call(generator.__anext__, opened.owner, opened.fixture)
        self._perform(call)
        result = call.outcome
        if isinstance(result, Value):
            self._run(Call(generator.aclose))
            raise RuntimeError("Async generator fixture did not stop")
        assert isinstance(result, Error), "a runner runs a call to its end"
        error: BaseException | None = result.error
        if isinstance(error, StopAsyncIteration):
            error = None
        if call.error is not None:
            error = self._as_ended(call.error, result)
        if error is not None:
            error = _without(error, self._is_told)
        if error is not None and call.broken:
            # a scope around it was cancelled: what that was for comes from the scope's owner
            error = _without(error, self._is_cancellation)
        self._given(Value(None) if error is None else Error(error))

    def _of_fixture(self, part: str, opened: OpenFixture, function: Callable[[], Any]) -> Any:
        """What a part of a fixture gave; it raises no cancellation, whoever has cancelled it.

        pytest catches `Exception` there and its own outcomes. After anything else it would tear
        down none of the fixtures that are left.
        """
        __tracebackhide__ = True
        try:
            return function()
        except BaseException as error:
            told = self._without_cancellations(part, opened, error)
            if told is error:
                raise
        try:
            raise told
        finally:
            del told  # its traceback has this frame

    def _without_cancellations(
        self, part: str, opened: OpenFixture, error: BaseException
    ) -> BaseException:
        """An error that is no cancellation and holds none; `Stopped` alone is pytest's own."""
        ends = [one for one in leaves_of(error) if is_end(one) or self._is_cancellation(one)]
        if not ends or isinstance(error, Stopped):
            return error
        rest = _without(error, lambda one: any(one is end for end in ends))
        if rest is not None:
            return self._said_to_pytest(rest) if isinstance(rest, BaseExceptionGroup) else rest
        stopped = next((one for one in ends if isinstance(one, Stopped)), None)
        if stopped is not None:
            return stopped
        if self.host.ended is not None:
            return Stopped(self.host.ended)
        name = "a fixture" if opened.fixture is None else self.host.name_of(opened.fixture)
        told = RuntimeError(f"the {part} of {name} ended in a cancellation")
        told.__cause__ = error
        return told

    def _given(self, result: Outcome[Any]) -> Any:
        """What a call gave, or raises what it raised, with what callbacks raised meanwhile."""
        __tracebackhide__ = True
        result = self._with_callbacks(result)
        if isinstance(result, Error) and isinstance(result.error, BaseExceptionGroup):
            with self.explaining:
                result = Error(self._said_to_pytest(result.error))
        return result.unwrap()

    def _said_to_pytest(self, group: BaseExceptionGroup[BaseException]) -> BaseException:
        """A group, or what it holds: Ctrl-C ends the run, and a skip skips, in a task group too."""
        leaves = leaves_of(group)
        for leaf in leaves:
            # SystemExit is a failure to pytest: with it, what else there is is shown
            if self.host.ends_run(leaf) and not isinstance(leaf, SystemExit):
                return leaf
        return group if any(map(self.host.is_failure, leaves)) else leaves[0]

    def _as_ended(self, error: BaseException, result: Outcome[Any]) -> BaseException:
        """What to fail a call with that was ended with an error: its own failure, if it has one."""
        own = result.error if isinstance(result, Error) else None
        if own is not None and not isinstance(own, StopAsyncIteration):
            with self.explaining:
                own = _without(own, is_end)
                if own is not None and self.host.is_failure(own):
                    return own
        return Stopped(error)

    def _with_callbacks(self, result: Outcome[Any]) -> Outcome[Any]:
        """The result of a call with what callbacks of the loop raised meanwhile."""
        return result

    def wind_up(self) -> BaseException | None:
        """Tell what was left, and let the task end; what that raised: see `Host.close`."""
        try:
            if self.given_up is None:
                left = self.left()
                try:
                    self._tell(left)
                except BaseException as fault:  # noqa: BLE001 - noted, or raised again
                    self.looking.take(fault)
                if self._course is not None:
                    with self.ending:
                        self._follow(None)
                self._finish()
                self.raise_interrupt()
        except BaseException as error:  # noqa: BLE001 - handed on
            self.given_up = error
            return error
        return None

    # -- what was left -----------------------------------------------------------------------------

    def _tell(self, left: Sequence[TaskInfo]) -> None:
        """Tell these tasks, and the calls in threads that were left."""
        calls = self._left_calls()
        if left:
            self.host.tell_left(self, left)
        if calls:
            self.host.tell_left_calls(calls)
        if not (left or calls):
            self.host.nothing_left()

    def left(self, owner: object = None) -> list[TaskInfo]:
        """The tasks that are there and were not told of: those of an owner, or all of them.

        The loop gets a few turns before; what is being cancelled is not among them.
        """
        new: list[Any] = []
        if self.given_up is None:
            try:
                new = self._new_tasks(owner)
            except BaseException as fault:  # noqa: BLE001 - noted, or raised again
                self.looking.take(fault)
        result = self._settled() if new else None
        for _ in range(_TURNS):
            if not self._was_cut_off(result):
                break
            result = self._settled()
        else:
            return self._left_at_work(owner)
        if not isinstance(result, Value):
            return []
        with self.looking:
            infos = {info.id: info for info in result.value}
            found = [infos[id(task)] for task in self._new_tasks(owner) if id(task) in infos]
            self._seen.update(task for task in self._new_tasks(owner) if id(task) in infos)
            return [info for info in found if not self._is_ending(anyio_seam.task_of(info))]
        return []

    def by_id(self) -> dict[int, Any]:
        """The tasks that have not ended, by the id that `left` tells them by."""
        return {id(task): task for task in self._tasks()}

    def ask_again(self, tasks: Iterable[Any]) -> None:
        """These were not told of: `left` will have them once more."""
        self._seen.difference_update(tasks)

    def _was_cut_off(self, result: Outcome[Any] | None) -> bool:
        return isinstance(result, Error) and self._is_cancellation(result.error)

    def _left_at_work(self, owner: object) -> list[TaskInfo]:
        """What is there where something in the loop cancels the runner's task without end.

        It would cut off the next test as well: that gets another runner.
        """
        with self.looking:
            found = [task for task in self._new_tasks(owner) if not self._is_ending(task)]
            self._seen.update(found)
            if self.is_kept:
                self.give_up(RuntimeError(_CUTS_OFF))
            return [anyio_seam.info_of(task) for task in found]
        return []

    def _settled(self) -> Outcome[Sequence[TaskInfo]] | None:
        """The tasks that are there after a few turns of the loop."""
        call = Call(_settle)
        try:
            self._run(call)
        except RuntimeError:  # the test has left something that stops the loop: once more
            call = Call(_settle)
            self._run(call)
        return call.outcome

    def _left_calls(self) -> Sequence[Callable[..., object]]:
        """The functions that were handed to the loop's executor, and that nobody waited for."""
        return ()

    def _new_tasks(self, owner: object) -> list[Any]:
        return [
            task
            for task in self._tasks()
            if task not in self._seen and owner in (None, self._owner_of(task))
        ]

    def _owner_of(self, task: Any) -> object:
        return owner_in(self._context_of(task))

    def maker_of(self, info: TaskInfo) -> object:
        """Who a task was made for: see `OWNER`."""
        return self._owner_of(anyio_seam.task_of(info))

    # -- the context that all calls share ----------------------------------------------------------

    def begin_call(self, call: Call) -> None:
        """A call begins, in the runner's task."""
        OWNER.set(call.owner)
        if HOST.get() is not self.host:
            HOST.set(self.host)
        if self.host.course is not self._course and call.owner is not None:
            self._set_time(call)
        last = self._steps[-1] if self._steps else None
        if last is None or last.owner != call.owner or last.fixture is not call.fixture:
            context = contextvars.copy_context()
            self._steps.append(Step(call.owner, call.fixture, context, context))

    def is_interrupt(self, error: BaseException) -> bool:
        """Note what ended the runner's task between two calls, if the task is to go on after it."""
        if isinstance(error, KeyboardInterrupt | SystemExit | FindingError | Stopped):
            self.interrupt = error
        return self.interrupt is error

    def raise_interrupt(self) -> None:
        """In the host, when a call is over: raise what was noted."""
        error, self.interrupt = self.interrupt, None
        if error is not None:
            raise error

    def begin_watched(self, call: Call) -> AbstractContextManager[object] | None:
        """A call begins, in the runner's task; gives what is watched in it, to be ended after."""
        try:
            self.begin_call(call)
            watching = self.host.watching()
            watching.__enter__()
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self.beginning.take(fault)
            return None
        return watching

    def end_watched(self, watching: AbstractContextManager[object] | None) -> None:
        """The call has ended."""
        try:
            if watching is not None:
                watching.__exit__(None, None, None)
            self.end_call()
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self.ending.take(fault)

    def _set_time(self, call: Call) -> None:
        """Have the loop's time be that of the call: a wider fixture's is always real."""
        course = self.host.course if isinstance(call.owner, str) else None
        if course is self._course:
            return
        try:
            self._follow(course)
        except ClockError as error:
            call.function = _raising(error)
        else:
            self._course = course
            # time that skips sleeps is real for all else
            COURSE.set(None if course is None or course.sleeps is not None else course)

    def end_call(self) -> None:
        """The call has ended."""
        self._steps[-1].after = contextvars.copy_context()

    def look_beside(self, call: Call) -> None:
        """Tell what runs beside a call that has failed by itself; in the runner's task."""
        if not isinstance(call.outcome, Error) or call.error is not None or call.broken:
            return
        # a fixture's generator that has come to its end has not failed
        if isinstance(call.outcome.error, StopAsyncIteration):
            return
        with self.host.internal.guard("drawing what ran beside a failure"):
            others = set(map(id, self._tasks()))
            if others:
                infos = anyio_seam.running().get_running_tasks()
                infos = [info for info in infos if info.id in others]
                self.host.failed_beside(self, infos)

    def left_changed(self, test: str) -> list[Change]:
        """The context variables that a test leaves changed, at its end; later ones see no more."""
        steps, self._steps = self._steps, []
        return changes(steps, test) if self.is_kept else []

    # -- what cancelled a call ---------------------------------------------------------------------

    def _explained(self, error: BaseException, broken: Sequence[object]) -> BaseException:
        """What to fail a call with that ended in an error while scopes around it were cancelled."""
        own = _without(error, self._is_cancellation)
        if own is not None and not self.host.is_failure(own):
            return own  # a skip, say: what was raised is told by the end of the fixture
        line = self.host.users_line(error.__traceback__)
        errors: list[BaseException] = []
        for scope in reversed(broken):  # the outermost was broken first
            for raised in self._errors_of(scope):
                one = _without(raised, self._is_told)
                if one is not None:
                    self._note_told(one, scope, line)
                    errors.append(one)
        if not errors:
            return own if own is not None else self._cut_off(broken[-1], line)
        if own is None:
            return group_of(errors)
        if len(errors) > 1 or isinstance(errors[0], BaseExceptionGroup):
            # as its cause, pytest would show a group and then all that it caused twice
            return group_of([own, *errors])
        _put_before(own, errors[0], self._is_cancellation)
        return own

    def _note_told(self, error: BaseException, scope: object, line: str | None) -> None:
        """Note whose an error is, and that it was told."""
        self.has_told(error)
        error.add_note(f"anyrig: raised in a background task of {self._owner_name(scope)}")
        if line is not None:
            error.add_note(f"  which cut off {line}")

    def has_told(self, error: BaseException) -> None:
        """An error was raised to the test: the end of a fixture is not to raise it again."""
        self._told.update((id(leaf), leaf) for leaf in leaves_of(error))

    def _cut_off(self, scope: object, line: str | None) -> CancelledByFixture:
        name, why = self._owner_name(scope), self._was_cancelled_at(scope)
        text = f"the cancel scope of {name} was cancelled: {why}"
        return CancelledByFixture(text if line is None else f"{text}\n  which cut off {line}")

    def _owner_name(self, scope: object) -> str:
        owners = self._owners([scope]) or (self._open if len(self._open) == 1 else [])
        return self.host.name_of(owners[0].fixture) if owners else "a fixture"

    def _owners(self, scopes: Sequence[object]) -> list[OpenFixture]:
        known = set(map(id, scopes))
        return [one for one in self._open if not known.isdisjoint(map(id, one.scopes))]

    def _spoil(self, broken: Sequence[object]) -> None:
        for owner in self._owners(broken)[:1] or self._open[:1]:
            if owner.fixture is not None:
                self.host.spoil(owner.fixture)

    def _is_told(self, error: BaseException) -> bool:
        return id(error) in self._told

    def _is_cancellation(self, error: BaseException) -> bool:
        return isinstance(error, self.cancelled)


def _raising(error: Exception) -> Callable[[], Awaitable[Any]]:
    async def function() -> NoReturn:
        raise error

    return function


async def _settle() -> Sequence[TaskInfo]:
    library = anyio_seam.running()
    with library.create_cancel_scope(shield=True):
        for _ in range(_TURNS):
            await library.checkpoint()
    return library.get_running_tasks()


# -- exceptions ------------------------------------------------------------------------------------


def _without(
    error: BaseException, is_gone: Callable[[BaseException], bool]
) -> BaseException | None:
    """An error, or what is left of a group of them; None where nothing is."""
    if isinstance(error, BaseExceptionGroup):
        if not any(map(is_gone, leaves_of(error))):
            return error
        return error.split(lambda one: not isinstance(one, BaseExceptionGroup) and is_gone(one))[1]
    return None if is_gone(error) else error


def leaves_of(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, and in the groups in it; one that is no group alone."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in leaves_of(one)]
    return [error]


def group_of(errors: Sequence[BaseException]) -> BaseException:
    """What background tasks have raised, as one."""
    return errors[0] if len(errors) == 1 else BaseExceptionGroup("background tasks failed", errors)


def _put_before(
    error: BaseException, cause: BaseException, is_cancellation: Callable[[BaseException], bool]
) -> None:
    """Have an error's chain begin with another one, in the place of a cancellation."""
    link, seen = error, {id(error), id(cause)}
    while True:
        further = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        if further is None or is_cancellation(further) or id(further) in seen:
            link.__cause__ = cause
            return
        seen.add(id(further))
        link = further
