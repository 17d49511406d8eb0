"""A loop that runs in the thread of the tests and is no runner's of ours.

That of another plugin (pytest-asyncio), of ``asyncio.run`` or ``trio.run`` in a test, or of
`unittest`: it is known by the thread's frames, and asked by what any thread may call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from .ends import Reason, Stopped
from .own import weakref
from .seams import anyio as anyio_seam
from .seams import asyncio as asyncio_seam
from .seams.cpython import stacks

if TYPE_CHECKING:
    from anyio import TaskInfo

    from .seams.asyncio_threads import Call as ThreadCall
    from .seams.asyncio_threads import Untold


class Elsewhere:
    """A loop, and what it runs to the end: that is what is ended."""

    def __init__(self, library: str, loop: Any, main: Any) -> None:
        self._is_trio = library == "trio"
        self._loop = loop
        self._main = main
        self._thrown: Callable[[], object] = lambda: None

    @property
    def main_id(self) -> int | None:
        """The id of its task, as ``anyio.TaskInfo`` has it."""
        return None if self._main is None else id(self._main)

    def is_same(self, other: Elsewhere | None) -> bool:
        """Whether both are for the same loop, and for the same task in it."""
        return other is not None and other._loop is self._loop and other._main is self._main

    @property
    def coroutine(self) -> Any:
        """What its task runs."""
        if self._is_trio:
            return getattr(self._main, "coro", None)
        get: Any = getattr(self._main, "get_coro", None)
        return None if get is None else get()

    def is_stuck(self) -> bool:
        """Whether it waits for nothing that it knows of; asked from another thread."""
        return not self._is_trio and asyncio_seam.waits_for_nothing(self._loop)

    def untold(self, frame: FrameType) -> Untold | None:
        """What other threads have made ready in it while it sleeps, without telling it."""
        if self._is_trio:
            return None
        from .seams import asyncio_threads

        return asyncio_threads.untold(self._loop, frame)

    def calls_for(self, handles: Iterable[Any]) -> Sequence[ThreadCall]:
        """The calls that have made these ready, as far as they were noted."""
        from .seams import asyncio_threads

        return asyncio_threads.calls_for(self._loop, handles)

    def infos(self) -> list[TaskInfo] | None:
        """Its tasks, as anyio tells of them, from any thread; None where it has to be asked."""
        from .guests import tasks_in

        return None if self._is_trio else tasks_in(self._loop)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Have it call a function, which is not to raise; from any thread."""
        if self._is_trio:
            from .seams import trio as trio_seam

            trio_seam.call_soon_in(self._loop, function)
            return
        with suppress(RuntimeError):  # it has closed meanwhile
            self._loop.call_soon_threadsafe(function, context=anyio_seam.on_asyncio())

    def stop_call(self, error: BaseException) -> None:
        """End what it runs where that waits; to be called in the loop."""
        if self._is_trio:
            stopped = Stopped(error)
            self._thrown = weakref.ref(stopped)
            self._throw(stopped)
        elif self._main is not None:
            reason = Reason.of(error)
            self._thrown = weakref.ref(reason)
            self._main.cancel(reason)

    def _throw(self, stopped: Stopped) -> None:
        from .seams import trio as trio_seam

        if self._main is not None and not trio_seam.throw(self._main, stopped):
            # when it waits again; until then it counts as thrown
            self.call_soon(lambda: self._throw(stopped))

    def press(self, error: BaseException) -> None:
        """End it again, where it has caught that; to be called in the loop."""
        if self._thrown() is None:
            self.stop_call(error)


def in_frames(frame: FrameType | None) -> Elsewhere | None:
    """The loop that runs in a thread, by its innermost frame; None where there is none."""
    found = stacks.run_in(frame)
    return None if found is None else Elsewhere(*found)
