"""What other threads do and can be waited for: how it wakes who waits, and what it gives."""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol

from .. import safe
from ..origins import Origins
from ..own import asyncio, threading
from ..seams.cpython import threads, waiters
from ..source import line


class Thing(Protocol):
    """Something that comes once."""

    what: str  # it, in words
    lacks: str  # what it has not done, in words

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Ring when it comes, in any thread; returns what takes this away."""
        raise NotImplementedError

    def has_come(self) -> bool:
        """Whether it is there."""
        raise NotImplementedError

    def value(self) -> Any:
        """What it gives; raises what it failed with."""

    def state(self, origins: Origins) -> Iterator[str]:
        """What it is like at this moment, in words."""
        raise NotImplementedError


def thing_of(what: object) -> Thing | None:
    """What to wait for, of a kind that other threads or tasks bring about; None for all else."""
    if isinstance(what, threading.Event):
        return EventThing(what)
    if isinstance(what, threading.Thread):
        return ThreadThing(what)
    if isinstance(what, Future):
        return FutureThing(what)
    return None


class EventThing:
    """A `threading.Event`: until it is set."""

    what, lacks = "the threading.Event", "was not set"

    def __init__(self, event: threading.Event) -> None:
        self._event = event
        self._was_set = False

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Ring when it is set, in the thread that sets it."""

        def note() -> None:
            self._was_set = True  # it may be cleared before the task has seen it
            ring()

        return waiters.on_set(self._event, note)

    def has_come(self) -> bool:
        """Whether it is set, or was."""
        return self._was_set or self._event.is_set()

    def value(self) -> bool:
        """What its own `wait` gives."""
        return True

    def state(self, origins: Origins) -> Iterator[str]:
        """Nothing: that it is not set was said."""
        return iter(())


class ThreadThing:
    """A `threading.Thread`: until it has ended.

    Problem: nothing calls when a thread ends. Approach: a thread of our own joins it, and ends with
    it, whether or not somebody still waits.
    """

    lacks = "has not ended"

    def __init__(self, thread: threading.Thread) -> None:
        if thread is threading.current_thread():
            raise ValueError(f"until({thread.name!r}): a thread can't wait for its own end")
        self.what = f"the thread `{thread.name}`"
        self._thread = thread
        self._error: BaseException | None = None

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Ring when it has ended."""
        rings = [ring]

        def join() -> None:
            try:
                threads.join(self._thread)
            # it was not started; and whatever else it is, who waits hears of it and not for ever
            except Exception as error:  # noqa: BLE001
                self._error = error
            for one in [*rings]:
                one()

        _thread.start_new_thread(join, ())
        return rings.clear

    def has_come(self) -> bool:
        """Whether it has ended."""
        if self._error is not None:
            raise self._error
        return self._thread.ident is not None and not threading.Thread.is_alive(self._thread)

    def value(self) -> None:
        """Nothing."""

    def state(self, origins: Origins) -> Iterator[str]:
        """The user's lines that it is in, outermost first."""
        frames = threads.frames_of(self._thread)[::-1]
        for filename, lineno, function in frames:
            if origins.is_users(filename):
                yield f"it is at {safe.path(origins.path(filename))}:{lineno} in {function}"
                yield f">   {line(filename, lineno)}"


class FutureThing:
    """A `concurrent.futures.Future`: until it is done, with its result."""

    what, lacks = "the concurrent.futures.Future", "was not done"

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Ring when it is done, in the thread that ends it."""
        return waiters.on_done(self._future, ring)

    def has_come(self) -> bool:
        """Whether it is done."""
        return self._future.done()

    def value(self) -> Any:
        """Its result; raises its exception."""
        return self._future.result(0)

    def state(self, origins: Origins) -> Iterator[str]:
        """Whether somebody has begun with it."""
        yield "it is running" if self._future.running() else "nobody has begun with it"


async def of_loop(what: Any) -> Any:
    """Wait for an asyncio future or task, which goes on where the wait is cancelled."""
    await asyncio.wait([what])
    return what.result()
