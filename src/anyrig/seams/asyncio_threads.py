"""What other threads put into an asyncio loop that sleeps, by calls that do not tell it.

Problem: ``loop.call_soon`` in another thread, and with it ``event.set()`` or
``future.set_result()``, makes something ready and wakes nobody: a loop that sleeps sleeps on. Who
asks the loop about it wakes it, and the fault is gone.
Approach: a loop goes to sleep with nothing in ``_ready``, so that what is there while its thread is
in the selector was put there meanwhile; so was, in a sleep of a day or without an end, a timer in
``_scheduled`` that comes much sooner. Who tells the loop of it is still in
``call_soon_threadsafe``, or the selector's own descriptor (or ``_ssock``) can be read. uvloop keeps
its ``_ready``, the one deque that it refers to, and its timers, in a set, to itself: the collector
knows them.
Who has called is noted in place of the loop's ``call_soon`` and ``call_at``, from the first thread
on that starts beside a loop: a loop without threads is left as it is.
Limits: of a thread that was there before, or that `threading` does not know, there is no note.
Seen on CPython 3.11 to 3.15, uvloop 0.21 to 0.23.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from types import FrameType
from typing import Any, NamedTuple

from ..own import gc, selectors, sys, threading, weakref
from .cpython import stacks
from .cpython.asyncgen import stack_of
from .cpython.threads import telling_name
from .parts import ASYNCIO_THREADS as NEEDS

RawFrame = tuple[str, int, str]
StartOf = Callable[[threading.Thread], Sequence[RawFrame]]

_SOON = 12 * 3600.0  # seconds; a timer that ends no sleep of a day can't come so soon
_MOST = 20  # calls that are kept of one loop
_PATH = "/asyncio/base_events.py"


class Call(NamedTuple):
    """A call from a thread that is not the loop's: who made it, and where."""

    thread: str | None  # its name; None where it has none of its own
    function: str  # what that thread runs
    frames: Sequence[RawFrame]  # innermost first
    start: Sequence[RawFrame]  # the same, of the thread's start, where that is known


# -- what a loop that sleeps has ready -----------------------------------------------------------


class Untold(NamedTuple):
    """What was put into a loop that sleeps, and nobody is telling it of: handles, and timers."""

    handles: list[Any]
    is_endless: bool  # whether no timer will wake it


def untold(loop: Any, frame: FrameType) -> Untold | None:
    """What was put into a loop that sleeps, where nobody is telling it of that.

    The frame is the innermost of its thread. To be asked in another one.
    """
    seconds = stacks.sleeps_for(frame)
    if seconds is None:
        return None
    found = left_in(loop, is_endless=seconds == inf)
    if not found or NEEDS.gone() or _is_being_told(loop):
        return None
    # who was told of it meanwhile has it no more
    is_there = any(one is found[0] for one in left_in(loop, is_endless=seconds == inf))
    return Untold(found, seconds == inf) if is_there else None


def left_in(loop: Any, *, is_endless: bool) -> list[Any]:
    """What a loop that went to sleep has ready by now; in an endless sleep, timers are as well.

    Those that are far off were there before: a loop sleeps for a day at most.
    """
    found = [one for one in list(ready_of(loop)) if not one.cancelled()]
    if is_endless:
        soon = loop.time() + _SOON
        found += [one for one in timers_of(loop) if not one.cancelled() and one.when() < soon]
    return found


def ready_of(loop: Any) -> Iterable[Any]:
    """What a loop is to call next."""
    handles: Iterable[Any] | None = getattr(loop, "_ready", None)
    if handles is None:
        found = (one for one in gc.get_referents(loop) if isinstance(one, deque))
        handles = next(found, ())
    return handles


def timers_of(loop: Any) -> list[Any]:
    """The timers of a loop, those that were cancelled among them."""
    timers: list[Any] | None = getattr(loop, "_scheduled", None)
    if timers is not None:
        return list(timers)
    sets = (one for one in gc.get_referents(loop) if type(one) is set)
    return [one for each in sets for one in list(each) if hasattr(one, "when")]


