"""asyncio-only fixtures for tests on trio: they run on the guest loop of the test's trio run."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable
from typing import Any

from anyrig.own import asyncio, inspect

from .bridge import bridge
from .contexts import SharedContext
from .crossing import call_sync
from .guest import Guest, joined_guest
from .keeper import Entered


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
            course = _Course(guest, function(**kwargs), name)
            yield bridge(await course.begin(), origin=name)
            await course.end()

    return fixture


class _Course:
    """An async generator fixture, whose setup and teardown are to run in one asyncio task."""

    def __init__(self, guest: Guest, generator: AsyncGenerator[Any, None], name: str) -> None:
        self._guest = guest
        self._generator = generator
        self._shared = SharedContext()
        self._value = Entered(loop=guest.loop)
        self._ending = asyncio.Event()
        self._task: asyncio.Task[Any] = call_sync(
            guest.loop.create_task,
            self._serve(),
            name=f"the fixture {name}, on asyncio",
            context=self._shared.theirs,
        )
        self._value.follow(self._task)

    async def begin(self) -> Any:
        """Run the setup; what it gives."""
        __tracebackhide__ = True
        try:
            return await self._guest.wait(self._value)
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

    async def _serve(self) -> None:
        __tracebackhide__ = True
        try:
            value = await anext(self._generator)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the setup raises it
            self._value.set_exception(error)
            return
        name = self._task.get_name()
        self._task.set_name(f"<{name}>")  # meanwhile it has no place in a picture of the tasks
        self._value.set_result(value)
        await self._ending.wait()
        self._task.set_name(name)
        try:
            await anext(self._generator)
        except StopAsyncIteration:
            return
        await self._generator.aclose()
        raise RuntimeError("Async generator fixture did not stop")
