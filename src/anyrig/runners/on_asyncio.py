"""Calls in one task of an asyncio event loop."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from contextvars import Context
from functools import partial
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from outcome import Error, Outcome

from ..backends import call_later, is_uvloop, say, who_froze_it
from ..clock.course import Course
from ..ends import Reason
from ..findings import ClockError
from ..guests import tasks_in
from ..own import asyncio, outcome, sys, threading, weakref
from ..seams import anyio as anyio_seam
from ..seams import asyncio as asyncio_seam
from ..seams.asyncio_errors import Listener, context_of
from ..seams.cpython import stacks
from .base import ASKED, TASK_NAME, Call, Host, Runner

if TYPE_CHECKING:
    from anyio import TaskInfo

    from ..seams.asyncio_threads import Call as ThreadCall
    from ..seams.asyncio_threads import Untold
    from ..seams.asyncio_time import LoopTime
    from ..seams.uvloop import LoopWaits

# seconds, as asyncio's own runner has it; before Python 3.12 there is none
_JOIN_TIMEOUT = () if sys.version_info < (3, 12) else (300.0,)
_STOPS = 3  # that a run of a loop may leave in it: see `AsyncioRunner._run_loop`


def _closed() -> str:
    """The words for a loop that was closed between two calls; old pytest-asyncios do it as well."""
    closes, mend = "by the test, or by one of its fixtures", "Take that close() away"
    if str(getattr(sys.modules.get("pytest_asyncio"), "__version__", "")).startswith("0."):
        closes += ", or after a test of pytest-asyncio's by that: it does so before 1.0"
        mend += ", or type `pip install -U pytest-asyncio`"
    return f"the event loop was closed {closes}: what was left in it could not end. {mend}"


class AsyncioRunner(Runner):
    """A runner on asyncio, with the options of anyio's own."""

    cancelled = asyncio.CancelledError

    def __init__(
        self,
        host: Host,
        *,
        debug: bool | None = None,
        use_uvloop: bool = False,
        loop_factory: Callable[[], AbstractEventLoop] | None = None,
    ) -> None:
        super().__init__(host)
        if use_uvloop and loop_factory is None:
            loop_factory = anyio_seam.uvloop_factory()
        self._is_current = loop_factory is None  # asyncio's runner makes it the thread's own
        self._runner = asyncio.Runner(debug=debug, loop_factory=loop_factory)
        self._task: asyncio.Task[None] | None = None
        self._knock: asyncio.Future[None] | None = None  # wakes the task between two calls
        self._done: asyncio.Future[None] | None = None  # wakes the host at the end of a call
        self._callback_errors: list[Exception] = []
        self._forget_waits: Callable[[], None] = lambda: None
        self._when_turns: asyncio_seam.WhenTurns | None = None
        self._is_uvloop = False  # which notes no waits
        self._thread = threading.get_ident()  # that the loop runs in
        self._waits: LoopWaits | None = None  # what says what they are for, once it was asked
        self._time: LoopTime | None = None  # once it was another than the real one
        self._stops = 0  # that an interrupted run may have left in the loop
        self._is_empty = False  # whether nothing is left in the loop that is to be ended

    @property
    def loop(self) -> AbstractEventLoop:
        return self._runner.get_loop()

    def __enter__(self) -> Self:
        try:
            self._runner.__enter__()
        except BaseException:
            self.host.close(self, None)  # there is no loop to run anything in
            raise
        loop = self._runner.get_loop()
        loop.set_exception_handler(Listener(self.host.lose, self._callback_errors, self.host.test))
        with self.beginning:
            around = asyncio_seam.around_waits(loop, self.note_wait)
            self._forget_waits, self._when_turns = around
            self._is_uvloop = is_uvloop(loop)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        raised: BaseException | None = None
        try:
            raised = self._close()
        except BaseException as error:  # noqa: BLE001 - handed on: see `Host.close`
            raised = error
        # without cycles, all of it is gone at once
        with self.ending:
            self._forget_waits()
            self._is_uvloop, self._when_turns, self._waits = False, None, None
            if self._time is not None:
                self._time.close()
        self._task = self._knock = self._done = None
        self.host.close(self, raised)

    def _close(self) -> BaseException | None:
        loop = self._runner.get_loop()
        if loop.is_closed() and self.given_up is None:
            self.given_up = RuntimeError(_closed())
            raised: BaseException | None = self.given_up
        else:
            raised = self.wind_up()
        if self.given_up is None and self._is_empty:
            # the end of asyncio's runner would run the loop twice more, and find nothing
            if self._is_current:
                asyncio.set_event_loop(None)
            loop.close()
        elif self.given_up is None:
            self._runner.__exit__(None, None, None)
        else:
            # what is in it does not end, and the end of asyncio's runner would wait for it
            asyncio_seam.drop(loop)
        return raised

    def is_running(self) -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    # -- the host's side ---------------------------------------------------------------------------

    def _run(self, call: Call) -> None:
        loop = self._runner.get_loop()
        done = self._done = loop.create_future()
        self._next = self._unfinished = call
        try:
            if self._task is None or self._task.done():
                # done: Ctrl-C has ended it between two lines of ours
                self._task = self._begin_task(loop)
            else:
                self._wake()
            self._run_loop(loop, done)
            if self.given_up is not None:
                raise self.given_up
            if self.interrupt is not None:
                self.raise_interrupt()
        except BaseException as error:
            # a signal's handler (Ctrl-C, a timeout) raised in the loop itself: the call is stopped,
            # and the fixtures can still be torn down in the task that set them up
            if isinstance(error, KeyboardInterrupt) and self._unfinished is not None:
                with self.looking:
                    tasks = asyncio.all_tasks(loop)
                    self.host.interrupted([anyio_seam.info_of(one) for one in tasks])
            if isinstance(error, KeyboardInterrupt | SystemExit):
                self.has_told(error)  # the end of a task group has it as well
            if self.given_up is None:
                self._settle_down(error)
            raise

    def _begin_task(self, loop: AbstractEventLoop) -> asyncio.Task[None]:
        serving = self._serve()
        try:
            return loop.create_task(serving, name=TASK_NAME)
        except BaseException:  # the loop is closed, say
            serving.close()
            raise

    def _settle_down(self, error: BaseException) -> None:
        """Have a loop that was interrupted by an error be one that runs the next call."""
        self._stops = _STOPS
        try:
            self._stop()
        except BaseException:
            # it is interrupted again and again: nothing can be run in it any more
            if self._unfinished is not None:
                self.give_up(error)
            raise

    def _run_loop(self, loop: AbstractEventLoop, done: asyncio.Future[None]) -> None:
        """Run the loop until this is done.

        A run that was interrupted leaves its stop in the loop (on uvloop, two of them), and that
        would end this one before it has begun.
        """
        while True:
            try:
                loop.run_until_complete(done)
            except RuntimeError:
                if not self._stops or done.done() or loop.is_closed():
                    raise
                self._stops -= 1
            else:
                self._stops = 0
                return

    def call_soon(self, function: Callable[[], object]) -> None:
        asked = partial(self.host.internal.call, ASKED, function)
        with suppress(RuntimeError):  # it is closed: what it was to be asked has lost its meaning
            self._runner.get_loop().call_soon_threadsafe(asked, context=anyio_seam.on_asyncio())

    def is_in_loop(self, frame: FrameType) -> bool:
        # uvloop waits in C, which one of these has called
        return frame.f_code in _CALL_LOOP or stacks.is_waiting(frame)

    def called_in_c(self, frame: FrameType) -> str | None:
        return "" if frame.f_code in _CALL_LOOP else stacks.called_in_c(frame)

    def is_waiting(self, frame: FrameType) -> bool:
        if frame.f_code not in _CALL_LOOP:
            return stacks.is_waiting(frame)
        waits = self._waits_in_c()
        return waits is None or waits.is_asleep() is not False

    def when_turns(self, function: Callable[[], object]) -> None:
        when_turns = self._when_turns
        if when_turns is None:
            self.call_soon(function)
        else:
            when_turns(partial(self.host.internal.call, ASKED, function))

    def look_at_wait(self) -> None:
        waits = self._waits_in_c()
        if waits is not None:
            is_same, is_stuck = waits.is_same(), waits.is_for_nothing()
            if is_stuck != self.is_stuck or not is_same:
                self.is_stuck = is_stuck
                self.waits += 1

    def _waits_in_c(self) -> LoopWaits | None:
        if self._is_uvloop and self._waits is None:
            from ..seams import uvloop

            self._waits = uvloop.waits_of(self._runner.get_loop(), self._thread)
            self._is_uvloop = self._waits is not None
        return self._waits

    def untold(self, frame: FrameType) -> Untold | None:
        from ..seams import asyncio_threads

        if self._waits is not None:
            return self._waits.untold()
        return asyncio_threads.untold(self._runner.get_loop(), frame)

    def calls_for(self, handles: Iterable[Any]) -> Sequence[ThreadCall]:
        from ..seams import asyncio_threads

        return asyncio_threads.calls_for(self._runner.get_loop(), handles)

    def infos(self) -> list[TaskInfo] | None:
        return tasks_in(self._runner.get_loop())

    @property
    def coroutine(self) -> Any:
        return None if self._task is None else self._task.get_coro()

    def is_cancelled(self) -> bool:
        return self._is_ending(self._task)

    def _end_where_it_waits(self, call: Call) -> None:
        if self._task is not None:
            reason = Reason.of(call.error)
            call.thrown = weakref.ref(reason)
            self._task.cancel(reason)

    def _follow(self, course: Course | None) -> None:
        from ..seams import asyncio_time

        loop = self._runner.get_loop()
        if self._time is None:
            if not asyncio_time.can_follow(loop):
                raise ClockError(
                    f"the clock of {type(loop).__module__}.{type(loop).__name__} can't be virtual: "
                    f"{asyncio_time.why_not(loop)}"
                )
            self._time = asyncio_time.LoopTime(loop)
        self._time.follow(course)

    def give_up(self, error: BaseException) -> None:
        super().give_up(error)
        self._wake_host(self._done)

    def _wake(self) -> None:
        if self._knock is not None and not self._knock.done():
            self._knock.set_result(None)

    def _stop(self) -> None:
        """Cancel the call that is under way, and wait until it has ended."""
        loop, task, done = self._runner.get_loop(), self._task, self._done
        if self.given_up is not None or self._unfinished is None or loop.is_closed():
            return
        if task is not None and done is not None:
            # where it has not begun, it never comes to its own end
            task.add_done_callback(lambda _: self._wake_host(done))
            task.cancel()
            self._run_loop(loop, done)

    def _finish(self) -> None:
        """Let the task end, and then what others left running; raises where that goes on."""
        loop = self._runner.get_loop()
        if loop.is_closed():
            return
        if self._task is not None:
            self._stop()
            self._is_closing = True
            self._wake()
        if self._stops:
            done = loop.create_future()
            loop.call_soon(done.set_result, None)
            self._run_loop(loop, done)
        loop.run_until_complete(self._end_all(self._task))

    async def _end_all(self, task: asyncio.Task[None] | None) -> None:
        """Wait until the runner's task has ended; then do what asyncio's runner does at its end.

        In one run of the loop: each takes two turns, and each test pays for them.
        """
        if task is not None:
            if not task.done():
                await asyncio.wait([task])
            error = None if task.cancelled() else task.exception()
            if isinstance(error, Exception):  # else it was raised in the host as well
                self.host.internal.note(error, "waiting for the next call")
        others = _other_tasks()
        for one in others:
            one.cancel()
        if others:
            # their errors are for the end of asyncio's runner, which knows what to do with them
            deaf = await _deaf(others, self.host.cancel_timeout)
            if deaf:
                raise self.host.did_not_end([(one.get_name(), one.get_coro()) for one in deaf])
            if _other_tasks():
                return
        loop: Any = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor(*_JOIN_TIMEOUT)
        self._is_empty = True

    # -- the task's side ---------------------------------------------------------------------------

    async def _serve(self) -> None:
        task = self._task = asyncio.current_task()
        assert task is not None
        # for the loop's callbacks, which are in no task; anyio's plugin sets it for its own runner
        say("asyncio")
        while not self._is_closing:
            try:
                while (call := await self._take(task)) is not None:
                    watching = self.begin_watched(call)
                    call.outcome = await outcome.acapture(call.function)
                    self._end_call(call, watching, task)
            except BaseException as error:
                if not self.is_interrupt(error):
                    raise
            finally:
                # whatever ends it: the host is not left waiting
                self._unfinished = None
                self._wake_host(self._done)

    def _end_call(
        self, call: Call, watching: AbstractContextManager[object] | None, task: asyncio.Task[None]
    ) -> None:
        self.end_watched(watching)
        with self.explaining:
            call.broken = anyio_seam.cancelled_scopes(task)
            if task.cancelling():
                self._forgive(task, call)
        self.look_beside(call)
        self._unfinished = None
        self._wake_host(self._done)
        with self.ending:
            call.forget_bound()

    def _wake_host(self, done: asyncio.Future[None] | None) -> None:
        if done is not None and not done.done():
            done.set_result(None)

    async def _take(self, task: asyncio.Task[None]) -> Call | None:
        """The next call; None where there is none to come.

        What cancels the task in between is meant for the calls, and was noticed by the last one or
        will be by the next.
        """
        while self._next is None:
            if self._is_closing:
                return None
            self._knock = asyncio.get_running_loop().create_future()
            try:
                if anyio_seam.has_scopes(task):
                    with anyio_seam.running().create_cancel_scope(shield=True):
                        await self._knock
                else:
                    await self._knock
            except asyncio.CancelledError:
                continue
        call, self._next = self._next, None
        return call

    def _forgive(self, task: asyncio.Task[None], call: Call) -> None:
        """Take requests to cancel the task for settled, but those of anyio's scopes.

        These count theirs and take them back. ``asyncio.TaskGroup`` and ``asyncio.timeout`` do so
        as well, and do no harm where nothing is left to take back.
        """
        if not call.broken:
            call.broken = asyncio_seam.aborted_groups(task)
            while task.cancelling():
                task.uncancel()

    # -- what cancelled a call ---------------------------------------------------------------------

    def _scopes(self) -> Iterable[object]:
        return () if self._task is None else anyio_seam.open_scopes(self._task)

    def _tasks(self) -> Iterable[asyncio.Task[Any]]:
        loop = self._runner.get_loop()
        if self._task is None or loop.is_closed():
            return []
        return [task for task in asyncio.all_tasks(loop) if task is not self._task]

    def _left_calls(self) -> Sequence[Callable[..., object]]:
        return asyncio_seam.calls_of(self._runner.get_loop())

    def _is_ending(self, task: asyncio.Task[Any] | None) -> bool:
        return task is None or bool(task.cancelling() or anyio_seam.cancelled_scopes(task))

    def _context_of(self, task: asyncio.Task[Any]) -> Context | None:
        return context_of(task)

    def _errors_of(self, scope: object) -> list[BaseException]:
        if isinstance(scope, asyncio.TaskGroup):
            return asyncio_seam.errors_of(scope)
        return anyio_seam.errors_of(scope)

    def _was_cancelled_at(self, scope: Any) -> str:
        if isinstance(scope, asyncio.TaskGroup):
            return "its task group was cancelled"
        is_late = scope.deadline <= self._runner.get_loop().time()
        return "its deadline has passed" if is_late else "cancel() was called"

    # -- callbacks ---------------------------------------------------------------------------------

    def _with_callbacks(self, result: Outcome[Any]) -> Outcome[Any]:
        if not self._callback_errors:
            return result
        own: Sequence[BaseException] = ()
        if isinstance(result, Error):
            if self.host.ends_run(result.error):
                return result
            if self.host.is_failure(result.error):
                own = [result.error]
        errors = [*own, *self._callback_errors]
        self._callback_errors.clear()
        if len(errors) == 1:
            return Error(errors[0])
        words = "Multiple exceptions occurred in asynchronous callbacks"
        return Error(BaseExceptionGroup(words, errors))


_CALL_LOOP = (AsyncioRunner._run_loop.__code__, AsyncioRunner._finish.__code__)


def _other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def _deaf(tasks: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
    """Those of some tasks that have not ended after so many seconds."""
    if who_froze_it() is None:
        return (await asyncio.wait(tasks, timeout=seconds))[1]
    # a timeout of the loop's would never be over
    alarm = asyncio.get_running_loop().create_future()
    prevent = call_later(seconds, alarm.cancel)
    while tasks and not alarm.done():
        await asyncio.wait({*tasks, alarm}, return_when=asyncio.FIRST_COMPLETED)
        tasks = {task for task in tasks if not task.done()}
    prevent()
    alarm.cancel()
    return tasks
