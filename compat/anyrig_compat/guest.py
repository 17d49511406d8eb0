"""An asyncio event loop that is the guest of a trio run, in one thread and on one clock.

Problem: an asyncio-only fixture is to serve a test on trio; two loops can't wait in one thread.
Approach: the loop never waits itself. One turn of it (``stop()``, then ``run_forever()``) runs what
is ready; a trio task, the pump, waits for what the loop would wait for: its selector's own
descriptor, its next timer, by trio's clock, or a call from trio's side. Where trio's side calls,
the first turn is taken at once: what need not wait never passes through the pump.
Limits: the selector needs a descriptor of its own (epoll, kqueue), so not on Windows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, NoReturn, TypeVar

import anyrig
from anyrig.own import asyncio, outcome, selectors, sniffio, trio

from .contexts import SharedContext
from .ending import as_one, end_generators, end_tasks
from .guest_loop import GuestLoop
from .seams import asyncio_loop as seam
from .seams.asyncio_running import running_loop

T = TypeVar("T")

_FIRST_TURNS = 3  # that a call takes itself before it waits for the pump
_TURNS = 10  # of the loop, before a task that is still there is one that was left


class Guest:
    """One asyncio event loop that is the guest of one trio run."""

    def __init__(self, clock: trio.abc.Clock, make_loop: type[GuestLoop] = GuestLoop) -> None:
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
        self._users = 0  # how many need the loop
        self._blocks: list[trio.CancelScope] = []  # of those, the ones that can be cut off
        # what made a turn end: SystemExit or KeyboardInterrupt, which asyncio lets through
        self._crash: BaseException | None = None
        self._watching: AbstractContextManager[None] | None = None
        self.loop = make_loop(selector, clock, self._wake)

    # -- from trio ---------------------------------------------------------------------------------

    async def call(self, func: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """What an async function of asyncio's gives, or its error: it runs as a task of the loop.

        Where trio cancels the caller, the task is cancelled, and waited for: what it still gives or
        raises is not lost. Context variables that it sets are set for the caller. Raises
        RuntimeError where the loop has closed.
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
            if not awaitable.done():
                self._check_open()
            await trio.lowlevel.checkpoint_if_cancelled()
            return await self._join(awaitable)

        async def waited() -> T:
            __tracebackhide__ = True
            return await awaitable

        return await self._run(waited(), None)

    async def _run(self, coroutine: Coroutine[Any, Any, T], name: str | None) -> T:
        __tracebackhide__ = True
        try:
            self._check_open()
            await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            coroutine.close()
            raise
        shared = SharedContext()
        # its first turns are taken here, and the pump need not wake for them
        self._is_turning = True
        try:
            task: asyncio.Task[T] = asyncio.Task(
                coroutine, loop=self.loop, name=name, context=shared.theirs
            )
        finally:
            self._is_turning = False
        for _ in range(_FIRST_TURNS):
            crash = self._turn()
            if isinstance(crash, KeyboardInterrupt) and not task.done():
                # a signal's, which trio raises in whatever of its tasks runs
                self._crash = None
                task.cancel()
                raise crash
            if task.done() or not seam.has_ready(self.loop):
                break
        self._wake()
        try:
            return await self._join(task)
        finally:
            shared.fetch()

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
        crash = self._crash
        if crash is not None and not future.cancelled() and future.exception() is crash:
            self._crash = None  # it is raised here, and nowhere else
        return future.result()

    def _check_open(self) -> None:
        if self.loop.is_closed():
            raise RuntimeError(
                "the asyncio loop of this guest is closed: its block, or the fixtures that "
                "needed it, have ended"
            )

    # -- from asyncio ------------------------------------------------------------------------------

    async def on_trio(self, func: Callable[..., Awaitable[T]], /, *args: Any) -> T:
        """What an async function of trio's gives, or its error: it runs as a task of the trio run.

        To be awaited in asyncio's code. Where the awaiting task is cancelled, the trio task is
        cancelled and waited for; what it still gives is dropped, what it raises is not.
        """
        __tracebackhide__ = True
        done: asyncio.Future[outcome.Outcome[T]] = self.loop.create_future()
        scope = trio.CancelScope()
        shared = SharedContext()

        async def run() -> None:
            # if the scope cuts it off
            result: outcome.Outcome[T] = outcome.Error(asyncio.CancelledError())
            try:
                with scope:
                    result = outcome.Value(await func(*args))
            except BaseException as error:  # noqa: BLE001 - whoever waits raises it
                result = outcome.Error(error)
            if not done.done() and not self.loop.is_closed():
                done.set_result(result)

        trio.lowlevel.spawn_system_task(run, context=shared.theirs)
        was_cancelled = False
        while not done.done():
            try:
                await asyncio.wait([done])
            except asyncio.CancelledError:
                was_cancelled = True
                scope.cancel()
        shared.fetch()
        result = done.result().unwrap()
        if was_cancelled:
            raise asyncio.CancelledError  # a shield kept it from being cut off until here
        return result

    # -- the turns ---------------------------------------------------------------------------------

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

    def _turn(self) -> BaseException | None:
        """Take a turn; what made it end, which is kept until somebody raises it."""
        try:
            self.take_turn()
        except BaseException as error:  # noqa: BLE001 - whoever waits for its task raises it
            self._crash = error if self._crash is None else self._crash
            if self._waiting is not None:
                self._waiting.cancel()
            return error
        return None

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
        told: BaseException | None = None
        try:
            while not self._is_ending:
                self._turn()
                if self._crash is not None and self._crash is not told:
                    told = self._crash
                    await self._hand_over()
                await self.until_something()
        finally:
            self.loop.is_in_use = False
            self._ended.set()

    async def _hand_over(self) -> None:
        """Give those who wait for the task that crashed a few turns; then cut the block off."""
        for _ in range(_TURNS):
            await trio.lowlevel.cancel_shielded_checkpoint()
            self._turn()
        if self._crash is not None and self._blocks:
            self._blocks[0].cancel()

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

    # -- its users, and the end --------------------------------------------------------------------

    def join(self) -> None:
        """One more needs the loop; the first one has it begin."""
        self._users += 1
        if self._watching is None:
            _GUEST.set(self)
            self._watching = anyrig.watch_loop(self.loop)
            self._watching.__enter__()
            self.loop.is_in_use = True
            trio.lowlevel.spawn_system_task(self.pump, name="<asyncio, as a guest>")

    async def leave(self) -> None:
        """One needs it no more; where that is the last one, what is left is ended.

        Raises what was lost, what tasks that were left raise as they are cancelled, and a crash
        that nobody has raised; several as a group.
        """
        __tracebackhide__ = True
        self._users -= 1
        if self._users:
            return
        with trio.CancelScope(shield=True):
            # another one may have joined meanwhile, and even left
            if await self._settle() and current_guest() is self:
                _GUEST.set(None)
                await self._end()

    @contextmanager
    def block(self) -> Iterator[None]:
        """Cut a block off where asyncio's side crashes, and raise that."""
        __tracebackhide__ = True
        scope = trio.CancelScope()
        self._blocks.append(scope)
        try:
            with scope:
                yield
        finally:
            self._blocks.remove(scope)
        crash = self._crash
        if crash is not None and not self._blocks:
            self._crash = None
            raise crash

    async def _settle(self) -> bool:
        """Give what is about to end a few turns; whether still nobody needs the loop."""
        for _ in range(_TURNS):
            if self._users or not asyncio.all_tasks(self.loop):
                break
            self._turn()
            self._wake()
            await trio.lowlevel.cancel_shielded_checkpoint()
        return not self._users

    async def _end(self) -> None:
        __tracebackhide__ = True
        assert self._watching is not None  # somebody has joined
        errors: list[BaseException] = []
        try:
            self._watching.__exit__(None, None, None)
        except Exception as error:  # noqa: BLE001 - raised below, with the others
            errors.append(error)
        try:
            await end_tasks(self, errors)
            await end_generators(self, errors)
            await self.call(self.loop.shutdown_default_executor)
        finally:
            self._is_ending = True
            self._wake()
            await self._ended.wait()
            self.loop.close()
        if self._crash is not None and self._crash not in errors:
            errors.insert(0, self._crash)
        if errors:
            raise as_one(errors)


