"""The clock of an asyncio event loop, switched to virtual time and back while the loop lives.

Problem: a loop's timers follow its own clock, which nobody can set; and time may only jump where
nothing else can happen, which the loop alone knows.
Approach: ``loop.time``, ``loop.call_at`` and ``loop.run_in_executor`` of this one loop, and the
``select`` of its ``_selector``, which it calls once a turn: with 0 where something is ready
(``_ready``), with None where nothing is and ``_scheduled`` is empty. Timers are kept here, in the
order in which they are due and, among those, were set; asyncio's own heap does not keep that order.
A sleep is known by the function that ends it, ``futures._set_result_unless_cancelled``, and a
timeout by what it calls: a method of anyio's scopes, or of `asyncio.Timeout`, which has ``_task``.
Limits: uvloop's timers are libuv's. Before 3.12 `asyncio.wait_for` does not say whom it is for.
Seen on CPython 3.11 to 3.13, anyio 4.13 to 4.16.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterator
from contextvars import Context
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any, NamedTuple

from ..backends import Bound, is_unbegun
from ..clock.course import Course, Follower
from ..own import asyncio, sys
from . import anyio as anyio_seam
from . import asyncio as asyncio_seam
from . import asyncio_turns
from .parts import ASYNCIO_TIME as NEEDS

_ENDS_SLEEP = "_set_result_unless_cancelled"
_MANY = 64  # timers, before those that were cancelled are looked for
_Timer = tuple[float, int, TimerHandle]


class _Sleep(NamedTuple):
    """One sleep."""

    timer: TimerHandle
    task: asyncio.Task[Any] | None
    skips: int  # that came before it began
    turn: int  # of the loop, in which it began

    def is_in_flight(self) -> bool:
        """Whether nothing has ended it: the timer of one that was cancelled goes later."""
        return not (self.timer.cancelled() or self._future.done())

    def has_come_to_its_end(self) -> bool:
        """Whether it was slept out, and its task has not run since."""
        if self.timer.cancelled():
            return False
        return self._future.done() and not self._future.cancelled()

    @property
    def _future(self) -> asyncio.Future[Any]:
        # a timer that was cancelled has none
        future: asyncio.Future[Any] = self.timer._args[0]
        return future


def _is_first_step(handle: Any) -> bool:
    """Whether it is that of a task; where a task is eager, there is none."""
    task = getattr(handle._callback, "__self__", None)
    return isinstance(task, asyncio.Task) and is_unbegun(task.get_coro())


def can_follow(loop: AbstractEventLoop) -> bool:
    """Whether a loop's clock can be set: it is one of asyncio's own, or made of one.

    Windows' proactor does not show whom it waits for.
    """
    selector = getattr(loop, "_selector", None)
    if NEEDS.gone():
        return False
    return hasattr(selector, "get_map") and hasattr(loop, "_ready") and hasattr(loop, "_scheduled")


def why_not(loop: AbstractEventLoop) -> str:
    """Why a loop's clock can't be set, and what to type where another loop would do."""
    for gone in NEEDS.gone():
        return gone.line()
    if hasattr(loop, "_proactor"):
        return (
            "it does not show whom it waits for. Run this test on trio, or on a loop that does: "
            'a fixture anyio_backend gives ("asyncio", {"loop_factory": asyncio.SelectorEventLoop})'
        )
    return "its timers are not asyncio's own"


class LoopTime(Follower):
    """The clock of one loop; real until it follows a course, and whenever it does not."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        super().__init__()
        self._loop: Any = loop
        self._selector: Any = loop._selector  # type: ignore[attr-defined]
        self._real = loop.time
        self._offset = 0.0  # of the time that the loop shows, where it is real
        self._timers: list[_Timer] = []
        self._limit = _MANY
        self._order = count()
        self._calls: set[asyncio.Future[Any]] = set()  # what is under way in executors
        self._sleeps: list[_Sleep] = []  # where the course is of sleeps alone
        self._skips = self._turns = 0  # so far
        self._wait: Callable[[float | None], Any] = self._selector.select
        self._submit = loop.run_in_executor

    def close(self) -> None:
        """The loop ends: let go of it."""
        self.follow(None)
        vars(self._loop).pop("time", None)

    def _enter(self, course: Course) -> None:
        loop = self._loop
        course.begin(loop.time(), self._descriptors, self._count_calls)
        self._wait, self._submit = self._selector.select, loop.run_in_executor
        self._selector.select = self._select if course.sleeps is None else self._select_skipping
        loop.time = course.time
        loop.call_at = self._call_at
        loop.run_in_executor = self._run_in_executor
        timers = sorted(loop._scheduled)
        loop._scheduled.clear()
        loop._timer_cancelled_count = 0
        for timer in timers:
            timer._scheduled = False
            self._timers.append((timer.when(), next(self._order), timer))

    def _leave(self, course: Course) -> None:
        loop = self._loop
        self._selector.select = self._wait
        del loop.call_at, loop.run_in_executor
        # time never runs back
        self._offset = course.now - self._real()
        loop.time = self._shifted
        for _, _, timer in self._timers:
            if not timer.cancelled():
                timer._scheduled = True  # type: ignore[attr-defined]
                loop._scheduled.append(timer)
        heapify(loop._scheduled)
        self._timers.clear()
        self._sleeps.clear()

    def _shifted(self) -> float:
        return self._real() + self._offset

    # -- timers --------------------------------------------------------------------------------

    def _call_at(
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> TimerHandle:
        loop = self._loop
        loop._check_closed()
        if loop.get_debug():
            loop._check_thread()
            loop._check_callback(callback, "call_at")
        timer = TimerHandle(when, callback, args, loop, context)
        if len(self._timers) >= self._limit:
            self._forget_cancelled()
        heappush(self._timers, (when, next(self._order), timer))
        if self.is_skipping and when < inf and getattr(callback, "__name__", "") == _ENDS_SLEEP:
            self._note_sleep(timer)
        return timer

    def _forget_cancelled(self) -> None:
        self._timers = [one for one in self._timers if not one[2].cancelled()]
        heapify(self._timers)
        self._limit = max(_MANY, 2 * len(self._timers))

    def _soonest(self) -> float:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        return timers[0][0] if timers else inf

    def _release(self, now: float) -> None:
        """Have the loop call what is due, in the order in which it was set."""
        timers, ready = self._timers, self._loop._ready
        while timers and timers[0][0] <= now:
            timer = heappop(timers)[2]
            if not timer.cancelled():
                ready.append(timer)

    # -- waiting -------------------------------------------------------------------------------

    def _select(self, timeout: float | None = None) -> Any:
        """What the loop's turn waits for: the next event, or the jump to the next timer."""
        course = self._course
        assert course is not None, "it is called while the loop follows one"
        when = self._soonest()
        if timeout is not None or when <= course.now:
            events = self._wait(0)
        elif when == inf or not course.may_jump(when):
            events = self._wait(None)
        else:
            # a thread that has ended has sent its result before: it is there when I/O is polled
            pause = course.keeper.look(when - course.now)
            events = self._wait(pause)
            while pause and not events:
                pause = course.keeper.look(when - course.now)
                events = self._wait(pause)
            if not events:
                course.jump(when)
        if when <= course.now:
            # what is due comes after what I/O has brought, as ever
            self._loop._process_events(events)
            self._release(course.now)
            return ()
        return events

    # -- sleeps alone --------------------------------------------------------------------------

    def _note_sleep(self, timer: TimerHandle) -> None:
        course = self._course
        if course is None or course.sleeps is None:
            return
        task = asyncio.current_task(self._loop)
        self._sleeps.append(_Sleep(timer, task, self._skips, self._turns))
        frame = sys._getframe(2)  # that has called `call_at`
        inner = frame.f_back or frame  # asyncio's `sleep`, above its `call_later`
        seconds = inner.f_locals.get("delay")
        course.sleeps.note(seconds, "" if task is None else task.get_name(), inner)

    def _select_skipping(self, timeout: float | None = None) -> Any:
        """As `_select`, but time moves for sleeps alone, whatever else there is to do."""
        course, sleeps = self._course, self._sleeps
        assert course is not None, "it is called while the loop follows one"
        # who was woken runs in this turn: what it does next is to begin when its sleep has ended.
        # A sleep without a skip in it counts for nothing: there may be one in every turn
        is_waking = any(one.skips < self._skips and one.has_come_to_its_end() for one in sleeps)
        sleeps[:] = [one for one in sleeps if one.is_in_flight()]
        # and so does who was started before the first of them
        if sleeps and sleeps[0].turn == self._turns:
            is_waking = is_waking or any(map(_is_first_step, asyncio_turns.ready(self._loop) or ()))
        self._turns += 1
        when = self._soonest()
        if sleeps or timeout is not None:
            events = self._wait(0)
        else:
            events = self._wait(None if when == inf else max(0.0, when - course.now))
        if sleeps and not is_waking:
            self._skip()
        self._loop._process_events(events)
        self._release(course.now)
        return ()

    def _skip(self) -> None:
        """Move the time to the next timer, but for the timeouts in which nobody sleeps."""
        course = self._course
        assert course is not None, "it follows one"
        tasks = asyncio_seam.who_waits(one.task for one in self._sleeps if one.task is not None)
        around = {id(scope) for task in tasks for scope in anyio_seam.open_scopes(task)}
        carried, when = [], inf
        for due, _, timer in self._timers:
            owner: Any = getattr(timer._callback, "__self__", None)  # type: ignore[attr-defined]
            if timer.cancelled() or due == inf:
                continue
            if isinstance(owner, asyncio.Timeout):
                is_carried = owner._task not in tasks  # type: ignore[attr-defined]
            else:
                is_scope = anyio_seam.is_scope(owner) and id(owner) not in around
                is_carried = is_scope or isinstance(owner, Bound)
            if is_carried:
                carried.append((owner, due))
            else:
                when = min(when, due)
        by = when - course.now
        if by > 0:
            for owner, due in carried:
                if isinstance(owner, asyncio.Timeout):
                    owner.reschedule(due + by)
                else:
                    owner.deadline = due + by
            course.jump(when)
            self._skips += 1

    def _descriptors(self) -> Iterator[int]:
        own = self._loop._ssock.fileno()
        return (key.fd for key in self._selector.get_map().values() if key.fd != own)

    def _run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        future = self._submit(executor, func, *args)
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)
        return future

    def _count_calls(self) -> int:
        # who awaits it may run before the callback that forgets it
        return sum(not future.done() for future in self._calls)
