"""Until something has come: a thread's event, its end, its result; an async event; a predicate.

Problem: who sleeps until it should be there waits too long or not long enough, and who asks every
so often is late and, with a virtual clock, has time go by.
Approach: what can call back does, in whichever thread, and wakes the task. A thread of our own
knows when the time is over, whatever the loop's clock says.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Event, Thread
from typing import Any, NoReturn, Protocol, Self, TypeVar, overload

from ..backends import call_later, who_froze_it
from ..clock.course import COURSE
from ..findings import DidNotHappen
from ..origins import Origins, stack_of
from ..own import asyncio, inspect, sys
from . import words
from .asking import EVERY, Asking
from .bell import Alarm, Bell
from .things import Thing, of_loop, thing_of
from .turns import after_turns, heard_calls

_PATIENCE = 50  # looks, one every `EVERY` seconds, that an answer under way may take beyond the end

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Waitable(Protocol[T_co]):
    """An async event, a process: anything with an async ``wait()``."""

    def wait(self) -> Awaitable[T_co]:
        """Come back when it has come."""
        raise NotImplementedError


@overload
async def until(what: Event, *, timeout: float | None = 5.0) -> bool: ...
@overload
async def until(what: Thread, *, timeout: float | None = 5.0) -> None: ...
@overload
async def until(what: Future[T] | asyncio.Future[T], *, timeout: float | None = 5.0) -> T: ...
@overload
async def until(what: Waitable[T], *, timeout: float | None = 5.0) -> T: ...
@overload
async def until(
    what: Callable[[], Coroutine[Any, Any, T | None]], *, timeout: float | None = 5.0
) -> T: ...
@overload
async def until(what: Callable[[], T | None], *, timeout: float | None = 5.0) -> T: ...


async def until(what: Any, *, timeout: float | None = 5.0) -> Any:
    """Wait until something has come, and return what it gives.

    A `threading.Event` is waited for until it is set (True), a `threading.Thread` until it has
    ended (None), a `concurrent.futures.Future`, an asyncio future or task until it is done (its
    result, or what it raised), an event or a process of asyncio, trio or anyio by its ``wait()``.
    Anything else is a predicate: a function without arguments, sync or async, that is asked after
    each turn of the loop until what it returns is true. What it raises is raised at once.

    ``timeout`` is in seconds, None for no end: of real time for what threads bring about, for which
    a virtual clock is held; of the loop's time for what the loop does. Where it has not come by
    then, raises `DidNotHappen` (a `TimeoutError`), which says what there was instead.
    """
    __tracebackhide__ = True
    from ..own import anyio

    seconds = _seconds(timeout)
    thing = thing_of(what)
    is_future, is_event = bool(asyncio.isfuture(what)), _has_async_wait(what)
    if thing is None and not (is_future or is_event or callable(what)):
        _refuse(what)
    if not (thing is not None or is_future or is_event):
        return await _answered(what, seconds)
    await anyio.lowlevel.checkpoint()
    if thing is not None:
        return await _brought_about(thing, seconds)
    return await _in_loop(what, seconds)


async def _brought_about(thing: Thing, seconds: float | None) -> Any:
    __tracebackhide__ = True
    if thing.has_come():
        return thing.value()
    bell = Bell()
    forget = thing.watch(bell.ring)
    try:
        with Alarm(seconds, bell.ring), _hold(f"until() waits for {thing.what}"):
            await bell.wait()
    finally:
        forget()
    if thing.has_come():
        return thing.value()
    return _fail(seconds, thing.what, thing.lacks, thing.state)


async def _in_loop(what: Any, seconds: float | None) -> Any:
    __tracebackhide__ = True
    from ..own import anyio

    # what is there already is given whatever the time
    seconds = None if _is_there(what) else seconds
    with anyio.move_on_after(seconds) as scope:
        is_frozen = seconds is not None and who_froze_it() is not None
        prevent = call_later(seconds or 0.0, scope.cancel) if is_frozen else _nothing
        try:
            return await (of_loop(what) if asyncio.isfuture(what) else what.wait())
        finally:
            prevent()
    lacks = "was not done" if asyncio.isfuture(what) else "has not come"
    return _fail(seconds, f"the {type(what).__name__}", lacks, lambda _: words.of_event(what))


async def _answered(predicate: Callable[[], Any], seconds: float | None) -> Any:
    __tracebackhide__ = True
    from ..own import anyio

    bell = Bell()
    asking = Asking(predicate, bell)
    with (
        after_turns(asking.look) as tick,
        heard_calls(),
        _Deadline(seconds, bell, tick, asking.stop) as deadline,
    ):
        await anyio.lowlevel.checkpoint()  # the end of the turn in which this begins is not heard
        while True:
            value = await asking.ask()
            if value:
                return value
            if deadline.is_over():
                break
            asking.wait()
            await bell.wait()
    return _fail(
        seconds,
        f"`{words.NAME}`",
        "has not come true",
        lambda _: words.of_predicate(predicate, asking.last, is_under_way=asking.is_under_way),
    )


class _Deadline:
    """When a predicate was asked long enough.

    That is when the loop's time has passed, and in a virtual one also the real time or what other
    threads are at: they may be about to change what it asks.
    """

    def __init__(
        self,
        seconds: float | None,
        bell: Bell,
        tick: Callable[[], object],
        stop: Callable[[], object],
    ) -> None:
        self._stop = stop  # ends what is asked, where that has yet to answer
        self._looks = 0  # that have found it over
        self._seconds = seconds
        self._bell = bell
        self._course = COURSE.get()
        self._tick = tick
        self._alarm = Alarm(seconds, self._pass, self._look, EVERY)
        self._has_passed = self._has_virtually_passed = False
        self._cancel: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        if self._course is not None and self._seconds is not None:
            self._cancel = call_later(self._seconds, self._pass_virtually)
        self._alarm.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._alarm.stop()
        self._cancel()

    def _look(self) -> None:
        # once virtual time is over, the task itself has to ask what threads are at
        if self._has_virtually_passed:
            self._bell.ring()
        else:
            self._bell.turn(self._tick)
        if self._has_passed or self._has_virtually_passed:
            self._bell.turn(self._end)

    def _pass(self) -> None:
        self._has_passed = True
        self._bell.ring()

    def _pass_virtually(self) -> None:
        self._has_virtually_passed = True
        self._bell.ring()

    def _end(self) -> None:
        if self.is_over():
            self._looks += 1
            if self._looks > _PATIENCE:
                self._stop()

    def is_over(self) -> bool:
        """Whether there is no use in waiting any more."""
        if self._course is None:
            return self._has_passed
        if self._has_passed:
            return self._has_virtually_passed or not self._course.autojump
        return self._has_virtually_passed and not self._course.keeper.has_threads()


def _hold(reason: str) -> AbstractContextManager[None]:
    """Keep a virtual clock: what is waited for comes in real time."""
    course = COURSE.get()
    return nullcontext() if course is None else course.keeper.named(reason)


def _has_async_wait(what: Any) -> bool:
    # an AsyncMock has whatever it is asked for: it is a predicate itself
    if isinstance(what, type) or inspect.iscoroutinefunction(what):
        return False
    return inspect.iscoroutinefunction(getattr(what, "wait", None))


def _nothing() -> None:
    """Prevent nothing."""


def _is_there(what: Any) -> bool:
    asks = getattr(what, "done" if asyncio.isfuture(what) else "is_set", None)
    return callable(asks) and bool(asks())


def _seconds(timeout: Any) -> float | None:
    if timeout is None or timeout == math.inf:
        return None
    if isinstance(timeout, int | float) and not math.isnan(timeout):
        return max(0.0, timeout)
    raise ValueError(f"until(timeout={timeout!r}): a number of seconds, or None for no end")


def _refuse(what: Any) -> NoReturn:
    __tracebackhide__ = True
    if inspect.iscoroutine(what):
        what.close()  # this error tells of it: that it was never awaited is no second one
    raise TypeError(words.refusal(what, _origins(), _callers()))


def _fail(
    seconds: float | None, what: str, lacks: str, state: Callable[[Origins], Iterator[str]]
) -> NoReturn:
    __tracebackhide__ = True
    from ..guests import running_tasks

    origins = _origins()
    told = state(origins)
    text = words.failure(origins, _callers(), seconds or 0.0, what, lacks, told, running_tasks())
    raise DidNotHappen(text)


def _origins() -> Origins:
    return Origins(Path.cwd())


def _callers() -> Any:
    return stack_of(sys._getframe(1))
