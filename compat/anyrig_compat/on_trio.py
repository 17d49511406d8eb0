"""asyncio-only fixtures for tests on trio: they run on the guest loop of the test's trio run."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable
from typing import Any

from .bridge import bridge
from .contexts import SharedContext
from .crossing import call_sync
from .guest import Guest, joined_guest


def as_guest(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """An async fixture's function as an async generator function for trio.

    The guest loop is open as long as the fixture is up; its value is bridged. ``name`` is what the
    fixture is called, for the error of an awaitable that was not bridged.
    """

    @functools.wraps(function)
    async def fixture(**kwargs: Any) -> AsyncGenerator[Any, None]:
        __tracebackhide__ = True
        async with joined_guest() as guest:
            if not inspect.isasyncgenfunction(function):
                yield bridge(await guest.call(function, **kwargs), origin=name)
                return
            course = _Course(guest, function(**kwargs))
            yield bridge(await course.begin(), origin=name)
            await course.end()

    return fixture


class _Course:
    """An async generator fixture, whose setup and teardown are to run in one asyncio task."""

    def __init__(self, guest: Guest, generator: AsyncGenerator[Any, None]) -> None:
        self._guest = guest
        self._generator = generator
        self._shared = SharedContext()
        self._value: asyncio.Future[Any] = guest.loop.create_future()
        self._ending = asyncio.Event()
        self._task: asyncio.Task[Any] = call_sync(
            guest.loop.create_task, self._serve(), context=self._shared.theirs
        )

    async def begin(self) -> Any:
        """Run the setup; what it gives."""
        __tracebackhide__ = True
        try:
            return await self._guest.call(self._begin)
        finally:
            self._shared.fetch()

    async def end(self) -> None:
        """Run the teardown."""
        __tracebackhide__ = True
        self._shared.hand_over()
        call_sync(self._ending.set)
        try:
            await self._guest.wait(self._task)
        finally:
            self._shared.fetch()

    async def _begin(self) -> Any:
        __tracebackhide__ = True
        await asyncio.wait([self._value, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not self._value.done():
            self._task.result()
        return self._value.result()

    async def _serve(self) -> None:
        __tracebackhide__ = True
        self._value.set_result(await anext(self._generator))
        await self._ending.wait()
        try:
            await anext(self._generator)
        except StopAsyncIteration:
            return
        await self._generator.aclose()
        raise RuntimeError("Async generator fixture did not stop")
