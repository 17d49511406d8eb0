"""The event loop of a callback that it has yet to call, and the errors of an open task group.

Problem: a coroutine that was handed to a loop (``call_soon``, ``run_coroutine_threadsafe``) may
still run, unless the loop is closed; its handle does not say which loop that is.
Approach: ``asyncio.Handle._loop``. Seen on CPython 3.11 to 3.13; uvloop's handles are of another
type and are not asked.

Problem: an ``asyncio.TaskGroup`` in a fixture cancels the test for an error that it shows at its
own end. Approach: ``_parent_task``, ``_aborting``, ``_exiting``, ``_tasks`` and ``_errors`` of the
groups that refer to the task. Seen on CPython 3.11 to 3.13.

Problem: a loop that waits for ever looks like one that waits. Approach: ``loop._selector`` is asked
to wait without a timeout where nothing is ready and no timer is set (``loop._scheduled``). Of one
that does not run, ``loop._ready`` and the selector's map say what it would wait for. On Windows a
loop's proactor stands in the place of the selector: ``_cache`` has its operations. Limits: uvloop
has no selector of Python's, and a seam of its own. Seen on CPython 3.11 to 3.15, the proactor alone
in its source and on one that is made to be like it.

Problem: what ``run_in_executor`` gives is no task. Approach: the threads of the loop's own
executor (``_default_executor``, ``_threads``) and what they run (``_WorkItem``: ``fn``, from 3.14
on the first of ``task``); a future of an executor's has the loop's one in the closure of its
``_done_callbacks``. uvloop keeps its executor to itself; the collector knows it. Seen on CPython
3.11 to 3.15.

Problem: a task that awaits a sleeping one sleeps as well, as it were. Approach: ``_callbacks`` of a
future say what its end wakes: a task's own step or a `asyncio.TaskGroup` (``__self__``), and what
``gather`` and ``wait`` have in their closures. Seen on CPython 3.11 to 3.13.

Problem: what a test leaves in a loop of its own, or of another plugin's, is cancelled and gone
when the test has ended. Approach: ``asyncio.runners._cancel_all_tasks`` does that, for
``asyncio.run``, for `asyncio.Runner` and so for pytest-asyncio from 1.1 on and for unittest. Who
cancels nothing (pytest-asyncio up to 1.0) calls ``close`` of the loop, and that ends in the one of
`BaseEventLoop`, or is uvloop's. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Handle, runners
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import inf
from types import CoroutineType
from typing import Any

from ..own import asyncio, gc, inspect
from .asyncio_errors import Listener, in_each_loop
from .cpython.referrers import owners_of
from .cpython.stacks import is_awaited, work_of
from .needs import Need, Of, Table, optional

_GROUP = ("_errors", "_exiting", "_parent_task", "_tasks", "_aborting", "_loop")
NEEDS = Table(
    Need("where loops wait", "asyncio", "BaseEventLoop", ("_ready", "_scheduled"), Of.INSTANCES),
    Need(
        *("where loops wait", "asyncio.selector_events", "BaseSelectorEventLoop"),
        *(("_selector",), Of.INSTANCES),
    ),
    Need("where loops wait", "asyncio.windows_events", "IocpProactor", ("_cache",), Of.INSTANCES),
    Need("which loop runs a callback", "asyncio", "Handle", ("_loop",)),
    Need("what a task's end wakes", "asyncio", "Future", ("_callbacks",)),
    Need("task groups that cancel a test", "asyncio", "TaskGroup", _GROUP, Of.INSTANCES),
    optional(
        *("tasks left in a test's own loop", "asyncio.runners", "", ("_cancel_all_tasks",)),
    ),
    optional(
        *("calls left in a loop's executor", "asyncio", "BaseEventLoop", ("_default_executor",)),
        Of.INSTANCES,
    ),
    optional(
        *("calls left in a loop's executor", "concurrent.futures.thread", "ThreadPoolExecutor"),
        *(("_threads",), Of.INSTANCES),
    ),
)

_NEW = inspect.CORO_CREATED
# what a loop itself begins to end with: whoever closes it before has been told, or told otherwise
_ENDS = frozenset(
    f"{kind}.shutdown_{what}"
    for kind in ("BaseEventLoop", "Loop")
    for what in ("asyncgens", "default_executor")
)
_TURNS = 10  # of the loop, before a task that is still there is one that was left
_LONG = 3600.0  # seconds; asyncio waits for a day at most


def loop_of(handle: Handle) -> AbstractEventLoop | None:
    """The loop that is to call it; None where the handle does not say."""
    loop = getattr(handle, "_loop", None)
    return loop if isinstance(loop, AbstractEventLoop) else None


def drop(loop: AbstractEventLoop) -> None:
    """Close a loop whose tasks do not end; they stay as they are, and nothing is said of them."""
    from .cpython.keeping import keep

    for task in asyncio.all_tasks(loop):
        keep(task)
    loop.close()
    asyncio.set_event_loop(None)


@contextmanager
def noting_left(note: Callable[[Sequence[asyncio.Task[Any]]], object]) -> Iterator[None]:
    """While entered, note the tasks that are left when ``asyncio.run`` or a `Runner` ends.

    The loop gets a few turns before. What is being cancelled is not among them. In a loop that is
    closed with tasks in it they are left as they are.
    """

    def make(before: Callable[..., None]) -> Callable[..., None]:
        def ours(self: AbstractEventLoop) -> None:
            # what ends a runner of ours has looked at it
            is_ours = isinstance(self.get_exception_handler(), Listener)
            if not (is_ours or self.is_closed() or self.is_running()):
                _note_left(self, note, also_new=False)
            before(self)

        return ours

    with _noting_cancelled(note), in_each_loop("close", make):
        yield


@contextmanager
def _noting_cancelled(note: Callable[[Sequence[asyncio.Task[Any]]], object]) -> Iterator[None]:
    before = getattr(runners, "_cancel_all_tasks", None)
    if before is None:
        yield
        return

    def ours(loop: AbstractEventLoop) -> None:
        if not asyncio.all_tasks(loop):
            return
        loop.run_until_complete(_turns())
        _note_left(loop, note)
        before(loop)

    runners._cancel_all_tasks = ours  # type: ignore[attr-defined]
    try:
        yield
    finally:
        if runners._cancel_all_tasks is ours:  # type: ignore[attr-defined]
            runners._cancel_all_tasks = before  # type: ignore[attr-defined]


def _note_left(
    loop: AbstractEventLoop,
    note: Callable[[Sequence[asyncio.Task[Any]]], object],
    *,
    also_new: bool = True,
) -> None:
    """Note what is left; ``also_new``: also what never took a step, where it still may."""
    left = [
        task
        for task in asyncio.all_tasks(loop)
        if not task.cancelling() and getattr(task.get_coro(), "__qualname__", "") not in _ENDS
    ]
    if not also_new:
        left = [task for task in left if not _is_new(task.get_coro())]
    if left:
        note(left)


def _is_new(coroutine: Any) -> bool:
    """Whether a coroutine has not taken its first step; one that can't be asked has."""
    return type(coroutine) is CoroutineType and inspect.getcoroutinestate(coroutine) == _NEW


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def calls_of(loop: AbstractEventLoop) -> list[Callable[..., object]]:
    """The functions that threads of a loop's own executor run, and whose future still waits.

    That of a call that was cancelled waits no more. Where the loop has no executor that can be
    asked, there are none.
    """
    threads = getattr(_executor_of(loop), "_threads", ())
    calls = (work_of(thread.ident) for thread in threads)
    return [call[0] for call in calls if call is not None and is_awaited(call[1])]