def _is_being_told(loop: Any) -> bool:
    """Whether a loop is about to wake, or a thread to wake it."""
    return stacks.is_in_any("call_soon_threadsafe", _PATH) is not False or _can_be_read(loop)


def _can_be_read(loop: Any) -> bool:
    selector: Any = getattr(loop, "_selector", None)
    asks: Any = selector if hasattr(selector, "fileno") else getattr(loop, "_ssock", None)
    if asks is None:
        return False  # several looks have to do
    make = getattr(selectors, "PollSelector", selectors.SelectSelector)
    with make() as poll:
        try:
            poll.register(asks.fileno(), selectors.EVENT_READ)
            return bool(poll.select(0))
        except (OSError, ValueError):  # it was closed
            return True


# -- who has called ------------------------------------------------------------------------------


class _Notes:
    """The calls of other threads that were noted for one loop, and who hears of each at once."""

    def __init__(self, start_of: StartOf) -> None:
        # what each has made ready, and the call
        self.calls: deque[tuple[weakref.ref[Any], Call]] = deque(maxlen=_MOST)
        self._start_of = start_of
        self.hears: list[Callable[[Call], object]] = []

    def make(self, frame: FrameType, call: Callable[[], Any]) -> Any:
        """Make a call in this frame's thread, and note it: who hears of it does so before."""
        noted = self._heard(frame)
        handle = call()
        self.calls.append((weakref.ref(handle), noted))
        return handle

    def _heard(self, frame: FrameType) -> Call:
        ident = threading.get_ident()
        # `current_thread` would make one for a thread that `threading` does not know
        thread = next((one for one in threading.enumerate() if one.ident == ident), None)
        name, function = (None, "?") if thread is None else telling_name(thread)
        # the thread may be gone when somebody asks where it was started
        start = () if thread is None else self._start_of(thread)
        call = Call(name, function, stack_of(frame), start)
        for hear in dict.fromkeys(self.hears):
            hear(call)
        return call


def note_calls(loop: Any, thread: int, start_of: StartOf) -> _Notes | None:
    """Note from now on who calls a loop that runs in this thread from another one.

    ``start_of`` gives the frames that have started a thread.

    None where somebody has put something else in the place of what would have to do it.
    """
    ours = vars(loop)
    notes: _Notes | None = getattr(ours.get("call_soon"), "notes", None)
    if notes is not None or "call_soon" in ours:
        return notes
    # no method of its own: a loop that refers to itself would not be gone when it is dropped
    kind, ref, notes = type(loop), weakref.ref(loop), _Notes(start_of)
    ident, make = threading.get_ident, notes.make

    def noted(name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            method = getattr(kind, name)
            if ident() == thread:
                return method(ref(), *args, **named)
            return make(sys._getframe(1), partial(method, ref(), *args, **named))

        return call

    call_soon = noted("call_soon")
    call_soon.notes = notes
    loop.call_soon = call_soon
    if "call_at" not in ours:
        loop.call_at = noted("call_at")
    if not hasattr(loop, "_scheduled") and "call_later" not in ours:
        loop.call_later = noted("call_later")  # uvloop's own; asyncio's makes a `call_at` of it
    return notes


def calls_for(loop: Any, handles: Iterable[Any]) -> list[Call]:
    """Those of the noted calls that have made one of these ready."""
    notes: _Notes | None = getattr(vars(loop).get("call_soon"), "notes", None)
    wanted = {id(one) for one in handles}
    noted = [] if notes is None else [*notes.calls]
    return [call for handle, call in noted if id(handle()) in wanted]


def note_running(start_of: StartOf) -> None:
    """Note who calls the loop that runs in this thread, if one does, from now on."""
    with suppress(RuntimeError):  # none runs
        note_calls(_running(), threading.get_ident(), start_of)


def _running() -> AbstractEventLoop:
    from ..own import asyncio

    return asyncio.get_running_loop()
