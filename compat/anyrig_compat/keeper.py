"""``async with`` from trio's side: one task of asyncio's enters, waits for the body, and leaves.

Problem: a timeout, a task group, or a generator under ``asynccontextmanager`` has to be left by
the task that entered it, and cancels that task to end the body.
Approach: the task lives as long as the block. Its cancellation by asyncio's side cancels the body
by a scope of trio's; trio's cancellation of the body reaches ``__aexit__`` as CancelledError.
Limits: the scope is trio's own, so the block is left in the trio task that entered it.
"""

from __future__ import annotations

import math
from contextlib import AbstractAsyncContextManager
from typing import Any

from anyrig.own import asyncio, trio

from .contexts import SharedContext
from .crossing import call_sync, the_guest


class Entered(asyncio.Future[Any]):
    """What a task gives that goes on; who cancels the wait for it cancels the task."""

    task: asyncio.Task[Any] | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        return self.task.cancel(msg) if self.task is not None else super().cancel(msg)

    def follow(self, task: asyncio.Task[Any]) -> None:
        """Be what this task gives; where it ends without, nobody waits any longer."""
        task.add_done_callback(self._give_up)
        self.task = task

    def _give_up(self, task: object) -> None:
        super().cancel()


class Keeper:
    """One block of one async context manager of asyncio's."""

    def __init__(self, manager: AbstractAsyncContextManager[Any]) -> None:
        self._manager = manager
        self._guest = the_guest()
        self._trio_task = trio.lowlevel.current_task()
        self._scope = trio.CancelScope()  # around the body
        self._has_left = asyncio.Event()
        self._error: BaseException | None = None  # the body's
        self._is_cancelled = False  # the body, by trio
        self._task: asyncio.Task[bool] | None = None
        self._shared = SharedContext()

    def is_of_this_task(self) -> bool:
        """Whether it was entered by the trio task that asks."""
        return self._trio_task is trio.lowlevel.current_task()

    async def enter(self) -> Any:
        """What ``__aenter__`` gives."""
        __tracebackhide__ = True
        entered = call_sync(self._start)
        try:
            value = await self._guest.wait(entered)
        except BaseException:
            # trio's cancellation may have come before the wait began
            if self._task is not None:
                self._task.cancel()
            raise
        self._shared.fetch()
        self._scope.__enter__()
        return value

    async def leave(self, error: BaseException | None) -> bool:
        """Whether the manager takes the body's error; raises what it raises.

        Where trio has cancelled the caller already, the manager isn't cancelled as well: code of
        asyncio's cleans up after one CancelledError, and trio would give it one at each await.
        """
        __tracebackhide__ = True
        assert self._task is not None
        rest = self._beyond_scope(error)
        self._is_cancelled = rest is not None and _is_all_cancelled(rest)
        self._error = asyncio.CancelledError() if self._is_cancelled else rest
        self._shared.hand_over()
        call_sync(self._has_left.set)
        is_taken = False
        was_cancelled = self._is_cancelled or self._scope.cancel_called
        is_shielded = was_cancelled or trio.current_effective_deadline() == -math.inf
        with trio.CancelScope(shield=is_shielded):
            is_taken = await self._guest.wait(self._task)
        self._shared.fetch()
        if rest is not None and rest is not error and not is_taken:
            raise rest
        return is_taken or rest is not error

    def _beyond_scope(self, error: BaseException | None) -> BaseException | None:
        """What is left of the body's error without what asyncio's side cancelled it with."""
        traceback = None if error is None else error.__traceback__
        kind = None if error is None else type(error)
        try:
            is_all = self._scope.__exit__(kind, error, traceback)
        except BaseExceptionGroup as rest:
            return rest
        return None if is_all else error

    def _start(self) -> Entered:
        loop = self._guest.loop
        entered = Entered(loop=loop)
        running: Any = self._keep(entered)
        running.__qualname__ = f"{type(self._manager).__qualname__}.__aenter__"
        self._task = loop.create_task(
            running, name=running.__qualname__, context=self._shared.theirs
        )
        entered.follow(self._task)
        return entered

    async def _keep(self, entered: Entered) -> bool:
        name = type(self._manager).__qualname__
        try:
            value = await self._manager.__aenter__()
        except Exception as error:  # noqa: BLE001 - whoever enters raises it
            entered.set_exception(error)
            return False
        entered.set_result(value)
        task: Any = asyncio.current_task()
        task.set_name(f"<{name}>")  # meanwhile it has no place in a picture of the tasks
        cancelled = await self._body()
        task.set_name(f"{name}.__aexit__")
        if cancelled is None or self._error is not None or not self._scope.cancelled_caught:
            return await self._exit(self._error)
        if not await self._exit(cancelled):
            raise cancelled
        return True

    async def _body(self) -> asyncio.CancelledError | None:
        """Wait until the body has left; what asyncio's side cancelled it with, if it did."""
        cancelled: asyncio.CancelledError | None = None
        while not self._has_left.is_set():
            try:
                await self._has_left.wait()
            except asyncio.CancelledError as error:
                cancelled = error
                self._scope.cancel()
        return cancelled

    async def _exit(self, error: BaseException | None) -> bool:
        traceback = None if error is None else error.__traceback__
        kind = None if error is None else type(error)
        try:
            return bool(await self._manager.__aexit__(kind, error, traceback))
        except asyncio.CancelledError:
            if self._is_cancelled:
                return False  # trio's own Cancelled goes on
            raise


def _is_all_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is None
    return isinstance(error, trio.Cancelled)
