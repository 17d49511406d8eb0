"""Calls in the main task of a trio run, as a guest of pytest's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from contextvars import Context
from functools import partial
from math import inf
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from outcome import Error, Outcome, Value

from ..clock.course import Course
from ..ends import Stopped
from ..findings import ClockError, FindingError
from ..guests import idle_descriptors, running_tasks
from ..losses import Loss, Way
from ..own import outcome, queue, sys, time, trio, weakref
from ..seams import trio as trio_seam
from ..seams.parts import TRIO_TIME
from .base import ASKED, TASK_NAME, Call, Host, Runner, group_of, leaves_of

if TYPE_CHECKING:
    from ..seams.trio_time import RunTime

_LONG = 3600.0  # seconds; without any deadline trio waits for a day
# who waits for I/O, in the statistics of each of trio's ways to do so
_IO = ("tasks_waiting_read", "tasks_waiting_write", "tasks_waiting", "monitors")

_NEVER_LEFT = (
    "the test, or one of its fixtures, has entered a nursery, a task group or a cancel scope and "
    "never left it: open it with `async with` (or `with`)"
)


class Waits:
    """A `trio.abc.Instrument` that notes when trio begins to wait for nothing that it knows of.

    Each run asks it for its methods, and each wait for this one: it has as little as will do.
    """

    __slots__ = ("_runner", "_was_noted")

    def __init__(self, runner: TrioRunner) -> None:
        self._runner = runner
        self._was_noted = False

    def __dir__(self) -> list[str]:
        return ["before_io_wait"]

    def before_io_wait(self, timeout: float) -> None:
        """trio begins to wait."""
        runner = self._runner
        is_stuck = timeout > _LONG and runner.is_busy and runner.waits_for_nothing()
        if is_stuck or self._was_noted:
            self._was_noted = is_stuck
            runner.note_wait(is_stuck)


def _is_stuck(is_virtual: bool) -> bool:
    now = trio.lowlevel.current_statistics()
    # virtual time that waits for long does not move at all: a deadline will never come
    has_deadline = not is_virtual and now.seconds_to_next_deadline != inf
    if has_deadline or now.run_sync_soon_queue_size:
        return False
    # one task always waits for I/O: trio's own, for what `run_sync_soon` sends
    others = sum(getattr(now.io_statistics, name, 0) for name in _IO) - 1
    return others <= 0 or _are_idle_guests(others)


def _are_idle_guests(waits: int) -> bool:
    """Whether all that tasks wait for are loops of asyncio which wait for nothing themselves."""
    idle = idle_descriptors()
    return waits <= len(idle) and idle.issuperset(trio_seam.descriptors())


class TrioRunner(Runner):
    """A runner on trio, with the options of ``trio.lowlevel.start_guest_run``."""

    cancelled = trio.Cancelled

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host)
        instruments = [*options.get("instruments", ()), Waits(self)]
        self._options = {**options, "instruments": instruments}
        self._token: trio.lowlevel.TrioToken | None = None
        self._asked: deque[Callable[[], object]] = deque()  # to call, by any thread
        self._turns: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._task: trio.lowlevel.Task | None = None
        self._around: trio.CancelScope | None = None  # around all calls
        self._base: object = None  # what is open on the task before the first call
        self._is_started = self._is_parked = False
        self._ended: Outcome[None] | None = None
        self._hooks = sys.get_asyncgen_hooks()
        self._state: trio_seam.RunState | None = None  # once the run has begun
        self._time: RunTime | None = None  # once it was another than the real one
        self._generators = trio_seam.GeneratorErrors(host.lose_here)

    def __enter__(self) -> Self:
        self._generators.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        raised = self.wind_up() if self._is_started else None
        self._generators.__exit__(None, None, None)
        if self._is_started and self._ended is None:
            self._abandon()
        self._task = self._around = self._base = self._state = (
            None  # without cycles, all is gone at once
        )
        self.host.close(self, raised)

    def _abandon(self) -> None:
        """Drop a run that does not end, or has not begun."""
        with self.ending:
            trio_seam.abandon()
        sys.set_asyncgen_hooks(*self._hooks)

    def _finish(self) -> None:
        """Let the run end; raises where something in it goes on though it is cancelled."""
        self._is_closing = True
        is_open = self._task is not None and trio_seam.innermost(self._task) is not self._base
        if self._unfinished is not None and self._around is not None:
            self._around.cancel()
        self._wake()
        seconds = self.host.cancel_timeout
        until = time.monotonic() + seconds
        while self._ended is None:
            if time.monotonic() >= until:
                deaf: list[tuple[str, Any]] = [(one.name, one.coro) for one in self._tasks()]
                # else it is a cleanup of trio's own that goes on, or the run has lost its turn
                raise self.host.did_not_end(deaf or [("the trio run", None)])
            try:
                turn = self._turns.get(timeout=seconds)
            except queue.Empty:
                continue
            turn()
        if is_open and isinstance(self._ended, Error):
            raise FindingError(_NEVER_LEFT)  # trio's own error for it has two pages
        try:
            self._ended.unwrap()
        except trio.TrioInternalError as error:
            # a system task that was left has raised while it was cancelled: trio has nobody to tell
            rest = [one for one in leaves_of(error.__cause__ or error) if not self._is_lost(one)]
            if rest:
                raise group_of(rest) from None

    def _is_lost(self, error: BaseException) -> bool:
        """Whether an error that a task raised for nobody is told, or says nothing."""
        if isinstance(error, trio.Cancelled | Stopped):
            return True
        return isinstance(error, Exception) and self.host.lose(Loss(Way.TASK, "", error))

    def is_running(self) -> bool:
        return trio.lowlevel.in_trio_task()

    def waits_for_nothing(self) -> bool:
        """Whether the run is about to wait for nothing that it knows of."""
        with self.looking:
            return _is_stuck(self.is_virtual)
        return False

    # -- the host's side ---------------------------------------------------------------------------

    def _run(self, call: Call) -> None:
        __tracebackhide__ = True
        if self.given_up is not None:
            raise self.given_up
        if self._unfinished is not None:
            # a signal's handler (Ctrl-C, a timeout) raised in the host while that one ran
            if self._around is not None:
                self._around.cancel()
            self._turn_until_done(self._unfinished)
        self._next = self._unfinished = call
        if not self._is_started:
            self._start()
        else:
            self._wake()
        self._turn_until_done(call)

    def _start(self) -> None:
        __tracebackhide__ = True
        self._hooks = sys.get_asyncgen_hooks()
        is_within = trio.lowlevel.in_trio_run()  # somebody else's, to be left alone
        try:
            trio.lowlevel.start_guest_run(
                self._serve,
                run_sync_soon_threadsafe=self._turns.put,
                done_callback=self._end_run,
                **self._options,
            )
        except BaseException:
            # without a socket to be woken by, say: the next call tries again
            if not is_within:
                self._abandon()
            self._next = self._unfinished = None
            raise
        self._is_started = True

    def _turn_until_done(self, call: Call) -> None:
        __tracebackhide__ = True
        while self._unfinished is call:
            if self.given_up is not None:
                raise self.given_up
            if self._ended is not None:
                error = self._dead(self._ended)
                self.give_up(error)
                raise error
            turn = self._turns.get()
            if self._state is not None and self._state.is_interrupted():
                # what Ctrl-C ends has yet to be ended
                self._state.when_next_awake(self._note_interrupt)
            try:
                turn()
            except BaseException as error:
                self.give_up(error)  # trio raises nothing here that it could go on after
                raise
        if self.interrupt is not None:
            self.raise_interrupt()

    def _note_interrupt(self) -> None:
        with self.looking:
            self.host.interrupted(running_tasks())

    def _dead(self, ended: Outcome[None]) -> BaseException:
        """What a run that has ended in the middle of a call gives that call."""
        error = ended.error if isinstance(ended, Error) else RuntimeError("the trio run has ended")
        # a signal's handler (a timeout) may have raised in trio itself
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, FindingError | Stopped):
            cause = cause.__cause__
        return cause or error

    def call_soon(self, function: Callable[[], object]) -> None:
        # what is raised there ends the run
        self._asked.append(partial(self.host.internal.call, ASKED, function))
        self._pass_on()

    def _pass_on(self) -> None:
        """Have the run call what it was asked to, once it has begun."""
        if self._token is not None and self._asked:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(self._answer, idempotent=True)

    def _answer(self) -> None:
        for _ in range(len(self._asked)):
            self._asked.popleft()()

    def is_waiting(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename == __file__  # the host's, in `_turn_until_done`

    @property
    def coroutine(self) -> Any:
        return None if self._task is None else self._task.coro

    def is_cancelled(self) -> bool:
        return any(scope.cancel_called for scope in self._scopes())

    def _end_where_it_waits(self, call: Call) -> None:
        stopped = Stopped(call.error)
        call.thrown = weakref.ref(stopped)
        self._throw(call, stopped)

    def _throw(self, call: Call, stopped: Stopped) -> None:
        if self._task is None or self._unfinished is not call:
            return
        if not trio_seam.throw(self._task, stopped):
            # it is about to run: when it waits again; until then it counts as thrown
            self.call_soon(lambda: self._throw(call, stopped))

    def _follow(self, course: Course | None) -> None:
        from ..seams.trio_time import RunTime

        for gone in TRIO_TIME.gone():
            raise ClockError(gone.line())
        if self._time is None:
            self._time = RunTime()
            if not self._time.can_follow():
                raise ClockError(
                    "the clock can't be virtual: the trio run has a clock of its own, from the "
                    "options of `anyio_backend`; leave its `clock` out"
                )
        self._time.follow(course)

    def _wake(self) -> None:
        if self._is_parked and self._task is not None:
            self._is_parked = False
            trio.lowlevel.reschedule(self._task, Value(None))

    def _end_run(self, result: Outcome[None]) -> None:
        self._ended = result

    # -- the task's side ---------------------------------------------------------------------------

    async def _serve(self) -> None:
        self._task = trio.lowlevel.current_task()
        self._task.name = TASK_NAME
        self._token = trio.lowlevel.current_trio_token()
        self._state = trio_seam.RunState()
        self._pass_on()
        with trio.CancelScope() as self._around:
            self._base = trio_seam.innermost(self._task)
            while not self._is_closing:
                try:
                    while (call := await self._take()) is not None:
                        watching = self.begin_watched(call)
                        call.outcome = await outcome.acapture(call.function)
                        self._end_call(call, watching)
                except BaseException as error:
                    if not self.is_interrupt(error):
                        raise
                    self._unfinished = None

    def _end_call(self, call: Call, watching: AbstractContextManager[object] | None) -> None:
        self.end_watched(watching)
        try:
            if trio_seam.innermost(self._task) is not self._base:
                call.broken = [one for one in self._scopes() if one.cancel_called]
            if isinstance(call.outcome, Error) and not call.broken:
                # a system task that has raised, say: nothing can wait in this run any more
                call.is_doomed = trio.current_effective_deadline() == -inf
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self.explaining.take(fault)
        self.look_beside(call)
        self._unfinished = None
        try:
            call.forget_bound()
        except BaseException as fault:  # noqa: BLE001 - noted, or raised again
            self.ending.take(fault)
        if self._asked:
            self._answer()  # it was asked in this call, and not in the next one

    async def _take(self) -> Call | None:
        # with this task ready to run, trio starts no thread to wait for I/O; the host does not
        # let it run on until there is something to do
        await trio.lowlevel.cancel_shielded_checkpoint()
        while self._next is None:
            if self._is_closing:
                return None
            self._is_parked = True
            if trio_seam.innermost(self._task) is self._base and not self._was_stopped:
                await trio.lowlevel.wait_task_rescheduled(self._abort)
            else:
                with trio.CancelScope(shield=True):
                    await trio.lowlevel.wait_task_rescheduled(self._abort)
        call, self._next = self._next, None
        return call

    @property
    def _was_stopped(self) -> bool:
        return self._around is not None and self._around.cancel_called

    def _abort(self, raise_cancel: object) -> trio.lowlevel.Abort:
        self._is_parked = False
        return trio.lowlevel.Abort.SUCCEEDED

    # -- what cancelled a call ---------------------------------------------------------------------

    def _scopes(self) -> Iterable[trio.CancelScope]:
        return () if self._task is None else trio_seam.open_scopes(self._task, self._base)

    def _tasks(self) -> Iterable[trio.lowlevel.Task]:
        if self._task is None or self._ended is not None:
            return []
        root = self._task
        while root.parent_nursery is not None:
            root = root.parent_nursery.parent_task
        return [
            task
            for nursery in root.child_nurseries
            for task in trio_seam.tasks_within(nursery)
            if task is not self._task and not task.name.startswith("<")
        ]

    def _is_ending(self, task: trio.lowlevel.Task) -> bool:
        return any(scope.cancel_called for scope in trio_seam.open_scopes(task, None))

    def _context_of(self, task: trio.lowlevel.Task) -> Context:
        return task.context

    def _errors_of(self, scope: object) -> list[BaseException]:
        assert self._task is not None
        return [
            error
            for nursery in self._task.child_nurseries
            if nursery.cancel_scope is scope
            for error in trio_seam.errors_of(nursery)
        ]

    def _was_cancelled_at(self, scope: Any) -> str:
        # what has a deadline may have been cancelled before it: both are told
        has_deadline = scope.deadline != float("inf")
        return "its deadline has passed" if has_deadline else "cancel() was called"
