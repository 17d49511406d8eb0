"""What the threads of this process are doing at the moment.

Problem: a loop that waits may be woken by another thread, unless there is none that does anything.
Approach: `frames.current` has the innermost frame of each thread, also of those that
``threading`` does not list. A pool's thread that waits for work is known by the frame it waits in:
concurrent.futures' ``_worker``, trio's ``_work`` and its wait for I/O, and the ``run`` of anyio's
workers, which wait in a queue. Work that was handed to a pool and is not begun yet is known by what
that frame holds: the queue of concurrent.futures' and of anyio's, ``_idle_semaphore``, trio's
``_idle_workers``. One that waits in `trio.from_thread` has sent a message that a task runs. One
that waits for another thread, without a timeout, is known by ``Condition.wait``'s ``waiter``, which
is among the condition's ``_waiters`` until it is notified; one that has yet to begin stands in
``threading._limbo``. The loop that a thread runs is the ``self`` of its ``run_forever``.
A thread that has just ended a call is at work no more once its result has come to who awaits it:
``_done_callbacks`` of a ``_WorkItem``'s ``future`` lead to asyncio's, anyio's frame has the
``future``, and what has left trio's ``run_sync_soon`` is in its entry queue until it is called.
Limits: a thread in a wait of its own may wake somebody or nobody; it counts as busy. Where one of
these names is gone, nobody knows what any thread does. Beside other
interpreters no frames can be had (see `frames`). Seen on CPython 3.11 to 3.15, anyio 4.13 to 4.16,
trio 0.32 to 0.35.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from enum import Enum
from math import inf
from types import BuiltinFunctionType, FrameType
from typing import Any

from ...own import asyncio, os, sys, threading
from ..needs import Of, Table, optional
from . import frames


def slashed(path: str) -> str:
    """A path of Windows' with the slashes that the names below have."""
    return path.replace("\\", "/")


