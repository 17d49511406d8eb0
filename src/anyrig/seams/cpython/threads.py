"""Origin tracking in threads, and who started them.

Problem: ``sys.set_coroutine_origin_tracking_depth`` is per thread, and a coroutine that dies in
a thread says nothing of the test that started the thread.
Approach: while entered, ``threading.Thread._bootstrap_inner`` (the first Python code of a new
thread) is ours: it sets the depth and notes ``token(thread)``.
Limits: threads made with ``_thread.start_new_thread`` have no origins; the line on which their
coroutine died stands in.

Problem: a thread does not know who started it, and where; nor, from outside, what it runs.
Approach: while entered, ``threading.Thread.start`` is ours, for it runs where the thread is made:
the new thread can't tell who waits for it. What it runs is in ``_target``, or is its ``run``;
where it is, the interpreter tells by its number.

Problem: what a thread did in the meantime, its frames do not tell. Approach: on Linux the clock of
a thread's processor time has a number that follows from the thread's, as glibc and musl make it.

Problem: `Thread.join` in a thread that threading has not started has threading list that one as a
dummy, before 3.13 for ever. Approach: what ``join`` itself waits with is ``_os_thread_handle``
since 3.14, ``_handle`` on 3.13 and ``_wait_for_tstate_lock`` before. All seen on CPython 3.11 to
3.15.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from ...own import sys, threading, time, weakref
from ..needs import Need, Of, Table, optional
from . import frames
from .asyncgen import stack_of

_UNTIL = "until(thread)"
_JOIN = Table(
    optional(
        *(_UNTIL, "threading", "Thread", ("_os_thread_handle",)),
        *(Of.INSTANCES, (3, 14)),
    ),
    optional(_UNTIL, "threading", "Thread", ("_handle",), Of.INSTANCES, (3, 13), (3, 14)),
    optional(
        *(_UNTIL, "threading", "Thread", ("_wait_for_tstate_lock",)),
        *(Of.OWNER, (3, 11), (3, 13)),
    ),
)
NEEDS = Table(
    *_JOIN.needs,
    Need("which test a thread is of", "threading", "Thread", ("_bootstrap_inner",)),
    Need("which threads are a pool's", "threading", "Thread", ("_target",), Of.INSTANCES),
)

RawFrame = tuple[str, int, str]


class ThreadStarts:
    """Notes ``token(thread)`` for each thread that is started while it is entered."""

    def __init__(self, depth: int, token: Callable[[threading.Thread], object]) -> None:
        self._depth = depth
        self._token = token
        # thread -> the token at its start, as long as the thread object lives
        self._tokens: weakref.WeakKeyDictionary[threading.Thread, object] = (
            weakref.WeakKeyDictionary()
        )

    def __enter__(self) -> Self:
        self._previous = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]
        previous, depth, tokens = self._previous, self._depth, self._tokens

        def _bootstrap_inner(thread: threading.Thread) -> None:
            sys.set_coroutine_origin_tracking_depth(depth)
            tokens[thread] = self._token(thread)
            previous(thread)

        self._ours = _bootstrap_inner
        threading.Thread._bootstrap_inner = _bootstrap_inner  # type: ignore[attr-defined]
        self._depth_before = sys.get_coroutine_origin_tracking_depth()
        sys.set_coroutine_origin_tracking_depth(max(depth, self._depth_before))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if threading.Thread._bootstrap_inner is self._ours:  # type: ignore[attr-defined]
            threading.Thread._bootstrap_inner = self._previous  # type: ignore[attr-defined]
        sys.set_coroutine_origin_tracking_depth(self._depth_before)

    def started_at(self, thread: threading.Thread) -> object | None:
        """The token noted when this thread was started; None for one that was there before.

        Threads of a pool serve whoever asks, so they have none either.
        """
        if is_pooled(thread):
            return None
        return self._tokens.get(thread)


class Starters:
    """Calls ``note(thread, frame)`` before a thread is started; the frame is what starts it."""

    def __init__(self, note: Callable[[threading.Thread, FrameType], None]) -> None:
        self._note = note

    def __enter__(self) -> Self:
        self._previous = previous = threading.Thread.start
        note = self._note

        def start(self: threading.Thread) -> None:
            __tracebackhide__ = True
            note(self, sys._getframe(1))
            previous(self)

        self._ours = start
        threading.Thread.start = start  # type: ignore[method-assign]
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if threading.Thread.start is self._ours:
            threading.Thread.start = self._previous  # type: ignore[method-assign]


def is_pooled(thread: threading.Thread) -> bool:
    """Whether a thread is a pool's: an executor's, of trio's cache, or one of anyio's workers."""
    return _module_of(thread).startswith(("concurrent.futures.", "trio.", "anyio."))


def is_frameworks(thread: threading.Thread) -> bool:
    """Whether a thread is a pool's, or serves the subprocesses of asyncio or multiprocessing."""
    return is_pooled(thread) or _module_of(thread).startswith(("asyncio.", "multiprocessing."))


def target_of(thread: threading.Thread) -> Any:
    """What a thread runs: its target, or its own ``run``; of a timer, what it is to call."""
    if isinstance(thread, threading.Timer):
        return thread.function
    return getattr(thread, "_target", None) or type(thread).run


def qualname_of(function: Any) -> str:
    """The qualified name of a function; of an object that is called, its class's."""
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def telling_name(thread: threading.Thread) -> tuple[str | None, str]:
    """What a thread is called, where it has a name of its own, and what it runs."""
    function = qualname_of(target_of(thread)).rpartition("<locals>.")[2]
    # threading's own numbering tells nobody anything
    is_own = re.fullmatch(r"Thread-\d+( \(.*\))?", thread.name) is None
    return (thread.name if is_own else None), function


def frames_of(thread: threading.Thread) -> tuple[RawFrame, ...]:
    """Where a thread is, innermost first; empty where it has ended."""
    return stack_of(frames.of(thread.ident))


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end; the caller need not be known to threading.

    It is not the thread's own ``join``: a class may have another idea of that.
    Raises `RuntimeError` for one that was not started.
    """
    if thread.ident is None:
        raise RuntimeError("cannot join thread before it is started")
    _JOIN.require()
    inner: Any = thread
    if sys.version_info >= (3, 14):
        inner._os_thread_handle.join()
    elif sys.version_info >= (3, 13):
        inner._handle.join()
    else:
        inner._wait_for_tstate_lock()


def _module_of(thread: threading.Thread) -> str:
    target = getattr(thread, "_target", None) or type(thread).run
    return getattr(target, "__module__", "") or ""


def processor_times() -> dict[int, int | None]:
    """The processor time of each thread but this one, in nanoseconds; None where nothing tells."""
    me = threading.get_native_id()
    others = (thread.native_id for thread in threading.enumerate())
    return {
        thread: processor_time(thread) for thread in others if thread is not None and thread != me
    }


def stood_still(before: dict[int, int | None]) -> bool:
    """Whether none of these threads did anything since `processor_times` was asked."""
    return all(
        used is not None and processor_time(thread) == used for thread, used in before.items()
    )


def processor_time(thread: int) -> int | None:
    """That of a thread by its native id, which may be that of no thread any more."""
    if sys.platform != "linux":
        return None
    try:
        return time.clock_gettime_ns(~thread << 3 | 6)
    except OSError:
        return None