def _executor_of(loop: AbstractEventLoop) -> object:
    executor: object = getattr(loop, "_default_executor", ...)
    if executor is ...:
        referents = gc.get_referents(loop)
        return next((one for one in referents if isinstance(one, ThreadPoolExecutor)), None)
    return executor


def waited_for(loop: AbstractEventLoop) -> int | None:
    """How much of other processes and the system a loop waits for; None where it does not show it.

    One thing more is always there, what other threads wake the loop with.
    """
    selector: Any = getattr(loop, "_selector", None)
    if hasattr(selector, "get_map"):
        return len(selector.get_map()) - 1
    operations = getattr(selector, "_cache", None)
    return None if operations is None else len(operations) - 1


WhenTurns = Callable[[Callable[[], object]], object]


def around_waits(
    loop: AbstractEventLoop, note: Callable[[bool], None]
) -> tuple[Callable[[], None], WhenTurns | None]:
    """Note each wait of a loop for nothing but another thread: True before it and False after.

    Returns what takes this away, and what has a function called, from any thread, when the loop
    next comes to wait: it is not woken for that, nor kept from waiting. For a loop that has no
    selector of Python's it does nothing.
    """
    selector: Any = getattr(loop, "_selector", None)
    if waited_for(loop) is None or "select" in vars(selector):
        return lambda: None, None
    select = selector.select
    asked: deque[Callable[[], object]] = deque()
    quick = _LONG  # seconds; below it there is nothing to note. None of them while somebody asks

    # anyio's `sleep_forever` sets a timer that never comes; the first of them is the soonest
    # a loop whose time is ours has none: it says None itself where none is to come
    def soonest() -> float:
        timers = loop._scheduled  # type: ignore[attr-defined]
        return timers[0].when() if timers else 0.0

    def ours(timeout: float | None = None) -> Any:
        nonlocal quick
        if timeout is not None and timeout < quick:
            return select(timeout)
        if asked:
            quick = _LONG
            while asked:
                asked.popleft()()
        if timeout is not None and (timeout < _LONG or soonest() != inf):
            return select(timeout)
        if waited_for(loop):
            return select(timeout)
        note(True)
        try:
            return select(timeout)
        finally:
            note(False)

    def when_turns(function: Callable[[], object]) -> None:
        nonlocal quick
        asked.append(function)
        quick = -1.0

    selector.select = ours

    def forget() -> None:
        vars(selector).pop("select", None)

    return forget, when_turns