_IDLE = (
    ("/concurrent/futures/thread.py", "_worker"),
    ("/trio/_core/_thread_cache.py", "_work"),
    ("/trio/_core/_io_epoll.py", "get_events"),
    ("/trio/_core/_io_kqueue.py", "get_events"),
    ("/trio/_core/_io_windows.py", "get_events"),
)
_QUEUES = ("/threading.py", "/queue.py")
_WAITS = ("/selectors.py", "/asyncio/windows_events.py")
# a selector's own, asyncio's on Windows, that of the seam of asyncio, and those of its time
_SELECTS = ("select", "_poll", "ours", "_select", "_select_skipping")
_LOOP = "/asyncio/base_events.py"
_A_DAY = 24 * 3600.0  # seconds; no loop of asyncio's sleeps for longer at once
# its loop, and what that calls between two steps of a task
_OF_TRIO = ("/trio/_core/", "/outcome/", "<attrs generated", "/contextlib.py", "/selectors.py")
# what calls the hooks of a test, pytest's own hooks, and ours: by the package of their module
_OF_PYTEST = ("pluggy", "_pytest", "anyrig")
# where the doubles are at work: for whoever has called one
_DOUBLES = ("anyrig.mocks", "anyrig.seams.doubles", "anyrig.seams.unittest_mock")
_OURS = slashed(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
# Python's own, which most others derive from, and pydevd (PyCharm, debugpy)
_DEBUGGERS = ("/pdb.py", "/bdb.py", "/pydevd.py")
_DEBUGGERS_IN = ("/_pydevd_bundle/", "/debugpy/")
_PROMPTS = {"interact": "/code.py", "mainloop": "/IPython/terminal/embed.py"}  # function, its file


_PART = "deadlocks beside threads"
_POOLS, _TRIO, _ANYIO = "concurrent.futures.thread", "trio._core", "anyio._backends._asyncio"
NEEDS = Table(
    *(
        optional(_PART, module, owner, names, Of.OWNER)
        for module, owner, names in (
            (_POOLS, "", ("_worker", "_WorkItem")),
            ("threading", "", ("_limbo",)),
            ("asyncio.base_events", "BaseEventLoop", ("_run_once", "run_forever")),
            (_ANYIO, "WorkerThread", ("run",)),
            (f"{_TRIO}._thread_cache", "WorkerThread", ("_work", "_handle_job")),
            (f"{_TRIO}._entry_queue", "EntryQueue", ("run_sync_soon",)),
            (f"{_TRIO}._io_epoll", "EpollIOManager", ("get_events",)),
            (f"{_TRIO}._io_kqueue", "KqueueIOManager", ("get_events",)),
            (f"{_TRIO}._io_windows", "WindowsIOManager", ("get_events",)),
            (f"{_TRIO}._run", "", ("unrolled_run",)),
            ("trio._threads", "", ("_send_message_to_trio",)),
            ("asyncio.events", "Handle", ("_run", "_callback")),
        )
    ),
    *(
        optional(_PART, module, owner, names, Of.INSTANCES)
        for module, owner, names in (
            (_POOLS, "ThreadPoolExecutor", ("_threads", "_idle_semaphore")),
            (_POOLS, "_WorkItem", ("future",)),
            ("concurrent.futures._base", "Future", ("_done_callbacks",)),
            ("threading", "Semaphore", ("_value",)),
            ("threading", "Condition", ("_waiters",)),
            (_ANYIO, "WorkerThread", ("queue",)),
            (f"{_TRIO}._thread_cache", "WorkerThread", ("_thread_cache",)),
            (f"{_TRIO}._thread_cache", "ThreadCache", ("_idle_workers",)),
            (f"{_TRIO}._entry_queue", "EntryQueue", ("queue",)),
            ("trio._threads", "Run", ("queue",)),
            ("trio._threads", "RunSync", ("queue",)),
        )
    ),
    *(
        optional(_PART, module, owner, names, Of.CODE)
        for module, owner, names in (
            (_POOLS, "_worker", ("work_queue", "work_item", "executor_reference")),
            ("asyncio.futures", "_chain_future", ("destination",)),
            ("threading", "Condition.wait", ("waiter", "timeout")),
            (_ANYIO, "WorkerThread.run", ("future",)),
            (f"{_TRIO}._run", "unrolled_run", ("runner",)),
            ("trio._threads", "_send_message_to_trio", ("message_to_trio",)),
            ("trio._threads", "to_thread_run_sync", ("worker_fn", "task_register")),
        )
    ),
    optional(_PART, _POOLS, "_WorkItem", ("fn",), Of.INSTANCES, before=(3, 14)),
    optional(_PART, _POOLS, "_WorkItem", ("task",), Of.INSTANCES, since=(3, 14)),
    optional(
        *(_PART, "threading", "Thread", ("_wait_for_tstate_lock",)),
        *(Of.OWNER, (3, 11), (3, 13)),
    ),
    optional(
        *(_PART, "asyncio.unix_events", "ThreadedChildWatcher", ("_do_waitpid",), Of.OWNER),
        before=(3, 14),
    ),
    optional(
        *(_PART, "asyncio.unix_events", "_ThreadedChildWatcher", ("_do_waitpid",)),
        *(Of.OWNER, (3, 14)),
    ),
)


def threads() -> frozenset[int]:
    """The ids of all threads that run Python code."""
    return frozenset(frames.current() or ())


def busy_threads(known: Container[int | None]) -> list[int]:
    """The ids of the threads that do something or wait for it, known ones and idle pools' aside.

    Where nobody knows what they do, 0 stands for all of them.
    """
    found = None if NEEDS.gone() else frames.current()
    if found is None:
        return [0]
    return [ident for ident, frame in found.items() if ident not in known and not _is_idle(frame)]


def why_unknown() -> str:
    """Why nobody knows what the threads do, where `busy_threads` gives 0."""
    for one in NEEDS.gone():
        names = ", ".join(one.names)
        return f"{one.package} {one.version} has no {names}, by which it is known what threads do"
    return "beside other interpreters nobody knows what the threads do"


def frame_of(thread: int) -> FrameType | None:
    """The innermost frame of a thread, where it can be told."""
    return frames.of(thread)


def work_of(thread: int) -> tuple[Callable[..., object], Any] | None:
    """What a thread of concurrent.futures' pool runs at the moment, and the future of this call."""
    frame = None if NEEDS.gone() else frame_of(thread)
    while frame is not None:
        if frame.f_code.co_name == "run" and _path(frame).endswith(_IDLE[0][0]):
            item: Any = frame.f_locals.get("self")
            # from 3.14 on, one frame further in a context runs it, which has another `run`
            if hasattr(item, "future"):
                return (item.fn if hasattr(item, "fn") else item.task[0]), item.future
        frame = frame.f_back
    return None


def is_waiting(frame: FrameType) -> bool:
    """Whether a frame is that of an asyncio event loop that waits for I/O or for time."""
    if not _path(frame).endswith(_WAITS):
        return False
    outer = frame.f_back
    while outer is not None and outer.f_code.co_name != "_run_once":
        # nothing but a selector's own `select` and what stands in its place is between
        if outer.f_code.co_name not in _SELECTS:
            return False
        outer = outer.f_back
    return outer is not None


def sleeps_for(frame: FrameType) -> float | None:
    """How many seconds an event loop sleeps whose innermost frame this is, at most.

    None where it does not sleep, or only looks for what is there.
    """
    if not is_waiting(frame):
        return None
    outer: FrameType | None = frame
    while outer is not None and _path(outer).endswith(_WAITS):
        outer = outer.f_back
    # who sleeps without an end says None, or is a day late at most
    timeout = None if outer is None else outer.f_locals.get("timeout", 0)
    if timeout is None:
        return inf
    return (inf if timeout >= _A_DAY else float(timeout)) if timeout > 0 else None


def called_in_c(frame: FrameType) -> str | None:
    """The name of a function of C that an asyncio loop calls, where this frame is what calls it.

    None where it calls something else, or the frame is further in.
    """
    if frame.f_code.co_name != "_run" or not _path(frame).endswith("/asyncio/events.py"):
        return None
    callback: Any = getattr(frame.f_locals.get("self"), "_callback", None)
    while type(callback) is functools.partial:
        callback = callback.func
    # of what is Python's, the frame is about to begin or has just ended
    if type(callback) is not BuiltinFunctionType:
        return None
    module, name = callback.__module__, callback.__qualname__
    return name if module in (None, "builtins") else f"{module}.{name}"


def is_in_any(function: str, path: str) -> bool | None:
    """Whether any thread is in a function of this name in such a file; None: nobody knows."""
    found = frames.current()
    return None if found is None else any(_is_in(one, function, path) for one in found.values())


def _is_in(frame: FrameType | None, function: str, path: str) -> bool:
    while frame is not None:
        if frame.f_code.co_name == function and _path(frame).endswith(path):
            return True
        frame = frame.f_back
    return False


def loop_in(frame: FrameType | None) -> Any:
    """The asyncio event loop that runs in a thread, by its frames; None where there is none."""
    while frame is not None:
        if frame.f_code.co_name == "run_forever" and _path(frame).endswith(_LOOP):
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


def thread_of(loop: Any) -> threading.Thread | None:
    """The thread that runs an asyncio loop, as far as threading knows it and frames tell."""
    with suppress(RuntimeError):  # none runs in this thread
        if asyncio.get_running_loop() is loop:
            return threading.current_thread()
    for ident, frame in (frames.current() or {}).items():
        run = run_in(frame)
        if run is not None and run[1] is loop:
            return next((one for one in threading.enumerate() if one.ident == ident), None)
    return None


def is_in_trio(frame: FrameType | None) -> bool:
    """Whether trio's own run loop is at work, and no task: an exception raised there breaks it."""
    while frame is not None and any(part in _path(frame) for part in _OF_TRIO):
        if "/trio/_core/" in _path(frame):
            return True
        frame = frame.f_back
    return False


def is_in_pytest(frame: FrameType | None) -> bool:
    """Whether pytest is at work, or a hook of its own or of ours, and nobody's test.

    What is raised between two hooks goes past the second half of those that wrap others; in what
    they call of Python's own, it leaves locks held. A loop's wait, and what it calls, is no work of
    theirs, though a runner of ours has called the loop; nor is a double's, which a test asks again
    and again without an end.
    """
    if frame is not None and is_waiting(frame):
        return False
    while frame is not None and (
        _package(frame) in sys.stdlib_module_names or _module(frame).startswith(_DOUBLES)
    ):
        if frame.f_code.co_name == "_run_once" and _path(frame).endswith(_LOOP):
            return False
        frame = frame.f_back
    return frame is not None and _package(frame) in _OF_PYTEST


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def _package(frame: FrameType) -> str:
    return _module(frame).partition(".")[0]


def run_in(frame: FrameType | None) -> tuple[str, Any, Any] | None:
    """The async run in a thread, the innermost: its library, its loop, and what it runs to the end.

    On trio the loop is the ``runner`` of ``unrolled_run`` and of ``run``, and what it runs its
    ``main_task``. A loop whose frames are C's (uvloop) is known by `asyncio.Runner`, where that
    runs it.
    """
    loop: Any = None
    while frame is not None:
        path, name = _path(frame), frame.f_code.co_name
        if name == "run_forever" and path.endswith(_LOOP):
            loop = frame.f_locals.get("self")
        elif name == "run_until_complete" and path.endswith(_LOOP):
            return "asyncio", frame.f_locals.get("self"), frame.f_locals.get("future")
        elif name == "run" and path.endswith("/asyncio/runners.py") and "task" in frame.f_locals:
            task = frame.f_locals["task"]
            return "asyncio", task.get_loop(), task
        elif name in ("run", "unrolled_run") and path.endswith("/trio/_core/_run.py"):
            runner = frame.f_locals.get("runner")
            return "trio", runner, getattr(runner, "main_task", None)
        frame = frame.f_back
    return None if loop is None else ("asyncio", loop, None)


def is_debugged(frame: FrameType | None) -> bool:
    """Whether somebody sits at a prompt in it: a debugger's, or `code.interact`'s."""
    while frame is not None:
        code = frame.f_code
        if _is_prompt(code.co_filename, code.co_name if code.co_name in _PROMPTS else ""):
            return True
        frame = frame.f_back
    return False


@functools.cache
def _is_prompt(file: str, prompt: str) -> bool:
    """Whether code of this file is a debugger's, or this function in it asks at a prompt.

    Kept: each look of the watchdog asks it of all frames of a thread, and there are few files.
    """
    path = slashed(file)
    if path.endswith(_DEBUGGERS) or any(part in path for part in _DEBUGGERS_IN):
        return True
    return bool(prompt) and path.endswith(_PROMPTS[prompt])


def is_debugged_in(coroutine: Any) -> bool:
    """Whether a coroutine, or what it waits for, is a debugger's: what was typed at its prompt."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and _path(frame).endswith(_DEBUGGERS):
            return True
        coroutine = getattr(coroutine, "cr_await", None)
    return False


class Doing(Enum):
    """What a thread is doing, as far as its frames tell."""

    NOTHING = "nothing"  # it waits for work, or for another thread
    CALL = "a call in a worker thread"
    CHILD = "the wait for a subprocess"
    OTHER = "a thread of its own"


def at_work(known: Container[int | None]) -> Iterator[tuple[int, Doing]]:
    """The threads that may still do something, and what they do; ours and known ones left out."""
    found = None if NEEDS.gone() else frames.current()
    if found is None:
        yield from _in_use(known)
        return
    for ident, frame in found.items():
        if ident not in known:
            doing = _doing(frame)
            if doing is not Doing.NOTHING:
                yield ident, doing
    # one that is about to begin has no frame yet, and who has started it waits for that
    limbo: Any = threading
    yield from ((id(thread), Doing.OTHER) for thread in list(limbo._limbo))


def _in_use(known: Container[int | None]) -> Iterator[tuple[int, Doing]]:
    """The threads that `threading` lists, without their frames: all but anyio's idle ones."""
    for thread in threading.enumerate():
        queue: Any = getattr(thread, "queue", None)
        is_idle = queue is not None and getattr(queue, "unfinished_tasks", None) == 0
        if thread.ident not in known and not is_idle:
            yield thread.ident or id(thread), Doing.OTHER


def _doing(innermost: FrameType) -> Doing:
    if _waits_for_thread(innermost):
        return Doing.NOTHING
    frame: FrameType | None = innermost
    # who replaces `lock.acquire` has a frame of its own inside of a pool's wait
    inner, has_arrived = "", False
    while frame is not None:
        path, name = _path(frame), frame.f_code.co_name
        if name == "run_sync_soon" and inner and path.endswith("/trio/_core/_entry_queue.py"):
            has_arrived |= not getattr(frame.f_locals["self"], "queue", True)
        if path.endswith("/concurrent/futures/thread.py") and name == "_worker":
            is_idle = (inner != "run" or _is_over(frame)) and _has_nothing(frame)
            return Doing.NOTHING if is_idle else Doing.CALL
        if name == "run" and path.endswith("/anyio/_backends/_asyncio.py"):
            return Doing.NOTHING if _serves_nobody(frame) else Doing.CALL
        if path.endswith("/trio/_core/_thread_cache.py") and name == "_work":
            is_idle = (inner != "_handle_job" or has_arrived) and _is_kept(frame)
            return Doing.NOTHING if is_idle else Doing.CALL
        if path.endswith("/trio/_core/_run.py") and name in ("get_events", "deliver"):
            return Doing.NOTHING  # trio's own wait for I/O, beside a host
        if name == "_do_waitpid" and path.endswith("/asyncio/unix_events.py"):
            return Doing.CHILD
        if frame.f_back is None and path.startswith(_OURS):
            return Doing.NOTHING
        frame, inner = frame.f_back, name
    return Doing.OTHER


def _has_nothing(worker: FrameType) -> bool:
    """Whether a thread of concurrent.futures' waits, and nothing waits for it."""
    variables = worker.f_locals
    if variables["work_queue"].qsize():
        return False
    if variables.get("work_item") is not None and not _is_over(worker):
        return False
    executor = variables["executor_reference"]()
    if executor is None:
        return True
    # from 3.13 on, what is put into a queue that a thread waits for is in no queue any more; the
    # pool has counted that thread off
    found = frames.current() or {}
    waiting = sum(
        (frame := found.get(thread.ident)) is not None and frame.f_code is worker.f_code
        for thread in list(executor._threads)
    )
    return bool(waiting <= executor._idle_semaphore._value)


def _is_over(worker: FrameType) -> bool:
    """Whether the result of a call is where it is awaited, and the thread has yet to forget it."""
    item = worker.f_locals.get("work_item")
    if item is None or not item.future.done():
        return False
    # somebody's own callback may do anything
    behind = [_chained(callback) for callback in item.future._done_callbacks]
    return all(future is not None and future.done() for future in behind)


def _chained(callback: Any) -> Any:
    """The future of asyncio's that a callback of an executor's future sets, or None."""
    cells = (cell.cell_contents for cell in getattr(callback, "__closure__", None) or ())
    return next((content for content in cells if asyncio.isfuture(content)), None)


def is_awaited(future: Any) -> bool:
    """Whether a future of an executor's is to set one of a loop's, and that one still waits."""
    chained = (_chained(callback) for callback in future._done_callbacks)
    return not future.done() and any(one is not None and not one.done() for one in chained)


def _serves_nobody(worker: FrameType) -> bool:
    """Whether a thread of anyio's waits for a call, or the result of one is where it is awaited."""
    variables = worker.f_locals
    queue, future = variables["self"].queue, variables.get("future")
    if not queue.unfinished_tasks:
        return True
    # who was cancelled awaits it no more, and the call goes on
    return queue.qsize() == 0 and future is not None and future.done() and not future.cancelled()


def _is_kept(worker: FrameType) -> bool:
    """Whether trio's cache keeps a thread for the next call."""
    thread = worker.f_locals["self"]
    return thread in thread._thread_cache._idle_workers


def _waits_for_thread(frame: FrameType) -> bool:
    """Whether another thread alone can end what a thread waits in."""
    if frame.f_code.co_name == "_send_message_to_trio":  # in `trio.from_thread`
        # its last line waits for the answer
        is_sent = frame.f_lineno == max(line or 0 for *_, line in frame.f_code.co_lines())
        return is_sent and _is_run(frame.f_locals["message_to_trio"], frame)
    if not _path(frame).endswith("/threading.py"):
        return False
    variables, name = frame.f_locals, frame.f_code.co_name
    if variables.get("timeout") not in (None, -1):
        return False
    if name == "wait" and "waiter" in variables:
        return variables["waiter"] in variables["self"]._waiters
    is_join = name in ("join", "_wait_for_tstate_lock")
    return is_join and bool(variables["self"].is_alive())


def _is_run(message: Any, frame: FrameType | None) -> bool:
    """Whether a trio task runs what a thread has sent; its answer may be in no queue any more."""
    # the task that has called the thread runs it, or one that trio begins for it
    tasks = [*_system_tasks()]
    while frame is not None:
        if frame.f_code.co_name == "worker_fn":
            tasks += frame.f_locals.get("task_register", [])
        frame = frame.f_back
    if not tasks:
        return not message.queue.qsize()
    return any(task is not None and _is_within(task.coro, message) for task in tasks)


def _system_tasks() -> Iterator[Any]:
    trio: Any = sys.modules.get("trio")
    root = None
    if trio is not None:
        with suppress(RuntimeError):  # this thread runs no trio
            root = trio.lowlevel.current_root_task()
    if root is not None:
        for nursery in root.child_nurseries:
            yield from nursery.child_tasks


def _is_within(coroutine: Any, message: object) -> bool:
    """Whether a coroutine waits in a method of the message."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None and frame.f_locals.get("self") is message:
            return True
        coroutine = getattr(coroutine, "cr_await", None)
    return False


def _is_idle(frame: FrameType | None) -> bool:
    is_queued = False
    while frame is not None and _path(frame).endswith(_QUEUES):
        is_queued = True
        frame = frame.f_back
    if frame is None:
        return False
    path, name = _path(frame), frame.f_code.co_name
    if is_queued and name == "run" and path.endswith("/anyio/_backends/_asyncio.py"):
        return True
    return any(path.endswith(end) and name == function for end, function in _IDLE)


def _path(frame: FrameType) -> str:
    return slashed(frame.f_code.co_filename)