_GUEST: trio.lowlevel.RunVar[Guest | None] = trio.lowlevel.RunVar("anyrig_compat_guest", None)


def current_guest() -> Guest | None:
    """The guest of the trio run that the code is part of, on either side; None where none is."""
    try:
        return _GUEST.get(None)
    except RuntimeError:
        return None


@asynccontextmanager
async def joined_guest() -> AsyncGenerator[Guest]:
    """The guest of this trio run, for as long as it is entered; blocks need not be nested.

    A crash that nobody has raised is raised by the last one to leave.
    """
    __tracebackhide__ = True
    guest = current_guest() or Guest(trio.lowlevel.current_clock())
    guest.join()
    try:
        yield guest
    finally:
        await guest.leave()


@asynccontextmanager
async def open_asyncio() -> AsyncGenerator[Guest]:
    """An asyncio loop for a block of trio's code: the `Guest` of this trio run.

    Where the run has one already, that one. When the last of those who use it is done, what is left
    in the loop is cancelled and joined as ``asyncio.run`` does, and what that raises is raised; in
    a test, tasks that are left are told as leaked. SystemExit and KeyboardInterrupt of a task that
    nobody waits for cut the block off. Raises RuntimeError outside of trio, and
    `anyrig.TaskDidNotEnd` where something goes on though it is cancelled.
    """
    __tracebackhide__ = True
    if not trio.lowlevel.in_trio_task() or running_loop() is not None:
        raise RuntimeError(
            "open_asyncio() is for code that runs on trio: asyncio's own has a loop, and "
            "on_asyncio() works on both"
        )
    async with joined_guest() as guest:
        with guest.block():
            yield guest


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
