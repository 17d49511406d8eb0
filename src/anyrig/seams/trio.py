"""What is open on a trio task, and what the tasks of a nursery have raised so far.

Problem: a fixture's cancel scope that cancels the test is told by nobody, and the error that it
was cancelled for appears when the fixture ends.
Approach: a task's innermost `CancelStatus` (``Task._cancel_status``), whose ``_scope`` is the
`CancelScope` and whose ``_parent`` is the next one out; ``Nursery._pending_excs``. Seen on trio
0.32 to 0.35.

Problem: which descriptors a run waits for decides whether it can go on.
Approach: ``io_manager._registered`` of the run (``GLOBAL_RUN_CONTEXT.runner``) has them as keys, on
kqueue as the first part of each, with trio's own (``entry_queue.wakeup.wakeup_sock``) among them.
Seen on trio 0.32 to 0.35.

Problem: what Ctrl-C ends is gone when it is told. Approach: ``ki_pending`` of the run is true from
the signal on until a task is ended by it; its ``instruments`` take another one at any time. Seen on
trio 0.32 to 0.35.

Problem: a run that is no runner's of ours has a token that its own thread alone can ask for.
Approach: ``entry_queue`` of the run, which ``TrioToken.run_sync_soon`` hands on to. Seen on trio
0.32 to 0.35.

Problem: a task that only ever passes checkpoints never waits, so that nothing can be raised there.
Approach: ``Task._next_send`` is the `Outcome` that a task gets which is about to run. At a
checkpoint that is nobody's result: an error can take its place. Seen on trio 0.32 to 0.35.

Problem: what the cleanup of an async generator raises that was left in the middle is logged.
Approach: a filter on the logger that trio's docs name, `GeneratorErrors`; the record's one
argument is the generator's name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn, Self

from outcome import Error
from trio._core import _run

from ..losses import Loss, Way
from ..own import signal, trio
from .cpython.asyncgen import wrapped
from .needs import Need, Of, Table, optional

_ERRORS = logging.getLogger("trio.async_generator_errors")


_RUN = "trio._core._run"
_RUNNER = ("io_manager", "entry_queue", "ki_pending", "instruments", "main_task", "ki_manager")
_THROWN = ("_abort_func", "_attempt_abort", "_next_send")
NEEDS = Table(
    Need("the run on trio", _RUN, "", ("GLOBAL_RUN_CONTEXT", "CancelStatus")),
    Need("the run on trio", _RUN, "Runner", _RUNNER, Of.INSTANCES),
    Need("what ends a test on trio", _RUN, "Task", _THROWN, Of.INSTANCES),
    Need("cancel scopes on trio", _RUN, "Task", ("_cancel_status",), Of.INSTANCES),
    Need("cancel scopes on trio", _RUN, "CancelStatus", ("_parent", "_scope"), Of.INSTANCES),
    Need("cancel scopes on trio", _RUN, "Nursery", ("_cancel_status",), Of.INSTANCES),
    optional(
        *("the errors of an open nursery", _RUN, "Nursery", ("_pending_excs",)),
        Of.INSTANCES,
    ),
    Need("deadlocks on trio", "trio._core._entry_queue", "EntryQueue", ("wakeup",), Of.INSTANCES),
    Need(
        *("deadlocks on trio", "trio._core._wakeup_socketpair", "WakeupSocketpair"),
        *(("wakeup_sock",), Of.INSTANCES),
    ),
    Need(
        *("deadlocks on trio", "trio._core._io_epoll", "EpollIOManager", ("_registered",)),
        Of.INSTANCES,
    ),
    Need(
        *("deadlocks on trio", "trio._core._io_kqueue", "KqueueIOManager", ("_registered",)),
        Of.INSTANCES,
    ),
)
NEEDS.require_vital()


class GeneratorErrors(logging.Filter):
    """Asks ``lose`` to take what the cleanup of async generators raises, while entered.

    What it takes is not logged.
    """

    def __init__(self, lose: Callable[[Loss], bool]) -> None:
        super().__init__()
        self._lose = lose

    def __enter__(self) -> Self:
        _ERRORS.addFilter(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _ERRORS.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        name = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
        # one that has ended, and is closed once more, says so by StopAsyncIteration
        if not isinstance(error, Exception) or isinstance(error, StopAsyncIteration):
            return True
        # trio names it by its module too
        return not self._lose(Loss(Way.GENERATOR, name, error))


def descriptors() -> list[int]:
    """The descriptors that tasks of the current run wait for, without trio's own."""
    context: Any = _run.GLOBAL_RUN_CONTEXT
    return descriptors_of(context.runner)


def descriptors_of(runner: Any) -> list[int]:
    """Those of a run."""
    own = runner.entry_queue.wakeup.wakeup_sock.fileno()
    registered = getattr(runner.io_manager, "_registered", ())
    keys = [key[0] if isinstance(key, tuple) else key for key in registered]
    return [fd for fd in keys if fd != own]


