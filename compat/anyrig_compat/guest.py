"""An asyncio event loop that is the guest of a trio run, in one thread and on one clock.

Problem: an asyncio-only fixture is to serve a test on trio; two loops can't wait in one thread.
Approach: the loop never waits itself. One turn of it (``stop()``, then ``run_forever()``) runs what
is ready; a trio task, the pump, waits for what the loop would wait for: its selector's own
descriptor, its next timer, by trio's clock, or a call from trio's side. Where trio's side calls,
the first turn is taken at once: what need not wait never passes through the pump.
Limits: the selector needs a descriptor of its own (epoll, kqueue), so not on Windows.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NoReturn, TypeVar

import outcome
import sniffio
import trio

import anyrig

from .seams import asyncio_loop as seam

T = TypeVar("T")

_FIRST_TURNS = 3  # that a call takes itself before it waits for the pump
_TURNS = 10  # of the loop, before a task that is still there is one that was left
_SECONDS = 5.0  # that a task may take to end when it is cancelled


class GuestLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop on trio's clock, that tells when it has something new to do."""

    def __init__(self, selector: selectors.BaseSelector, wake: Callable[[], object]) -> None:
        self._wake = wake
        super().__init__(selector)

    def time(self) -> float:
        return trio.current_time()

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        self._wake()
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        self._wake()
        return handle