def waits_for_nothing(loop: Any) -> bool:
    """Whether a loop that waits, in another thread, waits for nothing that it knows of.

    False for a loop that has no selector of Python's.
    """
    selector: Any = getattr(loop, "_selector", None)
    if not hasattr(selector, "get_map") or not hasattr(loop, "_ready"):
        return False
    # one is registered always: what other threads wake the loop with
    registered = selector.get_map()
    if registered is None or len(registered) > 1 or loop._ready:
        return False
    timers = list(loop._scheduled)
    return all(timer.cancelled() or timer.when() == inf for timer in timers)


def idle_descriptor(loop: Any) -> int | None:
    """The descriptor that stands for all a loop waits for, between two turns of it.

    None where it has callbacks, timers or I/O to wait for, where it runs, and where it has none.
    """
    selector: Any = getattr(loop, "_selector", None)
    if loop.is_running() or loop.is_closed() or not hasattr(selector, "fileno"):
        return None
    if loop._ready or loop._scheduled or waited_for(loop):
        return None
    descriptor: int = selector.fileno()
    return descriptor


def who_waits(tasks: Iterable[asyncio.Task[Any]]) -> set[Any]:
    """These tasks and those that wait for the end of one of them, with the futures in between."""
    found: set[Any] = set(tasks)
    to_ask = list(found)
    while to_ask:
        for callback, _ in to_ask.pop()._callbacks or ():
            new = set(_behind(callback)) - found
            found |= new
            to_ask += new
    return found


def _behind(callback: Any) -> list[Any]:
    """The futures and tasks that a callback of a future has an effect on."""
    owner: Any = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.TaskGroup):
        owner = owner._parent_task  # type: ignore[attr-defined]
    cells = getattr(callback, "__closure__", None) or ()
    parts = [owner, *getattr(callback, "args", ()), *(cell.cell_contents for cell in cells)]
    return [part for part in parts if asyncio.isfuture(part)]


def aborted_groups(task: asyncio.Task[Any]) -> list[asyncio.TaskGroup]:
    """The task groups open on a task that are being cancelled, outermost last."""
    return [
        group
        for group in owners_of(task)
        if isinstance(group, asyncio.TaskGroup) and _is_aborted(group, task)
    ]


def errors_of(group: Any) -> list[BaseException]:
    """What the tasks of a task group that still is open have raised."""
    return [*group._errors]


def _is_aborted(group: Any, task: asyncio.Task[Any]) -> bool:
    # up to Python 3.12 one that was left says so by its errors, which are gone
    is_open = group._errors is not None and not (group._exiting and not group._tasks)
    return group._parent_task is task and group._aborting and is_open