class RunState:
    """What the run that makes it, which is the current one, says of itself from outside, too."""

    def __init__(self) -> None:
        context: Any = _run.GLOBAL_RUN_CONTEXT
        self._run: Any = context.runner

    def is_interrupted(self) -> bool:
        """Whether it has heard of Ctrl-C, and has yet to end what that ends."""
        return bool(self._run.ki_pending)

    def when_next_awake(self, call: Callable[[], object]) -> None:
        """Call a function once, in the run, when its next wait is over and before any task runs."""
        self._run.instruments.add_instrument(_Once(self._run.instruments, call))


class _Once(trio.abc.Instrument):
    def __init__(self, instruments: Any, call: Callable[[], object]) -> None:
        self._instruments = instruments
        self._call = call

    def after_io_wait(self, timeout: float) -> None:
        self._instruments.remove_instrument(self)
        self._call()


def innermost(task: Any) -> object:
    """What stands for the innermost cancel scope of a task; compare it by identity."""
    return task._cancel_status


def open_scopes(task: Any, base: object) -> list[trio.CancelScope]:
    """The cancel scopes of a task that were opened since `innermost` was ``base``, those first."""
    scopes: list[trio.CancelScope] = []
    status = task._cancel_status
    while status is not None and status is not base:
        scopes.append(status._scope)
        status = status._parent
    return scopes


def tasks_within(nursery: Any) -> list[trio.lowlevel.Task]:
    """The tasks of a nursery that have not ended, each followed by those of its own nurseries."""
    tasks = []
    for task in nursery.child_tasks:
        tasks.append(task)
        for inner in task.child_nurseries:
            tasks += tasks_within(inner)
    return tasks


def unshield(nursery: Any) -> None:
    """Take away the shields between a nursery's scope and what waits in it."""
    for task in tasks_within(nursery):
        for scope in open_scopes(task, nursery._cancel_status):
            scope.shield = False


def is_shielded(task: Any) -> bool:
    """Whether a task has opened a shield that still holds."""
    nursery = task.parent_nursery
    base = None if nursery is None else nursery._cancel_status
    return any(scope.shield for scope in open_scopes(task, base))


def throw(task: Any, error: BaseException) -> bool:
    """Raise an error where a task waits, whatever shields it; False where it is about to run.

    As trio itself does for Ctrl-C, by ``Task._attempt_abort``: a nursery whose tasks are waited for
    cancels them. It would not for a ``trio.Cancelled``. What passes a checkpoint is about to run,
    and may be so each time that it is asked: there the error is raised as well.
    """
    if task._abort_func is None:
        if task._next_send is None or not _is_at_checkpoint(task.coro):
            return False
        task._next_send = Error(error)
        return True

    def raise_it() -> NoReturn:
        raise error

    task._attempt_abort(raise_it)
    return True


def _is_at_checkpoint(coroutine: Any) -> bool:
    """Whether what a task awaits is a checkpoint, and not a thing that it has just been given."""
    innermost = None
    while coroutine is not None:
        innermost = getattr(coroutine, "cr_code", None) or innermost
        for awaited in ("cr_await", "ag_await", "gi_yieldfrom"):
            if hasattr(coroutine, awaited):
                coroutine = getattr(coroutine, awaited)
                break
        else:
            coroutine = wrapped(coroutine)
    return innermost is trio.lowlevel.cancel_shielded_checkpoint.__code__


def call_soon_in(runner: Any, function: Callable[[], object]) -> None:
    """Have a run call a function, from any thread; where it has ended, nothing happens."""
    with suppress(trio.RunFinishedError):
        runner.entry_queue.run_sync_soon(function)


def abandon() -> None:
    """Have trio forget the guest run of this thread, so that another can begin in it.

    It is kept from being collected, for trio warns of that at a moment that is nobody's.
    """
    from .cpython.keeping import keep

    context: Any = _run.GLOBAL_RUN_CONTEXT
    runner = getattr(context, "runner", None)  # a run that could not begin has left none
    if runner is None:
        return
    keep(runner)
    runner.ki_manager.close()
    vars(context).clear()
    signal.set_wakeup_fd(-1)


def errors_of(nursery: Any) -> list[BaseException]:
    """What the tasks of a nursery that still is open have raised, cancellations left out."""
    raised: list[BaseException] = getattr(nursery, "_pending_excs", [])
    errors: list[BaseException] = []
    for error in raised:
        if isinstance(error, BaseExceptionGroup):
            rest = error.split(trio.Cancelled)[1]
            if rest is not None:
                errors.append(rest)
        elif not isinstance(error, trio.Cancelled):
            errors.append(error)
    return errors