class Guest:
    """One asyncio event loop that is the guest of one trio run."""

    def __init__(self, make_loop: type[GuestLoop] = GuestLoop) -> None:
        selector = selectors.DefaultSelector()
        if not hasattr(selector, "fileno"):
            raise RuntimeError(
                "asyncio can't be a guest of trio here: its selector has no descriptor of its own "
                f"({type(selector).__name__}; epoll and kqueue have one)"
            )
        self._descriptor: int = selector.fileno()
        self._is_turning = False
        self._is_ending = False
        self._waiting: trio.CancelScope | None = None  # the pump's wait
        self._ended = trio.Event()
        self._unused = trio.Event()
        self.users = 1  # how many blocks need the loop
        # what was raised in a turn, and belongs to no task
        self._crash: BaseException | None = None
        self.loop = make_loop(selector, self._wake)

    # -- from trio ---------------------------------------------------------------------------------

    async def call(self, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """What an async function of asyncio's gives, or its error: it runs as a task of the loop.

        Where trio cancels the caller, the task is cancelled, and waited for: what it still gives or
        raises is not lost.
        """
        __tracebackhide__ = True

        async def called() -> T:
            __tracebackhide__ = True
            return await func(*args, **kwargs)

        return await self._run(called(), getattr(func, "__qualname__", None))

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """What anything that asyncio can await gives, or its error."""
        __tracebackhide__ = True
        if asyncio.isfuture(awaitable):
            await trio.lowlevel.checkpoint_if_cancelled()
            return await self._join(awaitable)

        async def waited() -> T:
            __tracebackhide__ = True
            return await awaitable

        return await self._run(waited(), None)

    async def _run(self, coroutine: Coroutine[Any, Any, T], name: str | None) -> T:
        __tracebackhide__ = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            coroutine.close()
            raise
        context = contextvars.copy_context()
        # its first turns are taken here, and the pump need not wake for them
        self._is_turning = True
        try:
            task: asyncio.Task[T] = asyncio.Task(
                coroutine, loop=self.loop, name=name, context=context
            )
        finally:
            self._is_turning = False
        for _ in range(_FIRST_TURNS):
            self.take_turn()
            if task.done() or not seam.has_ready(self.loop):
                break
        self._wake()
        return await self._join(task)

    async def _join(self, future: asyncio.Future[T]) -> T:
        __tracebackhide__ = True
        raise_cancel: Callable[[], NoReturn] | None = None
        if future.done():
            await trio.lowlevel.cancel_shielded_checkpoint()
        else:
            me = trio.lowlevel.current_task()

            def abort(raises: Callable[[], NoReturn]) -> trio.lowlevel.Abort:
                nonlocal raise_cancel
                raise_cancel = raises
                future.cancel()
                return trio.lowlevel.Abort.FAILED  # it ends when the future has

            def ended(_: object) -> None:
                trio.lowlevel.reschedule(me)

            future.add_done_callback(ended)
            await trio.lowlevel.wait_task_rescheduled(abort)
        if raise_cancel is not None and future.cancelled():
            raise_cancel()
        return future.result()

    def run_sync(self, func: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """What a sync function gives that asyncio's side has to call, its loop running."""
        __tracebackhide__ = True
        if self._is_turning:
            return func(*args, **kwargs)
        result: outcome.Outcome[T] | None = None

        def called() -> None:
            nonlocal result
            result = outcome.capture(func, *args, **kwargs)

        handle = self.loop.call_soon(called)
        while result is None and not handle.cancelled():
            self.turn()
        assert result is not None, "a turn runs what is ready"
        return result.unwrap()

    # -- from asyncio ------------------------------------------------------------------------------

    async def on_trio(self, func: Callable[..., Awaitable[T]], /, *args: Any) -> T:
        """What an async function of trio's gives, or its error: it runs as a task of the trio run.

        To be awaited in asyncio's code. Where the awaiting task is cancelled, the trio task is
        cancelled and waited for; what it still gives is dropped, what it raises is not.
        """
        __tracebackhide__ = True
        done: asyncio.Future[outcome.Outcome[T]] = self.loop.create_future()
        scope = trio.CancelScope()

        async def run() -> None:
            result: outcome.Outcome[T] | None = None
            with scope:
                result = await outcome.acapture(func, *args)
                if isinstance(result, outcome.Error) and isinstance(result.error, trio.Cancelled):
                    error, result = result.error, None
                    raise error
            if not done.done():
                done.set_result(
                    outcome.Error(asyncio.CancelledError()) if result is None else result
                )

        trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
        was_cancelled = False
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError:
                was_cancelled = True
                scope.cancel()
        result = done.result().unwrap()
        if was_cancelled:
            raise asyncio.CancelledError  # a shield kept it from being cut off until here
        return result

    # -- the turns ---------------------------------------------------------------------------------

    def turn(self) -> None:
        """Run what the loop has ready."""
        self.take_turn()
        self._wake()

    def take_turn(self) -> None:
        """Run what the loop has ready, and leave the pump as it is."""
        if self._is_turning or self.loop.is_closed():
            return
        before, sniffio.thread_local.name = sniffio.thread_local.name, "asyncio"
        self._is_turning = True
        try:
            self.loop.stop()
            self.loop.run_forever()
        finally:
            self._is_turning = False
            sniffio.thread_local.name = before

    def _wake(self) -> None:
        """Have the pump look again: what it waits for has changed."""
        waiting = self._waiting
        if self._is_turning or waiting is None:
            return
        if self._is_ending or seam.has_ready(self.loop):
            waiting.cancel()
            return
        deadline = seam.next_deadline(self.loop)
        if deadline is not None and deadline < waiting.deadline:
            waiting.deadline = deadline

    async def pump(self) -> None:
        """Take the loop's turns until it is ended; a system task of the trio run."""
        try:
            while not self._is_ending:
                try:
                    self.turn()
                except BaseException as error:  # noqa: BLE001 - raised where the loop is opened
                    self._crash = self._crash or error
                await self.until_something()
        finally:
            self._ended.set()

    async def until_something(self) -> None:
        """Wait, in trio, until the loop has something to do."""
        if seam.has_ready(self.loop) or self._is_ending:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        deadline = seam.next_deadline(self.loop)
        self._waiting = scope = trio.CancelScope()
        if deadline is not None:
            scope.deadline = deadline
        with scope:
            await trio.lowlevel.wait_readable(self._descriptor)
        self._waiting = None

    # -- the end -----------------------------------------------------------------------------------

    def leave(self) -> None:
        """One of those who use it needs it no more."""
        self.users -= 1
        if not self.users:
            self._unused.set()

    async def settle(self) -> None:
        """Wait until nobody uses it, and give what is about to end a few turns."""
        with trio.CancelScope(shield=True):
            await self._unused.wait()
            for _ in range(_TURNS):
                if not asyncio.all_tasks(self.loop):
                    break
                self.turn()
                await trio.lowlevel.cancel_shielded_checkpoint()

    async def close(self) -> None:
        """Cancel and join what is left, and close the loop; raises what a turn raised."""
        with trio.CancelScope(shield=True):
            try:
                await self._end_tasks()
                await self.call(self.loop.shutdown_asyncgens)
                await self.call(self.loop.shutdown_default_executor)
            finally:
                self._is_ending = True
                self._wake()
                await self._ended.wait()
                self.loop.close()
        if self._crash is not None:
            raise self._crash

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        self.turn()
        await self.call(asyncio.wait, tasks, timeout=_SECONDS)
        deaf = [task for task in tasks if not task.done()]
        if deaf:
            raise anyrig.TaskDidNotEnd(
                f"tasks of the asyncio guest did not end within {_SECONDS:g} seconds of being "
                f"cancelled: {', '.join(map(_where, deaf))}"
            )


_GUEST: trio.lowlevel.RunVar[Guest | None] = trio.lowlevel.RunVar("anyrig_compat_guest", None)


def _where(task: asyncio.Task[Any]) -> str:
    """A task by its name and the line that it waits at."""
    stack = task.get_stack()
    if not stack:
        return task.get_name()
    return f"{task.get_name()} ({stack[-1].f_code.co_filename}:{stack[-1].f_lineno})"


def current_guest() -> Guest | None:
    """The guest of the trio run that the code is part of, on either side; None where none is."""
    try:
        return _GUEST.get(None)
    except RuntimeError:
        return None


@asynccontextmanager
async def open_asyncio() -> AsyncGenerator[Guest]:
    """An asyncio loop for a block of trio's code: the `Guest` of this trio run.

    Where the run has one already, that one. At the end of the outermost block, when nobody else
    uses it any more, what is left in the loop is cancelled and joined as ``asyncio.run`` does; in a
    test, tasks that are left are told as leaked. Raises RuntimeError outside of trio, and
    `anyrig.TaskDidNotEnd` where a task goes on though it is cancelled.
    """
    guest = current_guest()
    if guest is not None:
        guest.users += 1
        try:
            yield guest
        finally:
            guest.leave()
        return
    guest = Guest()
    _GUEST.set(guest)
    trio.lowlevel.spawn_system_task(guest.pump, name="<asyncio, as a guest>")
    try:
        with anyrig.watch_loop(guest.loop):
            try:
                yield guest
            finally:
                guest.leave()
                await guest.settle()
    finally:
        _GUEST.set(None)
        await guest.close()


async def on_asyncio(func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
    """What an async function of asyncio's gives, on either backend.

    On trio it runs on the guest of this trio run, for which a loop is opened where there is none
    yet (see `open_asyncio`); on asyncio it is awaited as it is.
    """
    __tracebackhide__ = True
    if sniffio.current_async_library() == "asyncio":
        return await func(*args, **kwargs)
    async with open_asyncio() as guest:
        return await guest.call(func, *args, **kwargs)
